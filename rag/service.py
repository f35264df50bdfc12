"""Everything that a page or a command needs, made ready in the background: weights, index, models."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from index.documents import Document
from index.store import Store
from index.sync import SyncProgress
from rag.assistant import Assistant
from rag.library import Library, open_library
from rag.settings import Settings
from weights.errors import UserError

Stage = Literal["starting", "fetching", "indexing", "loading", "ready", "failed"]


@dataclass(frozen=True)
class State:
    """Where the preparation stands: `done` of `total` bytes (fetching) or passages (indexing) of `what`."""

    stage: Stage
    what: str = ""
    done: int = 0
    total: int = 0
    error: UserError | None = None


class _Closed(BaseException):
    """The service was closed while it fetched."""


class Service:
    """Prepares one library for questions, in a background thread.

    `store` is usable as soon as the state is past "fetching"; `assistant()` waits until all is ready.
    """

    def __init__(self, settings: Settings, *, on_state: Callable[[State], None] | None = None) -> None:
        self.settings = settings
        self.state = State("starting")
        self.store: Store | None = None
        self.library: Library | None = None
        self._on_state = on_state
        self._assistant: Assistant | None = None
        self._settled = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> "Service":
        """Begin; returns at once."""
        self._thread = threading.Thread(target=self._prepare, name="cocorico-service", daemon=True)
        self._thread.start()
        return self

    def assistant(self) -> Assistant:
        """The assistant, once all is ready.

        Raises:
            UserError: what kept it from getting ready.
        """
        self._settled.wait()
        if self._assistant is None:
            raise self.state.error or UserError("unexpected", detail=self.state.what)
        return self._assistant

    def document(self, name: str) -> Document:
        """A document of the library, whole. Raises KeyError where there is none of this name."""
        if self.store is None:
            raise KeyError(name)
        return self.store.document(name)

    def close(self) -> None:
        """Stop preparing, free the models and close the store."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        if self.library:
            self.library.close()

    def _tell(self, state: State) -> None:
        self.state = state
        if self._on_state:
            self._on_state(state)

    def _prepare(self) -> None:
        try:
            self.library = open_library(
                self.settings,
                progress=self._fetching,
                stop=self._stop,
                on_store=self._opened,
                on_indexing=self._indexing,
            )
            self._assistant = assistant = self.library.assistant()
            self._tell(State("ready"))
            self._settled.set()
            assistant.prepare(self._stop)
        except _Closed:
            return
        except UserError as error:
            self._tell(State("failed", error=error))
        except Exception as error:  # a bug, but the page must say that something went wrong rather than wait for ever
            self._tell(State("failed", error=UserError("unexpected", detail=f"{type(error).__name__}: {error}")))
            raise
        finally:
            self._settled.set()

    def _opened(self, store: Store) -> None:
        self.store = store

    def _fetching(self, what: str, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _Closed
        self._tell(State("fetching", what, done, total))

    def _indexing(self, progress: SyncProgress) -> None:
        self._tell(State("indexing", progress.document, progress.done, progress.total))
