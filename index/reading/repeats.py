"""What the pages of a PDF repeat or count: running heads, page numbers, numbers of lines."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from index.reading.lines import Line

_EDGE = 3  # lines at the top and at the bottom of a page that may be repeated


def without_repeats(
    pages: Sequence[list[list[Line]]], gone: list[str] | None = None
) -> Iterator[list[list[Line]]]:
    """The pages without the lines at the top and the bottom that three or more have, page numbers
    apart.

    Pages that have most of their other lines in common too are filled forms, bound together: they
    stay whole.

    Args:
        pages: blocks of lines.
        gone: takes each text that was left out, but for page numbers.
    """
    ranked = [_small(page) for page in pages]
    edges = [list(dict.fromkeys([*lines[:_EDGE], *lines[-_EDGE:]])) for lines in ranked]
    if _is_form(ranked, 5, 0.6) or _is_form([lines[_EDGE:-_EDGE] for lines in ranked], 2, 0.4):
        edges = [[] for _ in pages]
    held: dict[str, list[tuple[int, Line]]] = {}
    for number, edge in enumerate(edges):
        for line in edge:
            held.setdefault(_masked(line.text), []).append((number, line))
    often = {form: uses for form, uses in held.items() if len({n for n, _ in uses}) >= 3}
    repeated = {form for form, uses in often.items() if _counts_pages(uses)}
    offset, counted = _folio(edges)
    told: set[str] = set()
    for number, (page, edge) in enumerate(zip(pages, edges, strict=True)):
        folio = str(number + offset) if counted >= max(3, len(pages) / 2) else None
        left_out = {line for line in edge if _masked(line.text) in repeated or folio in _ends(line)}
        if gone is not None:
            for line in (line for line in edge if line in left_out):
                form = _masked(line.text)
                gone += [line.text] if form in repeated or form not in told else []
                told.add(form)
        yield [[line for line in block if line not in left_out] for block in page]


def _small(page: Sequence[Sequence[Line]]) -> list[Line]:
    """The lines of a page from top to bottom, but for those set larger: a heading may be repeated
    and stays."""
    lines = sorted((line for block in page for line in block), key=lambda line: -line.top)
    usual = 1.2 * median([line.top - line.bottom for line in lines]) if lines else 0
    return [line for line in lines if line.top - line.bottom <= usual]


def _masked(text: str) -> str:
    """A line without its numbers, by which the heads of pages are compared."""
    words = text.lower().split()
    shown = ["#" if word and not word.strip("ivxlc") else word for word in words]
    return (
        "".join("#" if char.isdigit() else char for char in " ".join(shown))
        .replace("##", "#")
        .replace("##", "#")
    )


def _ends(line: Line) -> set[str]:
    """The first and the last word of a line."""
    words = line.text.split()
    return {*words[:1], *words[-1:]}


def _numbers(text: str) -> list[int]:
    return [
        int(run)
        for run in "".join(c if c.isdecimal() else " " for c in text).split()
        if len(run) < 10
    ]


def _counts_pages(uses: Sequence[tuple[int, Line]]) -> bool:
    """Whether the numbers of a line that pages repeat stay as they are, or go up with the pages."""
    columns = zip(*(_numbers(line.text) for _, line in uses), strict=False)
    places = [number for number, _ in uses]
    for column in columns:
        ahead = Counter(value - place for value, place in zip(column, places, strict=True))
        same = Counter(column)
        if (
            max(ahead.most_common(1)[0][1], same.most_common(1)[0][1]) < 0.7 * len(uses)
            and len(set(column)) > 2
        ):
            return all(value < 5000 for value in column) and list(column) == sorted(column)
    return True


def _is_form(pages: Sequence[Sequence[Line]], lines: int, share: float) -> bool:
    """Whether pages of so many lines have more than a share of them in common, but for their
    figures."""
    held = Counter(form for page in pages for form in {_masked(line.text) for line in page})
    every = [_masked(line.text) for page in pages for line in page]
    common = sum(held[form] >= 3 for form in every)
    return len(every) >= lines * len(pages) and common > share * len(every)


def _folio(edges: Sequence[Sequence[Line]]) -> tuple[int, int]:
    """By how much the page's own number is ahead of its place, and on how many pages that is so."""
    ahead = Counter(
        int(word) - number
        for number, edge in enumerate(edges)
        for line in edge
        for word in _ends(line)
        if word.isdecimal() and len(word) < 6
    )
    return ahead.most_common(1)[0] if ahead else (0, 0)


def without_line_numbers(lines: Sequence[Line]) -> tuple[list[Line], bool]:
    """The lines of a page without the numbers that count them in its margin, and whether there were
    any."""
    prose = [line for line in lines if len(line.text) > 25]
    left = min((line.left for line in prose), default=0)
    right = max((line.right for line in prose), default=0)
    first: list[tuple[Line, int]] = []
    beyond: list[tuple[Line, int]] = []
    for line in lines:
        words = line.text.split()
        if words and words[0].isdecimal() and len(words[0]) <= 4:
            first.append((line, int(words[0])))
            if len(words) == 1 and line.left > right:
                beyond.append((line, int(words[0])))
    margin = [each for each in first if each[0].right < left]
    for found in (first, margin, beyond):
        if _are_line_numbers(found, len(prose), apart=found is not first):
            numbers = {line: str(number) for line, number in found}
            kept = (
                replace(line, text=line.text.strip().removeprefix(numbers.get(line, "")).strip())
                for line in lines
            )
            return [line for line in kept if line.text], True
    return list(lines), False


def _are_line_numbers(found: list[tuple[Line, int]], prose: int, *, apart: bool) -> bool:
    """Whether numbers on a page of so many lines of prose count them.

    Args:
        found: lines that begin with a number, and that.
        prose: how many.
        apart: whether the numbers stand alone in a margin; few of them are enough there.
    """
    found.sort(key=lambda each: -each[0].top)
    steps = Counter(after - before for (_, before), (_, after) in pairwise(found))
    step, often = steps.most_common(1)[0] if steps else (0, 0)
    least = 2 if apart and step in (5, 10) else 4 if apart and step == 2 else 8
    lefts = [line.left for line, _ in found]
    return (
        len(found) >= least
        and max(lefts) - min(lefts) <= 30
        and step in ((1, 2, 5, 10) if apart else (1, 5))
        and often >= 0.8 * (len(found) - 1)
        and prose >= 0.6 * len(found) * step
        and (not apart or step == 1 or all(number % step == 0 for _, number in found))
    )
