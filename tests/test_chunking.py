"""Texts to sentences and passages: spans exact, nothing lost, no sentence cut."""

import hashlib
import random
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from index.chunking import split
from index.text.sentences import split_sentences

ROOT = Path(__file__).parents[1]
_PIECES = st.sampled_from(
    ["Il part. ", "M. Dupont ", "art. 5 ", "« Bonjour. » ", "« Oui ", "», dit-il. ", "J.-C. ", "etc. ", "\n", "\n\n", "# Titre\n",
     "- un point\n", "1. premier\n", "🐓", "é", "e\u0301", "\u00a0", "\u2028", "\t", "  ", "?!", "…", "(voir p. 4.) ", "mot " * 30,
     "x" * 50, "Trois virgule 3.14. ", "http://a.b/c?d=e. ", "\r\n", "The U.S. Army came. ", "\r\n\r\n", "\n\u3000\n", "\x00",
     "今日は晴れ。明日は雨です！", "مرحبا بك. كيف حالك؟ ", "यह एक वाक्य है। ", "Это предложение. ", "👩‍👩‍👧 ", "🇫🇷", "\ufeff", "ﬁn ", "½",
     "e\u0301\u0323te\u0301. ", "\u1112\u1161\u11ab\u1100\u1173\u11af. ", "\u200f", "\x0c", "\x85", "word " * 900]
)  # fmt: skip
_TEXTS = st.one_of(st.text(max_size=400), st.lists(_PIECES, max_size=60).map("".join))


def sentences(text: str, language: str = "fr") -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, language)]


def blanks_gone(text: str) -> str:
    return "".join(text.split())


@given(text=_TEXTS, language=st.sampled_from(["fr", "en"]))
def test_every_character_but_blanks_is_in_one_sentence(text: str, language: str) -> None:
    spans = split_sentences(text, language)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert "".join(blanks_gone(text[start:end]) for start, end in spans) == blanks_gone(text)
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)


@given(text=_TEXTS, language=st.sampled_from(["fr", "en"]), target=st.integers(4, 60))
def test_passages_cover_the_text_with_whole_sentences(
    text: str, language: str, target: int
) -> None:
    most = 3 * target
    passages = split(text, language, count=words, target=target, most=most)
    assert "".join(
        blanks_gone(text[passage.start : passage.end]) for passage in passages
    ) == blanks_gone(text)
    for passage in passages:
        assert (passage.start, passage.end) == (passage.sentences[0][0], passage.sentences[-1][1])
    inside = [span for passage in passages for span in passage.sentences]
    assert inside == sorted(inside)
    # A sentence is in one passage, whole, unless no passage could hold it.
    for start, end in split_sentences(text, language):
        if words([text[start:end]])[0] <= most:
            assert (start, end) in inside
    for passage in passages:
        assert sum(words([text[start:end]])[0] for start, end in passage.sentences) <= most


def words(texts: Sequence[str]) -> list[int]:
    return [len(text) // 4 + 1 for text in texts]


@pytest.mark.parametrize(
    "sentence",
    [
        "M. Dupont et Mme. Durand sont venus.",
        "Selon l'art. 5 du code, c'est permis.",
        "Jules César meurt en 44 av. J.-C. à Rome.",
        "J.-P. Martin et A. B. Durand ont écrit ce livre.",
        "Il a dit : « Je pars. Je ne reviendrai pas. » à sa femme.",
        "« Bonjour. », dit-il en entrant.",
        "Le Dr. House et le Pr. Moriarty se connaissent.",
        "Voir p. 12 et fig. 3 pour le détail.",
        "Cela vaut 3.14 environ, soit 1.000 euros.",
        "Le n° 5 de la rue, bd. Voltaire, est vendu.",
        "Le site www.exemple.fr est en ligne.",
        "Mr. Smith met Dr. Jones at 5 p.m. yesterday.",
        "Les fruits (pommes, poires, etc.) sont mûrs.",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(sentence: str) -> None:
    assert sentences(f"{sentence} Puis il est parti.") == [sentence, "Puis il est parti."]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Rome fut fondée en 753 av. J.-C.", "Elle grandit vite."),
        ("Il dit : « Je pars. »", "Puis il sortit."),
        ("Il a crié “Stop !”", "Puis il sortit."),
        ('He said "I go."', "Then he left."),
        ("(Voir la page 4.)", "La suite est ici."),
        ("Des pommes, des poires, etc.", "Il les vend."),
        ("Vraiment ?!", "Oui."),
        ("Il hésite…", "Puis il part."),
        ("Il fait 3 °C.", "Elle a froid."),
        ("C'est fini !", "« Déjà ? » demanda-t-elle."),
        ("Il est né en 1999.", "Il vit à Lyon."),
    ],
)
def test_two_sentences_are_two(first: str, second: str) -> None:
    assert sentences(f"{first} {second}") == [first, second]


def test_headings_and_list_items_are_sentences_of_their_own() -> None:
    text = "# Titre\nTexte un. Texte deux.\n## Sous-titre\n- premier\n- second\n1. un\n2. deux"
    assert sentences(text) == [
        "# Titre", "Texte un.", "Texte deux.", "## Sous-titre", "- premier", "- second", "1. un", "2. deux",
    ]  # fmt: skip


def test_a_sentence_may_go_over_lines() -> None:
    assert sentences("Une phrase\r\nqui continue. Une autre.") == [
        "Une phrase\r\nqui continue.",
        "Une autre.",
    ]


@given(text=st.lists(_PIECES, max_size=40).map("".join))
@example(text="é# Titre\n" + "word " * 900)
@example(text="# Titre\n" + "x\n" * 3000)
def test_line_ends_of_two_characters_cut_where_those_of_one_do(text: str) -> None:
    plain = text.replace("\r\n", "\n").replace("\r", "")
    windows = plain.replace("\n", "\r\n")
    assert [sentence.replace("\r\n", "\n") for sentence in sentences(windows)] == sentences(plain)


@pytest.mark.parametrize(
    "text",
    [
        "今日は晴れ。|明日は雨です。",
        "مرحبا بك. |كيف حالك؟",
        "यह एक वाक्य है। |यह दूसरा है।",
        "Это раз. |Это два.",
    ],
)
def test_sentences_of_other_scripts_are_sentences(text: str) -> None:
    assert sentences(text.replace("|", "")) == [part.strip() for part in text.split("|")]


def test_spans_are_code_points_behind_emoji_and_accents() -> None:
    assert sentences("Été 🐓🐓 à la plage. 👩‍👩‍👧 E\u0301té. Fin.") == [
        "Été 🐓🐓 à la plage.",
        "👩‍👩‍👧 E\u0301té.",
        "Fin.",
    ]


def test_a_paragraph_beyond_what_is_split_at_once_has_no_sentence_cut() -> None:
    sentence = "Cette phrase de longueur moyenne se répète bien des fois dans le paragraphe."
    assert set(sentences(" ".join([sentence] * 500))) == {sentence}


@pytest.mark.parametrize(
    "line",
    ["x" * 1_000_000, "mot " * 250_000, "🐓" * 1_000_000, "Il est là. " * 90_000, "a\n" * 500_000],
)
def test_a_million_characters_are_split_in_seconds(line: str) -> None:
    began = time.monotonic()
    passages = split(line, "fr")
    assert time.monotonic() - began < 20
    assert sum(len(blanks_gone(line[passage.start : passage.end])) for passage in passages) == len(
        blanks_gone(line)
    )


def test_nothing_has_no_passage() -> None:
    assert split("", "fr") == split(" \n\t\u00a0", "fr") == []


def test_passages_are_near_the_wanted_size() -> None:
    text = "\n\n".join(["Une phrase de huit mots est ici. " * 6] * 40)
    sizes = [
        words([text[p.start : p.end]])[0]
        for p in split(text, "fr", count=words, target=180, most=440)
    ]
    assert all(90 <= size <= 260 for size in sizes[:-1])


def test_a_heading_begins_a_passage() -> None:
    text = "Texte avant. " * 30 + "\n\n# Titre\n\nTexte après."
    assert text[split(text, "fr")[-1].start :].startswith("# Titre")


# SHA-256 of the borders that version 0.1 cut: stored vectors and citations rest on them.
_BORDERS = {
    "article": "dbcb800d9add66ce5841df80867587f4b09799fe13ed9d5ace7b9fe346f0b7be",
    "mixture": "57921d31e61489f1b1bb62d496cfe4f5e1d20dee4e1541895b3acb41d28292ad",
}


def mixture() -> str:
    """A long text of all that is hard to cut, the same each time."""
    chance = random.Random(7)
    hard = [
        "Il part. ", "M. Dupont ", "art. 5 ", "« Bonjour. » ", "« Oui ", "», dit-il. ", "av. J.-C. ", "etc. ", "\n", "\n\n",
        "# Titre\n", "- un point\n", "1. premier\n", "🐓", "e\u0301", "\u00a0", "…", "(voir p. 4.) ", "mot " * 30, "x" * 50,
        "Trois virgule 3.14. ", "The U.S. Army came. ", "\r\n", "今日は晴れ。", "J.-P. Martin ", "A. B. Durand ", "i.e. ", "“ Yes. ”",
        "c.-à-d. ", "al. Elle ", "l’art. 3 ", "word " * 900, "No. 5 ", "12. ", "Un texte assez long pour être une phrase. ",
    ]  # fmt: skip
    return "".join(chance.choices(hard, k=4000))


@pytest.mark.parametrize("name", _BORDERS)
def test_the_borders_are_those_that_stored_indexes_have(name: str) -> None:
    text = (ROOT / "seeds" / "mistral-microsoft.md").read_text(encoding="utf-8")
    text = text if name == "article" else mixture()
    borders = [
        (language, target, passage.start, passage.end, passage.sentences)
        for language in ("fr", "en")
        for target in (20, 180)
        for passage in split(text, language, target=target)
    ]
    assert hashlib.sha256(repr(borders).encode()).hexdigest() == _BORDERS[name]
