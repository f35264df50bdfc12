"""The text of answers as paragraphs, lists and tables, for Word and CSV."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment

Run = dict[str, Any]
"""A stretch of a line: `text`, the `numbers` of its sources, the `remark` on it."""
Block = dict[str, Any]
"""A paragraph or an `item` of a list with its `line` of runs, or a table with its `rows` of cells,
each of which is a list of runs, and the number of its `columns`."""

_WORD = Path(__file__).resolve().parent / "templates" / "word"
_FIXED = {
    "[Content_Types].xml": "[Content_Types].xml",
    "_rels/.rels": "rels.xml",
    "word/_rels/document.xml.rels": "document.rels.xml",
    "word/styles.xml": "styles.xml",
    "word/numbering.xml": "numbering.xml",
    "word/settings.xml": "settings.xml",
}
_MADE = {
    "word/document.xml": "document.xml.jinja",
    "word/footnotes.xml": "footnotes.xml.jinja",
    "docProps/core.xml": "core.xml.jinja",
}


def blocks(pieces: Iterable[dict[str, Any]]) -> Iterator[Block]:
    """The blocks of a turn's `pieces`, see `ui.export`."""
    for is_table, lines in groupby(_lines(pieces), key=lambda line: _begins(line, "|")):
        if is_table:
            rows = [_cells(line) for line in lines]
            rows = [row for row in rows if any(set(_text(cell)) - set(" -:") for cell in row)]
            yield {"rows": rows, "columns": max(map(len, rows), default=1)}
            continue
        for line in lines:
            item = _begins(line, "- ")
            if item:
                line[0] = {**line[0], "text": line[0]["text"].removeprefix("- ")}
            if _text(line).strip():
                yield {"item": item, "line": line}


def _lines(pieces: Iterable[dict[str, Any]]) -> Iterator[list[Run]]:
    line: list[Run] = []
    for piece in pieces:
        for number, text in enumerate(piece["text"].split("\n")):
            if number:
                yield line
                line = []
            line.append({"text": text, "numbers": [], "remark": "", "said": piece["said"]})
        line[-1] |= {"numbers": piece["numbers"], "remark": piece["remark"]}
    yield line


def _text(line: Iterable[Run]) -> str:
    return "".join(run["text"] for run in line)


def _begins(line: list[Run], mark: str) -> bool:
    return _text(line).startswith(mark)


def _cells(line: list[Run]) -> list[list[Run]]:
    """The cells of a row; a bar within a sentence parts none."""
    cells: list[list[Run]] = [[]]
    for run in line:
        parts = [run["text"]] if run["said"] else run["text"].split("|")
        for number, text in enumerate(parts):
            if number:
                cells.append([])
            if text.strip():
                cells[-1].append({**run, "text": text if run["said"] else text.strip()})
    return cells[1:-1] if not cells[-1] else cells[1:]


def as_word(templates: Environment, shown: dict[str, Any]) -> bytes:
    """A Word file in which each citation is a footnote with the document, page and sentence."""
    notes: list[str] = []
    turns = []
    for turn in shown["turns"]:
        quoted = {
            source["number"]: f"{source['about']} — {shown['say']('quoted').format(**source)}"
            for source in turn["sources"]
        }
        pieces = []
        for piece in turn["pieces"]:
            own = [quoted[number] for number in piece["numbers"]]
            pieces.append({**piece, "numbers": range(len(notes) + 1, len(notes) + 1 + len(own))})
            notes += own
        turns.append({**turn, "blocks": list(blocks(pieces))})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, fixed in _FIXED.items():
            archive.write(_WORD / fixed, name)
        for name, made in _MADE.items():
            template = templates.get_template(f"word/{made}")
            text = template.render({**shown, "turns": turns, "notes": notes})
            archive.writestr(name, _allowed(text))
    return file.getvalue()


def _allowed(text: str) -> str:
    """Without the characters that XML has no place for."""
    return "".join(
        sign for sign in text if sign in "\n\t" or (sign >= " " and sign not in "\ufffe\uffff")
    )


def as_csv(turns: Iterable[dict[str, Any]], language: str) -> str:
    """The tables of some turns, each with its sources below, as a spreadsheet opens them.

    Semicolons part the cells in French, where the comma is the decimal mark. A cell that a
    spreadsheet would take for a formula begins with an apostrophe.
    """
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";" if language == "fr" else ",")
    for turn in turns:
        tables = [block["rows"] for block in blocks(turn["pieces"]) if "rows" in block]
        for rows in tables:
            writer.writerows([_inert(_cell_text(cell)) for cell in row] for row in rows)
            writer.writerow([])
        if tables:
            for each in turn["sources"]:
                writer.writerow(
                    [f"[{each['number']}]", _inert(each["about"]), _inert(each["text"])]
                )
    return "\ufeff" + file.getvalue()


def _cell_text(cell: list[Run]) -> str:
    parts = []
    for run in cell:
        numbers = "".join(f" [{number}]" for number in run["numbers"])
        remark = f" ({run['remark']})" if run["remark"] else ""
        parts.append(run["text"].replace("**", "") + numbers + remark)
    return " ".join(parts)


def _inert(text: str) -> str:
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text
