"""Who wrote a text and of when it is, where it says so at its beginning: "Auteur : Odile Ferrand",
"By Harriet Colmore, chair", "Kerbrun, le 18 mars 2023"."""

from collections.abc import Iterator

from index.text.dates import Date, dates
from index.text.words import fold, word_list

_LINES = 12  # that are looked at
_PARAGRAPH = 160  # characters that make a line one of the text
_ROUND_A_DATE = 3  # words that a line may have beside it: "Kerbrun, le"
_NAME = 6  # words of a name at most
_MARKS = " \t*_#>-–—|·•"
_PARTS = (" · ", " | ", " — ", " – ", " • ", "\t")


def byline(title: str, text: str) -> tuple[str, str]:
    """The author and the date (ISO 8601, as far as it is given) that the first lines say; "" for
    what they don't."""
    author, labelled, plain = "", "", ""
    for line in _lines(text):
        for part in _parts(line):
            name, rest = _author(part)
            author = author or name
            known = [each for each in dates(rest) if each.year]
            if len(known) != 1:
                continue
            label = bool(name) or _label(rest, "dateline") is not None
            if label:
                labelled = labelled or _iso(known[0])
            elif _alone(rest, known[0]) or (part == title and known[0].day):
                plain = plain or _iso(known[0])
    return author, labelled or plain


def _lines(text: str) -> Iterator[str]:
    """The lines before the text proper begins; rows of tables say nothing of the document."""
    headings = taken = 0
    for line in text.split("\n", 4 * _LINES)[: 4 * _LINES]:
        headings += line.startswith("#")
        if len(line) > _PARAGRAPH or headings > 1 or taken == _LINES:
            return
        if bare := line.strip(_MARKS):
            taken += 1
            if bare.count(";") < 2:
                yield bare.replace("**", "").replace("__", "")


def _parts(line: str) -> list[str]:
    for mark in _PARTS:
        line = line.replace(mark, "\n")
    return [part.strip(_MARKS) for part in line.split("\n")]


def _author(part: str) -> tuple[str, str]:
    """The name in a part of a line that says who wrote it, and what else it says."""
    value = _label(part, "author_label")
    if value is None or not value:
        return "", part
    first = value.replace(" (", ", ").replace(" - ", ", ")
    first = first.replace(", ", "\n").replace(" le ", "\n").split("\n")[0].strip(" .,")
    words = first.split()
    colon = ":" in part[: len(part) - len(value)]
    named = words and words[0][0].isupper() and len(words) <= _NAME and not dates(first)
    capitals = sum(word[0].isupper() for word in words)
    if not named or ":" in first or (not colon and capitals < min(len(words), 2)):
        return "", part
    return first, value[len(first) :]


def _label(part: str, name: str) -> str | None:
    """What stands behind a label of a list, None where the part begins with none."""
    head, colon, value = part.partition(":")
    labels = {fold(each) for language in ("fr", "en") for each in word_list(name, language)}
    if colon and fold(head).strip(_MARKS) in labels:
        return value.strip(_MARKS)
    plain = fold(part)
    for label in sorted(labels, key=len, reverse=True):
        alone = " " in label or label in ("par", "by")  # it needs no colon
        if alone and plain.startswith(f"{label} ") and len(plain) == len(part):
            return part[len(label) :].strip(_MARKS)
    return None


def _alone(line: str, known: Date) -> bool:
    """Whether a line says hardly more than its date."""
    around = f"{line[: known.start]} {line[known.end :]}".split()
    return bool(known.month) and len(around) <= _ROUND_A_DATE


def _iso(known: Date) -> str:
    parts = (f"{known.year:04}", f"{known.month:02}", f"{known.day:02}")
    return "-".join(parts[: 1 + bool(known.month) + bool(known.month and known.day)])
