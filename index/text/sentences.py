"""A text's paragraphs and sentences, with exact spans.

Sentence borders come from sentencex. What it cuts wrongly in French and English (abbreviations,
initials, quotations that close after the full stop) is joined again, and a few ends that it passes
over are added.
"""

import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

Span = tuple[int, int]
"""Start and end in code points of the document's text, end exclusive."""

_LONGEST_UNSPLIT = 4000  # code points handed to the sentence splitter at once
_LONGEST_QUOTATION = 600  # code points within which a full stop inside « » ends no sentence

# From a line that isn't blank to the next blank line, heading or list item.
_PARAGRAPH = re.compile(
    r"\S[^\n]*(?:\n(?![^\S\n]*\n)(?![^\S\n]*(?:#{1,6} |[-*+•–] |\d+[.)] ))[^\n]*)*"
)
_HEADING = re.compile(r"#{1,6}\s")
# Ends that sentencex passes over: (See p. 4.) The ... / Non… Bien. / des pommes, etc. Puis ...
_MISSED_END = re.compile(r"(?:[.!?…][)\]»”]|…|\betc\.)\s+(?=[«“\"(]?\s?[A-ZÀ-ÖØ-Þ])")
_TWO_INITIALS = re.compile(r"[A-Z]\. ?[A-Z]\.$")
_INITIALS = re.compile(r"[A-ZÀ-Ý]|[A-Z]\.-?[A-Z]")  # fmt: skip
_STREAM_END = re.compile(r"[.!?…:»”\"\n]\s")

_DATA = tomllib.loads(
    Path(__file__).with_name("data").joinpath("abbreviations.toml").read_text("utf-8")
)
_INSIDE_OR_LAST = frozenset(_DATA["inside_or_last"].split())
_ABBREVIATIONS = _INSIDE_OR_LAST | frozenset(_DATA["inside"].split())
_BEFORE_WORD = "(«“\"'’"  # these, like a blank, stand before an abbreviation and aren't part of it


def split_sentences(text: str, language: str) -> list[Span]:
    """The sentences of a text, without the blanks around them; all else is in exactly one.

    Args:
        text: of any length.
        language: "fr" or "en", for the splitter's abbreviations.
    """
    return [
        span
        for paragraph in paragraphs(text)
        for span in paragraph_sentences(text, paragraph, language)
    ]


def paragraphs(text: str) -> Iterator[Span]:
    """Blocks between blank lines; a heading or a list item is one of its own."""
    for match in _PARAGRAPH.finditer(text):
        start, end = match.span()
        if is_heading(text, start) and (line := text.find("\n", start, end)) >= 0:
            yield start, line
            yield from (rest.span() for rest in _PARAGRAPH.finditer(text, line, end))
        else:
            yield start, end


def is_heading(text: str, start: int) -> bool:
    """Whether a Markdown heading begins at this place."""
    return _HEADING.match(text, start) is not None


def paragraph_sentences(text: str, paragraph: Span, language: str) -> list[Span]:
    """The sentences of one paragraph of a text. See `split_sentences`."""
    start, end = paragraph
    spans: list[Span] = []
    while start < end:
        # An enormous paragraph is cut where a blank allows it.
        stop = min(_ahead(text, start, _LONGEST_UNSPLIT), end)
        if stop < end:
            middle = _ahead(text, start, _LONGEST_UNSPLIT // 2)
            blank = max(text.rfind(blank, middle, stop) for blank in " \n\t")
            stop = blank if blank > 0 else stop
        found = _joined(text, _borders(text, start, stop, language))
        # The last sentence goes on beyond the cut: it is split again with what follows.
        if stop < end and len(found) > 1:
            stop = found.pop()[0]
        spans += found
        start = stop
    return [span for start, end in spans if (span := trimmed(text, start, end))]


def trimmed(text: str, start: int, end: int) -> Span | None:
    """The span without the blanks at its two ends; None where nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


class SentenceStream:
    """Cuts a text that is being written into sentences, each as soon as the next has begun."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._text = ""
        self._done = 0

    def feed(self, piece: str) -> list[Span]:
        """The spans of the sentences that this piece completes, in the whole text."""
        self._text += piece
        if not _STREAM_END.search(self._text, self._done):
            return []
        *whole, last = self._spans() or [(0, 0)]
        if not whole or last[1] - last[0] < 3:  # too little to know that a new sentence has begun
            return []
        self._done = last[0]
        return whole

    def close(self) -> list[Span]:
        """The spans of what is left."""
        left = self._spans()
        self._done = len(self._text)
        return left

    def _spans(self) -> list[Span]:
        spans = split_sentences(self._text[self._done :], self._language)
        return [(start + self._done, end + self._done) for start, end in spans]


def _ahead(text: str, start: int, count: int) -> int:
    """The place so many characters further on; a line end of two characters counts as one."""
    stop = start + count
    while (further := start + count + text.count("\r\n", start, stop)) > stop:
        stop = further
    return stop + (text[stop - 1 : stop + 1] == "\r\n")


def _borders(text: str, start: int, stop: int, language: str) -> list[int]:
    """Where sentences of this stretch may begin and end, sorted, with both of its ends."""
    import sentencex

    piece = text[start:stop]
    found = sentencex.get_sentence_boundaries(language, piece)
    cuts = {start + border["start_index"] for border in found}
    cuts |= {start + end.end() for end in _MISSED_END.finditer(piece)}
    cuts = {_before_quote(text, max(start, cut - 4), cut) for cut in cuts}
    return sorted({start, stop, *(cut for cut in cuts if start < cut < stop)})


def _before_quote(text: str, start: int, cut: int) -> int:
    """The cut, moved before a quotation mark that opens there: it belongs to what it opens."""
    before = text[start:cut].rstrip()
    return start + len(before) - 1 if before.endswith(("«", "“")) else cut


def _joined(text: str, borders: list[int]) -> list[Span]:
    """The spans between borders, but those after an abbreviation or within a quotation."""
    joined: list[Span] = []
    for start, end in pairwise(borders):
        if joined:
            before = text[joined[-1][0] : joined[-1][1]].rstrip()
            after = text[start:end].lstrip()
            if not after or _goes_on(before, after):
                joined[-1] = (joined[-1][0], end)
                continue
        joined.append((start, end))
    return joined


def _goes_on(before: str, after: str) -> bool:
    """Whether `after` goes on with the sentence that `before` seemed to end."""
    first = after[0]
    if first in "»”)]}…" or first.islower() or (first in ",;:" and after[:2] != ":)"):
        return True
    in_quotation = before.count("«") > before.count("»") and "»" in after
    if in_quotation and len(before) + len(after) < _LONGEST_QUOTATION:
        return True
    if _is_list_marker(before):
        return True
    word = _last_word(before.removesuffix("."))
    if before.endswith(".") and (word in _ABBREVIATIONS or _INITIALS.fullmatch(word)):
        may_end = word in _INSIDE_OR_LAST or _TWO_INITIALS.search(before)
        return not (may_end and first.isupper())
    return False


def _is_list_marker(text: str) -> bool:
    """Whether a text is "12." or "b)" and no more."""
    mark = text[:-1]
    number = mark.isdecimal() and len(mark) <= 3
    letter = mark.isascii() and mark.isalpha() and len(mark) == 1
    return text.endswith((".", ")")) and (number or letter)


def _last_word(text: str) -> str:
    """What stands after the last blank, bracket, quotation mark or apostrophe."""
    start = len(text)
    while start and not text[start - 1].isspace() and text[start - 1] not in _BEFORE_WORD:
        start -= 1
    return text[start:]
