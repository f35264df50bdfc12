"""OpenDocument: texts, slides and sheets, with list numbers, tables, notes, comments, fields,
headers and footers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from index.errors import UserError
from index.reading.archive import Archive
from index.reading.equations import equation, raised
from index.reading.form_fields import control, field_mark
from index.reading.formulas import Formulas
from index.reading.limits import Read, Reading, Source, counted, in_pages, unread
from index.reading.marks import beside, is_folio
from index.reading.numbering import level_number
from index.reading.ooxml import facts_of
from index.reading.opendocument_sheets import MOST_REPEATED, sheets_of
from index.reading.opendocument_styles import styles_of
from index.reading.sheets import formula_notes
from index.reading.tables import Cell, in_cell, is_layout, spread, table
from index.reading.xml_nodes import count_of, parse_xml, tag_of, value_of

_SKIPPED = frozenset(
    "annotation-end table-of-content alphabetical-index sequence-decls footer-decl header-decl "
    "date-time-decl title desc forms shapes scripts font-face-decls automatic-styles styles "
    "master-styles meta settings presentation thumbnail event-listeners ruby-text".split()
)
_MANIFEST = "META-INF/manifest.xml"
_SHAPES = (
    "text-box object object-ole image custom-shape rect circle ellipse polygon path line connector "
    "caption"
)
_BOXES = frozenset(f"frame g control {_SHAPES}".split())
_INLINE = {"math": equation, "control": control, "fieldmark": field_mark}
_SIGNS = {"tab": "\t", "line-break": "\n", "soft-page-break": ""}


def read_odf(source: Source) -> Reading:
    """A text; a presentation slide by slide, as pages; or a spreadsheet, each row under the names
    of its columns."""
    if source.data.startswith(b"PK"):
        archive = Archive(source.data, source.budget)
        if _MANIFEST in archive.names and b"encryption-data" in archive.read(_MANIFEST):
            raise UserError("document_locked", reason=_MANIFEST)
        content = archive.xml("content.xml")
        styles = archive.xml("styles.xml") if "styles.xml" in archive.names else content
        facts = facts_of(archive, "meta.xml")
    else:  # the whole in one file: .fodt
        archive, content = None, parse_xml(source.data)
        styles, facts = content, ("", "", "")
    body = content.find("{*}body")
    if body is None or len(body) == 0:
        raise UserError("document_damaged", reason="office:body")
    reader = OpenDocument(archive, content, styles)
    pages: tuple[tuple[int, int], ...] = ()
    hidden = ""
    if tag_of(body[0]) == "spreadsheet":
        text, hidden = sheets_of(reader, body[0])
        text = "\n\n".join([text, *reader.apart(styles, [text])])
    elif slides := body.findall("{*}presentation/{*}page") + body.findall("{*}drawing/{*}page"):
        texts = ["\n\n".join(reader.slide(slide)) for slide in slides]
        feet = ["".join(node.itertext()) for node in body.iter("{*}footer-decl", "{*}header-decl")]
        feet += reader.masters(styles)
        texts[-1] = "\n\n".join([texts[-1], *beside("footer", feet, texts)])
        text, pages = in_pages(texts, prose=False)
    else:
        blocks = list(reader.blocks(body[0]))
        text = "\n\n".join([*blocks, *reader.apart(styles, blocks)])
    notes = (
        *counted(reader.left),
        *unread("unread_sheets", sheets=hidden),
        *formula_notes(reader.formulas),
    )
    yield Read(text, *facts, pages, notes)


@dataclass
class _List:
    """A list at work: its style, how deep it is, and the last number of each of its levels."""

    style: str
    counts: dict[int, int] = field(default_factory=dict)


class OpenDocument:
    """A file being read: styles, lists with their counts, what stands apart or was left out."""

    def __init__(self, archive: Archive | None, content: Any, styles: Any) -> None:
        self.left: Counter[str] = Counter()
        self.notes: list[str] = []
        self.comments: list[str] = []
        self.formulas: list[Formulas] = []
        self._archive = archive
        self._styles = styles_of(styles, content)
        self._counts: dict[str, dict[int, int]] = {}
        self._continued: dict[str, dict[int, int]] = {}

    def blocks(self, node: Any, listed: _List | None = None, level: int = 0) -> Iterator[str]:
        """The paragraphs, rows and boxes below an element, in order."""
        for child in node:
            tag = tag_of(child)
            if tag in ("p", "h"):
                yield from self._paragraph(child, "")
            elif tag == "list":
                yield from self._list(child, listed, level + 1)
            elif tag == "table":
                yield from self._table(child)
            elif tag == "tracked-changes":
                self.left["unread_deleted"] += sum(1 for _ in child.iter("{*}deletion"))
            elif tag in _BOXES:
                yield from self._box(child)
            elif tag == "annotation":
                self._comment(child)
            elif tag == "section" and value_of(child, "display") == "none":
                self.left["unread_hidden"] += 1
            elif tag and tag not in _SKIPPED and tag != "notes":
                yield from self.blocks(child, listed, level)

    def _list(self, node: Any, outer: _List | None, level: int) -> Iterator[str]:
        style = value_of(node, "style-name") or (outer.style if outer else "")
        if outer is None or style != outer.style:
            listed = _List(style)
            followed = value_of(node, "continue-list")
            if value_of(node, "continue-numbering") == "true":
                listed.counts = dict(self._counts.get(style, {}))
            elif followed:
                listed.counts = self._continued.get(followed, {})
        else:
            listed = outer
        if value_of(node, "id"):
            self._continued[value_of(node, "id")] = listed.counts
        self._counts[style] = listed.counts
        if outer is listed:
            listed.counts.pop(level, None)
        for item in node:
            mark = self._mark(item, listed, level) if tag_of(item) == "list-item" else ""
            for child in item:
                tag = tag_of(child)
                if tag in ("p", "h"):
                    yield from self._paragraph(child, mark)
                    mark = ""
                elif tag == "list":
                    yield from self._list(child, listed, level + 1)
                else:
                    yield from self.blocks([child], listed, level)

    def _mark(self, item: Any, listed: _List, level: int) -> str:
        first = next((child for child in item if tag_of(child) in ("p", "h")), None)
        if first is None:
            return ""
        style = self._styles.of_paragraph.get(value_of(first, "style-name"), "")
        every = self._styles.levels
        levels = every.get(listed.style) or every.get(style, {})
        own = levels.get(level)
        if own is None or tag_of(own) == "list-level-style-bullet":
            return "-"
        return level_number(levels, own, listed.counts, level, value_of(item, "start-value"))

    def _paragraph(self, node: Any, mark: str) -> Iterator[str]:
        text = self._text(node).strip()
        level = value_of(node, "outline-level") if tag_of(node) == "h" else ""
        if text and level.isdigit():
            levels, start = self._styles.outline, value_of(node, "start-value")
            own = levels.get(int(level))
            numbered = value_of(own, "num-format") and value_of(node, "is-list-header") != "true"
            if numbered and not mark:
                counts = self._counts.setdefault("outline", {})
                mark = level_number(levels, own, counts, int(level), start)
            mark = f"{'#' * min(int(level), 6)} {'' if mark == '-' else mark}".strip()
        elif value_of(node, "style-name") in self._styles.titles:
            mark = "#"
        if text or mark[:1] not in ("", "-", "#"):  # a column of numbers alone
            yield f"{mark} {text}".strip()
        for box in node.iter(*(f"{{*}}{shape}" for shape in _SHAPES.split())):
            above = box.iterancestors("{*}annotation", "{*}note", "{*}p", "{*}h")
            if next(above, None) is node and not (_is_inline(box) and self._formula(box)):
                yield from self._box(box)

    def _box(self, node: Any) -> Iterator[str]:
        """What stands in a frame: a text, a chart, an equation; pictures are counted."""
        tag = tag_of(node)
        if tag == "image":
            self.left["unread_pictures"] += node.getparent().find("{*}object") is None
        elif tag in ("object", "object-ole"):
            yield from self._object(node)
        elif tag == "control":
            yield from filter(None, [control(node)])
        else:
            yield from self.blocks(node)

    def _content(self, node: Any) -> Any:
        """The root of what is embedded; None where it isn't there."""
        path = f"{value_of(node, 'href').removeprefix('./').rstrip('/')}/content.xml"
        if self._archive is None or path not in self._archive.names:
            return node.find("{*}math")
        return self._archive.xml(path)

    def _formula(self, node: Any) -> str:
        """The equation that is embedded, if it is one."""
        root = self._content(node) if tag_of(node) == "object" else None
        return equation(root) if tag_of(root) == "math" else ""

    def _object(self, node: Any) -> Iterator[str]:
        root = self._content(node)
        if root is None:
            self.left["unread_embedded"] += 1
        elif tag_of(root) == "math":
            yield equation(root)
        else:
            for title in root.iter("{*}chart"):
                for heading in title.findall("{*}title"):
                    yield from self.blocks(heading)
            for each in root.iter("{*}table"):
                texts = [[list(self.blocks(cell)) for cell in row] for row, _ in self.rows(each)]
                yield from table(self._grid(each, texts)[0], head=1)

    def _text(self, node: Any) -> str:
        """The text of a paragraph as it is shown."""
        if (code := self._styles.hidden.get(value_of(node, "style-name"))) is not None:
            self.left[code] += 1
            return ""
        parts = [node.text or ""]
        for child in node:
            tag = tag_of(child)
            if tag == "s":
                parts.append(" " * min(int(value_of(child, "c", "1") or 1), 100))
            elif tag in _SIGNS:
                parts.append(_SIGNS[tag])
            elif tag == "note":
                parts.append(self._note(child))
            elif tag == "annotation":
                self._comment(child)
            elif value_of(child, "showing-place-holder") == "true":
                self.left["unread_empty_fields"] += 1
            elif tag in _INLINE:
                parts.append(_INLINE[tag](child))
            elif tag == "span" and (name := value_of(child, "style-name")) in self._styles.shifted:
                parts.append(raised(self._text(child), down=self._styles.shifted[name]))
            elif tag and tag not in _SKIPPED and tag not in _BOXES and tag != "list-style":
                parts.append(self._text(child))
            elif tag == "frame":
                parts += map(self._formula, child.findall("{*}object"))
                parts += [control(each) for each in child.iter("{*}control")]
            parts.append(child.tail or "")
        return "".join(parts)

    def _note(self, node: Any) -> str:
        number = "".join(text for each in node.iter("{*}note-citation") for text in each.itertext())
        text = " ".join(line for body in node.iter("{*}note-body") for line in self.blocks(body))
        self.notes.append(f"[{number}] {text}")
        return f"[{number}]"

    def _comment(self, node: Any) -> None:
        author = node.findtext("{*}creator") or ""
        text = " ".join(self.blocks([child for child in node if tag_of(child) in ("p", "list")]))
        self.comments.append(f"{author}: {text}" if author and text else text)

    def _table(self, node: Any) -> Iterator[str]:
        nested = any(True for _ in node.iterdescendants("{*}table"))
        texts = [[list(self.blocks(cell)) for cell in row] for row, _ in self.rows(node)]
        if is_layout(texts, nested=nested):
            yield from (block for row in texts for blocks in row for block in blocks)
            return
        grid, heads = self._grid(node, texts)
        yield from table(grid, head=heads or None, sure=False)

    def rows(self, node: Any) -> list[tuple[Any, bool]]:
        """The rows of a table, and whether each is one of names."""
        return [
            (row, any(tag_of(above) == "table-header-rows" for above in row.iterancestors()))
            for row in node.iter("{*}table-row")
            if next(row.iterancestors("{*}table")) is node
        ]

    def _grid(self, node: Any, texts: list[list[list[str]]]) -> tuple[list[list[str]], int]:
        grid = []
        for (row, named), told in zip(self.rows(node), texts, strict=True):
            cells = []
            for cell, blocks in zip(row, told, strict=True):
                if tag_of(cell) == "covered-table-cell":
                    continue  # `spread` knows what covers it
                text = in_cell(blocks)
                text = "" if value_of(cell, "value") == "NaN" else text  # nothing, in a chart
                width = count_of(cell, "number-columns-spanned", 1000)
                height = count_of(cell, "number-rows-spanned", 10_000)
                times = count_of(cell, "number-columns-repeated", MOST_REPEATED)
                cells += [Cell(text, width, height, named)] * times
            while cells and not cells[-1].text and not named:
                cells.pop()
            times = count_of(row, "number-rows-repeated", MOST_REPEATED if cells else 1)
            grid += [cells] * times
        return spread(grid)

    def slide(self, node: Any) -> Iterator[str]:
        """A slide, then what its speaker has noted and others remarked."""
        self.left["read_hidden"] += value_of(node, "style-name") in self._styles.hidden
        blocks = []
        for child in node:
            lines = list(self.blocks([child])) if tag_of(child) != "notes" else []
            if lines and value_of(child, "class") in ("title", "subtitle"):
                mark = "# " if value_of(child, "class") == "title" else ""
                lines = [mark + " ".join(lines)]
            blocks += lines
        yield from blocks
        for notes in node.findall("{*}notes"):
            yield from beside("speaker", self.blocks(notes), blocks)
        yield from beside("comments", self.comments, blocks)
        self.comments = []

    def masters(self, styles: Any) -> Iterator[str]:
        """What every slide of a kind shows."""
        for node in styles.iterfind(".//{*}master-page/*"):
            own = value_of(node, "class") in ("", "header", "footer")
            if own and not value_of(node, "placeholder") and tag_of(node) != "notes":
                yield from self.blocks([node])

    def apart(self, styles: Any, text: list[str]) -> list[str]:
        """Notes, comments, headers and footers."""
        found = [*beside("notes", self.notes, text), *beside("comments", self.comments, text)]
        for kind in ("header", "footer"):
            lines = [
                line
                for node in styles.iter(*(f"{{*}}{kind}{side}" for side in ("", "-left", "-first")))
                if tag_of(node.getparent()) == "master-page"
                and value_of(node, "display") != "false"
                for line in self.blocks(node)
                if not is_folio(line)
            ]
            found += beside(kind, lines, text)
        return found


def _is_inline(box: Any) -> bool:
    """Whether a frame of its own holds it, in the line."""
    frame = box.getparent()
    return tag_of(frame) == "frame" and tag_of(frame.getparent()) not in _BOXES
