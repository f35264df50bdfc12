"""The client of OpenAI-compatible servers: what can go wrong on a wire."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from index.errors import UserError
from rag.i18n import explain
from rag.llm import openai_server
from rag.llm.base import Generator
from rag.llm.factory import open_generator
from rag.llm.openai_server import OpenAIServer
from tests.chat_server import Handler, handler_of, serving
from tests.generators import CAPITAL, COUNT, YES_NO, small_model


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow one another at once."""
    monkeypatch.setattr(openai_server, "_FIRST_WAIT", 0.01)


def _scripted(answer: Callable[[Handler, int], None]) -> type[Handler]:
    """A handler that lists one model and lets `answer(handler, attempt)` do the rest."""
    attempts = iter(range(1, 100))

    class Scripted(Handler):
        def do_GET(self) -> None:
            self.json({"data": [{"id": "stand-in"}]})

        def do_POST(self) -> None:
            self.body()
            answer(self, next(attempts))

    return Scripted


def _stream(handler: type[Handler]) -> str:
    with serving(handler) as address, closing(OpenAIServer(address)) as generator:
        return "".join(generator.stream(CAPITAL))


def _error(handler: type[Handler]) -> UserError:
    with pytest.raises(UserError) as raised:
        _stream(handler)
    return raised.value


def _begin(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.end_headers()


def test_a_server_that_is_away_is_named() -> None:
    with pytest.raises(UserError) as raised:
        OpenAIServer("http://127.0.0.1:9/v1")
    assert raised.value.code == "server_away"
    assert raised.value.values["address"] == "http://127.0.0.1:9/v1"


def test_a_wrong_key_is_told_with_its_status() -> None:
    class Locked(Handler):
        def do_GET(self) -> None:
            self.json({"error": {"message": "bad key"}}, 401)

    with serving(Locked) as address, pytest.raises(UserError) as raised:
        OpenAIServer(address, api_key="wrong")
    assert (raised.value.code, raised.value.values["status"]) == ("server_refused", 401)
    assert "bad key" in raised.value.values["reason"]


def test_the_key_is_sent() -> None:
    seen = []

    class Noting(Handler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.json({"data": [{"id": "stand-in"}]})

    with serving(Noting) as address:
        OpenAIServer(address, api_key="sesame").close()
    assert seen == ["Bearer sesame"]


@pytest.mark.usefixtures("impatient")
def test_a_busy_server_is_asked_again() -> None:
    def answer(handler: Handler, attempt: int) -> None:
        if attempt < 3:
            handler.json({"error": "busy"}, 503)
            return
        _begin(handler)
        handler.event({"choices": [{"delta": {"content": "Paris"}}]})
        handler.event("[DONE]")

    assert _stream(_scripted(answer)) == "Paris"


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stays_busy_is_given_up() -> None:
    error = _error(_scripted(lambda handler, attempt: handler.json({"error": "busy"}, 503)))
    assert (error.code, error.values["status"]) == ("server_refused", 503)


@pytest.mark.usefixtures("impatient")
def test_another_refusal_is_not_asked_again() -> None:
    attempts = []

    def answer(handler: Handler, attempt: int) -> None:
        attempts.append(attempt)
        handler.json({"error": "no such model"}, 404)

    assert _error(_scripted(answer)).values["status"] == 404
    assert attempts == [1]


def test_broken_json_is_told() -> None:
    def answer(handler: Handler, attempt: int) -> None:
        _begin(handler)
        handler.event('{"choices": [{"delta"')

    assert _error(_scripted(answer)).code == "server_bad_answer"


def test_an_error_in_the_stream_is_told() -> None:
    def answer(handler: Handler, attempt: int) -> None:
        _begin(handler)
        handler.event({"error": {"message": "out of memory"}})

    assert "out of memory" in _error(_scripted(answer)).values["reason"]


def test_a_connection_cut_in_the_answer_is_told_after_what_came() -> None:
    def answer(handler: Handler, attempt: int) -> None:
        _begin(handler)
        handler.event({"choices": [{"delta": {"content": "Par"}}]})

    pieces = []
    with serving(_scripted(answer)) as address, closing(OpenAIServer(address)) as generator:
        stream = generator.stream(CAPITAL)
        with pytest.raises(UserError) as raised:
            pieces += [next(stream), next(stream)]
    assert raised.value.code == "server_cut"


def test_a_server_that_does_not_stream_is_understood() -> None:
    def answer(handler: Handler, attempt: int) -> None:
        handler.json(
            {
                "choices": [
                    {"message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}
                ]
            }
        )

    assert _stream(_scripted(answer)) == "Paris"


def test_a_server_without_probabilities_is_believed_by_its_word() -> None:
    def answer(handler: Handler, attempt: int) -> None:
        handler.json({"choices": [{"message": {"role": "assistant", "content": "No."}}]})

    with serving(_scripted(answer)) as address, closing(OpenAIServer(address)) as generator:
        yes, no = generator.choose(YES_NO, ("Yes", "No"))
    assert no > 0.9 > yes


@pytest.mark.parametrize("method", ["stream", "choose"])
def test_stop_cancels_the_request_while_the_server_still_thinks(method: str) -> None:
    stop, hung_up = threading.Event(), threading.Event()

    def answer(handler: Handler, attempt: int) -> None:
        stop.set()
        if handler.connection.recv(1) == b"":  # waits: the client says nothing more, or hangs up
            hung_up.set()

    with serving(_scripted(answer)) as address, closing(OpenAIServer(address)) as generator:
        if method == "stream":
            assert list(generator.stream(CAPITAL, stop=stop)) == []
        else:
            assert generator.choose(YES_NO, ("Yes", "No"), stop=stop) == (0.5, 0.5)
        assert hung_up.wait(30)


def test_stop_cancels_the_wait_for_another_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_server, "_FIRST_WAIT", 3600)
    stop = threading.Event()

    def answer(handler: Handler, attempt: int) -> None:
        handler.json({"error": "busy"}, 503)
        stop.set()

    with serving(_scripted(answer)) as address, closing(OpenAIServer(address)) as generator:
        assert generator.choose(YES_NO, ("Yes", "No"), stop=stop) == (0.5, 0.5)


# Proxies of the environment.


def test_no_proxy_is_asked_for_a_server_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:9")

    def answer(handler: Handler, attempt: int) -> None:
        _begin(handler)
        handler.event({"choices": [{"delta": {"content": "Paris"}}]})
        handler.event("[DONE]")

    assert _stream(_scripted(answer)) == "Paris"


@pytest.mark.parametrize("kind", ["socks", "socks5"])
def test_a_proxy_that_can_not_be_used_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{kind}://127.0.0.1:9")
    with pytest.raises(UserError) as raised:
        OpenAIServer("http://192.0.2.1/v1")
    assert raised.value.code == "server_proxy"
    assert "socks" in raised.value.values["reason"].lower()
    assert "ALL_PROXY" in explain(raised.value, "en")


def test_leaving_the_answer_lets_the_server_stop(small_generator: Generator) -> None:
    ended = threading.Event()
    written = []

    def on_end(pieces: int) -> None:
        written.append(pieces)
        ended.set()

    with (
        serving(handler_of(small_generator, on_end=on_end)) as address,
        closing(OpenAIServer(address)) as generator,
    ):
        stream = generator.stream(COUNT, max_tokens=200)
        next(stream)
        stream.close()
        assert ended.wait(15)
    assert written[0] < 100


def test_another_projects_server_is_understood(home: Path) -> None:
    """The server that comes with cyllama: it neither streams nor tells probabilities, and has no chat template."""
    from cyllama.llama.server.python import PythonServer, ServerConfig

    model = str(small_model(home))
    server = PythonServer(
        ServerConfig(model_path=model, host="127.0.0.1", port=_free_port(), n_ctx=512)
    )
    assert server.start()
    try:
        with closing(
            open_generator(f"http://127.0.0.1:{server.config.port}/v1", home=home)
        ) as generator:
            assert "Paris" in "".join(generator.stream(CAPITAL, max_tokens=8))
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
