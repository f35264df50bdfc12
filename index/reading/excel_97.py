"""Excel 97 files: the cells by xlrd; formulas never worked out, text boxes, boxes to tick, headers
and titles of charts by the records of the file (MS-XLS)."""

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from index.documents import language_of
from index.errors import UserError
from index.reading.excel import uncoded
from index.reading.formulas import Formulas, Place
from index.reading.limits import Read, Reading, Source, unread
from index.reading.numbers import shown, truth, written
from index.reading.sheets import Sheet, formula_notes, sheets_text

_NUMBERS = (2, 3)  # xlrd's kinds of cells with a number or a date
_BOF, _EOF, _CONTINUE, _SHEET, _FORMULA = 0x809, 0x0A, 0x3C, 0x85, 0x06
_HEADS = (0x14, 0x15)  # header and footer
_OBJECT, _OBJECT_TEXT, _CHART_TEXT = 0x5D, 0x1B6, 0x100D
_NOTE, _BOXES = 0x19, (0x0B, 0x0C)  # kinds of objects: a comment, what is to be ticked
_TICKS = 0x0A  # the part of an object that says whether it is ticked
_BLANK = b"\x03\0\0\0\0\0\xff\xff"  # the value of a formula that is an empty text


@dataclass
class _Beside:
    """What a sheet holds beside its cells."""

    texts: list[str] = field(default_factory=list)
    formulas: dict[Place, bytes] = field(default_factory=dict)
    """Those without a value, in the file's own code."""
    worked_out: bool = False
    """Whether any has a value."""


def read_xls(source: Source) -> Reading:
    """The visible sheets of an Excel 97 file."""
    import xlrd

    data, log = source.data, io.StringIO()
    try:
        book = xlrd.open_workbook(file_contents=data, formatting_info=True, logfile=log)
    except (xlrd.XLRDError, NotImplementedError) as error:
        code = "document_locked" if "ncrypt" in str(error) else "document_damaged"
        raise UserError(code, reason=str(error)) from error
    visible = [sheet for sheet in book.sheets() if not sheet.visibility]
    words = [cell.value for sheet in visible for cell in _cells(sheet) if cell.ctype == 1]
    french = language_of(" ".join(words[:2000])) == "fr"
    more: dict[str, _Beside] = {}
    with suppress(struct.error, OSError):  # of a file of which only the cells are whole
        more = _beside(data) if book.biff_version >= 80 else {}
    formulas: list[Formulas] = []
    sheets = [
        _sheet(book, each, french, more.get(each.name, _Beside()), formulas) for each in visible
    ]
    hidden = [sheet.name for sheet in book.sheets() if sheet.visibility]
    lines = [info for sheet in visible for info in sheet.rowinfo_map.values()]
    lines += [info for sheet in visible for info in sheet.colinfo_map.values()]
    notes = (
        *unread("unread_sheets", sheets=", ".join(hidden)),
        *formula_notes(formulas),
        *unread("read_hidden", count=sum(bool(info.hidden) for info in lines)),
    )
    yield Read(sheets_text(sheets, book.nsheets), author=book.user_name or "", unread=notes)


def _sheet(book: Any, each: Any, french: bool, beside: _Beside, formulas: list[Formulas]) -> Sheet:
    merged = [(a, c, b - 1, d - 1) for a, b, c, d in each.merged_cells]
    sheet, known = Sheet(each.name, merged=merged, beside=beside.texts), Formulas()
    for row in range(each.nrows):
        for column, cell in enumerate(each.row(row)):
            if text := _text(book, cell, french):
                sheet.rows.setdefault(row, {})[column] = text
                known.numbers[row, column] = cell.value if cell.ctype in _NUMBERS else None
    if beside.formulas and not beside.worked_out:  # else they give an empty text
        for place, code in beside.formulas.items():
            known.formulas[place] = _formula(book, place, code)
        for place, formula in known.formulas.items():
            value, form = known.value(place), _format(book, each.cell(*place))
            text = f"={formula}" if value is None else shown(value, form, french)
            sheet.rows.setdefault(place[0], {})[place[1]] = text
        formulas.append(known)
    for (row, column), note in (each.cell_note_map or {}).items():
        cells = sheet.rows.setdefault(row, {})
        cells[column] = f"{cells.get(column, '')} [{' '.join(note.text.split())}]".strip()
    return sheet


def _cells(sheet: Any) -> Any:
    return (cell for row in range(min(sheet.nrows, 200)) for cell in sheet.row(row))


def _format(book: Any, cell: Any) -> str:
    if cell.xf_index is None or cell.xf_index >= len(book.xf_list):
        return ""
    return str(book.format_map[book.xf_list[cell.xf_index].format_key].format_str)


def _text(book: Any, cell: Any, french: bool) -> str:
    from xlrd import error_text_from_code

    boolean, error = 4, 5  # xlrd's kinds of cells
    if cell.ctype in _NUMBERS:
        return shown(float(cell.value), _format(book, cell), french, bool(book.datemode))
    if cell.ctype == boolean:
        return truth(bool(cell.value), french)
    if cell.ctype == error:
        return str(error_text_from_code.get(cell.value, ""))
    return written(str(cell.value).strip(), _format(book, cell))


def _formula(book: Any, place: Place, code: bytes) -> str:
    """A formula as one writes it; "…" where xlrd can't tell."""
    from xlrd.formula import FMLA_TYPE_CELL, decompile_formula

    try:
        row, column = place
        text = decompile_formula(book, code, len(code), FMLA_TYPE_CELL, row, column)
        return str(text or "…")
    except Exception:
        return "…"


def _beside(data: bytes) -> dict[str, _Beside]:
    """What the sheets of a file hold beside their cells, by their names."""
    import olefile

    stream = data
    if data.startswith(olefile.MAGIC):
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            stream = ole.openstream("Workbook").read()
    return {
        _string(content[6:], 1): _found(stream, *struct.unpack_from("<I", content))
        for kind, content in _records(stream, 0)
        if kind == _SHEET
    }


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records of a sheet, those of the charts on it too: kind and content."""
    depth = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 0:
            return


def _found(stream: bytes, start: int) -> _Beside:
    found = _Beside()
    thing, mark, left, text = 0, "", 0, ""
    for kind, data in _records(stream, start):
        if kind in _HEADS and data:
            found.texts.append(uncoded(_string(data, 2)))
        elif kind == _CHART_TEXT:
            found.texts.append(_string(data[2:], 1))
        elif kind == _FORMULA and data[6:14] != _BLANK:
            found.worked_out = True
        elif kind == _FORMULA:
            row, column = struct.unpack_from("<HH", data)
            found.formulas[row, column] = data[22 : 22 + int.from_bytes(data[20:22], "little")]
        elif kind == _OBJECT:
            thing, mark = _object(data)
        elif kind == _OBJECT_TEXT:
            left, text = int.from_bytes(data[10:12], "little"), ""
        elif kind == _CONTINUE and left and data:
            piece = data[1:].decode("utf-16-le" if data[0] & 1 else "latin-1", "replace")[:left]
            text, left = text + piece, left - len(piece)
            if not left and thing != _NOTE:  # xlrd reads those
                found.texts.append(f"{mark} {' '.join(text.split())}".strip())
    found.texts = list(filter(None, found.texts))
    return found


def _object(data: bytes) -> tuple[int, str]:
    """The kind of an object on a sheet, and for what is to be ticked whether it is."""
    thing, at, ticked = int.from_bytes(data[4:6], "little"), 0, False
    while at + 6 <= len(data):
        part, size, first = struct.unpack_from("<HHH", data, at)
        ticked |= part == _TICKS and first == 1
        at += 4 + size
    return thing, "" if thing not in _BOXES else "☒" if ticked else "☐"


def _string(data: bytes, wide: int) -> str:
    """A text after its length, of so many bytes, and a byte that says how its letters are kept."""
    length, letters = int.from_bytes(data[:wide], "little"), data[wide + 1 :]
    if data[wide : wide + 1] == b"\1":
        return letters[: 2 * length].decode("utf-16-le", "replace")
    return letters[:length].decode("latin-1")
