"""Documents: what a text to ask about is called, where it is from, and which files of a library
hold some."""

import hashlib
import json
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from index.byline import byline
from index.errors import UserError
from index.reading.encoding import decode_bytes, visible
from index.reading.kinds import KINDS as READERS
from index.reading.kinds import NAMED, PLAIN, begins_known, kind_of_name
from index.text.language import detect
from index.text.sentences import Span
from index.text.words import word_list

KINDS = tuple(READERS)
"""The endings of the files that are read."""
TEXTS = tuple(ending for ending, reader in READERS.items() if reader in PLAIN)
"""Those of plain text."""
_MOST_BYTES = 200_000_000
_LONGEST_TITLE = 200  # code points: it is embedded before each chunk, and both must fit the model
_FEW = 0.01  # share of common words up to which they tell nothing
_HEAD = 3000  # characters at the beginning in which a title is looked for
_NO_TITLES = ("untitled", "sans titre", "présentation", "presentation", "powerpoint presentation",
              "présentation powerpoint", "presentation powerpoint", "document")  # fmt: skip
_NO_AUTHORS = ("python-docx", "openpyxl", "anonymous", "(anonymous)", "unknown", "un-named")
_OWN_README = (
    Path(__file__).resolve().parents[1] / "seeds" / "README.md"
)  # says how to use the folder


@dataclass(frozen=True)
class Unread:
    """Something of a file that was not read: a code, whose sentences are in `rag/texts`, and the
    values in them."""

    code: str
    values: Mapping[str, Any]


def unread_as_json(notes: Iterable[Unread]) -> str:
    """What was not read of a file, as a store keeps it."""
    return json.dumps([[note.code, dict(note.values)] for note in notes], ensure_ascii=False)


def unread_from_json(text: str) -> tuple[Unread, ...]:
    """What `unread_as_json` wrote."""
    return tuple(Unread(code, values) for code, values in json.loads(text))


@dataclass(frozen=True)
class Document:
    """A text to ask about. Spans elsewhere are code points of `text`.

    `name` is the path below the library, or the `_id` of a line; `language` "fr" or "en"; `digest`
    SHA-256 over text and title, unless that is only the file's name. `author` and `date` (ISO 8601)
    are what the file says of itself, or empty; `pages` are the spans of its pages or slides, if it
    has any; `unread` what of the file is not in the text.
    """

    name: str
    title: str
    text: str
    language: str
    digest: str
    author: str = ""
    date: str = ""
    pages: tuple[Span, ...] = ()
    unread: tuple[Unread, ...] = field(default=(), compare=False)

    def page(self, position: int) -> int | None:
        """The number of the page, from 1, that a position of the text is on; None where there are
        no pages."""
        return bisect_right(self.pages, position, key=lambda span: span[0]) if self.pages else None

    @property
    def named_after_file(self) -> bool:
        """Whether the title says no more than the name: it changes where the file is renamed."""
        return self.title == _stem(self.name)


def walk(library: Path) -> list[Path]:
    """The files of a library that are read, sorted: all below a folder but hidden ones and links;
    or the one file named.

    Raises:
        UserError: `library_absent`.
    """
    return [path for path in _files(library) if library.is_file() or readable(path)]


def passed_over(library: Path) -> dict[str, list[str]]:
    """The files of a library that are of no kind that is read: their names by ending, "" for files
    without one.

    Raises:
        UserError: `library_absent`.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for path in _files(library):
        if not readable(path) and path not in (library, _OWN_README):
            found[path.suffix.lower()].append(name_of(path, library))
    return dict(found)


def _files(library: Path) -> list[Path]:
    if library.is_file():
        return [library]
    if not library.is_dir():
        raise UserError("library_absent", library=library)
    return sorted(
        path
        for path in library.rglob("*")
        if shown(path.relative_to(library)) and path.is_file() and not path.is_symlink()
    )


def shown(path: PurePath) -> bool:
    """Whether a file is neither hidden nor in a hidden folder, from where the user put its folder
    or archive."""
    parts = path.parts
    locks = path.name.startswith("~$")  # left by Word and Excel while a file is open
    return not locks and not any(part.startswith(".") or part == "__MACOSX" for part in parts)


def wanted(path: PurePath) -> bool:
    """Whether a file is of a kind that is read, by its name."""
    return kind_of_name(path) in READERS and path != _OWN_README


def readable(path: Path) -> bool:
    """The same, by its first bytes too where its name says nothing."""
    if wanted(path) or kind_of_name(path) in READERS:
        return wanted(path)
    try:
        with path.open("rb") as file:
            return begins_known(file.read(64))
    except OSError:
        return False


def is_text(path: Path) -> bool:
    """Whether a file is plain text, which can do no harm, by its ending and by its first bytes.

    Raises:
        UserError: `document_unreadable`.
    """
    if kind_of_name(path) not in TEXTS:
        return False
    try:
        with path.open("rb") as file:
            return not file.read(5).startswith(
                (b"%PDF-", b"PK\3\4", b"\xd0\xcf\x11\xe0", b"{\\rtf")
            )
    except OSError as error:
        raise UserError("document_unreadable", file=path, reason=error.strerror) from error


def name_of(path: Path, library: Path) -> str:
    """What a file is called in the store: its path below the library."""
    return clean_name(path.name if path == library else path.relative_to(library).as_posix())


def clean_name(name: str) -> str:
    """A name with what can't be stored or seen (bytes that are no UTF-8, controls, reversed text)
    written out as \\x1b."""
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else char
        for char in name
    )


def clean_text(text: str) -> str:
    """Text without what no file or database can hold: halves of a code point."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def make(
    name: str,
    title: str,
    text: str,
    *,
    titled: bool = False,
    author: str = "",
    date: str = "",
    pages: tuple[Span, ...] = (),
    unread: tuple[Unread, ...] = (),
) -> Document:
    """A document with its language and digest worked out.

    Args:
        name: unique in the library.
        title: what it calls itself.
        text: all of it.
        titled: whether to look for a title in the text where `title` is empty or says nothing,
            and else take the file's; so for the author and the date. author: as the file says.
            date: ISO 8601. pages: spans that cover the text. unread: what of the file is not in
            the text.
    """
    title, found = title.strip(), ""
    author = "" if author.strip().lower() in _NO_AUTHORS else author
    if titled:
        title = title if title and not _says_nothing(title) else _title(text)
        title = title[:_LONGEST_TITLE].strip() or _stem(name)
        if not (author and date):
            said = byline(title, text[:_HEAD])
            author, date = author or said[0], date or said[1]
            found = "\n".join(said) if any(said) else ""
    own = "" if title == _stem(name) else title
    digest = hashlib.sha256(f"{own}\n{text}{found}".encode()).hexdigest()
    return Document(name, title, text, language_of(text), digest, author, date, pages, unread)


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


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return unicodedata.normalize("NFC", path.name if path.name.lower() in NAMED else path.stem)


def _says_nothing(title: str) -> bool:
    """Whether a title is what a program calls every new file."""
    lower = title.lower().rstrip("0123456789 ")
    return lower in _NO_TITLES or (lower.startswith("microsoft ") and " - " in lower)


def _title(text: str) -> str:
    """The first heading, a "Title:" line at the top, or a short first line; empty where there is
    none."""
    named = ""
    lines = list(_prose(text[:_HEAD].split("\n")))
    for number, line in enumerate(lines):
        rule = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if line.startswith(("# ", "#\t")) and line.strip("# \t"):
            return line.strip().rstrip("#").strip("# \t")
        if line.strip() and len(rule) >= 3 and not rule.strip("=") and len(line) < 200:
            return line.strip()
        key, colon, value = line.partition(":")
        if colon and value.strip() and key.strip().lower() in ("title", "titre", "#+title"):
            named = named or value.strip().strip("\"'")
    said = (line.strip("# \t") for line in lines if any(map(str.isalnum, line)))
    first = visible(next(said, ""))
    short = 0 < len(first) <= 120 and not first.endswith((".", "…")) and first.count(";") < 2
    return named or (first if short else "")


def _prose(lines: list[str]) -> Iterator[str]:
    """The lines outside of blocks of code, in which # opens a comment."""
    fence = ""
    for line in lines:
        before, fence = fence, fence_after(line, fence)
        if not before and not fence:
            yield line


def fence_after(line: str, fence: str) -> str:
    """What closes the block of code that is open after a line of Markdown, if one is: ``` or ~~~,
    or more of them.

    Args:
        line: the line.
        fence: what closes the block that was open before it; empty where none was.
    """
    bare = line.lstrip()
    run = bare[: len(bare) - len(bare.lstrip(bare[:1]))] if bare[:1] in ("`", "~") else ""
    if fence:
        return "" if run.startswith(fence) and not bare[len(run) :].strip() else fence
    return run if len(run) >= 3 and "`" not in bare[len(run) :] else ""


def language_of(text: str) -> str:
    """ "fr" or "en" by the commonest words: whole documents hold so many of them that nothing finer
    is needed; a table may hold none, and is spelled in either."""
    words = text[:20_000].casefold().replace("’", " ").replace("'", " ").split()
    french, english = (sum(w in word_list("stop", each) for w in words) for each in ("fr", "en"))
    if max(french, english) <= _FEW * len(words):
        return detect(text[:_HEAD].replace("_", " "))
    return "en" if english > french else "fr"
