"""A summary in the documents' own words: what a small model makes of a whole is seldom true."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from index.contract import DocumentInfo, StoredChunk
from index.errors import ChunkRemoved
from index.text.sentences import Span
from index.text.words import fold, phrases
from rag.draft import Draft
from rag.events import Event, Reading
from rag.i18n import say
from rag.intent import Request, subject
from rag.many import items
from rag.many.listing import listing
from rag.quotation import points_back
from rag.retriever import Floats, common_direction, unit
from rag.verifier import Citation, cite, is_saying
from rag.writer import Writer

_SENTENCES = 5  # of a summary, where the question doesn't say
_DOCUMENTS = 12  # that are summed up at once
_CHUNKS = 24  # of a document up to which all are looked at; of more, those closest to their part
_SHORT, _LONG = 40, 320  # characters; other sentences say too little or too much
_ODD = 0.15  # what such a sentence loses, and one that needs the sentence before
_FIRST = 0.05  # what the first of a paragraph, which says what it is about, gains
_PLAIN = 4  # sentences up to which a summary is a paragraph, no list


@dataclass(frozen=True)
class Spoken:
    """A sentence of a document, and the mean of its token vectors (d,) at unit length."""

    chunk: StoredChunk
    span: Span
    vector: Floats

    @property
    def citation(self) -> Citation:
        """The sentence as it is cited."""
        return cite(self.chunk, self.span)


def summary(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Show a sentence of each part of the documents; of a subject, what excerpts say of it."""
    if not request.documents and subject(draft.asked, draft.language):
        yield from listing(writer, draft, request)
        return
    infos = items.in_scope(writer.store, request)[:_DOCUMENTS]
    number = len(infos) if request.table else request.number
    chosen = _chosen(writer, infos, number)
    if not chosen:
        yield from draft.refuse(0.0)
        return
    if not request.table:
        listed = len(chosen) > _PLAIN or phrases("in_points").search(fold(draft.question))
        told = _led(draft, chosen, listed=bool(listed), several=len(infos) > 1)
        yield from items.lines(writer, draft, list(told))
        return
    yield from items.sourced(writer, draft, (each.chunk for each in chosen))
    for number, each in enumerate(chosen, 1):
        yield Reading(number, len(chosen))
        name = each.chunk.title or each.chunk.document
        lead = items.row(draft, [say("said", draft.language)], name)
        yield from items.fill(draft, lead, items.own_words(writer, draft, each.citation))
    yield draft.finish(1.0)


def _led(
    draft: Draft, chosen: Sequence[Spoken], *, listed: bool, several: bool
) -> Iterator[tuple[str, StoredChunk, Citation]]:
    """Each sentence with what leads to it: the title where a document of several begins."""
    document = ""
    for each in chosen:
        lead, before, document = "\n- ", document, each.chunk.document
        if document == before and (several or not listed):
            lead = " "
        elif several:
            title = items.plain(each.chunk.title or document)
            lead += say("of_document", draft.language, title=title)
        elif not listed:
            lead = ""
        yield lead, each.chunk, each.citation


def _chosen(writer: Writer, infos: Sequence[DocumentInfo], number: int | None) -> list[Spoken]:
    """Of each part of the documents, in order, the sentence most like the whole."""
    wanted = number or max(_SENTENCES, len(infos))
    every = list[tuple[float, Spoken]]()
    for info in infos:
        with suppress(ChunkRemoved):
            every += _central(writer, info.name, max(1, wanted // len(infos)))
    return _best(every, wanted)


def further(writer: Writer, document: str, said: Collection[int], most: int) -> list[Spoken]:
    """The sentences of a document most like the whole, in order, without those that begin at the
    places `said`."""
    every = [each for each in _scored(writer, document, 1) if each[1].span[0] not in said]
    every = [each for each in every if len(each[1].citation.text) >= _SHORT] or every
    return _best(every, most)


def _best(every: Sequence[tuple[float, Spoken]], most: int) -> list[Spoken]:
    """The sentences with the highest scores, in their order."""
    least = sorted((score for score, _ in every), reverse=True)[:most][-1:]
    return [spoken for score, spoken in every if score >= least[0]]


def _central(writer: Writer, document: str, parts: int) -> Iterator[tuple[float, Spoken]]:
    """Of each of so many parts of a document the sentence most like the whole, and how like."""
    known = _scored(writer, document, parts)
    for part in np.array_split(np.arange(len(known)), min(parts, len(known))) if known else ():
        yield max((known[place] for place in part), key=lambda each: each[0])


def _scored(writer: Writer, document: str, least: int) -> list[tuple[float, Spoken]]:
    """The sentences of a document, each with how like the whole it is; prose alone where there are
    `least` sentences of it."""
    known = sentences_of(writer, document, max(least, _CHUNKS))
    prose = [spoken for spoken in known if items.is_prose(spoken.citation.text)]
    known = prose if len(prose) >= least else known
    if not known:
        return []
    vectors = np.stack([spoken.vector for spoken in known])
    scores = vectors @ vectors.mean(axis=0)
    for place, spoken in enumerate(known):
        text = spoken.citation.text
        odd = points_back(text) + (not _SHORT <= len(text) <= _LONG)
        hanging = phrases("dependent", spoken.chunk.language).search(fold(text)) is not None
        scores[place] -= _ODD * (odd + hanging / 2) - _FIRST * _opens(spoken)
    return [(float(score), spoken) for score, spoken in zip(scores, known, strict=True)]


def _opens(spoken: Spoken) -> bool:
    """Whether a sentence is the first of a paragraph."""
    before = spoken.chunk.text[: spoken.span[0] - spoken.chunk.start].rstrip(" ")
    return not before or before.endswith("\n\n")


def sentences_of(writer: Writer, document: str, most: int) -> list[Spoken]:
    """The sentences of a document that say something; of a long one those of `most` chunks.

    Each of these is the one most like its part of the document.

    Raises:
        ChunkRemoved: the document was removed meanwhile.
    """
    chunks = writer.store.chunks_of(document)
    if len(chunks) > most:
        chunks = [_closest(writer, part) for part in _parts(chunks, most)]
    common = common_direction(writer.embedder)
    vectors = writer.store.token_vectors([chunk.id for chunk in chunks])
    found = []
    for chunk, (tokens, spans) in zip(chunks, vectors, strict=True):
        for start, end in chunk.sentences:
            within = (spans[:, 0] < end) & (spans[:, 1] > start)
            if within.any() and is_saying(cite(chunk, (start, end)).text):
                mean = unit(tokens[within] - common).mean(axis=0)
                found.append(Spoken(chunk, (start, end), unit(mean)))
    return found


def _parts(chunks: Sequence[StoredChunk], count: int) -> Iterator[Sequence[StoredChunk]]:
    for part in np.array_split(np.arange(len(chunks)), count):
        yield chunks[part[0] : part[-1] + 1]


def _closest(writer: Writer, chunks: Sequence[StoredChunk]) -> StoredChunk:
    """The chunk most like all of them."""
    vectors = writer.store.vectors([chunk.id for chunk in chunks])
    return chunks[int((vectors @ vectors.mean(axis=0)).argmax())]
