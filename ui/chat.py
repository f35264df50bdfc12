"""The page's questions: each is answered and kept on the server, whether or not a page looks on."""

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from index.errors import UserError
from rag.compared import differing
from rag.events import Delta, Finished, Found, Grounded, Reading, Redrafting, Searching
from rag.further import further
from rag.results import turn_of
from rag.verifier.facts import facts, holds
from ui.errors import wording
from ui.questions import Question, Questions

if TYPE_CHECKING:
    from index.contract import Store
    from rag.engine import Service
    from rag.events import Answer, Event
    from rag.retriever import Hit
    from rag.verifier import Sentence
    from ui.attached import Attached
    from ui.history import History

View = dict[str, Any]
"""A turn as the page shows it and the history keeps it: always whole, so a page may skip one."""

_LOG = logging.getLogger(__name__)
_PAUSE = 0.02  # seconds between two looks at an answer that is being written


class Comparison(BaseModel):
    """Documents to compare, by name, by these aspects or by those that all speak of."""

    documents: list[str] = Field(min_length=2, max_length=6)
    aspects: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=6)
    language: Literal["fr", "en"] = "fr"


class AskRequest(BaseModel):
    """A question of the page, or None to follow a turn whose question was asked before.

    `turn` is an id that the page chose, `conversation` "" for a new one, `replaces` the id of the
    turn whose place it takes or "", `documents` the names of those to use or None for all.
    """

    turn: str = Field(min_length=1, max_length=40)
    question: str | None = None
    conversation: str = ""
    replaces: str = ""
    documents: list[str] | None = None
    compare: Comparison | None = None


@dataclass
class RunningTurn:
    """A turn being answered in `thread`. Its view is replaced by each step, never changed."""

    view: View
    thread: threading.Thread = field(default_factory=threading.current_thread)
    stop: threading.Event = field(default_factory=threading.Event)

    async def views(self) -> AsyncGenerator[View]:
        """The view as it is and whenever it is another one, until the answer is done."""
        shown: View = {}
        while shown.get("stage") != "done":
            if self.view is shown:
                await asyncio.sleep(_PAUSE)
            else:
                shown = self.view
                yield shown


class ChatSessions:
    """The turns of all open pages. A page that goes away comes back to an answer that went on."""

    def __init__(
        self,
        service: "Service",
        history: "History",
        questions: Questions,
        attached: "Attached | None" = None,
    ) -> None:
        self._service = service
        self._history = history
        self._attached = attached
        self._questions = questions
        self._running: dict[tuple[str, str], RunningTurn] = {}  # by owner and turn
        self._stopped_early: deque[tuple[str, str]] = deque(maxlen=100)

    async def ask(self, owner: str, asked: AskRequest) -> AsyncGenerator[View]:
        """The views of a turn until it is done, which begins now unless it has begun before."""
        running = self._running.get((owner, asked.turn))
        if running is None and asked.question is None:
            kept = self._history.read(owner, asked.conversation)
            for turn in kept["turns"] if kept else ():
                if turn["id"] == asked.turn:
                    yield turn["view"]
            return
        async for view in (running or self._start(owner, asked)).views():
            yield view

    def stop(self, owner: str, turn: str) -> None:
        """Stop the answer of a turn, also where its question has yet to arrive."""
        if running := self._running.get((owner, turn)):
            running.stop.set()
        else:
            self._stopped_early.append((owner, turn))

    def conversation(self, owner: str, conversation: str) -> dict[str, Any] | None:
        """As `History.read`, with the views of the turns that are being answered."""
        running = dict(self._running)  # before the history is read: one may end meanwhile
        found = self._history.read(owner, conversation)
        for turn in found["turns"] if found else ():
            if (owner, turn["id"]) in running:
                turn["view"] = running[owner, turn["id"]].view
        if found and self._attached:
            found["attached"] = self._attached.listed(owner, conversation)
        return found

    def close(self) -> None:
        """Stop all answers and wait until they are kept."""
        running = list(self._running.values())
        for turn in running:
            turn.stop.set()
        for turn in running:
            turn.thread.join(5)

    def _start(self, owner: str, asked: AskRequest) -> RunningTurn:
        stage = "searching" if self._service.state.stage == "ready" else "waiting"
        view = {"turn": asked.turn, "stage": stage, "text": "", "sentences": [], "passages": []}
        running = self._running[owner, asked.turn] = RunningTurn(view)
        if (owner, asked.turn) in self._stopped_early:
            running.stop.set()
        running.thread = threading.Thread(
            target=self._answer, args=(owner, asked, running), name="cocorico-chat", daemon=True
        )
        running.thread.start()
        return running

    def _answer(self, owner: str, asked: AskRequest, running: RunningTurn) -> None:
        view = dict(running.view)
        try:
            own = "" if asked.compare else asked.conversation  # the library's are compared
            with self._opened(owner, own) as store:
                question = self._begin(owner, asked, view, store)
                running.view = dict(view)
                question = self._without_removed(question)
                for event in self._questions.ask("page", question, running.stop):
                    self._update(view, event, store)
                    running.view = dict(view)
        except UserError as error:
            view["error"] = wording(error)
        except Exception as error:  # a bug: the log has the traceback
            _LOG.exception("a question could not be answered")
            view["error"] = wording(UserError("unexpected", detail=type(error).__name__))
        complete = "seconds" in view or "error" in view
        view.update(stage="done", stopped=running.stop.is_set() or not complete)
        self._keep(owner, view)
        running.view = view
        del self._running[owner, asked.turn]

    def _opened(self, owner: str, conversation: str) -> AbstractContextManager["Store | None"]:
        """The index of the conversation's own files, if it has any."""
        return self._attached.opened(owner, conversation) if self._attached else nullcontext()

    def _begin(self, owner: str, asked: AskRequest, view: View, store: "Store | None") -> Question:
        """Keep the question; gives it with the turns before it. A full disk keeps no one from
        asking."""
        if asked.documents == [] and store is None:
            raise UserError("no_document_chosen")
        text = (asked.question or "").strip()
        question = Question(text, documents=asked.documents, store=store)
        if store:
            view["attached"] = True
        if compare := asked.compare:
            view["compare"] = compare.model_dump()
            question = replace(
                question,
                documents=compare.documents,
                aspects=compare.aspects,
                language=compare.language,
            )
        try:
            view["conversation"], earlier = self._history.begin(
                owner, asked.conversation, asked.turn, question.text,
                replaces=asked.replaces, documents=asked.documents,
            )  # fmt: skip
        except sqlite3.Error:
            _LOG.exception("a question could not be kept")
            view["unkept"] = True
            return question
        return replace(
            question, history=[turn_of(each["question"], each["view"]) for each in earlier]
        )

    def _without_removed(self, question: Question) -> Question:
        """The question for those of its documents that are still there: a conversation keeps its
        choice."""
        store, chosen = self._service.store, question.documents
        if (
            chosen is None
            or question.store
            or store is None
            or self._service.state.stage != "ready"
        ):
            return question
        known = {info.name for info in store.documents()}
        left = [name for name in chosen if name in known]
        if not left:
            raise UserError("no_document_chosen")
        return replace(question, documents=left)

    def _keep(self, owner: str, view: View) -> None:
        if "conversation" not in view:
            return
        try:
            kept = self._history.finish(owner, view["conversation"], view["turn"], view)
        except sqlite3.Error:
            _LOG.exception("an answer could not be kept")
            view["unkept"] = True
        else:
            view["deleted"] = not kept

    def _update(self, view: View, event: "Event", store: "Store | None") -> None:
        """Bring the view of a turn up to date with an event."""
        match event:
            case Searching():
                view.update(stage="searching", language=event.language)
            case Found():
                view.pop("reading", None)
                passages = [_hit(hit) for hit in event.hits]
                documents = self._documents(event.hits, store)
                view.update(stage="reading", passages=passages, documents=documents)
            case Reading():
                view.update(stage="reading", reading=asdict(event))
            case Redrafting():
                view.update(stage="reading", text="", sentences=[])
            case Delta():
                stage = "reading" if "reading" in view else "writing"
                view.update(stage=stage, text=view["text"] + event.text)
            case Grounded():
                view["sentences"] = [*view["sentences"], _sentence(event.sentence, view)]
            case Finished():
                view.update(_finished(event.answer, view))

    def _documents(self, hits: "Sequence[Hit]", store: "Store | None") -> dict[str, dict[str, str]]:
        """Language and digest of each document found, to judge citations after it has changed."""
        found = {}
        for hit in hits:
            with suppress(KeyError):  # removed meanwhile
                document = (store or self._service).document(hit.chunk.document)
                found[document.name] = {"language": document.language, "digest": document.digest}
        return found


def _finished(answer: "Answer", view: View) -> View:
    differs = differing(answer.answer, answer.sentences, answer.language)
    return {
        "text": answer.answer,
        "language": answer.language,
        "refused": answer.refused,
        "doubtful": answer.doubtful,
        "sentences": [
            {**_sentence(each, view), "differs": differs.get(each.start, ())}
            for each in answer.sentences
        ],
        "passages": [_hit(hit) for hit in answer.passages],
        "further": [] if view.get("attached") else further(answer),
        "seconds": answer.timings.total,
    }


def _sentence(sentence: "Sentence", view: View) -> View:
    return {
        "start": sentence.start,
        "end": sentence.end,
        "support": round(float(sentence.support), 3),
        "citations": [asdict(citation) for citation in sentence.citations],
        **({} if sentence.citations else {"lacks": _lacks(sentence, view)}),
    }


def _lacks(sentence: "Sentence", view: View) -> str:
    """The kind of fact in a sentence that no passage has: number, date, name, else "words";
    "unchecked" after Stop."""
    if not sentence.support:
        return "unchecked"
    known = tuple(
        fact
        for hit in view["passages"]
        for fact in facts(f"{hit['title']}\n{hit['text']}", hit["language"])
    )
    missing = {
        fact.kind
        for fact in facts(sentence.text, view.get("language", "fr"))
        if not fact.opening and not holds(known, fact)
    }
    return next((kind for kind in ("number", "date", "name") if kind in missing), "words")


def _hit(hit: "Hit") -> View:
    chunk = hit.chunk
    scores = round(hit.vector, 3), round(hit.words, 2), round(hit.late, 3), round(hit.score, 3)
    return {
        "document": chunk.document,
        "title": chunk.title,
        "language": chunk.language,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "why": list(scores),
    }
