"""The same doors for assistants that speak MCP (Model Context Protocol): ask, search, read a passage."""

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from anyio.to_thread import run_sync

from index.errors import UserError
from rag.events import Finished
from rag.i18n import explain
from rag.results import answer_json
from ui.metrics import Door, Metrics
from ui.openai_api import Asked, Message, passage_json

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from rag.engine import Service
    from rag.library import Library

_ABOUT = (
    "Answers questions in French or English from one library of documents, and only from them. Each sentence of an answer comes "
    "with the sentences of the documents that it rests on. Where the documents don't answer, it says so."
)


def answered(
    service: "Service",
    metrics: Metrics,
    door: Door,
    question: str,
    *,
    history: list[str],
    language: str | None,
    stop: threading.Event | None = None,
) -> dict[str, Any]:
    """The answer to one question, whole.

    Raises:
        UserError: `no_question`, `too_long`, and what keeps the service from answering.
    """
    asked = Asked.read([Message(role="user", content=text) for text in (*history, question)])
    stop = stop or threading.Event()
    events = service.assistant().ask(asked.question, asked.history, language=language, stop=stop)
    return answer_json(
        [
            event.answer
            for event in metrics.watch(door, events, stop)
            if isinstance(event, Finished)
        ][-1]
    )


def server(service: "Service", metrics: Metrics) -> "MCPServer[Any]":
    """An MCP server over a service, for any transport."""
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations

    mcp: MCPServer[Any] = MCPServer(
        "cocorico", title="Cocorico", instructions=_ABOUT, log_level="WARNING"
    )
    harmless = ToolAnnotations(read_only_hint=True, open_world_hint=False)

    def library() -> "Library":
        service.assistant()
        if service.library is None:
            raise UserError("starting")
        return service.library

    async def told(work: Any, *arguments: Any) -> Any:
        try:
            return await run_sync(work, *arguments, abandon_on_cancel=True)
        except UserError as error:
            raise ToolError(explain(error, "en")) from error

    @mcp.tool(annotations=harmless)
    async def ask(
        question: str, history: list[str] | None = None, language: Literal["fr", "en"] | None = None
    ) -> dict[str, Any]:
        """Answer a question from the documents, with the sentences of the documents that each sentence of the answer rests on.

        `history` holds earlier questions of the same conversation, oldest first.
        """
        stop = threading.Event()
        try:
            ask = partial(
                answered,
                service,
                metrics,
                "mcp",
                question,
                history=history or [],
                language=language,
                stop=stop,
            )
            answer: dict[str, Any] = await told(ask)
        finally:
            stop.set()
        return answer

    @mcp.tool(annotations=harmless)
    async def search(
        query: str, k: int = 5, language: Literal["fr", "en"] | None = None
    ) -> list[dict[str, Any]]:
        """The passages likeliest to answer a question, best first, each with the document, its number there and its text."""
        hits = await told(lambda: library().search(query, k=min(max(k, 1), 100), language=language))
        return [passage_json(hit) for hit in hits]

    @mcp.tool(annotations=harmless)
    async def read_passage(document: str, passage: int) -> dict[str, Any]:
        """A passage of a document by its number, with how many the document has: numbers beside it read what surrounds it."""

        def read() -> dict[str, Any]:
            try:
                passages = library().store.chunks_of(document)
            except KeyError:
                passages = []
            if not 0 <= passage < len(passages):
                raise UserError(
                    "passage_unknown", document=document, passage=passage, last=len(passages) - 1
                )
            one = passages[passage]
            return {
                "document": document, "title": one.title, "passage": passage, "passages": len(passages), "text": one.text,
            }  # fmt: skip

        read_one: dict[str, Any] = await told(read)
        return read_one

    return mcp


def run(service: "Service") -> None:
    """Speak MCP on standard input and output until they close."""
    server(service, Metrics(service)).run("stdio")
