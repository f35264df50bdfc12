"""Four tools for assistants that speak MCP (Model Context Protocol): ask, search, check, read."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from index.errors import UserError
from rag.events import Turn
from rag.i18n import explain
from rag.results import answer_json, checked_json
from rag.scope import chosen
from ui.metrics import Metrics
from ui.openai_api import passage_json
from ui.questions import Question, Questions

if TYPE_CHECKING:
    from rag.engine import Service
    from rag.library import Library

_ABOUT = (
    "Answers questions in French or English from one library of documents, and only from them. "
    "Each sentence of an answer comes with the sentences of the documents that it rests on. Where "
    "the documents don't answer, it says so."
)


class Tools:
    """The tools, as MCP describes them to an assistant by their docstrings."""

    def __init__(self, service: "Service", questions: Questions) -> None:
        self._service = service
        self._questions = questions

    async def ask(
        self,
        question: str,
        history: list[str] | None = None,
        language: Literal["fr", "en"] | None = None,
        scope: str | None = None,
    ) -> dict[str, Any]:
        """Answer a question from the documents, with the sentences of the documents that each
        sentence of the answer rests on.

        `history` holds earlier questions of the same conversation, oldest first. `scope` says which
        documents may be used: "folder/, kind:pdf, author:NAME, date:2024".
        """
        turns = [Turn(text) for text in history or ()]
        with _explained():
            asked = Question(question, turns, language, scope=scope)
            return answer_json(await self._questions.answer("mcp", asked))

    async def search(
        self,
        query: str,
        k: int = 5,
        language: Literal["fr", "en"] | None = None,
        scope: str | None = None,
    ) -> list[dict[str, Any]]:
        """The passages likeliest to answer a question, best first, each with the document, its
        number there and its text."""
        most = min(max(k, 1), 100)
        with _explained():
            library = await self._library()
            documents = chosen(library.store, None, scope)
            hits = await asyncio.to_thread(
                library.search, query, k=most, language=language, documents=documents
            )
            return [passage_json(hit) for hit in hits]

    async def check(self, text: str, scope: str | None = None) -> list[dict[str, Any]]:
        """Check a text in French or English against the documents: for each of its sentences, in
        order, whether they support it, contradict it (with what differs) or don't have it."""
        with _explained():
            await self._library()
            checked = self._questions.check(text, scope=scope)
            return await asyncio.to_thread(lambda: [checked_json(each) for each in checked])

    async def read_passage(self, document: str, passage: int) -> dict[str, Any]:
        """A passage of a document by its number, with how many the document has: numbers beside it
        read what surrounds it."""
        with _explained():
            return await asyncio.to_thread(_passage, await self._library(), document, passage)

    async def _library(self) -> "Library":
        while self._service.state.stage not in ("ready", "failed"):
            await asyncio.sleep(0.1)
        if self._service.library is None:
            raise self._service.state.error or UserError("starting")
        return self._service.library


def server(service: "Service", questions: Questions) -> MCPServer[Any]:
    """An MCP server over a service, for any transport."""
    mcp: MCPServer[Any] = MCPServer(
        "cocorico", title="Cocorico", instructions=_ABOUT, log_level="WARNING"
    )
    only_reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    tools = Tools(service, questions)
    for tool in (tools.ask, tools.search, tools.check, tools.read_passage):
        mcp.tool(annotations=only_reads)(tool)
    return mcp


def run(service: "Service") -> None:
    """Speak MCP on standard input and output until they close."""
    server(service, Questions(service, Metrics(service))).run("stdio")


def _passage(library: "Library", document: str, passage: int) -> dict[str, Any]:
    try:
        passages = library.store.chunks_of(document)
    except KeyError:
        passages = []
    if not 0 <= passage < len(passages):
        last = len(passages) - 1
        raise UserError("passage_unknown", document=document, passage=passage, last=last)
    title, text = passages[passage].title, passages[passage].text
    numbers = {"passage": passage, "passages": len(passages)}
    return {"document": document, "title": title, **numbers, "text": text}


@contextmanager
def _explained() -> Iterator[None]:
    """Tells the assistant in words what went wrong."""
    try:
        yield
    except UserError as error:
        raise ToolError(explain(error, "en")) from error
