"""A server that speaks OpenAI's chat completions: vLLM, SGLang, llama-server and others, by address."""

import asyncio
import ipaddress
import json
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any
from urllib.parse import urldefrag, urlsplit

import httpx

from index.errors import UserError
from rag.llm.base import Message, Stop, check_length
from rag.llm.streaming import received

_ATTEMPTS = 4
_FIRST_WAIT = 0.5  # seconds, doubled at each attempt
_BUSY = (429, 502, 503, 504)
_NO_LIST = (404, 405, 501)  # what servers answer that don't list their models
_CONTEXT = 8192  # tokens, where the server doesn't say


class OpenAIServer:
    """A model behind HTTP; a `rag.llm.base.Generator`. The server orders its askers itself.

    Args:
        address: "http://host:port/v1", with "#model" where the server has several.
        api_key: sent as a bearer token.

    Raises:
        UserError: `server_away`, `server_refused`, `server_bad_answer`, `server_proxy`; in an answer also `server_cut`.
    """

    def __init__(self, address: str, *, api_key: str | None = None) -> None:
        base, model = urldefrag(address)
        self._base = base.rstrip("/")
        options: dict[str, Any] = {
            "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
            "timeout": httpx.Timeout(10, read=300),
            "trust_env": not _is_loopback(base),  # no proxy stands between a machine and itself
        }
        try:
            client, self._client = httpx.Client(**options), httpx.AsyncClient(**options)
        except (ValueError, ImportError) as error:  # a proxy of an unknown kind
            raise self._error("server_proxy", reason=error) from error
        with client:
            self.name, self.context_tokens = self._chosen(client, model)
        self.kept_tokens = 0
        # Requests are tasks of an event loop of their own, so that each can be cancelled at any moment.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def count(self, text: str) -> int:
        """French and English have about 3.5 characters a token."""
        return round(len(text) / 3.5) + 1

    def prepare(
        self, messages: Sequence[Message], *, stop: Stop = None, ahead: bool = False
    ) -> None:
        """Nothing: servers keep states as they see fit."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        begin: str = "",
        max_tokens: int = 256,
        stop: Stop = None,
    ) -> Iterator[str]:
        # There is no common way to make a server begin; where it begins so by itself, that is left out.
        pieces = self._streamed(self._body(messages, max_tokens, stream=True), stop)
        yield from _without(begin, pieces) if begin else pieces

    def choose(
        self, messages: Sequence[Message], options: Sequence[str], *, stop: Stop = None
    ) -> tuple[float, ...]:
        """From the server's token probabilities, else from the word that it writes."""
        body = self._body(messages, 4, logprobs=True, top_logprobs=20)
        text = "\n".join(self._lines(body, stop))
        if stop and stop.is_set():
            return (1 / len(options),) * len(options)
        choice = self._choice(text)
        odds = [0.0] * len(options)
        for candidate in _first_candidates(choice):
            token = str(candidate.get("token", "")).strip().casefold()
            for number, option in enumerate(options):
                if token and option.casefold().startswith(token):
                    odds[number] += math.exp(candidate.get("logprob", -math.inf))
        if not any(odds):
            written = ((choice.get("message") or {}).get("content") or "").strip().casefold()
            odds = [0.95 if written.startswith(option.casefold()) else 0.05 for option in options]
        return tuple(share / sum(odds) for share in odds)

    def close(self) -> None:
        if not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _chosen(self, client: httpx.Client, name: str) -> tuple[str, int]:
        """The model of this name, or the server's first, and the length of its context."""
        try:
            response = client.get(f"{self._base}/models")
        except httpx.TransportError as error:
            raise self._error("server_away", reason=error) from error
        if name and response.status_code in _NO_LIST:
            return name, _CONTEXT
        if response.is_error:
            raise self._refused(response)
        listed = self._object(response.text).get("data") or []
        model = next((model for model in listed if model.get("id") == name or not name), None)
        if model is None and not name:
            raise self._error("server_bad_answer", reason=response.text[:100])
        facts = model or {}
        length = facts.get("max_model_len") or (facts.get("meta") or {}).get("n_ctx_train")
        return name or str(facts.get("id")), int(length or _CONTEXT)

    def _body(self, messages: Sequence[Message], max_tokens: int, **more: Any) -> dict[str, Any]:
        tokens = sum(self.count(message.content) for message in messages)
        check_length(tokens, max_tokens, self.context_tokens)
        listed = [{"role": message.role, "content": message.content} for message in messages]
        fixed = {"model": self.name, "messages": listed, "temperature": 0, "seed": 0}
        return {**fixed, "max_tokens": max_tokens, **more}

    def _streamed(self, body: dict[str, Any], stop: Stop) -> Iterator[str]:
        """The pieces of an answer."""
        for line in self._lines(body, stop):
            # A server that does not stream sends the answer as one object.
            whole = line.startswith("{")
            data = line if whole else line.removeprefix("data:").strip()
            if data == "[DONE]":
                return
            if not (whole or (data and line.startswith("data:"))):
                continue
            choice = self._choice(data, or_none=True)
            if piece := (choice.get("delta") or choice.get("message") or {}).get("content"):
                yield piece
            if whole or choice.get("finish_reason"):
                return
        if not (stop and stop.is_set()):
            raise self._error("server_cut", reason="no end of the answer")

    def _lines(self, body: dict[str, Any], stop: Stop) -> Iterator[str]:
        """The lines of a response as they come. The request is cancelled when stopped or left."""
        lines: SimpleQueue[str | Exception | None] = SimpleQueue()
        request = asyncio.run_coroutine_threadsafe(self._request(body, lines.put), self._loop)
        try:
            yield from received(lines, lambda: bool(stop and stop.is_set()))
        finally:
            request.cancel()

    async def _request(
        self, body: dict[str, Any], put: Callable[[str | Exception | None], None]
    ) -> None:
        """Put the lines of a response, then None or the error."""
        try:
            response = await self._response(body)
            try:
                async for line in response.aiter_lines():
                    put(line)
            finally:
                await response.aclose()
            put(None)
        except (httpx.TransportError, httpx.StreamError) as error:
            put(self._error("server_cut", reason=error))
        except Exception as error:
            put(error)

    async def _response(self, body: dict[str, Any]) -> httpx.Response:
        """The open response; tried again while the server is away or busy."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_FIRST_WAIT * 2 ** (attempt - 1))
            url = f"{self._base}/chat/completions"
            request = self._client.build_request("POST", url, json=body)
            try:
                response = await self._client.send(request, stream=True)
            except httpx.TransportError as error:
                failure = self._error("server_away", reason=error)
                continue
            if response.is_success:
                return response
            await response.aread()
            failure = self._refused(response)
            if response.status_code not in _BUSY:
                break
        raise failure

    def _choice(self, text: str, *, or_none: bool = False) -> dict[str, Any]:
        """The first choice of an answer; with `or_none`, an empty one where there is none (a note of the server's)."""
        answer = self._object(text)
        choices = answer.get("choices")
        if choices and isinstance(choices, list) and isinstance(choices[0], dict):
            return choices[0]
        if or_none and not answer.get("error"):
            return {}
        raise self._error("server_bad_answer", reason=text[:100])

    def _object(self, text: str) -> dict[str, Any]:
        """A JSON object."""
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._error("server_bad_answer", reason=text[:100])
        return value

    def _refused(self, response: httpx.Response) -> UserError:
        reason = response.text[:200].strip() or response.reason_phrase
        return self._error("server_refused", status=response.status_code, reason=reason)

    def _error(self, code: str, *, reason: object, **values: Any) -> UserError:
        return UserError(code, address=self._base, reason=str(reason), **values)


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _without(begin: str, pieces: Iterator[str]) -> Iterator[str]:
    """A stream without `begin` at its beginning, in whatever pieces it comes."""
    held = ""
    for piece in pieces:
        held += piece
        if len(held) >= len(begin) or not begin.startswith(held):
            break
    if rest := held.removeprefix(begin):
        yield rest
    yield from pieces


def _first_candidates(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """What the server thought of as first token, with log probabilities; empty where it doesn't say."""
    content = (choice.get("logprobs") or {}).get("content") or [{}]
    return content[0].get("top_logprobs") or []
