"""A list: what each excerpt says to the question, item by item; or the records that it chooses."""

from collections.abc import Iterator

from rag.draft import Draft
from rag.events import Event, Reading
from rag.intent import Request
from rag.many.counting import chosen
from rag.many.items import best, found, put, written
from rag.many.showing import show
from rag.writer import Writer

_WINDOWS = 12  # excerpts that are read
_IN_VAIN = 4  # that say nothing, one after the other, after which the rest isn't read


def listing(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Show the records that the question names, else what the likeliest excerpts say to it."""
    if records := chosen(writer, draft, request):
        yield from show(writer, draft, records, request.number)
        return
    scope = request.documents or request.scope
    windows = best(writer, draft.asked, draft.language, _WINDOWS, scope)
    yield from found(draft, (hit.chunk for hit, _ in windows))
    in_vain = 0
    for number, (hit, excerpt) in enumerate(windows, 1):
        yield Reading(number, len(windows))
        in_vain += 1
        for each in written(writer, draft, draft.asked, hit, excerpt):
            in_vain = 0
            yield from put(draft, each, "\n- ")
        enough = request.number is not None and len(draft.sentences) >= request.number
        if draft.stopped or enough or in_vain == _IN_VAIN:
            break
    if draft.sentences or draft.stopped:
        yield draft.finish(1.0 if draft.sentences else 0.0)
    else:
        yield from writer.from_documents(draft, request.scope)
