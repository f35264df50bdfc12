"""Figures as a spreadsheet shows them: percentages, leading zeros, thousands, units, dates,
durations.

A format code is read as Excel does (ECMA-376, 18.8.31). In French a comma parts the decimals. Dates
of figures alone stay as written in French and become ISO 8601 in English, where 3/5/2024 could be
two days.
"""

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import takewhile
from operator import ge, gt, le, lt

BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "#,##0", 6: "#,##0", 7: "#,##0.00",
    8: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    14: "dd/mm/yyyy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "dd/mm/yyyy h:mm", 37: "#,##0",
    38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 41: "#,##0", 42: "#,##0", 43: "#,##0.00",
    44: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    48: "0.0E+0",
}  # fmt: skip
"""The formats that files name by number alone."""

# The elements of a format code, each kind a group; what fills a cell (*x) is none.
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.?)|(?P<blank>_).?|\*.?|\[(?P<inner>[^\]]*)\]?'
    r"|(?P<value>general|@)|(?P<date>am/pm|y+|m+|d+|h+|s+|j+|a+)"
    r"|(?P<digits>(?-i:E[+-])|[0#?.,])|(?P<sign>%)|(?P<text>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITIONS = {"<=": le, ">=": ge, "<": lt, ">": gt}

Token = tuple[str, str]
"""("text" | "date" | "span" | "digits" | "sign" | "value", what the code says)."""


def shown(value: float, code: str, french: bool, date1904: bool = False) -> str:
    """A number as its format shows it."""
    if code in ("", "General", "@", "Standard"):
        return plain(value, french)
    section, value = _section(code, value)
    tokens = _tokens(section)
    kinds = {kind for kind, _ in tokens}
    try:
        if kinds & {"date", "span"}:
            return _date(value, tokens, french, date1904)
        if "digits" in kinds and "value" not in kinds:
            return _number(value, tokens, french)
    except (ArithmeticError, ValueError):
        return plain(value, french)
    if "value" in kinds:
        shown = (plain(value, french) if kind == "value" else text for kind, text in tokens)
        return "".join(shown).strip()
    text = "".join(text for _, text in tokens)
    return text if text.strip() and code.count(";") else plain(value, french)


def written(text: str, code: str) -> str:
    """A text as its format shows it: "réf. "@."""
    part = _sections(code)[-1]
    if "@" not in part or not text:
        return text
    parts = (text if kind == "value" else mark for kind, mark in _tokens(part))
    return "".join(parts).strip()


def plain(value: float, french: bool) -> str:
    """A number without a format."""
    text = f"{value:.0f}" if 1e15 <= abs(value) < 1e18 else f"{value:.15g}"
    return text.replace(".", ",") if french else text


def rounded(value: Decimal, places: int) -> Decimal:
    """A number with so many decimals, halves away from zero. Raises ArithmeticError where it is too
    large."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def truth(value: bool, french: bool) -> str:
    """True or false as a sheet shows it."""
    return ("Vrai" if value else "Faux") if french else str(value)


def _section(code: str, value: float) -> tuple[str, float]:
    """The part of a code for this value: the first whose condition holds, else by its sign."""
    parts = _sections(code)
    conditional = any("[<" in part or "[>" in part for part in parts)
    for part in parts if conditional else ():
        for sign, holds in _CONDITIONS.items():
            number = part.partition(f"[{sign}")[2].partition("]")[0]
            if number.replace(".", "").isdigit() and holds(value, float(number)):
                return part, value
    if conditional:
        return parts[-1], value
    if value < 0 and len(parts) > 1:
        return parts[1], -value
    return (parts[2] if value == 0 and len(parts) > 2 else parts[0]), value


@lru_cache(maxsize=500)
def _sections(code: str) -> list[str]:
    parts, quoted, escaped = [""], False, False
    for char in code:
        if char == ";" and not quoted and not escaped:
            parts.append("")
            continue
        quoted ^= char == '"' and not escaped
        escaped = char == "\\" and not escaped
        parts[-1] += char
    return parts


@lru_cache(maxsize=500)
def _tokens(code: str) -> list[Token]:
    found: list[Token] = []
    for match in _TOKEN.finditer(code):
        kind = match.lastgroup or ""
        text = match[kind] if kind else ""
        if kind in ("quoted", "escaped", "blank"):
            kind, text = "text", " " if kind == "blank" else text
        elif kind == "inner":
            span = not text.lower().strip("hms")
            kind = "span" if span and text else "text" if text[:1] == "$" else ""
            text = text.lower() if span else text[1:].partition("-")[0]
        elif kind == "date":
            named = text.upper() == "AM/PM"
            text = "AM/PM" if named else text.lower().replace("a", "y").replace("j", "d")
        found += [(kind, text)] if kind else []
    if not any(kind in ("date", "span") for kind, _ in found):
        return found
    return [
        ("date" if text in ("0", ".") and kind == "digits" else kind, text) for kind, text in found
    ]


def _date(value: float, tokens: list[Token], french: bool, date1904: bool) -> str:
    whole = round(value * 86_400)
    moment = datetime(1904, 1, 1) if date1904 else datetime(1899, 12, 30)
    moment += timedelta(seconds=whole)
    dates = [text for kind, text in tokens if kind == "date"]
    named = any(text.startswith("mmm") for text in dates)
    if not french and not named and any("y" in text for text in dates):
        times = any(text[0] in "hs" for text in dates)
        return moment.strftime("%Y-%m-%d %H:%M" if times else "%Y-%m-%d")
    parts = []
    for place, (kind, text) in enumerate(tokens):
        if kind == "span":
            unit = {"h": 3600, "m": 60, "s": 1}[text[0]]
            parts.append(f"{whole // unit:0{len(text)}}")
        elif kind != "date":
            parts.append(text)
        else:
            minutes = text in ("m", "mm") and _by_time(tokens, place)
            parts.append(_field(moment, text, french, minutes, "AM/PM" in dates))
    return "".join(parts).strip()


def _by_time(tokens: list[Token], place: int) -> bool:
    """Whether an m means minutes: it follows hours or stands before seconds."""
    before = [text for kind, text in tokens[:place] if kind in ("date", "span")]
    after = [text for kind, text in tokens[place + 1 :] if kind in ("date", "span")]
    return before[-1:] in (["h"], ["hh"]) or after[:1] in (["s"], ["ss"])


def _field(moment: datetime, text: str, french: bool, minutes: bool, halves: bool) -> str:
    """One part of a date or a time."""
    from babel.dates import format_date

    if text == "AM/PM":
        return moment.strftime("%p")
    number = {"h": moment.hour, "s": moment.second, "m": moment.month, "d": moment.day}
    number["y"] = moment.year % 100 if len(text) <= 2 else moment.year
    shown = moment.minute if minutes else number.get(text[0], 0)
    if text[0] in "md" and len(text) > 2:  # names of months and days
        pattern = ("M" if text[0] == "m" else "E") * (4 if len(text) > 3 else 3)
        return format_date(moment, pattern, locale="fr" if french else "en")
    if text[0] == "h" and halves:
        shown = (shown - 1) % 12 + 1
    width = 2 if text[0] == "y" else len(text)
    return f"{shown:0{width}}" if text[0] in number else text


def _number(given: float, tokens: list[Token], french: bool) -> str:
    places = [n for n, (kind, text) in enumerate(tokens) if kind == "digits" and text in "0#?"]
    codes = [text if kind == "digits" else " " for kind, text in tokens]
    value = Decimal(repr(given)).scaleb(2 * sum(kind == "sign" for kind, _ in tokens))
    if not places:
        return plain(float(value), french)
    if ("text", "/") in tokens:
        return _fraction(given, tokens)
    if any(code[0] == "E" for code in codes):
        text = _scientific(given, codes, places)
        return text.replace(".", ",") if french else text
    point = codes.index(".") if "." in codes else len(codes)
    whole = [n for n in places if n < point] or [point]
    last = places[-1]
    for _ in takewhile(",".__eq__, codes[last + 1 :]):  # each comma after the figures
        value /= 1000
    grouped = any(codes[n] == "," for n in range(whole[0], whole[-1]))
    behind = [n for n in places if n > point]
    text = f"{rounded(abs(value), len(behind)):f}"
    digits, _, decimals = text.partition(".")
    least = sum(codes[n] in "0?" for n in behind)
    while len(decimals) > least and decimals.endswith("0"):
        decimals = decimals[:-1]
    zeros = next((len(whole) - n for n, place in enumerate(whole) if codes[place] == "0"), 0)
    digits = digits.lstrip("0").rjust(zeros, "0")
    if grouped:
        digits = f"{int(digits or 0):,}".replace(",", " " if french else ",")
        figures = {whole[0]: digits}
    else:
        figures = _placed(digits, whole)
    if decimals:
        figures[point] = ("," if french else ".") + decimals
    shown = [
        figures.get(n, "") if kind == "digits" else text for n, (kind, text) in enumerate(tokens)
    ]
    negative = value < 0 and float(text) != 0
    return ("-" if negative else "") + "".join(shown).strip()


def _scientific(given: float, codes: list[str], places: list[int]) -> str:
    """A number as a power of ten: 1.23E+04."""
    mark = next(n for n, code in enumerate(codes) if code[0] == "E")
    point = codes.index(".") if "." in codes else mark
    text = f"{given:.{sum(point < n < mark for n in places)}E}"
    number, _, power = text.partition("E")
    sign = "-" if int(power) < 0 else codes[mark][1].strip("-")
    return f"{number}E{sign}{abs(int(power)):0{sum(n > mark for n in places)}}"


def _fraction(given: float, tokens: list[Token]) -> str:
    """A number as a fraction: 2 1/4, or 9/4 where no place is kept for the whole."""
    slash = tokens.index(("text", "/"))
    below = "".join(text for _, text in tokens[slash + 1 :])
    figures = below[: len(below) - len(below.lstrip("0123456789#?"))]
    if figures.strip("0#?"):  # a denominator that is given
        parts, number = int(figures), round(abs(given) * int(figures))
    else:
        nearest = Fraction(repr(abs(given))).limit_denominator(10 ** len(figures) - 1)
        parts, number = nearest.denominator, nearest.numerator
    whole = 0
    if ("text", " ") in tokens[:slash]:
        whole, number = divmod(number, parts)
    shown = [str(whole)] * bool(whole or not number) + [f"{number}/{parts}"] * bool(number)
    return ("-" if given < 0 else "") + " ".join(shown) + below[len(figures) :].rstrip()


def _placed(digits: str, places: list[int]) -> dict[int, str]:
    """The figures of a number in their places, the first of which takes what is left over: 0# ## ##
    as 04 92 00."""
    figures = {}
    for place in reversed(places[1:]):
        figures[place], digits = digits[-1:], digits[:-1]
    return figures | {places[0]: digits}
