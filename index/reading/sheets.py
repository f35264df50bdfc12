"""Sheets of cells to text, whatever file they are from, and tables of text (CSV)."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from typing import Any

from index.documents import Unread
from index.reading.encoding import decode_bytes
from index.reading.formulas import Formulas, name_of
from index.reading.limits import Read, Reading, Source, unread
from index.reading.tables import table

_SEPARATORS = ";,\t|^"
_LOOK = 60  # rows of a text table by which its separator and its names are found
_MOST_MERGED = 1000  # rows that a cell may be repeated in
_MOST_LINES = 30  # of a cell in a text table whose quotation marks are wrong somewhere


@dataclass
class Sheet:
    """A sheet's cells as text, by row and column from 0; empty ones are left out."""

    name: str
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    """First row, first column, last row, last column."""
    heads: set[int] = field(default_factory=set)
    """Rows that the file says hold names."""
    beside: list[str] = field(default_factory=list)
    """What stands over the cells: text boxes, headers and footers."""

    def lines(self) -> Iterator[str]:
        """The tables, a line a row. Empty rows and columns in a run count as one."""
        for top, left, bottom, right in self.merged:
            text = self.rows.get(top, {}).get(left, "")
            last = min(bottom, top + _MOST_MERGED) if text and right - left < 3 else top
            for row in range(top + 1, last + 1):
                self.rows.setdefault(row, {}).setdefault(left, text)
        used = sorted(set(chain.from_iterable(self.rows.values())))
        places: dict[int, int] = {}
        for before, column in zip([-1, *used], used, strict=False):
            places[column] = places.get(before, -1) + (1 if column == before + 1 else 2)
        cuts = [0, *sorted(self.heads & self.rows.keys()), max(self.rows, default=0) + 1]
        for start, end in pairwise(cuts):
            yield from table(
                self._grid(places, start, end), head=1 if start in self.heads else None
            )
        yield from self.beside

    def _grid(self, places: dict[int, int], start: int, end: int) -> Iterator[list[str]]:
        width, last = max(places.values(), default=0) + 1, start
        for number in sorted(row for row in self.rows if start <= row < end):
            if number > last + 1:
                yield [""] * width
            last = number
            line = [""] * width
            for column, text in self.rows[number].items():
                line[places[column]] = text
            yield line


def sheets_text(sheets: Iterable[Sheet], every: int) -> str:
    """The text of a file's sheets, each under its name where there are several, or it has words."""
    blocks: list[str] = []
    for sheet in sheets:
        lines = list(sheet.lines())
        said = every > 1 or any(len(word) > 2 for word in sheet.name.split()[1:])  # not "Sheet 1"
        blocks += [f"# {sheet.name}", *lines] if lines and said else lines
    return "\n\n".join(blocks)


def formula_notes(found: Sequence[Formulas]) -> tuple[Unread, ...]:
    """What is said of formulas without a value: which were worked out here, and which weren't."""
    values = [(place, each.numbers.get(place)) for each in found for place in each.formulas]
    left = [name_of(place) for place, value in values if value is None]
    return (
        *unread("read_formulas", count=len(values) - len(left)),
        *unread("unread_formulas", count=len(left), cells=", ".join(left[:10])),
    )


def read_csv(source: Source) -> Reading:
    """Rows of a text table under the names of its columns, whatever parts the cells."""
    lines = decode_bytes(source.data).split("\n")
    said = next((n for n, line in enumerate(lines) if not line.startswith("# ")), 0)
    separator = ""
    if lines[said].strip().lower().startswith("sep="):  # Excel's own way of saying it
        separator = lines.pop(said).strip()[4:5]
    text = "\n".join(lines[said:])
    rows = ([*map(_unformed, row)] for row in csv_rows(text, separator) if not _is_rule(row))
    yield Read("\n\n".join([*lines[:said], *filter(None, table(rows))]))


def _unformed(cell: str) -> str:
    """A cell without what keeps Excel from taking it for a number: ="0123"."""
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell


def _is_rule(row: list[str]) -> bool:
    """Whether a row only underlines the names, as programs of databases write it."""
    return bool(row) and all(len(cell) > 1 and not cell.strip("-") for cell in map(str.strip, row))


def csv_rows(text: str, separator: str) -> Iterator[list[str]]:
    """The rows; where a quotation mark is never closed, line by line."""
    csv.field_size_limit(max(len(text), 1))
    sign = separator or _separator(text)
    options: dict[str, Any] = {"delimiter": sign, "skipinitialspace": True}
    if '"' not in text and 2 <= text.count(f"{sign}'") <= text.count(f"'{sign}") + text.count(
        "'\n"
    ):
        options["quotechar"] = "'"
    for escape in (None, "\\"):
        options["escapechar"] = escape
        with suppress(csv.Error):
            Counter(map(len, csv.reader(io.StringIO(text, ""), strict=True, **options)))
            return csv.reader(io.StringIO(text, ""), **options)
    del options["escapechar"]
    return _line_by_line(text.split("\n"), options)


def _line_by_line(lines: list[str], options: dict[str, Any]) -> Iterator[list[str]]:
    """The rows of a table in which quotation marks are wrong somewhere: of each line alone, or with
    those after it where they make a row as wide as the first; in others the marks are letters."""
    width, at = len(next(csv.reader(lines[:1], **options), [])), 0
    while at < len(lines):
        row, used = next(csv.reader(lines[at : at + 1], quoting=csv.QUOTE_NONE, **options), []), 1
        for end in range(at + 1, at + 1 + _MOST_LINES):
            with suppress(csv.Error):
                found = next(csv.reader(["\n".join(lines[at:end])], strict=True, **options), [])
                if len(found) == width or end == at + 1:
                    row, used = found, end - at
                break
        yield row
        at += used


def separator_of(text: str) -> str:
    """The sign that parts each line of a text in as many cells, three or more; "" where it is no
    table."""
    lines = [line for line in text.split("\n", _LOOK)[:_LOOK] if line.strip()]
    for sign in _SEPARATORS.replace(",", ""):
        counts = {line.count(sign) for line in lines}
        if len(lines) > 2 and len(counts) == 1 and min(counts) > 1 and lines[0][0] != sign:
            return sign
    return ""


def _separator(text: str) -> str:
    """The sign with which most rows have the same number of cells."""

    def evenness(sign: str) -> float:
        try:
            lines = io.StringIO(text[:50_000], "")
            rows = islice(csv.reader(lines, delimiter=sign, skipinitialspace=True), _LOOK)
            widths = Counter(len(row) for row in rows if row)
        except csv.Error:
            return 0
        alone = widths.pop(1, 0)
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        return 0 if alone > 2 * count else count + 0.01 * min(width, 10)

    return max(_SEPARATORS, key=evenness) if any(map(evenness, _SEPARATORS)) else "\x1f"
