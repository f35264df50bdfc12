"""Tables on a page that nothing but the places of their cells tells."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from index.reading.lines import Line, joined, stacked
from index.reading.names import columns_of, holds_values, is_value, names_at
from index.reading.tables import table

_LONG = 30  # characters of a cell that may be a line of prose
_CLOSE = 1.8  # heights of a line from the one above, of which it may be the second
_COLUMNS = 3  # from which a table is told from lines of two parts

Column = tuple[float, float]
"""Its left and right border, in points."""


def table_at(
    rows: Sequence[list[Line]], at: int, *, beside: bool = False
) -> tuple[list[Line], int]:
    """The table that begins with a row, its rows with the names of their columns, and how many rows
    it takes.

    At least three columns that keep their places over three rows, under names; else nothing.
    Between columns of prose (`beside`) one of them has values, and none is prose.
    """
    columns: list[Column] = []
    end = at
    for row in rows[at:] if len(rows[at]) >= _COLUMNS else ():
        gap = rows[end - 1][0].bottom - max(part.top for part in row) if end > at else 0.0
        if end > at and gap >= 2.5 * (row[0].top - row[0].bottom):
            break
        fitted = _fitted(columns, row) or _fitted(_closed(columns, rows[at:end]), row)
        if fitted is None:
            break
        columns, end = fitted, end + 1
    found = rows[at:end]
    columns = _closed(columns, found)
    if len(columns) < _COLUMNS or len(found) < 3:
        return [], 0
    if sum(len(row) > 1 or row[0].left > columns[0][1] for row in found) < 0.7 * len(found):
        return [], 0
    grid = _grid(found, columns)
    start, names = names_at(grid, sure=False)
    if not names or start or (beside and not _has_values(grid[names:])):
        return [], 0
    whole = joined([part for row in found for part in row])
    box = whole.left, whole.bottom, whole.right, whole.top
    return stacked(box, list(table(grid, head=names))), len(found)


def _closed(columns: Sequence[Column], rows: Sequence[Sequence[Line]]) -> list[Column]:
    """The columns, of two side by side the name of one and the values of another as one: it is set
    to the left, they to the right."""
    kept: list[Column] = []
    used: list[list[int]] = []
    for left, right in columns:
        filled = [n for n, row in enumerate(rows) if any(left <= part.left < right for part in row)]
        if used and (used[-1] == [0]) != (filled == [0]) and used[-1][:1] + filled[:1] != [0, 0]:
            kept[-1], used[-1] = (kept[-1][0], right), [0, 1]
        else:
            kept.append((left, right))
            used.append(filled)
    return kept


def _has_values(grid: Sequence[Sequence[str]]) -> bool:
    """Whether of the columns of a table one has values, and none is prose: lines that are long, and
    nearly all as long as the longest."""
    columns = list(filter(None, columns_of(grid)))
    for column in columns:
        long = max(_LONG, 0.8 * max(map(len, column)))
        if sum(len(cell) > long for cell in column) > 0.5 * len(column):
            return False
    return any(map(holds_values, columns))


def _fitted(columns: Sequence[Column], row: Sequence[Line]) -> list[Column] | None:
    """The columns, each as wide as its cells, with those of another row; None where a cell lies
    over two of them."""
    wider = list(columns)
    for part in row:
        under = [column for column in wider if part.left < column[1] and part.right > column[0]]
        if len(under) > 1:
            return None
        for left, right in under:
            wider.remove((left, right))
        (left, right), *_ = [*under, (part.left, part.right)]
        wider.append((min(part.left, left), max(part.right, right)))
    return sorted(wider)


def _grid(rows: Sequence[Sequence[Line]], columns: Sequence[Column]) -> list[list[str]]:
    """The cells in their columns; a row that stands close below another, in columns filled there,
    goes on with it."""
    steps = [before[0].top - after[0].top for before, after in pairwise(rows)]
    grid: list[list[str]] = []
    for number, row in enumerate(rows):
        cells = [""] * len(columns)
        for part in sorted(row, key=lambda part: part.left):
            column = next(n for n, (_, right) in enumerate(columns) if part.left < right)
            cells[column] = f"{cells[column]} {part.text}".strip()
        step = steps[number - 1] if number else 0.0
        close = 0 < step < 0.85 * median(steps)
        # A second line of a cell that isn't the first, as of what is said of a movement.
        alone = number > 1 and len(row) == 1 and not cells[0]
        close |= alone and 0 < step < _CLOSE * (row[0].top - row[0].bottom)
        pairs = list(zip(grid[-1], cells, strict=True)) if grid else []
        both = any(is_value(above) and is_value(cell) for above, cell in pairs[1:])
        over = number > 1 and min(part.bottom for part in rows[number - 1]) < row[0].top - 1
        if not both and (over or (close and all(above or not cell for above, cell in pairs))):
            grid[-1] = [f"{above} {cell}".strip() for above, cell in pairs]
        else:
            grid.append(cells)
    return grid
