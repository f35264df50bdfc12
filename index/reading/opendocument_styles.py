"""The styles of OpenDocument files: numbers of lists and headings, what is raised, hidden or struck
through."""

from dataclasses import dataclass, field
from typing import Any

from index.reading.xml_nodes import tag_of, value_of


@dataclass
class Styles:
    """What is known of styles, by their names."""

    levels: dict[str, dict[int, Any]] = field(default_factory=dict)
    """Of lists: how each level is numbered."""
    outline: dict[int, Any] = field(default_factory=dict)
    """How each level of headings is numbered."""
    of_paragraph: dict[str, str] = field(default_factory=dict)
    """The list that paragraphs of a style are items of."""
    shifted: dict[str, bool] = field(default_factory=dict)
    """Of text set higher or lower: whether it is lower."""
    hidden: dict[str, str] = field(default_factory=dict)
    """Of what isn't shown as other text is: the code that says so."""
    titles: set[str] = field(default_factory=lambda: {"Title"})


def styles_of(*roots: Any) -> Styles:
    """The styles of the parts of a file."""
    found = Styles()
    for root in roots:
        _read(root, found)
    return found


def _read(root: Any, found: Styles) -> None:
    for style in root.iter("{*}list-style", "{*}outline-style"):
        levels = {int(value_of(level, "level", "1") or 1): level for level in style}
        if tag_of(style) == "outline-style":
            found.outline = levels
        found.levels[value_of(style, "name")] = levels
    for style in root.iter("{*}style"):
        name = value_of(style, "name")
        if value_of(style, "parent-style-name") == "Title":
            found.titles.add(name)
        properties = style.find("{*}text-properties")
        position = value_of(properties, "text-position")
        if position and not position.startswith("0"):
            found.shifted[name] = position.startswith(("sub", "-"))
        if value_of(properties, "display") == "none":
            found.hidden[name] = "unread_hidden"
        elif value_of(properties, "text-line-through-style", "none") != "none":
            found.hidden[name] = "unread_deleted"
        if value_of(style.find("{*}drawing-page-properties"), "visibility") == "hidden":
            found.hidden[name] = "read_hidden"
        if own := value_of(style, "list-style-name"):
            found.of_paragraph[name] = own
