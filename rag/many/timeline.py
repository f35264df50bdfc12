"""A timeline: the sentences that give a date, in the order of their dates; or the parts of a
document that a day of the week stands before."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from index.byline import is_byline
from index.contract import Store, StoredChunk
from index.errors import ChunkRemoved
from index.text.dates import Date, dates, in_order, in_words, weekdays
from index.text.sentences import Span
from index.text.words import WORD, fold, phrases, terms
from rag.draft import Draft
from rag.events import Event
from rag.intent import Request
from rag.many.items import as_hits, best, in_scope, is_prose, likely, lines, plain, sentence_at
from rag.many.records import MARKS
from rag.named import whole_number
from rag.quotation import whole
from rag.verifier import Citation, cite, is_saying
from rag.verifier.facts import facts, holds, names
from rag.writer import Writer

_CHUNKS = 24  # up to which all chunks are read; of more, the likeliest
_EVENTS = 20
_LEAST = 3  # days that make a course of days
_LABEL = 40  # characters of a day as a document heads it: "Monday 19 May, afternoon"
_SHORT = 60  # characters of a sentence, up to which the next is shown too
_ENDS = (":", ".", " —", " –", " -", ",")
_OF_A_DAY = 2  # sentences on a subject that are taken for what was so on a document's day
_OPEN = ("before_year", "after_year")  # words that make a bound of a year

_Told = tuple[str, StoredChunk, Citation]
"""What leads to what is told of a date or a day, and that."""
_Dated = tuple[int, Date, StoredChunk, Citation]
"""The year, which may be that of a sentence before, and the date as it is given."""


def timeline(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Show what happened when; without a date in the documents, answer from the text."""
    by_day = phrases("day_by_day").search(fold(draft.asked)) is not None
    if by_day and (parts := _by_day(writer, draft, request)):
        yield from lines(writer, draft, parts)
        return
    infos = in_scope(writer.store, request)
    if sum(info.chunks for info in infos) <= _CHUNKS:
        chunks = [chunk for info in infos for chunk in writer.store.chunks_of(info.name)]
    else:
        scope = [info.name for info in infos]
        likeliest = best(writer, draft.asked, draft.language, _CHUNKS, scope)
        chunks = [hit.chunk for hit in as_hits(hit.chunk for hit, _ in likeliest)]
    subject = _subject(draft, chunks)
    dated = _about(draft, list(_dated(writer.store, chunks, subject)), subject)
    dated.sort(key=_order)
    if len(dated) > _EVENTS:
        dated = [each for each in dated if is_prose(each[3].text)] or dated
    dated = dated[:_EVENTS]
    if not dated:
        yield from writer.from_documents(draft, request.scope)
        return
    told = [
        (f"\n- **{in_words(known, draft.language)}** — ", chunk, citation)
        for _, known, chunk, citation in dated
    ]
    yield from lines(writer, draft, told)


def _order(dated: _Dated) -> tuple[int, int, int]:
    year, known, _, _ = dated
    return year, known.month, known.day


def _dated(store: Store, chunks: Sequence[StoredChunk], subject: set[str]) -> Iterator[_Dated]:
    """The sentences that give a date, each with its first one; and those on a subject that give
    none, in documents that have one: minutes, a letter."""
    for document in dict.fromkeys(chunk.document for chunk in chunks):
        said = ""
        with suppress(KeyError):  # removed since it was listed
            said = store.document(document).date
        within = (chunk for chunk in chunks if chunk.document == document)
        own = [(chunk, span) for chunk in within for span in chunk.sentences]
        texts = [cite(*each).text for each in own]
        known_dates = in_order(own[0][0].title, texts, said)
        for (chunk, span), text, known in zip(own, texts, known_dates, strict=True):
            if known and is_saying(text) and not is_byline(text):
                yield *known[0], chunk, whole(chunk, span)
        if subject and (day := next(iter(dates(said)), None)):
            yield from ((day.year, day, *each) for each in _undated(own, subject))


def _undated(
    spans: Sequence[tuple[StoredChunk, Span]], subject: set[str]
) -> list[tuple[StoredChunk, Citation]]:
    """The sentences without a date that name most of a subject, if that is more than half of it."""
    cited = [(chunk, whole(chunk, span)) for chunk, span in spans]
    spoken = [
        (len(subject.intersection(terms(each.text, chunk.language))), chunk, each)
        for chunk, each in cited
        if is_prose(each.text) and not dates(each.text)
    ]
    most = max((share for share, *_ in spoken), default=0)
    named = [(chunk, each) for share, chunk, each in spoken if share == most]
    return named[:_OF_A_DAY] if 2 * most > len(subject) else []


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


def _by_day(writer: Writer, draft: Draft, request: Request) -> list[_Told]:
    """The days of a document that is named, or of the one that speaks most of what is asked."""
    infos = [info.name for info in in_scope(writer.store, request)]
    for name in dict.fromkeys([*likely(writer, draft, infos or None, 1), *request.documents]):
        with suppress(KeyError, ChunkRemoved):  # removed meanwhile
            found = list(_days(writer, name))
            if len(found) >= _LEAST:
                return found
    return []


def _days(writer: Writer, document: str) -> Iterator[_Told]:
    text, place = writer.store.document(document).text, 0
    for line in text.splitlines(keepends=True):
        if label := _day(line):
            said = text.find(label, place) + len(label)
            said += next((i for i, sign in enumerate(text[said:]) if sign.isalnum()), 0)
            if citing := sentence_at(writer.store, document, said):
                yield _shown(plain(label.strip("#*. ")), *citing)
        place += len(line)


def _shown(label: str, chunk: StoredChunk, citation: Citation) -> _Told:
    """A day with its first sentence, and the next one of the same line where that is short."""
    spans = [span for span in chunk.sentences if span[0] > citation.start]
    if spans and len(citation.text) < _SHORT:
        between = chunk.text[citation.end - chunk.start : spans[0][0] - chunk.start]
        if "\n" not in between:
            citation = cite(chunk, (citation.start, spans[0][1]))
    own = fold(plain(citation.text)).startswith(fold(label))
    return "\n- " if own else f"\n- **{label}** — ", chunk, citation


def _day(line: str) -> str:
    """The beginning of a line that says which day it is of; "" where there is none."""
    own = line.strip().lstrip("#-*•–+ ")
    first = WORD.match(own)
    if not first or fold(first[0]) not in weekdays():
        return ""
    ends = [place for sign in _ENDS if (place := own.find(sign)) > 0]
    label = own[: min(ends, default=len(own))]
    return label if len(label) <= _LABEL else ""
