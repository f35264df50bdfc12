"""Workbooks of Excel 2003 in one file of XML (SpreadsheetML)."""

from datetime import datetime
from typing import Any

from index.documents import language_of
from index.errors import UserError
from index.reading.limits import Budget, Read, Reading, iso_date, unread
from index.reading.numbers import shown, truth, written
from index.reading.sheets import Sheet, sheets_text
from index.reading.xml_nodes import line_of, value_of

NAMESPACE = "urn:schemas-microsoft-com:office:spreadsheet"
_FORMATS = {
    "General": "", "General Date": "dd/mm/yyyy hh:mm", "Short Date": "dd/mm/yyyy",
    "Medium Date": "d-mmm-yy", "Long Date": "d mmmm yyyy", "Short Time": "hh:mm",
    "Medium Time": "hh:mm", "Long Time": "hh:mm:ss", "Fixed": "0.00", "Standard": "#,##0.00",
    "Currency": "#,##0.00", "Euro Currency": "#,##0.00 €", "Percent": "0.00%",
    "Scientific": "0.00E+00",
}  # fmt: skip
"""The formats that have names."""


def workbook(root: Any, budget: Budget) -> Reading:
    """The visible sheets of a workbook."""
    formats = {
        value_of(style, "ID"): _FORMATS.get(code, code)
        for style in root.iter("{*}Style")
        if (code := value_of(style.find("{*}NumberFormat"), "Format"))
    }
    french = language_of(" ".join(root.itertext())) == "fr"
    every = root.findall("{*}Worksheet")
    hidden = [
        sheet
        for sheet in every
        if (sheet.findtext(".//{*}WorksheetOptions/{*}Visible") or "").startswith("Sheet")
    ]
    sheets = [_sheet(each, formats, french, budget) for each in every if each not in hidden]
    rows = sum(value_of(row, "Hidden") == "1" for row in root.iter("{*}Row", "{*}Column"))
    title, author, created = (
        root.findtext(f"{{*}}DocumentProperties/{{*}}{name}") or ""
        for name in ("Title", "Author", "Created")
    )
    notes = (
        *unread("unread_sheets", sheets=", ".join(value_of(each, "Name") for each in hidden)),
        *unread("read_hidden", count=rows),
    )
    yield Read(sheets_text(sheets, len(every)), title, author, iso_date(created), unread=notes)


def _sheet(node: Any, formats: dict[str, str], french: bool, budget: Budget) -> Sheet:
    sheet, place, filled = Sheet(value_of(node, "Name")), -1, 0
    for row in node.iterfind("{*}Table/{*}Row"):
        place, column = _next(row, place), -1
        cells: dict[int, str] = {}
        for cell in row.iterfind("{*}Cell"):
            column = _next(cell, column)
            if text := _text(cell, formats.get(value_of(cell, "StyleID"), ""), french):
                cells[column] = text
            right = column + int(value_of(cell, "MergeAcross", "0"))
            if down := int(value_of(cell, "MergeDown", "0")):
                sheet.merged.append((place, column, place + down, right))
            column = right
        filled += len(cells)
        if filled > budget.limits.cells:
            raise UserError("document_cells", most=budget.limits.cells)
        if cells:
            sheet.rows[place] = cells
        place += int(value_of(row, "Span", "0"))
    return sheet


def _next(node: Any, before: int) -> int:
    """The place of a row or cell after another, from 0: the next one, or the one that it says."""
    return int(value_of(node, "Index", str(before + 2))) - 1


def _text(cell: Any, code: str, french: bool) -> str:
    """A cell as it is shown, and what is remarked on it."""
    parts = []
    if (data := cell.find("{*}Data")) is not None:
        parts.append(_shown("".join(data.itertext()).strip(), value_of(data, "Type"), code, french))
    for remark in cell.findall("{*}Comment"):
        text = line_of(remark)
        parts.append(f"[{value_of(remark, 'Author')}: {text}]".replace("[: ", "["))
    return " ".join(filter(None, parts))


def _shown(text: str, kind: str, code: str, french: bool) -> str:
    if kind == "Number":
        return shown(float(text), code, french)
    if kind == "DateTime":  # days since the last of 1899
        days = (datetime.fromisoformat(text) - datetime(1899, 12, 30)).total_seconds() / 86_400
        return shown(days, code or "dd/mm/yyyy", french)
    return truth(text == "1", french) if kind == "Boolean" else written(text, code)
