"""What stands beside a text (headers, notes, comments), set apart from it by a heading in the
text's language."""

import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from index.documents import language_of


@cache
def _forms() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("marks.toml").read_text(encoding="utf-8"))


def beside(kind: str, lines: Iterable[str], text: Sequence[str]) -> list[str]:
    """The lines, each once, under a heading; nothing where there are none.

    Args:
        kind: a key of `marks.toml`.
        lines: paragraphs.
        text: the blocks beside which they stand, for their language.
    """
    kept = [line for line in dict.fromkeys(map(str.strip, lines)) if line]
    if not kept:
        return []
    return [f"## {_forms()[language_of(' '.join([*text[:50], *kept[:50]]))][kind]}", *kept]


def sign(font: str, code: str) -> str:
    """What stands at a place of a font that has signs in place of letters; empty where it isn't
    known.

    Args:
        font: its name.
        code: two hexadecimal figures.
    """
    return _forms()["signs"].get(font, {}).get(code.upper(), "")


def in_signs(font: str, text: str) -> str:
    """A text set in a font that may have signs in place of letters."""
    if font not in _forms()["signs"]:
        return text
    return "".join(sign(font, f"{ord(char) % 256:02X}") or char for char in text)


def is_folio(line: str) -> bool:
    """Whether a line says no more than which page it is on: 3, Page 3 sur 7, – 3 –."""
    words = "".join(char if char.isalpha() else " " for char in line.lower()).split()
    return not words or (
        set(words) <= {"page", "sur", "of", "de", "p", "seite"} and len(words) <= 3
    )
