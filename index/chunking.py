"""Texts to sentences and passages that carry exact spans.

Sentences come from sentencex; what it cuts wrongly in French and English (abbreviations, initials, quotes that close
after the full stop) is joined again. Passages end at sentence borders, and at paragraph borders where the sizes allow.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[int, int]
"""Start and end in code points of the document's text, end exclusive."""

TARGET_TOKENS = 180
MOST_TOKENS = 440  # the vector model reads 512 with its prefix and the title

_PARAGRAPH = re.compile(
    r"\S[^\n]*(?:\n(?![^\S\n]*\n)(?![^\S\n]*(?:#{1,6} |[-*+•–] |\d+[.)] ))[^\n]*)*"
)
_OPENS = re.compile(r"[«“]\s*\Z")
_LONGEST_UNSPLIT = 4000  # code points handed to the sentence splitter at once
_HEADING = re.compile(r"#{1,6}\s")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(«“\"'’])(?:MM?|Mmes?|Mlles?|Dr|Drs|Pr|Prof|Me|Mgr|St|Ste|Sts|Mr|Mrs|Ms|Jr|Sr|Gen|Col|Lt|Sgt|Capt|Gov|Sen"
    r"|Rep|Rev|Hon|art|al|arr|av|apr|bd|cf|ch|chap|coll|dept|dép|éd|ed|env|etc|ex|fig|hab|ibid|id|lib|max|min|n°|no|nos|num"
    r"|obs|op|p|pp|par|réf|ref|s|sq|suiv|t|tél|tel|trad|v|vol|vs|i\.e|e\.g|p\. ?ex|c\.-à-d|J\.-C|[A-ZÀ-Ý]"
    r"|[A-Z]\.[ -]?[A-Z]|[A-Z]\.-[A-Z])\.$"
)
_ENDS_SENTENCE_TOO = re.compile(r"(?:etc|al|J\.-C|ibid|id|[A-Z]\. ?[A-Z])\.$")
_MARKER = re.compile(r"(?:\d{1,3}|[a-zA-Z])[.)]$")
# Ends that sentencex passes over: (See p. 4.) The ... / Non… Bien. / et ainsi de suite, etc. Puis ...
_ALSO_ENDS = re.compile(r"(?:[.!?…][)\]»”]|…|\betc\.)\s+(?=[«“\"(]?\s?[A-ZÀ-ÖØ-Þ])")


@dataclass(frozen=True)
class Chunk:
    """A stretch of a document: `start`, `end` and its sentences, all in code points of the document's text."""

    start: int
    end: int
    sentences: tuple[Span, ...]


def split_sentences(text: str, language: str) -> list[Span]:
    """The sentences of a text, without the blanks around them; every other character is in exactly one.

    Args:
        text: of any length.
        language: "fr" or "en", for the splitter's abbreviations.
    """
    return [
        span for paragraph in _paragraphs(text) for span in _sentences(text, paragraph, language)
    ]


def split(
    text: str,
    language: str,
    *,
    count: Callable[[Sequence[str]], list[int]] | None = None,
    target: int = TARGET_TOKENS,
    most: int = MOST_TOKENS,
) -> list[Chunk]:
    """Cut a text into passages of about `target` and never more than `most` tokens.

    Args:
        text: the document's text.
        language: "fr" or "en".
        count: tokens of each of some texts; about four characters a token where None.
        target: tokens wanted; a paragraph is kept whole up to 1.3 times as many.
        most: tokens allowed.
    """
    count = count or (lambda texts: [len(text) // 4 + 1 for text in texts])
    passages: list[Chunk] = []
    current: list[Span] = []
    size = 0

    def flush() -> None:
        nonlocal size
        if current:
            passages.append(Chunk(current[0][0], current[-1][1], tuple(current)))
        current.clear()
        size = 0

    for paragraph in _paragraphs(text):
        sentences = _sentences(text, paragraph, language)
        sizes = count([text[start:end] for start, end in sentences])
        sentences, sizes = _within(text, sentences, sizes, count, most)
        whole = sum(sizes)
        heading = _HEADING.match(text, paragraph[0]) is not None
        if heading and size > target / 6:
            flush()
        if size + whole > 1.3 * target and size >= target / 3:
            flush()
        room = 1.3 * target if size + whole <= 1.3 * target else target
        for span, tokens in zip(sentences, sizes, strict=True):
            if current and (size + tokens > most or (size + tokens > room and size >= target / 3)):
                flush()
            current.append(span)
            size += tokens
        if size >= 0.8 * target:
            flush()
    flush()
    return passages


def _paragraphs(text: str) -> Iterator[Span]:
    """Blocks between blank lines; a heading or a list item is one of its own."""
    for match in _PARAGRAPH.finditer(text):
        start, end = match.span()
        if _HEADING.match(text, start) and (line := text.find("\n", start, end)) >= 0:
            yield start, line
            yield from (rest.span() for rest in _PARAGRAPH.finditer(text, line, end))
        else:
            yield start, end


def _ahead(text: str, start: int, count: int) -> int:
    """The place so many characters further on; a line end of two characters counts as one."""
    stop = start + count
    while (further := start + count + text.count("\r\n", start, stop)) > stop:
        stop = further
    return stop + (text[stop - 1 : stop + 1] == "\r\n")


def _sentences(text: str, paragraph: Span, language: str) -> list[Span]:
    import sentencex

    start, end = paragraph
    spans: list[Span] = []
    while start < end:
        stop = min(_ahead(text, start, _LONGEST_UNSPLIT), end)
        if stop < end:  # cut an enormous paragraph where a blank allows it
            blank = max(
                text.rfind(blank, _ahead(text, start, _LONGEST_UNSPLIT // 2), stop)
                for blank in " \n\t"
            )
            stop = blank if blank > 0 else stop
        piece = text[start:stop]
        cuts = {
            start + border["start_index"]
            for border in sentencex.get_sentence_boundaries(language, piece)
        }
        cuts |= {start + also.end() for also in _ALSO_ENDS.finditer(piece)}
        # A quotation mark that opens belongs to what it opens.
        cuts = {
            opens.start() if (opens := _OPENS.search(text, max(start, cut - 4), cut)) else cut
            for cut in cuts
        }
        borders = sorted({start, stop, *(cut for cut in cuts if start < cut < stop)})
        found = _mended(text, list(pairwise(borders)))
        if (
            stop < end and len(found) > 1
        ):  # the last goes on beyond the cut: it is split with what follows
            stop = found.pop()[0]
        spans += found
        start = stop
    return [trimmed for span in spans if (trimmed := _trim(text, span))]


def _mended(text: str, spans: list[Span]) -> list[Span]:
    """Join what was cut after an abbreviation, inside a quotation, or before the quote that closes it."""
    joined: list[Span] = []
    for start, end in spans:
        if joined:
            before = text[joined[-1][0] : joined[-1][1]].rstrip()
            after = text[start:end].lstrip()
            if not after or _belongs(before, after):
                joined[-1] = (joined[-1][0], end)
                continue
        joined.append((start, end))
    return joined


def _belongs(before: str, after: str) -> bool:
    """Whether `after` goes on with the sentence that `before` seemed to end."""
    first = after[0]
    if first in "»”)]}…" or first.islower() or (first in ",;:" and after[:2] != ":)"):
        return True
    if before.count("«") > before.count("»") and "»" in after and len(before) + len(after) < 600:
        return True
    if _MARKER.fullmatch(before):
        return True
    if _ABBREVIATION.search(before):
        return not (_ENDS_SENTENCE_TOO.search(before) and first.isupper())
    return False


def _trim(text: str, span: Span) -> Span | None:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _within(
    text: str,
    sentences: list[Span],
    sizes: list[int],
    count: Callable[[Sequence[str]], list[int]],
    most: int,
) -> tuple[list[Span], list[int]]:
    """The same sentences with any that no passage could hold cut at blanks, or anywhere where there are none."""
    while True:
        large = [
            size > most and end - start > 1
            for (start, end), size in zip(sentences, sizes, strict=True)
        ]
        if not any(large):
            return sentences, sizes
        spans: list[Span] = []
        for (start, end), size, cut in zip(sentences, sizes, large, strict=True):
            spans += (
                _pieces(text, start, end, int((end - start) * most * 0.7 / size))
                if cut
                else [(start, end)]
            )
        sentences, sizes = spans, count([text[start:end] for start, end in spans])


def _pieces(text: str, start: int, end: int, length: int) -> Iterator[Span]:
    """A span in pieces of at most `length`, cut at blanks where there are any."""
    length = max(1, length)
    at = start
    while at < end:
        stop = min(at + length, end)
        if stop < end and (blank := text.rfind(" ", at + length // 2, stop)) > at:
            stop = blank
        if trimmed := _trim(text, (at, stop)):
            yield trimmed
        at = stop
