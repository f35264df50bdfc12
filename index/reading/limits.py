"""What every reader gives, and what reading one file may cost."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from index.text.sentences import Span


@dataclass(frozen=True)
class Limits:
    """Past any of these a file is given up and the user told which. The defaults let the largest manuals through."""

    bytes: int = 200_000_000
    """Of a file."""
    expanded: int = 500_000_000
    """Of all that an archive unpacks to, archives inside it included."""
    members: int = 10_000
    """Of an archive, archives inside it included."""
    depth: int = 3
    """Archives and attached messages inside one another."""
    pages: int = 10_000
    characters: int = 50_000_000
    """Of the text of one document."""
    memory: int = 2_500_000_000
    """Bytes of address space of the reading process, where the system can limit it."""
    seconds: float = 60
    """Of processor for one document, or a page of it; ten times as many for all of a file, five times by the clock."""


@dataclass(frozen=True)
class Read:
    """A text with what its file says of it: `date` is ISO 8601, `pages` the spans of pages or slides, if it has any."""

    text: str
    title: str = ""
    author: str = ""
    date: str = ""
    pages: tuple[Span, ...] = ()


def in_pages(pages: Iterable[str]) -> tuple[str, tuple[Span, ...]]:
    """Pages as one text and their spans, which cover it; a sentence that goes on over a border stays one."""
    parts: list[str] = []
    starts: list[int] = []
    length, last = 0, ""
    for page in map(str.strip, pages):
        if page and last:
            parts.append(" " if last not in ".!?:…" and page[0].islower() else "\n\n")
            length += len(parts[-1])
        starts.append(length)
        parts.append(page)
        length += len(page)
        last = page[-1:] or last
    return "".join(parts), tuple(zip(starts, [*starts[1:], length], strict=True))


def iso_date(text: str) -> str:
    """The first date in a text (2024-02-26, D:20240226103000) as 2024-02-26; empty where there is none."""
    found = re.search(r"(?<!\d)(\d{4})-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])", text)
    return "-".join(found.groups()) if found else ""
