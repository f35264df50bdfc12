"""Excel files: figures as they are shown, comments in their cells, formulas never worked out."""

import io
from collections.abc import Iterator
from typing import Any

from index.documents import language_of
from index.errors import UserError
from index.reading.archive import Archive, open_zip
from index.reading.encoding import markup
from index.reading.formulas import Formulas, column_of
from index.reading.limits import Read, Reading, Source, unread
from index.reading.numbers import BUILT_IN, shown, truth, written
from index.reading.ooxml import (
    chart,
    embedded,
    facts_of,
    inside,
    main_part,
    parse_xml,
    part_named,
    parts_of,
    value_of,
)  # fmt: skip
from index.reading.sheets import Sheet, formula_notes, sheets_text

_ROWS = ("{*}row", "{*}col", "{*}mergeCell", "{*}oddHeader", "{*}oddFooter")
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
        elif part in archive.names and kind in ("worksheet", "chartsheet"):
            sheets.append((name, part))
    text = sheets_text((excel.sheet(*each) for each in sheets), len(sheets) + len(hidden))
    notes = (
        *unread("unread_sheets", sheets=", ".join(hidden)),
        *formula_notes(excel.formulas),
        *unread("read_hidden", count=excel.hidden),
        *unread("unread_pictures", count=archive.count("xl/media/")),
    )
    yield Read(text, *facts_of(archive, "docProps/core.xml"), unread=notes)
    yield from embedded(archive, *(part for _, part in sheets))


class _Excel:
    """A workbook being read; `formulas` are those of all sheets that were never worked out, and
    `hidden` counts rows and columns."""

    def __init__(self, archive: Archive, path: str, source: Source, book: Any) -> None:
        self.formulas: list[Formulas] = []
        self.hidden = 0
        self._archive = archive
        self._source = source
        self._date1904 = value_of(book.find("{*}workbookPr"), "date1904") in ("1", "true")
        self._strings: list[str] = []
        self._formats: list[str] = []
        self._filled = 0
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
        sheet, formulas, place = Sheet(name), Formulas(), -1
        notes = self._comments(part)
        for node in self._nodes(part):
            if node.tag.endswith(("}row", "}col")):
                self.hidden += node.get("hidden") in ("1", "true")
            if node.tag.endswith("}row"):
                place = int(node.get("r") or place + 2) - 1
                if cells := self._row(node, place, notes, formulas):
                    sheet.rows[place] = cells
                if place % 1000 == 0:
                    self._source.tick(0, 0)
            elif ref := node.get("ref"):
                sheet.merged.append(_area(ref))
            elif node.text:
                sheet.beside.append(_uncoded(node.text))
        if formulas.formulas:
            self._work_out(part, sheet, formulas)
        self._read_parts(part, sheet)
        return sheet

    def _read_parts(self, part: str, sheet: Sheet) -> None:
        """Take in what stands beside the cells: which rows hold names, text boxes, charts."""
        for table in part_named(self._archive, part, "table"):
            root = parse_xml(self._archive.read(table))
            if root.get("headerRowCount") != "0":
                sheet.heads.add(_area(root.get("ref", "A1"))[0])
        for drawing in part_named(self._archive, part, "vmlDrawing"):
            sheet.beside += _controls(self._archive.read(drawing))
        for drawing in part_named(self._archive, part, "drawing"):
            boxes = parse_xml(self._archive.read(drawing)).iter("{*}txBody")
            texts = (" ".join(map(inside, box.iter("{*}p"))) for box in boxes)
            sheet.beside += filter(None, texts)
            for path in part_named(self._archive, drawing, "chart"):
                root = parse_xml(self._archive.read(path))
                sheet.beside += chart(root, values=not sheet.rows)

    def _nodes(self, part: str) -> Iterator[Any]:
        """The rows of a sheet and what else of it is read; each is gone when the next one comes."""
        from lxml import etree

        data = self._archive.read(part)
        if b"<!ENTITY" in data:
            raise UserError("document_entities", reason="<!ENTITY")
        options = {"tag": _ROWS, "resolve_entities": False, "no_network": True}
        try:
            for _, node in etree.iterparse(io.BytesIO(data), **options):
                yield node
                if node.tag.endswith("}row"):
                    node.clear()
                    while node.getprevious() is not None:
                        del node.getparent()[0]
        except etree.XMLSyntaxError as error:
            raise UserError("document_damaged", reason=str(error)) from error

    def _cells(self, row: Any) -> Iterator[tuple[int, Any]]:
        column = -1
        for node in row:
            reference = node.get("r")
            column = _column(reference) if reference else column + 1
            yield column, node

    def _row(
        self, row: Any, place: int, notes: dict[tuple[int, int], str], formulas: Formulas
    ) -> dict[int, str]:
        cells: dict[int, str] = {}
        for column, node in self._cells(row):
            text = self._text(node)
            if text[:1] == "=" and (formula := _formula(node)):
                formulas.formulas[place, column] = formula
            if notes and (note := notes.get((place, column))):
                text = f"{text} [{note}]".strip()
            if text and not text.isspace():
                cells[column] = text
        self._filled += len(cells)
        most = self._source.budget.limits.cells
        if self._filled > most:
            raise UserError("document_cells", most=most)
        return cells

    def _work_out(self, part: str, sheet: Sheet, formulas: Formulas) -> None:
        """Put values in the place of formulas that have none, where they are simple."""
        styles: dict[tuple[int, int], int] = {}
        rows = (node for node in self._nodes(part) if node.tag.endswith("}row"))
        place = -1
        for row in rows:
            place = int(row.get("r") or place + 2) - 1
            for column, node in self._cells(row):
                value = node.findtext("{*}v")
                if (place, column) in formulas.formulas:
                    styles[place, column] = int(node.get("s") or 0)
                elif value or node.get("t") == "inlineStr":
                    number = node.get("t", "n") == "n"
                    formulas.numbers[place, column] = float(value) if number else None
        for (place, column), style in styles.items():
            value = formulas.value((place, column))
            if value is not None:
                text = sheet.rows[place][column]
                result = shown(value, self._code(style), self._french, self._date1904)
                formula = formulas.formulas[place, column]
                sheet.rows[place][column] = text.replace(f"={formula}", result, 1)
        self.formulas.append(formulas)

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
            return "" if formula is None else f"={formula.text or '…'}"
        if kind == "n":
            code = self._code(int(node.get("s") or 0))
            exact = not code and len(value) < 16 and value.isdigit()
            return value if exact else shown(float(value), code, self._french, self._date1904)
        if kind == "s":
            text = self._strings[int(value)] if int(value) < len(self._strings) else ""
            return written(text, self._code(int(node.get("s") or 0)))
        return truth(value == "1", self._french) if kind == "b" else value

    def _code(self, style: int) -> str:
        return self._formats[style] if style < len(self._formats) else ""

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
            root = parse_xml(self._archive.read(path))
            authors = [(node.text or "").strip() for node in root.iter("{*}author")]
            for node in root.iter("{*}comment"):
                number, text = int(value_of(node, "authorId") or 0), " ".join(inside(node).split())
                author = authors[number] if number < len(authors) else ""
                if author and not text.startswith(author) and not author.startswith("tc="):
                    text = f"{author}: {text}"
                found.setdefault(_place(value_of(node, "ref")), text)
        return found


def _controls(data: bytes) -> Iterator[str]:
    """The boxes to tick that lie on a sheet, each with its text."""
    from lxml import html

    for shape in html.fromstring(markup(data)).iter("v:shape"):
        boxes = [each for each in shape.iter() if each.get("objecttype") in ("Checkbox", "Radio")]
        for box in boxes:
            on = "1" in [each.text for each in box if str(each.tag).endswith("checked")]
            texts = [text for part in shape.iter("v:textbox") for text in part.itertext()]
            yield f"{'☒' if on else '☐'} {' '.join(' '.join(texts).split())}".strip()


def _formula(node: Any) -> str:
    """The formula of a cell that has no value."""
    return "" if node.findtext("{*}v") else str(node.findtext("{*}f") or "…")


def _area(reference: str) -> tuple[int, int, int, int]:
    """A1:B3 as (0, 0, 2, 1)."""
    start, _, end = reference.partition(":")
    return (*_place(start), *_place(end or start))


def _column(reference: str) -> int:
    """The column of A1, from 0."""
    return column_of(reference.rstrip("0123456789").replace("$", "")[:_LETTERS].upper())


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
    from xlrd import error_text_from_code

    number, date, boolean, error = 2, 3, 4, 5  # xlrd's kinds of cells
    code = ""
    if cell.xf_index is not None:
        code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
    if cell.ctype in (number, date):
        return shown(float(cell.value), code, french, bool(book.datemode))
    if cell.ctype == boolean:
        return truth(bool(cell.value), french)
    if cell.ctype == error:
        return str(error_text_from_code.get(cell.value, ""))
    return written(str(cell.value).strip(), code)
