"""Doors for other programs: OpenAI's chat completions with sources as annotations, a search, the documents, health and metrics.

A document's address is `/v1/documents/NAME`; a source is that address with the span of its sentence as a fragment, in code points
(`#char=120,240`, RFC 5147).
"""

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote
from uuid import uuid4

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field

from index.errors import UserError
from rag.events import Answer, Delta, Event, Finished, Grounded, Redrafting, Turn
from rag.i18n import explain
from rag.results import answer_json, hit_json
from rag.retriever import Hit
from rag.verifier.support import SUPPORTED, space_before
from ui.chat import MOST_CHARACTERS, MOST_TURNS

if TYPE_CHECKING:
    from rag.engine import Service
    from rag.library import Library
    from ui.metrics import Metrics

NAME = "cocorico"
_MOST_WAITING = 32  # programs that wait for the model at once; who comes later is told to try again
_STATUS = {"busy": 429, "document_unknown": 404, "starting": 503}


class Message(BaseModel):
    """One message of a conversation; only text counts. A "system" message changes nothing: answers come from the documents."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None

    def text(self) -> str:
        """The text of its parts."""
        if isinstance(self.content, list):
            return "\n".join(str(part.get("text") or "") for part in self.content)
        return self.content or ""


class ChatRequest(BaseModel):
    """As OpenAI's, where what steers the sampling is taken and has no effect; `language` and `documents` are our own."""

    messages: list[Message] = Field(min_length=1)
    model: str = NAME
    stream: bool = False
    language: Literal["fr", "en"] | None = None
    documents: list[str] | None = Field(None, min_length=1)


class SearchRequest(BaseModel):
    """A question, how many passages at most, and the names of the documents to search (all where left out)."""

    query: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    k: int = Field(10, ge=1, le=100)
    language: Literal["fr", "en"] | None = None
    documents: list[str] | None = Field(None, min_length=1)


@dataclass(frozen=True)
class Asked:
    """What a list of messages asks."""

    question: str
    history: tuple[Turn, ...]

    @classmethod
    def read(cls, messages: Sequence[Message]) -> "Asked":
        """The last question and the turns before it.

        Raises:
            UserError: `no_question`, `too_long` (most).
        """
        turns: list[Turn] = []
        for message in messages:
            if message.role == "user":
                turns.append(Turn(message.text().strip()))
            elif message.role == "assistant" and turns:
                turns[-1] = Turn(turns[-1].question, message.text()[:MOST_CHARACTERS])
        if not turns or not turns[-1].question:
            raise UserError("no_question")
        if len(turns[-1].question) > MOST_CHARACTERS:
            raise UserError("too_long", most=MOST_CHARACTERS)
        return cls(turns[-1].question, tuple(turns[:-1][-MOST_TURNS:]))


def router(service: "Service", metrics: "Metrics") -> APIRouter:
    """The routes, for a FastAPI application."""
    doors = APIRouter()
    waiting = threading.Semaphore(_MOST_WAITING)
    threads = anyio.CapacityLimiter(
        _MOST_WAITING + 1
    )  # of their own, so that the page never waits for one; one says "busy"

    def events(asked: Asked, given: ChatRequest, stop: threading.Event) -> Generator[Event]:
        if not waiting.acquire(blocking=False):
            raise UserError("busy")
        try:
            assistant = service.assistant()
            answering = assistant.ask(
                asked.question,
                asked.history,
                language=given.language,
                documents=given.documents,
                stop=stop,
            )
            with closing(metrics.watch("api", answering, stop)) as watched:
                yield from watched
        finally:
            waiting.release()

    @doors.post("/v1/chat/completions", response_model=None)
    async def chat(given: ChatRequest, request: Request) -> Response:
        """Answer the last question from the documents."""
        asked, stop = Asked.read(given.messages), threading.Event()
        kind = "chat.completion.chunk" if given.stream else "chat.completion"
        head = {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": kind,
            "created": int(time.time()),
            "model": NAME,
        }
        written = _written(events(asked, given, stop))
        base = str(request.base_url)
        if given.stream:
            # What goes wrong before the first word has a status of its own.
            first = await run_sync(next, written, limiter=threads)
            pieces = _stream(head, first, written, stop, base=base, limiter=threads)
            return StreamingResponse(pieces, media_type="text/event-stream")
        answer = await _unless_gone(
            request,
            lambda: [part for part in written if isinstance(part, Answer)][-1],
            stop,
            threads,
        )
        message = {
            "role": "assistant",
            "content": answer.answer,
            "annotations": annotations(answer, base),
        }
        tokens = answer.timings.tokens
        return JSONResponse(
            {
                **head,
                "choices": [
                    {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
                ],
                "usage": {"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens},
                NAME: answer_json(answer),
            }
        )

    @doors.get("/v1/models")
    def models() -> dict[str, Any]:
        """The one model that there is: the documents, as they are answered from."""
        return {
            "object": "list",
            "data": [{"id": NAME, "object": "model", "created": 0, "owned_by": NAME}],
        }

    @doors.post("/v1/search")
    def search(given: SearchRequest) -> dict[str, Any]:
        """The passages likeliest to answer, best first."""
        hits = _library(service).search(
            given.query, k=given.k, language=given.language, documents=given.documents
        )
        return {"object": "list", "data": [passage_json(hit) for hit in hits]}

    @doors.get("/v1/documents")
    def documents() -> dict[str, Any]:
        """The documents of the library."""
        known = _library(service).store.documents()
        listed = [
            {
                "name": each.name,
                "title": each.title,
                "language": each.language,
                "passages": each.chunks,
            }
            for each in known
        ]
        return {"object": "list", "data": listed}

    @doors.get("/v1/documents/{name:path}", response_class=PlainTextResponse)
    def document(name: str) -> PlainTextResponse:
        """The text of a document, in which all spans count."""
        try:
            return PlainTextResponse(service.document(name).text)
        except KeyError as error:
            raise UserError("document_unknown", name=name) from error

    @doors.get("/health")
    def health() -> JSONResponse:
        """200 once questions are answered; 503 while it starts, or where it can't."""
        stage = service.state.stage
        return JSONResponse({"status": stage}, 200 if stage == "ready" else 503)

    @doors.get("/metrics", response_class=PlainTextResponse)
    def counted() -> Response:
        """Counters in Prometheus' text format."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return doors


def refusal(error: UserError) -> JSONResponse:
    """An error as OpenAI's clients read it; 429 and 503 are tried again by them."""
    status = _STATUS.get(error.code, 503 if error.code.startswith("model_") else 400)
    return told(status, explain(error, "en"), error.code)


def told(status: int, message: str, code: str) -> JSONResponse:
    """An error in OpenAI's form."""
    kind = "invalid_request_error" if status < 500 and status != 429 else "server_error"
    return JSONResponse(
        {"error": {"message": message, "type": kind, "code": code, "param": None}}, status
    )


def annotations(answer: Answer, base: str) -> list[dict[str, Any]]:
    """Each sentence's sources, in the form of OpenAI's `url_citation`; `quote` is the sentence of the source."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": sentence.start,
                "end_index": sentence.end,
                "title": citation.title or citation.document,
                "url": f"{base}v1/documents/{quote(citation.document)}#char={citation.start},{citation.end}",
                "quote": citation.text,
            },
        }
        for sentence in answer.sentences
        for citation in sentence.citations
    ]


def passage_json(hit: Hit) -> dict[str, Any]:
    """As `rag.results.hit_json`, with what there is to read."""
    return {
        **hit_json(hit),
        "title": hit.chunk.title,
        "language": hit.chunk.language,
        "text": hit.chunk.text,
    }


def _library(service: "Service") -> "Library":
    if service.library is None:
        raise service.state.error or UserError("starting")
    return service.library


def _written(events: Generator[Event]) -> Generator[str | Answer]:
    """Sentence by sentence what some source holds, and the answer at the end: what was sent can't be taken back."""
    sent, text, anew = "", "", False
    with closing(events):
        for event in events:
            match event:
                case Redrafting():
                    text, anew = "", bool(sent)
                case Delta():
                    text += event.text
                case Grounded(sentence=sentence) if sentence.support >= SUPPORTED and not anew:
                    piece = (space_before(text, sentence) if sent else "") + sentence.text
                    sent += piece
                    yield piece
                case Finished(answer=answer):
                    whole = answer.answer
                    rest = whole[len(sent) :] if whole.startswith(sent) else f"\n\n{whole}"
                    if rest:
                        yield rest
                    yield answer


async def _stream(
    head: dict[str, Any],
    first: str | Answer,
    written: Generator[str | Answer],
    stop: threading.Event,
    *,
    base: str,
    limiter: anyio.CapacityLimiter,
) -> AsyncIterator[str]:
    """Server-sent events: pieces of text, then the sources, then "[DONE]"."""

    def event(delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return f"data: {json.dumps({**head, 'choices': [choice]}, ensure_ascii=False)}\n\n"

    async def parts() -> AsyncIterator[str | Answer]:
        yield first
        while (part := await run_sync(next, written, None, limiter=limiter)) is not None:
            yield part

    try:
        yield event({"role": "assistant", "content": ""})
        async for part in parts():
            if isinstance(part, Answer):
                yield event({"annotations": annotations(part, base), NAME: answer_json(part)})
                yield event({}, "stop")
            else:
                yield event({"content": part})
        yield "data: [DONE]\n\n"
    finally:  # also where the program has gone
        stop.set()
        written.close()


async def _unless_gone(
    request: Request,
    work: Callable[[], Answer],
    stop: threading.Event,
    limiter: anyio.CapacityLimiter,
) -> Answer:
    """Do the work in a thread, and stop the model where nobody waits for it any more."""

    async def watch() -> None:
        while not await request.is_disconnected():
            await anyio.sleep(0.5)
        stop.set()

    failure: UserError | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            answer = await run_sync(work, limiter=limiter)
        except UserError as error:  # out of the group, which would wrap it in one of its own
            failure = error
        group.cancel_scope.cancel()
    if failure:
        raise failure
    return answer
