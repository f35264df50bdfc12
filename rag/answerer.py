"""From a message to an answer: what is asked for, as it stands alone, and who replies to that."""

import threading
from collections import abc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain

from index.contract import DocumentInfo, Store
from index.embedder import Embedder
from index.errors import UserError
from index.text.language import detect
from index.text.words import LANGUAGES, fold, phrases, terms
from rag import prompts
from rag.draft import Draft
from rag.events import Answer, Event, Finished, Found, Reading, Searching, Turn
from rag.followups import cited_documents, depends, read_with, readings, with_year
from rag.i18n import say
from rag.intent import CONTENT, COURTESY, REMARKS, Intent, Request, kind, understand
from rag.llm.base import Generator, Message
from rag.many.comparing import asks_which
from rag.named import how_many
from rag.replies import REPLIES
from rag.retriever import check_names
from rag.several import questions
from rag.writer import Writer

_RECENT = 6  # turns that a message may speak of
_ABOUT = 2  # documents that an answer rests on, up to which the next question may be about them
_JOINED = 3  # turns whose records a message may choose among
_TITLE = 5  # letters of a title that stands in an answer as such
_CHOICES = 4  # documents that a message may ask to choose between
_FRAGMENT = 6  # words of a message that may only go on with a comparison
_ELLIPTICAL = 8  # words of a question that may leave out what the turn before was about


class Answerer(Writer):
    """Answers from the documents of one store, `passages` chunks of them a question.

    Safe to use from several threads; cheap to make.
    """

    def __init__(
        self, store: Store, embedder: Embedder, generator: Generator, *, passages: int = 5
    ) -> None:
        super().__init__(store, embedder, generator, passages=passages)
        self._asking = 0
        self._guard = threading.Lock()
        self._busy = threading.Event()  # set while reading ahead must wait
        self._awaited: list[Message] = []  # what a follow-up of the last answer is read with
        self.answered: abc.Callable[[], object] = lambda: None
        """Called after each answer: there is something new to read ahead."""

    def answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        language: str | None = None,
        documents: Collection[str] | None = None,
    ) -> Answer:
        """The whole answer at once. See `ask`."""
        *_, last = self.ask(question, history, language=language, documents=documents)
        assert isinstance(last, Finished)  # noqa: S101 - for the type checker
        return last.answer

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        language: str | None = None,
        documents: Collection[str] | None = None,
        stop: threading.Event | None = None,
    ) -> abc.Generator[Event]:
        """Answer a question, with an event for each step; the last one is always `Finished`.

        Args:
            question: in French or English.
            history: the earlier turns, oldest first.
            language: "fr" or "en" to answer in; detected from the question where None.
            documents: names of the documents to use; all where None.
            stop: set it to stop. What was written so far is kept; what was not verified by then
                has no support.

        Raises:
            UserError: `no_question`, `no_document_chosen`, `document_unknown` (name), and what the
                generator raises.
        """
        question = question.strip()
        if not question:
            raise UserError("no_question")
        if documents is not None and not documents:
            raise UserError("no_document_chosen")
        check_names(self.store, documents)  # before the first event
        before = detect(history[-1].question) if history else "fr"
        language = language or detect(question, default=before)
        draft = Draft(question, language, stop or threading.Event(), self.verifier.sources([]))
        with self.first():
            parts = questions(question)
            asked = [part for part in parts if self._kind(Turn(part)) not in COURTESY]
            if len(asked) > 1:
                yield from self._each(asked, draft, history, documents)
            else:
                yield from self._reply(draft, history, documents)
        if not draft.stopped:
            self._await(history, Turn(question, draft.text, tuple(draft.sentences)), draft.language)

    def _reply(
        self, draft: Draft, history: Sequence[Turn], documents: Collection[str] | None
    ) -> Iterator[Event]:
        """Understand a message, and answer what it asks for."""
        language = draft.language
        question = with_year(draft.question, history)
        request = self._understood(question, language, self._told(history), documents)
        if request.language and request.intent in CONTENT - {Intent.QUESTION}:
            draft.language = request.language
        draft.asked = request.text
        if request.intent in CONTENT:
            yield Searching(draft.language)
            of_those = self._of_those(request, language)
            whole = of_those is not request
            request = of_those if whole else self._completed(draft, request, language)
            request = self._of_each(request, draft.question)
            draft.recent = self._recent(request)
            draft.told = _told_before(request, language)
        if draft.stopped:
            yield draft.finish(0.0)
        else:
            yield from REPLIES[request.intent](self, draft, request)

    def _each(
        self,
        asked: Sequence[str],
        draft: Draft,
        history: Sequence[Turn],
        documents: Collection[str] | None,
    ) -> Iterator[Event]:
        """Answer several questions one after the other; a later one may be about an earlier."""
        answers, turns = list[Answer](), list(history)
        for question in asked:
            for event in self.ask(
                question, turns, language=draft.language, documents=documents, stop=draft.stop
            ):
                if isinstance(event, Found):
                    yield Found((*draft.hits, *event.hits))
                elif isinstance(event, Searching | Reading):
                    yield event
                elif isinstance(event, Finished):
                    answers.append(event.answer)
                    yield from draft.take(event.answer)
            turns.append(Turn(question, answers[-1].answer, answers[-1].sentences))
            if draft.stopped:
                break
        refused = all(answer.refused for answer in answers)
        yield draft.finish(min(answer.answerable for answer in answers), refused=refused)

    def _await(self, history: Sequence[Turn], last: Turn, language: str) -> None:
        """Have what a follow-up will be read with read ahead."""
        told = [turn for turn in (*history, last)[-_RECENT:] if self._kind(turn) not in REMARKS]
        self._awaited = prompts.awaiting(read_with(told), language) if told else []
        self.answered()

    def _completed(self, draft: Draft, request: Request, language: str) -> Request:
        """What is asked for, as it would be asked without the turns before it."""
        certain = request.aspect == "follow" or request.intent is Intent.CORRECTION
        if not certain and not depends(request.text, language):
            if len(request.text.split()) <= _ELLIPTICAL:
                draft.otherwise = partial(self._readings, draft, request, language, turns=1)
            return request
        before = [turn.question for turn in reversed(request.history[-_JOINED:])]
        draft.message = request.text
        draft.joined = [f"{each.rstrip(' ?!.')}, {draft.message}" for each in before]
        # "the two reports" are known by their titles, "that report" may be the one spoken of
        if draft.stopped or (not certain and request.documents):
            spoken = [name for name in self._spoken(request) if name in request.documents]
            several = how_many(request.text, language)[0] > 1
            return replace(request, documents=tuple(spoken)) if spoken and not several else request
        if not certain and (cited := self._meant(request)):
            return replace(request, documents=cited)
        meant = self._readings(draft, request, language, certain=certain)
        if request.intent is Intent.QUESTION and len(request.text.split()) > _FRAGMENT:
            meant.sort(key=lambda each: self._kind(Turn(each)) is Intent.COMPARE)
        draft.asked, *draft.also = meant
        again = self._understood(draft.asked, language, request.history, request.scope)
        if again.intent is Intent.COMPARE and not again.documents:  # "compare the two"
            return replace(again, documents=self._cited(request.history, request))
        if again.intent in CONTENT | {Intent.LIBRARY} and again.intent is not Intent.CORRECTION:
            return again
        return replace(request, intent=Intent.QUESTION, text=draft.asked)

    def _recent(self, request: Request) -> tuple[str, ...]:
        """The documents that a question is about: those it names, else those spoken of before."""
        spoken = request.documents or self._spoken(request)
        if not request.documents and phrases("the_other").search(fold(request.text)):
            earlier = self._cited(request.history[-_JOINED:-1], request)
            spoken = tuple(name for name in earlier if name not in spoken) or spoken
        return spoken if len(spoken) <= _ABOUT else ()

    def _meant(self, request: Request) -> tuple[str, ...]:
        """The documents of earlier answers that a request is about: "summarise it", "the two"."""
        if request.intent is Intent.COMPARE:
            cited = self._cited(request.history, request)
            return cited if len(cited) > 1 else ()
        summed = request.intent is Intent.SUMMARY and not request.table
        return self._spoken(request) if summed or request.intent is Intent.TIMELINE else ()

    def _of_those(self, request: Request, language: str) -> Request:
        """A short message that asks which of the documents spoken of: "which is cheaper"."""
        cited = self._cited(request.history[-2:], request)
        short = len(request.text.split()) <= _ELLIPTICAL and not request.documents
        several = short and 1 < len(cited) <= _CHOICES
        if several and asks_which(request.text, language):
            return replace(request, intent=Intent.COMPARE, documents=cited)
        return request

    def _of_each(self, request: Request, message: str) -> Request:
        """A question that asks the same of each of the documents spoken of: "who, each time"."""
        each = phrases("of_each").search(fold(message)) is not None
        cited = self._cited(request.history[-2:], request)
        plain = request.intent is Intent.QUESTION and not request.documents
        several = plain and each and 1 < len(cited) <= _CHOICES
        return replace(request, documents=cited) if several else request

    def _spoken(self, request: Request) -> tuple[str, ...]:
        """The documents that the last answer cites, or names where it was about the library."""
        last = request.history[-1:]
        cited = self._cited(last, request)
        said = last[0].answer if last else ""
        refused = any(said.startswith(say("refusal", each)) for each in LANGUAGES)
        if last and not cited and not refused:
            infos = self._allowed(request).values()
            told = (each for each in infos if each.name in said or _titled(each, said))
            cited = tuple(each.name for each in told)
        return cited

    def _cited(self, turns: Sequence[Turn], request: Request) -> tuple[str, ...]:
        """The documents that answers cite, as far as they are there and may be used."""
        allowed = self._allowed(request)
        return tuple(name for name in cited_documents(turns) if name in allowed)

    def _allowed(self, request: Request) -> dict[str, DocumentInfo]:
        infos = self.store.documents()
        return {
            info.name: info for info in infos if request.scope is None or info.name in request.scope
        }

    def _readings(
        self,
        draft: Draft,
        request: Request,
        language: str,
        *,
        certain: bool = False,
        turns: int = _RECENT,
    ) -> list[str]:
        """What a request may mean after so many turns before it."""
        earlier = [turn for turn in request.history if self._kind(turn) not in REMARKS][-turns:]
        asked, generator = request.text, self.generator
        return readings(asked, earlier, language, generator, draft.stop, certain=certain)

    def _understood(
        self,
        message: str,
        language: str,
        history: tuple[Turn, ...],
        documents: Collection[str] | None,
    ) -> Request:
        """What a message asks for; what the library said is said again, not translated."""
        request = understand(
            message, self.store, self.embedder, language=language, history=history, scope=documents
        )
        if request.intent is Intent.TRANSLATE and self._kind(history[-1]) is Intent.LIBRARY:
            asked = history[-1].question
            return self._understood(asked, language, history[:-1], documents)
        shorter = request.intent in (Intent.SHORTEN, Intent.POINTS)
        if shorter and not history[-1].sentences and self._spoken(request):
            return replace(request, intent=Intent.SUMMARY)  # of the document that was named
        return request

    def _told(self, history: Sequence[Turn]) -> tuple[Turn, ...]:
        """The turns that were about something."""
        return tuple(turn for turn in history[-_RECENT:] if self._kind(turn) not in COURTESY)

    def _kind(self, turn: Turn) -> Intent:
        return kind(turn.question, self.embedder)

    @contextmanager
    def first(self) -> Iterator[None]:
        """Keep `prepare` waiting meanwhile."""
        with self._guard:
            self._asking += 1
            self._busy.set()
        try:
            yield
        finally:
            with self._guard:
                self._asking -= 1
                if not self._asking:
                    self._busy.clear()

    def prepare(self, stop: threading.Event) -> None:
        """Let the model read the conversation, the instruction and the documents ahead, as far as
        they fit.

        Gives way to whoever asks meanwhile, and to `first`.

        Args:
            stop: set it to leave off; what was read stays.
        """
        awaited, self._awaited = self._awaited, []
        first = [(awaited, False)] if awaited else []
        for beginning, ahead in chain(first, prompts.beginnings(self.store, self.generator)):
            while not stop.is_set():
                if not self._busy.is_set():
                    self.generator.prepare(beginning, stop=self._busy, ahead=ahead)
                    if not self._busy.is_set():
                        break
                stop.wait(0.1)


def _told_before(request: Request, language: str) -> str:
    """The last answer, if it was to another question than this one."""
    asked = set(terms(request.text, language))
    last = request.history[-1:]
    other = (turn.answer for turn in last if not asked <= set(terms(turn.question, language)))
    return next(other, "")


def _titled(info: DocumentInfo, said: str) -> bool:
    """Whether a text names a document by its title."""
    return len(info.title) > _TITLE and info.title in said
