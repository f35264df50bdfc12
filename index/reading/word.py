"""Word files: paragraphs with their numbers, tables, forms, text boxes, charts, equations, notes,
comments, headers."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from index.reading.equations import equation, raised
from index.reading.limits import Read, Reading, Source, counted
from index.reading.marks import beside, in_signs, is_folio, sign
from index.reading.numbering import Numbering
from index.reading.ooxml import SIGNS, Package, chart
from index.reading.tables import in_cell, is_layout, table
from index.reading.xml_nodes import is_on, tag_of, under, value_of

_SKIPPED = frozenset(
    "pPr rPr instrText delInstrText txbxContent Fallback sdtPr tblPr trPr tcPr rt".split()
)
_LEFT_OUT = {
    **dict.fromkeys(("del", "moveFrom", "delText"), "unread_deleted"),
    **dict.fromkeys(("blip", "imagedata"), "unread_pictures"),
}
_DRAWN = ("{*}txbxContent", "{*}chart", "{*}relIds", "{*}textpath")
_RULES = ("separator", "continuationSeparator", "continuationNotice")  # above notes
_UNSEEN = {"vanish": "unread_hidden", "strike": "unread_deleted", "dstrike": "unread_deleted"}


def read_docx(source: Source) -> Reading:
    """The text of a Word file, then what stands beside it. Deleted and hidden text is left out."""
    package = Package(source, "word/document.xml")
    path = package.main
    word = _Word(package, path)
    blocks = list(word.blocks(package.xml(path)))
    text = [*blocks]
    for kind, name in (("notes", "footnotes"), ("notes", "endnotes"), ("comments", "comments")):
        for root in package.roots(path, name):
            blocks += beside(kind, word.apart(root), text)
    for kind in ("header", "footer"):
        lines: list[str] = []
        for part in package.named(path, kind):
            own = _Word(package, part)
            lines += own.blocks(package.xml(part))
            word.left += own.left
        blocks += beside(kind, (line for line in lines if not is_folio(line)), text)
    yield Read("\n\n".join(blocks), *package.facts(), unread=counted(word.left))
    yield from package.embedded(path)


class _Word:
    """One part of a Word file being read: its styles, its lists and how far they count, what was
    left out."""

    def __init__(self, package: Package, path: str) -> None:
        self.left: Counter[str] = Counter()
        self._package = package
        self._parts = package.parts(path)
        self._numbering = Numbering()
        self._levels: dict[str, int] = {}
        self._lists: dict[str, tuple[str, int | None]] = {}
        self._looks: dict[str, tuple[str, str]] = {}
        self._notes: dict[tuple[str, str], int] = {}
        self._fields: list[str] = []  # those at work: "begin" while in the code of one
        self._held = ""  # of a paragraph whose end was deleted
        self._special: dict[str, Callable[[Any], str]] = {
            "r": self._run,
            "sdt": self._control,
            "sym": lambda node: sign(value_of(node, "font"), value_of(node, "char")[-2:]),
            "fldChar": self._field,
            "oMath": equation,
            "oMathPara": equation,
            "footnoteReference": self._reference,
            "endnoteReference": self._reference,
        }
        for root in package.roots(package.main, "numbering"):
            self._numbering.read(root)
        for root in package.roots(package.main, "styles"):
            self._read_styles(root)

    def _read_styles(self, root: Any) -> None:
        """Which styles are headings, numbered, hidden or set higher; a style may rest on
        another."""
        styles = {value_of(style, "styleId"): style for style in root.iter("{*}style")}
        for name, style in styles.items():
            chain = [style]
            while (under := styles.get(value_of(chain[-1].find("{*}basedOn")))) is not None:
                if under in chain:
                    break
                chain.append(under)
            self._levels[name] = next(filter(None, map(_level, chain)), 0)
            lists, levels = (
                [value_of(each.find(f"{{*}}pPr/{{*}}numPr/{{*}}{what}")) for each in chain]
                for what in ("numId", "ilvl")
            )
            if number := next(filter(None, lists), ""):
                level = next(filter(None, levels[: lists.index(number) + 1]), "")
                self._lists[name] = number, int(level) if level else None
            looks = [_look(each.find("{*}rPr")) for each in chain]
            code, shift = (next(filter(None, each), "") for each in zip(*looks, strict=True))
            self._looks[name] = code, shift

    def blocks(self, node: Any) -> Iterator[str]:
        """The paragraphs, rows, boxes and charts below an element, in order."""
        for child in node:
            tag = tag_of(child)
            if tag == "p":
                yield from self._paragraph(child)
            elif tag == "tbl":
                yield from self._table(child)
            elif tag in _LEFT_OUT:
                self.left[_LEFT_OUT[tag]] += 1
            elif tag == "sdt" and is_on(child.find("{*}sdtPr/{*}showingPlcHdr")):
                self.left["unread_empty_fields"] += 1
            elif tag not in _SKIPPED:
                yield from self.blocks(child)

    def apart(self, root: Any) -> Iterator[str]:
        """The notes or comments of a part, each with its number or who wrote it."""
        numbers = [self._notes.get((tag_of(each), value_of(each, "id")), 0) for each in root]
        for number, each in sorted(zip(numbers, root, strict=True), key=lambda pair: pair[0]):
            if value_of(each, "type") in _RULES:
                continue
            text = " ".join(self.blocks(each))
            author = value_of(each, "author")
            if text and tag_of(each) == "comment":
                yield f"{author}: {text}" if author else text
            elif text:
                yield f"[{number}] {text}" if number else text

    def _paragraph(self, node: Any) -> Iterator[str]:
        style = value_of(node.find("{*}pPr/{*}pStyle"))
        code = self._looks.get(style, ("", ""))[0]
        self._fields.clear()
        text = self._held + ("" if code else self._runs(node))
        self.left[code] += bool(code)
        level = self._levels.get(style, 0)
        ends = (node.find(f"{{*}}pPr/{{*}}rPr/{{*}}{tag}") for tag in ("del", "moveFrom"))
        joined = any(end is not None for end in ends)
        self._held = text if joined and tag_of(node.getnext()) == "p" else ""
        text = "" if self._held else text.strip()
        mark = "" if code or (joined and not text) else self._mark(node, style)
        if text or mark not in ("", "-"):  # a column of numbers alone
            mark = "" if level and mark == "-" else mark
            start = "#" * level + " " if level else ""
            yield f"{start}{mark} {text}".rstrip() if mark else start + text
        for box in node.iter(*_DRAWN):
            if next(box.iterancestors("{*}p"), None) is not node or _is_copy(box):
                continue
            if tag_of(box) == "txbxContent":
                yield from self.blocks(box)
            elif tag_of(box) == "textpath":  # of letters drawn as a picture
                yield from filter(None, [value_of(box, "string").strip()])
            else:
                yield from self._drawn(box)

    def _mark(self, node: Any, style: str) -> str:
        """The number or bullet of a paragraph."""
        own = node.find("{*}pPr/{*}numPr")
        number, level = self._lists.get(style, ("", None))
        if own is not None:
            number = value_of(own.find("{*}numId"), default=number)
            told = value_of(own.find("{*}ilvl"))
            level = int(told) if told else level
        if level is None:
            level = self._numbering.level_of(number, style)
        return self._numbering.mark(number, level)

    def _drawn(self, node: Any) -> Iterator[str]:
        """The values of a chart, or the texts of a diagram."""
        for key, name in node.items():
            if name in self._parts and key.endswith(("}id", "}dm")):
                kind, part = self._parts[name]
                root = self._package.xml(part)
                yield from chart(root) if kind == "chart" else self.blocks(root)

    def _runs(self, node: Any) -> str:
        """The text of a paragraph as it is shown."""
        parts: list[str] = []
        for child in node:
            tag = tag_of(child)
            if tag == "t":
                text = child.text or ""  # which a program may have indented
                shown = "begin" not in self._fields[:-1]  # no field in the code of another one
                parts.append((" ".join(text.split()) if "\n" in text else text) * shown)
            elif tag in SIGNS:
                parts.append(SIGNS[tag])
            elif tag in self._special:
                parts.append(self._special[tag](child))
            elif tag in _LEFT_OUT:
                self.left[_LEFT_OUT[tag]] += 1
            elif tag not in _SKIPPED:
                parts.append(self._runs(child))
        return "".join(parts)

    def _reference(self, node: Any) -> str:
        """The number of a note, unless it has a mark of its own."""
        if value_of(node, "customMarkFollows") in ("1", "true", "on"):
            return ""
        key = tag_of(node).removesuffix("Reference"), value_of(node, "id")
        return f"[{self._notes.setdefault(key, len(self._notes) + 1)}]"

    def _field(self, node: Any) -> str:
        """What a form field shows; which fields begin, have told their code, or end is kept."""
        kind = value_of(node, "fldCharType")
        if kind == "begin":
            self._fields.append(kind)
        elif self._fields:
            self._fields[-1:] = [kind] * (kind != "end")
        return _legacy_field(node)

    def _run(self, node: Any) -> str:
        properties = node.find("{*}rPr")
        styled = self._looks.get(value_of(node.find("{*}rPr/{*}rStyle")), ("", ""))
        code, shift = (own or usual for own, usual in zip(_look(properties), styled, strict=True))
        if code:
            self.left[code] += any(True for _ in node.iter("{*}t"))
            return ""
        if shift in ("superscript", "subscript"):
            return raised(self._runs(node), down=shift == "subscript")
        font = value_of(node.find("{*}rPr/{*}rFonts"), "ascii")
        return in_signs(font, self._runs(node))

    def _control(self, node: Any) -> str:
        """What a content control holds; nothing where it only asks for something."""
        if is_on(node.find("{*}sdtPr/{*}showingPlcHdr")):
            self.left["unread_empty_fields"] += 1
            return ""
        box = node.find("{*}sdtPr/{*}checkbox")
        if box is not None:  # whatever sign of whatever font it shows
            return "☒" if is_on(box.find("{*}checked")) else "☐"
        content = node.find("{*}sdtContent")
        return "" if content is None else self._runs(content)

    def _cell(self, node: Any) -> Iterator[str]:
        """What a cell of a table holds; nothing where it only asks for something."""
        above = node.getparent().getparent()
        if tag_of(above) == "sdt" and is_on(above.find("{*}sdtPr/{*}showingPlcHdr")):
            self.left["unread_empty_fields"] += 1
        else:
            yield from self.blocks(node)

    def _table(self, node: Any) -> Iterator[str]:
        """The rows of a table; one that only lays out what stands in it is read cell by cell."""
        rows = [row for row in node.iter("{*}tr") if next(row.iterancestors("{*}tbl")) is node]
        gone = [row for row in rows if row.find("{*}trPr/{*}del") is not None]
        self.left["unread_deleted"] += len(gone)
        rows = [row for row in rows if row not in gone]
        cells = [
            [cell for cell in row.iter("{*}tc") if next(cell.iterancestors("{*}tr")) is row]
            for row in rows
        ]
        texts = [[list(self._cell(cell)) for cell in row] for row in cells]
        nested = next(node.iterdescendants("{*}tbl"), None) is not None
        if is_layout(texts, nested=nested):
            yield from (block for row in texts for blocks in row for block in blocks)
            return
        grid: list[list[str]] = []
        for row, own, told in zip(rows, cells, texts, strict=True):
            line = [""] * int(value_of(row.find("{*}trPr/{*}gridBefore")) or 0)
            for cell, blocks in zip(own, told, strict=True):
                merged = cell.find("{*}tcPr/{*}vMerge")
                text = in_cell(blocks)
                goes_on = merged is not None and value_of(merged) != "restart"
                if goes_on and grid and len(line) < len(grid[-1]):
                    text = grid[-1][len(line)]
                line += [text, *[""] * (int(value_of(cell.find("{*}tcPr/{*}gridSpan")) or 1) - 1)]
            grid.append(line)
        heads = [is_on(row.find("{*}trPr/{*}tblHeader")) for row in rows]
        count = heads.index(False) if False in heads else 0
        yield from table(grid, head=count or None, sure=False)


def _is_copy(box: Any) -> bool:
    """Whether a box is there for programs that can't draw another one, which holds the same."""
    return any(
        next(choice.iter(*_DRAWN), None) is not None
        for fallback in box.iterancestors("{*}Fallback")
        for choice in fallback.itersiblings("{*}Choice", preceding=True)
    )


def _look(properties: Any) -> tuple[str, str]:
    """By the properties of a run or a style: the code of why it isn't shown, and whether it is set
    higher or lower."""
    codes = (code for name, code in _UNSEEN.items() if is_on(under(properties, f"{{*}}{name}")))
    return next(codes, ""), value_of(under(properties, "{*}vertAlign"))


def _level(style: Any) -> int:
    """The level of a heading that a style is for; 0 for other styles."""
    called = value_of(style.find("{*}name")).lower()
    if called == "title":
        return 1
    if called.startswith("heading ") and called[8:].isdigit():
        return min(int(called[8:]), 6)
    outline = value_of(style.find("{*}pPr/{*}outlineLvl"))
    return int(outline) + 1 if outline.isdigit() and int(outline) < 6 else 0


def _legacy_field(node: Any) -> str:
    """What is ticked or chosen in a form field of older versions."""
    box, choice = node.find("{*}ffData/{*}checkBox"), node.find("{*}ffData/{*}ddList")
    if box is not None:
        states = box.findall("{*}checked") + box.findall("{*}default")
        return "☒" if states and is_on(states[0]) else "☐"
    if choice is not None:
        entries = [value_of(entry) for entry in choice.iter("{*}listEntry")]
        places = choice.findall("{*}result") + choice.findall("{*}default")
        place = int(value_of(next(iter(places), None)) or 0)
        return entries[place] if place < len(entries) else ""
    return ""
