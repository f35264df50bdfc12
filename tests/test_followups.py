"""Questions that depend on earlier ones."""

import pytest

from rag.followups import depends, standalone
from rag.llm.base import Generator


def test_a_question_depends_on_the_earlier_ones_by_its_words() -> None:
    assert depends("Et dans OpenAI ?", "fr")
    assert depends("Why did he say so?", "en")
    assert not depends("Qui dirige Microsoft ?", "fr")
    assert not depends("Who leads Microsoft?", "en")


def test_a_question_that_stands_alone_is_left_as_it_is(generator: Generator) -> None:
    question = "Qui dirige Microsoft ?"
    assert (
        standalone(
            question, ["Combien Microsoft a-t-il investi dans Mistral AI ?"], "fr", generator
        )
        == question
    )


def test_an_ellipsis_is_completed_from_the_question_before(generator: Generator) -> None:
    asked = standalone(
        "Et dans OpenAI ?", ["Combien Microsoft a-t-il investi dans Mistral AI ?"], "fr", generator
    )
    assert "OpenAI" in asked
    assert "investi" in asked


@pytest.mark.parametrize(
    ("question", "before", "language", "asked"),
    [
        (
            "Que reproche-t-il à Mistral ?",
            "Qui est Kai Zenner ?",
            "fr",
            "Que reproche Kai Zenner à Mistral ?",
        ),
        ("Qu'a-t-elle dit ?", "Qui est Marina Ferrari ?", "fr", "Qu'a Marina Ferrari dit ?"),
        (
            "For which company does he lobby?",
            "Who is Cédric O?",
            "en",
            "For which company does Cédric O lobby?",
        ),
        (
            "What did he say?",
            "What is Thierry Breton's view of Mistral?",
            "en",
            "What did Thierry Breton say?",
        ),
        ("Did she know?", "Who is Marina Ferrari?", "en", "Did Marina Ferrari know?"),
    ],
)
def test_a_pronoun_gives_place_to_the_one_name_before(
    generator: Generator, question: str, before: str, language: str, asked: str
) -> None:
    assert standalone(question, [before], language, generator) == asked


def test_a_question_that_names_its_subject_does_not_depend() -> None:
    assert not depends("Le gouvernement français était-il au courant ?", "fr")
    assert not depends("Qui a investi en France en 2023 ?", "fr")
    assert depends("Qu'en pense Marina Ferrari ?", "fr")
    assert depends("Était-elle au courant ?", "fr")
    assert depends("Combien d'argent a-t-il levé ?", "fr")
