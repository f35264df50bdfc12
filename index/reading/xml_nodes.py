"""XML: the root of a file, names and attributes without their namespaces."""

from typing import Any

from index.errors import UserError


def parse_xml(data: bytes) -> Any:
    """The root element. Nothing outside is fetched; a file that declares entities is refused.

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


def count_of(node: Any, name: str, most: int = 1 << 30) -> int:
    """An attribute that says how often or how wide, `most` at most; 1 where there is none."""
    value = value_of(node, name)
    return min(max(int(value), 1), most) if value.isdecimal() else 1


def is_on(node: Any) -> bool:
    """Whether an element that switches something is there and not switched off."""
    return node is not None and value_of(node) not in ("0", "false", "off", "none")


def under(node: Any, path: str) -> Any:
    """The first element at a path below another; None where either isn't there."""
    return None if node is None else node.find(path)


def line_of(node: Any) -> str:
    """All text in an element, in a line."""
    return " ".join("".join(node.itertext()).split())
