"""Counts, sums and averages over the records that documents hold many of; declined elsewhere.

A model that read five of forty projects would count five: what is counted are rows, sections and
items of lists.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from index.text.language import detect
from rag.draft import Draft
from rag.events import Event
from rag.intent import Intent, Request, kind
from rag.many.computing import Computed, Operation, Question
from rag.many.items import in_scope, likely
from rag.many.records import LONGEST, Group, groups, quick_groups
from rag.many.showing import show
from rag.many.wording import adds_up, asks_for_most, carried, content
from rag.verifier.expected import expected
from rag.writer import Writer

_DOCUMENTS = 30  # up to which all documents are looked through; of more, the likeliest


Read = Callable[..., Question]
"""Reads a question by the words of a group; `words` are its own, carried into the group's language,
where the question is in the other one."""


def counted(writer: Writer, draft: Draft, request: Request) -> list[Computed]:
    """What is counted or added up; none where its words aren't the records'."""
    return computed_of(writer, draft, request, Question)[0]


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
    read: Read,
    *,
    parts: Sequence[tuple[str, str]] = (),
    across: bool = True,
    quick: bool = False,
) -> tuple[list[Computed], bool]:
    """What a question computes over the records of the documents, in their language where they
    are in the other one, if `across`; and whether it names any of these records.

    `parts` are those of the question that are in languages of their own. Where it is to be `quick`,
    long documents are left out, and lists and sections in the other language.
    """
    every = _groups(writer, request, draft, quick=quick)
    parts = parts or ((draft.asked, draft.language),)
    spoken = {language for _, language in parts}
    own = [group for group in every if spoken == {group.language}]
    foreign = [group for group in every if spoken != {group.language}]
    questions = [read(draft.asked, group) for group in own]
    computed = _computed(questions)
    if not computed and request.documents:  # its words may name a document and be a table's
        anywhere = replace(request, documents=())
        return computed_of(writer, draft, anywhere, read, parts=parts, across=across, quick=quick)
    for way in (None, partial(writer.across, draft))[: 1 + across]:
        # The seconds of a translation are for words that no records have
        if not computed and not (way and any(question.named for question in questions)):
            worded = [(group, carried(parts, group, writer.embedder, way)) for group in foreign]
            questions += [read(draft.asked, group, words=words) for group, words in worded if words]
            computed = _computed(questions)
    return computed, any(question.named for question in questions)


def goes_on(writer: Writer, draft: Draft, request: Request) -> list[Computed]:
    """What a message computes over records that were spoken of before: "and those of 2023?"."""
    message = draft.message or request.text
    wanted = expected(message)
    added = adds_up(message)
    names_something = any(content(message, draft.language)) or any(
        sign.isdigit() for sign in message
    )
    many = (Intent.COUNT, Intent.LIST)
    asks = added or wanted == "count" or names_something or request.intent in many
    if wanted in ("person", "year", "time") or not asks or asks_for_most(request.text):
        return []
    for joined, turn in zip(draft.joined, reversed(request.history), strict=False):
        how_many = expected(turn.question) == "count"
        counted = how_many or kind(turn.question, writer.embedder) in many
        draft.asked, before = joined, draft.asked
        every, _ = computed_of(
            writer,
            draft,
            request,
            partial(Question, asks=message),
            parts=((turn.question, detect(turn.question)), (message, draft.language)),
            across=counted,  # only then is it worth the seconds of a translation
            quick=not counted,
        )
        if not added and (not counted or wanted not in (None, "count")):  # asks for one of them
            every = [each for each in every if len(each.records) == 1 or not _sums(each)]
        if every:
            return every if wanted or added else as_rows(every)
        draft.asked = before
        if not counted:  # what came before that is no longer spoken of
            break
    return []


def _sums(computed: Computed) -> bool:
    return computed.operation is Operation.SUM


def chosen(writer: Writer, draft: Draft, request: Request) -> list[Computed]:
    """The records that a question names in its own language; none where it names no such thing."""
    every = _groups(writer, request, draft)
    own = [group for group in every if group.kind and group.language == draft.language]
    found = _computed([Question(draft.asked, group) for group in own])
    return as_rows(each for each in found if each.operation is Operation.COUNT)


def as_rows(every: Iterable[Computed]) -> list[Computed]:
    """What was computed, to be shown by its records."""
    return [replace(each, operation=Operation.ROWS) for each in every]


def _groups(writer: Writer, request: Request, draft: Draft, *, quick: bool = False) -> list[Group]:
    """The groups of records in the documents that are looked through."""
    infos = in_scope(writer.store, request)
    if quick:
        infos = [info for info in infos if info.characters <= LONGEST]
    if len(infos) > _DOCUMENTS:
        likeliest = likely(writer, draft, request.scope)
        infos = [info for info in infos if info.name in likeliest]
    found = list[Group]()
    for info in infos:
        with suppress(KeyError):  # removed since it was listed
            document = writer.store.document(info.name)
            own = quick_groups(document) if quick else groups(document)
            slow = quick and info.language != draft.language
            found += [each for each in own if each.columns or not slow]
    return found


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
