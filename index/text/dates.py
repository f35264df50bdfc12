"""The dates in a text of either language, as far as they are given."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from index.text.words import LANGUAGES, fold, word_list

# A word, or a date in figures: 2024-04-09, 12/03/2024, 12.3.2024.
_WORD = re.compile(r"\d+(?:[./-]\d+)+|\w+")
_ALSO_WORDS = ("march", "mars", "may", "mai")  # months only where a number stands beside
_YEARS = range(1000, 2200)
_RECENT = range(1900, 2100)
_SHORTLY = 2  # sentences


@dataclass(frozen=True, order=True)
class Date:
    """A date; `year`, `month` or `day` is 0 where it isn't given. Its span is in the text."""

    year: int
    month: int
    day: int
    start: int
    end: int


def dates(text: str) -> list[Date]:
    """The dates of a text, in the order of their places.

    A year alone counts behind such words as "in" and "since", a recent one also where no noun
    follows: another number of four figures may be an amount. 12/3/2024 is a day in March.
    """
    words = [(fold(match[0]), *match.span()) for match in _WORD.finditer(text)]
    found = list[Date]()
    for place, (word, start, end) in enumerate(words):
        if found and start < found[-1].end:
            continue
        if known := _in_figures(word):
            found.append(Date(*known, start, end))
        elif month := _months().get(word):
            if named := _around(words, place, month):
                found.append(named)
        elif _is_year(word) and _stands_alone(words, place, text):
            found.append(Date(int(word), 0, 0, start, end))
    return found


def _in_figures(word: str) -> tuple[int, int, int] | None:
    parts = word.replace("/", "-").replace(".", "-").split("-")
    if len(parts) != 3 or not all(map(str.isdecimal, parts)):
        return None
    numbers = [int(part) for part in (parts if len(parts[0]) == 4 else reversed(parts))]
    numbers[0] += 2000 if numbers[0] < 100 else 0
    try:
        known = date(*numbers)
    except ValueError:
        return None
    return known.year, known.month, known.day


_Words = list[tuple[str, int, int]]


def _around(words: _Words, place: int, month: int) -> Date | None:
    """The date that a month is part of: "le 14 juin 2023", "June 14, 2023", "mars 2023"."""
    _, start, end = words[place]
    day = year = 0
    if place and (given := _day(words[place - 1][0])) and start - words[place - 1][2] < 5:
        day, start = given, words[place - 1][1]
    after = place + 1
    behind = words[after] if after < len(words) else ("", 0, 0)
    if not day and behind[1] - end < 3 and (day := _day(behind[0])):
        end, after = behind[2], after + 1
    if after < len(words) and _is_year(words[after][0]) and words[after][1] - end < 5:
        year, end = int(words[after][0]), words[after][2]
    if not day and not year and words[place][0] in _ALSO_WORDS:
        return None
    return Date(year, month, day, start, end)


def _day(word: str) -> int:
    number = word.rstrip("erstndh")
    return int(number) if number.isdecimal() and len(number) < 3 and 1 <= int(number) <= 31 else 0


def _is_year(word: str) -> bool:
    return word.isdecimal() and len(word) == 4 and int(word) in _YEARS


def _stands_alone(words: _Words, place: int, text: str) -> bool:
    """Whether a number is a year and not an amount of what follows."""
    word, _, end = words[place]
    before = words[place - 1][0] if place else ""
    if any(before in word_list("leads_to_year", language) for language in LANGUAGES):
        return True
    after = words[place + 1][0] if text[end : end + 1] == " " and place + 1 < len(words) else ""
    apart = any(after in word_list("stop", language) for language in LANGUAGES)
    return int(word) in _RECENT and (not after or apart)


@cache
def _months() -> dict[str, int]:
    """The names of the months in both languages, folded."""
    from babel import Locale

    return {
        fold(name): number
        for language in LANGUAGES
        for number, name in Locale(language).months["format"]["wide"].items()
    }


@cache
def weekdays() -> frozenset[str]:
    """The names of the days in both languages, folded."""
    from babel import Locale

    names = (Locale(language).days["format"]["wide"].values() for language in LANGUAGES)
    return frozenset(fold(name) for own in names for name in own)


def in_words(known: Date, language: str) -> str:
    """A date as it is written in "fr" or "en": "14 juin 2023", "June 2023", "2023"."""
    from babel import Locale

    month = Locale(language).months["format"]["wide"][known.month] if known.month else ""
    day = "1er" if known.day == 1 and language == "fr" else str(known.day or "")
    return " ".join(filter(None, (day, month, str(known.year or ""))))


def in_order(title: str, texts: Sequence[str], of: str = "") -> list[list[tuple[int, Date]]]:
    """The dates of a document's sentences, each with its year.

    A date without one is of the title's year, if it has one, else of a year named shortly before,
    or of the document's own date `of` (ISO 8601), else of the year named last.
    """
    titled = next((known.year for known in dates(title) if known.year), 0)
    own = int(of[:4]) if of[:4].isdecimal() else 0
    year, named, every = titled or own, 0, list[list[tuple[int, Date]]]()
    for place, text in enumerate(texts):
        every.append([])
        for known in dates(text):
            if known.year:
                year, named = titled or known.year, place
            elif own and not titled and place - named > _SHORTLY:
                year = own
            every[-1].append((known.year or year, known))
    return every
