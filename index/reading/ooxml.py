"""What Word, PowerPoint and Excel files have in common: parts and how they name each other, runs,
charts."""

import posixpath
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from index.documents import Unread, language_of
from index.errors import UserError
from index.reading.archive import Archive
from index.reading.equations import equation, raised
from index.reading.limits import Part, Source, iso_date, unread
from index.reading.numbers import shown
from index.reading.tables import table
from index.reading.xml_nodes import tag_of, under, value_of

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NO_DATE = "2013-12-23T23:15:00"  # of the file that python-docx begins every one with


class Package(Archive):
    """A file of Word, PowerPoint or Excel: an archive whose parts name each other.

    `main` is the path of the part that holds the document, whatever its program called it; `usual`
    is its usual one. Raises UserError `document_damaged` where there is none.
    """

    def __init__(self, source: Source, usual: str) -> None:
        super().__init__(source.data, source.budget)
        self.main = next(iter(self.named("", "officeDocument")), usual)
        if self.main not in self.names:
            raise UserError("document_damaged", reason=usual)

    def parts(self, path: str) -> dict[str, tuple[str, str]]:
        """The parts that a part names ("" for the file itself): by id, the kind and the path."""
        folder, name = posixpath.split(path)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        found = {}
        for each in self.xml(relations) if relations in self.names else ():
            target = posixpath.normpath(posixpath.join("/", folder, each.get("Target", "")))[1:]
            if each.get("TargetMode") != "External" and target in self.names:
                found[each.get("Id", "")] = each.get("Type", "").rpartition("/")[2], target
        return found

    def named(self, path: str, *kinds: str) -> list[str]:
        """The paths of the parts of some kinds that a part names, in their order."""
        parts = self.parts(path).values()
        return list(dict.fromkeys(part for kind in kinds for own, part in parts if own == kind))

    def roots(self, path: str, *kinds: str) -> Iterator[Any]:
        """The root elements of the parts of some kinds that a part names."""
        yield from map(self.xml, self.named(path, *kinds))

    def facts(self) -> tuple[str, str, str]:
        """Title, author and date of the file."""
        return facts_of(self, next(iter(self.named("", "core-properties")), "docProps/core.xml"))

    def embedded(self, *paths: str) -> Iterator[Part | Unread]:
        """The files that parts have in them (a sheet in a text, a page), after how many objects of
        other programs there are."""
        objects = sum(len(self.named(path, "oleObject")) for path in paths)
        yield from unread("unread_embedded", count=objects)
        for path in paths:
            for part in self.named(path, "package", "aFChunk"):
                yield Part(posixpath.basename(part), partial(self.read, part))


def facts_of(archive: Archive, path: str) -> tuple[str, str, str]:
    """Title, author and date of an office file, from the part that says them."""
    found: dict[str, str] = {}
    for node in archive.xml(path).iter() if path in archive.names else ():
        if isinstance(node.tag, str) and node.text and node.text.strip():
            found.setdefault(tag_of(node), node.text.strip())
    author = found.get("initial-creator") or found.get("creator", "")
    dates = [found.get(name, "") for name in ("created", "creation-date", "modified", "date")]
    date = next((each for each in dates if each and not each.startswith(_NO_DATE)), "")
    return found.get("title", ""), author, iso_date(date)


def unescaped(text: str) -> str:
    """A text with the characters that XML can't hold, which Office writes as _x000D_."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def inside(node: Any) -> str:
    """The text of a paragraph of PowerPoint or Excel: what its `t` elements hold, tabs and
    breaks."""
    parts = []
    for child in node:
        tag = tag_of(child)
        if tag == "t":
            parts.append(unescaped(child.text or ""))
        elif tag == "oMath":
            parts.append(equation(child))
        elif tag == "r":
            parts.append(_run(child))
        elif tag not in ("rPr", "pPr", "rPh", "Fallback") and value_of(child, "type") != "slidenum":
            parts.append(SIGNS.get(tag) or inside(child))
    return "".join(parts)


def _run(node: Any) -> str:
    """The text of a run, raised or lowered; nothing of one that is struck through."""
    properties = node.find("{*}rPr")
    if value_of(properties, "strike") in ("sngStrike", "dblStrike"):
        return ""
    moved = int(value_of(properties, "baseline") or 0)  # PowerPoint; Excel has words for it
    align = value_of(under(properties, "{*}vertAlign"))
    if moved or align in ("superscript", "subscript"):
        return raised(inside(node), down=moved < 0 or align == "subscript")
    return inside(node)


def chart(root: Any, *, values: bool = True) -> Iterator[str]:
    """The titles of a chart and its axes, and its values as a table: a line a category, named by
    its series."""
    for title in root.iter("{*}title"):
        yield from filter(None, [" ".join(filter(None, map(inside, title.iter("{*}p"))))])
    french = language_of(" ".join(root.itertext())) == "fr"
    series = list(root.iter("{*}ser")) if values else []
    names = [" ".join(_points(each.find("{*}tx"), french).values()) for each in series]
    categories: dict[int, str] = {}
    columns: list[dict[int, str]] = []
    for each in series:
        for axis in each.findall("{*}cat") + each.findall("{*}xVal"):
            categories |= _points(axis, french)
        values_of = next(iter(each.findall("{*}val") + each.findall("{*}yVal")), None)
        columns.append(_points(values_of, french))
    places = sorted(set(categories).union(*columns))
    rows = [
        [categories.get(place, ""), *(each.get(place, "") for each in columns)] for place in places
    ]
    if rows:
        yield from table([["", *(name or "•" for name in names)], *rows], head=1)


def _figure(point: Any, usual: str, french: bool) -> str:
    """A value of a chart as it is shown; without a format of its own it has the usual one."""
    text, code = (point.findtext("{*}v") or "").strip(), point.get("formatCode") or usual
    if code in ("", "General"):
        return text
    try:
        return shown(float(text), code, french)
    except ValueError:
        return text


def _points(node: Any, french: bool) -> dict[int, str]:
    """The values that a chart keeps of the cells that it shows, by their place; where categories
    have several levels, the outer ones first."""
    if node is None:
        return {}
    levels = list(node.iter("{*}lvl")) or [node]
    usual = node.findtext(".//{*}formatCode") or ""
    found: dict[int, str] = {}
    for number, level in enumerate(levels):
        points = {
            int(point.get("idx", "0") or 0): _figure(point, usual, french)
            for point in level.iter("{*}pt")
        }
        if number == 0:
            found = points
        for place in found if number else ():
            above = max((outer for outer in points if outer <= place), default=-1)
            found[place] = f"{points.get(above, '')} {found[place]}".strip()
    if not found and (text := (node.findtext("{*}v") or "").strip()):
        found[0] = text
    return found
