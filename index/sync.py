"""Bring a store up to a folder of documents.

An unchanged file costs a look at its size and date; what is no longer there goes. A file that was
replaced by one that can't be read loses its documents too: an answer must not quote a text that
nobody can look up any more. Why it couldn't be read is reported at each run.
"""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from os import stat_result
from pathlib import Path

from index.contract import Store
from index.documents import TEXTS, Document, name_of, walk
from index.embedder import Embedder
from index.errors import UserError
from index.reading.reader import Reader, readers_mark
from index.workers import Workers
from index.writer import Progress, SyncProgress, Writer, put_documents

__all__ = ["SyncProgress", "SyncReport", "put_documents", "sync"]

_PASSING = ("document_unreadable", "document_elsewhere")  # failures that may end without a change


@dataclass
class SyncReport:
    """How many documents were added, changed and so on, and which files failed and why."""

    added: int = 0
    moved: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: list[tuple[str, UserError]] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    """A file to be read; `source` is its name in the store."""

    source: str
    path: Path
    facts: stat_result


def sync(
    library: Path,
    store: Store,
    embedder: Embedder,
    *,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    workers: Workers | None = None,
) -> SyncReport:
    """Make the store hold just the documents of the library.

    Killed at any moment, the next run goes on where this one was.

    Args:
        library: a folder, or one file.
        store: opened with the same embedder.
        embedder: makes the vectors.
        progress: called after each batch of chunks.
        stop: set it to stop after the batch at work; what is done stays.
        workers: processes that embed in place of this one.

    Raises:
        UserError: the library or the store can't be used at all. Errors of files are in the report.
    """
    stop = stop or threading.Event()
    report = SyncReport()
    files = {name_of(path, library): path for path in walk(library)}
    with store.alone(stop):
        if not stop.is_set():
            writer = Writer(store, embedder, progress, stop, workers)
            with Reader(progress=writer.recognising) as reader:
                _Run(library, store, writer, reader, report).run(files)
            store.save_index()
    return report


class _Run:
    """One bringing up of a store to a library; what it does is counted in the report."""

    def __init__(
        self, library: Path, store: Store, writer: Writer, reader: Reader, report: SyncReport
    ) -> None:
        self._library = library
        self._store = store
        self._writer = writer
        self._reader = reader
        self._report = report
        known = store.documents()
        self._digests = {info.name: info.digest for info in known}
        self._owners = {info.name: info.source for info in known}
        self._names: dict[str, set[str]] = defaultdict(set)  # of the documents of each file
        for name, source in self._owners.items():
            self._names[source].add(name)
        self._lost: Counter[str] = Counter()  # digests of files that are gone: they may have moved
        self._notes: list[tuple[_File, str | None]] = []

    def run(self, files: dict[str, Path]) -> None:
        """Read what changed of these files, named as in the store, and forget what is gone."""
        todo = self._changed(files)
        gone = (self._store.sources().keys() | self._names.keys()) - files.keys()
        for source in gone:
            self._store.forget_source(source, keep=bool(todo))
            for name in self._names.pop(source, ()):
                self._lost[self._digests.pop(name)] += 1
                del self._owners[name]
                self._report.removed += 1
        self._writer.uncut = sum(file.facts.st_size for file in todo)
        if all(self._update(file) for file in todo) and self._writer.flush():
            self._write_notes()
            self._store.drop_kept()

    def _changed(self, files: dict[str, Path]) -> list[_File]:
        """The files that changed since they were read; what failed in others is reported again."""
        todo = []
        before, failures = self._store.sources(), self._store.failures()
        for source, path in files.items():
            try:
                facts = path.stat()
            except OSError as error:
                failure = UserError("document_unreadable", file=path, reason=error.strerror)
                self._report.failed.append((source, failure))
                continue
            failed = json.loads(failures.get(source, "{}"))
            same_readers = failed.get("mark") == readers_mark()
            if same_readers and before.get(source) == (facts.st_size, facts.st_mtime_ns):
                self._report.unchanged += len(self._names[source])
                errors = [UserError(code, **values) for code, values in failed.get("errors", ())]
                self._report.failed += [(source, error) for error in errors]
            else:
                todo.append(_File(source, path, facts))
        return todo

    def _update(self, file: _File) -> bool:
        """Bring the store up to a file. False where it was told to stop."""
        self._writer.uncut -= file.facts.st_size
        documents, failures = self._read(file)
        self._report.failed += [(file.source, failure) for failure in failures]
        changed = [each for each in documents if self._digests.get(each.name) != each.digest]
        self._report.unchanged += len(documents) - len(changed)
        self._writer.uncut += sum(len(document.text) for document in changed)
        for document in changed:
            if not self._writer.add(document, file.source):
                return False
            self._count(document)
        if gone := self._names[file.source] - {document.name for document in documents}:
            self._store.remove(gone)
            self._report.removed += len(gone)
        self._notes.append((file, _note(file.path, failures)))
        if not self._writer.waiting:
            self._write_notes()
        return True

    def _read(self, file: _File) -> tuple[list[Document], list[UserError]]:
        """The documents of a file, none where it can't be read at all, and what failed."""
        documents: list[Document] = []
        failures: list[UserError] = []
        try:
            for found in self._reader.read(file.path, self._library):
                if isinstance(found, UserError):
                    failures.append(found)
                    continue
                # A name belongs to the first file that has it.
                first = self._owners.setdefault(found.name, file.source)
                if first == file.source:
                    documents.append(found)
                else:
                    name = found.name
                    failures.append(
                        UserError("document_elsewhere", file=file.path, name=name, first=first)
                    )
        except UserError as error:
            return [], [error]
        return documents, failures

    def _count(self, document: Document) -> None:
        if document.name in self._digests:
            self._report.changed += 1
        elif self._lost[document.digest]:
            self._lost[document.digest] -= 1
            self._report.moved += 1
            self._report.removed -= 1
        else:
            self._report.added += 1

    def _write_notes(self) -> None:
        """Note which files were read, once all of their documents are in the store."""
        for file, note in self._notes:
            size = file.facts.st_size if note is not None else -1  # never the size of a file
            self._store.read_source(file.source, size, file.facts.st_mtime_ns, note or "")
        self._notes.clear()


def _note(path: Path, failures: Sequence[UserError]) -> str | None:
    """What is noted of a file that was read; None where it is to be read again, changed or not.

    It is where that is cheap, or where it failed for something outside of it.
    """
    if not failures:
        return json.dumps({"mark": readers_mark()})
    if path.suffix.lower() in TEXTS or any(failure.code in _PASSING for failure in failures):
        return None
    errors = [(failure.code, failure.values) for failure in failures]
    return json.dumps({"mark": readers_mark(), "errors": errors}, default=str)
