"""Org, AsciiDoc and reStructuredText: headings as those of Markdown, without comments, and with
the names written out that the text itself defines."""

from collections.abc import Iterator

_HIDDEN = frozenset(("#+begin_comment", ":properties:", ":logbook:", "////"))
_BLOCKS = {  # what ends a block of code, or one that is hidden, by what begins it
    "#+begin_comment": "#+end_comment", ":properties:": ":end:", ":logbook:": ":end:",
    "////": "////", "#+begin_src": "#+end_src", "#+begin_example": "#+end_example",
    "----": "----", "....": "....",
}  # fmt: skip
_SIGNS = {".org": ("*", "# "), ".adoc": ("=", "//"), ".asciidoc": ("=", "//")}
"""Of a heading and of a comment, by the ending of a file's name."""


def shown(text: str, ending: str) -> str:
    """What is shown of a text by the ending of its file's name; other formats stay as they are."""
    names: dict[str, str] = {}
    if ending == ".rst":
        text = "\n".join(_of_rest(text.split("\n"), names))
    elif ending in _SIGNS:
        text = "\n".join(_of_blocks(text.split("\n"), *_SIGNS[ending], names))
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def _of_blocks(
    lines: list[str], heading: str, comment: str, names: dict[str, str]
) -> Iterator[str]:
    """The lines of Org or AsciiDoc that are shown; `names` takes what is defined in them."""
    end, hidden = "", False
    for line in lines:
        word = line.strip().lower().partition(" ")[0]
        if end or word in _BLOCKS:
            hidden = hidden if end else word in _HIDDEN
            end = "" if word == end else end or _BLOCKS[word]
            yield from [line] * (not hidden)
        elif not line.startswith(comment) or line.startswith("///"):
            level = len(line) - len(line.lstrip(heading))
            name, _, value = line[1:].partition(":")
            if line.startswith(":") and value.strip():
                names["{" + name + "}"] = value.strip()
            yield "#" * level + line[level:] if line[level : level + 1] == " " else line


def _of_rest(lines: list[str], names: dict[str, str]) -> Iterator[str]:
    """The lines of reStructuredText that are shown; `names` takes what is defined in them."""
    inside, before = False, ""
    for line in lines:
        inside = inside and (not line.strip() or line[:1].isspace())
        name, replaced, value = line[3:].partition(" replace::")
        if line.startswith(".. |") and replaced:
            names[name] = value.strip()
            continue
        if f"{line} ".startswith(".. ") and "::" not in line and not before.strip():
            inside = not line[3:].startswith(("[", "_", "|"))
        if not inside:
            before = line
            yield line
