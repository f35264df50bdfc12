"""The layout of a page: its lines in reading order, columns, paragraphs, what every page
repeats."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median

from index.reading.columns import table_at
from index.reading.encoding import visible
from index.reading.lines import Line, joined, overlap

_PROSE = 15  # characters of a line that can be one of a column's
HYPHEN = "\ufffe"  # what PDFium puts for the hyphen that ends a line
# dit-il, peut-être, celui-ci: hyphens that stay wherever the line ends.
_TAILS = frozenset(
    "il elle on ils elles je tu nous vous ce ci là même mêmes être t moi toi lui leur le la les y "
    "en".split()
)
_BROKEN = re.compile(rf"(?<![^\W\d_])([^\W\d_]+){HYPHEN}\s*([^\W\d_]+(?:-[^\W\d_]+)*)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_BULLETS = frozenset("•◦▪‣·*–—-")
_LINES = 80  # drawn before one that may belong to one of them
_LEADERS = 6  # dots from which they lead to a figure


def ordered(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines in blocks, in the order in which one reads: columns one after the other, between
    what spans them."""
    gutter = _gutter(lines)
    if gutter is None:
        return [_rows(lines)] if lines else []
    lines = _with_tables(lines, gutter)
    blocks: list[list[Line]] = []
    sides: tuple[list[Line], list[Line]] = ([], [])
    across: list[Line] = []
    for line in [*sorted(lines, key=lambda line: -line.top), None]:
        crosses = line is None or line.left < gutter < line.right
        if crosses and any(sides):
            blocks += [block for side in sides for block in ordered(side)]
            sides = ([], [])
        if across and (line is None or not crosses):
            blocks.append(_rows(across))
            across = []
        if line is not None:
            (across if crosses else sides[line.left >= gutter]).append(line)
    return blocks


def _with_tables(lines: Sequence[Line], gutter: float) -> list[Line]:
    """The lines with those of each table of values that lies over the gutter as its rows."""
    rows = _levels(sorted(lines, key=lambda line: -line.top))
    kept: list[Line] = []
    at = 0
    while at < len(rows):
        found, count = table_at(rows, at, beside=True)
        across = found and found[0].left < gutter < found[0].right
        kept += found if across else rows[at]
        at += count if across else 1
    return kept


def _gutter(lines: Sequence[Line]) -> float | None:
    """Where a blank stands between two columns of prose: at least four lines of it side by side."""
    prose = sorted((line for line in lines if len(line.text) >= _PROSE), key=lambda line: -line.top)
    beside: list[tuple[float, float]] = []
    for n, line in enumerate(prose):
        for other in prose[n + 1 :]:
            if other.top < line.bottom:
                break
            left, right = (line, other) if line.left < other.left else (other, line)
            if left.right < right.left and overlap(left, right):
                beside.append((left.right, right.left))
    best, most = None, 3
    for x in {round((right + left) / 2) for right, left in beside}:
        count = sum(right <= x <= left for right, left in beside)
        across = sum(line.left < x - 2 and line.right > x + 2 for line in lines)
        if count > most and count > across / 4:
            best, most = float(x), count
    return best


def _rows(lines: Sequence[Line]) -> list[Line]:
    """The lines of a column from top to bottom, parts at one height put together.

    The order in which they were drawn stands unless it often goes back up.
    """
    back = sum(
        after.bottom > before.bottom + 0.5 * (after.top - after.bottom)
        for before, after in pairwise(lines)
    )
    if back > max(1, len(lines) / 10):
        lines = sorted(lines, key=lambda line: -line.top)
    rows = _levels(lines)
    merged: list[Line] = []
    at = 0
    while at < len(rows):
        lines_of_table, count = table_at(rows, at)
        merged += lines_of_table or [joined(rows[at])]
        at += count or 1
    return merged


def _levels(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines with those together that stand at one height."""
    rows: list[list[Line]] = []
    for line in lines:
        level = [row for row in rows[-_LINES:] if overlap(row[0], line)]
        if level and (level[-1] is rows[-1] or any(_touch(part, line) for part in level[-1])):
            level[-1].append(line)
        else:
            rows.append([line])
    return rows


def _touch(one: Line, other: Line) -> bool:
    """Whether of two parts of a line one stands on the other or begins where that ends."""
    return max(one.left, other.left) - min(one.right, other.right) < 0.6 * (one.top - one.bottom)


def paragraphs(blocks: Sequence[Sequence[Line]]) -> Iterator[str]:
    """The paragraphs of a page: lines that go on are joined, lines that end early keep their
    end."""
    text = ""
    for block in blocks:
        if not block:
            continue
        right, left = max(line.right for line in block), min(line.left for line in block)
        steps = [
            before.top - after.top for before, after in pairwise(block) if before.top > after.top
        ]
        usual = median(steps) if steps else 0.0
        before: Line | None = None
        for line in block:
            height = line.top - line.bottom
            if line.row or (before is not None and before.row):
                new = True
            elif before is None:
                new = not (text and text[-1] not in ".!?:…" and line.text[0].islower())
            else:
                old = before.top - before.bottom
                new = (
                    not 0 < before.top - line.top < 1.35 * usual + 1
                    or not 0.75 < height / max(old, 0.1) < 1.34
                    or _is_item(line.text)
                    or (
                        line.left > before.left + 0.6 * height
                        and before.left < left + 2
                        and before.right < right - height
                    )
                )
            if new:
                if text:
                    yield text
                text = line.text
            else:
                if text[-1:] in "-\u2010" and text[-2:-1].isalpha() and line.text[0].islower():
                    text = text[:-1] + HYPHEN
                early = before is not None and before.right < left + 0.8 * (right - left)
                text += ("\n" if early else " ") + line.text
            before = line
    if text:
        yield text


def _is_item(text: str) -> bool:
    """Whether a line begins as an item of a list does: • – 3. (b)"""
    first, _, rest = text.partition(" ")
    if first in _BULLETS or not rest or first[-1:] not in (".", ")"):
        return bool(rest) and first in _BULLETS
    core = first.lstrip("(")[:-1]
    return (core.isdecimal() and len(core) < 4) or (len(core) == 1 and core.isalpha())


def without_leaders(text: str) -> str:
    """A text with each row of dots that leads the eye to a figure as one sign."""
    kept = []
    for leading, chars in groupby(text, frozenset(" .…·").__contains__):
        run = "".join(chars)
        dots = run.count(".") + run.count("·") + 3 * run.count("…")
        kept.append(" … " if leading and dots >= _LEADERS else run)
    return "".join(kept)


def unbroken(pages: Sequence[str]) -> list[str]:
    """The pages with the words that a line's end broke put together, by the document's own other
    words."""
    if not any(HYPHEN in page for page in pages):
        return [visible(page) for page in pages]
    words = Counter(word for page in pages for word in _WORD.findall(page.lower()))

    def mend(match: re.Match[str]) -> str:
        first, last = match[1], match[2]
        whole, hyphened = f"{first}{last}", f"{first}-{last}"
        keep = last.lower() in _TAILS or not last[0].islower() or "-" in last
        if words[whole.lower()] != words[hyphened.lower()]:
            keep = words[hyphened.lower()] > words[whole.lower()]
        return hyphened if keep else whole

    return [_BROKEN.sub(mend, visible(page)).replace(HYPHEN, "-") for page in pages]
