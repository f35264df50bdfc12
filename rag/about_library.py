"""Answers about the library, from its own records: exact, at once, without the model."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import PurePosixPath

from babel.dates import format_date

from index.contract import DocumentInfo, Store
from index.text.words import fold, phrases
from rag.draft import Draft
from rag.events import Event, Searching
from rag.followups import cited_documents, depends
from rag.i18n import say
from rag.intent import Request
from rag.writer import Writer

_MOST_LISTED = 50
_KINDS = {
    "pdf": (".pdf",),
    "word": (".doc", ".docx", ".odt", ".rtf"),
    "sheet": (".xls", ".xlsx", ".ods", ".csv", ".tsv"),
    "slides": (".ppt", ".pptx", ".odp"),
    "mail": (".eml", ".msg", ".mbox"),
    "page": (".htm", ".html"),
    "plain": (".txt", ".md"),
}
"""The endings of what people call by one word; each has a list of words, `is_pdf` and so on."""
_FIRST_YEAR, _LAST_YEAR = 1000, 2999
_PER_DOCUMENT = ("author", "date", "length", "language", "kind")


@dataclass(frozen=True)
class Record:
    """A document with what its file says of itself: the author, the date (ISO 8601), or ""."""

    info: DocumentInfo
    author: str
    date: str
    words: int

    @property
    def title(self) -> str:
        """What it is called."""
        return self.info.title or self.info.name

    @property
    def folders(self) -> frozenset[str]:
        """The folders that it lies in."""
        return frozenset(PurePosixPath(self.info.name).parts[:-1])


def records(store: Store, request: Request) -> list[Record]:
    """The records of the documents that may be used, by name."""
    found = []
    for info in store.documents():
        if request.scope is None or info.name in request.scope:
            with suppress(KeyError):  # removed since it was listed
                own = store.document(info.name)
                found.append(Record(info, own.author, own.date, len(own.text.split())))
    return found


def about_library(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Say what the records know; what they don't is asked of the documents' content."""
    known = records(writer.store, request)
    chosen, which = _filtered(known, request, draft.language)
    pointed = set(request.documents)
    # "the documents with their authors" are all of them, "list these" are not
    of_all = request.aspect in ("list", "count") and not phrases("these").search(fold(request.text))
    if not pointed and not of_all and depends(request.text, draft.language):
        pointed = set(cited_documents(request.history[-1:]))
    specific = [each for each in known if each.info.name in pointed]
    if not which and specific:
        chosen = specific
    said = _said(chosen, which, request, draft.language, specific=bool(specific))
    if not said:
        yield Searching(draft.language)
        draft.asked = request.text
        yield from writer.from_documents(draft, request.documents or request.scope)
        return
    yield draft.write(said)
    yield draft.finish(1.0)


def _said(
    chosen: Sequence[Record], which: str, request: Request, language: str, *, specific: bool
) -> str:
    """The answer, "" where the records don't know it."""
    aspect, order = request.aspect, _order(request.text, request.aspect)
    count = _count(chosen, which, language)
    if order and chosen:
        return _extreme(chosen, order, language, request.number or 1)
    if aspect in _PER_DOCUMENT and not which and chosen:
        lines = [line for each in chosen if (line := _line(each, aspect, language))]
        return "\n".join(_cut(lines, language))
    if request.table and chosen:
        return f"{count}\n\n{_table(chosen, language)}"
    named = [_named(each, request.text, language) for each in chosen]
    if aspect == "count":
        return count
    return "\n".join(named if specific and not which else [count, *_cut(named, language)])


def _named(record: Record, asked: str, language: str) -> str:
    """A document's title and name, and what is asked of each besides: "which ones, and by whom"."""
    named = say("record", language, title=record.title, name=record.info.name)
    plain = fold(asked)
    asked_too = (each for each in _PER_DOCUMENT if phrases(f"asks_{each}").search(plain))
    facts = [fact for each in asked_too if (fact := _fact(record, each, language))]
    return ", ".join([named, *facts])


def _filtered(known: Sequence[Record], request: Request, language: str) -> tuple[list[Record], str]:
    """The records that fit what the message says of them, and that in words."""
    chosen, which = list(known), ""
    plain = fold(request.text)
    words = {word.strip('.,;:!?()«»"') for word in plain.replace("'", " ").split()}

    def limit(fits: Callable[[Record], object], code: str, **values: str) -> None:
        nonlocal chosen, which
        chosen = [each for each in chosen if fits(each)]
        which += say(f"which_{code}", language, **values)

    if request.language:
        limit(lambda each: each.info.language == request.language, request.language)
    kinds = () if request.documents else _KINDS
    for kind in (each for each in kinds if phrases(f"is_{each}").search(plain)):
        endings = _KINDS[kind]
        limit(partial(_ends, endings), "kind", kind=say(f"kind_{kind}", language))
    parts = {each.author: {w for w in fold(each.author).split() if len(w) > 2} for each in known}
    if authors := {author for author, own in parts.items() if own & words}:
        limit(lambda each: each.author in authors, "author", author=", ".join(sorted(authors)))
    years = [word for word in words if word.isdecimal() and _FIRST_YEAR <= int(word) <= _LAST_YEAR]
    if len(years) == 1 and request.aspect in ("date", "count", "list"):
        bounds = (each for each in ("before", "after") if phrases(f"{each}_year").search(plain))
        form = next(bounds, "in")
        fits = partial(_of_year, form, years[0])
        if any(map(fits, chosen)) or not request.documents:
            limit(fits, f"{form}_year", year=years[0])
    every = {folder for each in known for folder in each.folders}
    if folders := {folder for folder in every if fold(folder) in words}:
        limit(lambda each: folders & each.folders, "folder", folder=", ".join(sorted(folders)))
    return chosen, which


def _ends(endings: tuple[str, ...], record: Record) -> bool:
    return record.info.name.lower().endswith(endings)


def _of_year(form: str, asked: str, record: Record) -> bool:
    year = record.date[:4]
    fits = {"before": year < asked, "after": year >= asked, "in": year == asked}
    return bool(year) and fits[form]


def _order(text: str, aspect: str) -> str:
    """Which document is asked for by its place: "newest", "oldest", "longest" or "shortest"."""
    ages, lengths = ("oldest", "newest"), ("shortest", "longest")
    known = {"newest": ages + lengths, "length": lengths + ages, "list": ages + lengths}
    orders = known.get(aspect, ())
    named = (each for each in orders if phrases(each).search(fold(text)))
    return next(named, "newest" if aspect == "newest" else "")


def _extreme(chosen: Sequence[Record], order: str, language: str, count: int) -> str:
    """The documents at one end of an order."""
    by_date = order in ("newest", "oldest")
    dated = [each for each in chosen if each.date or not by_date]
    if not dated:
        return say("library_undated", language)
    backwards = order in ("newest", "longest")
    ranked = sorted(dated, key=lambda each: each.date if by_date else each.words, reverse=backwards)
    first = ranked[0]
    aspect = "date" if by_date else "length"
    if count > 1:
        return "\n".join(_line(each, aspect, language) for each in ranked[:count])
    return say(f"library_{order}", language, title=first.title, fact=_fact(first, aspect, language))


def _line(record: Record, aspect: str, language: str) -> str:
    """A sentence on a document, "" where its record doesn't know."""
    fact = _fact(record, aspect, language)
    return say(f"record_{aspect}", language, title=record.title, fact=fact) if fact else ""


def _fact(record: Record, aspect: str, language: str) -> str:
    """What a record knows, in words."""
    if aspect == "author":
        return record.author
    if aspect == "date":
        return written_date(record.date, language)
    if aspect == "language":
        return say(f"language_{record.info.language}", language)
    if aspect == "kind":
        return PurePosixPath(record.info.name).suffix.lstrip(".").upper()
    length = say("words", language, count=record.words)
    pages = record.info.pages
    return f"{say('pages', language, count=pages)}, {length}" if pages else length


def written_date(value: str, language: str) -> str:
    """A date of ISO 8601 as it is written out; what is no whole date as it is."""
    with suppress(ValueError):
        return str(format_date(date.fromisoformat(value[:10]), "long", locale=language))
    return value


def _count(chosen: Sequence[Record], which: str, language: str) -> str:
    if not chosen:
        return say("library_none", language, which=which)
    return say("library_count", language, count=len(chosen), which=which)


def _cut(lines: list[str], language: str) -> list[str]:
    """The first lines, and how many more there are; a list where there are several."""
    shown = lines if len(lines) == 1 else [f"- {line}" for line in lines[:_MOST_LISTED]]
    left = len(lines) - len(shown)
    return [*shown, say("library_more", language, count=left)] if left else shown


def _table(chosen: Sequence[Record], language: str) -> str:
    """The documents with all that is known of them, in Markdown."""
    aspects = [each for each in _PER_DOCUMENT if any(_fact(one, each, language) for one in chosen)]
    heads = [say("column_title", language), *(say(f"column_{each}", language) for each in aspects)]
    rows = [heads, ["---"] * len(heads)]
    for one in chosen[:_MOST_LISTED]:
        cells = [one.title, *(_fact(one, each, language) for each in aspects)]
        rows.append([cell.replace("|", "/") for cell in cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
