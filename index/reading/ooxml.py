"""What Word, PowerPoint and Excel files have in common: parts and how they name each other, runs, equations, charts."""

import posixpath
from collections.abc import Iterator
from typing import Any

from index.errors import UserError
from index.reading.archive import Archive
from index.reading.limits import iso_date
from index.reading.tables import table

_SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")


def parse_xml(data: bytes) -> Any:
    """The root element. Nothing outside is fetched; a file that declares entities, as bombs do, is refused.

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


def facts_of(archive: Archive, path: str) -> tuple[str, str, str]:
    """Title, author and date of an office file, from the part that says them."""
    if path not in archive.names:
        return "", "", ""
    found: dict[str, str] = {}
    for node in parse_xml(archive.read(path)).iter():
        if isinstance(node.tag, str) and node.text and node.text.strip():
            found.setdefault(tag_of(node), node.text.strip())
    author = found.get("initial-creator") or found.get("creator", "")
    dates = (found.get(name) for name in ("created", "creation-date", "modified", "date"))
    return found.get("title", ""), author, iso_date(next(filter(None, dates), ""))


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


def inside(node: Any) -> str:
    """The text of a paragraph of PowerPoint or Excel: what its `t` elements hold, tabs and breaks."""
    parts = []
    for child in node:
        tag = tag_of(child)
        if tag == "t":
            parts.append(child.text or "")
        elif tag == "oMath":
            parts.append(equation(child))
        elif tag == "r" and (shift := int(value_of(child.find("{*}rPr"), "baseline", "0") or 0)):
            parts.append(raised(inside(child), down=shift < 0))
        elif tag not in ("rPr", "pPr", "rPh", "Fallback"):
            parts.append(_SIGNS.get(tag) or inside(child))
    return "".join(parts)


_SCRIPTS = {"sup": "^", "sub": "_", "lim": "_"}
_OPERATORS = {"msup": "^", "msub": "_", "mover": "^", "munder": "_"}


def equation(node: Any) -> str:
    """An equation of Office or MathML in a line: (a+b)/(2), x^(2), √(x), ∑_(i=1)^(n)."""
    tag = tag_of(node)
    if tag in ("t", "mi", "mn", "mo", "mtext", "ms"):
        return "".join(node.itertext()).strip()
    if tag.endswith("Pr") or tag in ("annotation", "annotation-xml", ""):
        return equation_sign(node)
    parts = [equation(child) for child in node]
    if tag in ("f", "mfrac") and len(full := [part for part in parts if part]) == 2:
        return f"({full[0]})/({full[1]})"
    if tag in ("rad", "msqrt"):
        return f"√({''.join(parts)})"
    if tag in _SCRIPTS:
        return f"{_SCRIPTS[tag]}({''.join(parts)})" if any(parts) else ""
    if tag in _OPERATORS and len(parts) == 2:
        return f"{parts[0]}{_OPERATORS[tag]}({parts[1]})"
    if tag in ("msubsup", "munderover") and len(parts) == 3:
        return f"{parts[0]}_({parts[1]})^({parts[2]})"
    if tag == "mroot" and len(parts) == 2:
        return f"({parts[0]})^(1/({parts[1]}))"
    if tag in ("d", "mfenced"):
        return f"({', '.join(parts).strip(', ')})"
    return (" ; " if tag in ("m", "mtable", "eqArr") else " " if tag in ("mr", "mtr") else "").join(
        parts
    )


def equation_sign(node: Any) -> str:
    """The sign of a sum, a product or an integral that the properties of an equation name."""
    if tag_of(node) != "naryPr":
        return ""
    sign = node.find("{*}chr")
    return "∫" if sign is None else value_of(sign)


def chart(root: Any) -> Iterator[str]:
    """The title of a chart, and its values as a table: a line a category, named by its series."""
    title = root.find(".//{*}chart/{*}title")
    if title is not None and (
        text := " ".join(filter(None, (inside(p) for p in title.iter("{*}p"))))
    ):
        yield text
    names, categories, values = [], {}, []
    for series in root.iter("{*}ser"):
        name = series.find("{*}tx")
        names.append(" ".join(_points(name).values()) if name is not None else "")
        for axis, into in (("cat", categories), ("xVal", categories)):
            if (node := series.find(f"{{*}}{axis}")) is not None:
                into |= _points(node)
        node = next(iter(series.findall("{*}val") + series.findall("{*}yVal")), None)
        values.append({} if node is None else _points(node))
    places = sorted(set(categories).union(*values)) if values else []
    rows = [
        [categories.get(place, ""), *(each.get(place, "") for each in values)] for place in places
    ]
    if rows:
        yield from table([["", *(name or "•" for name in names)], *rows], head=1)


def _points(node: Any) -> dict[int, str]:
    """The values that a chart keeps of the cells that it shows, by their place; the innermost level of categories last."""
    found: dict[int, list[str]] = {}
    for point in node.iter("{*}pt"):
        text = (point.findtext("{*}v") or "").strip()
        found.setdefault(int(point.get("idx", "0") or 0), []).insert(0, text)
    if not found and (text := (node.findtext("{*}v") or "").strip()):
        found[0] = [text]
    return {place: " ".join(parts) for place, parts in found.items()}
