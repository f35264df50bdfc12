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
from rag.many.days import Day, days
from rag.many.items import MARKS, as_hits, best, in_scope, is_prose, own_words, put
from rag.named import whole_number
from rag.quotation import whole
from rag.verifier import Citation, cite, is_saying
from rag.verifier.facts import facts, holds, names
from rag.writer import Writer

_CHUNKS = 24  # up to which all chunks are read; of more, the likeliest
_EVENTS = 20
_OF_A_DAY = 2  # sentences on a subject that are taken for what was so on a document's day
_OPEN = ("before_year", "after_year")  # words that make a bound of a year

_Dated = tuple[int, Date, StoredChunk, Citation]
"""The year, which may be that of a sentence before, and the date as it is given."""


def timeline(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Show what happened when; without a date in the documents, answer from the text."""
    by_day = phrases("day_by_day").search(fold(draft.asked)) is not None
    if by_day and (found := days(writer, draft, request)):
        yield from _by_day(writer, draft, found)
        return
    infos = in_scope(writer.store, request)
    if sum(info.chunks for info in infos) <= _CHUNKS:
        chunks = [chunk for info in infos for chunk in writer.store.chunks_of(info.name)]
    else:
        scope = [info.name for info in infos]
        likeliest = best(writer, draft.asked, draft.language, _CHUNKS, scope)
        chunks = [hit.chunk for hit in as_hits(hit.chunk for hit, _ in likeliest)]
    told = _subject(draft, chunks)
    dated = _about(draft, [*_dated(writer.store, chunks), *_of_its_day(writer, chunks, told)], told)
    dated.sort(key=_order)
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


def _by_day(writer: Writer, draft: Draft, found: Sequence[Day]) -> Iterator[Event]:
    """Show what a document says of each day."""
    draft.hits = as_hits(chunk for _, chunk, _ in found)
    draft.sources = writer.verifier.sources([hit.chunk for hit in draft.hits])
    draft.retrieval = draft.seconds
    yield Found(draft.hits)
    for number, (label, _, citation) in enumerate(found, 1):
        yield Reading(number, len(found))
        lead = f"\n- **{label}** — " if label else "\n- "
        yield from put(draft, own_words(writer, draft, citation), lead)
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


def _subject(draft: Draft, chunks: Sequence[StoredChunk]) -> set[str]:
    """The index terms of what a timeline is asked of, but for those of titles."""
    titles = {term for chunk in chunks for term in terms(chunk.title, chunk.language)}
    asked = (word for word in WORD.findall(draft.asked) if not word[0].isdigit())
    content = {
        term
        for word in asked
        if not phrases("telling_when").search(fold(word)) and not whole_number(word, draft.language)
        for term in terms(word, draft.language)
    }
    return content - titles


def _of_its_day(
    writer: Writer, chunks: Sequence[StoredChunk], subject: set[str]
) -> Iterator[_Dated]:
    """The sentences on a subject that give no date, in documents that have one: minutes, a letter.

    Of each document those that name most of the subject, if that is more than half of it.
    """
    for document in dict.fromkeys(chunk.document for chunk in chunks if subject):
        said = ""
        with suppress(KeyError):  # removed since it was listed
            said = writer.store.document(document).date
        known = next(iter(dates(said)), None)
        own = [chunk for chunk in chunks if chunk.document == document]
        cited = [(chunk, whole(chunk, span)) for chunk in own for span in chunk.sentences]
        spoken = [
            (len(subject.intersection(terms(each.text, chunk.language))), chunk, each)
            for chunk, each in cited
            if is_prose(each.text) and not dates(each.text)
        ]
        most = max((share for share, *_ in spoken), default=0)
        if known and 2 * most > len(subject):
            for _, chunk, citation in [each for each in spoken if each[0] == most][:_OF_A_DAY]:
                yield known.year, known, chunk, citation


def _about(draft: Draft, dated: list[_Dated], subject: set[str]) -> list[_Dated]:
    """Those of the year that is asked of, then those that have a name of the question.

    A name may be in the title; all are left where none has it. Of a subject those are left that
    speak of most of it, or go on about it, if any does.
    """
    plain = fold(draft.asked)
    years = {known.year for known in dates(draft.asked) if known.year}
    if len(years) == 1 and not any(phrases(each).search(plain) for each in _OPEN):
        dated = [each for each in dated if each[0] in years] or dated
    known = [(each, facts(f"{each[2].title}\n{each[3].text}", each[2].language)) for each in dated]
    for name in names(draft.asked, draft.language):
        known = [each for each in known if holds(each[1], name)] or known
    spoken = [(len(subject & _spoken_near(each)), each) for each, _ in known]
    most = max((share for share, _ in spoken), default=0)
    return [each for share, each in spoken if 2 * share > most or not most]


def _spoken_near(dated: _Dated) -> set[str]:
    """The index terms of a sentence that gives a date, and of what stands before it in its
    paragraph or its item of a list."""
    _, _, chunk, citation = dated
    place = citation.start - chunk.start
    start = chunk.text.rfind("\n", 0, place) + 1
    part = "\n" if chunk.text.startswith(MARKS, start) else "\n\n"
    start = max(chunk.text.rfind(part, 0, place), 0)
    return set(terms(chunk.text[start : citation.end - chunk.start], chunk.language))
