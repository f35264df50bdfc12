"""Bring a store up to a folder of documents: what is unchanged costs a look at its date, what is gone goes."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from index.documents import Document, read, walk
from index.embedder import Embedder, Encoded
from index.passages import Passage, split
from index.store import Store
from weights.errors import UserError

_AT_ONCE = 256  # passages embedded between two commits of many small documents


@dataclass(frozen=True)
class SyncProgress:
    """`done` of `total` passages known so far are in the store; `seconds_left` by the pace until now, None at first."""

    document: str
    done: int
    total: int
    seconds_left: float | None


@dataclass
class SyncReport:
    """How many documents were added, changed, removed or unchanged, and which files failed and why."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: list[tuple[str, UserError]] = field(default_factory=list)


def sync(
    library: Path,
    store: Store,
    embedder: Embedder,
    *,
    progress: Callable[[SyncProgress], None] | None = None,
    stop: threading.Event | None = None,
) -> SyncReport:
    """Make the store hold just the documents of the library.

    Each document is committed on its own: killed at any moment, the next run goes on where this one was.

    Args:
        library: a folder, or one file.
        store: opened with the same embedder.
        embedder: makes the vectors.
        progress: told after each batch of passages.
        stop: set it to stop after the batch at work; what is done stays.

    Raises:
        UserError: the library or the store can't be used at all; errors of single files are in the report.
    """
    report = SyncReport()
    before = store.sources()
    known = {info.name: info for info in store.documents()}
    files = {_name(path, library): path for path in walk(library)}
    for name in before.keys() - files.keys():
        report.removed += sum(info.source == name for info in known.values())
        store.forget_source(name)
    for name, path in files.items():
        if stop and stop.is_set():
            break
        facts = path.stat()
        if before.get(name) == (facts.st_size, facts.st_mtime_ns):
            report.unchanged += sum(info.source == name for info in known.values())
            continue
        documents, failures = _documents(path, library)
        report.failed += [(name, failure) for failure in failures]
        if documents is None:
            continue
        changed = []
        for document in documents:
            same = known.get(document.name)
            if same and same.digest == document.digest and same.source == name:
                report.unchanged += 1
                continue
            changed.append(document)
            report.changed += same is not None
            report.added += same is None
            if not document.text.strip():
                report.failed.append((name, UserError("document_empty", name=document.name)))
        put_documents(changed, store, embedder, source=name, progress=progress, stop=stop)
        if stop and stop.is_set():
            break
        kept = {document.name for document in documents}
        gone = [info.name for info in known.values() if info.source == name and info.name not in kept]
        store.remove(gone)
        report.removed += len(gone)
        store.read_source(name, facts.st_size, facts.st_mtime_ns)
    store.save_index()
    return report


def put_documents(
    documents: Sequence[Document],
    store: Store,
    embedder: Embedder,
    *,
    source: str = "",
    progress: Callable[[SyncProgress], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Split, embed and store documents, many small ones in one batch, each committed on its own."""
    began = time.monotonic()
    total = done = 0
    waiting: list[tuple[Document, list[Passage]]] = []

    def flush() -> None:
        nonlocal done
        if not waiting:
            return
        texts = [embedded_text(document, passage) for document, passages in waiting for passage in passages]
        encoded: list[Encoded] = []
        for first in range(0, len(texts), _AT_ONCE):
            if stop and stop.is_set():
                waiting.clear()
                return
            encoded += embedder.passages([text for text, _ in texts[first : first + _AT_ONCE]])
            if progress and len(texts) > _AT_ONCE:
                pace = (time.monotonic() - began) / max(done + len(encoded), 1)
                progress(SyncProgress(waiting[0][0].name, done + len(encoded), total, pace * (total - done - len(encoded))))
        at = 0
        for document, passages in waiting:
            placed = [
                _placed(code, offset, passage)
                for code, (_, offset), passage in zip(encoded[at:], texts[at:], passages, strict=False)
            ]
            store.put(document, passages, placed, source=source)
            at += len(passages)
        done += at
        last = waiting[-1][0].name
        waiting.clear()
        if progress:
            progress(SyncProgress(last, done, total, (time.monotonic() - began) / max(done, 1) * (total - done)))

    cut = [(document, split(document.text, document.language, count=embedder.count)) for document in documents]
    total = sum(len(passages) for _, passages in cut)
    for document, passages in cut:
        if stop and stop.is_set():
            return
        waiting.append((document, passages))
        if sum(len(passages) for _, passages in waiting) >= _AT_ONCE:
            flush()
    flush()


def embedded_text(document: Document, passage: Passage) -> tuple[str, int]:
    """What is embedded for a passage, and where in it the passage's own text begins: the title stands in front."""
    text = document.text[passage.start : passage.end]
    if not document.title or text.lstrip("# ").startswith(document.title):
        return text, 0
    return f"{document.title}\n{text}", len(document.title) + 1


def _placed(code: Encoded, offset: int, passage: Passage) -> Encoded:
    """The same with the spans in the document; tokens of the title lie before the passage's start."""
    return Encoded(code.vector, code.tokens, (code.spans - offset + passage.start).astype(np.int32))


def _documents(path: Path, library: Path) -> tuple[list[Document] | None, list[UserError]]:
    """The documents of a file and the errors of its lines; None where the file can't be read at all."""
    try:
        found: Iterable[Document | UserError] = list(read(path, library))
    except UserError as error:
        return None, [error]
    documents = [item for item in found if isinstance(item, Document)]
    return documents, [item for item in found if isinstance(item, UserError)]


def _name(path: Path, library: Path) -> str:
    return path.name if path == library else path.relative_to(library).as_posix()
