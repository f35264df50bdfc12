"""Questions that depend on earlier ones."""

import pytest

from rag.events import Turn
from rag.followups import context, depends, readings, with_other_name
from rag.llm.base import Generator

POOL = "À quelle heure ouvre la piscine de Vaubrun ?"


INVESTED = "Combien Microsoft a-t-il investi dans Mistral AI ?"


def test_a_question_depends_on_the_earlier_ones_by_its_words() -> None:
    assert depends("Et dans OpenAI ?", "fr")
    assert depends("Why did he say so?", "en")
    assert depends("Pourquoi ?", "fr")
    assert not depends("Qui dirige Microsoft ?", "fr")
    assert not depends("Le gouvernement français était-il au courant ?", "fr")
    assert not depends("Who leads Microsoft?", "en")


@pytest.mark.parametrize(
    ("fragment", "before", "language", "asked"),
    [
        ("Et à Lormeuil ?", POOL, "fr", "À quelle heure ouvre la piscine de Lormeuil ?"),
        ("Lormeuil ?", POOL, "fr", "À quelle heure ouvre la piscine de Lormeuil ?"),
        (
            "Non, je parlais de celle de Lormeuil.", POOL, "fr",
            "À quelle heure ouvre la piscine de Lormeuil ?",
        ),
        ("Et l'Allemagne ?", "Que veut la France ?", "fr", "Que veut l'Allemagne ?"),
        ("And in 2021?", "Who led Acme in 2019?", "en", "Who led Acme in 2021?"),
        ("Et dans OpenAI ?", INVESTED, "fr", "Combien Microsoft a-t-il investi dans OpenAI ?"),
        ("Et OpenAI ?", INVESTED, "fr", None),
        ("And in 2021?", "What did it cost in 2019?", "en", "What did it cost in 2021?"),
        ("le mercredi ?", POOL, "fr", None),
        ("Qui a construit Lormeuil ?", POOL, "fr", None),
        ("Et Paul ?", "Que pense Odile de Brest ?", "fr", None),
    ],
)  # fmt: skip
def test_the_one_name_of_a_fragment_takes_the_place_of_the_one_before(
    fragment: str, before: str, language: str, asked: str | None
) -> None:
    assert with_other_name(fragment, before, language) == asked


def test_the_question_before_is_completed_along_the_conversation() -> None:
    turns = [Turn(POOL), Turn("Et à Lormeuil ?"), Turn("Et le mercredi ?")]
    asked = "À quelle heure ouvre la piscine de Lormeuil, Et le mercredi ?"
    assert context(turns, "fr") == asked


def test_a_pronoun_is_understood_from_the_answer_before(generator: Generator) -> None:
    turn = Turn("Qui dirige la piscine de Vaubrun ?", "Paul Tissandier la dirige.")
    found = readings("Quel âge a-t-il ?", [turn], "fr", generator)
    assert any("Tissandier" in each for each in found)


def test_a_first_question_is_left_as_it_is(generator: Generator) -> None:
    assert readings("Et à Lormeuil ?", [], "fr", generator) == ["Et à Lormeuil ?"]
