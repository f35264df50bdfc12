"""Counts, sums and averages over the records that documents hold many of; declined elsewhere.

A model that read five of forty projects would count five: what is counted are rows, sections and
items of lists.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

from babel.numbers import format_decimal

from index.documents import Document
from index.text.words import bare_word, fold, phrases
from rag.draft import Draft
from rag.events import Event, Found
from rag.i18n import say
from rag.intent import Intent, Request, kind
from rag.many.computing import Computed, Operation, Question, content, names_them
from rag.many.items import as_hits, in_scope, item, sentence_at
from rag.many.records import Group, groups
from rag.verifier.expected import expected
from rag.writer import Writer

_DOCUMENTS = 30  # up to which all documents are looked through; of more, the likeliest
_LONGEST = 100_000  # characters of a document up to which it is looked through in passing
_ROWS = 1000  # records of such a group
_CITED = 5  # records that a count cites


def count(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Count or add up what is asked for; where nothing can be counted, answer from the text."""
    every, named = computed_of(writer, draft, request, Question)
    if every:
        yield from show(writer, draft, every)
    elif named:  # the text would name some of them only
        draft.hits = tuple(writer.retriever.search(draft.asked, draft.language, k=1))
        yield from draft.refuse(0.0)
    else:
        yield from writer.from_documents(draft, request.scope)


def computed_of(
    writer: Writer,
    draft: Draft,
    request: Request,
    read: Callable[[str, Group], Question],
    *,
    across: bool = True,
    quick: bool = False,
) -> tuple[list[Computed], bool]:
    """What a question computes over the records of the documents, in their language where they
    are in the other one, if `across`; and whether it names any of these records.

    Where it is to be `quick`, long documents are left out, and lists and sections in the other
    language.
    """
    own, foreign = _groups(writer, draft, request, quick=quick)
    questions = [read(draft.asked, group) for group in own]
    every = _computed(questions)
    if not every and request.documents:  # its words may name a document and be a table's
        anywhere = replace(request, documents=())
        return computed_of(writer, draft, anywhere, read, across=across, quick=quick)
    if across and foreign and not every and not any(question.named for question in questions):
        if asked := writer.across(draft, draft.asked):
            questions += [read(asked, group) for group in foreign]
        every = _computed(questions)
    return every, any(question.named for question in questions)


def goes_on(writer: Writer, draft: Draft, request: Request) -> tuple[list[Computed], bool]:
    """What a message computes over records that were spoken of before: "and those of 2023?"; and
    whether it asks for the records themselves.
    """
    wanted = expected(request.text)
    added = any(phrases(each).search(fold(request.text)) for each in ("summed", "averaged"))
    names_something = any(content(request.text, draft.language)) or any(
        sign.isdigit() for sign in request.text
    )
    many = (Intent.COUNT, Intent.LIST)
    asks = added or wanted == "count" or names_something or request.intent in many
    if wanted in ("person", "year", "time") or not asks:
        return [], False
    for joined, turn in zip(draft.joined, reversed(request.history), strict=False):
        counted = kind(turn.question, writer.embedder) in many
        draft.asked, before = joined, draft.asked
        every, _ = computed_of(
            writer,
            draft,
            request,
            lambda asked, group: Question(asked, group, request.text),
            across=counted,  # only then is it worth the seconds of a translation
            quick=not counted,
        )
        if every:
            return every, not (wanted or added)
        draft.asked = before
        if not counted:  # what came before that is no longer spoken of
            break
    return [], False


def chosen(writer: Writer, draft: Draft, request: Request) -> list[Computed]:
    """The records that a question names in its own language; none where it names no such thing."""
    own, _ = _groups(writer, draft, request)
    every = _computed([Question(draft.asked, group) for group in own if group.kind])
    return [computed for computed in every if computed.operation is Operation.COUNT]


def _groups(
    writer: Writer, draft: Draft, request: Request, *, quick: bool = False
) -> tuple[list[Group], list[Group]]:
    """The groups of records in documents of the answer's language, and in those of the other."""
    infos = in_scope(writer.store, request)
    if quick:
        infos = [info for info in infos if info.characters <= _LONGEST]
    if len(infos) > _DOCUMENTS:
        hits = writer.retriever.search(draft.asked, draft.language, k=40, documents=request.scope)
        likeliest = {hit.chunk.document for hit in hits}
        infos = [info for info in infos if info.name in likeliest]
    own, foreign = list[Group](), list[Group]()
    for info in infos:
        with suppress(KeyError):  # removed since it was listed
            found = own if info.language == draft.language else foreign
            document = writer.store.document(info.name)
            found += quick_groups(document) if quick else groups(document)
    return own, [group for group in foreign if group.columns or not quick]


@lru_cache(maxsize=_DOCUMENTS)
def quick_groups(document: Document) -> tuple[Group, ...]:
    """The groups of records of a document that is short enough to look through in passing."""
    every = groups(document) if len(document.text) <= _LONGEST else ()
    return tuple(group for group in every if len(group.records) <= _ROWS)


def _computed(questions: Sequence[Question]) -> list[Computed]:
    return _fullest([computed for each in questions if (computed := each.compute())])


def _fullest(every: Sequence[Computed]) -> list[Computed]:
    """Of each document the group that was counted by most words, then with most records."""
    best: dict[str, Computed] = {}
    for computed in every:
        other = best.get(computed.group.document)
        if other is None or _rank(computed) > _rank(other):
            best[computed.group.document] = computed
    return list(best.values())


def _rank(computed: Computed) -> tuple[int, int]:
    return len(computed.words), len(computed.group.records)


def show(writer: Writer, draft: Draft, every: Sequence[Computed]) -> Iterator[Event]:
    """Say what was computed, over what, with the first of the records."""
    cited = {
        each.group.document: [
            sentence_at(writer.store, each.group.document, record.start)
            for record in each.records[:_CITED]
        ]
        for each in every
    }
    draft.hits = as_hits(citing[0] for own in cited.values() for citing in own if citing)
    draft.retrieval = draft.seconds
    yield Found(draft.hits)
    for each in every:
        citations = tuple(citing[1] for citing in cited[each.group.document] if citing)
        lead = ("\n- " if draft.text else "- ") if len(every) > 1 else ""
        yield from draft.add(lead, item(_said(each, draft), citations))
    yield draft.finish(1.0)


def _said(computed: Computed, draft: Draft) -> str:
    """The sentence for a computation: the figure, of what, over what."""
    language, group = draft.language, computed.group
    decimals = "#,##0" if computed.operation is Operation.COUNT else "#,##0.##"
    figure = format_decimal(computed.value, format=decimals, locale=language)
    over = say(f"over_{form_of(group)}", language, count=len(computed.records))
    if computed.column:
        over = say("over_column", language, column=computed.column, over=over)
    if computed.words:
        chosen = " ".join(computed.words)
        over = say("over_chosen", language, over=over, words=chosen, all=len(group.records))
    values = {
        "figure": f"{figure} {computed.unit}".strip(),
        "things": _things(draft.asked, language, computed),
        "document": group.document,
        "over": over,
    }
    return say(f"computed_{computed.operation}", language, **values)


def form_of(group: Group) -> str:
    """What records are: rows, sections or items of a list."""
    return "rows" if group.columns else "items" if group.records[0].text[0] != "#" else "sections"


def _things(asked: str, language: str, computed: Computed) -> str:
    """What is counted, in the question's own word."""
    words = [word for word, _ in content(asked, language)]
    own = computed.group.language == language
    named = [word for word in words if own and names_them(computed.group, word)]
    return bare_word(next(iter(named or words), ""))
