"""The sentences of an answer and what they cite."""

from dataclasses import dataclass

from index.contract import StoredChunk
from index.text.sentences import Span


@dataclass(frozen=True)
class Citation:
    """A sentence of a source, its span in the document's text and the number of its chunk there."""

    document: str
    title: str
    passage: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Sentence:
    """A sentence of an answer with its span there; `support` (0..1) is how surely it is cited."""

    text: str
    start: int
    end: int
    support: float
    citations: tuple[Citation, ...]


def cite(chunk: StoredChunk, span: Span) -> Citation:
    """A sentence of a chunk, by its span in the document's text."""
    start, end = span
    text = chunk.text[start - chunk.start : end - chunk.start]
    return Citation(chunk.document, chunk.title, chunk.ordinal, start, end, text)


def space_before(text: str, sentence: Sentence) -> str:
    """The blanks between a sentence of this text and the one before it."""
    before = text[: sentence.start]
    return before[len(before.rstrip()) :]
