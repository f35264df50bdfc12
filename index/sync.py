"""Bring a store up to a folder of documents: what is unchanged costs a look at its date, what is gone goes."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from os import stat_result
from pathlib import Path

import numpy as np

from index.chunking import Chunk, split
from index.contract import DocumentInfo, Store
from index.documents import TEXTS, Document, name_of, walk
from index.embedder import Embedder, Encoded
from index.errors import UserError
from index.reading.reader import Reader, readers_mark
from index.workers import Workers

_AT_ONCE = 64  # passages embedded between two commits, and between two looks at `stop`
_PASSAGE = 800  # characters of a passage, until some have been cut


@dataclass(frozen=True)
class SyncProgress:
    """`done` of `total` passages are embedded; what isn't cut yet is estimated. `seconds_left` is None at first."""

    document: str
    done: int
    total: int
    seconds_left: float | None


@dataclass
class SyncReport:
    """How many documents were added, changed, moved, removed or unchanged, and which files failed and why."""

    added: int = 0
    moved: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: list[tuple[str, UserError]] = field(default_factory=list)


Progress = Callable[[SyncProgress], None]


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

    Each document is committed on its own: killed at any moment, the next run goes on where this one was. One process
    at a time does this for a store; a second one waits, and then finds it done.

    Args:
        library: a folder, or one file.
        store: opened with the same embedder.
        embedder: makes the vectors.
        progress: told after each batch of passages.
        stop: set it to stop after the batch at work; what is done stays.
        workers: processes that embed in place of this one.

    Raises:
        UserError: the library or the store can't be used at all; errors of single files are in the report.
    """
    stop = stop or threading.Event()
    report = SyncReport()
    files = {name_of(path, library): path for path in walk(library)}
    with store.alone(stop):
        if not stop.is_set():
            with Reader() as reader:
                _sync(
                    library,
                    files,
                    store,
                    _Writer(store, embedder, progress, stop, workers),
                    report,
                    reader=reader,
                )
            store.save_index()
    return report


def _sync(
    library: Path,
    files: dict[str, Path],
    store: Store,
    writer: "_Writer",
    report: SyncReport,
    *,
    reader: Reader,
) -> None:
    known = {info.name: info for info in store.documents()}
    held = Counter(info.source for info in known.values())

    # What is gone, and may be found again under another name.
    lost = Counter(info.digest for info in known.values() if info.source not in files)
    todo = _look(files, store, held, report)
    for source in (store.sources().keys() | held.keys()) - files.keys():
        store.forget_source(source, keep=bool(todo))
        report.removed += held[source]
    known = {name: info for name, info in known.items() if info.source in files}
    writer.uncut = sum(facts.st_size for _, _, facts in todo)

    # What is new or changed. A file is noted as read once all of its documents are in the store, and not where some
    # of it failed, so that the next run says so again.
    owners = {name: info.source for name, info in known.items()}
    noted: list[tuple[str, stat_result, str]] = []
    for source, path, facts in todo:
        writer.uncut -= facts.st_size
        documents, failures = _documents(reader, path, library, source, owners)
        report.failed += [(source, failure) for failure in failures]
        if documents is None:
            noted += _lasting(source, path, facts, failures)
            continue
        changed = [
            document
            for document in documents
            if _digest(known.get(document.name)) != document.digest
        ]
        report.unchanged += len(documents) - len(changed)
        writer.uncut += sum(len(document.text) for document in changed)
        for document in changed:
            if not writer.add(document, source):
                return
            moved = document.name not in known and lost[document.digest] > 0
            lost[document.digest] -= moved
            report.changed += document.name in known
            report.moved += moved
            report.removed -= moved
            report.added += document.name not in known and not moved
        kept = {document.name for document in documents}
        if gone := [
            name for name, info in known.items() if info.source == source and name not in kept
        ]:
            store.remove(gone)
            report.removed += len(gone)
        noted += _lasting(source, path, facts, failures) if failures else [(source, facts, "")]
        if not writer.waiting:
            _note(store, noted)
    if writer.flush():
        _note(store, noted)
        store.drop_kept()


def _look(
    files: dict[str, Path], store: Store, held: Counter[str], report: SyncReport
) -> list[tuple[str, Path, stat_result]]:
    """The files whose size or date isn't what it was when they were read; what failed then is reported again."""
    todo = []
    before, failures = store.sources(), store.failures()
    for source, path in files.items():
        try:
            facts = path.stat()
        except OSError as error:
            report.failed.append(
                (source, UserError("document_unreadable", file=path, reason=error.strerror))
            )
            continue
        failed = json.loads(failures.get(source, "{}"))
        if (
            before.get(source) == (facts.st_size, facts.st_mtime_ns)
            and failed.get("mark", readers_mark()) == readers_mark()
        ):
            report.unchanged += held[source]
            report.failed += [
                (source, UserError(code, **values)) for code, values in failed.get("errors", ())
            ]
        else:
            todo.append((source, path, facts))
    return todo


def _lasting(
    source: str, path: Path, facts: stat_result, failures: list[UserError]
) -> list[tuple[str, stat_result, str]]:
    """The note that a file failed, where it would again and finding out is dear: then it is read again when it changes."""
    passing = ("document_unreadable", "document_elsewhere")
    if path.suffix.lower() in TEXTS or any(failure.code in passing for failure in failures):
        return []
    errors = [(failure.code, failure.values) for failure in failures]
    return [(source, facts, json.dumps({"mark": readers_mark(), "errors": errors}, default=str))]


def put_documents(documents: Sequence[Document], store: Store, embedder: Embedder) -> None:
    """Split, embed and store documents, each committed on its own."""
    writer = _Writer(store, embedder, None, threading.Event())
    for document in documents:
        writer.add(document, "")
    writer.flush()


class _Writer:
    """Splits, embeds and stores: small documents many at once, a large one in several goes."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        progress: Progress | None,
        stop: threading.Event,
        workers: Workers | None = None,
    ) -> None:
        self.waiting: list[tuple[Document, list[Chunk], str]] = []
        self.uncut = 0  # characters of documents that are still to be cut
        self._store = store
        self._count = embedder.count
        self._encode = workers.embed_chunks if workers else embedder.embed_chunks
        self._at_once = _AT_ONCE * (workers.number if workers else 1)
        self._progress = progress
        self._stop = stop
        self._began = time.monotonic()
        self._characters = self._cut = self._embedded = self._found = 0

    def add(self, document: Document, source: str) -> bool:
        """Take a document; it is stored now or with the next. False where `stop` is set."""
        passages = split(document.text, document.language, count=self._count)
        self.uncut -= len(document.text)
        self._characters += len(document.text)
        self._cut += len(passages)
        if passages and (len(passages) > self._at_once or self._store.borrow(document)):
            return self.flush() and self._add_large(document, passages, source)
        self.waiting.append((document, passages, source))
        return sum(len(passages) for _, passages, _ in self.waiting) < self._at_once or self.flush()

    def flush(self) -> bool:
        """Embed and store what waits. False, and nothing done, where `stop` is set."""
        if self._stop.is_set():
            return False
        if self.waiting:
            # The same text under two names goes through the model once.
            unlike = {
                document.digest: (document, passages) for document, passages, _ in self.waiting
            }
            pairs = [
                (document, chunk) for document, passages in unlike.values() for chunk in passages
            ]
            self._found += sum(len(passages) for _, passages, _ in self.waiting) - len(pairs)
            encoded = iter(self._embed(pairs))
            vectors = {
                digest: list(islice(encoded, len(passages)))
                for digest, (_, passages) in unlike.items()
            }
            self._store.put_many(
                [
                    (document, passages, vectors[document.digest], source)
                    for document, passages, source in self.waiting
                ]
            )
            self.waiting.clear()
        return True

    def _add_large(self, document: Document, passages: list[Chunk], source: str) -> bool:
        first = self._store.borrow(document)
        self._found += first
        for at in range(first, len(passages), self._at_once):
            if self._stop.is_set():
                return False
            self._store.keep(
                document,
                self._embed([(document, chunk) for chunk in passages[at : at + self._at_once]]),
            )
        self._store.put(document, passages, [], source=source)
        return True

    def _embed(self, pairs: Sequence[tuple[Document, Chunk]]) -> list[Encoded]:
        texts = [embedded_text(document, chunk) for document, chunk in pairs]
        encoded: list[Encoded] = []
        if pairs:
            name = pairs[-1][0].name
            self._tell(name, 0)
            encoded = self._encode(
                [text for text, _ in texts], progress=lambda n, _: self._tell(name, n)
            )
        self._embedded += len(pairs)
        return [
            _placed(code, offset, chunk)
            for code, (_, offset), (_, chunk) in zip(encoded, texts, pairs, strict=True)
        ]

    def _tell(self, name: str, done: int) -> None:
        if self._progress is None:
            return
        embedded = self._embedded + done
        chunk = self._characters / self._cut if self._cut > 20 else _PASSAGE
        total = self._cut + round(max(self.uncut, 0) / chunk)
        done = self._found + embedded
        pace = (time.monotonic() - self._began) / embedded if embedded else None
        self._progress(
            SyncProgress(name, done, total, None if pace is None else pace * (total - done))
        )


def embedded_text(document: Document, chunk: Chunk) -> tuple[str, int]:
    """What is embedded for a passage, and where in it the passage's own text begins: the title stands in front.

    A title that is the file's name does not: renaming a file then changes no vector.
    """
    text = document.text[chunk.start : chunk.end]
    if (
        not document.title
        or document.named_after_file
        or text.lstrip("# ").startswith(document.title)
    ):
        return text, 0
    return f"{document.title}\n{text}", len(document.title) + 1


def _placed(code: Encoded, offset: int, chunk: Chunk) -> Encoded:
    """The same with the spans in the document; tokens of the title lie before the passage's start."""
    return Encoded(code.vector, code.tokens, (code.spans - offset + chunk.start).astype(np.int32))


def _documents(
    reader: Reader, path: Path, library: Path, source: str, owners: dict[str, str]
) -> tuple[list[Document] | None, list[UserError]]:
    """The documents of a file and the errors of its lines; None where the file can't be read at all.

    `owners` says which file each name belongs to; the file becomes the owner of the names that none has.
    """
    documents: list[Document] = []
    failures: list[UserError] = []
    try:
        for found in reader.read(path, library):
            if isinstance(found, UserError):
                failures.append(found)
                continue
            if owners.setdefault(found.name, source) != source:
                failures.append(
                    UserError(
                        "document_elsewhere", file=path, name=found.name, first=owners[found.name]
                    )
                )
                continue
            documents.append(found)
            if not found.text.strip():
                failures.append(UserError("document_empty", file=path, name=found.name))
    except UserError as error:
        return None, [error]
    return documents, failures


def _digest(info: DocumentInfo | None) -> str | None:
    return info.digest if info else None


def _note(store: Store, noted: list[tuple[str, stat_result, str]]) -> None:
    for source, facts, failures in noted:
        store.read_source(source, facts.st_size, facts.st_mtime_ns, failures)
    noted.clear()
