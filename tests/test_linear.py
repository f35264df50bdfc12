"""Every pattern and every reader of text takes a time that grows as the text does, whatever it is.

One that doesn't freezes the whole program on a text of somebody's choosing: `re` holds the
interpreter's lock.
"""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import index
import rag
import ui
from index.text.language import detect
from index.text.words import LANGUAGES, fold, lexicon, phrases, terms
from rag.verifier import expected
from rag.verifier.facts import facts
from rag.verifier.figures import about

# What is repeated to make the texts.
PIECES = (
    "A", "É", "a", "7", " ", "\u00a0", "\n", "\t", '"', "'", "’", "«", "»", "“", ".", ",", "-", "…", "|", "#", "<", "(", "[", "*", "_", "/",
    "\\", "A ", "A’", "L'A", "AB CD ", "Ab, ", "a b ", "a. ", "A. ", "A-", "A.", "1 000 ", "1.000", "1,0", "12 ", "1-", "« ", "d'", "n'", "-a",
    "  a", "\n\n", " \n", "- a\n", "# a\n", "<a ", "</a>", "&a", "a@", "a.b", "a:", "://", "\r\n", "et ", "ne ", "a, ",
)  # fmt: skip
_FIRST, _LONGEST = 16, 2**13  # characters
_COMPARED = 0.002  # seconds from which on times are compared; what never takes them is quick enough
_LONGER = 4  # how much longer the text is made
_BOUND = 9.0  # how much longer it may then take: 4 where linear, 16 where quadratic


def grows(read: Callable[[str], object], piece: str) -> str:
    """How the time grows where it grows faster than a text of this piece; "" where it doesn't.

    Times are of this process alone, each the least of several.
    """

    def seconds(length: int, times: int = 1) -> float:
        text = (piece * (length // len(piece) + 1))[:length] + "\0"
        spent = []
        for _ in range(times):
            began = time.process_time()
            read(text)
            spent.append(time.process_time() - began)
        return min(spent)

    length, spent = _FIRST, seconds(_FIRST, 2)
    while spent < _COMPARED and length < _LONGEST:
        # By small steps at first: of exponential time, the next text would take for ever.
        length, spent = int(length * (1.25 if length < 100 else 2)), seconds(length)
    if length < 100 and seconds(length, 3) > 20 * max(seconds(length // 2, 3), 1e-6):
        return f"{length} times {piece!r}: {spent:.3f} s"
    for _ in range(3 if length < _LONGEST else 0):
        short, long = seconds(length, 3), seconds(length * _LONGER, 2)
        if long < _BOUND * short:
            return ""
    return (
        f"{length} times {piece!r}: {short:.4f} s, {_LONGER} times as many: {long:.4f} s"
        if length < _LONGEST
        else ""
    )


def modules() -> Iterator[ModuleType]:
    for package in (index, rag, ui):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


UNKNOWN: list[str] = []


class _Names(dict[str, Any]):
    """The names of a module; what a function alone knows is "x"."""

    def __missing__(self, name: str) -> str:
        return "x"


def patterns() -> dict[tuple[str, int], str]:
    """Every pattern of the packages with its flags, and where it stands."""
    found: dict[tuple[str, int], str] = {}
    for module in modules():
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        for words, pattern in vars(module).get("_PATTERNS", {}).items():
            found[str(pattern), 0] = f"{module.__name__}:{words}"
        for call in ast.walk(tree):
            if (
                isinstance(call, ast.Call)
                and ast.unparse(call.func).startswith("re.")
                and ast.unparse(call.func) != "re.escape"
            ):
                flags = next((each.value for each in call.keywords if each.arg == "flags"), None)
                if call.func.attr == "compile" and len(call.args) > 1:  # type: ignore[attr-defined]
                    flags = call.args[1]
                where, names = f"{module.__name__}:{call.lineno}", _Names(vars(module))
                try:
                    pattern, number = (
                        eval(ast.unparse(each), {}, names) if each else 0
                        for each in (call.args[0], flags)
                    )
                except (TypeError, KeyError, IndexError):
                    pattern, number = "", 0
                    UNKNOWN.append(where)
                for each in [pattern] if isinstance(pattern, str) else []:
                    found[each, int(number)] = where
    for language in LANGUAGES:
        for name, words in lexicon(language).items():
            if isinstance(words, str):
                found[phrases(name, language).pattern, re.IGNORECASE] = f"{name} of {language}.toml"
    return found


PATTERNS = patterns()


@pytest.mark.parametrize(
    ("pattern", "flags"), [pytest.param(*each, id=where) for each, where in PATTERNS.items()]
)
def test_a_pattern_takes_linear_time(pattern: str, flags: int) -> None:
    compiled = re.compile(pattern, flags)
    own = sorted(set(re.findall(r"[^\W\d_]{2,}", pattern)), key=len)[-12:]
    slow = [
        found
        for piece in (*PIECES, *(f"{word} " for word in own))
        if (found := grows(lambda text: sum(1 for _ in compiled.finditer(text)), piece))
    ]
    assert not slow


def test_patterns_are_constants_so_that_they_can_be_tested() -> None:
    """One of `rag.followups` is made of the question's own words, escaped."""
    assert [where for where in UNKNOWN if not where.startswith("rag.followups")] == []


READERS: dict[str, Callable[[str], object]] = {
    "terms": lambda text: terms(text, "fr"),
    "fold": fold,
    "detect": detect,
    "facts in French": lambda text: facts(text, "fr"),
    "facts in English": lambda text: facts(text, "en"),
    "about": lambda text: about(text, "fr"),
    "expected": expected.expected,
    "ranks": lambda text: expected.ranks(text, text),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_takes_linear_time(reader: str) -> None:
    READERS[reader]("Une phrase, en 2024.")  # what is loaded once
    pieces = (
        *PIECES[:12],
        "AB CD ",
        "Ab, ",
        "A. ",
        "1 000 ",
        "mai 12 ",
        "deux ",
        "ne ",
        "plus de 12 ",
    )
    assert not [found for piece in pieces if (found := grows(READERS[reader], piece))]
