"""Short questions full of names, and answers that must be in one language."""

import pytest

from index.text.language import detect, is_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Et dans OpenAI ?", "fr"),
        ("And OpenAI?", "en"),
        ("Who is Kai Zenner?", "en"),
        ("Kai Zenner ?", "fr"),
        ("Why?", "en"),
        ("Pourquoi ?", "fr"),
        ("Résume l'article", "fr"),
        ("Qui est « The Verge » ?", "fr"),
        ('What does "fer de lance" mean?', "en"),
        ("montant investissement Microsoft", "fr"),
        ("Microsoft investment amount", "en"),
    ],
)
def test_detects_short_questions_with_names(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize("default", ["fr", "en"])
def test_what_tells_nothing_takes_the_language_of_the_conversation(default: str) -> None:
    assert detect("", default=default) == default
    assert detect("2024 ?!", default=default) == default


def test_an_answer_of_names_and_figures_is_in_either_language() -> None:
    assert is_language("Mistral Large", "fr")
    assert is_language("Mistral Large", "en")
    assert is_language("49 %", "en")


def test_an_answer_in_the_other_language_is_told() -> None:
    assert not is_language("Microsoft a investi 15 millions d'euros dans Mistral.", "en")
    assert not is_language("Microsoft invested 15 million euros in Mistral.", "fr")


def test_a_quotation_does_not_change_the_language_of_an_answer() -> None:
    assert is_language("The company called itself the “fer de lance des modèles ouverts”.", "en")
