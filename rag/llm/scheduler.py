"""One model for everybody who asks: a single thread, the only one that touches it, serves them together.

A model that writes spends its time on fetching its weights from memory, and one fetch serves a token of each answer.
"""

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Literal


@dataclass(eq=False)
class Job:
    """A prompt on its way through the model, and what is wanted after it: its state kept, the logits, or `most` tokens written."""

    prompt: list[int]
    wants: Literal["state", "logits", "tokens"]
    most: int = 0
    stop: threading.Event | None = None
    ahead: bool = False  # the state isn't needed yet: on disk will do
    out: SimpleQueue[Any] = field(
        default_factory=SimpleQueue
    )  # what came of it; at the end None, or an error
    left: bool = False  # nobody listens any more
    sequence: int = -1
    position: int = 0  # cells of its sequence that are right
    token: int | None = None  # written last, not yet run
    written: int = 0

    @property
    def stopped(self) -> bool:
        """Whether to go on with it is no use."""
        return self.left or (self.stop is not None and self.stop.is_set())

    def write(self, token: int, *, ends: bool) -> bool:
        """Hand over the next token of the answer unless it ends it; whether more are wanted."""
        self.token = token
        if not ends:
            self.out.put(token)
            self.written += 1
        return not ends and self.written < self.most


class Serving(ABC):
    """Serves jobs from a thread of its own, in order of arrival, as many at once as there are slots."""

    slots = 4

    def __init__(self) -> None:
        self._inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._active: list[Job] = []
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="cocorico-model", daemon=True)

    def ask(self, job: Job) -> Iterator[Any]:
        """What comes of a job, as it comes: the logits, or token after token. Closing the iterator stops it."""
        self._inbox.put(job)
        try:
            while not (job.stopped or self._closed):
                with suppress(Empty):
                    came = job.out.get(timeout=0.1)
                    if came is None:
                        return
                    if isinstance(came, Exception):
                        raise came
                    yield came
        finally:
            job.left = True

    def close(self) -> None:
        """Stop serving; those who still ask get no more."""
        self._closed = True
        self._inbox.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while True:
            idle = not self._active and not self._waiting
            with suppress(Empty):
                while True:
                    given = self._inbox.get(block=idle)
                    idle = False
                    if given is None:
                        return
                    self._waiting.append(given)
            try:
                self._go_on()
            except Exception as error:  # a bug: those who ask now are told, and the next are served
                for job in (*self._active, *self._waiting):
                    job.out.put(error)
                self._active.clear()
                self._waiting.clear()

    def _go_on(self) -> None:
        """Let go of those who left, begin with those for whom there is room, and run the model once."""
        for job in [job for job in self._active if job.stopped]:
            self._finish(job)
        while self._waiting and len(self._active) < self.slots and self._begin(self._waiting[0]):
            self._waiting.popleft()
        if self._active:
            self._step()

    @abstractmethod
    def _begin(self, job: Job) -> bool:
        """Take up a job, or nothing where it was stopped; False where it must wait for room."""

    @abstractmethod
    def _step(self) -> None:
        """Run the model once: a token of each answer that is being written, and some of the first prompt that isn't read."""

    @abstractmethod
    def _finish(self, job: Job, error: Exception | None = None) -> None:
        """Let go of a job that is served, or can't be."""


def pieces(
    tokens: Iterator[int], text_of: Callable[[list[int]], str], stop: threading.Event | None
) -> Iterator[str]:
    """The text of tokens as they come, in whole code points; what is left of it at the end, unless `stop` is set."""
    written: list[int] = []
    text, shown = "", 0
    for token in tokens:
        written.append(token)
        # The text of all that was written makes sure of whole code points; the last one may wait for its bytes.
        text = text_of(written)
        whole = len(text) - 1 if text.endswith("\ufffd") else len(text)
        if whole > shown:
            yield text[shown:whole]
            shown = whole
    if len(text) > shown and not (stop and stop.is_set()):
        yield text[shown:]
