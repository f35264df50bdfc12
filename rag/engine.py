"""Everything that a page or a command needs, made ready in the background: weights, index, models."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from index.contract import Store
from index.documents import Document
from index.errors import UserError
from index.sync import SyncProgress, SyncReport, sync
from rag.answerer import Answerer
from rag.folder import Folder
from rag.library import Library, open_library
from rag.settings import Settings

Stage = Literal["starting", "fetching", "indexing", "loading", "ready", "failed"]


@dataclass(frozen=True)
class State:
    """Where the preparation stands: `done` of `total` bytes (fetching) or passages (indexing) of `what`."""

    stage: Stage
    what: str = ""
    done: int = 0
    total: int = 0
    error: UserError | None = None


@dataclass(frozen=True)
class Reading:
    """Where the reading of changed documents stands, beside the questions; what failed in the last one. See `SyncProgress`."""

    active: bool = False
    progress: SyncProgress | None = None
    failed: tuple[tuple[str, UserError], ...] = ()


class _Closed(BaseException):
    """The service was closed while it fetched."""


class Service:
    """Prepares one library for questions, in a background thread.

    `store` is usable as soon as the state is past "fetching"; `assistant()` waits until all is ready.
    """

    def __init__(
        self, settings: Settings, *, on_state: Callable[[State], None] | None = None
    ) -> None:
        self.settings = settings
        self.state = State("starting")
        self.store: Store | None = None
        self.library: Library | None = None
        self.reading = Reading()
        self.folder = Folder(settings.library, settings.store_folder / "aside")
        self._on_state = on_state
        self._assistant: Answerer | None = None
        self._settled = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._reader: threading.Thread | None = None
        self._cancel = threading.Event()
        self._changed = threading.Event()  # the library did: there may be something to read ahead
        self._again = False
        self._added: dict[
            str, str
        ] = {}  # files put in and not read yet, each with what restores the one it replaced
        self._lock = threading.Lock()

    def start(self) -> "Service":
        """Begin; returns at once."""
        self._thread = threading.Thread(target=self._prepare, name="cocorico-service", daemon=True)
        self._thread.start()
        threading.Thread(target=self._watch, name="cocorico-watch", daemon=True).start()
        return self

    def assistant(self) -> Answerer:
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

    def read(self, added: str = "", kept: str = "") -> None:
        """Bring the index up to the folder in the background; questions go on meanwhile.

        Args:
            added: a file that was just put in, which `cancel` takes out again unless it is read by then.
            kept: from `Folder.put`, where it replaced another.
        """
        with self._lock:
            if added:
                self._added[added] = kept
            self._again = True
            if self._reader or self._stop.is_set():
                return
            self._reader = threading.Thread(target=self._read, name="cocorico-reader", daemon=True)
            self.reading = Reading(active=True)
            self._reader.start()

    def cancel(self) -> None:
        """Stop reading; files that were put in and not read yet are taken out again."""
        with self._lock:
            if self._reader:
                self._cancel.set()

    def close(self) -> None:
        """Stop preparing and reading, free the models and close the store."""
        self._stop.set()
        self._cancel.set()
        self._changed.set()
        with self._before_all():
            for thread in (self._thread, self._reader):
                if thread:
                    thread.join()
        if self.library:
            self.library.close()

    def _before_all(self) -> AbstractContextManager[None]:
        return self._assistant.first() if self._assistant else nullcontext()

    def _watch(self) -> None:
        """Read whenever a file of the library changes, until the service is closed. Where the system can't tell (a full disk
        of watches, a share of another machine), changes are seen at the next start, as before."""
        from watchfiles import watch

        with suppress(OSError, RuntimeError):
            for _ in watch(
                self.settings.library,
                watch_filter=_seen,
                stop_event=self._stop,
                raise_interrupt=False,
            ):
                self.read()

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
            with self._lock:
                self.reading = replace(self.reading, failed=tuple(self.library.report.failed))
            self._tell(State("ready"))
            self._settled.set()
            while not self._stop.is_set():
                assistant.prepare(self._stop)
                self._changed.wait()
                self._changed.clear()
        except _Closed:
            return
        except UserError as error:
            self._tell(State("failed", error=error))
        except Exception as error:  # a bug, but the page must say that something went wrong rather than wait for ever
            self._tell(
                State(
                    "failed",
                    error=UserError("unexpected", detail=f"{type(error).__name__}: {error}"),
                )
            )
            raise
        finally:
            self._settled.set()

    def _read(self) -> None:
        self._settled.wait()
        failed: list[tuple[str, UserError]] = []
        try:
            while library := self._next():
                failed = self._sync(library).failed
                self._changed.set()
        except UserError as error:
            failed = [("", error)]
        finally:
            with self._lock:
                if (
                    self._reader is threading.current_thread()
                ):  # a bug ended it; the next call begins anew
                    self._reader = None
                if self._reader is None:
                    self.reading = Reading(failed=tuple(failed))

    def _next(self) -> Library | None:
        """The library where there is something to read since the last look; else the thread ends."""
        with self._lock:
            again, self._again = self._again, False
            if not again or self._stop.is_set():
                self._added.clear()
                self._reader = None
                return None
            return self.library

    def _sync(self, library: Library) -> SyncReport:
        with self._before_all():
            report = sync(
                self.settings.library,
                library.store,
                library.embedder,
                progress=self._reading,
                stop=self._cancel,
            )
        if self._cancel.is_set() and not self._stop.is_set():
            with self._lock:
                added, self._added = self._added, {}
                self._again = bool(added)
                self._cancel.clear()
            known = library.store.sources()
            for name, kept in added.items():
                path = self.settings.library / name
                facts = path.stat() if path.exists() else None  # taken out by hand meanwhile
                if facts is None or known.get(name) == (facts.st_size, facts.st_mtime_ns):
                    continue
                if kept:
                    self.folder.put_back(kept)
                else:
                    self.folder.take_out(name)
        return report

    def _reading(self, progress: SyncProgress) -> None:
        self.reading = Reading(active=True, progress=progress)

    def _opened(self, store: Store) -> None:
        self.store = store

    def _fetching(self, what: str, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _Closed
        self._tell(State("fetching", what, done, total))

    def _indexing(self, progress: SyncProgress) -> None:
        self._tell(State("indexing", progress.document, progress.done, progress.total))


def _seen(_: Any, path: str) -> bool:
    """Whether a changed file may be one of the library's: hidden ones are being written, or nobody's business."""
    return not Path(path).name.startswith(".")
