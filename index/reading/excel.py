"""Excel files: figures as they are shown, comments in their cells, formulas never worked out."""

import io
from typing import Any

from index.documents import language_of
from index.errors import UserError
from index.reading.archive import Archive, open_zip
from index.reading.limits import Read, Reading, Source, unread
from index.reading.numbers import BUILT_IN, shown
from index.reading.ooxml import (
    facts_of,
    inside,
    main_part,
    parse_xml,
    part_named,
    parts_of,
    value_of,
)  # fmt: skip
from index.reading.sheets import Sheet, sheets_text

_ROWS = ("{*}row", "{*}mergeCell", "{*}oddHeader", "{*}oddFooter")
_LETTERS = 4  # of a column at most


def read_xlsx(source: Source) -> Reading:
    """The visible sheets of a workbook."""
    archive = open_zip(source.data, source.budget)
    path = main_part(archive, "xl/workbook.xml")
    book = parse_xml(archive.read(path))
    excel = _Excel(archive, path, source, book)
    parts, sheets, hidden = parts_of(archive, path), [], []
    for each in book.iter("{*}sheet"):
        name, (kind, part) = value_of(each, "name"), parts.get(value_of(each, "id"), ("", ""))
        if value_of(each, "state") in ("hidden", "veryHidden"):
            hidden.append(name)
        elif part in archive.names and kind == "worksheet":
            sheets.append((name, part))
    text = sheets_text((excel.sheet(*each) for each in sheets), len(sheets) + len(hidden))
    cells = ", ".join(excel.formulas[:10])
    notes = (
        *unread("unread_sheets", sheets=", ".join(hidden)),
        *unread("unread_formulas", count=len(excel.formulas), cells=cells),
        *unread("unread_pictures", count=archive.count("xl/media/")),
    )
    yield Read(text, *facts_of(archive, "docProps/core.xml"), unread=notes)


class _Excel:
    """A workbook being read; `formulas` names the cells that were never worked out."""

    def __init__(self, archive: Archive, path: str, source: Source, book: Any) -> None:
        self.formulas: list[str] = []
        self._archive = archive
        self._source = source
        self._date1904 = value_of(book.find("{*}workbookPr"), "date1904") in ("1", "true")
        self._strings: list[str] = []
        self._formats: list[str] = []
        self._cells = 0
        for part in part_named(archive, path, "sharedStrings"):
            self._strings = [inside(item) for item in parse_xml(archive.read(part)).iter("{*}si")]
        for part in part_named(archive, path, "styles"):
            root = parse_xml(archive.read(part))
            codes = {
                value_of(n, "numFmtId"): value_of(n, "formatCode") for n in root.iter("{*}numFmt")
            }
            for node in root.iterfind("{*}cellXfs/{*}xf"):
                number = value_of(node, "numFmtId", "0")
                self._formats.append(codes.get(number) or BUILT_IN.get(int(number or 0), ""))
        self._french = language_of(" ".join(self._strings[:2000])) == "fr"

    def sheet(self, name: str, part: str) -> Sheet:
        """One sheet, row by row: as a tree a large one would not fit the memory."""
        from lxml import etree

        sheet, place = Sheet(name), -1
        data = self._archive.read(part)
        if b"<!ENTITY" in data:
            raise UserError("document_entities", reason="<!ENTITY")
        notes = self._comments(part)
        options = {"tag": _ROWS, "resolve_entities": False, "no_network": True}
        try:
            for _, node in etree.iterparse(io.BytesIO(data), **options):
                if node.tag.endswith("}row"):
                    place = int(node.get("r") or place + 2) - 1
                    if cells := self._row(node, place, notes):
                        sheet.rows[place] = cells
                    node.clear()
                    while node.getprevious() is not None:
                        del node.getparent()[0]
                    if place % 1000 == 0:
                        self._source.tick(0, 0)
                elif ref := node.get("ref"):
                    start, _, end = ref.partition(":")
                    sheet.merged.append((*_place(start), *_place(end or start)))
                elif node.text:
                    sheet.beside.append(_uncoded(node.text))
        except etree.XMLSyntaxError as error:
            raise UserError("document_damaged", reason=str(error)) from error
        for drawing in part_named(self._archive, part, "drawing"):
            boxes = parse_xml(self._archive.read(drawing)).iter("{*}txBody")
            texts = (" ".join(map(inside, box.iter("{*}p"))) for box in boxes)
            sheet.beside += filter(None, texts)
        return sheet

    def _row(self, row: Any, place: int, notes: dict[tuple[int, int], str]) -> dict[int, str]:
        cells: dict[int, str] = {}
        column = -1
        for node in row:
            reference = node.get("r")
            column = _column(reference) if reference else column + 1
            text = self._text(node)
            if notes and (note := notes.get((place, column))):
                text = f"{text} [{note}]".strip()
            if text and not text.isspace():
                cells[column] = text
        self._cells += len(cells)
        most = self._source.budget.limits.cells
        if self._cells > most:
            raise UserError("document_cells", most=most)
        return cells

    def _text(self, node: Any) -> str:
        """A cell as it is shown; a formula that was never worked out as it is written."""
        kind, value, formula = node.get("t", "n"), None, None
        for child in node:
            tag = child.tag[-2:]
            if tag == "}v":
                value = child.text
            elif tag == "}f":
                formula = child
            elif tag == "is":
                return inside(child)
        if not value:
            if formula is None:
                return ""
            self.formulas.append(node.get("r", ""))
            return f"={formula.text or '…'}"
        if kind == "n":
            style = int(node.get("s") or 0)
            code = self._formats[style] if style < len(self._formats) else ""
            exact = not code and len(value) < 16 and value.isdigit()
            return value if exact else shown(float(value), code, self._french, self._date1904)
        if kind == "s":
            return self._strings[int(value)] if int(value) < len(self._strings) else ""
        return truth(value == "1", self._french) if kind == "b" else value

    def _comments(self, part: str) -> dict[tuple[int, int], str]:
        """The comments of a sheet by row and column."""
        found: dict[tuple[int, int], str] = {}
        people = [name for name in self._archive.names if name.startswith("xl/persons/")]
        names = {
            value_of(node, "id"): value_of(node, "displayName")
            for name in people
            for node in parse_xml(self._archive.read(name)).iter("{*}person")
        }
        for path in part_named(self._archive, part, "threadedComment"):
            for node in parse_xml(self._archive.read(path)):
                author, place = (
                    names.get(value_of(node, "personId"), ""),
                    _place(value_of(node, "ref")),
                )
                text = f"{author}: {node.findtext('{*}text') or ''}".removeprefix(": ")
                found[place] = " / ".join(filter(None, (found.get(place), text)))
        for path in part_named(self._archive, part, "comments"):
            for node in parse_xml(self._archive.read(path)).iter("{*}comment"):
                found.setdefault(_place(value_of(node, "ref")), " ".join(inside(node).split()))
        return found


def truth(value: bool, french: bool) -> str:
    """True or false as a sheet shows it."""
    return ("Vrai" if value else "Faux") if french else str(value)


def _column(reference: str) -> int:
    """The column of A1, from 0."""
    column = 0
    for letter in reference.rstrip("0123456789").replace("$", "")[:_LETTERS]:
        column = 26 * column + ord(letter.upper()) - 64
    return column - 1


def _place(reference: str) -> tuple[int, int]:
    """A1 as (0, 0): row and column."""
    digits = reference.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ$").replace("$", "")
    return int(digits) - 1 if digits.isdigit() else 0, _column(reference)


def _uncoded(text: str) -> str:
    """A header of a sheet without its codes for fonts, sides and page numbers."""
    for code in ("&L", "&C", "&R"):
        text = text.replace(code, " ")
    kept, *coded = text.split("&")
    for piece in coded:
        quoted = piece.split('"', 2)[2:] if piece.startswith('"') else [piece[1:]]
        kept += "".join(quoted).lstrip("0123456789")
    return " ".join(kept.split())


def read_xls(source: Source) -> Reading:
    """The visible sheets of an Excel 97 file."""
    import xlrd

    data, log = source.data, io.StringIO()
    try:
        book = xlrd.open_workbook(file_contents=data, formatting_info=True, logfile=log)
    except (xlrd.XLRDError, NotImplementedError) as error:
        code = "document_locked" if "ncrypt" in str(error) else "document_damaged"
        raise UserError(code, reason=str(error)) from error
    shown_sheets = [sheet for sheet in book.sheets() if not sheet.visibility]
    words = [cell.value for sheet in shown_sheets for cell in _cells(sheet) if cell.ctype == 1]
    french = language_of(" ".join(words[:2000])) == "fr"
    sheets = []
    for each in shown_sheets:
        sheet = Sheet(each.name, merged=[(a, c, b - 1, d - 1) for a, b, c, d in each.merged_cells])
        for place in range(each.nrows):
            texts = ((n, _xls_text(book, cell, french)) for n, cell in enumerate(each.row(place)))
            if cells := {n: text for n, text in texts if text}:
                sheet.rows[place] = cells
        for (row, column), note in (each.cell_note_map or {}).items():
            cells = sheet.rows.setdefault(row, {})
            cells[column] = f"{cells.get(column, '')} [{' '.join(note.text.split())}]".strip()
        sheets.append(sheet)
    hidden = ", ".join(sheet.name for sheet in book.sheets() if sheet.visibility)
    notes = unread("unread_sheets", sheets=hidden)
    yield Read(sheets_text(sheets, book.nsheets), author=book.user_name or "", unread=notes)


def _cells(sheet: Any) -> Any:
    return (cell for row in range(min(sheet.nrows, 200)) for cell in sheet.row(row))


def _xls_text(book: Any, cell: Any, french: bool) -> str:
    number, date, boolean, error = 2, 3, 4, 5  # xlrd's kinds of cells
    if cell.ctype in (number, date):
        code = ""
        if cell.xf_index is not None:
            code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
        return shown(float(cell.value), code, french, bool(book.datemode))
    if cell.ctype == boolean:
        return truth(bool(cell.value), french)
    return "" if cell.ctype == error else str(cell.value).strip()
