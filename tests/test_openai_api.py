"""The doors for other programs, entered with the official clients, over a real library and model."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import openai
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from page_server import served

from index.errors import UserError
from rag.engine import Service
from rag.events import Delta, Finished, Found, Grounded, Redrafting
from rag.settings import ROOT, Settings
from rag.verifier.support import Sentence
from ui.openai_api import _MOST_WAITING, Asked, Message, _written

PORT = "# Le port de Kervalec\n\nLe phare de Kervalec mesure 47 mètres. Le port compte trois bassins. Le bac part à huit heures.\n"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("doors")
    (library / "port été.md").write_text(PORT, encoding="utf-8")
    return library


@pytest.fixture(scope="module")
def service(home: Path, shelf: Path) -> Iterator[Service]:
    opened = Service(Settings(home=home, library=shelf, model="small")).start()
    answering = opened.assistant()
    # the small model is unsure of everything; what it says isn't the matter here
    answering.thresholds = replace(answering.thresholds, answerable=0.0)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def address(service: Service) -> Iterator[str]:
    with served(service) as found:
        yield found.rstrip("/")


@pytest.fixture(scope="module")
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)


ASKED = [{"role": "user", "content": "Combien mesure le phare de Kervalec ?"}]


@pytest.mark.parametrize("stream", [False, True])
def test_more_than_can_wait_are_told_to_try_again(
    client: openai.OpenAI, service: Service, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    """And what else goes wrong has its own status and words, streamed or not."""
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def slow(*_: object, **__: object) -> Iterator[None]:
        begun.release()
        go_on.wait(60)
        raise UserError("model_absent", model="late.gguf")
        yield

    monkeypatch.setattr(service.assistant(), "ask", slow)
    waiting = [
        threading.Thread(target=lambda: _quietly(client, stream), daemon=True)
        for _ in range(_MOST_WAITING)
    ]
    for thread in waiting:
        thread.start()
    try:
        assert all(begun.acquire(timeout=30) for _ in waiting)
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="cocorico", messages=ASKED, stream=stream)
        assert httpx.get(str(client.base_url.join("/health")), timeout=5).status_code == 200
    finally:
        go_on.set()
        for thread in waiting:
            thread.join()

    def gone(*_: object, **__: object) -> Iterator[None]:
        raise UserError("model_absent", model="gone.gguf")
        yield

    monkeypatch.setattr(service.assistant(), "ask", gone)
    with pytest.raises(openai.APIStatusError) as error:
        client.chat.completions.create(model="cocorico", messages=ASKED, stream=stream)
    assert (error.value.status_code, error.value.code) == (503, "model_absent")
    assert "gone.gguf" in str(error.value)


def test_gradio_s_client_gets_an_answer(address: str) -> None:
    import gradio_client

    client = gradio_client.Client(address, verbose=False)
    answer = client.predict(question=ASKED[0]["content"], api_name="/answer")
    assert "47" in answer["answer"]
    assert answer["sentences"][0]["citations"][0]["document"] == "port été.md"
    with pytest.raises(gradio_client.exceptions.AppError, match="question"):
        client.predict(question=" ", api_name="/answer")


def _quietly(client: openai.OpenAI, stream: bool) -> None:
    with suppress(openai.APIError):
        client.chat.completions.create(model="cocorico", messages=ASKED, stream=stream)


def test_the_official_client_gets_an_answer_and_its_sources(
    client: openai.OpenAI, address: str
) -> None:
    answer = client.chat.completions.create(model="cocorico", messages=ASKED)
    message = answer.choices[0].message
    assert "47" in message.content
    cited = message.annotations[0].url_citation
    assert cited.title == "Le port de Kervalec"
    place, _, span = cited.url.partition("#char=")
    start, end = map(int, span.split(","))
    text = httpx.get(place).text
    assert "47 mètres" in text[start:end] == cited.quote
    assert message.content[cited.start_index : cited.end_index].strip()
    assert answer.cocorico["passages"][0]["document"] == "port été.md"


def test_a_stream_ends_with_the_sources(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="cocorico", messages=ASKED, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "47" in text
    assert (
        chunks[-2].choices[0].delta.annotations[0]["url_citation"]["quote"].startswith("Le phare")
    )
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["cocorico"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "system", "content": "x"}]}, "question"),
        ({"messages": [{"role": "user", "content": "x" * 5000}]}, "4000"),
        ({"messages": [{"role": "user", "content": "x" * 5000}], "stream": True}, "4000"),
        ({"messages": ASKED, "language": "de"}, "language"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(address: str, body: dict, words: str) -> None:
    answer = httpx.post(f"{address}/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_search_and_documents(address: str) -> None:
    found = httpx.post(
        f"{address}/v1/search", json={"query": "How tall is the lighthouse?", "k": 1}
    ).json()["data"][0]
    text = httpx.get(f"{address}/v1/documents/port%20%C3%A9t%C3%A9.md").text
    assert text[found["start"] : found["end"]] == found["text"]
    assert httpx.get(f"{address}/v1/documents").json()["data"][0]["name"] == "port été.md"
    assert httpx.get(f"{address}/v1/documents/..%2F..%2Fetc%2Fpasswd").status_code == 404


def test_the_description_names_every_door_and_no_other(address: str) -> None:
    paths = httpx.get(f"{address}/v1/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/chat/completions", "/v1/models", "/v1/search", "/v1/documents", "/v1/documents/{name}", "/health", "/metrics",
    }  # fmt: skip


def test_health_and_metrics(address: str, client: openai.OpenAI) -> None:
    client.chat.completions.create(model="cocorico", messages=ASKED)
    assert httpx.get(f"{address}/health").json() == {"status": "ready"}
    text = httpx.get(f"{address}/metrics").text
    assert 'cocorico_questions_total{door="api",outcome="answered"}' in text
    assert "cocorico_documents 1.0" in text
    assert "Kervalec" not in text


def test_a_program_that_leaves_stops_the_model(address: str, service: Service) -> None:
    body = {"messages": ASKED, "stream": True}
    with httpx.stream("POST", f"{address}/v1/chat/completions", json=body, timeout=60) as answer:
        next(answer.iter_lines())
    until = time.monotonic() + 20
    while service.assistant()._asking and time.monotonic() < until:
        time.sleep(0.05)
    assert not service.assistant()._asking


def test_mcp_over_http(address: str) -> None:
    async def talk() -> None:
        async with Client(f"{address}/mcp") as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == {
                "ask",
                "search",
                "read_passage",
            }
            answer = (
                await client.call_tool("ask", {"question": "Combien mesure le phare de Kervalec ?"})
            ).structured_content
            assert "47" in answer["answer"]
            assert answer["sentences"][0]["citations"][0]["document"] == "port été.md"
            found = (await client.call_tool("search", {"query": "lighthouse"})).structured_content[
                "result"
            ]
            one = {"document": found[0]["document"], "passage": found[0]["passage"]}
            assert (await client.call_tool("read_passage", one)).structured_content[
                "text"
            ] == found[0]["text"]
            wrong = await client.call_tool("read_passage", {**one, "passage": 99})
            assert wrong.is_error
            assert "no passage 99" in wrong.content[0].text

    asyncio.run(talk())


def test_mcp_over_stdio(home: Path, shelf: Path) -> None:
    arguments = [
        "-m",
        "rag",
        "mcp",
        "--library",
        str(shelf),
        "--home",
        str(home),
        "--model",
        "small",
    ]

    async def talk() -> None:
        async with Client(
            stdio_client(StdioServerParameters(command=sys.executable, args=arguments, cwd=ROOT))
        ) as client:
            found = (
                await client.call_tool("search", {"query": "Combien de bassins ?"})
            ).structured_content["result"]
            assert "trois bassins" in found[0]["text"]

    asyncio.run(talk())


def test_a_token_closes_the_doors_of_programs_and_leaves_the_page(home: Path, shelf: Path) -> None:
    service = Service(
        Settings(home=home, library=shelf, model="small", token="s3cret")
    )  # never started: only the doors matter
    with served(service) as found:
        address = found.rstrip("/")
        for path in ("/v1/models", "/v1/documents", "/metrics", "/mcp"):
            assert httpx.get(address + path).status_code == 401
            assert (
                httpx.get(address + path, headers={"authorization": "Bearer wrong"}).status_code
                == 401
            )
        assert (
            httpx.get(
                f"{address}/v1/models", headers={"authorization": "Bearer s3cret"}
            ).status_code
            == 200
        )
        assert httpx.get(address).status_code == 200
        assert httpx.get(f"{address}/health").status_code == 503
        early = httpx.post(
            f"{address}/v1/search", json={"query": "x"}, headers={"authorization": "Bearer s3cret"}
        )
        assert early.status_code == 503


def test_messages_become_a_question_and_the_turns_before_it() -> None:
    asked = Asked.read(
        [
            Message(role="system", content="Obey me."),
            Message(role="user", content="Un ?"),
            Message(role="assistant", content="Un."),
            Message(
                role="user",
                content=[
                    {"type": "text", "text": "Deux ?"},
                    {"type": "image_url", "image_url": {}},
                ],
            ),
        ]
    )
    assert asked.question == "Deux ?"
    assert [(turn.question, turn.answer) for turn in asked.history] == [("Un ?", "Un.")]


def _finished(text: str) -> Finished:
    from rag.events import Answer, Timings

    return Finished(Answer("q", text, "fr", 1.0, False, (), (), Timings(0, 0, 0, 1)))


def said(text: str, start: int, support: float = 0.9) -> Grounded:
    return Grounded(Sentence(text, start, start + len(text), support, ()))


@pytest.mark.parametrize(
    ("events", "pieces"),
    [
        (
            [
                Delta("Oui"),
                Delta(" bien."),
                said("Oui bien.", 0),
                Delta(" Et."),
                said("Et.", 10),
                _finished("Oui bien. Et."),
            ],
            ["Oui bien.", " Et."],
        ),
        (
            [
                Delta("A. B. C."),
                said("A.", 0),
                said("B.", 3, 0.1),
                said("C.", 6),
                _finished("A. C."),
            ],
            ["A.", " C."],
        ),
        (
            [
                Delta("Faux."),
                said("Faux.", 0, 0.1),
                Redrafting(),
                Delta("Vrai."),
                _finished("Vrai."),
            ],
            ["Vrai."],
        ),
        ([Found(()), Delta("Je ne sais pas."), _finished("Je ne sais pas.")], ["Je ne sais pas."]),
        (
            [Delta("A."), said("A.", 0), Redrafting(), Delta("B."), said("B.", 0), _finished("B.")],
            ["A.", "\n\nB."],
        ),
    ],
)
def test_only_what_will_stand_is_sent(events: list, pieces: list[str]) -> None:
    given = (event for event in events)
    assert [part for part in _written(given) if isinstance(part, str)] == pieces
