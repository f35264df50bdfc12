"""Who replies to what is asked for."""

from collections.abc import Callable, Iterator, Mapping

from rag.draft import Draft
from rag.events import Event
from rag.i18n import say
from rag.intent import Intent, Request
from rag.summary import summarise
from rag.writer import Writer

Reply = Callable[[Writer, Draft, Request], Iterator[Event]]
"""Given what writes, the answer in the making and what is asked for; ends with `Finished`.

The draft has the language to answer in and `asked`, the request as it stands alone.
"""


def answer(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Answer a question from the documents' content."""
    yield from writer.from_documents(draft, request.scope)


def remark(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Reply to what isn't about the documents' content, without the model."""
    titles = [f"- {document.title}" for document in writer.store.documents()]
    values = {"documents": "\n".join(titles), "count": len(titles)}
    yield draft.write(say(f"remark_{request.intent}", draft.language, **values))
    yield draft.finish(1.0)


REPLIES: Mapping[Intent, Reply] = dict.fromkeys(Intent, answer) | {
    Intent.SUMMARY: summarise,
    Intent.LIBRARY: remark,
    Intent.HELLO: remark,
    Intent.THANKS: remark,
    Intent.ABILITIES: remark,
}
