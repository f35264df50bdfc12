"""OpenAI's chat completions with sources as annotations; a search, a check, the documents, health.

A document's address is `/v1/documents/NAME`; a source is that address with the span of its sentence
as a fragment, in code points (`#char=120,240`, RFC 5147).
"""

import json
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.routing import Match

from index.errors import UserError
from rag.events import Answer, Delta, Event, Finished, Grounded, Redrafting, Turn
from rag.read import said
from rag.results import answer_json, checked_json, hit_json
from rag.scope import chosen
from rag.verifier import SUPPORTED
from ui.errors import openai_error
from ui.open_webui import background_answer, without_context
from ui.questions import Question, Questions
from ui.requests import NAME, ChatRequest, CheckRequest, SearchRequest

if TYPE_CHECKING:
    from rag.engine import Service
    from rag.library import Library
    from rag.retriever import Hit
    from ui.metrics import Metrics

_MODEL = {"id": NAME, "object": "model", "created": 0, "owned_by": NAME}
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HEARTBEAT = 1.0  # seconds of silence after which a stream gets a comment
_COMMENT = ": the answer is being written\n\n"
_UNBUFFERED = {"cache-control": "no-cache", "x-accel-buffering": "no"}


class JsonRoute(APIRoute):
    """Reads every body as JSON, whatever its type says: `curl -d` calls it a form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See the class."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            MutableHeaders(scope=request.scope)["content-type"] = "application/json"
            return await handle(request)

        return handle_json


def router(service: "Service", questions: Questions, metrics: "Metrics") -> APIRouter:
    """The routes, for a FastAPI application."""
    api = APIRouter(route_class=JsonRoute)
    _add_chat(api, questions)
    _add_library(api, service, questions)

    @api.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The one model that there is: the documents, as they are answered from."""
        return {"object": "list", "data": [_MODEL]}

    @api.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        """One model by its name."""
        if name != NAME:
            raise UserError("model_not_found", name=name, known=NAME)
        return _MODEL

    @api.get("/health")
    async def health() -> JSONResponse:
        """200 once questions are answered; 503 while it starts, or where it can't."""
        stage = service.state.stage
        return JSONResponse({"status": stage}, 200 if stage == "ready" else 503)

    @api.get("/metrics", response_class=PlainTextResponse)
    def counted() -> Response:
        """Counters in Prometheus' text format."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @api.api_route("/v1/{path:path}", methods=_METHODS, include_in_schema=False)
    async def unknown(request: Request) -> None:
        known = any(route.matches(request.scope)[0] == Match.PARTIAL for route in api.routes)
        code = "method_unknown" if known else "url_unknown"
        raise UserError(code, method=request.method, path=request.url.path)

    return api


def _add_chat(api: APIRouter, questions: Questions) -> None:
    @api.post("/v1/chat/completions", response_model=None)
    async def chat(asked: ChatRequest, request: Request) -> Response:
        """Answer the last question from the documents."""
        head = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time.time()), "model": NAME}
        base = str(request.base_url)
        usage = asked.stream_options is not None and asked.stream_options.include_usage

        def stream(parts: AsyncGenerator[str | Answer | None]) -> Response:
            pieces = _stream(head, parts, base, usage)
            return StreamingResponse(pieces, headers=_UNBUFFERED, media_type="text/event-stream")

        if content := background_answer(asked.messages[-1].text()):
            whole = _completion(head, content, [], 0)
            return stream(_single(content)) if asked.stream else JSONResponse(whole)
        events = questions.events("api", question_of(asked), heartbeat=_HEARTBEAT)
        if asked.stream:
            first = await anext(events)  # an error before it has a status of its own
            return stream(_parts(first, events))
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Finished):
                    answer = event.answer
                elif await request.is_disconnected():
                    return Response(status_code=499)  # as nginx has it: the client has gone
        sources = annotations(answer, base)
        whole = _completion(head, answer.answer, sources, answer.timings.tokens)
        return JSONResponse({**whole, NAME: answer_json(answer)})


def _add_library(api: APIRouter, service: "Service", questions: Questions) -> None:
    def library() -> "Library":
        if service.library is None:
            raise service.state.error or UserError("starting")
        return service.library

    @api.post("/v1/search")
    def search(asked: SearchRequest) -> dict[str, Any]:
        """The passages likeliest to answer, best first."""
        used = chosen(library().store, asked.documents, asked.scope)
        hits = library().search(asked.query, k=asked.k, language=asked.language, documents=used)
        return {"object": "list", "data": [passage_json(hit) for hit in hits]}

    @api.post("/v1/check")
    def check(asked: CheckRequest) -> dict[str, Any]:
        """What the documents say of each sentence of a text, in order."""
        checked = questions.check(asked.text, asked.documents, asked.scope)
        return {"object": "list", "data": [checked_json(each) for each in checked]}

    @api.get("/v1/documents")
    def documents() -> dict[str, Any]:
        """The documents of the library."""
        known = library().store.documents()
        listed = [
            {
                **{key: getattr(each, key) for key in ("name", "title", "language")},
                "passages": each.chunks,
                "unread": [said(note, "en") for note in each.unread],
            }
            for each in known
        ]
        return {"object": "list", "data": listed}

    @api.get("/v1/documents/{name:path}", response_class=PlainTextResponse)
    def document(name: str) -> PlainTextResponse:
        """The text of a document, in which all spans count."""
        try:
            return PlainTextResponse(service.document(name).text)
        except KeyError as error:
            raise UserError("document_unknown", name=name) from error


def question_of(asked: ChatRequest) -> Question:
    """The last question of a conversation with the turns before it.

    Raises:
        UserError: `no_question`, `too_long` (most).
    """
    turns: list[Turn] = []
    for message in asked.messages:
        if message.role == "user":
            turns.append(Turn(without_context(message.text()).strip()))
        elif message.role == "assistant" and turns:
            turns[-1] = Turn(turns[-1].question, message.text())
    question = turns.pop().question if turns else ""
    return Question(question, turns, asked.language, asked.documents, asked.scope)


def annotations(answer: Answer, base: str) -> list[dict[str, Any]]:
    """Each sentence's sources, in the form of OpenAI's `url_citation`, with the source's sentence
    as `quote`."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": sentence.start,
                "end_index": sentence.end,
                "title": citation.title or citation.document,
                "url": f"{base}v1/documents/{quote(citation.document)}"
                f"#char={citation.start},{citation.end}",
                "quote": citation.text,
            },
        }
        for sentence in answer.sentences
        for citation in sentence.citations
    ]


def passage_json(hit: "Hit") -> dict[str, Any]:
    """As `rag.results.hit_json`, with what there is to read."""
    chunk = hit.chunk
    shown = {"title": chunk.title, "language": chunk.language, "text": chunk.text}
    return {**hit_json(hit), **shown}


class SettledText:
    """The part of an answer that will stand, as it grows: what was sent can't be taken back."""

    def __init__(self) -> None:
        self._sent = self._text = ""
        self._end = 0  # of the last sentence that was verified
        self._late = False  # what is written now can only follow what was sent

    def add(self, event: Event) -> str:
        """What can be sent after this event: each sentence that a source supports, at last the
        rest; "" for nothing."""
        piece = ""
        match event:
            case Redrafting():
                self._text, self._end, self._late = "", 0, bool(self._sent)
            case Delta():
                self._text += event.text
            case Grounded(sentence=sentence):
                between = self._text[self._end : sentence.start]  # or the marks of a list
                if sentence.support >= SUPPORTED and not self._late:
                    piece = (between if self._sent else between.lstrip()) + sentence.text
                self._end = sentence.end
            case Finished(answer=answer):
                whole, sent = answer.answer, self._sent
                piece = whole[len(sent) :] if whole.startswith(sent) else f"\n\n{whole}"
        self._sent += piece
        return piece


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens}


def _completion(
    head: dict[str, Any], content: str, sources: Sequence[dict[str, Any]], tokens: int
) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "annotations": sources}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    usage = _usage(tokens)
    return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}


async def _single(text: str) -> AsyncGenerator[str | Answer | None]:
    yield text


async def _parts(
    first: Event | None, events: AsyncGenerator[Event | None]
) -> AsyncGenerator[str | Answer | None]:
    """The pieces of the text, then the answer; None for a heartbeat."""
    text = SettledText()
    async with aclosing(events):
        event: Event | None = first
        while not isinstance(event, Finished):
            piece = text.add(event) if event else None
            if piece != "":
                yield piece
            event = await anext(events)
        if piece := text.add(event):
            yield piece
        yield event.answer


async def _stream(
    head: dict[str, Any], parts: AsyncGenerator[str | Answer | None], base: str, usage: bool
) -> AsyncGenerator[str]:
    """Server-sent events: pieces of text, then the sources, the usage, "[DONE]"."""
    head = {**head, "object": "chat.completion.chunk", **({"usage": None} if usage else {})}
    tokens = 0

    def data(values: dict[str, Any]) -> str:
        return f"data: {json.dumps(values, ensure_ascii=False)}\n\n"

    def delta(values: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": values, "finish_reason": finish, "logprobs": None}
        return data({**head, "choices": [choice]})

    yield _COMMENT
    yield delta({"role": "assistant", "content": ""})
    try:
        async with aclosing(parts):
            async for part in parts:
                if isinstance(part, Answer):
                    tokens = part.timings.tokens
                    sources = annotations(part, base)
                    yield delta({"annotations": sources, NAME: answer_json(part)})
                else:
                    yield delta({"content": part}) if part else _COMMENT
    except UserError as error:  # the status has been sent
        yield data({"error": openai_error(error)})
        return
    yield delta({}, "stop")
    if usage:
        yield data({**head, "choices": [], "usage": _usage(tokens)})
    yield "data: [DONE]\n\n"
