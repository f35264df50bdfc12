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
from rag.many.computing import Computed
from rag.many.counting import chosen, count, counted, goes_on
from rag.many.listing import listing
from rag.many.meant import all_meant, speaks_of_documents
from rag.many.querying import queried
from rag.many.rows import from_rows
from rag.many.showing import show
from rag.many.summary import summary
from rag.many.timeline import timeline
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


def shown(compute: Callable[[Writer, Draft, Request], list[Computed]]) -> Reply:
    """A reply that shows what is computed; nothing where nothing is."""

    def replying(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
        try:
            every = compute(writer, draft, request)
        except (KeyError, ChunkRemoved):  # removed meanwhile
            return
        if every:
            yield from show(writer, draft, every, request.number)

    return replying


def _rows(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """What the rows of tables say by their own words, else by a query."""
    if len(request.documents) < 2:
        yield from _in_turn(shown(from_rows), _query)(writer, draft, request)


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


_query = shown(queried)
_going_on = shown(goes_on)


def remark(_: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Reply to what isn't about the documents, without the model."""
    yield draft.write(say(f"remark_{request.intent}", draft.language))
    yield draft.finish(1.0)


REPLIES: Mapping[Intent, Reply] = dict.fromkeys(Intent, _in_turn(_going_on, answer)) | {
    Intent.MORE: more,
    Intent.LIBRARY: about_library,
    Intent.TRANSLATE: translate,
    Intent.SHORTEN: shorten,
    Intent.SIMPLIFY: simplify,
    Intent.POINTS: points,
    Intent.WHERE: where,
    Intent.SURE: sure,
    Intent.LIST: _in_turn(_going_on, shown(chosen), _query, listing),
    Intent.COMPARE: _in_turn(_rows, compare),
    Intent.SUMMARY: summary,
    Intent.TIMELINE: timeline,
    Intent.COUNT: _in_turn(_going_on, shown(counted), _query, count),
    Intent.HELLO: remark,
    Intent.THANKS: remark,
    Intent.ABILITIES: remark,
}
