"""Day by day: the parts of a document that a day of the week stands before."""

from collections.abc import Iterator
from contextlib import suppress

from index.contract import StoredChunk
from index.errors import ChunkRemoved
from index.text.dates import weekdays
from index.text.words import WORD, fold
from rag.draft import Draft
from rag.intent import Request
from rag.many.items import in_scope, plain, sentence_at
from rag.verifier import Citation, cite
from rag.writer import Writer

_LEAST = 3  # days that make a course of days
_LABEL = 40  # characters of a day as a document heads it: "Monday 19 May, afternoon"
_SHORT = 60  # characters of a sentence, up to which the next is shown too
_ENDS = (":", ".", " —", " –", " -", ",")

Day = tuple[str, StoredChunk, Citation]
"""A day as the document heads it, "" where what is cited begins with that; and what is said."""


def days(writer: Writer, draft: Draft, request: Request) -> list[Day]:
    """The days of a document that is named, or of the one that speaks most of what is asked."""
    infos = {info.name: info for info in in_scope(writer.store, request)}
    hits = writer.retriever.search(draft.asked, draft.language, k=1, documents=infos or None)
    likely = [hit.chunk.document for hit in hits]
    for name in dict.fromkeys([*likely, *request.documents]):
        with suppress(KeyError, ChunkRemoved):  # removed meanwhile
            found = list(_days(writer, name))
            if len(found) >= _LEAST:
                return found
    return []


def _days(writer: Writer, document: str) -> Iterator[Day]:
    text, place = writer.store.document(document).text, 0
    for line in text.splitlines(keepends=True):
        if label := _day(line):
            said = text.find(label, place) + len(label)
            said += next((i for i, sign in enumerate(text[said:]) if sign.isalnum()), 0)
            if citing := sentence_at(writer.store, document, said):
                yield _shown(plain(label.strip("#*. ")), *citing)
        place += len(line)


def _shown(label: str, chunk: StoredChunk, citation: Citation) -> Day:
    """A day with its first sentence, and the next one of the same line where that is short."""
    spans = [span for span in chunk.sentences if span[0] > citation.start]
    if spans and len(citation.text) < _SHORT:
        between = chunk.text[citation.end - chunk.start : spans[0][0] - chunk.start]
        if "\n" not in between:
            citation = cite(chunk, (citation.start, spans[0][1]))
    own = fold(plain(citation.text)).startswith(fold(label))
    return "" if own else label, chunk, citation


def _day(line: str) -> str:
    """The beginning of a line that says which day it is of; "" where there is none."""
    own = line.strip().lstrip("#-*•–+ ")
    first = WORD.match(own)
    if not first or fold(first[0]) not in weekdays():
        return ""
    ends = [place for sign in _ENDS if (place := own.find(sign)) > 0]
    label = own[: min(ends, default=len(own))]
    return label if len(label) <= _LABEL else ""
