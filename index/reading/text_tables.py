"""Tables drawn in plain text: with pipes, as grids, under rulers, in the characters of DOS, in the
directives of reStructuredText, in AsciiDoc, as HTML."""

import csv
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from index.documents import fence_after
from index.reading.columns import table_at
from index.reading.lines import Line
from index.reading.page_flow import texts_of
from index.reading.tables import table

_RULES = "+|:-= \t"  # what a rule is drawn with
_DRAWN = dict.fromkeys(range(0x2500, 0x2580), "+")
_DRAWN |= dict.fromkeys(map(ord, "─━┄┅┈┉╌╍"), "-") | dict.fromkeys(map(ord, "│┃┆┇┊┋╎╏║"), "|")
_DRAWN[ord("═")] = "="
_WIDE = 15  # signs of a rule over all columns
_CELL = re.compile(r"\S+(?: \S+)*")

Found = tuple[list[str], int]
"""The rows of a table, and how many lines it takes."""


def with_rows(lines: list[str], *, plain: bool = False) -> Iterator[str]:
    """The lines of a text with its tables row by row; those in blocks of code stay as they are. In
    plain text only what is drawn is a table."""
    at, fence = 0, ""
    bare = list(map(_unquoted, lines))
    while at < len(lines):
        fence = fence_after(lines[at], fence)
        near = bare[at : at + 2]
        drawn = not plain or any("--" in line or "==" in line for line in near)
        reader = _reader(*near) if drawn and not fence else None
        row_above = reader is _under_names and at > 0 and "  " in bare[at - 1].strip()
        if reader is None or (plain and (reader not in _OF_PLAIN or row_above)):
            yield lines[at]
            at += 1
            continue
        end = len(lines)
        if reader in _OF_PLAIN:  # which no blank line is in
            end = next((n for n in range(at, end) if not bare[n].strip()), end)
        rows, used = reader(bare[at:end])
        yield "\n\n".join(["", *rows, ""])
        at += used


def _reader(line: str, after: str = "") -> Callable[[list[str]], Found] | None:
    """What reads the table that begins with a line, by that and the one after it."""
    first, second = line.strip(), after.strip()
    readers = {
        _page: "<table" in first.lower(),
        _directive: first.startswith((".. list-table::", ".. csv-table::")),
        _asciidoc: first == "|===",
        _grid: first.startswith(("+-", "+=")),
        _ruled: _is_ruler(first, "=") or (_is_ruler(first, "-") and second),
        _under_names: first and _is_ruler(second, second[:1] or "-") and _fits(line, after),
        _aligned: _is_line(second) and len(_CELL.findall(line)) > 2 and "|" not in first,
        _piped: "|" in first and _is_rule(second) and ("|" in second or "+" in second),
        _under_rule: first.startswith("|") and _is_rule(first) and "|" in second,
    }
    return next((reader for reader, begins in readers.items() if begins), None)


def _unquoted(line: str) -> str:
    """A line without the marks of a quotation, drawn with signs of ASCII."""
    line = line if line.isascii() else line.translate(_DRAWN)
    return line.lstrip().lstrip("> ") if line.lstrip().startswith(">") else line


def _end(lines: list[str], belongs: Callable[[str], bool]) -> int:
    """How many lines from the first on belong to a table."""
    return next((n for n, line in enumerate(lines) if n and not belongs(line)), len(lines))


def _page(lines: list[str]) -> Found:
    """A table of HTML; what no end follows stays as it is."""
    end = next((n for n, line in enumerate(lines) if "</table" in line.lower()), -1) + 1
    return (texts_of("\n".join(lines[:end]).encode()), end) if end else (lines, len(lines))


def _is_rule(line: str) -> bool:
    return ("-" in line or "==" in line) and not line.strip(_RULES)


def _is_ruler(line: str, sign: str) -> bool:
    """Whether a line is the edge of a table whose columns it shows: ===== ====."""
    return set(line.strip()) == {sign, " "} and all(len(run) > 1 for run in line.split())


def _piped(lines: list[str]) -> Found:
    """A table whose columns are parted by pipes, under names and a rule."""
    end = 1 + _end(lines[1:], lambda line: "|" in line)
    kept = [line for n, line in enumerate(lines[:end]) if n == 0 or not _is_rule(line)]
    if "+" in lines[1] and not lines[0].lstrip().startswith("|"):  # of psql: no pipes at the sides
        kept = [f"|{line}|" for line in kept]
    return list(table([_cells(line) for line in kept], head=1)), end


def _under_rule(lines: list[str]) -> Found:
    """The same with a rule above the names."""
    rows, used = _piped(lines[1:])
    return rows, used + 1


def _cells(line: str) -> list[str]:
    inner = line.strip().replace("\\|", "\0").removeprefix("|").removesuffix("|")
    inner = inner.replace("<br>", " ").replace("<br/>", " ").replace("<br />", " ")
    return [cell.strip().replace("\0", "|") for cell in inner.split("|")]


def _ruled(lines: list[str]) -> Found:
    """A table whose columns are those of the ruler above it."""
    return _columned(lines, 0)


def _under_names(lines: list[str]) -> Found:
    """One whose ruler stands below the names."""
    return _columned([lines[0], lines[1].replace("=", "-"), *lines[2:]], 1)


def _fits(names: str, ruler: str) -> bool:
    """Whether names stand in the columns of a ruler: none lies over a whole gap."""
    return all(" " in (names[end:start] or " ") for end, start in _gaps(ruler))


def _columned(lines: list[str], at: int) -> Found:
    """A table by the ruler in a line of it; a row of names may be divided by rulers of its own."""
    ruler = lines[at]
    sign = ruler.strip()[0]
    ends = (
        n + 1
        for n in range(at + 1, len(lines))
        if (n + 1 == len(lines) or not lines[n + 1].strip())
        and (_is_ruler(lines[n], sign) or sign == "-")
    )
    end = next(ends, len(lines))
    grid: list[list[str]] = []
    heads, before = at, ""
    for line in [*lines[:at], *lines[at + 1 : end]]:
        cells = _sliced(line, ruler)
        if _is_ruler(line, sign):
            heads = heads or len(grid)
        elif _is_ruler(line, "-") and grid:
            grid[-1] = _divided(before, line, ruler)
        elif grid and sign == "=" and line[:1] == " " and not cells[0] and len(grid) != heads:
            grid[-1] = [f"{old} {new}".strip() for old, new in zip(grid[-1], cells, strict=True)]
        elif line.strip():
            grid.append(["" if cell in ("..", "\\") else cell for cell in cells])
        before = line
    return list(table(grid, head=heads if heads < len(grid) else 0)), end


def _starts(ruler: str) -> list[int]:
    return [n for n, sign in enumerate(ruler) if sign != " " and ruler[n - 1 : n] in ("", " ")]


def _gaps(ruler: str) -> list[tuple[int, int]]:
    """Where the columns of a ruler end, and the next ones start."""
    starts = _starts(ruler)[1:]
    return [(len(ruler[:start].rstrip()), start) for start in starts]


def _sliced(line: str, ruler: str) -> list[str]:
    """The cells of a line; one that begins in the gap before its column is whole."""
    cuts = [0]
    for end, start in _gaps(ruler):
        blank = line.rfind(" ", end, start)
        cuts.append(blank + 1 if blank >= 0 else start)
    return [line[a:b].strip() for a, b in zip(cuts, [*cuts[1:], None], strict=True)]


def _divided(names: str, spans: str, ruler: str) -> list[str]:
    """Names over several columns, as wide as the runs of the line below them, in their columns."""
    cells = dict(zip(_starts(spans), _sliced(names, spans), strict=True))
    return [cells.get(start, "") for start in _starts(ruler)]


def _grid(lines: list[str]) -> Found:
    """A table drawn with + and -: a cell over several rows stands in each of them."""
    end = _end(lines, lambda line: line.strip().startswith(("+", "|")))
    lines = [line.strip() for line in lines[:end]]
    width = max(map(len, lines))
    lines = _with_rules([line.ljust(width) for line in lines])
    bands = _bands(lines)
    edges = {n for band in bands for n, sign in enumerate(lines[band]) if sign == "+"}
    columns = list(pairwise(sorted(edges)))
    names = _named(lines, bands)
    grid: list[list[str]] = []
    for above, below in pairwise(bands):
        row = [""] * len(columns)
        first = 0
        for column, (left, right) in enumerate(columns):
            if any(line[right] not in "|+" for line in lines[above + 1 : below]):
                continue  # the cell goes on to the right
            start = columns[first][0] + 1
            inside = " ".join(line[start:right] for line in lines[above + 1 : below])
            text = " ".join(inside.split())
            open_ = lines[above][left + 1 : right].strip("-=+") != "" or not lines[above][left + 1]
            if open_ and grid:  # it goes on from the row above
                text = f"{grid[-1][first]} {lines[above][start:right].strip()} {text}"
                text = grid[-1][first] = " ".join(text.split())
            row[first], first = text, column + 1
        grid.append(row)
    titled = grid and sum(map(bool, grid[0])) < 2 < len(columns)  # over the names
    return list(table(grid, head=None if titled else names if names < len(grid) else 0)), end


def _bands(lines: list[str]) -> list[int]:
    """The rules of a grid."""
    return [n for n, line in enumerate(lines) if "+-" in line or "+=" in line]


def _named(lines: list[str], bands: list[int]) -> int:
    """How many rows of a grid are names: those above the first inner rule drawn double, or one."""
    return next((n for n, band in enumerate(bands[1:-1], 1) if "+=" in lines[band]), 1)


def _with_rules(lines: list[str]) -> list[str]:
    """The lines of a grid with a rule between its rows, where it has none of its own: most lines
    begin with a filled cell, as those of a row that goes on don't."""
    bands = _bands(lines)
    names = _named(lines, bands)
    regions = list(pairwise(bands))[names:]
    for above, below in reversed(regions) if len(regions) < 3 else ():
        body = lines[above + 1 : below]
        filled = sum(bool(line.strip("|").partition("|")[0].strip()) for line in body)
        if 2 * filled > len(body) > 1:
            ruled = [each for line in body for each in (line, lines[bands[names]])]
            lines[above + 1 : below] = ruled[:-1]
    return lines


def _is_line(line: str) -> bool:
    """Whether a line is one rule over all columns."""
    return len(line) > _WIDE and set(line) in ({"-"}, {"="}, {"_"})


def _aligned(lines: list[str]) -> Found:
    """A table under names and a rule over all columns, as tills print it: blanks part its cells,
    which stand below their names."""
    found = [list(_CELL.finditer(line)) for line in lines if not _is_line(line.strip())]
    rows = [
        [Line(cell.start(), -10.0 * n, cell.end(), 8 - 10.0 * n, cell[0]) for cell in cells]
        for n, cells in enumerate(found)
    ]
    shown = [line.text for line in table_at(rows, 0)[0]]
    return shown or ["\n".join(lines)], len(lines)


_OF_PLAIN = (_aligned, _grid, _piped, _under_rule, _under_names)


def _asciidoc(lines: list[str]) -> Found:
    """A table of AsciiDoc, as wide as its first line; a blank line after that says it is names."""
    end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "|==="), len(lines))
    lines = lines[1:end]
    lines = [line for n, line in enumerate(lines) if n or line.strip()]
    width = lines[0].count("|") if lines else 0
    cells = " ".join(lines).replace("\\|", "\0").split("|")[1:]
    grid = [cells[n : n + width] for n in range(0, len(cells), max(width, 1))]
    named = len(lines) > 1 and not lines[1].strip()
    grid = [[cell.strip().replace("\0", "|") for cell in row] for row in grid]
    return list(table(grid, head=1 if named else None)), end + 1


def _directive(lines: list[str]) -> Found:
    """A table of reStructuredText given as a list of lists, or as comma-separated values."""
    end = _end(lines, lambda line: not line.strip() or line[:1].isspace())
    lines = lines[:end]
    kind, _, title = lines[0].strip().partition("::")
    options: dict[str, str] = {}
    body: list[str] = []
    for line in lines[1:]:
        key, mark, value = line.strip().removeprefix(":").partition(":")
        if mark and line.strip().startswith(":") and not body:
            options[key] = value.strip()
        elif line.strip():
            body.append(line.strip())
    heads = int(options.get("header-rows") or 0) if options.get("header-rows", "").isdigit() else 0
    if "csv" in kind:
        comma = options.get("delim", ",")[:1]
        given = [options["header"], *body] if "header" in options else body
        grid = list(csv.reader(given, delimiter=comma, skipinitialspace=True))
        heads += "header" in options
    else:
        grid = []
        for line in body:
            if line.startswith("* -"):
                grid.append([line[3:].strip()])
            elif line.startswith("-") and grid:
                grid[-1].append(line[1:].strip())
            elif grid:
                grid[-1][-1] += f" {line}"
    rows = table(grid, head=heads if heads < len(grid) else 0)
    return [*filter(None, [title.strip()]), *rows], end
