"""A document's text to chunks: a few sentences each, embedded, searched and cited by exact spans.

Chunks end at sentence borders, and at paragraph borders where the sizes allow. Stored vectors rest
on these borders: a change to them needs a higher `index.contract.ANALYSIS`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from index.text.sentences import Span, is_heading, paragraph_sentences, paragraphs, trimmed

TARGET_TOKENS = 180
MOST_TOKENS = 440  # the vector model reads 512 with its prefix and the title

Count = Callable[[Sequence[str]], list[int]]
"""How many tokens each of some texts has."""


@dataclass(frozen=True)
class Chunk:
    """A stretch of a document: `start`, `end` and its sentences, in code points of its text."""

    start: int
    end: int
    sentences: tuple[Span, ...]


def split(
    text: str,
    language: str,
    *,
    count: Count | None = None,
    target: int = TARGET_TOKENS,
    most: int = MOST_TOKENS,
) -> list[Chunk]:
    """Cut a text into chunks of about `target` and never more than `most` tokens.

    Args:
        text: the document's text.
        language: "fr" or "en".
        count: the vector model's; about four characters a token where None.
        target: tokens wanted; a paragraph is kept whole up to 1.3 times as many.
        most: tokens allowed.
    """
    count = count or (lambda texts: [len(text) // 4 + 1 for text in texts])
    chunks: list[Chunk] = []
    current: list[Span] = []
    size = 0

    def flush() -> None:
        nonlocal size
        if current:
            chunks.append(Chunk(current[0][0], current[-1][1], tuple(current)))
        current.clear()
        size = 0

    for paragraph in paragraphs(text):
        sentences = paragraph_sentences(text, paragraph, language)
        sentences, sizes = _cut_to_size(text, sentences, count, most)
        whole = sum(sizes)
        if is_heading(text, paragraph[0]) and size > target / 6:
            flush()
        if size + whole > 1.3 * target and size >= target / 3:
            flush()
        limit = 1.3 * target if size + whole <= 1.3 * target else target
        for span, tokens in zip(sentences, sizes, strict=True):
            over_limit = size + tokens > limit and size >= target / 3
            if current and (size + tokens > most or over_limit):
                flush()
            current.append(span)
            size += tokens
        if size >= 0.8 * target:
            flush()
    flush()
    return chunks


def _cut_to_size(
    text: str, sentences: list[Span], count: Count, most: int
) -> tuple[list[Span], list[int]]:
    """Sentences and their tokens; those that no chunk could hold are cut, at blanks if any."""
    while True:
        sizes = count([text[start:end] for start, end in sentences])
        spans: list[Span] = []
        for (start, end), size in zip(sentences, sizes, strict=True):
            if size > most and end - start > 1:
                spans += _pieces(text, start, end, int((end - start) * most * 0.7 / size))
            else:
                spans.append((start, end))
        if len(spans) == len(sentences):
            return sentences, sizes
        sentences = spans


def _pieces(text: str, start: int, end: int, length: int) -> Iterator[Span]:
    """A span in pieces of at most `length` code points, cut at blanks where there are any."""
    length = max(1, length)
    while start < end:
        stop = min(start + length, end)
        if stop < end and (blank := text.rfind(" ", start + length // 2, stop)) > start:
            stop = blank
        if piece := trimmed(text, start, stop):
            yield piece
        start = stop
