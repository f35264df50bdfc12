"""What is said that isn't a question about the documents, and questions that lean on earlier ones."""

import pytest

from rag.followups import leans, remark, standalone
from rag.llm.base import Generator


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Bonjour !", "hello"),
        ("hello", "hello"),
        ("Merci beaucoup", "thanks"),
        ("Thanks a lot!", "thanks"),
        ("Que sais-tu faire ?", "abilities"),
        ("What can you do?", "abilities"),
        ("Quels documents as-tu ?", "documents"),
        ("What documents do you have?", "documents"),
        ("Peux-tu résumer l'article ?", "summary"),
        ("What is this document about?", "summary"),
        ("Résume la position de Kai Zenner", None),
        ("Merci de dire qui dirige Microsoft.", None),
        ("Bonjour, qui dirige Microsoft ?", None),
    ],
)
def test_a_remark_is_only_the_whole_message(text: str, kind: str | None) -> None:
    assert remark(text) == kind


def test_a_question_leans_on_the_earlier_ones_by_its_words() -> None:
    assert leans("Et dans OpenAI ?", "fr")
    assert leans("Why did he say so?", "en")
    assert not leans("Qui dirige Microsoft ?", "fr")
    assert not leans("Who leads Microsoft?", "en")


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


def test_a_question_that_names_its_subject_does_not_lean() -> None:
    assert not leans("Le gouvernement français était-il au courant ?", "fr")
    assert not leans("Qui a investi en France en 2023 ?", "fr")
    assert leans("Qu'en pense Marina Ferrari ?", "fr")
    assert leans("Était-elle au courant ?", "fr")
    assert leans("Combien d'argent a-t-il levé ?", "fr")
