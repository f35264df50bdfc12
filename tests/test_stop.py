"""After Stop: nothing more is generated, and what nobody checked is shown as unchecked."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from index.documents import make
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import put_documents
from rag import prompts
from rag.answerer import Answerer
from rag.events import Answer, Finished, Turn
from rag.llm.base import Generator
from rag.verifier import SUPPORTED

PORT = (
    "Le port de Kervalec date de 1911 et reçoit trois cents bateaux de pêche. Ses quais furent détruits pendant la guerre. "
    "La criée ouvre chaque matin à cinq heures, sauf le dimanche. La rénovation du vieux port coûtera 4,2 millions d'euros et "
    "durera dix-huit mois. Claire Daniel, cheffe de l'opposition, juge la dépense déraisonnable."
)
FRENCH = "Combien coûtera la rénovation du vieux port et combien de temps durera-t-elle ?"
ENGLISH = "How much will the renovation of the old port cost?"
CHECKED = "The renovation of the harbour will cost 4.2 million euros."  # in words of its own


class StopsWhile:
    """The small model, which sees Stop pressed while it does one kind of work, and notes what it is
    asked to do."""

    def __init__(self, generator: Generator, work: str, *, after: int = 0, says: str = "") -> None:
        self.stop = threading.Event()
        self.asked: list[str] = []
        self._generator, self._work, self._after, self._says = generator, work, after, says

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)

    def choose(self, messages: Any, options: Any, **rest: Any) -> tuple[float, ...]:
        work = "check" if messages[0] == prompts.check()[0] else "read"
        self.asked.append(work)
        if work == self._work:
            self.stop.set()
        return self._generator.choose(messages, options, **rest)

    def stream(self, messages: Any, **rest: Any) -> Iterator[str]:
        firsts = {
            prompts.instruction()[0]: "write",
            **{prompts.rewrite(each)[0]: "rewrite" for each in ("fr", "en")},
        }
        work = firsts.get(messages[0], "translate")
        self.asked.append(work)
        if work == self._work and not self._after:
            self.stop.set()
        written = self._generator.stream(messages, **rest)
        for number, piece in enumerate(
            iter([self._says]) if self._says and work == "write" else written, 1
        ):
            yield piece
            if work == self._work and number == self._after:
                self.stop.set()


@pytest.fixture(scope="module")
def store(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    folder = tmp_path_factory.mktemp("stop")
    with LocalStore(folder, embedder.fingerprint, embedder.dimension) as opened:
        put_documents([make("port", "Le port", PORT)], opened, embedder)
        yield opened


def answer_of(answerer: Answerer, question: str, stop: threading.Event, **rest: Any) -> Answer:
    *_, last = answerer.ask(question, stop=stop, **rest)
    assert isinstance(last, Finished)
    return last.answer


def test_a_half_sentence_is_left_unchecked(
    store: LocalStore, embedder: Embedder, small_generator: Generator
) -> None:
    whole = answer_of(Answerer(store, embedder, small_generator), FRENCH, threading.Event())
    assert whole.sentences[0].citations
    complete = {(each.text, each.start) for each in whole.sentences}
    for after in (1, 4, 8, 12):
        model = StopsWhile(small_generator, "write", after=after)
        answer = answer_of(Answerer(store, embedder, model), FRENCH, model.stop)
        assert answer.answer
        assert not answer.refused
        assert answer.sentences
        for sentence in answer.sentences:
            assert answer.answer[sentence.start : sentence.end] == sentence.text
            if (sentence.text, sentence.start) not in complete:
                assert (sentence.support, sentence.citations) == (0.0, ())


def test_a_check_that_stop_interrupts_counts_for_nothing(
    store: LocalStore, embedder: Embedder, small_generator: Generator
) -> None:
    model = StopsWhile(small_generator, "check", says=CHECKED)
    answer = answer_of(Answerer(store, embedder, model), ENGLISH, model.stop)
    assert "check" in model.asked
    assert answer.answer == CHECKED
    (sentence,) = answer.sentences
    assert sentence.support == 0.0 < SUPPORTED
    assert not sentence.citations


def test_a_reading_that_stop_interrupts_counts_for_nothing(
    store: LocalStore, embedder: Embedder, small_generator: Generator
) -> None:
    model = StopsWhile(small_generator, "read")
    answer = answer_of(Answerer(store, embedder, model), FRENCH, model.stop)
    assert (answer.answer, answer.sentences, answer.answerable) == ("", (), 0.0)
    assert not answer.doubtful
    assert model.asked == ["read"]


@pytest.mark.parametrize("after", [0, 3])
def test_a_translation_that_stop_interrupts_is_not_shown(
    store: LocalStore, embedder: Embedder, small_generator: Generator, after: int
) -> None:
    model = StopsWhile(small_generator, "translate", after=after, says=CHECKED)
    model.choose = lambda messages, options, **rest: (  # type: ignore[method-assign]
        (0.0, 1.0) if len(options) == 2 else (1.0, 0.0, 0.0, 0.0)
    )  # the excerpt answers, but states nothing of what was written
    answer = answer_of(Answerer(store, embedder, model), ENGLISH, model.stop)
    assert "translate" in model.asked
    quoted = answer.sentences[0].citations[0]
    assert quoted.text in answer.answer
    assert len(answer.sentences) == 1
    assert answer.answer == answer.sentences[0].text


def test_nothing_is_generated_once_stop_is_set(
    store: LocalStore, embedder: Embedder, small_generator: Generator
) -> None:
    model = StopsWhile(small_generator, "")
    model.stop.set()
    answerer = Answerer(store, embedder, model)
    for question, history in ((FRENCH, ()), ("Et pourquoi ?", [Turn(FRENCH)])):
        answer = answer_of(answerer, question, model.stop, history=history)
        assert (answer.answer, answer.sentences, answer.refused) == ("", (), False)
    assert model.asked == []


def test_stop_ends_the_rewriting_of_a_follow_up(
    store: LocalStore, embedder: Embedder, small_generator: Generator
) -> None:
    model = StopsWhile(small_generator, "rewrite", after=1)
    answer = answer_of(
        Answerer(store, embedder, model), "Et pourquoi ?", model.stop, history=[Turn(FRENCH)]
    )
    assert model.asked == ["rewrite"]
    assert (answer.answer, answer.sentences) == ("", ())
