"""XML of any shape: each record a line of names and values; prose as it stands."""

import re
from collections import Counter
from collections.abc import Iterator
from html.entities import html5
from itertools import groupby
from typing import Any

from index.errors import UserError
from index.reading.encoding import decode_bytes, markup
from index.reading.excel_2003 import NAMESPACE, workbook
from index.reading.limits import Read, Reading, Source, counted
from index.reading.tables import records
from index.reading.xml_nodes import line_of, parse_xml, tag_of

_SIGN = re.compile(r"&(?!#|(?:amp|lt|gt|quot|apos);)([A-Za-z0-9]{2,31};)?")
_FIELDS = 12  # of an element that is a record as a whole
_REPEATED = 40  # the same of one that has others of its name beside it
_PARAGRAPHS = 3  # of a page in a field, from which it is no value but a text

Fields = list[tuple[str, str]]


def read_xml(source: Source) -> Reading:
    """The records of a file: an element with what is in it, under the names of its elements."""
    text = markup(source.data).strip()
    root = _parsed(text)
    if tag_of(root) == "html":
        from index.reading.web import read_html

        yield from read_html(source)
    elif root.tag == f"{{{NAMESPACE}}}Workbook":
        yield from workbook(root, source.budget)
    else:
        yield _read(root)


def read_ofx(source: Source) -> Reading:
    """Movements of an account as banks give them, in XML or, before its second version, in tags
    that nothing closes."""
    _, start, text = decode_bytes(source.data).partition("<OFX")
    pieces = (start + text).split("<")[1:]
    whole = ""
    for piece, after in zip(pieces, [*pieces[1:], ""], strict=True):
        name, _, value = piece.partition(">")
        closed = not value.strip() or name[:1] == "/" or after.startswith(f"/{name}>")
        whole += f"<{name}>{value.strip()}" + ("" if closed else f"</{name}>")
    yield _read(_parsed(whole))


def _parsed(text: str) -> Any:
    try:
        return parse_xml(text.encode())
    except UserError:  # signs of a page, which XML doesn't know, and a bare &
        text = _SIGN.sub(lambda found: html5.get(found[1], f"&amp;{found[1] or ''}"), text)
        return parse_xml(text.encode())


def _read(root: Any) -> Read:
    left: Counter[str] = Counter()
    for node in root.findall(".//{*}binary"):  # pictures of a book (FB2)
        node.getparent().remove(node)
        left["unread_pictures"] += 1
    for node in [*root.iterdescendants("*")]:
        if count := _places(node):
            left["unread_places"] += count
            node.getparent().remove(node)
    named = (node for node in root.iter("*") if tag_of(node).lower() in ("title", "titre"))
    title = next((node.text for node in named if len(node) == 0 and node.text), "")
    return Read("\n\n".join(_blocks([root])), title.strip(), unread=counted(left))


def _places(node: Any) -> int:
    """How many points of a line or an area drawn on a map an element holds, which have no name."""
    text = node.text or ""
    if tag_of(node) == "coordinates" and not any(map(str.isalpha, text)):
        return len(text.split()) if len(text.split()) > 1 else 0
    told = any(tag_of(child) in ("name", "desc", "cmt") for child in node)
    return int({"lat", "lon"} <= set(node.keys()) and not told)


def _blocks(nodes: list[Any]) -> Iterator[str]:
    """What elements say that stand one after the other: those that are records together, those in
    others after what these say themselves."""
    same = Counter(node.tag for node in nodes)
    kinds = [
        (node.tag, _is_record(node, _REPEATED if same[node.tag] > 1 else _FIELDS)) for node in nodes
    ]
    for (_, whole), pairs in groupby(zip(kinds, nodes, strict=True), lambda pair: pair[0]):
        run = [node for _, node in pairs]
        if whole:
            yield from _said([_fields(node, "") for node in run])
            continue
        for node in run:
            if _is_prose(node):
                yield line_of(node)
                continue
            inner = [child for child in node.iterchildren("*") if len(child)]
            yield from _said([_fields(node, "", leaves=True)])
            yield from _blocks(inner)


def _is_record(node: Any, most: int) -> bool:
    """Whether an element with all that is in it is one record: it has at most so many fields, and
    no two elements in it that hold others have one name."""
    leaves = 0
    for each in node.iter("*"):
        names = [child.tag for child in each.iterchildren("*") if len(child)]
        leaves += len(each) == 0
        if leaves > most or len(set(names)) < len(names) or _is_prose(each):
            return False
    return True


def _fields(node: Any, before: str, *, leaves: bool = False) -> Fields:
    """The values in an element with their names, after that of what they stand in; `leaves`: only
    its own."""
    found = [(f"{before} {name}".strip(), value) for name, value in _attributes(node)]
    for child in node.iterchildren("*"):
        tag = tag_of(child)
        if len(child) and not leaves:
            found += _fields(child, tag)
        elif len(child) == 0:
            name = tag if before in ("", tag) else f"{before} {tag}"
            value = [(name, child.text)] if (child.text or "").strip() else []
            found += [*value, *_attributes(child)]
    return found


def _attributes(node: Any) -> Fields:
    names = ((name.rpartition("}")[2], value) for name, value in node.items())
    return [(name, value) for name, value in names if name not in ("lang", "space")]


def _said(found: list[Fields]) -> Iterator[str]:
    """Records with their values in a line each; the texts of pages that are values after them."""
    from index.reading.page_flow import texts_of

    shown: list[Fields] = []
    after: list[str] = []
    for fields in found:
        shown.append([])
        for name, value in fields:
            page = texts_of(value.encode()) if "</" in value or "<br" in value else [value]
            if len(page) > _PARAGRAPHS:
                after += page
            elif line := " ".join(" ".join(page).split()):
                shown[-1].append((name, line))
        if after:
            yield from records(shown)
            yield from after
            shown, after = [], []
    yield from records(shown)


def _is_prose(node: Any) -> bool:
    return bool((node.text or "").strip()) and any((child.tail or "").strip() for child in node)
