"""Index terms: the same for a question and the passage that answers it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.words import terms


@pytest.mark.parametrize(
    ("left", "right", "language"),
    [
        ("l'école", "École", "fr"),
        ("qu’aujourd’hui", "aujourd'hui", "fr"),
        ("d'aujourd'hui", "aujourd'hui", "fr"),
        ("investissements", "investissement", "fr"),
        ("les prud'hommes", "prudhommes", "fr"),
        ("jusqu'en 2023", "2023", "fr"),
        ("15 000 euros", "15\u202f000 euros", "fr"),
        ("15.000 euros", "15000 euros", "fr"),
        ("15,000 euros", "15000 euros", "en"),
        ("1,234,567", "1 234 567", "en"),
        ("ﬁnance", "finance", "fr"),
        ("Microsoft's", "Microsoft", "en"),
        ("we'll invest", "invest", "en"),
        ("don't invest", "invest", "en"),
        ("Franche-Comté", "franche comte", "fr"),
        ("STRASSE", "straße", "en"),
    ],
)
def test_forms_of_one_word_are_one_term(left: str, right: str, language: str) -> None:
    assert terms(left, language) == terms(right, language) != []


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("aujourd'hui", "fr", ["aujourd"]),
        ("O'Neill", "en", ["oneil"]),
        ("13,5 %", "fr", ["13.5"]),
        ("en 2023 150 personnes", "fr", ["2023", "150", "person"]),
        ("10 200", "fr", ["10200"]),
        ("3,14159", "fr", ["3.14159"]),
        ("GPT-4", "fr", ["gpt", "4"]),
        ("le la les", "fr", []),
        ("", "fr", []),
    ],
)
def test_terms_are(text: str, language: str, expected: list[str]) -> None:
    found = terms(text, language)
    assert len(found) == len(expected)
    assert all(term.startswith(start) for term, start in zip(found, expected, strict=True))


def test_a_number_is_the_same_in_both_languages() -> None:
    assert terms("15 000", "fr") == terms("15,000", "en")


def test_another_language_is_stemmed_as_french() -> None:
    assert terms("investissements", "de") == terms("investissements", "fr")


@given(text=st.text(max_size=200), language=st.sampled_from(["fr", "en"]))
def test_any_text_has_terms_without_blanks(text: str, language: str) -> None:
    assert all(
        term and not any(character.isspace() for character in term)
        for term in terms(text, language)
    )
