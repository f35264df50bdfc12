"""Which rows of a table are the names of its columns, told by what the rows hold.

Names are words or years, and what stands below them is of another kind.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, pairwise

_PREAMBLE = 15  # rows above the names


def columns_of(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    width = max(map(len, rows), default=0)
    return [
        [row[column] for row in rows if column < len(row) and row[column]]
        for column in range(width)
    ]


def is_value(cell: str) -> bool:
    """Whether a cell is rather a figure, a date or an amount than a name."""
    digits = sum(char.isdigit() for char in cell)
    return digits > 0 and digits >= sum(char.isalpha() for char in cell)


def holds_values(column: Sequence[str]) -> bool:
    return bool(column) and sum(map(is_value, column)) > 0.6 * len(column)


def is_period(cell: str) -> bool:
    """Whether a cell is a year, or part of one: 2023, T1 2024, 2023-2024, S2."""
    digits = "".join(char if char.isdigit() else " " for char in cell).split()
    year = any(len(run) == 4 and run[:2] in ("19", "20", "18") for run in digits)
    apart = " ".join(word for word in cell.split() if not word.isalpha())
    return (year and len(apart) <= 12) or (len(cell) == 2 and cell[0].isalpha() and bool(digits))


def _counts(row: Sequence[str]) -> bool:
    """Whether a row after its first cell counts in even steps: 36, 38, 40."""
    numbers = [int(cell) for cell in row[1:] if cell.isdecimal()]
    steps = {after - before for before, after in pairwise(numbers)}
    whole = len(numbers) == sum(map(bool, row[1:])) >= 3
    return whole and len(steps) == 1 and min(steps) > 0 and not is_value(row[0])


def can_be_names(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    filled = [cell for cell in row if cell]
    figures = [cell for cell in filled if is_value(cell)]
    labels, more = (sum(cell.endswith(":") for cell in part) for part in (filled, chain(*below)))
    form = labels and (more or len(filled) < 3 or labels not in (1, len(filled)))
    if not filled or not below or form or sum(map(len, filled)) > 120 * len(filled):
        return False
    if not figures:
        return True
    columns = columns_of(below)
    if not all(map(is_period, figures)):
        units = [  # 0-14 ans, PM2.5, 6h above plain numbers
            any(map(str.isalpha, cell)) and not any(map(str.isalpha, chain(*column)))
            for cell, column in zip(row, columns, strict=False)
            if cell in figures and column and not is_period(cell)
        ]
        counted = _counts(row) and 2 * sum(map(_counts, below)) <= len(below)
        return counted or (bool(units) and all(units) and not is_value(row[0]))
    if len(set(figures)) < len(figures) or len(figures) < min(2, len(filled) - 2):
        return False
    under = [
        cell
        for n, cell in enumerate(row)
        if cell in figures and n < len(columns) and all(map(is_period, columns[n]))
    ]
    return len(under) < len(figures)


def names_at(rows: Sequence[Sequence[str]], sure: bool) -> tuple[int, int]:
    """Where the rows of names begin, and how many they are; (0, 0) where there are none."""
    used = [n for n, column in enumerate(columns_of(rows)) if column]
    rows = [[row[n] if n < len(row) else "" for n in used] for row in rows]
    counts = [sum(map(bool, row)) for row in rows]
    width = sorted(counts)[-2:][0] if len(rows) > 2 else max(counts)
    if len(used) < 2:
        return 0, 0
    least = max(0.7 * width, min(len(used), 3))  # a corner, and two names at least
    full = (n for n, row in enumerate(rows[:_PREAMBLE]) if counts[n] + (not row[0]) >= least)
    start = next(full, 0)
    if len(used) == 2 and not _two_columns_named(rows, start, sure):
        return 0, 0
    for top in range(max(start - 2, 0), start + 1):
        for end in (top + 3, top + 2):
            below = rows[end:]
            if (
                below
                and end > start
                and all(divides(one, two, below) for one, two in pairwise(rows[top:end]))
                and can_be_names(combined(rows[top:end]), below)
            ):
                return top, end - top
    return start, int(can_be_names(rows[start], rows[start + 1 :]))


def _two_columns_named(rows: Sequence[Sequence[str]], start: int, sure: bool) -> bool:
    """Whether a table of two columns has names; a form of labels has values of several kinds."""
    second = [row[-1] for row in rows[start:] if row[-1]]
    if len(second) < (2 if sure else 4) or (is_value(second[0]) and not is_period(second[0])):
        return False
    units = Counter(_unit(cell) for cell in second[1:] if is_value(cell))
    said = sum(any(map(str.isalnum, cell)) for cell in second[1:])  # a nought may be a dash
    share = units.most_common(1)[0][1] / said if units else 0
    return share > 0.8 or (sure and not units and not is_period(second[0]))


def _unit(cell: str) -> str:
    """What a value has beside its figures: the letters and signs of a unit or a date."""
    return "".join(char for char in cell.strip("+-") if not char.isdigit() and char not in " .,")


def divides(top: Sequence[str], bottom: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a second row of names divides the columns of the first."""
    figures = [cell for cell in (*top, *bottom) if is_value(cell)]
    gaps = [
        n
        for n in range(1, len(bottom))
        if bottom[n] and (n >= len(top) or top[n] in ("", top[n - 1]))
    ]
    if not gaps or not any(top[1:]) or not all(map(is_period, figures)):
        return False
    if not top[0] and bottom[0]:
        columns = columns_of(below)
        return all(n < len(columns) and holds_values(columns[n]) for n in gaps)
    return bottom[0] in ("", top[0]) or all(map(is_period, filter(None, bottom[1:])))


def combined(rows: Sequence[Sequence[str]]) -> list[str]:
    """The names of the columns from one row, or from several that divide each other."""
    width = max(map(len, rows))
    names: list[list[str]] = [[] for _ in range(width)]
    for number, row in enumerate(rows):
        last, years = "", False
        for column in range(width):
            cell = row[column] if column < len(row) else ""
            below = [other[column] for other in rows[number + 1 :] if any(other[column:][:1])]
            own = any(map(is_period, below))
            last = cell or (last if below and column and own == years else "")
            years = own if cell else years
            if last and last not in names[column]:
                names[column].append(last)
    return [" ".join(parts).rstrip(" :") for parts in names]
