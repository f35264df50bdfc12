"""Office files to text: DOCX, PPTX, ODT, ODP as the XML they hold, spreadsheets and CSV row by row."""

import csv
import io
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from index.errors import UserError
from index.reading.archive import Archive, Budget
from index.reading.limits import Read, in_pages, iso_date

_SKIPPED = frozenset("pPr rPr del moveFrom instrText txbxContent Fallback delText".split())
_ODF_SKIPPED = frozenset(
    "tracked-changes annotation table-of-content sequence-decls forms notes title desc note text-box".split()
)
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "line-break": "\n", "noBreakHyphen": "-"}
_FOOTERS = frozenset(("sldNum", "dt", "ftr"))


def parse_xml(data: bytes) -> Any:
    """The root element. Nothing outside is fetched; a file that declares entities, as bombs do, is refused.

    Raises:
        UserError: `document_damaged`, `document_entities`.
    """
    from lxml import etree

    try:
        root = etree.fromstring(
            data,
            etree.XMLParser(
                resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
            ),
        )
    except etree.XMLSyntaxError as error:
        code = "document_entities" if b"<!ENTITY" in data else "document_damaged"
        raise UserError(code, reason=str(error)) from error
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and next(declared.iterentities(), None) is not None:
        raise UserError("document_entities", reason="<!ENTITY")
    return root


def read_docx(data: bytes, budget: Budget) -> Read:
    """Paragraphs, headings, lists, tables, text boxes and notes of a Word file; deleted text is left out."""
    archive = budget.open(data)
    levels: dict[str, int] = {}
    if "word/styles.xml" in archive.names:
        for style in parse_xml(archive.read("word/styles.xml")).iter("{*}style"):
            name = style.find("{*}name")
            if name is not None and (
                found := re.fullmatch(r"(?:heading|title) ?(\d?)", _value(name, "val").lower())
            ):
                levels[_value(style, "styleId")] = min(int(found[1] or 1), 6)
    blocks = list(_word(parse_xml(archive.read("word/document.xml")), levels))
    for notes in ("word/footnotes.xml", "word/endnotes.xml"):
        if notes in archive.names:
            blocks += _word(parse_xml(archive.read(notes)), levels)
    return Read("\n\n".join(blocks), *_facts(archive, "docProps/core.xml"))


def _word(node: Any, levels: dict[str, int]) -> Iterator[str]:
    for child in node:
        tag = _tag(child)
        if tag == "p":
            style, item = child.find("{*}pPr/{*}pStyle"), child.find("{*}pPr/{*}numPr")
            text = _inside(child).strip()
            level = levels.get(_value(style, "val"), 0) if style is not None else 0
            if text:
                yield (
                    f"{'#' * level} {text}" if level else f"- {text}" if item is not None else text
                )
            for box in child.iter("{*}txbxContent"):
                if not any(_tag(above) == "Fallback" for above in box.iterancestors()):
                    yield from _word(box, levels)
        elif tag == "tr":
            cells = (" ".join(_word(cell, {})) for cell in child.iter("{*}tc"))
            if row := " | ".join(cell for cell in cells if cell):
                yield row
        elif tag not in _SKIPPED:
            yield from _word(child, levels)


def read_pptx(data: bytes, budget: Budget) -> Read:
    """The slides of a presentation in order, each with its notes, as pages."""
    archive = budget.open(data)
    slides = _related(archive, "ppt/presentation.xml")
    pages = []
    for each in parse_xml(archive.read("ppt/presentation.xml")).iter("{*}sldId"):
        path = slides.get(
            next((value for key, value in each.items() if key.endswith("}id")), ""), ("", "")
        )[1]
        blocks = list(_slide(parse_xml(archive.read(path)))) if path in archive.names else []
        for kind, part in _related(archive, path).values():
            if kind in ("notesSlide", "diagramData") and part in archive.names:
                blocks += _slide(parse_xml(archive.read(part)))
        pages.append("\n\n".join(blocks))
    text, spans = in_pages(pages)
    return Read(text, *_facts(archive, "docProps/core.xml"), spans)


def _slide(node: Any) -> Iterator[str]:
    for child in node:
        tag = _tag(child)
        place = child.find("{*}nvSpPr/{*}nvPr/{*}ph") if tag == "sp" else None
        kind = place.get("type", "") if place is not None else ""
        if tag == "tr":
            cells = (" ".join(_slide(cell)) for cell in child.iter("{*}tc"))
            if row := " | ".join(cell for cell in cells if cell):
                yield row
        elif tag == "p":
            if text := _inside(child).strip():
                yield text
        elif kind not in _FOOTERS and tag != "Fallback":
            blocks = list(_slide(child))
            yield from (
                ["# " + " ".join(blocks)] if kind in ("title", "ctrTitle") and blocks else blocks
            )


def _related(archive: Archive, path: str) -> dict[str, tuple[str, str]]:
    """The parts that a part names: by id, the kind and the path."""
    folder, name = posixpath.split(path)
    relations = f"{folder}/_rels/{name}.rels"
    if relations not in archive.names:
        return {}
    return {
        each.get("Id", ""): (
            each.get("Type", "").rpartition("/")[2],
            _joined(folder, each.get("Target", "")),
        )
        for each in parse_xml(archive.read(relations))
    }


def _joined(folder: str, target: str) -> str:
    return (
        target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
    )


def read_odf(data: bytes, budget: Budget) -> Read:
    """Headings, paragraphs, lists, tables and notes of an OpenDocument text; of a presentation, slide by slide."""
    archive = budget.open(data)
    body = parse_xml(archive.read("content.xml")).find("{*}body")
    if body is None:
        raise UserError("document_damaged", reason="office:body")
    facts = _facts(archive, "meta.xml")
    if slides := list(body.iter("{*}page")):
        text, spans = in_pages("\n\n".join(_odf(slide)) for slide in slides)
        return Read(text, *facts, spans)
    return Read("\n\n".join(_odf(body)), *facts)


def _odf(node: Any, mark: str = "") -> Iterator[str]:
    for child in node:
        tag = _tag(child)
        if tag in ("p", "h"):
            level = _value(child, "outline-level") if tag == "h" else ""
            if text := _mixed(child).strip():
                yield f"{'#' * min(int(level), 6)} {text}" if level.isdigit() else mark + text
            for apart in child.iter("{*}text-box", "{*}note-body"):
                yield from _odf(apart)
        elif tag == "table-row":
            cells = (" ".join(_odf(cell)) for cell in child)
            if row := " | ".join(cell for cell in cells if cell):
                yield row
        elif tag == "text-box" or tag not in _ODF_SKIPPED:
            yield from _odf(child, "- " if tag == "list-item" else mark)


def read_sheets(data: bytes, budget: Budget) -> Read:
    """The visible sheets of XLSX, XLS and ODS: each row says its columns' names, so that it can be read alone."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    facts = ("", "", "")
    if data.startswith(b"PK"):
        archive = budget.open(data)
        facts = _facts(
            archive, "docProps/core.xml" if "docProps/core.xml" in archive.names else "meta.xml"
        )
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        blocks: list[str] = []
        for sheet in book.sheets_metadata:
            if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet:
                rows = (
                    [_cell(value) for value in row]
                    for row in book.get_sheet_by_name(sheet.name).iter_rows()
                )
                named = list(table(rows))
                blocks += (
                    [f"# {sheet.name}", *named]
                    if named and len(book.sheets_metadata) > 1
                    else named
                )
    except (CalamineError, OSError, ValueError) as error:
        raise UserError(
            "document_locked" if "assword" in str(error) else "document_damaged", reason=str(error)
        ) from error
    return Read("\n\n".join(blocks), *facts)


def read_csv(text: str) -> Read:
    """Rows of a text table, whichever of , ; tab | parts them."""
    try:
        dialect: Any = csv.Sniffer().sniff(text[:20_000], ",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        return Read("\n\n".join(table(csv.reader(io.StringIO(text, newline=""), dialect))))
    except csv.Error as error:
        raise UserError("document_damaged", reason=str(error)) from error


def table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """One line a row: "Name: Ada; Born: 1815" under a first row of names, else the cells alone."""
    header: list[str] | None = None
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        filled = [cell for cell in cells if cell]
        if header is None and filled:
            figures = any(
                any(map(str.isdigit, cell)) and not any(map(str.isalpha, cell)) for cell in filled
            )
            if 1 < len(filled) == len(cells) and not figures:
                header = cells
            elif figures and len(filled) > len(cells) / 2:
                header = []
            yield "; ".join(filled)
            continue
        if header is None or not filled:
            continue
        names = header + [""] * (len(cells) - len(header))
        yield "; ".join(
            f"{name}: {cell}" if name else cell
            for name, cell in zip(names, cells, strict=False)
            if cell
        )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    return (
        value.isoformat(sep=" ").removesuffix(" 00:00:00")
        if hasattr(value, "hour") and hasattr(value, "year")
        else str(value)
    )


def _inside(node: Any) -> str:
    """The text of an OOXML paragraph: what its `t` elements hold, and tabs and breaks."""
    parts = []
    for child in node:
        tag = _tag(child)
        if tag == "t":
            parts.append(child.text or "")
        elif tag not in _SKIPPED:
            parts.append(_SIGNS.get(tag) or _inside(child))
    return "".join(parts)


def _mixed(node: Any) -> str:
    """The text of an OpenDocument paragraph: all that its elements hold, and blanks that are counted."""
    parts = [node.text or ""]
    for child in node:
        tag = _tag(child)
        if tag == "s":
            parts.append(" ")
        elif tag and tag not in _ODF_SKIPPED:
            parts.append(_SIGNS.get(tag) or _mixed(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _facts(archive: Archive, path: str) -> tuple[str, str, str]:
    """Title, author and date of an office file."""
    if path not in archive.names:
        return "", "", ""
    found: dict[str, str] = {}
    for node in parse_xml(archive.read(path)).iter():
        if isinstance(node.tag, str) and node.text and node.text.strip():
            found.setdefault(_tag(node), node.text.strip())
    author = found.get("initial-creator") or found.get("creator", "")
    date = (
        found.get("created")
        or found.get("creation-date")
        or found.get("modified")
        or found.get("date", "")
    )
    return found.get("title", ""), author, iso_date(date)


def _tag(node: Any) -> str:
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _value(node: Any, name: str) -> str:
    """An attribute by its local name."""
    return str(next((value for key, value in node.items() if key.rpartition("}")[2] == name), ""))
