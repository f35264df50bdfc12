"""Who wrote a text and of when it is, where it says so at its beginning: "Auteur : Odile Ferrand",
"By Harriet Colmore, chair", "Kerbrun, le 18 mars 2023"."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from index.text.dates import Date, dates
from index.text.words import fold, word_list

_LINES = 12  # that are looked at
_PARAGRAPH = 160  # characters that make a line one of the text
_NAME = 6  # words of a name at most
_MARKS = " \t*_#>-–—|·•"
_PARTS = (" · ", " | ", " — ", " – ", " • ", "\t")
_QUOTES = " .,\"'«»“”\u00a0\u202f"


def byline(title: str, text: str) -> tuple[str, str]:
    """The author and the date (ISO 8601, as far as it is given) that the first lines say; "" for
    what they don't."""
    author, labelled, plain = "", "", ""
    for line in _lines(text):
        heading = line.startswith("#")
        for part in _parts(line):
            name, rest = ("", part) if heading else _author(part)
            author = author or name
            known = [each for each in dates(rest) if each.year]
            if len(known) != 1 or _is_version(rest, known[0]):
                continue
            if name or _label(rest, "dateline") is not None:
                labelled = labelled or _iso(known[0])
            elif _alone(rest, known[0]) or (part == title and known[0].day):
                plain = plain or _iso(known[0])
    return author, labelled or plain


def is_byline(text: str) -> bool:
    """Whether a sentence of a document says nothing but who wrote it, and when."""
    if text.rstrip().endswith(".") or ";" in text or len(text) > 2 * _PARAGRAPH:
        return False
    parts = [part for line in text.split("\n") for part in _parts(line.strip(_MARKS))]
    dated = any(_label(part, "dateline") and ":" in part for part in parts)
    return dated or any(_author(part)[0] for part in parts)


def _lines(text: str) -> Iterator[str]:
    """The lines before the text proper begins; rows of tables say nothing of the document."""
    headings = taken = 0
    for line in text.split("\n", 4 * _LINES)[: 4 * _LINES]:
        heading = line.startswith("#")
        headings += heading
        if len(line) > _PARAGRAPH or headings > 1 or taken == _LINES or ";" in line:
            return
        if bare := line.strip(_MARKS):
            taken += 1
            yield ("# " if heading else "") + bare.replace("**", "").replace("__", "")


def _parts(line: str) -> list[str]:
    for mark in _PARTS:
        line = line.replace(mark, "\n")
    return [part.strip(_MARKS) for part in line.split("\n")]


def _author(part: str) -> tuple[str, str]:
    """The name in a part of a line that says who wrote it, and what else it says."""
    value = _label(part, "author_label")
    if not value:
        return "", part
    colon = ":" in part[: len(part) - len(value)]
    first = value.replace(" (", ", ").replace(" - ", ", ").replace(" <", ", ")
    # "By Harriet Colmore, chair, 2 May 2024"; several authors stand behind a colon alone
    several = colon and any(each in value for each in (" and ", " et "))
    for end in (" le ", " on ") if several else (", ", " le ", " on "):
        first = first.replace(end, "\n")
    first, *others = first.split("\n")
    if colon and others and _is_full(others[0]):  # "the service, written by Thibaud Escoffre"
        first = f"{first}, {others[0].strip()}"
    first = first.strip(_QUOTES)
    words = first.split()
    capitals = sum(word[0].isupper() for word in words)
    ended = part.rstrip().endswith((".", "!", "?"))
    named = words and words[0][0].isupper() and not dates(first) and ":" not in first
    unknown = fold(first) in _folded("no_author")
    nobody = bool(words) and fold(words[0]) in _folded("nobody")  # "By The River"
    full = 1 < len(words) <= _NAME and capitals == len(words)
    enough = colon or (full and not ended and not nobody)
    return (first, value[len(first) :]) if named and enough and not unknown else ("", part)


def _is_full(text: str) -> bool:
    """Whether a text has a name of two words at least, and no date."""
    words = text.split()
    pairs = pairwise(words)
    return any(a[0].isupper() and b[0].isupper() for a, b in pairs) and not dates(text)


def _label(part: str, name: str) -> str | None:
    """What stands behind a label of a list, None where the part begins with none."""
    head, colon, value = part.partition(":")
    labels = _folded(name)
    if colon and fold(head).strip(_MARKS) in labels:
        return value.strip(_MARKS)
    plain = fold(part)
    for label in sorted(labels, key=len, reverse=True):
        alone = " " in label or label in ("par", "by")  # it needs no colon
        if alone and plain.startswith(f"{label} ") and len(plain) == len(part):
            return part[len(label) :].strip(_MARKS)
    return None


@cache
def _folded(name: str) -> frozenset[str]:
    """A word list of both languages, folded."""
    return frozenset(fold(each) for one in ("fr", "en") for each in word_list(name, one))


def _alone(line: str, known: Date) -> bool:
    """Whether a line says a place at most beside its date: "Kerbrun, le 18 mars 2023"."""
    before, after = line[: known.start], line[known.end :]
    words = fold(before).replace(",", " ").split()
    place = [word for word in words if word not in _folded("beside_date")]
    comma = not place or (before.rstrip().endswith((",", "le", "the")) and before[:1].isupper())
    born = bool(place) and place[0] in _folded("no_place")  # "Né le 12 mars 1950"
    return bool(known.month) and len(place) <= 2 and comma and not born and not after.strip(" .")


def _is_version(line: str, known: Date) -> bool:
    """Whether what looks like a date in figures is a number: "3.12.11", "01.02.03"."""
    written = line[known.start : known.end]
    return not any(map(str.isalpha, written)) and str(known.year) not in written


def _iso(known: Date) -> str:
    parts = (f"{known.year:04}", f"{known.month:02}", f"{known.day:02}")
    return "-".join(parts[: 1 + bool(known.month) + bool(known.month and known.day)])
