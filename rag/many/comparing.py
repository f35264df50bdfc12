"""A comparison: a table of documents or things by aspects, each cell read and verified apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from index.byline import is_byline
from index.contract import DocumentInfo
from index.text.words import fold, phrases, replaced, terms
from rag import prompts
from rag.draft import Draft
from rag.events import Event, Reading
from rag.excerpts import Excerpt
from rag.i18n import say
from rag.intent import Request
from rag.many import items
from rag.many.columns import side_by_side
from rag.many.listing import listing
from rag.many.meant import all_meant, chooses_thing, speaks_of_documents
from rag.many.showing import show
from rag.many.summary import Spoken, sentences_of
from rag.named import how_many, kinds_of, named
from rag.retriever import Hit
from rag.verifier import Sentence
from rag.verifier.figures import figures
from rag.writer import Writer

_DOCUMENTS = 4  # that are compared where the question names none
_THINGS, _ASPECTS = 6, 6
_WINDOWS = 2  # excerpts read for a cell
_COMPARED_BY = tuple(
    f"more_{each}" for each in ("price", "weight", "duration", "size", "date", "noise", "power")
)
_CHUNKS = 12  # of a document, whose sentences are paired with another's where no aspect is named
_NAME = 12  # tokens of an aspect's name
_COLUMNS = 3  # up to which things are columns
_STANDS_OUT = 1.5  # standard deviations by which two sentences are liker than others


@dataclass(frozen=True)
class Thing:
    """What is compared: a document, or what the question calls by its own words."""

    title: str
    document: str = ""


@dataclass(frozen=True)
class Cell:
    """What is to be said of a thing in one aspect: the question, in the language of the excerpts,
    and these."""

    thing: Thing
    aspect: str
    asked: str
    language: str
    windows: tuple[tuple[Hit, Excerpt], ...]


def compare(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Show a table of what is compared, cell by cell."""
    if asks_which(draft.asked, draft.language) and len(request.documents) > 1:
        aspect = compared_by(draft.asked, draft.language)
        things = _things(items.in_scope(writer.store, request))
        yield from _table(writer, draft, request, things, [aspect] if aspect else [])
        return
    if chooses_thing(writer, request, draft.asked, draft.language):
        yield from writer.from_documents(draft, request.scope)
        return
    names, aspects = plan(writer, draft, draft.asked)
    if sides := side_by_side(writer, draft, request, [*names, *aspects]):
        yield from show(writer, draft, sides)
        return
    if speaks_of_documents(writer, draft, request):  # "the two pools": hours, prices
        request = all_meant(writer, draft, request)
        known = set(terms(how_many(draft.asked, draft.language)[1], draft.language))
        every = dict.fromkeys(each.rpartition(":")[2].strip() for each in [*names, *aspects])
        names = []
        aspects = [each for each in every if not known & set(terms(each, draft.language))]
    if not names and len(request.documents) < 2 and len(aspects) > 1:  # "the cost of A and of B"
        names, aspects = aspects, []
    things = _bound(writer, request, names[:_THINGS])
    within = len(request.documents) == 1 and how_many(draft.asked, draft.language)[0] > 1
    if len(things) < 2 and not within:
        things = _things(_documents(writer, draft, request))
    if len(things) < 2 or draft.stopped:
        yield from listing(writer, draft, request)
    elif aspects or not things[0].document:
        yield from _table(writer, draft, request, things, aspects[:_ASPECTS])
    else:
        yield from _paired(writer, draft, things)


def _bound(writer: Writer, request: Request, names: Sequence[str]) -> list[Thing]:
    """The things of these names; documents, where each name is of one of its own."""
    known = items.in_scope(writer.store, replace(request, documents=()))
    found = [named(name, known) for name in names]
    sole = [own[0] for own in found if len(own) == 1]
    alike = kinds_of([info for info in known if info.name in sole])
    for place, several in enumerate(found):  # of a report, and one that it shares a name with
        like = [info.name for info in known if info.name in several and kinds_of([info]) & alike]
        found[place] = tuple(like) if len(several) > 1 and len(like) == 1 else several
    own = all(len(each) == 1 for each in found) and len(set(found)) == len(found)
    return [Thing(name, each[0] if own else "") for name, each in zip(names, found, strict=True)]


def compare_chosen(
    writer: Writer, draft: Draft, request: Request, aspects: Sequence[str]
) -> Iterator[Event]:
    """Show a table of the documents that a request names, by these aspects or by what all say."""
    things = _things(items.in_scope(writer.store, request)[:_THINGS])
    if aspects:
        yield from _table(writer, draft, request, things, list(aspects[:_ASPECTS]))
    else:
        yield from _paired(writer, draft, things)


def _things(infos: Sequence[DocumentInfo]) -> list[Thing]:
    titles = distinct([info.title or info.name for info in infos])
    return [Thing(*each) for each in zip(titles, (i.name for i in infos), strict=True)]


def asks_which(asked: str, language: str) -> bool:
    """Whether a question asks to choose between known things: "which of them is cheaper"."""
    plain = fold(asked)
    found = phrases("which_of", language).search(plain) or compared_by(asked, language)
    return bool(found)


def compared_by(asked: str, language: str) -> str:
    """What a question compares known things by, "price" for "which is cheaper"; "" for others."""
    plain = fold(asked)
    if not any(phrases(each, language).search(plain) for each in ("which_of", "which_is")):
        return ""
    found = (each for each in _COMPARED_BY if phrases(each, language).search(plain))
    return next((say(each, language) for each in found), "")


def asks_of_each(request: Request) -> bool:
    """Whether a question asks the same of each of several documents: "both reports"."""
    several = 1 < len(request.documents) <= _THINGS
    return several and phrases("of_each").search(fold(request.text)) is not None


def of_each(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Show what each document says to one question, a row for each."""
    things = _things(items.in_scope(writer.store, request))
    asked = replaced(draft.asked, "of_each_lost", "")
    draft.asked = " ".join(asked.split())
    yield from _table(writer, draft, request, things, [])


def plan(writer: Writer, draft: Draft, asked: str) -> tuple[list[str], list[str]]:
    """The things and the aspects that a question names, in its own words."""
    writer.generator.prepare(prompts.comparison(), stop=draft.stop)
    asking = prompts.comparing(asked)
    text = "".join(writer.generator.stream(asking, max_tokens=80, stop=draft.stop))
    own = set(terms(asked, draft.language))
    lines = [
        [
            part.strip()
            for part in line.split(";")
            if (words := set(terms(part, draft.language))) and words <= own
        ]
        for line in [*text.splitlines(), "", ""][:2]
    ]
    return lines[0], lines[1]


def _documents(writer: Writer, draft: Draft, request: Request) -> list[DocumentInfo]:
    """The documents to compare: those named, or those that speak most of what is asked."""
    infos = items.in_scope(writer.store, request)
    if len(infos) < 2:
        infos = items.in_scope(writer.store, replace(request, documents=()))
    if len(infos) > _DOCUMENTS and not request.documents:
        likeliest = items.likely(writer, draft, [info.name for info in infos])[:_DOCUMENTS]
        infos = [info for info in infos if info.name in likeliest]
    return infos[:_THINGS]


def distinct(titles: Sequence[str]) -> list[str]:
    """Titles without the words that all of them begin with, where something is left of each."""
    words = [title.split() for title in titles]
    alike = takewhile(lambda beside: len(set(beside)) == 1, zip(*words, strict=False))
    same = len(list(alike)) if len(words) > 1 else 0
    short = [" ".join(own[same:]) for own in words]
    return short if all(short) and len(set(short)) == len(short) else list(titles)


def _table(
    writer: Writer, draft: Draft, request: Request, things: Sequence[Thing], aspects: list[str]
) -> Iterator[Event]:
    """Fill a table cell by cell; things are its columns where there are few and some aspects."""
    across = len(things) <= _COLUMNS and bool(aspects)
    pairs = [(thing, aspect) for aspect in aspects or [""] for thing in things]
    if not across:
        pairs = [(thing, aspect) for thing in things for aspect in aspects or [""]]
    cells = [_cell(writer, draft, request, *pair) for pair in pairs]
    yield from items.found(draft, (hit.chunk for cell in cells for hit, _ in cell.windows))
    titles = [thing.title for thing in things]
    columns = titles if across else aspects or [say("said", draft.language)]
    rows = aspects if across else titles
    read = dict[tuple[str, str], Sentence | None]()
    for number, cell in enumerate(cells):
        yield Reading(number + 1, len(cells))
        said = _read(writer, draft, cell)
        if draft.stopped:
            break
        place, within = divmod(number, len(columns))
        read[cell.thing.title, cell.aspect] = said
        yield from items.fill(draft, "" if within else items.row(draft, columns, rows[place]), said)
    for aspect in aspects:
        yield from _ordered(draft, {t.title: read.get((t.title, aspect)) for t in things})
    yield from _finish(writer, draft, request)


def _cell(writer: Writer, draft: Draft, request: Request, thing: Thing, aspect: str) -> Cell:
    """The question for a cell, and where its answer may stand; in the document's own language,
    which a small model reads far better."""
    about = aspect if thing.document else f"{aspect} {thing.title}".strip()
    language, of_what = draft.language, about
    foreign = bool(thing.document) and _language(writer, thing.document) != language
    if foreign and (translated := writer.across(draft, about or draft.asked)):
        language, of_what = draft.other, translated
    asked = say("of_this", language, about=of_what) if about else of_what or draft.asked
    scope = [thing.document] if thing.document else request.scope
    windows = items.best(writer, of_what or asked, language, _WINDOWS, scope)
    return Cell(thing, aspect, asked, language, tuple(windows))


def _language(writer: Writer, document: str) -> str:
    return next((i.language for i in writer.store.documents() if i.name == document), "")


def _read(writer: Writer, draft: Draft, cell: Cell) -> Sentence | None:
    """What the likeliest excerpts say in a cell; None where they say nothing."""
    asking = draft
    if cell.language != draft.language:
        asking = Draft(cell.asked, cell.language, draft.stop, draft.sources, cell.asked)
    for window in cell.windows:
        if said := next(items.written(writer, asking, cell.asked, *window), None):
            return said if asking is draft else items.own_words(writer, draft, said.citations[0])
    return None


def _ordered(draft: Draft, cells: dict[str, Sentence | None]) -> Iterator[Event]:
    """Below the table the order of an aspect's figures, where the question asks for the most."""
    most = phrases("superlative").search(fold(draft.asked)) is not None
    if not most and not compared_by(draft.asked, draft.language):
        return
    known = []
    for title, cell in cells.items():
        own = figures(cell.text, draft.language)[1] if cell else []
        if not cell or len(own) != 1:
            return
        known.append((float(own[0][1].value), own[0][1].unit, title, cell))
    if len({unit for _, unit, _, _ in known}) != 1:
        return
    known.sort(key=lambda each: each[0])
    order = "; ".join(f"{title} ({figure:g})" for figure, _, title, _ in known)
    text = say("from_least", draft.language, order=order)
    citations = tuple(each for *_, cell in known for each in cell.citations)
    yield from draft.add("\n\n", items.item(text, citations))


def _finish(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """End with the table; where all of its cells are empty, answer from the text
    of the same documents."""
    if draft.sentences or draft.stopped:
        yield draft.finish(1.0 if draft.sentences else 0.0)
    else:
        yield from draft.restart()
        yield from writer.from_documents(draft, request.documents or request.scope)


def _paired(writer: Writer, draft: Draft, things: Sequence[Thing]) -> Iterator[Event]:
    """Show a table of what documents say of the same, found by how like their sentences are."""
    every = [sentences_of(writer, thing.document, _CHUNKS) for thing in things]
    known = [[each for each in own if not is_byline(each.citation.text)] for own in every]
    rows = sorted(_rows(known), key=lambda each: each.likeness, reverse=True)[:_ASPECTS]
    rows.sort(key=lambda each: each.place)
    chunks = (each.chunk for said in rows for each in said.cells if each)
    yield from items.sourced(writer, draft, chunks)
    for number, said in enumerate(rows, 1):
        yield Reading(number, len(rows))
        cells = [
            items.own_words(writer, draft, each.citation) if each else None for each in said.cells
        ]
        name = _name(writer, draft, [cell.text for cell in cells if cell])
        if draft.stopped:
            break
        lead = items.row(draft, [thing.title for thing in things], name)
        for cell in cells:
            yield from items.fill(draft, lead, cell)
            lead = ""
    yield from items.ended(draft)


@dataclass(frozen=True)
class Row:
    """Sentences of several documents on the same, and the place of the first one's."""

    likeness: float
    place: int
    cells: tuple[Spoken | None, ...]


def _rows(documents: Sequence[Sequence[Spoken]]) -> Iterator[Row]:
    """The sentences of the first document that are closest to one of another, and it to them."""
    first, *others = documents
    matched = [dict(_matches(first, other)) for other in others]
    for place, own in enumerate(first):
        found = [match.get(place) for match in matched]
        if any(found):
            likeness = max(each[0] for each in found if each)
            yield Row(likeness, place, (own, *(each[1] if each else None for each in found)))


def _matches(
    first: Sequence[Spoken], other: Sequence[Spoken]
) -> Iterator[tuple[int, tuple[float, Spoken]]]:
    if not first or not other:
        return
    alike = np.stack([one.vector for one in first]) @ np.stack([one.vector for one in other]).T
    least = alike.mean() + _STANDS_OUT * alike.std()
    for place, likeness in enumerate(alike):
        match = int(likeness.argmax())
        if likeness[match] > least and alike[:, match].argmax() == place:
            yield place, (float(likeness[match]), other[match])


def _name(writer: Writer, draft: Draft, texts: Sequence[str]) -> str:
    """What sentences have in common, in a few words."""
    asking = prompts.naming(texts, draft.language)
    name = "".join(writer.generator.stream(asking, max_tokens=_NAME, stop=draft.stop))
    return (name.splitlines() or [""])[0].strip(" .:")
