"""A comparison of what one table has side by side: the offers that are its columns."""

from collections.abc import Sequence
from dataclasses import replace

from index.text.words import fold, phrases, terms
from rag.draft import Draft
from rag.intent import Request
from rag.many.computing import Computed, Operation
from rag.many.items import in_scope
from rag.many.records import Group, Record, quick_groups
from rag.many.wording import clearly_likest, is_among, names_them
from rag.named import how_many
from rag.verifier.facts import facts, holds, names
from rag.verifier.figures import Fact, numbers
from rag.writer import Writer

_LEAST = 2  # things that are compared
_SHORT = 12  # rows of a table that is shown whole


def side_by_side(
    writer: Writer, draft: Draft, request: Request, planned: Sequence[str]
) -> list[Computed]:
    """The part of a table that has all the things of a comparison, by the aspects among what is
    planned to be compared.

    The things are named in the question, or known by their number: "the three offers". None where
    no table has them all, or several do.
    """
    found = list[Computed]()
    for info in in_scope(writer.store, replace(request, documents=())):
        for table in quick_groups(writer.store.document(info.name)):
            if len(table.columns) > _LEAST and (part := _part(writer, draft, table, planned)):
                found.append(part)
    return found if len(found) == 1 else []


def _part(writer: Writer, draft: Draft, table: Group, planned: Sequence[str]) -> Computed | None:
    named = names(draft.asked, draft.language)
    number, word = how_many(draft.asked, draft.language)
    known = set(terms(word, draft.language))
    aspects = [
        each
        for each in planned
        if not known & set(terms(each, draft.language))
        and not any(holds(facts(each, draft.language), name) for name in named)
    ]
    columns = _of_names(table, named)
    # In the other language the rows tell, whatever the things are called
    own = table.language == draft.language
    if number == len(table.columns) - 1 and (names_them(table, word) if own else aspects):
        columns = list(table.columns[1:])
    if len(columns) < _LEAST:
        return None
    rows = [
        _rows(writer, draft, table, each) or _priced(draft, table, each, columns)
        for each in aspects
    ]
    records = [each for each in table.records if not rows or any(each in own for own in rows)]
    if not all(rows):  # called otherwise there: the reader will see it among all
        records = list(table.records) if any(rows) and len(table.records) <= _SHORT else []
    if not records:
        return None
    shown = replace(table, columns=(table.columns[0], *columns))
    return Computed(shown, Operation.ROWS, tuple(records))


def _of_names(table: Group, named: Sequence[Fact]) -> list[str]:
    """The columns that have the question's names, where each has its own."""
    spoken = table.language
    own = [
        [each for each in table.columns[1:] if holds(facts(f"x {each}", spoken), name)]
        for name in named
    ]
    sole = list(dict.fromkeys(each[0] for each in own if len(each) == 1))
    return sole if len(own) == len(named) and all(own) else []


def _rows(writer: Writer, draft: Draft, table: Group, aspect: str) -> list[Record]:
    """The rows whose first cell has an aspect's words, or one of them where none has all; across
    languages the one that it is clearly likest to, or that has its translation."""
    first = [each.cells.get(table.columns[0], "") for each in table.records]
    asked, spoken = aspect, draft.language
    if table.language != spoken:
        if (likest := clearly_likest(aspect, first, writer.embedder)) is not None:
            return [table.records[likest]]
        asked, spoken = writer.across(draft, aspect), table.language
    own = terms(asked, spoken)
    known = list(
        zip(table.records, (set(terms(cell, table.language)) for cell in first), strict=True)
    )
    every = [each for each, there in known if own and all(is_among(term, there) for term in own)]
    return every or [each for each, there in known if any(is_among(term, there) for term in own)]


def _priced(draft: Draft, table: Group, aspect: str, columns: Sequence[str]) -> list[Record]:
    """The rows of amounts, where an aspect is the price."""
    if not phrases("by_price", draft.language).search(fold(aspect)):
        return []
    return [
        each
        for each in table.records
        if all(
            any(
                fact.unit not in ("", "%")
                for fact in numbers(each.cells.get(name, ""), table.language)
            )
            for name in columns
        )
    ]
