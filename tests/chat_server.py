"""A server of OpenAI's chat completions on loopback, around a real model: what vLLM or llama-server would be."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import log

from rag.llm.base import Generator, Message


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: an answer ends where the connection does."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output is for the tests."""

    def json(self, value: object, status: int = 200) -> None:
        """Send one JSON object."""
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self) -> dict:
        """The request."""
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def event(self, value: object) -> None:
        """Send one event of a stream; a dict as JSON."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()


@contextmanager
def serving(handler: type[Handler]) -> Iterator[str]:
    """Run a server with this handler; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def handler_of(
    model: Generator, *, on_end: Callable[[int], None] = lambda pieces: None
) -> type[Handler]:
    """A handler that lets `model` answer; `on_end` is told how many pieces were written for each asker."""

    class ModelHandler(Handler):
        def do_GET(self) -> None:
            self.json(
                {
                    "object": "list",
                    "data": [{"id": model.name, "max_model_len": model.context_tokens}],
                }
            )

        def do_POST(self) -> None:
            asked = self.body()
            messages = [Message(**message) for message in asked["messages"]]
            if asked.get("logprobs"):
                words = ("Oui", "Non", "Yes", "No", "Paris", "Berlin", "Madrid")
                odds = model.choose(messages, words)
                pairs = zip(words, odds, strict=True)
                listed = [{"token": word, "logprob": log(max(odd, 1e-9))} for word, odd in pairs]
                best = max(listed, key=lambda one: one["logprob"])
                message = {"role": "assistant", "content": best["token"]}
                self.json(
                    {
                        "choices": [
                            {
                                "message": message,
                                "logprobs": {"content": [{"top_logprobs": listed}]},
                            }
                        ]
                    }
                )
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            pieces = 0
            stream = model.stream(messages, max_tokens=asked["max_tokens"])
            try:
                self.event({"choices": [{"delta": {"role": "assistant"}}]})
                for piece in stream:
                    self.event({"choices": [{"delta": {"content": piece}}]})
                    pieces += 1
                self.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
                self.event("[DONE]")
            except OSError:  # the asker is gone
                stream.close()
            finally:
                on_end(pieces)

    return ModelHandler
