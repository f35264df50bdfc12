"""Spreadsheets and tables of text: each visible sheet's rows, with figures as they are shown."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from index.documents import language_of
from index.errors import UserError
from index.reading.archive import Archive
from index.reading.encoding import decode_bytes
from index.reading.limits import Read, Reading, Source, unread
from index.reading.numbers import BUILT_IN, shown
from index.reading.ooxml import (
    facts_of,
    inside,
    main_part,
    parse_xml,
    part_named,
    parts_of,
    tag_of,
    value_of,
)
from index.reading.tables import table

_SEPARATORS = ";,\t|"
_LOOK = 60  # rows of a text table by which its separator and its width are found
_MOST_CELLS = 5_000_000
_NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@dataclass
class Sheet:
    """A sheet's cells as text, by row and column from 0; empty ones are left out."""

    name: str
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    """First row, first column, last row, last column."""
    beside: list[str] = field(default_factory=list)
    """What stands over the cells: text boxes, headers and footers."""

    def lines(self) -> Iterator[str]:
        """The sheet's tables, a line a row. Runs of empty rows and columns count as one: a cell may stand far away."""
        for top, left, bottom, right in self.merged:
            text = self.rows.get(top, {}).get(left)
            for row in (
                range(top + 1, min(bottom, top + 1000) + 1) if text and right - left < 3 else ()
            ):
                self.rows.setdefault(row, {}).setdefault(left, text)
        used = sorted({column for row in self.rows.values() for column in row})
        places, place = {}, -1
        for before, column in zip([-1, *used], used, strict=False):
            place += 1 if column == before + 1 else 2
            places[column] = place
        yield from table(self._grid(places, place + 1))
        yield from self.beside

    def _grid(self, places: Mapping[int, int], width: int) -> Iterator[list[str]]:
        last = 0
        for number in sorted(self.rows):
            if number > last + 1:
                yield [""] * width
            last = number
            line = [""] * width
            for column, text in self.rows[number].items():
                line[places[column]] = text
            yield line


def sheets_text(sheets: Iterable[Sheet], every: int) -> str:
    """The text of a file's sheets, each under its name where there are several."""
    blocks: list[str] = []
    for sheet in sheets:
        lines = list(sheet.lines())
        blocks += [f"# {sheet.name}", *lines] if lines and every > 1 else lines
    return "\n\n".join(blocks)


def read_csv(source: Source) -> Reading:
    """Rows of a text table, whichever of , ; tab | parts them, under the names that its first full row holds."""
    text = decode_bytes(source.data)
    first, _, rest = text.partition("\n")
    named = first.strip().lower().startswith("sep=")
    separator = first.strip()[4:5] if named else _separator(text)
    csv.field_size_limit(max(len(text), 1))
    rows = _csv_rows(rest if named else text, separator or ",")
    head: list[list[str]] = []
    for row in rows:
        head.append(row)
        if len(head) == _LOOK:
            break
    widths = Counter(sum(map(bool, map(str.strip, row))) for row in head)
    usual = max((width for width, count in widths.items() if count > 1), default=0)
    start = next((n for n, row in enumerate(head) if sum(map(bool, row)) > 0.6 * usual), 0)
    lines = [": ".join(cell.strip() for cell in row if cell.strip()) for row in head[:start]]
    lines += table(_chained(head[start:], rows))
    yield Read("\n\n".join(filter(None, lines)))


def _chained(head: list[list[str]], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    yield from head
    yield from rows


def _csv_rows(text: str, separator: str) -> Iterator[list[str]]:
    """The rows; where a quotation mark is never closed, quotation marks are letters like others."""
    quoted = csv.QUOTE_MINIMAL
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            pass
    except csv.Error as error:
        quoted = csv.QUOTE_NONE if "end of data" in str(error) else quoted
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoted)


def _separator(text: str) -> str:
    """What parts the cells: the sign with which most rows have the same number of cells."""
    best, most = ",", 0.0
    for sign in _SEPARATORS:
        feed = csv.reader(io.StringIO(text[:50_000], newline=""), delimiter=sign)
        widths: Counter[int] = Counter()
        try:
            for number, row in enumerate(feed):
                widths[len(row)] += len(row) > 1
                if number == _LOOK:
                    break
        except csv.Error:
            continue
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        score = count + 0.01 * min(width, 10) if count else 0
        if score > most:
            best, most = sign, score
    return best


def read_xlsx(source: Source) -> Reading:
    """The visible sheets of an Excel file: figures as they are shown, comments in their cells, formulas never worked out."""
    archive = source.budget.open(source.data)
    path = main_part(archive, "xl/workbook.xml")
    book = parse_xml(archive.read(path))
    excel = _Excel(archive, path, is_on_attribute(book.find("{*}workbookPr"), "date1904"))
    parts, sheets, hidden = parts_of(archive, path), [], []
    for each in book.iter("{*}sheet"):
        kind, part = parts.get(value_of(each, "id"), ("", ""))
        if value_of(each, "state") in ("hidden", "veryHidden"):
            hidden.append(value_of(each, "name"))
        elif part in archive.names and kind == "worksheet":
            sheets.append((value_of(each, "name"), part))
    text = sheets_text(
        (excel.sheet(name, part, source) for name, part in sheets), len(sheets) + len(hidden)
    )
    notes = (
        *unread("unread_sheets", sheets=", ".join(hidden)),
        *unread("unread_formulas", count=len(excel.formulas), cells=", ".join(excel.formulas[:10])),
        *unread(
            "unread_pictures", count=sum(name.startswith("xl/media/") for name in archive.names)
        ),
    )
    yield Read(text, *facts_of(archive, "docProps/core.xml"), unread=notes)


def is_on_attribute(node: Any, name: str) -> bool:
    """Whether an attribute says yes."""
    return value_of(node, name) in ("1", "true")


class _Excel:
    """A workbook being read: its strings and formats; `formulas` names the cells that were never worked out."""

    def __init__(self, archive: Archive, path: str, date1904: bool) -> None:
        self.formulas: list[str] = []
        self._archive = archive
        self._date1904 = date1904
        self._strings: list[str] = []
        self._formats: list[str] = []
        self._cells = 0
        for part in part_named(archive, path, "sharedStrings"):
            self._strings = [inside(item) for item in parse_xml(archive.read(part)).iter("{*}si")]
        for part in part_named(archive, path, "styles"):
            root = parse_xml(archive.read(part))
            codes = {
                value_of(node, "numFmtId"): value_of(node, "formatCode")
                for node in root.iter("{*}numFmt")
            }
            for node in root.iterfind("{*}cellXfs/{*}xf"):
                number = value_of(node, "numFmtId", "0")
                self._formats.append(codes.get(number) or BUILT_IN.get(int(number or 0), ""))
        self._french = language_of(" ".join(self._strings[:2000])) == "fr"

    def sheet(self, name: str, part: str, source: Source) -> Sheet:
        """Read one sheet, cell by cell: a file may say more than fits the memory as a tree."""
        from lxml import etree

        sheet = Sheet(name)
        data = self._archive.read(part)
        if b"<!ENTITY" in data:
            raise UserError("document_entities", reason="<!ENTITY")
        notes = self._comments(part)
        place = -1
        try:
            for _, node in etree.iterparse(
                io.BytesIO(data), resolve_entities=False, no_network=True
            ):
                tag = tag_of(node)
                if tag == "row":
                    place = int(node.get("r") or place + 2) - 1
                    if cells := self._row(node, place, notes):
                        sheet.rows[place] = cells
                    node.clear()
                    while node.getprevious() is not None:
                        del node.getparent()[0]
                    if place % 1000 == 0:
                        source.tick(0, 0)
                elif tag == "mergeCell":
                    start, _, end = value_of(node, "ref").partition(":")
                    sheet.merged.append((*_place(start), *_place(end or start)))
                elif tag in ("oddHeader", "oddFooter") and node.text:
                    sheet.beside.append(_uncoded(node.text))
        except etree.XMLSyntaxError as error:
            raise UserError("document_damaged", reason=str(error)) from error
        for drawing in part_named(self._archive, part, "drawing"):
            root = parse_xml(self._archive.read(drawing))
            sheet.beside += filter(
                None, (" ".join(map(inside, box.iter("{*}p"))) for box in root.iter("{*}txBody"))
            )
        return sheet

    def _row(self, row: Any, place: int, notes: dict[tuple[int, int], str]) -> dict[int, str]:
        cells: dict[int, str] = {}
        column = -1
        for node in row:
            column = _place(node.get("r", ""))[1] if node.get("r") else column + 1
            text = self._text(node)
            if (note := notes.get((place, column))) is not None:
                text = f"{text} [{note}]".strip()
            if text and not text.isspace():
                cells[column] = text
        self._cells += len(cells)
        if self._cells > _MOST_CELLS:
            raise UserError("document_cells", most=_MOST_CELLS)
        return cells

    def _text(self, node: Any) -> str:
        """A cell as it is shown; a formula that was never worked out as it is written."""
        kind, value, formula = node.get("t", "n"), None, None
        for child in node:
            tag = tag_of(child)
            if tag == "v":
                value = child.text
            elif tag == "f":
                formula = child
            elif tag == "is":
                return inside(child)
        if not value:
            if formula is not None:
                self.formulas.append(node.get("r", ""))
                return f"={formula.text or '…'}"
            return ""
        if kind == "s":
            return self._strings[int(value)] if int(value) < len(self._strings) else ""
        if kind == "b":
            return (("Faux", "Vrai") if self._french else ("False", "True"))[value == "1"]
        if kind != "n":
            return value
        style = int(node.get("s") or 0)
        code = self._formats[style] if style < len(self._formats) else ""
        if not code and value.isdigit() and len(value) < 16:
            return value
        return shown(float(value), code, self._french, self._date1904)

    def _comments(self, part: str) -> dict[tuple[int, int], str]:
        """The comments of a sheet by row and column."""
        found: dict[tuple[int, int], str] = {}
        persons: dict[str, str] = {}
        for name in self._archive.names:
            if name.startswith("xl/persons/"):
                root = parse_xml(self._archive.read(name))
                persons |= {
                    value_of(node, "id"): value_of(node, "displayName")
                    for node in root.iter("{*}person")
                }
        for path in part_named(self._archive, part, "threadedComment"):
            for node in parse_xml(self._archive.read(path)):
                key, author = (
                    _place(value_of(node, "ref")),
                    persons.get(value_of(node, "personId"), ""),
                )
                text = f"{author}: {node.findtext('{*}text') or ''}".removeprefix(": ")
                found[key] = f"{found[key]} / {text}" if key in found else text
        for path in part_named(self._archive, part, "comments"):
            for node in parse_xml(self._archive.read(path)).iter("{*}comment"):
                found.setdefault(_place(value_of(node, "ref")), " ".join(inside(node).split()))
        return found


def _place(reference: str) -> tuple[int, int]:
    """A1 as (0, 0): row and column."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters.replace("$", "")[:4]:
        column = 26 * column + ord(letter.upper()) - 64
    return int(reference[len(letters) :] or 1) - 1, column - 1


def _uncoded(text: str) -> str:
    """A header of a sheet without its codes for fonts, sides and page numbers."""
    for code in ("&L", "&C", "&R"):
        text = text.replace(code, " ")
    plain_text, *coded = text.split("&")
    for piece in coded:
        quoted = piece.partition('"')[2].partition('"')[2] if piece.startswith('"') else piece[1:]
        plain_text += quoted.lstrip("0123456789")
    return " ".join(plain_text.split())


def read_xls(source: Source) -> Reading:
    """The visible sheets of an Excel 97 file."""
    import xlrd

    try:
        book = xlrd.open_workbook(
            file_contents=source.data, formatting_info=True, logfile=io.StringIO()
        )
    except (xlrd.XLRDError, NotImplementedError) as error:
        code = "document_locked" if "ncrypt" in str(error) else "document_damaged"
        raise UserError(code, reason=str(error)) from error
    strings = " ".join(
        str(cell.value)
        for sheet in book.sheets()
        for row in range(min(sheet.nrows, 200))
        for cell in sheet.row(row)
        if cell.ctype == 1
    )
    french = language_of(strings) == "fr"
    sheets = []
    for each in book.sheets():
        if each.visibility:
            continue
        sheet = Sheet(
            each.name,
            merged=[
                (top, left, bottom - 1, right - 1) for top, bottom, left, right in each.merged_cells
            ],
        )
        for row in range(each.nrows):
            cells = {}
            for column, cell in enumerate(each.row(row)):
                if text := _xls_text(book, cell, french):
                    cells[column] = text
            for (at, column), note in each.cell_note_map.items() if each.cell_note_map else ():
                if at == row:
                    cells[column] = (
                        f"{cells.get(column, '')} [{' '.join(note.text.split())}]".strip()
                    )
            if cells:
                sheet.rows[row] = cells
        sheets.append(sheet)
    hidden = ", ".join(each.name for each in book.sheets() if each.visibility)
    yield Read(
        sheets_text(sheets, book.nsheets),
        author=book.user_name or "",
        unread=unread("unread_sheets", sheets=hidden),
    )


def _xls_text(book: Any, cell: Any, french: bool) -> str:
    if cell.ctype in (2, 3):
        code = (
            book.format_map[book.xf_list[cell.xf_index].format_key].format_str
            if cell.xf_index is not None
            else ""
        )
        return shown(float(cell.value), code, french, bool(book.datemode))
    if cell.ctype == 4:
        return (("Faux", "Vrai") if french else ("False", "True"))[bool(cell.value)]
    return "" if cell.ctype == 5 else str(cell.value).strip()
