"""The sheets of OpenDocument spreadsheets: values as shown, merged cells, remarks."""

from collections.abc import Iterator
from typing import Any, Protocol

from index.reading.ooxml import value_of
from index.reading.sheets import Sheet, sheets_text

MOST_REPEATED = 1000  # cells and rows that a file may say are repeated


class Content(Protocol):
    """What reads the rows and paragraphs of the file, and collects remarks and formulas."""

    comments: list[str]
    formulas: list[str]

    def rows(self, node: Any) -> list[tuple[Any, bool]]:
        """The rows of a table, and whether each is one of names."""

    def blocks(self, node: Any) -> Iterator[str]:
        """The paragraphs below an element."""


def sheets_of(reader: Content, body: Any) -> tuple[str, str]:
    """The text of the visible sheets, and the names of the others."""
    shown, hidden = [], []
    styles = {
        value_of(each, "name"): each for each in body.getroottree().getroot().iter("{*}style")
    }
    for node in body.findall("{*}table"):
        properties = styles.get(value_of(node, "style-name"))
        properties = properties.find("{*}table-properties") if properties is not None else None
        if value_of(properties, "display") == "false":
            hidden.append(value_of(node, "name"))
        else:
            shown.append(_sheet(reader, node))
    return sheets_text(shown, len(shown) + len(hidden)), ", ".join(hidden)


def _sheet(reader: Content, node: Any) -> Sheet:
    sheet = Sheet(value_of(node, "name"))
    place = 0
    for row, _ in reader.rows(node):
        cells: dict[int, str] = {}
        column = 0
        for cell in row:
            times = int(value_of(cell, "number-columns-repeated", "1") or 1)
            text = _cell(reader, cell)
            if text:
                cells |= dict.fromkeys(range(column, column + min(times, MOST_REPEATED)), text)
            wide, high = (
                int(value_of(cell, f"number-{way}-spanned", "1") or 1)
                for way in ("columns", "rows")
            )
            if high > 1:
                sheet.merged.append((place, column, place + high - 1, column + wide - 1))
            column += times
        times = int(value_of(row, "number-rows-repeated", "1") or 1)
        if cells:
            sheet.rows |= {place + n: dict(cells) for n in range(min(times, MOST_REPEATED))}
        place += times
    shapes = node.find("{*}shapes")
    if shapes is not None:
        sheet.beside += reader.blocks(shapes)
    return sheet


def _cell(reader: Content, node: Any) -> str:
    """A cell as it is shown, and what is remarked on it."""
    if len(node) == 0:
        if formula := value_of(node, "formula"):
            reader.formulas.append(formula.removeprefix("of:"))
            return reader.formulas[-1]
        return ""
    before = len(reader.comments)
    text = " ".join(reader.blocks(node))
    remarks, reader.comments = reader.comments[before:], reader.comments[:before]
    return " ".join([text, *(f"[{remark}]" for remark in remarks)]).strip()
