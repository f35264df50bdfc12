"""Short questions full of names, and answers that must be in one language."""

import pytest

from index.text.language import detect, is_language, mixes


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


@pytest.mark.parametrize(
    ("answer", "source", "language", "mixed"),
    [
        (
            "A chiffon humide trempé dans la cendre should be used to clean the vitre.",
            "Nettoyez la vitre à froid, avec un chiffon humide trempé dans la cendre.",
            "en",
            True,
        ),
        (
            "A damp cloth soaked in ash should be used to clean the glass.",
            "Nettoyez la vitre à froid, avec un chiffon humide trempé dans la cendre.",
            "en",
            False,
        ),
        (
            "The Caisse des Dépôts gave its accord in the village of Aubrac.",
            "La Caisse des Dépôts a donné son accord dans le village d'Aubrac.",
            "en",
            False,
        ),
        (
            "A verre de cidre is offered by Bernard.",
            "Bernard offre un verre de cidre aux choristes.",
            "en",
            True,
        ),
        (
            "Il faut un damp cloth soaked in ash pour la vitre.",
            "Clean the glass cold with a damp cloth soaked in ash.",
            "fr",
            True,
        ),
    ],
)
def test_words_taken_over_from_a_source_in_the_other_language(
    answer: str, source: str, language: str, mixed: bool
) -> None:
    assert mixes(answer, source, language) is mixed
