"""Questions about the library and about the last answer, with the small model."""

from collections.abc import Iterator

import pytest

from index.contract import DocumentInfo
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import put_documents
from rag.answerer import Answerer
from rag.events import Answer, Turn
from rag.llm.base import Generator
from rag.named import named, of_kind
from rag.several import questions
from tests.test_intent import documents


@pytest.fixture(scope="module")
def assistant(
    tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, small_generator: Generator
) -> Iterator[Answerer]:
    folder = tmp_path_factory.mktemp("store")
    with LocalStore(folder, embedder.fingerprint, embedder.dimension) as store:
        put_documents(documents(), store, embedder)
        yield Answerer(store, embedder, small_generator)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Combien de documents as-tu ?", ["4 documents"]),
        ("How many documents are in English?", ["1 document in English"]),
        ("Liste les documents.", ["Budget 2024", "Notice de la pompe", "Owl survey"]),
        ("Qui est l'auteur du rapport sur le pont ?", ["Odile Ferrand"]),
        ("Qu'a écrit Odile ?", ["Rapport sur le pont"]),
        ("When was rapport-pont.docx written?", ["November 8, 2023"]),
        ("Quel est le document le plus récent ?", ["Rapport sur le pont", "8 novembre 2023"]),
        ("Quel est le document le plus ancien ?", ["Notice de la pompe", "2 mai 2021"]),
        ("Which is the longest document?", ["Rapport sur le pont", "7 words"]),
        ("Quels documents sont des Word ?", ["2 documents de type Word", "budget-2024.docx"]),
        ("En quelle langue est la notice ?", ["français"]),
    ],
)
def test_the_library_is_answered_for_from_its_records(
    assistant: Answerer, question: str, said: list[str]
) -> None:
    answer = assistant.answer(question)
    assert answer.timings.tokens == 0
    assert not [each for each in said if each not in answer.answer.replace("\xa0", " ")]


def cited(answer: Answer) -> set[str]:
    return {each.document for one in answer.sentences for each in one.citations}


@pytest.mark.parametrize(
    "message", ["Où est-ce écrit ?", "Es-tu sûr ?", "En points.", "Are you sure?"]
)
def test_what_is_asked_of_an_answer_keeps_its_citations(assistant: Answerer, message: str) -> None:
    turn = Turn("Dans quel état est le pont ?", "Le pont est fissuré. Il est fermé.")
    answer = assistant.answer(message, [turn])
    assert not answer.refused
    assert "rapport-pont.docx" in cited(answer)


def test_several_questions_of_a_message_are_answered_one_after_the_other(
    assistant: Answerer,
) -> None:
    answer = assistant.answer("Bonjour ! Combien de documents as-tu ? Qu'a écrit Odile ?")
    assert "4 documents" in answer.answer
    assert "Rapport sur le pont" in answer.answer
    assert not answer.refused
    assert len(answer.answer.split("\n\n")) == 2


@pytest.mark.parametrize(
    ("message", "count"),
    [
        ("Qui dirige ? Depuis quand ?", 2),
        ("Who runs the software project, and when does it end?", 1),
        ("Tu es sûr ? Je croyais que c'était Odile.", 1),
        ("Vraiment ?!", 1),
        ("a? " * 9, 1),
    ],
)
def test_questions_are_cut_behind_their_marks(message: str, count: int) -> None:
    assert len(questions(message)) == count


def test_what_the_library_named_is_what_is_spoken_of(assistant: Answerer) -> None:
    newest = assistant.answer("Quel est le document le plus récent ?")
    earlier = [Turn(newest.question, newest.answer, newest.sentences)]
    said = assistant.answer("Résume-le en une phrase.", earlier)
    assert {each.document for one in said.sentences for each in one.citations} == {
        "rapport-pont.docx"
    }


def info(name: str, title: str, language: str) -> DocumentInfo:
    return DocumentInfo(name, title, language, "", name, 1, 100)


LEASES = [
    info("a.md", "Bail d'habitation, 14 rue des Tanneurs", "fr"),
    info("b.md", "Tenancy agreement, Mill Cottage", "en"),
    info("c.md", "Révision annuelle du loyer", "fr"),
]


@pytest.mark.parametrize(
    ("message", "documents"),
    [
        ("Résume le bail", ("a.md", "b.md")),
        ("the lease of Mill Cottage", ("b.md",)),
        ("le bail de la rue des Tanneurs", ("a.md",)),
        ("quand le loyer est-il révisé ?", ("c.md",)),
    ],
)
def test_a_kind_of_document_is_known_in_both_languages(
    message: str, documents: tuple[str, ...]
) -> None:
    assert named(message, LEASES) == documents
    assert of_kind("baux", LEASES) == ["a.md", "b.md"]
