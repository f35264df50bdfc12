"""The numbers that Word gives paragraphs by itself: lists, headings, clauses, those that go on and
those that start again."""

from dataclasses import dataclass, field
from typing import Any

from index.reading.xml_nodes import is_on, tag_of, value_of

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


def numeral(number: int, form: str) -> str:
    """A number as a list shows it: decimal, lowerRoman, upperLetter, …, in the names of Word or (1,
    i, A) of OpenDocument."""
    if form in ("lowerLetter", "upperLetter", "a", "A") and number > 0:
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter.upper() if form in ("upperLetter", "A") else letter
    if form in ("lowerRoman", "upperRoman", "i", "I") and 0 < number < 4000:
        roman = ""
        for value, letters in _ROMAN:
            roman += letters * (number // value)
            number %= value
        return roman.upper() if form in ("upperRoman", "I") else roman
    return f"{number:02}" if form == "decimalZero" else str(number)


@dataclass
class _Level:
    """A level of a list: its first number, the form of its numbers, the text round them, and after
    which level it restarts."""

    start: int = 1
    form: str = "decimal"
    text: str = ""
    restart: int | None = None
    legal: bool = False
    style: str = ""
    """Of the paragraphs that it numbers without being told."""


@dataclass
class Numbering:
    """The lists of a Word file and how far each has counted."""

    lists: dict[str, tuple[str, dict[int, _Level]]] = field(default_factory=dict)
    """By numId: the abstract list that it counts in, and its levels."""
    counts: dict[str, dict[int, int]] = field(default_factory=dict)
    _started: set[tuple[str, int]] = field(default_factory=set)
    _overrides: dict[tuple[str, int], int] = field(default_factory=dict)

    def read(self, root: Any) -> None:
        """Take in `word/numbering.xml`."""
        abstract = {value_of(node, "abstractNumId"): node for node in root.iter("{*}abstractNum")}
        links = ((node.find("{*}styleLink"), node) for node in abstract.values())
        styled = {value_of(link): node for link, node in links if link is not None}
        for number in root.iter("{*}num"):
            key, name = value_of(number.find("{*}abstractNumId")), value_of(number, "numId")
            node = abstract.get(key)
            if node is not None and (link := value_of(node.find("{*}numStyleLink"))) in styled:
                node = styled[link]
            levels = {} if node is None else _levels(node)
            for override in number.iter("{*}lvlOverride"):
                level = int(value_of(override, "ilvl") or 0)
                levels |= _levels(override)
                if (start := override.find("{*}startOverride")) is not None:
                    self._overrides[name, level] = int(value_of(start) or 1)
            self.lists[name] = (key, levels)

    def level_of(self, number: str, style: str) -> int:
        """The level of a list that is for paragraphs of a style; the first where none is."""
        levels = self.lists.get(number, ("", {}))[1]
        return next((level for level, each in levels.items() if style and each.style == style), 0)

    def mark(self, number: str, level: int) -> str:
        """What stands before the next paragraph of a list: "2.1", "Article 3", "-" for a bullet; ""
        for none."""
        if number not in self.lists:
            return "-" if number not in ("", "0") else ""
        key, levels = self.lists[number]
        this = levels.get(level, _Level())
        counts = self.counts.setdefault(key, {})
        override = self._overrides.get((number, level))
        if override is not None and (number, level) not in self._started:
            counts[level] = override
        else:
            counts[level] = counts.get(level, this.start - 1) + 1
        self._started.add((number, level))
        for deeper in [each for each in counts if each > level]:
            restart = levels.get(deeper, _Level()).restart
            if restart is None or (restart and level < restart):
                del counts[deeper]
        if this.form == "bullet":
            return "-"
        text = "" if this.form == "none" and "%" not in this.text else this.text
        for place in range(9, 0, -1):
            other = levels.get(place - 1, _Level())
            form = "decimal" if this.legal else other.form
            shown = numeral(counts.get(place - 1, other.start), form) if f"%{place}" in text else ""
            text = text.replace(f"%{place}", "" if other.form == "none" else shown)
        return text.strip()


def _levels(node: Any) -> dict[int, _Level]:
    found = {}
    for level in node.iter("{*}lvl"):
        parts = {tag_of(child): child for child in level}
        restart = value_of(parts.get("lvlRestart"))
        start = int(value_of(parts.get("start"), default="1") or 1)
        form = value_of(parts.get("numFmt"), default="decimal")
        number = int(restart) if restart.isdigit() else None
        text, legal = value_of(parts.get("lvlText")), is_on(parts.get("isLgl"))
        style = value_of(parts.get("pStyle"))
        found[int(value_of(level, "ilvl") or 0)] = _Level(start, form, text, number, legal, style)
    return found


def level_number(
    levels: dict[int, Any], own: Any, counts: dict[int, int], level: int, start: str
) -> str:
    """The next number of a level, with those of the levels above that it shows."""
    begin = int(value_of(own, "start-value", "1") or 1)
    counts[level] = int(start) if start.isdigit() else counts.get(level, begin - 1) + 1
    for deeper in [each for each in counts if each > level]:
        del counts[deeper]
    shown = []
    for place in range(level - int(value_of(own, "display-levels", "1") or 1) + 1, level + 1):
        form = value_of(levels.get(place), "num-format")
        if form and place > 0:
            shown.append(numeral(counts.get(place, 1), form))
    if not shown:
        return ""
    return f"{value_of(own, 'num-prefix')}{'.'.join(shown)}{value_of(own, 'num-suffix')}".strip()
