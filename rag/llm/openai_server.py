"""A server that speaks OpenAI's chat completions: vLLM, SGLang, llama-server and others, by address."""

import json
import math
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urldefrag, urlsplit

from index.errors import UserError
from rag.llm.base import Message

_ATTEMPTS = 4
_FIRST_WAIT = 0.5  # seconds, doubled at each attempt
_BUSY = (429, 502, 503, 504)


class OpenAIServer:
    """See `rag.llm.base.Generator`. The server orders its askers itself.

    Args:
        address: "http://host:port/v1", with "#model" where the server has several.
        api_key: sent as a bearer token.

    Raises:
        UserError: `server_away`, `server_refused`, `server_bad_answer`; while it answers also `server_cut`.
    """

    def __init__(self, address: str, *, api_key: str | None = None) -> None:
        import httpx

        base, model = urldefrag(address)
        host = urlsplit(base).hostname or ""
        self._httpx = httpx
        self._base = base.rstrip("/")
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(10, read=300),
            trust_env=host
            not in (
                "localhost",
                "127.0.0.1",
                "::1",
            ),  # no proxy stands between a machine and itself
        )
        self._model, self.context_tokens = self._chosen(model)
        self.name = self._model
        self.kept_tokens = 0

    def count(self, text: str) -> int:
        """An estimate: French and English have about 3.5 characters a token."""
        return round(len(text) / 3.5) + 1

    def prepare(
        self,
        messages: Sequence[Message],
        *,
        stop: threading.Event | None = None,
        ahead: bool = False,
    ) -> None:
        """See `Generator.prepare`: servers keep states as they see fit."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        begin: str = "",
        max_tokens: int = 256,
        stop: threading.Event | None = None,
    ) -> Iterator[str]:
        """See `Generator.stream`. There is no common way to make a server begin; where it begins so by itself, that is left out."""
        pieces = self._streamed(messages, max_tokens, stop)
        yield from _without(begin, pieces) if begin else pieces

    def _streamed(
        self, messages: Sequence[Message], max_tokens: int, stop: threading.Event | None
    ) -> Iterator[str]:
        self._check_length(messages, max_tokens)
        body = self._body(messages, max_tokens=max_tokens, stream=True)
        lines: queue.SimpleQueue[str | UserError] = queue.SimpleQueue()
        left = threading.Event()
        # The connection has a thread of its own, so that `stop` acts while the server still thinks.
        threading.Thread(target=self._read_lines, args=(body, lines, left), daemon=True).start()
        try:
            while not (stop and stop.is_set()):
                try:
                    line = lines.get(timeout=0.1)
                except queue.Empty:
                    continue
                if isinstance(line, UserError):
                    raise line
                whole = line.startswith(
                    "{"
                )  # a server that does not stream sends the answer as one object
                data = (
                    line
                    if whole
                    else line.removeprefix("data:").strip()
                    if line.startswith("data:")
                    else ""
                )
                if data == "[DONE]":
                    return
                if not data:
                    continue
                choice = self._choice(data, or_none=True)
                if piece := (choice.get("delta") or choice.get("message") or {}).get("content"):
                    yield piece
                if whole or choice.get("finish_reason"):
                    return
        finally:
            left.set()

    def choose(
        self,
        messages: Sequence[Message],
        options: Sequence[str],
        *,
        stop: threading.Event | None = None,
    ) -> tuple[float, ...]:
        """See `Generator.choose`; from the server's token probabilities, else from the word that it writes."""
        self._check_length(messages, 1)
        response = self._sent(
            self._body(messages, max_tokens=4, logprobs=True, top_logprobs=20), threading.Event()
        )
        try:
            response.read()
        except self._httpx.TransportError as error:
            raise UserError("server_cut", address=self._base, reason=str(error)) from error
        finally:
            response.close()
        choice = self._choice(response.text)
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
        """See `Generator.close`."""
        self._client.close()

    def _body(self, messages: Sequence[Message], **more: Any) -> dict[str, Any]:
        listed = [{"role": message.role, "content": message.content} for message in messages]
        return {"model": self._model, "messages": listed, "temperature": 0, "seed": 0, **more}

    def _chosen(self, name: str) -> tuple[str, int]:
        """The model of this name, or the server's first, and the length of its context (8192 where it doesn't say)."""
        try:
            response = self._client.get(f"{self._base}/models")
        except self._httpx.TransportError as error:
            raise UserError("server_away", address=self._base, reason=str(error)) from error
        if response.is_error:
            if name and response.status_code in (
                404,
                405,
                501,
            ):  # some servers don't list their models
                return name, 8192
            raise UserError(
                "server_refused",
                address=self._base,
                status=response.status_code,
                reason=_reason(response),
            )
        listed = self._json(response.text).get("data") or []
        model = next((model for model in listed if model.get("id") == name or not name), None)
        if model is None and not name:
            raise UserError("server_bad_answer", address=self._base, reason=response.text[:100])
        facts = model or {}
        length = facts.get("max_model_len") or (facts.get("meta") or {}).get("n_ctx_train") or 8192
        return name or str(facts.get("id")), int(length)

    def _check_length(self, messages: Sequence[Message], max_tokens: int) -> None:
        tokens = sum(self.count(message.content) for message in messages)
        if tokens + max_tokens > self.context_tokens:
            raise UserError("prompt_too_long", tokens=tokens, most=self.context_tokens - max_tokens)

    def _sent(self, body: dict[str, Any], left: threading.Event) -> Any:
        """The open response; tried again while the server is away or busy; None where the asker has left first."""
        wait = _FIRST_WAIT
        for attempt in range(1, _ATTEMPTS + 1):
            request = self._client.build_request(
                "POST", f"{self._base}/chat/completions", json=body
            )
            try:
                response = self._client.send(request, stream=True)
            except self._httpx.TransportError as error:
                if attempt == _ATTEMPTS:
                    raise UserError("server_away", address=self._base, reason=str(error)) from error
            else:
                if response.is_success:
                    return response
                reason = _reason(response)
                response.close()
                if response.status_code not in _BUSY or attempt == _ATTEMPTS:
                    raise UserError(
                        "server_refused",
                        address=self._base,
                        status=response.status_code,
                        reason=reason,
                    )
            if left.wait(wait):
                return None
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _read_lines(
        self,
        body: dict[str, Any],
        lines: "queue.SimpleQueue[str | UserError]",
        left: threading.Event,
    ) -> None:
        """Ask, and pass on the lines of the answer until its end, an error, or `left`."""
        try:
            response = self._sent(body, left)
            if response is None:
                return
            try:
                for line in response.iter_lines():
                    if left.is_set():
                        return
                    lines.put(line)
            finally:
                response.close()
            lines.put(UserError("server_cut", address=self._base, reason="no end of the answer"))
        except UserError as error:
            lines.put(error)
        except (self._httpx.TransportError, self._httpx.StreamError) as error:
            lines.put(UserError("server_cut", address=self._base, reason=str(error)))

    def _choice(self, text: str, *, or_none: bool = False) -> dict[str, Any]:
        """The first choice of an answer; with `or_none`, an empty one where there is none (a note of the server's)."""
        answer = self._json(text)
        choices = answer.get("choices")
        if choices and isinstance(choices, list) and isinstance(choices[0], dict):
            return choices[0]
        if or_none and not answer.get("error"):
            return {}
        raise UserError("server_bad_answer", address=self._base, reason=text[:100])

    def _json(self, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except ValueError as error:
            raise UserError("server_bad_answer", address=self._base, reason=text[:100]) from error
        if not isinstance(value, dict):
            raise UserError("server_bad_answer", address=self._base, reason=text[:100])
        return value


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


def _reason(response: Any) -> str:
    try:
        response.read()
        return str(response.text[:200]).strip() or str(response.reason_phrase)
    except Exception as error:  # the status says enough
        return str(error)
