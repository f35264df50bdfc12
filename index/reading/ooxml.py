"""What Word, PowerPoint and Excel files have in common: parts and how they name each other, runs,
equations, charts."""

import posixpath
from collections.abc import Iterator
from functools import partial
from string import hexdigits
from typing import Any

from index.documents import Unread, language_of
from index.errors import UserError
from index.reading.archive import Archive
from index.reading.limits import Part, iso_date, unread
from index.reading.numbers import shown
from index.reading.tables import table

SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NO_DATE = "2013-12-23T23:15:00"  # of the file that python-docx begins every one with
_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")


def parse_xml(data: bytes) -> Any:
    """The root element. Nothing outside is fetched; a file that declares entities, as bombs do, is
    refused.

    Raises:
        UserError: `document_damaged`, `document_entities`.
    """
    from lxml import etree

    options = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
    try:
        root = etree.fromstring(data, etree.XMLParser(**options))
    except etree.XMLSyntaxError as error:
        code = "document_entities" if b"<!ENTITY" in data else "document_damaged"
        raise UserError(code, reason=str(error)) from error
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and next(declared.iterentities(), None) is not None:
        raise UserError("document_entities", reason="<!ENTITY")
    return root


def tag_of(node: Any) -> str:
    """The local name of an element; empty for comments."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def value_of(node: Any, name: str = "val", default: str = "") -> str:
    """An attribute by its local name; `default` where the element is None or has none."""
    items = () if node is None else node.items()
    return str(next((value for key, value in items if key.rpartition("}")[2] == name), default))


def count_of(node: Any, name: str) -> int:
    """An attribute that says how often or how wide; 1 where there is none."""
    value = value_of(node, name)
    return max(int(value), 1) if value.isdecimal() else 1


def is_on(node: Any) -> bool:
    """Whether an element that switches something is there and not switched off."""
    return node is not None and value_of(node) not in ("0", "false", "off", "none")


def parts_of(archive: Archive, path: str) -> dict[str, tuple[str, str]]:
    """The parts that a part names ("" for the file itself): by id, the kind and the path."""
    folder, name = posixpath.split(path)
    relations = posixpath.join(folder, "_rels", f"{name}.rels")
    if relations not in archive.names:
        return {}
    return {
        each.get("Id", ""): (
            each.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, each.get("Target", "")))[1:],
        )
        for each in parse_xml(archive.read(relations))
        if each.get("TargetMode") != "External"
    }


def part_named(archive: Archive, path: str, kind: str) -> list[str]:
    """The paths of the parts of one kind that a part names, in their order."""
    found = (target for type_, target in parts_of(archive, path).values() if type_ == kind)
    return [target for target in dict.fromkeys(found) if target in archive.names]


def main_part(archive: Archive, usual: str) -> str:
    """The path of the part that holds the document, whatever the program that wrote it called it.

    Raises:
        UserError: `document_damaged`.
    """
    found = part_named(archive, "", "officeDocument") or [usual]
    if found[0] not in archive.names:
        raise UserError("document_damaged", reason=usual)
    return found[0]


def embedded(archive: Archive, *paths: str) -> Iterator[Part | Unread]:
    """The files of kinds that are read which parts have in them (a sheet in a text, a page), after
    how many objects of other programs there are."""
    objects = sum(len(part_named(archive, path, "oleObject")) for path in paths)
    yield from unread("unread_embedded", count=objects)
    for path in paths:
        for part in part_named(archive, path, "package") + part_named(archive, path, "aFChunk"):
            yield Part(posixpath.basename(part), partial(archive.read, part))


def facts_of(archive: Archive, path: str) -> tuple[str, str, str]:
    """Title, author and date of an office file, from the part that says them."""
    if path not in archive.names:
        return "", "", ""
    found: dict[str, str] = {}
    for node in parse_xml(archive.read(path)).iter():
        if isinstance(node.tag, str) and node.text and node.text.strip():
            found.setdefault(tag_of(node), node.text.strip())
    author = found.get("initial-creator") or found.get("creator", "")
    dates = [found.get(name, "") for name in ("created", "creation-date", "modified", "date")]
    date = next((each for each in dates if each and not each.startswith(_NO_DATE)), "")
    return found.get("title", ""), author, iso_date(date)


def raised(text: str, *, down: bool = False) -> str:
    """Superscript (or subscript) text: 10⁶, H₂O, XIXe, xᵃ⁺ᵇ as x^(a+b)."""
    bare = text.strip()
    if not bare or bare.startswith("["):
        return text
    moved = bare.translate(_LOWERED if down else _RAISED)
    if moved != bare and not any(char.isascii() for char in moved):
        return moved
    if bare.isalpha() or not any(map(str.isalnum, bare)):
        return text
    return ("_" if down else "^") + (bare if bare.isalnum() else f"({bare})")


def unescaped(text: str) -> str:
    """A text with the characters that XML can't hold, which Office writes as _x000D_."""
    at = text.find("_x")
    while at >= 0:
        code = text[at + 2 : at + 6]
        if len(code) == 4 and not code.strip(hexdigits) and text[at + 6 : at + 7] == "_":
            text = text[:at] + chr(int(code, 16)) + text[at + 7 :]
        at = text.find("_x", at + 1)
    return text


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
    align = value_of(properties.find("{*}vertAlign")) if properties is not None else ""
    if moved or align in ("superscript", "subscript"):
        return raised(inside(node), down=moved < 0 or align == "subscript")
    return inside(node)


_FORMS = {  # how the parts of an element of an equation stand in a line
    "f": "({})/({})", "mfrac": "({})/({})", "msup": "{}^({})", "mover": "{}^({})",
    "msub": "{}_({})", "munder": "{}_({})", "msubsup": "{}_({})^({})",
    "munderover": "{}_({})^({})", "mroot": "({})^(1/({}))",
}  # fmt: skip
_ROUND = {"msqrt": "√({})", "sup": "^({})", "sub": "_({})", "lim": "_({})"}
_BETWEEN = {"m": " ; ", "mtable": " ; ", "eqArr": " ; ", "mr": ", ", "mtr": ", ", "func": " "}


def equation(node: Any) -> str:
    """An equation of Office or MathML in a line: (a+b)/(2), x^(2), √(x), ∑_(i=1)^(n)."""
    tag = tag_of(node)
    if tag in ("t", "mi", "mn", "mo", "mtext", "ms"):
        return "".join(node.itertext()).strip()
    if tag == "naryPr":
        return value_of(node.find("{*}chr"), default="∫")
    if tag.endswith("Pr") or tag in ("annotation", "annotation-xml", ""):
        return ""
    parts = [equation(child) for child in node if not tag_of(child).endswith("Pr") or tag == "nary"]
    text = "".join(parts)
    if tag in _FORMS and len(parts) == _FORMS[tag].count("{}"):
        text = _FORMS[tag].format(*parts)
    elif tag in _ROUND and text:
        text = _ROUND[tag].format(text)
    elif tag == "rad":
        degree, inner = ["", *parts][-2:]
        text = f"({inner})^(1/({degree}))" if degree else f"√({inner})"
    elif tag in ("d", "mfenced"):
        first = value_of(node.find("{*}dPr/{*}begChr"), default=value_of(node, "open", "("))
        last = value_of(node.find("{*}dPr/{*}endChr"), default=value_of(node, "close", ")"))
        between = value_of(node.find("{*}dPr/{*}sepChr"), default="|" if tag == "d" else ", ")
        text = f"{first}{between.join(parts)}{last}"
    elif tag in _BETWEEN:
        text = _BETWEEN[tag].join(parts)
    elif tag == "acc":
        text += value_of(node.find("{*}accPr/{*}chr"), default="\u0302")
    elif tag == "bar":
        text += "\u0305" if value_of(node.find("{*}barPr/{*}pos")) == "top" else "\u0332"
    return text


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
