"""Questions from every interface to one service: how many may wait, and how their events arrive."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Collection, Generator, Iterator, Sequence
from contextlib import aclosing, closing, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from index.errors import UserError
from rag.check import Checked
from rag.compared import compared
from rag.events import Answer, Event, Finished, Turn
from rag.scope import chosen

if TYPE_CHECKING:
    from index.contract import Store
    from rag.engine import Service
    from ui.metrics import Interface, Metrics

MOST_CHARACTERS = 4000  # of a question; of what was said before, no more is read
MOST_TEXT = 20_000  # of a text to check
MOST_TURNS = 12  # of what was said before
MOST_WAITING = 32  # questions that wait or are answered at once, of all interfaces together
_MOST_CHECKING = 2  # texts that are checked at once


@dataclass(frozen=True)
class Question:
    """A question and the turns before it, oldest first; see `rag.answerer` for the rest.

    `store` has the documents to answer from in place of the library's; with `aspects`, even none,
    the documents named are compared.
    """

    text: str
    history: Sequence[Turn] = ()
    language: str | None = None
    documents: Collection[str] | None = None
    scope: str | None = None
    store: "Store | None" = None
    aspects: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Raises UserError: `no_question`, `too_long` (most)."""
        if not self.text.strip():
            raise UserError("no_question")
        if len(self.text) > MOST_CHARACTERS:
            raise UserError("too_long", most=MOST_CHARACTERS)


class Questions:
    """Asks a service, and counts. Safe to use from several threads and event loops."""

    def __init__(self, service: "Service", metrics: "Metrics") -> None:
        self._service = service
        self._metrics = metrics
        self._places = threading.Semaphore(MOST_WAITING)
        self._checking = threading.Semaphore(_MOST_CHECKING)

    def _chosen(
        self, documents: Collection[str] | None, scope: str | None
    ) -> Collection[str] | None:
        store = self._service.store
        return chosen(store, documents, scope) if store else documents

    def check(
        self, text: str, documents: Collection[str] | None = None, scope: str | None = None
    ) -> Iterator[Checked]:
        """What the documents say of each sentence of a text, see `rag.check`.

        Raises:
            UserError: `text_long` (most), `busy`, those of `rag.engine.Service.check`.
        """
        if len(text) > MOST_TEXT:
            raise UserError("text_long", most=MOST_TEXT)
        if not self._checking.acquire(blocking=False):
            raise UserError("busy")
        try:
            yield from self._service.check(text, self._chosen(documents, scope))
        finally:
            self._checking.release()

    def ask(
        self, interface: "Interface", question: Question, stop: threading.Event
    ) -> Generator[Event]:
        """The events of an answer, once the service is ready; none where it is stopped before.

        Raises:
            UserError: `busy`, and what keeps the service from answering.
        """
        if not self._places.acquire(blocking=False):
            raise UserError("busy")
        try:
            while self._service.state.stage not in ("ready", "failed"):
                if stop.wait(0.1):
                    break
            if stop.is_set():
                return
            documents = None if question.store else self._chosen(question.documents, question.scope)
            events = self._events(question, documents, stop)
            # Reading the library ahead gives way, whichever store is asked.
            first = self._service.assistant().first() if question.store else nullcontext()
            with first, closing(self._metrics.watch(interface, events, stop)) as watched:
                yield from watched
        finally:
            self._places.release()

    def _events(
        self, question: Question, documents: Collection[str] | None, stop: threading.Event
    ) -> Generator[Event]:
        assistant = self._service.assistant(question.store)
        if question.aspects is not None:
            return compared(
                assistant,
                question.text,
                documents=list(documents or ()),
                aspects=question.aspects,
                language=question.language or "fr",
                stop=stop,
            )
        history = [
            replace(
                turn, question=turn.question[:MOST_CHARACTERS], answer=turn.answer[:MOST_CHARACTERS]
            )
            for turn in question.history[-MOST_TURNS:]
        ]
        return assistant.ask(
            question.text, history, language=question.language, documents=documents, stop=stop
        )

    async def events(
        self, interface: "Interface", question: Question, *, heartbeat: float | None = None
    ) -> AsyncGenerator[Event | None]:
        """As `ask`, in a thread of its own; None whenever nothing came for `heartbeat` seconds.

        The model stops when the generator is closed or its task is cancelled.
        """
        loop, stop = asyncio.get_running_loop(), threading.Event()
        arrived: asyncio.Queue[Event | Exception | None] = asyncio.Queue()

        def work() -> None:
            end: Exception | None = None
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                try:
                    for event in self.ask(interface, question, stop):
                        loop.call_soon_threadsafe(arrived.put_nowait, event)
                except Exception as error:  # raised again below, in the caller's task
                    end = error
                loop.call_soon_threadsafe(arrived.put_nowait, end)

        threading.Thread(target=work, name="cocorico-question", daemon=True).start()
        try:
            while True:
                try:
                    event = await asyncio.wait_for(arrived.get(), heartbeat)
                except TimeoutError:
                    yield None
                    continue
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            stop.set()

    async def answer(self, interface: "Interface", question: Question) -> Answer:
        """The whole answer; see `events`."""
        async with aclosing(self.events(interface, question)) as events:
            finished = [event.answer async for event in events if isinstance(event, Finished)]
        return finished[-1]
