"""RTF: paragraphs, tables, notes, headers; and the page that a mail program packed into RTF."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from string import hexdigits

from index.documents import clean_text
from index.reading.equations import raised
from index.reading.limits import Read, Reading, Source, counted
from index.reading.marks import beside, in_signs, is_folio
from index.reading.page_flow import texts_of
from index.reading.tables import table

_SIGNS = {
    "tab": "\t", "line": "\n", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘",
    "rquote": "’", "ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ", "~": "\xa0",
    "_": "-", "{": "{", "}": "}", "\\": "\\", "\n": "\x1e", "par": "\x1e", "sect": "\x1e",
    "page": "\x1e", "cell": "\x1d", "nestcell": " | ", "nestrow": " / ", "row": "\x1f",
}  # fmt: skip
_APART = {
    **dict.fromkeys(("header", "headerl", "headerr", "headerf"), "header"),
    **dict.fromkeys(("footer", "footerl", "footerr", "footerf"), "footer"),
    "footnote": "notes",
    "annotation": "comments",
}
_PAGES = {"mac": "mac-roman", "pc": "cp437", "pca": "cp850"}
_DELETED = frozenset("deleted strike striked".split())
_MERGED = {"clmgf": "", "clmrg": "left", "clvmgf": "", "clvmrg": "above"}
_INTO: dict[str, tuple[str, bool | None]] = {
    "fonttbl": ("fonts", True),
    "title": ("title", None),
    "formfield": ("form", True),
    "ffl": ("choice", None),
    "shptxt": ("", False),
    "result": ("", False),
    "atnauthor": ("author", False),
}
_WORD = re.compile(r"([A-Za-z]{1,40})(-[0-9]{0,10}|[0-9]{0,11}) ?")
_MARK = re.compile(r"[{}\\\r\n]")
_DROPPED = frozenset(
    "colortbl stylesheet info pict themedata colorschememapping latentstyles datastore generator "
    "listtable listoverridetable rsidtbl xmlnstbl fldinst objdata object bkmkstart bkmkend pgptbl "
    "nonshppict filetbl revtbl mmathPr userprops template datafield shprslt".split()
)
_CHARSETS = {
    0: "cp1252", 2: "latin-1", 77: "mac-roman", 128: "cp932", 161: "cp1253", 162: "cp1254",
    177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 238: "cp1250", 255: "cp850",
}  # fmt: skip


Edge = tuple[int, str]
"""Where a cell ends, and whether it goes on from the one "above" or to the "left"."""


@dataclass(frozen=True)
class _State:
    """What a group inherits: where its text goes, whether it is shown, its encoding and how it is
    set."""

    into: str = ""
    silent: bool = False
    charset: str = "cp1252"
    skip: int = 1
    shift: int = 0
    font: str = ""


@dataclass
class _Rtf:
    """The text so far, of the body ("") and of what stands apart, and the rows of the table at
    work."""

    parts: dict[str, list[str]] = field(default_factory=lambda: {"": []})
    html: bool = False
    charset: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    """Of the fonts."""
    font: int = 0
    usual: int = -1
    """The font of text for which none is named."""
    left: Counter[str] = field(default_factory=Counter)
    edges: list[Edge] = field(default_factory=list)
    """Of the cells of the row at work."""
    merged: str = ""
    rows: dict[str, list[list[Edge]]] = field(default_factory=dict)
    """The edges of every row so far, by where its text goes."""
    title: list[str] = field(default_factory=list)
    form: dict[str, int] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)

    def add(self, state: _State, text: str) -> None:
        """Text of a group, unless it isn't shown."""
        if state.into == "title":
            self.title.append(text)
        elif state.into == "choice":
            self.choices[-1] += text
        elif state.into == "fonts":
            self.names[self.font] = self.names.get(self.font, "") + text.partition(";")[0].strip()
        elif not state.silent:
            shown = in_signs(state.font, text)
            shown = raised(shown, down=state.shift < 0) if state.shift else shown
            self.parts.setdefault(state.into, []).append(shown)

    def read_font(self, word: str, number: int) -> None:
        """Take in a control word of the table of fonts: which font, in which encoding."""
        if word == "f":
            self.font = number
        elif word == "fcharset":
            self.fonts[self.font] = _CHARSETS.get(number, "cp1252")

    def end_form(self, state: _State) -> None:
        """What is ticked or chosen in a field of a form, where the field stands."""
        kind, default = self.form.get("fftype", 0), self.form.get("ffdefres", 0)
        result = self.form.get("ffres", 25)
        result = default if result == 25 else result  # 25: never changed
        shown = replace(state, silent=False)
        if kind == 1:
            self.add(shown, "☒" if result else "☐")
        elif kind == 2 and result < len(self.choices):
            self.add(shown, self.choices[result])
        self.form, self.choices = {}, []


def read_rtf(source: Source) -> Reading:
    """The text, then notes, comments, headers and footers."""
    yield rtf_text(source.data)


def rtf_text(data: bytes) -> Read:
    """An RTF text; that of the page in it where it was made from one."""
    rtf = _Rtf()
    _parse(data, rtf)
    rtf.parts = {kind: [clean_text("".join(parts))] for kind, parts in rtf.parts.items()}
    if rtf.html:
        page = "".join(rtf.parts[""]).replace("\x1e", "\n").replace("\x1f", "")
        return Read("\n\n".join(texts_of(page.encode())))
    blocks = list(_blocks("".join(rtf.parts[""]), rtf.rows.get("", [])))
    text = [*blocks]
    for kind, parts in rtf.parts.items():
        lines = _blocks("".join(parts), rtf.rows.get(kind, [])) if kind else ()
        blocks += beside(kind, (line for line in lines if not is_folio(line)), text)
    title = "".join(rtf.title).strip()
    return Read("\n\n".join(blocks), title, unread=counted(rtf.left))


def _blocks(text: str, edges: list[list[Edge]]) -> Iterator[str]:
    """Paragraphs (parted by \\x1e) and tables (cells ended by \\x1d, rows by \\x1f) with the edges
    of their cells."""
    rows: list[list[str]] = []
    pieces = text.split("\x1f")
    for number, piece in enumerate(pieces):
        if number < len(pieces) - 1 and "\x1d" in piece:
            *cells, _ = piece.split("\x1d")
            before, _, first = cells[0].rpartition("\x1e") if not rows else ("", "", cells[0])
            if before.strip():
                yield from filter(None, map(_marked, before.split("\x1e")))
            rows.append([cell.replace("\x1e", " ").strip() for cell in [first, *cells[1:]]])
            continue
        if rows:
            yield from _tables(rows, edges[number - len(rows) : number])
            rows = []
        yield from filter(None, map(_marked, piece.replace("\x1d", " ").split("\x1e")))


def _marked(paragraph: str) -> str:
    """A paragraph with a blank after the number or sign that it has as an item of a list."""
    mark, tab, text = paragraph.strip().partition("\t")
    short = len(mark) < 10 and mark.endswith((".", ")", "-", "–", "•", "·"))
    return f"{mark} {text}" if tab and short else mark + tab + text


def _tables(rows: list[list[str]], edges: list[list[Edge]]) -> Iterator[str]:
    """The lines of tables that follow one another: their edges tell them apart."""
    start, columns = 0, set[int]()
    for end in range(len(rows) + 1):
        own = {edge for edge, _ in edges[end]} if end < len(rows) else set()
        if end == len(rows) or not (own <= columns or columns <= own):
            yield from table(_grid(rows[start:end], edges[start:end]), sure=False)
            start, columns = end, set()
        columns |= own


def _grid(rows: list[list[str]], edges: list[list[Edge]]) -> list[list[str]]:
    """The cells in their columns; one over several rows stands in each of them."""
    columns = sorted({edge for row in edges for edge, _ in row})
    grid: list[list[str]] = []
    for row, known in zip(rows, edges, strict=True):
        line = [""] * len(columns)
        column = 0
        for text, (edge, merged) in zip(row, known, strict=False):
            above = grid[-1][column : column + 1] if grid else []
            line[column : column + 1] = above if merged == "above" else [text]
            column = columns.index(edge) + 1
        grid.append(line if len(row) <= len(known) else row)
    return grid


def _parse(data: bytes, rtf: _Rtf) -> None:
    """Read groups, control words and text, one after the other."""
    state, stack = _State(), [_State()]
    text = data.translate(None, b"\x1d\x1e\x1f").decode("latin-1")  # used as marks here
    at, skipped, raw = 0, 0, bytearray()
    while at < len(text):
        char = text[at]
        if raw and text[at : at + 2] != "\\'" and char not in "\r\n":
            rtf.add(state, raw.decode(state.charset, "replace"))
            raw = bytearray()
        if char == "{":
            stack.append(state)
            at, skipped = at + 1, 0
        elif char == "}":
            outer = stack.pop() if len(stack) > 1 else stack[0]
            if state.into == "form" != outer.into:
                rtf.end_form(outer)
            at, skipped, state = at + 1, 0, outer
        elif char != "\\":
            run, at = _run(text, at)
            run = run.strip("\r\n")  # ends of lines are none of the text
            kept, skipped = run[skipped:], max(skipped - len(run), 0)
            if kept:
                rtf.add(state, kept.encode("latin-1").decode(state.charset, "replace"))
        else:
            word, number, at = _control(text, at)
            if word == "'":
                raw += bytes([number or 63][skipped > 0 :])
            at += max(number or 0, 0) if word == "bin" else 0
            skipped = state.skip if word == "u" else max(skipped - (word == "'"), 0)
            state = _applied(rtf, state, word, number)


def _run(text: str, at: int) -> tuple[str, int]:
    """The plain text at a place, and where it ends."""
    mark = _MARK.search(text, at + 1)
    end = mark.start() if mark else len(text)
    return text[at:end], end


def _control(text: str, at: int) -> tuple[str, int | None, int]:
    """The control word at a place, its number, and where the text goes on."""
    start = at + 1
    if text[start : start + 1] == "'":
        code = text[start + 1 : start + 3]
        return "'", int(code, 16) if code and not code.strip(hexdigits) else None, start + 3
    found = _WORD.match(text, start)
    if found is None:
        return text[start : start + 1], None, start + 1
    word, number = found.groups()
    return word, int(number) if number.strip("-") else None, found.end()


def _applied(rtf: _Rtf, state: _State, word: str, number: int | None) -> _State:
    """The state after a control word, whose sign, if it stands for one, is added to the text."""
    if state.into == "fonts":
        rtf.read_font(word, number or 0)
    elif word in _SIGNS:
        rtf.add(state, _SIGNS[word])
        if word == "row" and not state.silent:
            rtf.rows.setdefault(state.into, []).append(rtf.edges)
    elif word == "u":
        rtf.add(state, chr((number or 63) % 0x10000))
    elif word in _INTO:
        into, silent = _INTO[word]
        rtf.choices += [""] * (word == "ffl")
        return replace(state, into=into, silent=state.silent if silent is None else silent)
    elif word in _APART and not rtf.html:
        state = replace(state, into=_APART[word], silent=False)
        author = "".join(rtf.parts.pop("author", ())) if word == "annotation" else ""
        rtf.add(state, f"\x1e{author}: " if author else "\x1e")
    elif word in ("fftype", "ffres", "ffdefres"):
        rtf.form[word] = number or 0
    elif word in ("ansicpg", "deff", "f", "uc", *_PAGES):
        return _encoded(rtf, state, word, number)
    else:
        return _dropped(rtf, state, word, number)
    return state


def _dropped(rtf: _Rtf, state: _State, word: str, number: int | None) -> _State:
    """The state after a control word that begins or ends what isn't shown as other text is."""
    if word in ("super", "sub", "nosupersub", "plain"):
        moved = {"super": 1, "sub": -1}.get(word, 0) if number != 0 else 0
        usual = _encoded(rtf, state, "f", rtf.usual) if word == "plain" else state
        return replace(usual, shift=moved)
    if word == "v" or word in _DELETED:
        rtf.left["unread_hidden" if word == "v" else "unread_deleted"] += number != 0
        return replace(state, silent=number != 0)
    if word in ("trowd", "cellx", *_MERGED):
        _edge(rtf, state, word, number)
    elif word == "fromhtml":
        rtf.html = True
    elif word in ("htmltag", "htmlrtf"):
        return replace(state, silent=word == "htmlrtf" and number != 0)
    elif word == "*":
        return replace(state, silent=not rtf.html)
    elif word in _DROPPED:
        rtf.left["unread_pictures"] += word == "pict"
        rtf.left["unread_embedded"] += word == "object"
        return replace(state, silent=True)
    return state


def _edge(rtf: _Rtf, state: _State, word: str, number: int | None) -> None:
    """Take in where a cell of the row at work ends; those of a table in a cell aren't shown."""
    if word == "trowd" and not state.silent:
        rtf.edges = []
    elif word == "cellx" and not state.silent:
        rtf.edges.append((number or 0, rtf.merged))
        rtf.merged = ""
    elif word in _MERGED:
        rtf.merged = _MERGED[word]


def _encoded(rtf: _Rtf, state: _State, word: str, number: int | None) -> _State:
    """The state after a control word that says in which encoding the next bytes are."""
    if word == "uc":
        return replace(state, skip=number or 0)
    if word == "deff":
        rtf.usual = number or 0
        return state
    if word == "f":
        charset, name = rtf.fonts.get(number or 0, rtf.charset), rtf.names.get(number or 0, "")
        return replace(state, charset=charset, font=name)
    if word in _PAGES or number in (0, 10000):
        rtf.charset = _PAGES.get(word, "mac-roman")
        return replace(state, charset=rtf.charset)
    rtf.charset = _known(f"cp{number}")
    return replace(state, charset=rtf.charset)


def _known(charset: str) -> str:
    try:
        "".encode(charset)
    except LookupError:
        return "cp1252"
    return charset
