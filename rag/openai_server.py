"""A server that speaks OpenAI's chat completions: vLLM, SGLang, llama-server and others, by address."""

import json
import math
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urldefrag, urlsplit

from rag.generator import Message
from weights.errors import UserError

_ATTEMPTS = 4
_FIRST_WAIT = 0.5  # seconds, doubled at each attempt
_BUSY = (429, 502, 503, 504)


class OpenAIServer:
    """See `rag.generator.Generator`. The server orders its askers itself.

    Args:
        address: "http://host:port/v1", with "#model" where the server has several.
        api_key: sent as a bearer token.

    Raises:
        UserError: `server_away`, `server_refused`, `server_bad_answer`.
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
            trust_env=host not in ("localhost", "127.0.0.1", "::1"),  # no proxy stands between a machine and itself
        )
        self._model = model or self._first_model()
        self.name = self._model
        self.context_tokens = 8192

    def count(self, text: str) -> int:
        """An estimate: French and English have about 3.5 characters a token."""
        return round(len(text) / 3.5) + 1

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int = 256, stop: threading.Event | None = None
    ) -> Iterator[str]:
        """See `Generator.stream`."""
        body = self._body(messages, max_tokens=max_tokens, stream=True)
        with self._sent(body, stop) as response:
            for line in response.iter_lines():
                if stop and stop.is_set():
                    return
                data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
                if not data:
                    continue
                if data == "[DONE]":
                    return
                choices = self._json(data).get("choices") or [{}]
                if piece := (choices[0].get("delta") or {}).get("content"):
                    yield piece

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        """See `Generator.choose`; from the server's token probabilities, else from the word that it writes."""
        body = self._body(messages, max_tokens=4, logprobs=True, top_logprobs=20)
        with self._sent(body, None) as response:
            response.read()
            choice = self._json(response.text)["choices"][0]
        content = ((choice.get("logprobs") or {}).get("content") or [{}])[0]
        odds = [0.0] * len(options)
        for candidate in content.get("top_logprobs") or []:
            token = candidate["token"].strip().casefold()
            for number, option in enumerate(options):
                if token and option.casefold().startswith(token):
                    odds[number] += math.exp(candidate["logprob"])
        if not any(odds):
            written = (choice["message"].get("content") or "").strip().casefold()
            odds = [0.95 if written.startswith(option.casefold()) else 0.05 for option in options]
        return tuple(share / sum(odds) for share in odds)

    def close(self) -> None:
        """See `Generator.close`."""
        self._client.close()

    def _body(self, messages: Sequence[Message], **more: Any) -> dict[str, Any]:
        listed = [{"role": message.role, "content": message.content} for message in messages]
        return {"model": self._model, "messages": listed, "temperature": 0, "seed": 0, **more}

    def _first_model(self) -> str:
        try:
            response = self._client.get(f"{self._base}/models")
        except self._httpx.TransportError as error:
            raise UserError("server_away", address=self._base, reason=str(error)) from error
        if response.is_error:
            raise UserError("server_refused", address=self._base, status=response.status_code, reason=response.text[:200])
        listed = self._json(response.text).get("data") or []
        if not listed:
            raise UserError("server_bad_answer", address=self._base, reason=response.text[:100])
        return str(listed[0]["id"])

    def _sent(self, body: dict[str, Any], stop: threading.Event | None) -> Any:
        """The open response; tried again while the server is away or busy and nothing was answered yet."""
        wait = _FIRST_WAIT
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                response = self._client.send(
                    self._client.build_request("POST", f"{self._base}/chat/completions", json=body), stream=True
                )
            except self._httpx.TransportError as error:
                if attempt == _ATTEMPTS or (stop and stop.is_set()):
                    raise UserError("server_away", address=self._base, reason=str(error)) from error
            else:
                if response.is_success:
                    return _closing(response)
                response.read()
                if response.status_code not in _BUSY or attempt == _ATTEMPTS:
                    raise UserError(
                        "server_refused", address=self._base, status=response.status_code, reason=response.text[:200]
                    )
            if stop and stop.wait(wait):
                raise UserError("server_away", address=self._base, reason="stopped")
            if not stop:
                time.sleep(wait)
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _json(self, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except ValueError as error:
            raise UserError("server_bad_answer", address=self._base, reason=text[:100]) from error
        if not isinstance(value, dict):
            raise UserError("server_bad_answer", address=self._base, reason=text[:100])
        return value


def _closing(response: Any) -> Any:
    from contextlib import closing

    return closing(response)
