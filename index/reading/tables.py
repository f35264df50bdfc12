"""Tables to text: a line a row, each value after the name of its column, so that every line can be
read alone.

Which rows are the names is said by the file, or found by what the rows hold: names are words or
years, and what stands below them is of another kind. Blank rows end a table, blank columns part two
that stand side by side.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice, takewhile

from index.reading.names import (
    can_be_names,
    columns_of,
    combined,
    divides,
    holds_values,
    is_period,
    is_value,
    names_at,
)

_COLUMNS = 16_384  # of a table at most
_LOOK = 40  # rows of a table that are looked at for its names
_WIDE = 500  # characters of a line; a longer row goes on in lines that begin with its first cell


@dataclass(frozen=True)
class Cell:
    """A cell of a file: its text, how many columns and rows it covers, whether it is a name."""

    text: str
    width: int = 1
    height: int = 1
    head: bool = False


def is_layout(cells: Sequence[Sequence[Sequence[str]]], *, nested: bool) -> bool:
    """Whether a table only lays out what stands in it: `cells` holds the paragraphs of each cell,
    row by row; `nested` says whether there are tables among them."""
    sizes = [len(blocks) for row in cells for blocks in row if blocks]
    width, most = max(map(len, cells), default=0), max(sizes, default=0)
    if width < 2 or len(cells) < 2:
        return nested or most > 3 or width < 2
    headed = any(block.startswith("#") for row in cells for blocks in row for block in blocks)
    return sum(sizes) > 3 * len(sizes) or (nested and headed)


def in_cell(blocks: Sequence[str]) -> str:
    """The paragraphs of a cell on a line, without the marks of headings and items; those that give
    values, as the rows of a table in it do, are set apart."""
    parts = [block.removeprefix("- ") for block in blocks]
    parts = [part.lstrip("#")[1:] if part.lstrip("#")[:1] == " " else part for part in parts]
    values = any(sign in part for part in parts for sign in ("; ", " | ", ": "))
    return (" / " if values else " ").join(parts)


def spread(rows: Iterable[Sequence[Cell]]) -> tuple[list[list[str]], int]:
    """The rows with each cell in its column, and how many of the first are names.

    A cell over several rows stands in each of them, one over several columns in the first; names in
    all.
    """
    grid: list[list[str]] = []
    below: dict[int, tuple[int, str]] = {}  # column: rows that are still covered, and by what
    heads = 0
    for row in rows:
        line: list[str] = []

        def covered(end: int = 0, line: list[str] = line) -> None:
            while (held := below.pop(len(line), (0, "")))[0] or len(line) < end:
                if held[0] > 1:
                    below[len(line)] = (held[0] - 1, held[1])
                line.append(held[1])

        named = any(cell.head for cell in row) and all(c.head or not c.text for c in row)
        named &= not heads or len(row) > 1 or row[0].width < len(grid[0])  # a section's title
        for cell in row:
            covered()
            for column in range(min(cell.width, _COLUMNS - len(line))):
                text = cell.text if column == 0 or named else ""
                if cell.height > 1:
                    below[len(line)] = (cell.height - 1, text)
                line.append(text)
        covered(end=max(below, default=-1) + 1)  # a row may be shorter than what covers it
        heads += named and heads == len(grid)
        grid.append(line)
    return grid, heads if heads < len(grid) else 0


def table(
    rows: Iterable[Sequence[str]], *, head: int | None = None, sure: bool = True
) -> Iterator[str]:
    """The lines of one or several tables.

    Args:
        rows: cells in their columns; what is missing at the end of a row is empty.
        head: how many of the first rows are names; None where that is to be found.
        sure: whether words above words in two columns are names (a .csv) or rather label and
            value (a form).
    """
    known: list[str] = []
    kinds: list[bool] = []
    feed = iter(rows)
    top = list(islice(feed, _LOOK))
    above, labels = _above_blank(top) if head is None else (0, False)
    if labels:
        yield from table(top[:above], head=0)
        top = top[above + 1 :]
    elif above:
        del top[above]
    rows = chain(top, feed)
    for block in _blocks([" ".join(cell.split()) for cell in row] for row in rows):
        first = list(islice(block, _LOOK))
        if head is not None:
            start, count, head = 0, min(head, len(first)), 0
            while 0 < count < len(first) - 1 and divides(
                first[count - 1], first[count], first[count + 1 :]
            ):
                count += 1
        elif known and not _new_table(first, known, kinds, sure):
            start, count = 0, 0
        else:
            parts = _side_by_side(first)
            if len(parts) > 1:
                whole = [*first, *block]
                for part in parts:
                    yield from table([row[part] for row in whole], sure=sure)
                continue
            (start, count), known = names_at(first, sure), []
        yield from map(_bare, first[:start])
        if count:
            known = combined(first[start : start + count])
            yield "; ".join(filter(None, known))
        body = first[start + count :]
        kinds = [holds_values(column) for column in columns_of(body)] or kinds
        every = chain(body, block)
        for row in _filled_down(every) if _is_grouped(known, body) else every:
            yield from _line(row, known)


def _is_grouped(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first cell stands for the rows below that have none, as in a pivot table: twice at
    least, as totals have none either."""
    groups, start = set(), -1
    for n, row in enumerate(rows):
        start = n if row[0] else start
        if not row[0] and not any(row[1:2]):
            return False
        if not row[0] and start >= 0 and rows[start][1]:
            groups.add(start)
    words = len(names) > 2 and all(names[:2])
    return words and len(groups) > 1 and not any(map(is_value, chain(*columns_of(rows)[:2])))


def _filled_down(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """The rows with the first cell of a group in each of them; those at the end may be totals."""
    label, held = "", list[list[str]]()
    for row in rows:
        if not row[0]:
            held.append(row)
            continue
        goes_on = any(row[1:])
        yield from ([label, *each[1:]] if goes_on else each for each in held)
        yield row
        label, held = row[0] if row[1] else "", []
    yield from held


def records(found: Sequence[Sequence[tuple[str, str]]]) -> Iterator[str]:
    """The lines of records that are names and values: a table where there are several, each of
    whose names stands once."""
    names = list(dict.fromkeys(name for record in found for name, _ in record))
    if len(found) > 1 and all(1 < len(dict(record)) == len(record) for record in found):
        rows = [[dict(record).get(name, "") for name in names] for record in found]
        yield from table([names, *rows], head=1)
        return
    for record in filter(None, found):
        yield from _line([value for _, value in record], [name for name, _ in record])


def _above_blank(rows: Sequence[Sequence[str]]) -> tuple[int, bool]:
    """How many rows above a first blank one are labels and values above a wider table (True), or
    names of what stands below it (False)."""
    counts = [sum(map(bool, map(str.strip, row))) for row in rows]
    end = counts.index(0) if 0 in counts else 0
    if max(counts[:end], default=9) <= 2 < max(counts):
        return end, True
    last, below = rows[end - 1] if 0 < end < 4 else (), rows[end + 1 :]
    named = last and below and 2 < max(counts) <= counts[end - 1] + (not last[0])
    return end if named and any(map(is_value, below[0])) and can_be_names(last, below) else 0, False


def _blocks(rows: Iterable[list[str]]) -> Iterator[Iterator[list[str]]]:
    """Runs of rows that aren't blank; each must be read to its end before the next."""
    feed = iter(rows)
    for row in feed:
        if any(row):
            yield chain([row], takewhile(any, feed))


def _bare(row: Sequence[str]) -> str:
    """A row without names: label and value, or its cells in their places."""
    filled = [cell for cell in row if cell]
    if len(filled) == 2 and row[0]:
        return f"{filled[0]}{'' if filled[0].endswith(':') else ':'} {filled[1]}"
    while row and not row[-1]:
        row = row[:-1]
    return " | ".join(row) if len(filled) > 1 else "".join(filled)


def _line(row: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """A row as one line, or as several where it is long."""
    alone = len(names) > 1 and row[0] and not any(row[1:])  # the title of what follows
    if alone or not any(names):
        yield _bare(row)
        return
    cells = [
        f"{name}: {cell}" if name and name != cell else cell
        for name, cell in zip([*names, *[""] * (len(row) - len(names))], row, strict=False)
        if cell
    ]
    label = cells[0] if len(cells[0]) < _WIDE / 4 else ""
    line: list[str] = []
    size = 0
    for cell in cells:
        if size + len(cell) > _WIDE and size > len(label):
            yield "; ".join(line)
            line, size = ([label], len(label)) if label else ([], 0)
        line.append(cell)
        size += len(cell) + 2
    yield "; ".join(line)


def _new_table(
    rows: Sequence[Sequence[str]], names: Sequence[str], kinds: Sequence[bool], sure: bool
) -> bool:
    """Whether what follows a blank row has names of its own, rather than going on under the last
    ones."""
    start, count = names_at(rows, sure)
    if not count:
        return False
    head = rows[start]
    if sum(map(bool, head)) != sum(map(bool, names)):
        return True
    figures = [n for n, value in enumerate(kinds) if value and n < len(head) and head[n]]
    return any(not is_value(head[n]) or is_period(head[n]) for n in figures)


def _side_by_side(rows: Sequence[Sequence[str]]) -> list[slice]:
    """The columns of the tables that blank columns part; one where there is only one."""
    runs = groupby(enumerate(columns_of(rows)), lambda column: bool(column[1]))
    used = [[number for number, _ in run] for filled, run in runs if filled]
    parts = [slice(run[0], run[-1] + 1) for run in used]
    filled = [slice(part.start, None if part is parts[-1] else part.stop) for part in parts]
    apart = all(part.stop - part.start > 1 for part in parts) and all(
        any(
            can_be_names([cell for cell in row[part] if cell], rows[n + 1 :])
            for n, row in enumerate(rows[:3])
        )
        for part in parts
    )
    return filled if apart else []
