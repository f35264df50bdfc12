"""The sheets of OpenDocument spreadsheets: values as shown, merged cells, remarks."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from index.documents import language_of
from index.reading.formulas import Formulas
from index.reading.numbers import plain, shown, truth
from index.reading.sheets import Sheet, sheets_text
from index.reading.xml_nodes import count_of, tag_of, under, value_of

MOST_REPEATED = 1000  # cells and rows that a file may say are repeated


class Content(Protocol):
    """What reads the rows and paragraphs of the file, and collects remarks and formulas."""

    comments: list[str]
    formulas: list[Formulas]
    left: Counter[str]

    def rows(self, node: Any) -> list[tuple[Any, bool]]:
        """The rows of a table, and whether each is one of names."""

    def blocks(self, node: Any) -> Iterator[str]:
        """The paragraphs below an element, or in several."""


def sheets_of(reader: Content, body: Any) -> tuple[str, str]:
    """The text of the visible sheets, and the names of the others."""
    sheets, hidden = [], []
    styles = {
        value_of(each, "name"): each for each in body.getroottree().getroot().iter("{*}style")
    }
    french = language_of(" ".join(body.itertext())[:20_000]) == "fr"
    for node in body.findall("{*}table"):
        properties = under(styles.get(value_of(node, "style-name")), "{*}table-properties")
        if value_of(properties, "display") == "false":
            hidden.append(value_of(node, "name"))
        else:
            sheets.append(_sheet(reader, node, french))
    return sheets_text(sheets, len(sheets) + len(hidden)), ", ".join(hidden)


def _sheet(reader: Content, node: Any, french: bool) -> Sheet:
    sheet, formulas = Sheet(value_of(node, "name")), Formulas()
    place = 0
    for each in node.iter("{*}table-column", "{*}table-row"):
        reader.left["read_hidden"] += value_of(each, "visibility", "visible") != "visible"
    for row, named in reader.rows(node):
        cells: dict[int, str] = {}
        column = 0
        for cell in row:
            times = count_of(cell, "number-columns-repeated")
            sheet.beside += reader.blocks(cell.findall("{*}frame"))
            text = _cell(reader, cell, french)
            if text:
                cells |= dict.fromkeys(range(column, column + min(times, MOST_REPEATED)), text)
                number = value_of(cell, "value")
                formulas.numbers[place, column] = float(number) if number else None
            elif formula := value_of(cell, "formula"):
                formulas.formulas[place, column] = formula
            if (high := count_of(cell, "number-rows-spanned")) > 1:
                right = column + count_of(cell, "number-columns-spanned") - 1
                sheet.merged.append((place, column, place + high - 1, right))
            column += times
        times = count_of(row, "number-rows-repeated")
        if cells:
            sheet.rows |= {place + n: dict(cells) for n in range(min(times, MOST_REPEATED))}
        if named and not sheet.heads:
            sheet.heads.add(place)
        place += times
    for (row_, column), formula in formulas.formulas.items():
        value = formulas.value((row_, column))
        text = formula.removeprefix("of:") if value is None else plain(value, french)
        sheet.rows.setdefault(row_, {})[column] = text
    reader.formulas.append(formulas)
    shapes = node.find("{*}shapes")
    if shapes is not None:
        sheet.beside += reader.blocks(shapes)
    return sheet


def _cell(reader: Content, node: Any, french: bool) -> str:
    """A cell as it is shown, and what is remarked on it; empty where it has a formula alone."""
    before = len(reader.comments)
    own = [child for child in node if tag_of(child) != "frame"]
    text = " ".join(reader.blocks(own)) or _stored(node, french)
    remarks, reader.comments = reader.comments[before:], reader.comments[:before]
    return " ".join([text, *(f"[{remark}]" for remark in remarks)]).strip()


def _stored(node: Any, french: bool) -> str:
    """The value of a cell that keeps no text."""
    value = value_of(node, "value")
    if value:
        code = "0.##%" if value_of(node, "value-type") == "percentage" else ""
        return shown(float(value), code, french)
    if value := value_of(node, "boolean-value"):
        return truth(value == "true", french)
    if value := value_of(node, "time-value"):  # PT26H30M00S
        return value.removeprefix("PT").rstrip("S").replace("H", ":").replace("M", ":")
    return value_of(node, "date-value")[:16].replace("T", " ") or value_of(node, "string-value")
