"""Web pages and books: HTML without its menus, what stands beside the text after it; EPUB chapter
by chapter."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from index.reading.encoding import markup, visible
from index.reading.limits import Read, Reading, Source, iso_date, unread
from index.reading.marks import beside
from index.reading.numbering import numeral
from index.reading.ooxml import count_of, equation, raised
from index.reading.tables import Cell, spread, table

_BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd details div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol optgroup "
    "p pre section summary table tbody tfoot thead title tr ul".split()
)
_SILENT = frozenset(
    "head script style template noscript iframe object svg button datalist audio video "
    "canvas".split()
)
_MENU_ROLES = frozenset("navigation banner search menu menubar dialog alertdialog".split())
_BESIDE = frozenset("aside footer".split())
_BESIDE_WORDS = frozenset("comment comments commentaire commentaires footer sidebar".split())
_MENU_WORDS = frozenset(
    "cookie cookies consent breadcrumb breadcrumbs navbar menu skip pagination".split()
)
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_LONG_MENU = (
    0.7  # share of a block's letters in links from which, outside of the main text, it is a menu
)


@dataclass
class _Block:
    """A paragraph, a heading, an item or a row; whether it stands beside the text, and how many of
    its letters are links."""

    text: str
    aside: bool = False
    linked: int = 0

    @property
    def letters(self) -> str:
        return "".join(filter(str.isalnum, self.text))


def read_html(source: Source) -> Reading:
    """The main text of a page, its title, author and date, then what stands beside it; menus are
    left out."""
    root = parsed(source.data)
    if root is None:
        yield Read("")
        return
    import trafilatura

    blocks, left = flow(root)
    title = " ".join((root.findtext(".//title") or "").split())
    # Recall first: a menu too many is found by nobody, a paragraph too few is lost. Dates are what
    # the page declares.
    found = trafilatura.extract_with_metadata(
        root, output_format="txt", include_comments=False, favor_recall=True,
        date_extraction_params={"extensive_search": False, "original_date": True},
    )  # fmt: skip
    main, other = _main(blocks, found.text or "" if found else "")
    texts = [block.text for block in main]
    text = "\n\n".join([*texts, *beside("aside", [block.text for block in other], texts)])
    author, date = (found.author or "", iso_date(found.date or "")) if found else ("", "")
    title = ((found.title if found else "") or title).strip("¶")
    notes = tuple(note for code, count in left.items() for note in unread(code, count=count))
    yield Read(text, title, author, date, unread=notes)


def _main(blocks: list[_Block], extract: str) -> tuple[list[_Block], list[_Block]]:
    """The blocks of the main text and those beside it, by what trafilatura takes for the main text.

    What stands between its first block and the end belongs to it, whatever the extract has of it,
    but for menus after its last one.
    """
    letters = "".join(filter(str.isalnum, visible(extract)))
    own = [
        n for n, block in enumerate(blocks)
        if not block.aside and len(block.letters) > 20 and block.letters[:200] in letters
    ]  # fmt: skip
    whole = sum(len(block.letters) for block in blocks if not block.aside)
    if not own or sum(len(blocks[n].letters) for n in own) < 0.1 * whole:
        return [b for b in blocks if not b.aside], [b for b in blocks if b.aside]
    first, last = own[0], own[-1]
    while first and blocks[first - 1].text.startswith("#") and not blocks[first - 1].aside:
        first -= 1
    main, other = [], []
    for n, block in enumerate(blocks):
        linked = block.linked > _LONG_MENU * max(len(block.letters), 1)
        if block.aside:
            other.append(block)
        elif first <= n <= last or block.letters in letters or (n > last and not linked):
            main.append(block)
        elif not linked:
            other.append(block)
    return main, other


def texts_of(data: bytes, charset: str | None = None) -> list[str]:
    """The paragraphs of a page, without looking for its main text."""
    root = parsed(data, charset)
    return [] if root is None else [block.text for block in flow(root, menus=True)[0]]


def parsed(data: bytes, charset: str | None = None) -> Any:
    """The root of an HTML or XHTML page; None where there is none."""
    from lxml import etree, html

    text = markup(data, charset).replace("\0", "")
    try:
        parser = html.HTMLParser(huge_tree=False)
        return html.document_fromstring(text, parser=parser) if text.strip() else None
    except (etree.ParserError, ValueError):
        return None


def flow(root: Any, *, menus: bool = False) -> tuple[list[_Block], Counter[str]]:
    """The blocks of a page in order, and what was left out; with `menus` none of those is."""
    reader = _Flow(menus)
    reader.walk(root)
    reader.end()
    return reader.blocks, reader.left


class _Flow:
    """A page being read: blocks as a browser shows them, headings and items marked, tables row by
    row."""

    def __init__(self, menus: bool) -> None:
        self.blocks: list[_Block] = []
        self.left: Counter[str] = Counter()
        self._menus = menus
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
                or node.tag in _SILENT
                or self._skipped(node)
                or self._whole(node)
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
        hidden = "hidden" in node.attrib or "display:none" in node.get("style", "").replace(" ", "")
        hidden |= node.tag == "dialog" and "open" not in node.attrib
        menu = node.tag == "nav" or node.get("role") in _MENU_ROLES or bool(words & _MENU_WORDS)
        if node.tag in ("del", "s", "strike"):
            code = "unread_deleted"
        elif node.tag == "frame":
            code = "unread_embedded"
        elif not self._menus and hidden:
            code = "unread_hidden"
        elif menu and not self._menus and node.tag not in ("body", "main", "article", "html"):
            code = "unread_menus"
        self.left[code] += bool(code) and (
            node.tag == "frame" or any(map(str.strip, node.itertext()))
        )
        return bool(code) or {"katex", "html"} <= words  # an equation drawn, after its MathML

    def _whole(self, node: Any) -> bool:
        """Whether an element is read at once: a table of values, an equation, a field, what is set
        higher or lower."""
        tag = node.tag
        if tag == "table" and (lines := list(_table(node))):
            self.end()
            self.blocks += [_Block(line, bool(self._aside), 0) for line in lines]
        elif tag == "math":
            self._add(equation(node))
        elif tag == "noframes":
            self.end()
            self.blocks += [_Block(text) for text in texts_of((node.text or "").encode())]
        elif tag in ("sup", "sub"):
            text = "".join(node.itertext())
            linked = node.find(".//a") is not None or node.getparent().tag == "a"
            reference = linked and text.strip().isalnum()
            self._add(f"[{text.strip()}]" if reference else raised(text, down=tag == "sub"))
        elif tag == "a" and "#" in node.get("href", "") and (node.text or "").isdecimal():
            self._add(f"[{node.text}]")
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
            first = node.get("start", "1")
            number = int(first) if tag == "ol" and first.isdigit() else None
            self._lists.append((number, node.get("type", "1")))
        if tag in _BLOCKS:
            self.end(pre=tag == "br")
            self._mark = self._mark_of(node)
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
            return f"{numeral(number, form)}. "
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
            self.blocks.append(_Block(self._mark + text, bool(self._aside), self._links))
            self._mark = ""
        self._links = 0


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


def _words_of(node: Any) -> set[str]:
    """The words in an element's class and id."""
    named = f"{node.get('class', '')} {node.get('id', '')}".lower()
    return set(named.replace("-", " ").replace("_", " ").split())


def _table(node: Any) -> Iterator[str]:
    """The rows of a table of values; nothing where it only lays out what stands in it."""
    rows = [row for row in node.iter("tr") if next(row.iterancestors("table")) is node]
    cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in rows]
    blocks = len(list(node.iter("p", "div", "li", "h1", "h2", "h3", "h4", "h5")))
    count = sum(map(len, cells))
    layout = (
        node.get("role") == "presentation" or next(node.iterdescendants("table"), None) is not None
    )
    if layout or max(map(len, cells), default=0) < 2 or len(rows) < 2 or blocks > 2 * count:
        return
    caption = node.find("caption")
    if caption is not None and (text := " ".join("".join(caption.itertext()).split())):
        yield text
    if len(cells[0]) == 1 and cells[0][0].tag == "th":  # a title over all columns
        yield _text(cells[0][0])
        rows, cells = rows[1:], cells[1:]
    grid, heads = spread(
        [
            Cell(
                _text(cell),
                min(count_of(cell, "colspan"), 1000),
                min(count_of(cell, "rowspan"), 1000),
                cell.tag == "th" or row.getparent().tag == "thead",
            )
            for cell in own
        ]
        for row, own in zip(rows, cells, strict=True)
    )
    yield from table(grid, head=heads or None, sure=False)


def _text(cell: Any) -> str:
    """The text of a cell in a line."""
    inner = _Flow(menus=True)
    inner.walk(cell)
    inner.end()
    return " ".join(block.text.removeprefix("- ").lstrip("# ") for block in inner.blocks)
