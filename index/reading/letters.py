"""The letters of a PDF page: its lines as they are drawn, each cut where a gap stands in it."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import degrees
from typing import Any
from unicodedata import normalize

from index.reading.equations import raised
from index.reading.layout import HYPHEN
from index.reading.lines import Line

Box = tuple[float, float, float, float]
"""Left, bottom, right and top in points, y upwards."""
_ACCENTS = dict(
    zip("`´ˆ˜¨¸˚ˇ˘", "\u0300\u0301\u0302\u0303\u0308\u0327\u030a\u030c\u0306", strict=True)
)
_FIGURE = re.compile(r"(?<=[^\W_]) ?[-−]?\d")  # after a letter or another figure
_PAGE = 200  # signs of a page from which can be told whether they are a text
_LEADERS = frozenset("._-…·|*")
_SMALL = 0.8  # of the height of the letter before, of a figure that is set higher or lower


class Letters:
    """The letters of a page with their places as on one turned so that most lines are level."""

    def __init__(self, page: Any) -> None:
        left, bottom, right, top = page.get_mediabox()
        self.textpage = page.get_textpage()
        self._turn = self._angle()
        self._width, self._height = right - left, top - bottom

    def _angle(self) -> int:
        """By how many degrees, in quarters, most letters are turned."""
        from pypdfium2 import raw

        places = range(0, self.textpage.count_chars(), 50)
        angles = [raw.FPDFText_GetCharAngle(self.textpage, place) for place in places]
        turns = Counter(round(-degrees(angle) / 90) * 90 % 360 for angle in angles)
        return turns.most_common(1)[0][0] if turns else 0

    def box(self, place: int, *, loose: bool = False) -> Box:
        """Where a letter is; loose: as high as its font."""
        return self.turned(*self.textpage.get_charbox(place, loose=loose))

    def boxes(self, start: int, count: int) -> list[Box]:
        """The rectangles of a run of letters, from left to right."""
        # PDFium numbers rectangles by the range last counted.
        found = range(self.textpage.count_rects(start, count))
        return sorted(self.turned(*self.textpage.get_rect(n)) for n in found)

    def turned(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A box as it stands on the turned page."""
        width, height = self._width, self._height
        left, right = sorted((left, right))
        bottom, top = sorted((bottom, top))
        if self._turn == 90:
            return bottom, width - right, top, width - left
        if self._turn == 180:
            return width - right, height - top, width - left, height - bottom
        if self._turn == 270:
            return height - top, left, height - bottom, right
        return left, bottom, right, top


def lines_of(letters: Letters, rules: Sequence[Box] = ()) -> list[Line]:
    """The page's lines in the order in which they are drawn, cut at upright rules; none where the
    letters have no meaning."""
    upright = [rule for rule in rules if rule[2] - rule[0] < rule[3] - rule[1]]
    textpage = letters.textpage
    text = textpage.get_text_range()
    if _meaningless(textpage, text):
        return []
    exact = len(text) == textpage.count_chars()
    lines: list[Line] = []
    at = 0
    for raw in _raw_lines(text):
        start, at = at, at + len(raw)
        if not raw.strip():
            continue
        boxes = letters.boxes(start, len(raw)) if exact else []
        if boxes:
            lines += _parts(letters, raw, start, boxes, upright)
        else:
            last = lines[-1] if lines else Line(0, 0, 0, 0, "")
            lines.append(Line(last.left, last.bottom - 1, last.right, last.bottom, raw.strip()))
    return lines


def _raw_lines(text: str) -> Iterator[str]:
    """The lines of a text with what ends them: a line feed, or the hyphen of a broken word."""
    for line in text.splitlines(keepends=True):
        *broken, last = line.split(HYPHEN)
        yield from (part + HYPHEN for part in broken)
        yield last


def _meaningless(textpage: Any, text: str) -> bool:
    """Whether a page's letters are none: its fonts don't say which letter each of their shapes
    is."""
    import pypdfium2

    meant = sum(char.isalnum() for char in text)
    strange = sum(char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or char < "\t" for char in text)
    if meant <= strange or _is_code(text):
        return True
    places = range(0, len(text), max(len(text) // 200, 1))  # asking for each letter takes long
    unknown = [pypdfium2.raw.FPDFText_HasUnicodeMapError(textpage, place) == 1 for place in places]
    return sum(unknown) > 0.3 * len(unknown) and not _has_words(text)


def _is_code(text: str) -> bool:
    """Whether a page of some length is without doubt no text in Latin letters nor one of figures:
    hardly a blank, mostly signs, or hardly a vowel."""
    shown = [char for char in text if not char.isspace() and char not in _LEADERS]
    letters = [char for char in normalize("NFD", text.lower()) if char.isalpha()]
    latin = [char for char in letters if char < "\u0250"]
    if len(shown) < _PAGE or len(latin) < 0.7 * len(letters):
        return False
    signs = sum(not char.isalnum() for char in shown)
    vowels = sum(char in "aeiouy" for char in latin)
    return (
        len(shown) > 20 * len(text.split())
        or (signs > 0.35 * len(shown) and len(letters) < 0.2 * len(shown))
        or (len(latin) > 0.7 * len(shown) and vowels < 0.25 * len(latin))
    )


def _has_words(text: str) -> bool:
    """Whether a text has the share of vowels and blanks that languages in Latin letters have, or is
    in other ones."""
    letters = [char for char in text.lower() if char.isalpha()]
    latin = [char for char in letters if char < "\u0250"]
    if len(latin) < 0.5 * len(letters):
        return True
    vowels = sum(char in "aeiouyàâäéèêëîïôöùûüœæáíóú" for char in latin)
    words = text.split()
    short = sum(len(word) < 5 for word in words)
    few = len(words) < 10 and len(text) < 15 * len(words)
    return (few or short > 0.2 * len(words)) and 0.3 < vowels / max(len(latin), 1) < 0.6


def _parts(
    letters: Letters, raw: str, start: int, boxes: list[Box], upright: list[Box]
) -> Iterator[Line]:
    """A line cut where a gap wider than its height stands, or a rule: two columns drawn together,
    or cells."""
    bottom, top = min(box[1] for box in boxes), max(box[3] for box in boxes)
    edges, reached = [], boxes[0][2]
    for box in boxes[1:]:
        ruled = any(
            reached < r[2] and r[0] < box[0] and r[1] < top and bottom < r[3] for r in upright
        )
        if ruled or box[0] - reached > max(8, top - bottom):
            edges.append(box[0])
        reached = max(reached, box[2])
    lefts = [letters.box(start + n)[0] for n in range(len(raw))] if edges else []
    shown = [n for n, _ in enumerate(lefts) if not raw[n].isspace()]
    back = (n for last, n in pairwise(shown) if lefts[n] < lefts[last] - 2 * (top - bottom))
    if cut := next(back, 0):  # a cell drawn before one to its left
        for first, last in ((0, cut), (cut, len(raw))):
            if inner := letters.boxes(start + first, last - first):
                yield from _parts(letters, raw[first:last], start + first, inner, upright)
        return
    cuts = [
        0,
        *(next((n for n, left in enumerate(lefts) if left >= edge - 1), 0) for edge in edges),
        len(raw),
    ]
    for first, last in pairwise(sorted(set(cuts))):
        if text := raw[first:last].strip():
            left = boxes[0][0] if first == 0 else lefts[first]
            right = max(box[2] for box in boxes if last == len(raw) or box[0] < lefts[last] - 1)
            skipped = len(raw[first:last]) - len(raw[first:last].lstrip())
            place = start + first + skipped
            drawn = _with_raised if _ACCENTS.keys().isdisjoint(text) else _with_accents
            yield Line(left, bottom, right, top, drawn(letters, text, place), place)


def _with_accents(letters: Letters, text: str, start: int) -> str:
    """A text whose accents are letters of their own, as TeX draws them, with each on the one that
    it stands over."""
    exact = start + len(text) <= letters.textpage.count_chars()
    for n in reversed(range(len(text) if exact else 0)):
        if text[n] in _ACCENTS:
            left, _, right, _ = letters.box(start + n)
            for at in (n - 1, n + 1):
                under = letters.box(start + at) if text[at : at + 1].isalpha() else (0, 0, 0, 0)
                if under[0] < (left + right) / 2 < under[2]:
                    letter = text[at].replace("ı", "i") + _ACCENTS[text[n]]
                    first = min(n, at)
                    text = text[:first] + normalize("NFC", letter) + text[first + 2 :]
                    break
    return text


def _with_raised(letters: Letters, text: str, start: int) -> str:
    """A text with the figures that are set higher or lower, and smaller, as such: 10⁶, H₂O,
    2023¹."""
    after = [found.start() for found in _FIGURE.finditer(text)]
    if not after or (start + len(text)) > letters.textpage.count_chars():
        return text
    kept, done = "", 0
    for n in after:
        if n < done:
            continue
        _, low, _, high = letters.box(start + n - 1, loose=True)
        begin = end = n + (text[n] == " ")
        while end < len(text) and (text[end].isdecimal() or (end == begin and text[end] in "-−")):
            _, bottom, _, top = letters.box(start + end, loose=True)
            if not 0 < top - bottom < _SMALL * (high - low):
                break
            end += 1
        _, bottom, _, top = letters.box(start + begin, loose=True)
        far = begin > n and bottom < low + 0.2 * (high - low)  # a smaller figure, not a raised one
        if end > begin and text[end - 1].isdecimal() and not far:
            kept += text[done:n] + raised(text[begin:end], down=bottom + top < low + high)
            done = end
    return kept + text[done:]
