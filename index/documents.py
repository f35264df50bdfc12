"""Documents from files: text, Markdown and JSON lines are read here, all other kinds by `index.reading.reader`."""

import codecs
import hashlib
import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from index.errors import UserError
from index.text.sentences import Span

TEXTS = (".txt", ".md", ".markdown", ".jsonl")
KINDS = (
    *TEXTS, ".pdf", ".docx", ".pptx", ".xlsx", ".xls", ".ods", ".odt", ".odp", ".html", ".htm", ".xhtml", ".epub", ".eml", ".csv",
    ".tsv", ".zip",
)  # fmt: skip
_UNREAD = (".doc", ".ppt", ".rtf")  # known to hold text: said to be unread rather than passed over
_MOST_BYTES = 200_000_000
_LONGEST_TITLE = (
    200  # code points: it is read before each passage, and both must fit the vector model
)
_FRONT = re.compile(r"^(title|titre)[ \t]*:[ \t]*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_NO_TITLE = re.compile(
    r"microsoft \w+ - .*|(?:untitled|sans titre|(?:powerpoint )?pr[eé]sentation(?: powerpoint)?|document)[ \d]*",
    re.IGNORECASE,
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_WESTERN = re.compile(
    r"[\x00-\x7f\xa0àâäæçèéêëîïñôöœùûüÿÀÂÄÆÇÈÉÊËÎÏÑÔÖŒÙÛÜŸß«»‹›‘’“”…–—•·°²³€£§©®™×±µ½ªº¿¡]*"
)


@dataclass(frozen=True)
class Document:
    """A text to ask about. Spans elsewhere are code points of `text`.

    `name` is the path below the library, or the `_id` of a line; `language` "fr" or "en"; `digest` SHA-256 over text and
    title, unless that is only the file's name. `author` and `date` (ISO 8601) are what the file says of itself, or empty;
    `pages` are the spans of its pages or slides, if it has any.
    """

    name: str
    title: str
    text: str
    language: str
    digest: str
    author: str = ""
    date: str = ""
    pages: tuple[Span, ...] = ()

    def page(self, position: int) -> int | None:
        """The number of the page, from 1, that a position of the text is on; None where there are no pages."""
        return bisect_right(self.pages, position, key=lambda span: span[0]) if self.pages else None

    @property
    def named_after_file(self) -> bool:
        """Whether the title says no more than the name: it changes where the file is renamed."""
        return self.title == _stem(self.name)


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
        if wanted(path.relative_to(library)) and path.is_file() and not path.is_symlink()
    )


def wanted(path: PurePath) -> bool:
    """Whether a file, named from where the user put its folder or archive, is one to read."""
    shown = not any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return shown and path.suffix.lower() in KINDS + _UNREAD and path.stem.lower() != "readme"


def is_text(path: Path) -> bool:
    """Whether a file is plain text, which can do no harm, by its ending and by its first bytes.

    Raises:
        UserError: `document_unreadable`.
    """
    if path.suffix.lower() not in TEXTS:
        return False
    try:
        with path.open("rb") as file:
            return not file.read(5).startswith((b"%PDF-", b"PK\3\4"))
    except OSError as error:
        raise UserError("document_unreadable", file=path, reason=error.strerror) from error


def read_text(path: Path, root: Path) -> Iterator[Document | UserError]:
    """The documents of a file of text; in a .jsonl file a bad line is an error among good documents.

    Args:
        path: the file.
        root: the library; names are relative to it.

    Raises:
        UserError: `document_unreadable`, `document_binary`, `document_large`.
    """
    text = decode(path)
    if path.suffix.lower() == ".jsonl":
        yield from lines(path, text)
    else:
        yield make(name_of(path, root), "", text, titled=True)


def name_of(path: Path, library: Path) -> str:
    """What a file is called in the store: its path below the library."""
    return clean_name(path.name if path == library else path.relative_to(library).as_posix())


def clean_name(name: str) -> str:
    """A name with what can't be stored or seen (bytes that are no UTF-8, controls, reversed text) written out as \\x1b."""
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else char
        for char in name
    )


def clean_text(text: str) -> str:
    """Text without what no file or database can hold: halves of a code point."""
    return _SURROGATES.sub("\ufffd", text)


def make(
    name: str,
    title: str,
    text: str,
    *,
    titled: bool = False,
    author: str = "",
    date: str = "",
    pages: tuple[Span, ...] = (),
) -> Document:
    """A document with its language and digest worked out.

    Args:
        name: unique in the library.
        title: what it calls itself.
        text: all of it.
        titled: whether to look for a title in the text where `title` is empty or says nothing, and else take the file's.
        author: as the file says.
        date: ISO 8601.
        pages: spans that cover the text.
    """
    title = title.strip()
    if titled:
        title = _title(text) if not title or _NO_TITLE.fullmatch(title) else title
        title = title[:_LONGEST_TITLE].strip() or _stem(name)
    own = "" if title == _stem(name) else title
    digest = hashlib.sha256(f"{own}\n{text}".encode()).hexdigest()
    return Document(name, title, text, _language(text), digest, author, date, pages)


def decode(path: Path) -> str:
    """The text of a file.

    Raises:
        UserError: `document_unreadable`, `document_large`, `document_binary`.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError("document_large", file=path, size=path.stat().st_size, most=_MOST_BYTES)
        return decode_bytes(path.read_bytes())
    except OSError as error:
        raise UserError("document_unreadable", file=path, reason=error.strerror) from error
    except UserError as error:
        raise UserError(error.code, **{"file": path, **error.values}) from None


def decode_bytes(data: bytes, charset: str | None = None) -> str:
    """Text from bytes: by its mark, UTF-8, the charset that it is said to have, or the likeliest; lines end in \\n.

    What reads as Windows', the old Macintosh's or DOS's letters without one that French and English lack is taken for
    that; for the rest charset-normalizer looks at which letters stand together.

    Raises:
        UserError: `document_binary`.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in data[:10_000]:
        # UTF-16 without a mark has every other byte of its blanks and figures zero, always on the same side.
        even, odd = data[:10_000:2].count(0), data[1:10_000:2].count(0)
        encodings = (
            ["utf-16-le"] if odd > 20 * even + 1 else ["utf-16-be"] if even > 20 * odd + 1 else []
        )
    else:
        encodings = ["utf-8-sig", *([charset] if charset else [])]
    for encoding in encodings:
        try:
            return _newlines(data.decode(encoding))
        except (UnicodeDecodeError, LookupError):
            continue
    if b"\0" in data:
        raise UserError("document_binary")
    for encoding in ("cp1252", "mac-roman", "cp850"):
        text = data.decode(encoding, "replace")
        if _WESTERN.fullmatch(text):
            return _newlines(text)
    from charset_normalizer import from_bytes

    best = from_bytes(data[:200_000]).best()
    return _newlines(data.decode(best.encoding if best else "cp1252", "replace"))


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _stem(name: str) -> str:
    return unicodedata.normalize("NFC", PurePosixPath(name).stem)


def lines(path: Path, text: str) -> Iterator[Document | UserError]:
    """The documents of JSON lines; a bad line is an error."""
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
        name, title, body = map(clean_text, (name, title, body))
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
