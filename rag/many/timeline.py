"""A timeline: the sentences that give a date, in the order of their dates."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from index.byline import is_byline
from index.contract import Store, StoredChunk
from index.text.dates import Date, dates, in_order, in_words
from index.text.words import WORD, fold, phrases, terms
from rag.draft import Draft
from rag.events import Event, Found, Reading
from rag.intent import Request
from rag.many.items import MARKS, as_hits, best, in_scope, is_prose, own_words, put
from rag.quotation import whole
from rag.verifier import Citation, cite, is_saying
from rag.verifier.facts import facts, holds, names
from rag.writer import Writer

_CHUNKS = 24  # up to which all chunks are read; of more, the likeliest
_EVENTS = 20
_OPEN = ("before_year", "after_year")  # words that make a bound of a year

_Dated = tuple[int, Date, StoredChunk, Citation]
"""The year, which may be that of a sentence before, and the date as it is given."""


def timeline(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Show what happened when; without a date in the documents, answer from the text."""
    infos = in_scope(writer.store, request)
    if sum(info.chunks for info in infos) <= _CHUNKS:
        chunks = [chunk for info in infos for chunk in writer.store.chunks_of(info.name)]
    else:
        scope = [info.name for info in infos]
        likeliest = best(writer, draft.asked, draft.language, _CHUNKS, scope)
        chunks = [hit.chunk for hit in as_hits(hit.chunk for hit, _ in likeliest)]
    dated = sorted(_about(draft, list(_dated(writer.store, chunks))), key=_order)
    if len(dated) > _EVENTS:
        dated = [each for each in dated if is_prose(each[3].text)] or dated
    dated = dated[:_EVENTS]
    if not dated:
        yield from writer.from_documents(draft, request.scope)
        return
    draft.hits = as_hits(chunk for _, _, chunk, _ in dated)
    draft.sources = writer.verifier.sources([hit.chunk for hit in draft.hits])
    draft.retrieval = draft.seconds
    yield Found(draft.hits)
    for number, (_, known, _, citation) in enumerate(dated, 1):
        yield Reading(number, len(dated))
        label = in_words(known, draft.language)
        yield from put(draft, own_words(writer, draft, citation), f"\n- **{label}** — ")
        if draft.stopped:
            break
    yield draft.finish(1.0)


def _order(dated: _Dated) -> tuple[int, int, int]:
    year, known, _, _ = dated
    return year, known.month, known.day


def _dated(store: Store, chunks: Sequence[StoredChunk]) -> Iterator[_Dated]:
    """The sentences that give a date, each with its first one."""
    spans = [(chunk, span) for chunk in chunks for span in chunk.sentences]
    for document in dict.fromkeys(chunk.document for chunk in chunks):
        own = [(chunk, span) for chunk, span in spans if chunk.document == document]
        texts = [cite(*each).text for each in own]
        said = ""
        with suppress(KeyError):  # removed since it was listed
            said = store.document(document).date
        known_dates = in_order(own[0][0].title, texts, said)
        for (chunk, span), text, known in zip(own, texts, known_dates, strict=True):
            if known and is_saying(text) and not is_byline(text):
                yield *known[0], chunk, whole(chunk, span)


def _about(draft: Draft, dated: list[_Dated]) -> list[_Dated]:
    """Those of the year that is asked of, then those that have a name of the question.

    A name may be in the title; all are left where none has it. Of a subject those are left whose
    paragraph speaks of it, if any does.
    """
    plain = fold(draft.asked)
    years = {known.year for known in dates(draft.asked) if known.year}
    if len(years) == 1 and not any(phrases(each).search(plain) for each in _OPEN):
        dated = [each for each in dated if each[0] in years] or dated
    known = [(each, facts(f"{each[2].title}\n{each[3].text}", each[2].language)) for each in dated]
    for name in names(draft.asked, draft.language):
        known = [each for each in known if holds(each[1], name)] or known
    dated = [each for each, _ in known]
    titles = {term for each in dated for term in terms(each[2].title, each[2].language)}
    asked = (word for word in WORD.findall(draft.asked) if not word[0].isdigit())
    content = {
        term
        for word in asked
        if not phrases("telling_when").search(fold(word))
        for term in terms(word, draft.language)
    }
    if subject := content - titles:
        spoken = [(_speaks(each, subject), each) for each in dated]
        most = max((share for share, _ in spoken), default=0)
        dated = [each for share, each in spoken if 2 * share >= most]
    return dated


def _speaks(dated: _Dated, subject: set[str]) -> int:
    """How much a sentence that gives a date, and what it stands in, speak of a subject."""
    own = set(terms(dated[3].text, dated[2].language))
    return 2 * len(subject & own) + len(subject & _spoken_near(dated))


def _spoken_near(dated: _Dated) -> set[str]:
    """The index terms of the paragraph or the item of a list that gives a date."""
    _, _, chunk, citation = dated
    place = citation.start - chunk.start
    start = chunk.text.rfind("\n", 0, place) + 1
    part = "\n" if chunk.text.startswith(MARKS, start) else "\n\n"
    start, end = chunk.text.rfind(part, 0, place), chunk.text.find(part, place)
    return set(terms(chunk.text[max(start, 0) : end if end > 0 else None], chunk.language))
