"""What is said that isn't a question about the documents, and questions that lean on earlier ones."""

import pytest

from rag.conversation import leans, remark, standalone
from rag.generator import Generator


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
    assert standalone(question, ["Combien Microsoft a-t-il investi dans Mistral AI ?"], "fr", generator) == question


def test_an_ellipsis_is_completed_from_the_question_before(generator: Generator) -> None:
    asked = standalone("Et dans OpenAI ?", ["Combien Microsoft a-t-il investi dans Mistral AI ?"], "fr", generator)
    assert "OpenAI" in asked
    assert "investi" in asked
