"""Answers about the last answer that need no model: more of it, as points, where it stands."""

import threading
from collections.abc import Iterator

import pytest

from index.documents import make
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import put_documents
from rag.draft import Draft
from rag.events import Answer, Finished, Turn
from rag.intent import Intent, Request
from rag.replies import REPLIES
from rag.writer import Writer

LETTER = """# Lettre d'automne du club de voile

Chers amis, voici les nouvelles.

Le ponton nord sera refait en novembre par l'entreprise Le Bihan, pour 18 400 euros.

La régate des Sablons aura lieu le dimanche 5 octobre, avec trente-deux bateaux inscrits.

Odile Keravec, notre trésorière, quitte le bureau ; Hervé Salaün prend sa suite en janvier.

La cotisation passe de 85 à 92 euros, et reste gratuite pour les moins de douze ans.

Le repas de fin de saison se tiendra le samedi 18 octobre au restaurant du port.

À bientôt !"""
POOL = "# La piscine\n\nLa piscine de Vaubrun ouvre à neuf heures, sauf le lundi."


@pytest.fixture(scope="module")
def writer(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writer]:
    folder = tmp_path_factory.mktemp("store")
    with LocalStore(folder, embedder.fingerprint, embedder.dimension) as store:
        texts = {"lettre.md": LETTER, "piscine.md": POOL}
        put_documents(
            [make(name, text.split("\n")[0].strip("# "), text) for name, text in texts.items()],
            store,
            embedder,
        )
        yield Writer(store, embedder, None)  # type: ignore[arg-type]


def answered(writer: Writer, intent: Intent, asked: str, *history: Turn, **more: object) -> Answer:
    draft = Draft(asked, "fr", threading.Event(), writer.verifier.sources([]), asked)
    request = Request(intent, asked, history=history, **more)  # type: ignore[arg-type]
    *_, last = REPLIES[intent](writer, draft, request)
    assert isinstance(last, Finished)
    return last.answer


@pytest.fixture(scope="module")
def summed_up(writer: Writer) -> Turn:
    asked = "Résume la lettre en deux phrases"
    answer = answered(writer, Intent.SUMMARY, asked, number=2, documents=("lettre.md",))
    assert len(answer.sentences) == 2
    return Turn(asked, answer.answer, answer.sentences)


def places(answer: Answer) -> set[int]:
    return {each.start for said in answer.sentences for each in said.citations}


@pytest.mark.parametrize("asked", ["Autre chose ?", "Quoi d'autre dans cette lettre ?"])
def test_more_of_what_was_summed_up_is_what_says_most_of_the_rest(
    writer: Writer, summed_up: Turn, asked: str
) -> None:
    more = answered(writer, Intent.MORE, asked, summed_up)
    said = {each.start for one in summed_up.sentences for each in one.citations}
    assert len(more.sentences) == 3 and not places(more) & said
    assert {each.document for one in more.sentences for each in one.citations} == {"lettre.md"}
    assert "Chers amis" not in more.answer and "bientôt" not in more.answer


def test_the_last_answer_becomes_points_that_keep_their_sources(
    writer: Writer, summed_up: Turn
) -> None:
    points = answered(writer, Intent.POINTS, "en points", summed_up)
    assert [line[:2] for line in points.answer.split("\n")] == ["- ", "- "]
    assert places(points) == {each.start for one in summed_up.sentences for each in one.citations}


def test_where_it_says_that_is_the_document_and_the_sentence(
    writer: Writer, summed_up: Turn
) -> None:
    where = answered(writer, Intent.WHERE, "où est-ce dit ?", summed_up)
    assert "Lettre d'automne du club de voile" in where.answer
    assert places(where) == {each.start for one in summed_up.sentences for each in one.citations}
