"""Tables drawn with rules on a page: a line a row, whatever stands where in its cells."""

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from index.reading.lines import Line, stacked
from index.reading.tables import Cell, spread, table

Box = tuple[float, float, float, float]  # left, bottom, right, top
Place = tuple[int, int]  # row, column
Span = tuple[int, int, int, int]  # first row and column, width, height
_THICK = 2.0  # points of a rule at most, and between two that are one
_MOST = 3000  # paths of a page; drawings have more
_COLUMNS = range(2, 31)
_ROWS = 300
_LINES = 8  # in a cell, from which a table only lays out what stands in it


def rules_of(page: Any, turned: Callable[..., Box]) -> list[Box]:
    """The level and upright rules of a page, and the edges of its frames."""
    from pypdfium2 import PdfiumError, raw

    rules: list[Box] = []
    for n, path in enumerate(page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=1)):
        if n == _MOST:
            return []
        try:
            left, bottom, right, top = box = turned(*path.get_bounds())
        except PdfiumError:
            continue
        if min(right - left, top - bottom) <= _THICK:
            rules.append(box)
        elif raw.FPDFPath_CountSegments(path) in (4, 5):
            rules += [(left, y, right, y) for y in (bottom, top)]
            rules += [(x, bottom, x, top) for x in (left, right)]
    return [rule for rule in rules if max(rule[2] - rule[0], rule[3] - rule[1]) > 2 * _THICK]


def with_rows(lines: Sequence[Line], rules: Sequence[Box]) -> list[Line]:
    """The lines with those inside each ruled table as its rows."""
    kept = list(lines)
    for group in _groups(rules):
        level = [rule for rule in group if rule[2] - rule[0] > rule[3] - rule[1]]
        upright = [rule for rule in group if rule[2] - rule[0] <= rule[3] - rule[1]]
        xs = _places((rule[0] + rule[2]) / 2 for rule in upright)
        ys = _places(-(rule[1] + rule[3]) / 2 for rule in level)  # from the top
        inside = [line for line in kept if _at(line, xs, ys)]
        if len(xs) - 1 not in _COLUMNS or not 3 <= len(ys) <= _ROWS or not inside:
            continue
        rows = list(_rows(_cells(level, upright, xs, ys), inside, xs, ys))
        if texts := list(table(spread(rows)[0], sure=False)) if rows else []:
            places = {id(line) for line in inside}
            first = next(n for n, line in enumerate(kept) if id(line) in places)
            kept = [line for line in kept if id(line) not in places]
            kept[first:first] = stacked((xs[0], -ys[-1], xs[-1], -ys[0]), texts)
    return kept


def _groups(rules: Sequence[Box]) -> Iterator[list[Box]]:
    """The rules of each table: those that stand at common heights."""
    group: list[Box] = []
    low = 0.0
    for rule in sorted(rules, key=lambda rule: -rule[3]):
        if group and rule[3] < low - _THICK:
            yield group
            group = []
        low = min(low, rule[1]) if group else rule[1]
        group.append(rule)
    yield group


def _places(found: Iterator[float]) -> list[float]:
    places: list[float] = []
    for place in sorted(found):
        if not places or place > places[-1] + 2 * _THICK:
            places.append(place)
    return places


def _at(line: Line, xs: Sequence[float], ys: Sequence[float]) -> Place | None:
    """The row and column in whose bounds the middle of a line is; None outside of the table."""
    row = bisect(ys, -(line.top + line.bottom) / 2) - 1
    column = bisect(xs, (line.left + line.right) / 2) - 1
    inside = 0 <= row < len(ys) - 1 and 0 <= column < len(xs) - 1
    return (row, column) if inside else None


def _cells(
    level: Sequence[Box], upright: Sequence[Box], xs: Sequence[float], ys: Sequence[float]
) -> dict[Place, Span]:
    """Of each place the cell that it is of."""
    walls = [[r for r in upright if abs(r[0] - x) <= 2 * _THICK] for x in xs]
    floors = [[r for r in level if abs(r[1] + y) <= 2 * _THICK] for y in ys]

    def wall(row: int, column: int) -> bool:
        middle = -(ys[row] + ys[row + 1]) / 2
        return column == len(xs) - 1 or any(r[1] < middle < r[3] for r in walls[column])

    def floor(row: int, column: int) -> bool:
        middle = (xs[column] + xs[column + 1]) / 2
        return row == len(ys) - 1 or any(r[0] < middle < r[2] for r in floors[row])

    cells: dict[Place, Span] = {}
    for row in range(len(ys) - 1):
        for column in range(len(xs) - 1):
            if (row, column) in cells:
                continue
            right, below = column + 1, row + 1
            while not wall(row, right):
                right += 1
            while not floor(below, column):
                below += 1
            places = [(r, c) for r in range(row, below) for c in range(column, right)]
            cells |= dict.fromkeys(places, (row, column, right - column, below - row))
    return cells


def _rows(
    cells: dict[Place, Span], lines: Sequence[Line], xs: Sequence[float], ys: Sequence[float]
) -> Iterator[list[Cell]]:
    """The rows of cells with their texts; none where they hold columns of prose, or next to
    nothing."""
    texts: dict[Place, list[str]] = {}
    for line in sorted(lines, key=lambda line: (-line.top, line.left)):
        if place := _at(line, xs, ys):
            texts.setdefault(cells[place][:2], []).append(line.text)
    every = set(cells.values())
    if len(texts) < 0.3 * len(every) or max(map(len, texts.values())) > _LINES:
        return
    for row in range(len(ys) - 1):
        own = sorted(cell for cell in every if cell[0] == row)
        yield [Cell(" ".join(texts.get(cell[:2], ())), cell[2], cell[3]) for cell in own]
