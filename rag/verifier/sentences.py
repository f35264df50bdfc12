"""The sentences of an answer with what they cite, and how a text that is being written is cut into them."""

from dataclasses import dataclass
from itertools import pairwise

from index.chunking import Span, split_sentences
from index.contract import StoredChunk

_ENDS = '.!?…:»”"\n'


@dataclass(frozen=True)
class Citation:
    """A sentence of a source: `passage` is its chunk's number in the document; the span is in the document's text."""

    document: str
    title: str
    passage: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Sentence:
    """A sentence of an answer with its span there; `support` (0..1) is how surely the citations hold it."""

    text: str
    start: int
    end: int
    support: float
    citations: tuple[Citation, ...]


class SentenceStream:
    """Cuts a text that is still being written into sentences, each as soon as the next one has begun."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._text = ""
        self._done = 0

    def feed(self, piece: str) -> list[Span]:
        """The spans of the sentences that this piece completes, in the whole text."""
        self._text += piece
        rest = self._text[self._done :]
        if not any(end in _ENDS and blank.isspace() for end, blank in pairwise(rest)):
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


def cite(chunk: StoredChunk, span: Span) -> Citation:
    """A sentence of a chunk, by its span in the document's text."""
    start, end = span
    text = chunk.text[start - chunk.start : end - chunk.start]
    return Citation(chunk.document, chunk.title, chunk.ordinal, start, end, text)


def space_before(text: str, sentence: Sentence) -> str:
    """The blanks between a sentence of this text and the one before it."""
    before = text[: sentence.start]
    return before[len(before.rstrip()) :]
