"""Web pages and books: HTML without its menus, what stands beside the text after it; EPUB chapter
by chapter."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from index.reading.encoding import decode_bytes, visible
from index.reading.limits import Read, Reading, Source, iso_date, unread
from index.reading.marks import beside
from index.reading.ooxml import equation, raised
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
_BESIDE_WORDS = frozenset("comment comments commentaire commentaires sidebar".split())
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

    blocks, menus = flow(root)
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
    yield Read(text, title, author, date, unread=unread("unread_menus", count=menus))


def _main(blocks: list[_Block], extract: str) -> tuple[list[_Block], list[_Block]]:
    """The blocks of the main text and those beside it, by what trafilatura takes for the main text.

    What stands between its first and its last block belongs to it, whatever the extract has of it.
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
        elif first <= n <= last or block.letters in letters:
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

    text = decode_bytes(data, charset or _charset(data[:2048]))
    if text.lstrip().startswith("<?xml"):
        text = text.partition("?>")[2]
    text = text.replace("\0", "")
    try:
        parser = html.HTMLParser(huge_tree=False)
        return html.document_fromstring(text, parser=parser) if text.strip() else None
    except (etree.ParserError, ValueError):
        return None


def _charset(head: bytes) -> str | None:
    """The charset that a page declares: charset=…, or encoding=… in XML."""
    text = head.decode("latin-1").lower()
    for mark in ("charset=", "encoding="):
        if mark in text:
            value = text.partition(mark)[2].lstrip(" \"'")
            return (
                value.replace("'", '"')
                .replace(">", '"')
                .replace(";", '"')
                .split('"')[0]
                .strip(" /")
                or None
            )
    return None


def flow(root: Any, *, menus: bool = False) -> tuple[list[_Block], int]:
    """The blocks of a page in order, and how many menus were left out; with `menus` none is."""
    reader = _Flow(menus)
    reader.walk(root)
    reader.end()
    return reader.blocks, reader.left_out


class _Flow:
    """A page being read: blocks as a browser shows them, headings and items marked, tables row by
    row."""

    def __init__(self, menus: bool) -> None:
        self.blocks: list[_Block] = []
        self.left_out = 0
        self._menus = menus
        self._parts: list[str] = []
        self._mark = ""
        self._aside = self._pre = self._depth = 0
        self._linked = self._links = 0
        self._numbers: list[int | None] = []

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
        words = _words_of(node)
        hidden = "hidden" in node.attrib or "display:none" in node.get("style", "").replace(" ", "")
        if hidden and not self._menus:
            return True
        menu = node.tag == "nav" or node.get("role") in _MENU_ROLES or bool(words & _MENU_WORDS)
        if menu and not self._menus and node.tag not in ("body", "main", "article", "html"):
            self.left_out += 1
            return True
        return False

    def _whole(self, node: Any) -> bool:
        """Whether an element is read at once: a table of values, an equation, a field, what is set
        higher or lower."""
        tag = node.tag
        if tag == "table" and (lines := list(_table(node))):
            self.end()
            self.blocks += [_Block(line, bool(self._aside), 0) for line in lines]
        elif tag == "math":
            self._add(equation(node))
        elif tag in ("sup", "sub"):
            text = "".join(node.itertext())
            reference = node.find(".//a") is not None and text.strip().isalnum()
            self._add(f"[{text.strip()}]" if reference else raised(text, down=tag == "sub"))
        elif tag == "input":
            if node.get("type") in ("checkbox", "radio"):
                self._add("☒" if "checked" in node.attrib else "☐")
            elif node.get("type") in (None, "", "text", "number", "date", "email", "tel"):
                self._add(node.get("value", ""))
        elif tag == "select":
            chosen = [option for option in node.iter("option") if "selected" in option.attrib]
            self._add(" ".join("".join(option.itertext()) for option in chosen))
        elif tag != "table":
            return False
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
            self._numbers.append(int(first) if tag == "ol" and first.isdigit() else None)
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
        if tag in ("ol", "ul") and self._numbers:
            self._numbers.pop()
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
            number = self._numbers[-1] if self._numbers else None
            if number is None:
                return "- "
            value = node.get("value", "")
            number = int(value) if value.isdigit() else number
            self._numbers[-1] = number + 1
            return f"{number}. "
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


def _words_of(node: Any) -> set[str]:
    """The words in an element's class and id."""
    named = f"{node.get('class', '')} {node.get('id', '')}".lower()
    return set(named.replace("-", " ").replace("_", " ").split())


def _table(node: Any) -> Iterator[str]:
    """The rows of a table of values; nothing where it only lays out what stands in it."""
    rows = [row for row in node.iter("tr") if next(row.iterancestors("table")) is node]
    cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in rows]
    blocks = sum(
        1 for each in node.iter("p", "div", "li", "h1", "h2", "h3", "h4", "h5") for _ in [each]
    )
    count = sum(map(len, cells))
    layout = (
        node.get("role") == "presentation" or next(node.iterdescendants("table"), None) is not None
    )
    if layout or max(map(len, cells), default=0) < 2 or len(rows) < 2 or blocks > 2 * count:
        return
    caption = node.find("caption")
    if caption is not None and (text := " ".join("".join(caption.itertext()).split())):
        yield text
    grid, heads = spread(
        [
            Cell(
                _text(cell),
                _span(cell, "colspan"),
                _span(cell, "rowspan"),
                cell.tag == "th" or row.getparent().tag == "thead",
            )
            for cell in own
        ]
        for row, own in zip(rows, cells, strict=True)
    )
    named = any(cell.tag == "th" for own in cells for cell in own)
    yield from table(grid, head=heads if heads or named else None, sure=False)


def _span(cell: Any, name: str) -> int:
    value = cell.get(name, "1").strip()
    return max(1, min(int(value), 1000)) if value.isdigit() else 1


def _text(cell: Any) -> str:
    """The text of a cell in a line."""
    inner = _Flow(menus=True)
    inner.walk(cell)
    inner.end()
    return " ".join(block.text.removeprefix("- ").lstrip("# ") for block in inner.blocks)
