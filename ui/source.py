"""What the page shows of the library: its state, its documents, the text or a page of one."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.contract import Store
from index.documents import Document, Unread
from index.errors import UserError
from index.reading.reader import Reader
from rag.i18n import LANGUAGES
from rag.read import said
from ui.errors import wording
from ui.export import Look

if TYPE_CHECKING:
    from rag.engine import Service
    from ui.attached import Attached

_DRAWING = threading.Semaphore(2)  # pages that are drawn at once, each by a process of its own


def state(service: "Service") -> dict[str, Any]:
    """Where the preparation and the reading stand, see `rag.engine`; `generation` changes with the
    documents."""
    now, reading = service.state, service.reading
    step = reading.progress
    return {
        "stage": now.stage,
        "what": now.what,
        "done": now.done,
        "total": now.total,
        "error": wording(now.error) if now.error else None,
        "generation": service.store.generation if service.store else None,
        "reading": {
            "active": reading.active,
            "step": asdict(step) if step else None,
            "failed": [{"file": file, "error": wording(error)} for file, error in reading.failed],
        },
    }


def documents(service: "Service") -> list[dict[str, Any]] | None:
    """Each document without its text; None while the library isn't open yet."""
    if service.store is None:
        return None
    shown = ("name", "title", "language", "characters", "pages", "source")
    return [
        {
            **{name: getattr(each, name) for name in shown},
            "passages": each.chunks,
            "unread": [_wording(note) for note in each.unread],
        }
        for each in service.store.documents()
    ]


def _wording(note: Unread) -> dict[str, str]:
    """What was not read of a file, in both languages."""
    return {language: said(note, language) for language in LANGUAGES}


def document(store: Store | None, files: Path, name: str, digest: str) -> dict[str, Any] | None:
    """The document of this name, else the one of just this text, which may have been renamed.

    None where there is neither. Names are looked up in the store, never on disk.

    Args:
        store: of the library, or of a conversation's files.
        files: the folder that the store is the index of.
        name: of the document.
        digest: of its text when it was cited, or "".
    """
    if store is None:
        return None
    found = _named(store, name, digest)
    if found is None:
        return None
    shown = ("name", "title", "language", "text", "digest", "author", "date")
    return {
        **{name: getattr(found, name) for name in shown},
        "pages": [start for start, _ in found.pages],
        "pictured": _drawable(store, files, found) is not None,
    }


def _named(store: Store, name: str, digest: str) -> Document | None:
    try:
        return store.document(name)
    except KeyError:
        known = store.documents() if digest else []
        same = next((each.name for each in known if each.digest == digest), None)
        return store.document(same) if same is not None else None


@contextmanager
def looking(attached: "Attached", owner: str) -> Iterator[Look]:
    """Tells where citations stand now, see `ui.export.Look`; documents are read once."""
    with ExitStack() as opened:

        @cache
        def store(conversation: str) -> Store | None:
            return opened.enter_context(attached.shelf(owner, conversation))[0]

        @cache
        def document(name: str, digest: str, conversation: str) -> Document | None:
            there = store(conversation)
            return _named(there, name, digest) if there else None

        def look(citation: dict[str, Any], digest: str, conversation: str) -> dict[str, Any]:
            found = document(citation["document"], digest, conversation)
            if found is None:
                return {"page": None, "state": "gone"}
            start, said = citation["start"], citation["text"]
            if found.text[start : citation["end"]] != said:
                start = found.text.find(said)
            if start < 0:
                return {"page": None, "state": "changed"}
            return {"page": found.page(start), "state": ""}

        yield look


def text_of(path: Path) -> str:
    """The text of a file's documents.

    Raises:
        UserError: why it can't be read.
    """
    texts = []
    with _DRAWING, Reader() as reader:
        for found in reader.read(path, path.parent):
            if isinstance(found, UserError):
                raise found
            texts.append(found.text)
    return "\n\n".join(texts)


def picture(store: Store | None, files: Path, name: str, start: int, end: int) -> bytes | None:
    """The page of a PDF on which a span of its text begins, as a PNG with the words marked.

    None where there is no such document, or its file is no PDF as it was read.
    """
    if store is None:
        return None
    try:
        found = store.document(name)
    except KeyError:
        return None
    path, page = _drawable(store, files, found), found.page(start)
    if path is None or page is None or not 0 <= start < end <= len(found.text):
        return None
    with _DRAWING, Reader() as reader:
        return reader.picture(path, page, found.text[start : min(end, found.pages[page - 1][1])])


def _drawable(store: Store, files: Path, document: Document) -> Path | None:
    """The PDF that a document is the text of, if it lies among the files as it was read."""
    path = files / document.name
    if not document.pages or path.suffix.lower() != ".pdf":
        return None
    try:
        real = path.resolve(strict=True)
        facts = real.stat()
    except OSError:
        return None
    inside = real.is_relative_to(files.resolve())
    known = store.sources().get(document.name)
    return path if inside and known == (facts.st_size, facts.st_mtime_ns) else None
