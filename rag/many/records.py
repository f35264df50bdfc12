"""What a document holds many of in one form: rows of a table, sections, items of a list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

from index.documents import Document
from index.text.sentences import Span, is_heading, paragraphs, trimmed
from index.text.words import terms

LONGEST = 100_000  # characters of a document up to which it is looked through in passing
_ROWS = 1000  # records of such a group
_KEPT = 30  # documents whose groups stay known
_LEAST = 2  # records that make a group
MARKS = ("-", "*", "+", "•", "–")  # of a list, before an item


@dataclass(frozen=True)
class Record:
    """One of many: its span in the document's text, and of a row the cells by their columns."""

    start: int
    end: int
    text: str
    cells: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> int:
        """Where it begins to say something: after its heading, if it has one and more."""
        _, line, rest = self.text.partition("\n") if self.text.startswith("#") else ("", "", "")
        return self.end - len(rest.lstrip()) if line and rest.strip() else self.start


@dataclass(frozen=True)
class Group:
    """Records of one form.

    Attributes:
        document: its name.
        title: its title.
        language: "fr" or "en".
        kind: what each of them is, in the document's words: the first column, the first word of
            their headings.
        label: the headings above them, or the line before a list.
        columns: of a table.
        records: in the document's order.
    """

    document: str
    title: str
    language: str
    kind: str
    label: str
    columns: tuple[str, ...]
    records: tuple[Record, ...]

    def cells(self, column: str) -> list[str]:
        """The cells of a column that aren't empty."""
        return [cell for each in self.records if (cell := each.cells.get(column))]


@lru_cache(maxsize=_KEPT)
def quick_groups(document: Document) -> tuple[Group, ...]:
    """The groups of records of a document that is short enough to look through in passing."""
    every = groups(document) if len(document.text) <= LONGEST else ()
    return tuple(group for group in every if len(group.records) <= _ROWS)


def groups(document: Document) -> Iterator[Group]:
    """The groups of records in a document: tables, sections with headings of one form, lists."""
    lines = list(_lines(document.text))
    found = [*_tables(document.text, lines), *_lists(document.text, lines)]
    found += _sections(document, lines)
    for kind, label, columns, records in found:
        if len(records) >= _LEAST:
            about = document.name, document.title, document.language
            yield Group(*about, kind, label, columns, tuple(records))


_Found = tuple[str, str, tuple[str, ...], list[Record]]


def _lines(text: str) -> Iterator[Span]:
    """The lines that aren't blank, without the blanks around them."""
    for start, end in paragraphs(text):
        at = start
        for line in text[start:end].split("\n"):
            if span := trimmed(text, at, at + len(line)):
                yield span
            at += len(line) + 1


def _tables(text: str, lines: Sequence[Span]) -> Iterator[_Found]:
    """The tables, as `index.reading.tables` writes them: names of columns, then named cells."""
    heading, columns, rows = "", tuple[str, ...](), list[Record]()
    for start, end in lines:
        line = text[start:end]
        cells = _cells(line, columns)
        if cells:
            label = next(iter(cells.items()))
            # A long row goes on in another line that begins with its first cell.
            if rows and label in rows[-1].cells.items() and not _overlap(rows[-1].cells, cells):
                before = rows.pop()
                whole = text[before.start : end]
                rows.append(Record(before.start, end, whole, {**before.cells, **cells}))
            else:
                rows.append(Record(start, end, line, cells))
            continue
        if rows:
            yield columns[0], heading, columns, rows
        names = tuple(line.split("; "))
        rows, columns = [], names if len(names) > 1 and ": " not in line else ()
        if is_heading(text, start):
            heading = line
    if rows:
        yield columns[0], heading, columns, rows


def _overlap(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two lines have more columns in common than the first."""
    return len(one.keys() & other.keys()) > 1


def _cells(line: str, columns: Sequence[str]) -> dict[str, str]:
    """The cells of a row by their columns; none where the line is no row of this table."""
    places = []
    for name in columns:
        place = 0 if line.startswith(f"{name}: ") else line.find(f"; {name}: ")
        if place >= 0:
            places.append((place, name))
    places.sort()
    if not places or places[0][0]:
        return {}
    cells = {}
    for (start, name), (end, _) in zip(places, [*places[1:], (len(line), "")], strict=True):
        value = line[start:end].removeprefix("; ")
        cells[name] = value.removeprefix(f"{name}: ").strip()
    return cells


def _lists(text: str, lines: Sequence[Span]) -> Iterator[_Found]:
    """Items that follow each other, named by the line before them."""
    before = ""
    for marked, run in groupby(lines, lambda span: _is_item(text[slice(*span)])):
        items = list(run)
        if marked:
            yield "", before, (), [Record(*span, text[slice(*span)]) for span in items]
        before = text[slice(*items[-1])]


def _is_item(line: str) -> bool:
    mark, _, rest = line.partition(" ")
    numbered = mark[-1:] in (".", ")") and mark[:-1].isdecimal() and len(mark) < 5
    return bool(rest) and (mark in MARKS or numbered)


def _sections(document: Document, lines: Sequence[Span]) -> Iterator[_Found]:
    """Sections below one heading, if the first word of their headings is the same."""
    text = document.text
    headings = [
        (span, *_heading(text[slice(*span)])) for span in lines if is_heading(text, span[0])
    ]
    ends = [*(span[0] for span, _, _ in headings[1:]), *[len(text)][: len(headings)]]
    sections: dict[tuple[str, str, int], list[Record]] = {}
    above: list[str] = []
    for ((start, _), level, title), end in zip(headings, ends, strict=True):
        above = above[: level - 1] + [""] * (level - 1 - len(above)) + [title]
        words = terms(title, document.language)
        span = trimmed(text, start, end)
        if words and span:
            key = words[0], "\n".join(above[:-1]), level
            sections.setdefault(key, []).append(Record(*span, text[slice(*span)]))
    for (word, over, _), records in sections.items():
        yield word, over, (), records


def _heading(line: str) -> tuple[int, str]:
    """The level of a Markdown heading, and what it says."""
    marks, _, title = line.partition(" ")
    return len(marks), title
