"""JSON and XML of any shape: each record a line of names and values."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from index.errors import UserError
from index.reading.encoding import decode_bytes
from index.reading.limits import Read, Reading, Source
from index.reading.ooxml import parse_xml, tag_of

_DEEP = 40


def read_json(source: Source) -> Reading:
    """The records of a JSON file; the cells of a notebook as text."""
    text = decode_bytes(source.data)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError("document_damaged", reason=str(error)[:200]) from error
    if isinstance(value, dict) and isinstance(value.get("cells"), list) and "nbformat" in value:
        cells = [each.get("source", "") for each in value["cells"] if isinstance(each, dict)]
        blocks = ["".join(cell) if isinstance(cell, list) else str(cell) for cell in cells]
    else:
        blocks = list(rows_of(value if isinstance(value, list) else [value]))
    title = value.get("title") if isinstance(value, dict) else ""
    yield Read("\n\n".join(blocks), title if isinstance(title, str) else "")


def rows_of(values: Iterable[Any], name: str = "", deep: int = 0) -> Iterator[str]:
    """A line for each record: its plain values together, then the lines of the lists in it."""
    for value in values:
        if not isinstance(value, dict):
            yield from _listed(name, value, deep)
            continue
        plain = dict(_plain(value, ""))
        if plain:
            text = "; ".join(f"{key}: {item}" for key, item in plain.items())
            yield text
        for key, items in _lists(value, ""):
            label = next(
                (
                    str(plain[each])
                    for each in ("name", "nom", "title", "titre", "id")
                    if each in plain
                ),
                "",
            )
            inner = f"{label} – {key}" if label else key
            yield from rows_of(items, inner, deep + 1) if deep < _DEEP else ()


def _listed(name: str, value: Any, deep: int) -> Iterator[str]:
    if isinstance(value, list) and deep < _DEEP:
        if all(not isinstance(each, dict | list) for each in value):
            yield "; ".join(map(_shown, value))
        else:
            yield from rows_of(value, name, deep + 1)
    elif value not in (None, ""):
        yield f"{name}: {_shown(value)}" if name else _shown(value)


def _plain(value: dict[str, Any], before: str, deep: int = 0) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        name = f"{before}{key}"
        if isinstance(item, dict) and deep < _DEEP:
            yield from _plain(item, f"{name} ", deep + 1)
        elif (
            isinstance(item, list)
            and item
            and not any(isinstance(each, dict | list) for each in item)
        ):
            yield name, ", ".join(map(_shown, item))
        elif not isinstance(item, dict | list) and item not in (None, ""):
            yield name, _shown(item)


def _lists(value: dict[str, Any], before: str, deep: int = 0) -> Iterator[tuple[str, list[Any]]]:
    for key, item in value.items():
        if isinstance(item, dict) and deep < _DEEP:
            yield from _lists(item, f"{before}{key} ", deep + 1)
        elif isinstance(item, list) and any(isinstance(each, dict | list) for each in item):
            yield f"{before}{key}", item


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_xml(source: Source) -> Reading:
    """Elements that hold text of their own, those of one parent on a line with their names; prose
    as it stands."""
    root = parse_xml(source.data)
    if tag_of(root) == "html":
        from index.reading.web import read_html

        yield from read_html(source)
        return
    blocks: list[str] = []
    title = ""
    for node in root.iter():
        if not isinstance(node.tag, str):
            continue
        if (node.text or "").strip() and any((child.tail or "").strip() for child in node):
            blocks.append(" ".join("".join(node.itertext()).split()))
        elif not any(_is_prose(above) for above in node.iterancestors()):
            leaves = [child for child in node if len(child) == 0 and (child.text or "").strip()]
            pairs = [
                f"{tag_of(child)}: {' '.join(child.text.split())}"
                for child in leaves
                if tag_of(child)
            ]
            own = [
                f"{name.rpartition('}')[2]}: {value}"
                for name, value in node.items()
                if value.strip()
            ]
            if pairs or (own and len(node) == 0 and not (node.text or "").strip()):
                blocks.append("; ".join([*own, *pairs]))
        if not title and tag_of(node).lower() in ("title", "titre") and len(node) == 0:
            title = (node.text or "").strip()
    yield Read("\n\n".join(blocks), title)


def _is_prose(node: Any) -> bool:
    return bool((node.text or "").strip()) and any((child.tail or "").strip() for child in node)
