"""What kind of answer a question asks for, and whether a sentence is of that kind.

A small model that doesn't find the figure writes a true sentence about something else; its words
are then all in the source, so only the question shows that nothing was answered.
"""

from typing import Literal

from index.text.dates import dates
from index.text.words import fold, phrases, terms
from rag.verifier.facts import denies, facts

Expected = Literal["person", "money", "count", "share", "quantity", "year", "time"]

# The lists of questions in the order that they are tried, for what each asks.
_ASKED: tuple[tuple[str, Expected], ...] = (
    ("asked_person", "person"),
    ("asked_money", "money"),
    ("asked_length", "quantity"),
    ("asked_count", "count"),
    ("asked_cost", "money"),
    ("asked_share", "share"),
    ("asked_quantity", "quantity"),
    ("asked_year", "year"),
    ("asked_time", "time"),
)
_YEAR = 100  # a figure from which on it may be a year; smaller ones count years
_SUM = 1000  # a figure from which on it may be one of money without its unit


def expected(question: str) -> Expected | None:
    """The kind of answer that a question in French or English asks for; None where any will do.

    Of several questions the last one counts.
    """
    plain = _plain(question.rstrip("? ").rpartition("? ")[-1])
    return next((kind for words, kind in _ASKED if _has(words, plain)), None)


def fits(kind: Expected | None, text: str, language: str) -> bool:
    """Whether a sentence in `language` holds something of this kind."""
    if kind in (None, "person"):
        return True
    known = facts(text, language)
    numbers = [(float(fact.value), fact.unit) for fact in known if fact.kind == "number"]
    if kind == "year":
        return any(not unit and value >= _YEAR for value, unit in numbers)
    dated = any(fact.kind == "date" for fact in known) or _has("times", text)
    if kind == "time":
        return dated or any(not unit for _, unit in numbers)
    if kind == "money":
        return any(unit not in ("", "%") or value >= _SUM for value, unit in numbers)
    units = {"share": ("%",), "count": ("", "%")}.get(kind or "")
    lasting = kind == "quantity" and dated  # "until spring"
    return (
        lasting or any(units is None or unit in units for _, unit in numbers) or _has("few", text)
    )


def ranks(question: str, text: str) -> bool:
    """Whether a text can tell the best or the longest, where the question asks for it."""
    asked = phrases("often").sub("", _plain(question).replace("-", "_"))
    return not _has("superlative", asked) or _has("ranked", text)


def of_another_year(question: str, text: str) -> bool:
    """Whether a text gives years, but not the only one that the question asks about."""
    asked = {known.year for known in dates(question) if known.year}
    bounded = any(phrases(each).search(_plain(question)) for each in ("before_year", "after_year"))
    if len(asked) != 1 or bounded:
        return False
    told = {known.year for known in dates(text) if known.year}
    return bool(told) and not told & asked


def can_answer(question: str, text: str, language: str) -> bool:
    """Whether a sentence of a source, in `language`, is of the kind that the question asks for."""
    return fits(expected(question), text, language) and ranks(question, text)


def explains(question: str, text: str) -> bool:
    """Whether a sentence shows a reason, where one is asked; three in ten don't show theirs."""
    return not _has("why", question) or _has("shows_reason", text)


def closed(question: str) -> bool:
    """Whether a question in French or English asks for a yes or a no."""
    plain = _plain(question)
    if _has("open", plain):
        return False
    stated = question.rstrip().endswith("?") and _has("affirmed", plain)
    return _has("closed", plain) or (stated and not _has("asks", plain))


def echoes(question: str, text: str, language: str) -> bool:
    """Whether a sentence only says what the question asks in other order, as a bare yes does."""
    own = set(terms(text, language)) <= set(terms(question, language))
    return own and denies(text, language) == denies(question, language)


def _plain(question: str) -> str:
    """A question, folded, without "and" or "but" before it."""
    first, _, rest = fold(question).strip().partition(" ")
    return rest if first in ("et", "mais", "and", "but", "so") else f"{first} {rest}"


def _has(name: str, text: str) -> bool:
    return phrases(name).search(fold(text)) is not None
