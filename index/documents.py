"""Documents from files: text, Markdown, and libraries of one JSON document a line."""

import codecs
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weights.errors import UserError

ENDINGS = (".txt", ".md", ".markdown", ".jsonl")
_MOST_BYTES = 200_000_000
_LONGEST_TITLE = 200  # code points: it is read before each passage, and both must fit the vector model
_FRONT = re.compile(r"^(title|titre)[ \t]*:[ \t]*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Document:
    """A text to ask about. Spans elsewhere are code points of `text`.

    `name` is the path below the library, or the `_id` of a line; `language` "fr" or "en"; `digest` SHA-256 over title
    and text.
    """

    name: str
    title: str
    text: str
    language: str
    digest: str


def walk(library: Path) -> list[Path]:
    """The files of a library, sorted: all below a folder but hidden ones, links and READMEs; or the one file named.

    Raises:
        UserError: `library_absent`.
    """
    if library.is_file():
        return [library]
    if not library.is_dir():
        raise UserError("library_absent", library=library)
    return sorted(
        path
        for path in library.rglob("*")
        if path.suffix.lower() in ENDINGS
        and path.is_file()
        and not path.is_symlink()
        and path.stem.lower() != "readme"
        and not any(part.startswith(".") for part in path.relative_to(library).parts)
    )


def read(path: Path, root: Path) -> Iterator[Document | UserError]:
    """The documents of a file; in a .jsonl file a bad line is an error among good documents.

    Args:
        path: the file.
        root: the library; names are relative to it.

    Raises:
        UserError: `document_unreadable`, `document_binary`, `document_large`, `document_kind`.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UserError("document_kind", file=path, kinds=", ".join(ENDINGS))
    text = decode(path)
    if path.suffix.lower() == ".jsonl":
        yield from _lines(path, text)
        return
    name = path.relative_to(root).as_posix() if path != root else path.name
    yield make(name, _title(text)[:_LONGEST_TITLE].strip() or path.stem, text)


def make(name: str, title: str, text: str) -> Document:
    """A document with its language and digest worked out."""
    digest = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()
    return Document(name, title, text, _language(text), digest)


def decode(path: Path) -> str:
    """The text of a file: UTF-8, UTF-16 with a mark, else Windows-1252; lines end in \\n."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError("document_large", file=path, size=path.stat().st_size, most=_MOST_BYTES)
        data = path.read_bytes()
    except OSError as error:
        raise UserError("document_unreadable", file=path, reason=error.strerror) from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in data:
        raise UserError("document_binary", file=path)
    else:
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            continue
    raise UserError("document_binary", file=path)


def _lines(path: Path, text: str) -> Iterator[Document | UserError]:
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value: Any = json.loads(line)
            name, body = str(value["_id"]), value["text"]
            title = value.get("title") or ""
            if not isinstance(body, str) or not isinstance(title, str):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield UserError("document_line", file=path, line=number)
            continue
        if name in seen:
            yield UserError("document_twice", file=path, line=number, name=name, first=seen[name])
            continue
        seen[name] = number
        # JSON can hold halves of a code point (\ud83d alone), which no file or database can.
        name, title, body = (_SURROGATES.sub("\ufffd", value) for value in (name, title, body))
        yield make(name, title.strip()[:_LONGEST_TITLE], body)


def _title(text: str) -> str:
    """The first heading, a "Title:" line at the top, or a short first line; empty where there is none."""
    head = text[:2000]
    if heading := re.search(r"^#[ \t]+(\S.*?)[ \t#]*$", head, re.MULTILINE):
        return heading[1].strip()
    if front := _FRONT.search(head):
        return front[2].strip().strip("\"'")
    first = head.strip().split("\n", 1)[0].strip("# \t")
    return first if 0 < len(first) <= 120 and not first.endswith((".", "…")) else ""


_FRENCH = re.compile(
    r"\b(?:le|la|les|des|du|une|est|dans|pour|que|qui|sur|avec|par|aux?|ce|cette|il|elle|et|ne|pas|plus|ont|été)\b"
)
_ENGLISH = re.compile(
    r"\b(?:the|of|and|to|in|is|that|for|on|with|as|was|by|are|this|it|from|at|which|has|have|not|be|were|been)\b"
)


def _language(text: str) -> str:
    """ "fr" or "en" by the commonest words: whole documents hold so many of them that nothing finer is needed."""
    head = text[:20_000].lower()
    return "en" if len(_ENGLISH.findall(head)) > len(_FRENCH.findall(head)) else "fr"
