"""The blocks of a page of HTML in order: paragraphs, headings, items, tables row by row."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from index.reading.blocks import Block, paired
from index.reading.encoding import markup
from index.reading.equations import equation, raised
from index.reading.numbering import numeral
from index.reading.tables import Cell, in_cell, is_layout, spread, table
from index.reading.xml_nodes import count_of, line_of

_BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd details div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol optgroup "
    "p pre section summary table tbody tfoot thead title tr ul".split()
)
_SILENT = frozenset(
    "head script style template noscript svg button datalist iframe object embed audio video "
    "canvas rt rp".split()
)
_EMBEDDED = frozenset("iframe object embed audio video canvas frame".split())
_MENU_ROLES = frozenset("navigation banner search menu menubar dialog alertdialog".split())
_BESIDE = frozenset("aside footer".split())
_BESIDE_WORDS = frozenset("comment comments commentaire commentaires footer sidebar".split())
_MENU_WORDS = frozenset(
    "cookie cookies consent breadcrumb breadcrumbs navbar menu skip pagination".split()
)
_HIDDEN = ("display:none", "visibility:hidden", "mso-hide:all")
_DEEPEST = 3  # tables inside one another that are read as such
_MOST_NESTED = 20  # tables in one of values
_PERHAPS = frozenset("banner menu".split())  # a menu only where it is mostly links
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
LONG_MENU = 0.7
"""Share of a block's letters in links from which, outside of the main text, it is a menu."""


def texts_of(data: bytes, charset: str | None = None) -> list[str]:
    """The paragraphs of a page, without looking for its main text."""
    root = parsed(data, charset)
    return [] if root is None else [block.text for block in paired(flow(root, menus=True)[0])]


def parsed(data: bytes, charset: str | None = None) -> Any:
    """The root of an HTML or XHTML page; None where there is none."""
    from lxml import etree, html

    text = markup(data, charset).replace("\0", "")
    try:
        parser = html.HTMLParser(huge_tree=False)
        return html.document_fromstring(text, parser=parser) if text.strip() else None
    except (etree.ParserError, ValueError):
        return None


def flow(root: Any, *, menus: bool = False) -> tuple[list[Block], Counter[str]]:
    """The blocks of a page in order, and what was left out; with `menus` none of those is."""
    reader = _Flow(menus)
    reader.walk(root)
    reader.end()
    return reader.blocks, reader.left


class _Flow:
    """A page being read: blocks as a browser shows them, headings and items marked, tables row by
    row."""

    def __init__(self, menus: bool, inside: int = 0) -> None:
        self.blocks: list[Block] = []
        self.left: Counter[str] = Counter()
        self._menus = menus
        self._inside = inside  # how many tables
        self._parts: list[str] = []
        self._mark = ""
        self._aside = self._pre = self._depth = 0
        self._linked = self._links = 0
        self._lists: list[tuple[int | None, str]] = []

    def walk(self, top: Any) -> None:
        """Take in an element and what is below it, without calls inside calls: pages nest as deeply
        as they like."""
        stack: list[tuple[Any, bool]] = [(top, True)]
        while stack:
            node, opening = stack.pop()
            if not opening:
                self._close(node)
                self._tail(node, top)
                continue
            if (
                not isinstance(node.tag, str)
                or self._skipped(node)
                or self._whole(node)
                or node.tag in _SILENT
            ):
                self._tail(node, top)
            else:
                self._open(node)
                stack.append((node, False))
                stack += [(child, True) for child in reversed(node)]

    def _tail(self, node: Any, top: Any) -> None:
        if node is not top:
            self._add(node.tail or "")

    def _skipped(self, node: Any) -> bool:
        """Whether an element isn't shown, or is a menu; what of it is text is counted."""
        words, code = _words_of(node), ""
        hidden = _is_hidden(node)
        signs = (words & _MENU_WORDS) | ({node.get("role")} & _MENU_ROLES)
        menu = node.tag == "nav" or bool(signs - _PERHAPS) or (bool(signs) and _is_linked(node))
        if node.tag in ("del", "s", "strike"):
            code = "unread_deleted"
        elif hidden and not (self._menus and node.tag in _BESIDE):  # notes of a book are hidden
            code = "unread_hidden"
        elif menu and not self._menus and node.tag not in ("body", "main", "article", "html"):
            code = "unread_menus"
        self.left[code] += bool(code) and any(map(str.strip, node.itertext()))
        if node.tag in _EMBEDDED and not hidden:
            self.left["unread_embedded"] += 1
        return bool(code) or {"katex", "html"} <= words  # an equation drawn, after its MathML

    def _whole(self, node: Any) -> bool:
        """Whether an element is read at once: a table of values, an equation, a field, what is set
        higher or lower."""
        tag = node.tag
        is_table = _is(node, "table", "table") and self._inside < _DEEPEST
        lines = list(_table(node, self._inside)) if is_table else []
        if lines:
            self.end()
            self.blocks += [Block(line, bool(self._aside), 0) for line in lines]
        elif tag == "math":
            self._add(equation(node))
        elif tag == "noframes":
            self.end()
            self.blocks += [Block(text) for text in texts_of((node.text or "").encode())]
        elif tag in ("sup", "sub"):
            text = "".join(node.itertext())
            linked = node.find(".//a") is not None or node.getparent().tag == "a"
            reference = linked and text.strip().isalnum()
            self._add(f"[{text.strip()}]" if reference else raised(text, down=tag == "sub"))
        elif tag == "a" and "#" in node.get("href", "") and (node.text or "").isdecimal():
            self._add(f"[{node.text}]")
        elif tag == "img":
            alt = node.get("alt", "").strip()
            self._add(f" {alt} " if len(alt.split()) > 2 else " ")  # shorter ones name a sign
            self.left["unread_pictures"] += not alt and node.get("width") not in ("0", "1")
        elif tag == "svg":
            self._add(" ".join(" ".join(each.itertext()) for each in node.iter("text")))
        elif tag in ("input", "select"):
            self._add(f" {_field(node)} ")
        else:
            return False
        return True

    def _open(self, node: Any) -> None:
        tag = node.tag
        self._linked += tag == "a"
        self._aside += self._is_aside(node)
        self._pre += tag == "pre"
        if tag in ("ol", "ul"):
            back = "reversed" in node.attrib
            first = node.get("start", str(len(node.findall("li"))) if back else "1")
            number = int(first) if tag == "ol" and first.isdigit() else None
            number = -number if number and back else number
            self._lists.append((number, node.get("type", "1")))
        if tag in _BLOCKS:
            self.end(pre=tag == "br")
            self._mark = self._mark_of(node)
        if tag == "span" and _is_apart(node):
            self._add(" ")
        self._add(node.text or "")

    def _close(self, node: Any) -> None:
        tag = node.tag
        if tag in _BLOCKS:
            self.end(pre=tag == "br")
            self._mark = "" if tag != "br" else self._mark
        elif tag in ("td", "th"):
            self._parts.append(" | ")
        if tag in ("ol", "ul") and self._lists:
            self._lists.pop()
        self._linked -= tag == "a"
        self._aside -= self._is_aside(node)
        self._pre -= tag == "pre"

    def _is_aside(self, node: Any) -> bool:
        if self._menus or node.tag in ("body", "html", "main"):
            return False
        inside = node.tag == "footer" and any(
            above.tag in ("article", "main") for above in node.iterancestors()
        )
        return (node.tag in _BESIDE and not inside) or bool(_words_of(node) & _BESIDE_WORDS)

    def _mark_of(self, node: Any) -> str:
        if node.tag in _HEADINGS:
            return _HEADINGS[node.tag]
        if node.tag == "li":
            number, form = self._lists[-1] if self._lists else (None, "")
            if number is None:
                return "- "
            value = node.get("value", "")
            number = int(value) if value.isdigit() else number
            self._lists[-1] = number + 1, form
            return f"{numeral(abs(number), form)}. "
        return self._mark if node.tag in ("p", "div", "br") else ""

    def _add(self, text: str) -> None:
        self._parts.append(text)
        if self._linked:
            self._links += sum(map(str.isalnum, text))

    def end(self, *, pre: bool = False) -> None:
        """End the block at work."""
        if self._pre and pre:
            self._parts.append("\n")
            return
        raw = "".join(self._parts)
        text = raw.strip("\n") if self._pre else " ".join(raw.split()).strip(" |¶")
        self._parts.clear()
        if text.strip():
            self.blocks.append(Block(self._mark + text, bool(self._aside), self._links))
            self._mark = ""
        self._links = 0


def _is_apart(node: Any) -> bool:
    """Whether a span touches another as a value its label, which stand at the ends of a line."""
    last = node.getprevious()
    touches = last is not None and last.tag == "span" and not last.tail
    one, other = ("".join(each.itertext()).strip() if touches else "" for each in (last, node))
    shown = min(len(one), len(other)) > 2 and other[0] not in ",.;:)…’'"
    return shown and one[-1].isalpha() != other[0].isalpha()


def _field(node: Any) -> str:
    """What is ticked, written or chosen in a field of a form."""
    kind = node.get("type", "text")
    if node.tag == "select":
        chosen = [option for option in node.iter("option") if "selected" in option.attrib]
        return " ".join("".join(option.itertext()) for option in chosen)
    if kind in ("checkbox", "radio"):
        return "☒" if "checked" in node.attrib else "☐"
    shown = kind in ("", "text", "number", "date", "email", "tel", "time", "url")
    return str(node.get("value", "")) if shown else ""


def _is_hidden(node: Any) -> bool:
    """Whether an element itself says that it isn't shown."""
    style = node.get("style", "").replace(" ", "").lower()
    closed = node.tag == "dialog" and "open" not in node.attrib
    return closed or "hidden" in node.attrib or any(sign in style for sign in _HIDDEN)


def _words_of(node: Any) -> set[str]:
    """The words in an element's class and id."""
    named = f"{node.get('class', '')} {node.get('id', '')}".lower()
    return set(named.replace("-", " ").replace("_", " ").split())


def _is_linked(node: Any) -> bool:
    """Whether an element is mostly links."""
    links = sum(len("".join(link.itertext())) for link in node.iter("a"))
    return links > LONG_MENU / 2 * len("".join(node.itertext()))


def _table(node: Any, inside: int) -> Iterator[str]:
    """The rows of a table of values; nothing where it only lays out what stands in it."""
    nested = len(list(islice(node.iterdescendants("table"), _MOST_NESTED + 1)))
    if nested > _MOST_NESTED:
        return
    rows = [row for row in node.iter() if _is(row, "tr", "row") and _above(row, "table") is node]
    rows = [row for row in rows if not _is_hidden(row)]
    cells = [[cell for cell in row if _is(cell, "td", "cell") or _is_name(cell)] for row in rows]
    if node.get("role") == "presentation" or max(map(len, cells), default=0) < 2 or len(rows) < 2:
        return
    caption = node.find("caption")
    texts = [[_blocks(cell, inside + 1) for cell in row] for row in cells]
    if is_layout(texts, nested=nested > 0):
        return
    if caption is not None and (text := line_of(caption)):
        yield text
    if len(cells[0]) == 1 and cells[0][0].tag == "th":  # a title over all columns
        yield in_cell(texts[0][0])
        rows, cells, texts = rows[1:], cells[1:], texts[1:]
    grid, heads = spread(
        [
            Cell(
                in_cell(text),
                count_of(cell, "colspan", 1000),
                count_of(cell, "rowspan", 1000),
                _is_name(cell) or row.getparent().tag == "thead",
            )
            for cell, text in zip(own, blocks, strict=True)
        ]
        for row, own, blocks in zip(rows, cells, texts, strict=True)
    )
    yield from table(grid, head=heads or None, sure=False)


def _is(node: Any, tag: str, role: str) -> bool:
    return node.tag == tag or bool(node.get("role") == role)


def _is_name(cell: Any) -> bool:
    return cell.tag == "th" or cell.get("role") in ("columnheader", "rowheader")


def _above(node: Any, name: str) -> Any:
    """The nearest element of a name, or of that role, in which another stands."""
    return next((each for each in node.iterancestors() if _is(each, name, name)), None)


def _blocks(cell: Any, inside: int) -> list[str]:
    """The paragraphs of a cell."""
    inner = _Flow(menus=True, inside=inside)
    inner.walk(cell)
    inner.end()
    return [block.text for block in inner.blocks]
