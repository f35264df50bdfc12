"""Excel files: figures as they are shown, comments in their cells, formulas never worked out."""

import io
from collections.abc import Iterator
from typing import Any

from index.documents import language_of
from index.errors import UserError
from index.reading.encoding import markup
from index.reading.formulas import Formulas, Place, column_of, moved
from index.reading.limits import Read, Reading, Source, unread
from index.reading.numbers import BUILT_IN, shown, truth, written
from index.reading.ooxml import Package, chart, inside, unescaped
from index.reading.sheets import Sheet, formula_notes, sheets_text
from index.reading.xml_nodes import value_of

_ROWS = ("{*}row", "{*}col", "{*}mergeCell", "{*}oddHeader", "{*}oddFooter")
_LETTERS = 4  # of a column at most


def read_xlsx(source: Source) -> Reading:
    """The visible sheets of a workbook."""
    package = Package(source, "xl/workbook.xml")
    book = package.xml(package.main)
    excel = _Excel(package, source, book)
    parts, sheets, hidden = package.parts(package.main), [], []
    for each in book.iter("{*}sheet"):
        name, (kind, part) = value_of(each, "name"), parts.get(value_of(each, "id"), ("", ""))
        if value_of(each, "state") in ("hidden", "veryHidden"):
            hidden.append(name)
        elif kind in ("worksheet", "chartsheet"):
            sheets.append((name, part))
    text = sheets_text((excel.sheet(*each) for each in sheets), len(sheets) + len(hidden))
    notes = (
        *unread("unread_sheets", sheets=", ".join(hidden)),
        *formula_notes(excel.formulas),
        *unread("read_hidden", count=excel.hidden),
        *unread("unread_pictures", count=package.count("xl/media/")),
    )
    yield Read(text, *package.facts(), unread=notes)
    yield from package.embedded(*(part for _, part in sheets))


class _Excel:
    """A workbook being read; `formulas` are those of all sheets that were never worked out, and
    `hidden` counts rows and columns."""

    def __init__(self, package: Package, source: Source, book: Any) -> None:
        self.formulas: list[Formulas] = []
        self.hidden = 0
        self._package = package
        self._source = source
        self._stale = value_of(book.find("{*}calcPr"), "fullCalcOnLoad") in ("1", "true")
        self._date1904 = value_of(book.find("{*}workbookPr"), "date1904") in ("1", "true")
        self._strings: list[str] = []
        self._formats: list[str] = []
        self._filled = 0
        for root in package.roots(package.main, "sharedStrings"):
            self._strings = [inside(item) for item in root.iter("{*}si")]
        for root in package.roots(package.main, "styles"):
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
                sheet.beside.append(uncoded(node.text))
        if formulas.formulas:
            self._work_out(part, sheet, formulas)
        self._read_parts(part, sheet)
        return sheet

    def _read_parts(self, part: str, sheet: Sheet) -> None:
        """Take in what stands beside the cells: which rows hold names, text boxes, charts."""
        for root in self._package.roots(part, "table"):
            if root.get("headerRowCount") != "0":
                sheet.heads.add(_area(root.get("ref", "A1"))[0])
        for drawing in self._package.named(part, "vmlDrawing"):
            sheet.beside += _controls(self._package.read(drawing))
        for drawing in self._package.named(part, "drawing"):
            boxes = self._package.xml(drawing).iter("{*}txBody")
            texts = (" ".join(map(inside, box.iter("{*}p"))) for box in boxes)
            sheet.beside += filter(None, texts)
            for root in self._package.roots(drawing, "chart"):
                sheet.beside += chart(root, values=not sheet.rows)

    def _nodes(self, part: str) -> Iterator[Any]:
        """The rows of a sheet and what else of it is read; each is gone when the next one comes."""
        from lxml import etree

        data = self._package.read(part)
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
            if text[:1] == "=" and (formula := self._formula(node, (place, column), formulas)):
                formulas.formulas[place, column], text = formula, f"={formula}"
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
        if not value or (formula is not None and self._is_stale(value)):
            return "" if formula is None else f"={formula.text or '…'}"
        if kind == "n":
            code = self._code(int(node.get("s") or 0))
            exact = not code and len(value) < 16 and value.isdigit()
            return value if exact else shown(float(value), code, self._french, self._date1904)
        if kind == "s":
            text = self._strings[int(value)] if int(value) < len(self._strings) else ""
            return written(text, self._code(int(node.get("s") or 0)))
        return truth(value == "1", self._french) if kind == "b" else unescaped(value)

    def _formula(self, node: Any, place: Place, known: Formulas) -> str:
        """The formula of a cell that has no value; one that cells share is told by the first."""
        value, formula = node.findtext("{*}v"), node.find("{*}f")
        if formula is None or (value and not self._is_stale(value)):
            return ""
        number, text = formula.get("si", ""), formula.text or ""
        start, shared = known.shared.setdefault(number, (place, text)) if number else (place, text)
        return text or moved(shared, start, place) or "…"

    def _is_stale(self, value: str) -> bool:
        """Whether a formula's value is only what a program writes that works out nothing."""
        return self._stale and value == "0"

    def _code(self, style: int) -> str:
        return self._formats[style] if style < len(self._formats) else ""

    def _comments(self, part: str) -> dict[tuple[int, int], str]:
        """The comments of a sheet by row and column."""
        found: dict[tuple[int, int], str] = {}
        people = [name for name in self._package.names if name.startswith("xl/persons/")]
        names = {
            value_of(node, "id"): value_of(node, "displayName")
            for name in people
            for node in self._package.xml(name).iter("{*}person")
        }
        for root in self._package.roots(part, "threadedComment"):
            for node in root:
                author = names.get(value_of(node, "personId"), "")
                place = _place(value_of(node, "ref"))
                text = f"{author}: {node.findtext('{*}text') or ''}".removeprefix(": ")
                found[place] = " / ".join(filter(None, (found.get(place), text)))
        for root in self._package.roots(part, "comments"):
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


def uncoded(text: str) -> str:
    """A header of a sheet without its codes for fonts, sides and page numbers."""
    for code in ("&L", "&C", "&R"):
        text = text.replace(code, " ")
    kept, *coded = text.split("&")
    for piece in coded:
        quoted = piece.split('"', 2)[2:] if piece.startswith('"') else [piece[1:]]
        kept += "".join(quoted).lstrip("0123456789")
    return " ".join(kept.split())
