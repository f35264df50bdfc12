"""The figures of a text, and how French and English write them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from babel.numbers import format_decimal

from index.text.words import LANGUAGES, fold, lexicon, phrases

Kind = Literal["number", "date", "rank", "name"]


@dataclass(frozen=True)
class Fact:
    """Something that a source must hold for a sentence to rest on it.

    `value` is a plain number, "month:2", "day:0" (Monday), the 2 of "second" or a folded name;
    `unit` "%", "eur", "usd", "gbp" or empty; `opening` tells that a name opens the sentence, so
    that its capital may mean nothing.
    """

    kind: Kind
    value: str
    unit: str = ""
    opening: bool = False


# A hyphen before a figure is part of a name after a letter only: in "GPT-4", not in "1564-1593".
_DIGITS = (
    r"(?<![\w.,])(?<![^\W\d_]-)"
    r"(?P<digits>\d{1,3}(?:[ \u00a0\u202f.,]\d{3}){1,6}(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?)"
)
_WORDS_AT_ONCE = 100  # text2num's time grows with the square of the text's length


@cache
def table(name: str) -> dict[str, str]:
    """A table of the lexicon, of both languages: the key for each of its words, folded."""
    return {
        fold(form.strip()): key
        for language in LANGUAGES
        for key, forms in lexicon(language)[name].items()
        for form in forms.split(",")
    }


def _either(name: str) -> str:
    forms = sorted(table(name), key=len, reverse=True)
    return "|".join(re.escape(form) + (r"\b" if form[-1].isalpha() else "") for form in forms)


_NUMBER = re.compile(
    rf"(?P<before>[$€£])?\s?{_DIGITS}"
    rf"(?:[ \u00a0\u202f]?(?:d['’]|de\s|of\s)?(?P<unit>{_either('units')}))?",
    re.IGNORECASE,
)
# An M beside the sign of a currency is a million: "4,2 M€", "$4.2M".
_SCALED = re.compile(
    rf"(?P<before>(?<!\d)(?<!\d\s)[$€£]\s?)?{_DIGITS}[ \u00a0\u202f-]?"
    rf"(?:(?P<scale>{_either('scales')})|(?(before)m\b|m(?=\s?(?:[$€£]|d['’]euros|eur\b))))",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\b(\d{1,2})(?:(?:[:.](\d\d))?[ \u00a0]?([ap])\.?m\b|:00\b)", re.I)
_ROUND = re.compile(rf"\b(?:une|a)\s({_either('round_numbers')})", re.IGNORECASE)
_HEDGED = re.compile(phrases("hedges").pattern.removesuffix(r"\b") + r"\s*$")


def numbers(text: str, language: str) -> list[Fact]:
    """The figures of a text in "fr" or "en", hours as those of 24."""
    digits = _CLOCK.sub(_by_24_hours, _in_digits(text, language))
    return [number for _, number in _numbers(digits, language)]


def figures(text: str, language: str) -> tuple[str, list[tuple[int, Fact]]]:
    """The text with its numbers in digits, and there the place of each figure with the figure."""
    digits = _in_digits(text, language)
    return digits, list(_numbers(digits, language))


def in_figures_of(language: str, text: str, spoken: str) -> str:
    """A text in `spoken` with its numbers in digits, these as they are written in `language`."""
    # "13 milliards" are better left: "13,000,000,000" is copied, not put into words
    known = text if _SCALED.search(text) else _in_digits(text, spoken)
    return _NUMBER.sub(lambda match: _written(match, language, spoken), known)


def adapted(text: str, source: str, language: str) -> str:
    """A text in `language` with the figures that stand so in a source of the other language as
    they are written in its own: "£1,900" becomes "1 900 £" in French.
    """
    spoken = "en" if language == "fr" else "fr"
    there = {match["digits"] for match in _NUMBER.finditer(source)}

    scaled = {match.start("digits") for match in _SCALED.finditer(text)}  # "4,2 M€"

    def put(match: re.Match[str]) -> str:
        if match["digits"] not in there or match.start("digits") in scaled:
            return match[0]
        known, sign = _written(match, language, spoken), match["before"]
        if not sign or language == "en":
            return known
        return f"{known.replace(sign, '', 1)}\u00a0{sign}"

    return _NUMBER.sub(put, text)


def _written(match: re.Match[str], language: str, spoken: str) -> str:
    """A figure of a text in `spoken` as it is written in `language`."""
    digits = match["digits"]
    value = _value(digits, spoken)
    if digits.isdigit() and len(digits) <= 4:  # a year
        return match[0]
    if value.is_integer() and value >= 1000:
        return match[0].replace(digits, format_decimal(int(value), locale=language))
    return match[0].replace(digits, digits.translate(str.maketrans(".,", ",.")))


def about(text: str, language: str) -> frozenset[str]:
    """The figures, as `Fact.value`, that a text gives as about so much, or more or less."""
    digits, known = figures(text, language)
    return frozenset(
        number.value
        for start, number in known
        if _HEDGED.search(fold(digits[max(0, start - 30) : start]))
    )


def _numbers(text: str, language: str) -> Iterator[tuple[int, Fact]]:
    """The figures of a text in digits, and where each begins."""
    for match in _NUMBER.finditer(text):
        unit = " ".join((match["unit"] or match["before"] or "").lower().split())
        value = f"{_value(match['digits'], language):.10g}"
        yield match.start(), Fact("number", value, table("units").get(unit, ""))


def _by_24_hours(match: re.Match[str]) -> str:
    """Hours as those of 24: "1 p.m.", "6.30pm", "17:00" are "13 h", "18 h 30", "17 h"."""
    hour, minutes, half = int(match[1]), match[2] or "", (match[3] or "").lower()
    hour = hour % 12 + 12 * (half == "p") if half else hour
    return f"{hour} h {minutes.removesuffix('00')}"


def _value(digits: str, language: str) -> float:
    """The number that digits stand for: 15 000, 15.000, 13,5 in French, 15,000, 13.5 in English."""
    plain = "".join(digits.split())
    marks = [character for character in plain if character in ".,"]
    decimal = marks[-1] if marks else ""
    whole, _, rest = plain.rpartition(decimal or ".")
    if marks.count(decimal) > 1 or (  # it parts thousands
        len(marks) == 1
        and len(rest) == 3
        and len(whole) <= 3
        and whole[0] != "0"
        and (decimal == ",") == (language == "en")
    ):
        decimal = ""
    return float(
        "".join(
            "." if each == decimal else each for each in plain if each.isdigit() or each == decimal
        )
    )


def _in_digits(text: str, language: str) -> str:
    """The text with its numbers in words as digits: "quinze millions", "une vingtaine"."""
    from text_to_num import alpha2digit

    def scaled(match: re.Match[str]) -> str:
        scale = float(table("scales")[match["scale"].lower()]) if match["scale"] else 1e6
        return f"{match['before'] or ''}{_value(match['digits'], language) * scale:.0f}"

    def rounded(match: re.Match[str]) -> str:
        return f"environ {table('round_numbers')[match[1].lower()]}"

    words = _ROUND.sub(rounded, _SCALED.sub(scaled, text)).split(" ")
    pieces = (words[at : at + _WORDS_AT_ONCE] for at in range(0, len(words), _WORDS_AT_ONCE))
    spoken = "en" if language == "en" else "fr"
    return " ".join(alpha2digit(" ".join(piece), spoken) for piece in pieces)
