"""A server that speaks OpenAI's chat completions, by address: vLLM, SGLang, llama-server …"""

import asyncio
import ipaddress
import json
import math
import threading
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from typing import Any
from urllib.parse import urldefrag, urlsplit

import httpx

from index.errors import UserError
from rag.llm.base import Messages, Stop, check_length
from rag.llm.streaming import received

_ATTEMPTS = 4
_FIRST_WAIT = 0.5  # seconds, doubled at each attempt
_BUSY = (429, 502, 503, 504)
_NO_LIST = (404, 405, 501)  # answers of servers that don't list their models
_CONTEXT = 8192  # tokens, where the server doesn't say


class OpenAIServer:
    """A model behind HTTP; a `rag.llm.base.Generator`. The server orders its askers itself.

    Args:
        address: "http://host:port/v1", with "#model" where the server has several.
        api_key: sent as a bearer token.

    Raises:
        UserError: `server_proxy`, `server_away`, `server_refused`, `server_bad_answer`; when
            asked also `server_cut`.
    """

    kept_tokens = 0

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
            raise self._error("server_proxy", error) from error
        with client:
            self.name, self.context_tokens = self._model(client, model)
        # Requests are tasks of an event loop, as those can be cancelled at any moment.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def count(self, text: str) -> int:
        """French and English have about 3.5 characters a token."""
        return round(len(text) / 3.5) + 1

    def prepare(self, messages: Messages, *, stop: Stop = None, ahead: bool = False) -> None:
        """Nothing: servers keep states as they see fit."""

    def stream(
        self, messages: Messages, *, begin: str = "", max_tokens: int = 256, stop: Stop = None
    ) -> Iterator[str]:
        # There is no common way to make a server begin. Where it begins so, that is left out.
        held: str | None = ""
        for piece in self._pieces(self._body(messages, max_tokens, stream=True), stop):
            if held is None:
                yield piece
                continue
            held += piece
            if len(held) < len(begin) and begin.startswith(held):
                continue
            if rest := held.removeprefix(begin):
                yield rest
            held = None
        if held:
            yield held

    def choose(
        self, messages: Messages, options: Sequence[str], *, stop: Stop = None
    ) -> tuple[float, ...]:
        """From the server's token probabilities, else from the word that it writes."""
        body = self._body(messages, 4, logprobs=True, top_logprobs=20)
        text = "\n".join(self._lines(body, stop))
        if stop and stop.is_set():
            return (1 / len(options),) * len(options)
        choice = self._choice(text)
        odds = [0.0] * len(options)
        content = (choice.get("logprobs") or {}).get("content") or [{}]
        for candidate in content[0].get("top_logprobs") or []:
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

    def _model(self, client: httpx.Client, name: str) -> tuple[str, int]:
        """The model of this name, or the server's first, and the length of its context."""
        try:
            response = client.get(f"{self._base}/models")
        except httpx.TransportError as error:
            raise self._error("server_away", error) from error
        if name and response.status_code in _NO_LIST:
            return name, _CONTEXT
        if response.is_error:
            raise self._refused(response)
        listed = self._object(response.text).get("data") or []
        found = [model for model in listed if model.get("id") == name or not name]
        if not (name or found):
            raise self._error("server_bad_answer", response.text[:100])
        facts = found[0] if found else {}
        length = facts.get("max_model_len") or (facts.get("meta") or {}).get("n_ctx_train")
        return name or str(facts.get("id")), int(length or _CONTEXT)

    def _body(self, messages: Messages, max_tokens: int, **more: Any) -> dict[str, Any]:
        tokens = sum(self.count(message.content) for message in messages)
        check_length(tokens, max_tokens, self.context_tokens)
        listed = [{"role": message.role, "content": message.content} for message in messages]
        greedy = {"temperature": 0, "seed": 0, "max_tokens": max_tokens}
        return {"model": self.name, "messages": listed, **greedy, **more}

    def _pieces(self, body: dict[str, Any], stop: Stop) -> Iterator[str]:
        """The pieces of an answer."""
        for line in self._lines(body, stop):
            # A server that does not stream sends the answer as one object.
            whole = line.startswith("{")
            data = line if whole else line.removeprefix("data:").strip()
            if data == "[DONE]":
                return
            if not data or not (whole or line.startswith("data:")):
                continue
            choice = self._choice(data, streamed=True)
            if piece := (choice.get("delta") or choice.get("message") or {}).get("content"):
                yield piece
            if whole or choice.get("finish_reason"):
                return
        if not (stop and stop.is_set()):
            raise self._error("server_cut", "no end of the answer")

    def _lines(self, body: dict[str, Any], stop: Stop) -> Iterator[str]:
        """The lines of a response as they come. If stopped or left, the request is cancelled."""
        lines: SimpleQueue[str | Exception | None] = SimpleQueue()
        request = asyncio.run_coroutine_threadsafe(self._request(body, lines), self._loop)
        try:
            yield from received(lines, lambda: bool(stop and stop.is_set()))
        finally:
            request.cancel()

    async def _request(
        self, body: dict[str, Any], lines: SimpleQueue[str | Exception | None]
    ) -> None:
        """Put the lines of a response, then None or an error."""
        try:
            response = await self._response(body)
            try:
                async for line in response.aiter_lines():
                    lines.put(line)
            finally:
                await response.aclose()
            lines.put(None)
        except (httpx.TransportError, httpx.StreamError) as error:
            lines.put(self._error("server_cut", error))
        except Exception as error:  # raised where the lines are awaited
            lines.put(error)

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
                failure = self._error("server_away", error)
                continue
            if response.is_success:
                return response
            await response.aread()
            failure = self._refused(response)
            if response.status_code not in _BUSY:
                break
        raise failure

    def _choice(self, text: str, *, streamed: bool = False) -> dict[str, Any]:
        """The first choice of an answer; where it is streamed, {} for a part that has none."""
        answer = self._object(text)
        choices = answer.get("choices")
        if choices and isinstance(choices, list) and isinstance(choices[0], dict):
            return choices[0]
        if streamed and not answer.get("error"):
            return {}
        raise self._error("server_bad_answer", text[:100])

    def _object(self, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._error("server_bad_answer", text[:100])
        return value

    def _refused(self, response: httpx.Response) -> UserError:
        reason = response.text[:200].strip() or response.reason_phrase
        return self._error("server_refused", reason, status=response.status_code)

    def _error(self, code: str, reason: object, **values: Any) -> UserError:
        return UserError(code, address=self._base, reason=str(reason), **values)


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
