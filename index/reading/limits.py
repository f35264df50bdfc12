"""What every reader takes and gives, and what reading one file may cost."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from index.documents import Unread
from index.errors import UserError
from index.reading.encoding import visible, without_data
from index.text.sentences import Span


@dataclass(frozen=True)
class Limits:
    """Past any of these a file is given up and the user told which. The defaults let the largest
    manuals through."""

    bytes: int = 200_000_000
    """Of a file."""
    expanded: int = 500_000_000
    """Of all that an archive unpacks to, archives inside it included."""
    members: int = 10_000
    """Of an archive, archives inside it included."""
    depth: int = 3
    """Archives and attached messages inside one another."""
    pages: int = 10_000
    cells: int = 5_000_000
    """Of a spreadsheet that are filled."""
    characters: int = 50_000_000
    """Of the text of one document."""
    memory: int = 2_500_000_000
    """Bytes of address space of the reading process, where the system can limit it."""
    seconds: float = 60
    """Of processor for one document, or a page of it; ten times as many for all of a file, five
    times by the clock."""


class Budget:
    """What one file may still unpack to; shared by all archives inside it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._bytes = limits.expanded
        self._members = limits.members

    def count(self, members: int) -> None:
        """Count files in an archive. Raises UserError `document_many`."""
        self._members -= members
        if self._members < 0:
            raise UserError("document_many", most=self.limits.members)

    def spend(self, count: int) -> None:
        """Count bytes that came out of an archive. Raises UserError `document_expands`."""
        self._bytes -= count
        if self._bytes < 0:
            raise UserError("document_expands", most=self.limits.expanded)


@dataclass(frozen=True)
class Source:
    """A file to read: its name, its bytes, what it may still unpack to, and a call that says that
    reading goes on."""

    name: str
    data: bytes
    budget: Budget
    tick: Callable[[int, int], None] = lambda page, pages: None
    """Called before each page with its number and how many there are, or with zeros."""


@dataclass(frozen=True)
class Read:
    """A text with what its file says of it: `date` is ISO 8601, `pages` the spans of pages or
    slides, if it has any."""

    text: str
    title: str = ""
    author: str = ""
    date: str = ""
    pages: tuple[Span, ...] = ()
    unread: tuple[Unread, ...] = ()
    name: str = ""
    """Of a document that isn't named after its file."""


@dataclass(frozen=True)
class Part:
    """A file inside a file: a member, an attachment, or what another program must convert first."""

    name: str
    read: Callable[[], bytes]
    """Its bytes; raises UserError where they can't be had."""
    convert: str = ""
    """The ending of the kind to convert."""


Found = Read | Part | UserError | Unread
"""Something not read that belongs to no text of its own stands alone: it is said of the last
document before it."""
Reading = Iterator[Found]


def shown(read: Read) -> Read:
    """The same with nothing in its text and title that nobody sees; where it has pages, they were
    read so."""
    if read.pages:
        return replace(read, title=visible(read.title))
    text, pictures = without_data(visible(read.text))
    notes = (*read.unread, *unread("unread_pictures", count=pictures))
    return replace(read, text=text, title=visible(read.title), unread=notes)


def unread(code: str, **values: Any) -> tuple[Unread, ...]:
    """A note of what was not read; none where the count or the list in it is empty."""
    return (Unread(code, values),) if all(values.values()) else ()


def counted(left: Mapping[str, int]) -> tuple[Unread, ...]:
    """A note for each code of which something was left out."""
    return tuple(note for code, count in left.items() for note in unread(code, count=count))


def in_pages(pages: Iterable[str], *, prose: bool = True) -> tuple[str, tuple[Span, ...]]:
    """Pages as one text and their spans, which cover it; in prose a sentence that goes on over a
    border stays one."""
    parts: list[str] = []
    starts: list[int] = []
    length, last = 0, ""
    for page in (visible(page).strip() for page in pages):
        if page and last:
            goes_on = prose and last not in ".!?:…" and page[0].islower()
            parts.append(" " if goes_on else "\n\n")
            length += len(parts[-1])
        starts.append(length)
        parts.append(page)
        length += len(page)
        last = page[-1:] or last
    return "".join(parts), tuple(pairwise([*starts, length]))


def iso_date(text: str) -> str:
    """The first date in a text (2024-02-26, D:20240226103000) as 2024-02-26; empty where there is
    none."""
    from datetime import date

    digits = "".join(char if char.isdigit() else " " for char in text.replace("-", ""))
    for run in digits.split():
        try:
            return date.fromisoformat(run[:8]).isoformat()
        except ValueError:
            continue
    return ""
