"""One library from opening to closing, in the background: open, prepare, follow the folder."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from index.contract import Store
from index.documents import Document
from index.errors import UserError
from index.sync import SyncProgress, sync
from rag.answerer import Answerer
from rag.check import Checked
from rag.folder import Folder
from rag.library import Library, Stopped, open_library, purge_set_aside
from rag.settings import Settings

_log = logging.getLogger(__name__)
_HOUR = 3600.0  # seconds

Stage = Literal["starting", "fetching", "indexing", "loading", "ready", "failed"]
Failures = tuple[tuple[str, UserError], ...]
"""Files of the library with what kept them from being read; the file is "" where none was."""


@dataclass(frozen=True)
class State:
    """Where the preparation stands: `done` of `total` bytes (fetching) or chunks (indexing)."""

    stage: Stage
    what: str = ""
    done: int = 0
    total: int = 0
    error: UserError | None = None


@dataclass(frozen=True)
class Reading:
    """Whether changed documents are being read, how far; what failed in the last reading."""

    active: bool = False
    progress: SyncProgress | None = None
    failed: Failures = ()


class Service:
    """Opens one library, prepares it, follows its folder, closes it.

    `start` returns at once. `store` is usable as soon as the state is past "fetching"; `assistant`
    waits until all is ready.
    """

    def __init__(
        self, settings: Settings, *, on_state: Callable[[State], None] | None = None
    ) -> None:
        self.settings = settings
        self.state = State("starting")
        self.store: Store | None = None
        self.library: Library | None = None
        self.reading = Reading()
        self.folder = Folder(settings.library, settings.removed)
        self.hourly: list[Callable[[], object]] = [
            self.folder.purge,
            partial(purge_set_aside, settings.home),
        ]
        """What removes the expired, called once an hour; the page adds its own."""
        self._on_state = on_state
        self._assistant: Answerer | None = None
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._added: dict[str, str] = {}  # files put in and not read yet, and what they replaced
        self._settled = threading.Event()  # the library is open, or couldn't be opened
        self._stop = threading.Event()
        self._cancel = threading.Event()
        self._wanted = threading.Event()  # the folder has changed
        self._changed = threading.Event()  # the library has changed

    def start(self) -> "Service":
        """Begin; returns at once."""
        for work in (self._open, self._read_changes, self._watch, self._purge_hourly):
            name = f"cocorico{work.__name__}"
            self._threads.append(threading.Thread(target=work, name=name, daemon=True))
            self._threads[-1].start()
        return self

    def assistant(self, store: Store | None = None) -> Answerer:
        """The answerer over the library, or over another store of its embedder, once all is ready.

        Raises:
            UserError: what kept it from getting ready.
        """
        self._settled.wait()
        if self._assistant is None:
            raise self.state.error or UserError("unexpected", detail=self.state.what)
        if store and self.library:
            return self.library.assistant(store)
        return self._assistant

    def check(self, text: str, documents: Collection[str] | None = None) -> Iterator[Checked]:
        """What the documents say of each sentence of a text, see `rag.check`.

        Raises:
            UserError: `starting`, or what keeps it from getting ready; those of `rag.check`.
        """
        if self.library is None or self._assistant is None:
            raise self.state.error or UserError("starting")
        with self._assistant.first():
            yield from self.library.check(text, documents=documents)

    def document(self, name: str) -> Document:
        """A document of the library, whole. Raises KeyError where there is none of this name."""
        if self.store is None:
            raise KeyError(name)
        return self.store.document(name)

    def read(self, added: str = "", kept: str = "") -> None:
        """Bring the index up to the folder in the background; questions go on meanwhile.

        Args:
            added: a file that was just put in; `cancel` takes it out unless it is read by then.
            kept: from `Folder.put`, where it replaced another.
        """
        with self._lock:
            if added:
                self._added[added] = kept
            if not self.reading.active:
                self.reading = Reading(active=True)
            self._wanted.set()

    def cancel(self) -> None:
        """Stop reading; files that were put in and not read yet are taken out again."""
        with self._lock:
            if self.reading.active:
                self._cancel.set()

    def close(self) -> None:
        """Stop preparing and reading, free the models and close the store."""
        for event in (self._stop, self._cancel, self._wanted, self._changed):
            event.set()
        with self._before_all():
            for thread in self._threads:
                thread.join()
        if self.library:
            self.library.close()

    def _open(self) -> None:
        """Open the library, then let the model read ahead after each change, until closed."""
        try:
            self.library = open_library(
                self.settings,
                progress=lambda what, done, total: self._tell("fetching", what, done, total),
                stop=self._stop,
                on_store=self._opened,
                on_indexing=lambda at: self._tell("indexing", at.document, at.done, at.total),
            )
            self._assistant = self.library.assistant()
            self._assistant.answered = self._changed.set
            with self._lock:
                self.reading = replace(self.reading, failed=tuple(self.library.report.failed))
            self._tell("ready")
        except Stopped:
            return
        except Exception as error:
            self._tell("failed", error=_user_error(error))
            return
        finally:
            self._settled.set()
        while not self._stop.is_set():
            self._read_ahead(self._assistant)
            self._wait(self._changed)

    def _read_ahead(self, assistant: Answerer) -> None:
        """Fill the model's caches. Answers are as good without, so an error is only logged."""
        try:
            assistant.prepare(self._stop)
        except Exception:
            _log.exception("reading ahead failed")

    def _read_changes(self) -> None:
        """Bring the index up to the folder whenever that is wanted, until closed."""
        self._settled.wait()
        while self._wait(self._wanted):
            failed = self._sync(self.library) if self.library else ()
            self._changed.set()
            with self._lock:
                if not self._wanted.is_set() and not self._stop.is_set():
                    self._added.clear()
                    self._cancel.clear()
                    self.reading = Reading(failed=failed)

    def _sync(self, library: Library) -> Failures:
        """Read what has changed; what failed."""
        try:
            with self._before_all():
                report = sync(
                    self.settings.library,
                    library.store,
                    library.embedder,
                    progress=self._reading,
                    stop=self._cancel,
                )
            if self._cancel.is_set() and not self._stop.is_set():
                self._take_out(library.store)
        except Exception as error:
            return (("", _user_error(error)),)
        return tuple(report.failed)

    def _take_out(self, store: Store) -> None:
        """Undo what was put in and isn't read yet, and have that read."""
        with self._lock:
            added, self._added = self._added, {}
            self._cancel.clear()
            if added:
                self._wanted.set()
        known = store.sources()
        for name, kept in added.items():
            path = self.settings.library / name
            facts = path.stat() if path.exists() else None  # taken out by hand meanwhile
            if facts is None or known.get(name) == (facts.st_size, facts.st_mtime_ns):
                continue
            if kept:
                self.folder.put_back(kept)
            else:
                self.folder.take_out(name)

    def _watch(self) -> None:
        """Read whenever a file of the library changes, until closed.

        Where the system can't tell (no watches left, a network share), changes are seen at the
        next start.
        """
        from watchfiles import watch

        with suppress(OSError, RuntimeError):
            for _ in watch(
                self.settings.library,
                watch_filter=_visible,
                stop_event=self._stop,
                raise_interrupt=False,
            ):
                self.read()

    def _purge_hourly(self) -> None:
        """Remove what has expired, as long as the service runs."""
        while not self._stop.wait(_HOUR):
            for purge in self.hourly:
                try:
                    purge()
                except (OSError, sqlite3.Error):  # tried again in an hour
                    _log.exception("what has expired could not be removed")

    def _before_all(self) -> AbstractContextManager[None]:
        """Reading ahead gives way meanwhile."""
        return self._assistant.first() if self._assistant else nullcontext()

    def _wait(self, event: threading.Event) -> bool:
        """Wait for an event and clear it; False once closed."""
        event.wait()
        event.clear()
        return not self._stop.is_set()

    def _tell(
        self,
        stage: Stage,
        what: str = "",
        done: int = 0,
        total: int = 0,
        *,
        error: UserError | None = None,
    ) -> None:
        self.state = State(stage, what, done, total, error)
        if self._on_state:
            self._on_state(self.state)

    def _reading(self, progress: SyncProgress) -> None:
        self.reading = Reading(active=True, progress=progress)

    def _opened(self, store: Store) -> None:
        self.store = store
        self._tell("loading")


def _user_error(error: Exception) -> UserError:
    """The error as the page shows it. One that users can't mend is a bug, and logged."""
    if isinstance(error, UserError):
        return error
    _log.error("a bug", exc_info=error)
    return UserError("unexpected", detail=f"{type(error).__name__}: {error}")


def _visible(_: Any, path: str) -> bool:
    """Whether a changed file may be a document: hidden ones are never, or are being written."""
    return not Path(path).name.startswith(".")
