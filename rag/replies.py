"""Who replies to what is asked for."""

from collections.abc import Callable, Iterator, Mapping

from index.errors import ChunkRemoved
from rag.about_library import about_library
from rag.draft import Draft
from rag.events import Event
from rag.i18n import say
from rag.intent import Intent, Request
from rag.last_answer import more, points, shorten, simplify, sure, translate, where
from rag.many.comparing import asks_of_each, compare, of_each
from rag.many.computing import Operation, Shown
from rag.many.counting import count, counted, goes_on
from rag.many.listing import listed, listing
from rag.many.meant import all_meant, speaks_of_documents
from rag.many.querying import queried
from rag.many.rows import from_rows
from rag.many.showing import lines_of, show, show_records, tell
from rag.many.summary import summary
from rag.many.timeline import timeline
from rag.many.wording import asks_for_most
from rag.writer import Writer

Reply = Callable[[Writer, Draft, Request], Iterator[Event]]
"""Given what writes, the answer in the making and what is asked for; ends with `Finished`.

The draft has the language to answer in and `asked`, the request as it stands alone.
"""


def answer(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Answer a question from the documents' content, from each of those that it asks about."""
    if len(request.documents) < 2 and speaks_of_documents(writer, draft, request):
        request = all_meant(writer, draft, request)
    if asks_of_each(request):
        yield from of_each(writer, draft, request)
        return
    yield from _in_turn(_rows, _from_text)(writer, draft, request)


def _from_text(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    yield from writer.from_documents(draft, request.scope)


def _rows(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """What the rows of tables say by their own words, else by a query."""
    if len(request.documents) < 2:
        yield from _in_turn(from_rows, _query)(writer, draft, request)


def _query(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Answer by a query on a table; nothing where none says it."""
    try:
        found = queried(writer, draft, request)
    except (KeyError, ChunkRemoved):  # removed meanwhile
        return
    if isinstance(found, Shown):
        yield from tell(writer, draft, list(lines_of(found, draft)))
    elif found and found.operation is Operation.ROWS:
        yield from show_records(writer, draft, [found], request.number)
    elif found:
        yield from show(writer, draft, [found])


def _in_turn(*replies: Reply) -> Reply:
    """The first of the replies that has one."""

    def replying(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
        for reply in replies:
            found = False
            for event in reply(writer, draft, request):
                found = True
                yield event
            if found:
                break

    return replying


def _going_on(reply: Reply) -> Reply:
    """The reply, or where a message goes on about records spoken of before, what these say."""

    def replying(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
        goes = draft.joined and not asks_for_most(request.text)
        every, wants_them = goes_on(writer, draft, request) if goes else ([], False)
        if every and wants_them:
            yield from show_records(writer, draft, every, request.number)
        elif every:
            yield from show(writer, draft, every)
        else:
            yield from reply(writer, draft, request)

    return replying


def remark(_: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Reply to what isn't about the documents, without the model."""
    yield draft.write(say(f"remark_{request.intent}", draft.language))
    yield draft.finish(1.0)


REPLIES: Mapping[Intent, Reply] = dict.fromkeys(Intent, _going_on(answer)) | {
    Intent.MORE: more,
    Intent.LIBRARY: about_library,
    Intent.TRANSLATE: translate,
    Intent.SHORTEN: shorten,
    Intent.SIMPLIFY: simplify,
    Intent.POINTS: points,
    Intent.WHERE: where,
    Intent.SURE: sure,
    Intent.LIST: _going_on(_in_turn(listed, _query, listing)),
    Intent.COMPARE: _in_turn(_rows, compare),
    Intent.SUMMARY: summary,
    Intent.TIMELINE: timeline,
    Intent.COUNT: _going_on(_in_turn(counted, _query, count)),
    Intent.HELLO: remark,
    Intent.THANKS: remark,
    Intent.ABILITIES: remark,
}
