"""What the program sees of a file: `python -m rag read FILE [--json]`."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from index.documents import Document, Unread, walk
from index.errors import UserError
from index.reading.reader import Reader
from rag.i18n import MESSAGES, explain, say


def read(paths: Iterable[Path], language: str, as_json: bool = False) -> int:
    """Print each document of some files, or why it can't be read.

    Args:
        paths: files, or folders of files.
        language: "fr" or "en", of what is said.
        as_json: one JSON object a line: `name`, `title`, `text`, `author`, `date`, `language`
            and `unread`, which says in
            words what of the file isn't in the text; or `error` and `message`.

    Returns:
        the exit status: 0 where at least one document was read, else 1.
    """
    read_any = False
    for found in documents_of(paths):
        read_any |= isinstance(found, Document)
        if as_json:
            print(json.dumps(as_row(found, language), ensure_ascii=False))
        elif isinstance(found, Document):
            print(_shown(found, language))
        else:
            print(f"cocorico: {explain(found, language)}", file=sys.stderr)
    return 0 if read_any else 1


def as_row(found: Document | UserError, language: str) -> dict[str, Any]:
    """A document or an error as the row that `read --json` prints."""
    if isinstance(found, UserError):
        return {"error": found.code, "message": explain(found, language)}
    return {
        "name": found.name,
        "title": found.title,
        "text": found.text,
        "author": found.author,
        "date": found.date,
        "language": found.language,
        "unread": [said(note, language) for note in found.unread],
    }


def said(note: Unread, language: str) -> str:
    """What was not read of a file, as a sentence."""
    return say(note.code, language, **note.values) if note.code in MESSAGES else note.code


def documents_of(paths: Iterable[Path]) -> Iterator[Document | UserError]:
    """The documents of files and folders, or why one can't be read."""
    with Reader(progress=_progress) as reader:
        for path in paths:
            try:
                files = walk(path)
            except UserError as error:
                yield UserError("file_absent", file=path) if not path.exists() else error
                continue
            for file in files:
                try:
                    yield from reader.read(file, path)
                except UserError as error:
                    yield error


def _progress(name: str, page: int, pages: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{name} {page}/{pages}", end="\n" if page == pages else "", file=sys.stderr)


def _shown(document: Document, language: str) -> str:
    """A document for a terminal: what it is, what was not read, its text."""
    facts = [document.name, document.title, document.author, document.date, document.language]
    notes = [f"! {said(note, language)}" for note in document.unread]
    return "\n".join([" | ".join(filter(None, facts)), *notes, "", document.text, ""])
