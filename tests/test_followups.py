"""Questions that depend on earlier ones."""

import pytest

from rag.events import Turn
from rag.followups import context, depends, read_with, readings, with_other_name, with_year
from rag.llm.base import Generator
from rag.many.comparing import asks_which, compared_by
from rag.named import how_many
from rag.prompts import awaiting, rewriting

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


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_a_follow_up_is_read_with_is_known_before_it_comes(language: str) -> None:
    turns = read_with([Turn("Qui dirige ?", "Paul Tissandier."), Turn(POOL, "Elle ouvre à 9 h.")])
    *same, before = awaiting(turns, language)
    *known, whole = rewriting("Et le mercredi ?", turns, language)
    assert same == known
    assert whole.content.startswith(before.content)
    assert whole.content.removeprefix(before.content).startswith("Et le mercredi ?")


@pytest.mark.parametrize(
    ("message", "language", "found"),
    [
        ("Compare les deux rapports : budget", "fr", (2, "rapports")),
        ("Compare ces trois baux", "fr", (3, "baux")),
        ("Do both leases allow pets?", "en", (2, "leases")),
        ("What do the four offers cost?", "en", (4, "offers")),
        ("Combien coûtent deux rapports ?", "fr", (0, "")),
    ],
)
def test_known_things_are_counted(message: str, language: str, found: tuple[int, str]) -> None:
    assert how_many(message, language) == found


@pytest.mark.parametrize(
    ("message", "language", "aspect"),
    [
        ("Laquelle est la moins chère ?", "fr", "prix"),
        ("Which one is heavier?", "en", "weight"),
        ("Lequel accepte les animaux ?", "fr", ""),
        ("Quel est le prix de la moins chère ?", "fr", ""),
        ("And what is the capital of France?", "en", ""),
        ("En quelle année a-t-il été élu, et par laquelle ?", "fr", ""),
    ],
)
def test_a_choice_between_known_things_is_by_an_aspect(
    message: str, language: str, aspect: str
) -> None:
    assert compared_by(message, language) == aspect
    assert asks_which(message, language) == (message[0] in "LW")


def test_that_year_is_the_one_spoken_of_last() -> None:
    earlier = [Turn("Combien de visiteurs en 2022 ?", "12"), Turn("Et au Phare ?", "25 en 2023.")]
    said = with_year("Combien de groupes cette année-là ?", earlier)
    assert said == "Combien de groupes en 2023 ?"
    assert with_year("How many that year?", earlier[:1]) == "How many in 2022?"
    unclear = [Turn("De 2021 à 2022 ?", "")]
    assert with_year("Combien la même année ?", unclear) == "Combien la même année ?"
