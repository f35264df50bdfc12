"""Who wrote a text and of when it is, as its first lines say."""

import pytest

from index.byline import byline, is_byline
from index.documents import make

HEAD = "Rapport d'activité\n"


@pytest.mark.parametrize(
    ("lines", "author", "date"),
    [
        ("Auteur : Odile Ferrand\nDate : 18 mars 2023", "Odile Ferrand", "2023-03-18"),
        ("**Auteur :** Solenn Madec, secrétaire", "Solenn Madec", ""),
        ("By Harriet Colmore, chair, Tavistead Workshop\n2 May 2024", "Harriet Colmore", "2024-05-02"),
        ("Rédigé par Paul Tissandier, le 3 janvier 2024", "Paul Tissandier", "2024-01-03"),
        ("Written by: Ada Martin — Published 12 March 2024", "Ada Martin", "2024-03-12"),
        ("Auteur : Service technique | Mis à jour le 1er octobre 2022", "Service technique", "2022-10-01"),
        ("Kerbrun, le 18 mars 2023", "", "2023-03-18"),
        ("Fait à Lyon, le 12 mars 2021", "", "2021-03-12"),
        ("Authors: Ann Lee, Bob Ray and Cat Fox", "Ann Lee, Bob Ray and Cat Fox", ""),
        ("Author: Ann Lee <ann@x.org>", "Ann Lee", ""),
        ("Date: 2024-03-05", "", "2024-03-05"),
        ("Publié en mars 2024", "", "2024-03"),
    ],
)  # fmt: skip
def test_the_first_lines_say_who_wrote_and_when(lines: str, author: str, date: str) -> None:
    assert byline("", f"{HEAD}{lines}\n\nLe texte.") == (author, date)


@pytest.mark.parametrize(
    "text",
    [
        "By the end of the year the workshop had 76 members.",
        "Par ailleurs, la mairie finance le projet.",
        "Par Décision Du Conseil, la taxe est fixée",
        "By The River",
        "By Hand",
        "Author: Unknown",
        "Né le 12 mars 1950",
        "Valid until 12 March 2031",
        "Version 3.12.11",
        "titre: Nana; auteur: Zola; date: 1880\ntitre: Vathek; auteur: Beckford; date: 1786",
        "La réunion du 14 juin 2023 à Kerbrun a décidé des travaux de la toiture.",
        "Le texte.\n\n" * 20 + "Auteur : Odile Ferrand\nDate : 18 mars 2023",
    ],
)
def test_what_the_text_is_about_is_no_byline(text: str) -> None:
    assert byline("", text) == ("", "")


def test_a_minutes_title_gives_their_day() -> None:
    title = "Compte rendu du conseil municipal, séance du 18 novembre 2024"
    assert byline(title, f"# {title}\n\nLe texte.") == ("", "2024-11-18")


def test_what_the_file_says_itself_counts_first() -> None:
    text = f"{HEAD}Auteur : Odile Ferrand\nDate : 18 mars 2023\n\nLe texte."
    known = make("a.md", "", text, titled=True, author="Paul Tissandier", date="2024-01-03")
    assert (known.author, known.date) == ("Paul Tissandier", "2024-01-03")
    known = make("a.md", "", text, titled=True, author="Paul Tissandier")
    assert (known.author, known.date) == ("Paul Tissandier", "2023-03-18")


def test_a_table_is_called_after_its_file() -> None:
    assert (
        make("prets.csv", "", "outil; emprunteur; date\noutil: scie", titled=True).title == "prets"
    )


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("claim_id; type; status; handler\nclaim_id: C-1; type: dental scaling; status: refused", "en"),
        ("numero; outil; etat\nnumero: 1; outil: Scie sauteuse; etat: lame cassée", "fr"),
    ],
)  # fmt: skip
def test_a_table_without_common_words_has_a_language_too(text: str, language: str) -> None:
    assert make("a.csv", "", text).language == language


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("Association Les Établis\nAuteur : Solenn Madec, secrétaire\nDate : 18 mars 2023", True),
        ("By Harriet Colmore, chair, Tavistead Workshop\n2 May 2024", True),
        ("12 March 2021: museum opened", False),
        ("Élu en mars 2014.", False),
        ("Date: 2021-03-12; Event: Opening of the museum", False),
        ("Signed on 3 May 2020 by both parties, the treaty ended the war.", False),
    ],
)
def test_an_event_is_no_byline(text: str, alone: bool) -> None:
    assert is_byline(text) == alone
