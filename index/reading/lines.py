"""The lines of a page, as they stand on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.reading.names import is_value


@dataclass(frozen=True)
class Line:
    """A line, or the part of it on one side of a gap; borders in points, y upwards."""

    left: float
    bottom: float
    right: float
    top: float
    text: str
    start: int = -1
    """Where its first letter is among those of the page, for lines as they are drawn."""
    row: bool = False
    """Whether it is a row of a table with the names of its columns."""


def overlap(one: Line, other: Line) -> bool:
    """Whether two lines stand at the same height."""
    common = min(one.top, other.top) - max(one.bottom, other.bottom)
    return common > 0.5 * min(one.top - one.bottom, other.top - other.bottom)


def joined(row: Sequence[Line]) -> Line:
    """The parts of a row as one line; a label with a value far from it is a row of its own."""
    parts = sorted(row, key=lambda part: part.left)
    label, value = parts[0], parts[-1]
    far = value.left - label.right > 2 * (value.top - value.bottom)
    return Line(
        label.left, min(part.bottom for part in row), max(part.right for part in row),
        max(part.top for part in row), " ".join(part.text for part in parts),
        row=label.row or (
            len(row) == 2 and far and is_value(value.text) and not is_value(label.text)
        ),
    )  # fmt: skip


def stacked(box: tuple[float, float, float, float], texts: Sequence[str]) -> list[Line]:
    """The rows of a table that takes a box, from top to bottom."""
    left, bottom, right, top = box
    step = (top - bottom) / len(texts)
    tops = [top - n * step for n in range(len(texts) + 1)]
    return [
        Line(left, low, right, high, text, row=True)
        for text, (high, low) in zip(texts, pairwise(tops), strict=True)
    ]
