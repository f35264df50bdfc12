"""TeX: a text with its title, sections, items, tables row by row, notes and equations in a line."""

import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from index.reading.encoding import decode_bytes
from index.reading.equations import raised
from index.reading.limits import Read, Reading, Source, iso_date, unread
from index.reading.marks import beside
from index.reading.tables import Cell, spread, table

_ACTIVE = frozenset("\\{}$^_~&")
_CODE = ("verbatim", "lstlisting", "minted")
_TABLES = {"tabular": 1, "longtable": 1, "tabular*": 2, "tabularx": 2, "tabulary": 2}
"""The environments of tables, and how many arguments come before their rows."""
_DRAWN = ("tikzpicture", "picture", "pspicture", "axis")
_EQUATIONS = ("equation", "align", "gather", "multline", "eqnarray", "displaymath", "math")
_RULES = ("\\hline", "\\midrule", "\\toprule", "\\bottomrule")


@cache
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("tex.toml").read_text(encoding="utf-8"))


def read_tex(source: Source) -> Reading:
    """A text without its commands and comments."""
    text = "\n".join(_uncommented(decode_bytes(source.data).split("\n")))
    tex = _Tex()
    facts = {
        name: tex.line(_argument_of(text, f"\\{name}")) for name in ("title", "author", "date")
    }
    before, mark, body = text.partition("\\begin{document}")
    body = body.partition("\\end{document}")[0] if mark else before
    blocks = tex.blocks(body)
    blocks += beside("notes", tex.notes, blocks)
    if facts["title"] and "\\maketitle" in body:
        blocks.insert(0, f"# {facts['title']}")
    notes = unread("unread_pictures", count=tex.pictures)
    date = iso_date(facts["date"])
    author = facts["author"].replace(" ,", ",")
    yield Read("\n\n".join(blocks), facts["title"], author, date, unread=notes)


def _uncommented(lines: list[str]) -> Iterator[str]:
    """The lines without their comments; those in code stay as they are."""
    code = False
    for line in lines:
        code = (code or any(f"\\begin{{{name}}}" in line for name in _CODE)) and not any(
            f"\\end{{{name}}}" in line for name in _CODE
        )
        kept, *others = line.split("%")
        for other in others:
            slashes = len(kept) - len(kept.rstrip("\\"))
            if not code and slashes % 2 == 0:
                break
            kept += f"%{other}"
        if kept.strip() or kept == line:
            yield kept


def _group(text: str, at: int, ends: str = "{}") -> tuple[str, int]:
    """What stands in the braces, or brackets, that begin at a place or after blanks, and where they
    end; ("", at) where none do."""
    start = at
    while text[start : start + 1].isspace():
        start += 1
    if text[start : start + 1] != ends[0]:
        return "", at
    depth, place = 0, start
    while place < len(text):
        char = text[place]
        depth += (char == ends[0]) - (char == ends[1])
        if depth == 0:
            return text[start + 1 : place], place + 1
        place += 2 if char == "\\" else 1
    return text[start + 1 :], len(text)


def _argument(text: str, at: int) -> tuple[str, int]:
    """The argument at a place: a group, a command or a letter."""
    inner, end = _group(text, at)
    if end > at:
        return inner, end
    if text[at : at + 1] == "\\":
        name, end = _name(text, at)
        return f"\\{name}", end
    return text[at : at + 1], at + 1


def _argument_of(text: str, command: str) -> str:
    """The argument of the first such command."""
    _, mark, rest = text.partition(command + "{")
    return _group("{" + rest, 0)[0] if mark else ""


def _name(text: str, at: int) -> tuple[str, int]:
    """The name of the command at a place without its star, and where what follows it begins."""
    end = at + 1
    while text[end : end + 1].isalpha() and text[end].isascii():
        end += 1
    if end == at + 1:
        return text[end : end + 1], end + 1
    name = text[at + 1 : end]
    end += text[end : end + 1] == "*"
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    return name, end


def _inside(text: str, at: int, name: str) -> tuple[str, int]:
    """What an environment holds that begins before a place, and where it is over."""
    opening, closing = f"\\begin{{{name}}}", f"\\end{{{name}}}"
    depth, place = 1, at
    while depth:
        end = text.find(closing, place)
        if end < 0:
            return text[at:], len(text)
        inner = text.find(opening, place, end)
        depth += 1 if inner >= 0 else -1
        place = inner + len(opening) if inner >= 0 else end + len(closing)
    return text[at:end], place


def _cells(text: str) -> Iterator[list[str]]:
    """The rows of a table, each cell as it is written."""
    row, depth, at = [""], 0, 0
    while at < len(text):
        char, end = text[at], at + 1
        if char == "\\":
            name, end = _name(text, at)
            depth += (name == "begin") - (name == "end")
            if name in ("\\", "tabularnewline") and not depth:
                yield row
                row, at = [""], _group(text, end, "[]")[1]
                continue
        depth += (char == "{") - (char == "}")
        if char == "&" and not depth:
            row.append("")
        else:
            row[-1] += text[at:end]
        at = end
    yield row


class _Tex:
    """A text being read: its notes so far, and how many pictures it has."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.pictures = 0
        self._math = False
        self._lists: list[int | None] = []  # the last number of each, None for bullets
        self._wide = self._high = 1  # columns and rows of the cell at work
        self._special = {
            "begin": self._begin, "end": self._end, "item": self._item, "verb": self._verb,
            "footnote": self._note, "includegraphics": self._picture, "(": self._formula,
            ")": self._formula, "[": self._formula, "]": self._formula,
            "multicolumn": self._columns, "multirow": self._rows,
        }  # fmt: skip

    def blocks(self, text: str) -> list[str]:
        """The paragraphs, headings, items and rows of a text."""
        lines = "\n".join(line.strip(" \t") for line in self.expand(text).split("\n"))
        blocks = (
            "\n".join(" ".join(line.split()) for line in block.split("\0"))
            for block in lines.split("\n\n")
        )
        return [block.strip() for block in blocks if block.strip()]

    def line(self, text: str) -> str:
        """A text in a line."""
        return " ".join(self.expand(text).replace("\0", " ").split())

    def expand(self, text: str) -> str:
        """A text with what its commands stand for."""
        parts, at = [], 0
        while at < len(text):
            char, end = text[at], at
            while end < len(text) and text[end] not in _ACTIVE:
                end += 1
            if end > at:
                said = text[at:end].replace("---", "—").replace("--", "–")
                said = said.replace("``", "“").replace("''", "”")
            elif char == "\\":
                said, end = self._command(text, at)
            elif char in "^_" and self._math:
                inner, end = _argument(text, at + 1)
                said = raised(self.expand(inner), down=char == "_")
            else:
                self._math ^= char == "$"
                said = {"~": "\xa0", "&": " ", "^": "^", "_": "_"}.get(char, "")
                end = at + (2 if text.startswith("$$", at) else 1)
            parts.append(said)
            at = end
        return "".join(parts)

    def _command(self, text: str, at: int) -> tuple[str, int]:
        """What a command says with its arguments, and where they end."""
        name, end = _name(text, at)
        words = _words()
        if name in self._special:
            return self._special[name](text, end)
        if name in words["accents"]:
            inner, end = _argument(text, end)
            letter = self.expand(inner)
            return unicodedata.normalize(
                "NFC", letter[:1] + words["accents"][name] + letter[1:]
            ), end
        sign = words["signs"].get(name)
        if sign is None and name.isalpha() and name not in words["forms"]:
            size = "SMALL" if name.islower() else "CAPITAL"
            with suppress(KeyError):
                sign = unicodedata.lookup(f"GREEK {size} LETTER {name.upper()}")
        if text[end : end + 1] == "[" and sign in (None, "\0"):
            end = _group(text, end, "[]")[1]
        form = words["forms"].get(name, "")
        arguments: list[str] = []
        for _ in range(2 if "{1}" in form else form.count("{")):
            inner, end = _argument(text, end)
            arguments.append(inner if "{:.0}" in form else self.expand(inner).strip())
        return sign or form.format(*arguments), end

    def _begin(self, text: str, at: int) -> tuple[str, int]:
        name, at = _group(text, at)
        options = _group(text, at, "[]")[1]
        if name in _TABLES:
            inner, end = _inside(text, at, name)
            return f"\n\n{self._table(inner, _TABLES[name])}\n\n", end
        if name in (*_CODE, *_DRAWN, "comment"):
            inner, end = _inside(text, options, name)
            self.pictures += name in _DRAWN
            inner = inner.strip("\n").replace("\n", "\0") if name in _CODE else ""
            return f"\n\n{inner}\n\n", end
        if name in ("itemize", "enumerate", "description"):
            self._lists.append(0 if name == "enumerate" else None)
        self._math |= name.rstrip("*") in _EQUATIONS
        return "\n\n", options

    def _end(self, text: str, at: int) -> tuple[str, int]:
        name, at = _group(text, at)
        if name in ("itemize", "enumerate", "description") and self._lists:
            self._lists.pop()
        self._math &= name.rstrip("*") not in _EQUATIONS
        return "\n\n", at

    def _item(self, text: str, at: int) -> tuple[str, int]:
        label, at = _group(text, at, "[]")
        mark = "-"
        if self._lists and (number := self._lists[-1]) is not None and not label:
            self._lists[-1] = number + 1
            mark = f"{number + 1}."
        return f"\n\n{mark} {self.expand(label)} ".rstrip() + " ", at

    def _verb(self, text: str, at: int) -> tuple[str, int]:
        end = text.find(text[at : at + 1], at + 1)
        return (text[at + 1 : end], end + 1) if end > at else ("", at)

    def _note(self, text: str, at: int) -> tuple[str, int]:
        inner, at = _argument(text, at)
        self.notes.append("")
        number = len(self.notes)
        self.notes[number - 1] = f"[{number}] {self.line(inner)}"
        return f"[{number}]", at

    def _picture(self, text: str, at: int) -> tuple[str, int]:
        self.pictures += 1
        return "", _argument(text, _group(text, at, "[]")[1])[1]

    def _formula(self, text: str, at: int) -> tuple[str, int]:
        self._math = text[at - 1] in "(["
        return "\n\n" if text[at - 1] in "[]" else "", at

    def _columns(self, text: str, at: int) -> tuple[str, int]:
        wide, at = _argument(text, at)
        self._wide = int(wide) if wide.isdecimal() else 1
        inner, at = _argument(text, _argument(text, at)[1])
        return self.expand(inner), at

    def _rows(self, text: str, at: int) -> tuple[str, int]:
        high, at = _argument(text, _group(text, at, "[]")[1])
        self._high = int(high) if high.isdecimal() else 1
        inner, at = _argument(text, _argument(text, at)[1])
        return self.expand(inner), at

    def _table(self, text: str, arguments: int) -> str:
        """The rows of a table; those above the first rule between rows are names."""
        at = _group(text, 0, "[]")[1]
        for _ in range(arguments):
            at = _argument(text, at)[1]
        rows: list[list[Cell]] = []
        below: Counter[int] = Counter()  # rows that a cell of a column still covers
        heads = 0
        for written in _cells(text[at:].replace("\\cmidrule(lr)", "\\cmidrule")):
            heads = heads or (written[0].strip().startswith(_RULES) and len(rows))
            cells: list[Cell] = []
            column = 0
            for each in written:
                self._wide = self._high = 1
                said = self.line(each)
                if said or not below[column]:
                    cells.append(Cell(said, min(self._wide, 100), min(self._high, 100)))
                below[column] = max(below[column] - 1, self._high - 1)
                column += self._wide
            if any(cell.text for cell in cells) or len(written) > 1:
                rows.append(cells)
        named = [[replace(cell, head=n < heads) for cell in row] for n, row in enumerate(rows)]
        return "\n\n".join(table(spread(named)[0], head=heads or None))
