"""`/v1`, `/mcp` and `/answer`, asked by the official clients, over a real library and model."""

import asyncio
import json
import os
import subprocess
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
from rag.events import Delta, Finished, Found, Grounded, Redrafting, Searching
from rag.settings import ROOT, Settings
from rag.verifier import Sentence
from ui.metrics import Metrics
from ui.open_webui import background_answer, without_context
from ui.openai_api import ChatRequest, SettledText, question_of
from ui.questions import MOST_TURNS, MOST_WAITING, Questions

PORT = "# Le port de Kervalec\n\nLe phare de Kervalec mesure 47 mètres. Le port compte trois bassins. Le bac part à huit heures.\n"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("library")
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


def test_langchain_s_chat_class_gets_an_answer_whole_and_in_pieces(address: str) -> None:
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(base_url=f"{address}/v1", api_key="none", model="cocorico", max_retries=0)
    whole = chat.invoke(ASKED)
    assert "47" in str(whole.content)
    assert whole.usage_metadata and whole.usage_metadata["output_tokens"] > 0
    assert "".join(str(piece.content) for piece in chat.stream(ASKED)) == whole.content


LLAMA_INDEX = """
import sys
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

address, asked = sys.argv[1:]
chat = OpenAILike(model="cocorico", api_base=address, api_key="none", is_chat_model=True, max_retries=0)
messages = [ChatMessage(role="user", content=asked)]
print(chat.chat(messages).message.content)
print("".join(piece.delta or "" for piece in chat.stream_chat(messages)))
"""


def test_llamaindex_s_chat_class_gets_an_answer_whole_and_in_pieces(address: str) -> None:
    """In a process of its own: it needs an older `openai`."""
    packages = Path(sys.prefix) / "llama-index"
    if not packages.is_dir():
        pytest.skip("LlamaIndex isn't installed in .venv/llama-index; make test does that")
    run = subprocess.run(
        [sys.executable, "-c", LLAMA_INDEX, f"{address}/v1", ASKED[0]["content"]],
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    whole, pieces = run.stdout.strip().split("\n")
    assert "47" in whole
    assert pieces == whole


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
        for _ in range(MOST_WAITING)
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


def test_slow_questions_from_everywhere_leave_the_web_server_free(
    address: str, client: openai.OpenAI, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """45 of them, of which as many wait as may; the others are told to try again."""
    import gradio_client

    go_on, begun = threading.Event(), threading.Semaphore(0)

    def slow(*_: object, **__: object) -> Iterator[object]:
        begun.release()
        assert go_on.wait(120)
        raise UserError("model_absent", model="late.gguf")
        yield

    def over_mcp() -> None:
        async def talk() -> None:
            async with Client(f"{address}/mcp") as mcp:
                await mcp.call_tool("ask", {"question": "Combien ?"})

        asyncio.run(talk())

    def over_gradio() -> None:
        with suppress(gradio_client.exceptions.AppError, httpx.TimeoutException):
            gradio.predict(question="Combien ?", api_name="/answer")

    monkeypatch.setattr(service.assistant(), "ask", slow)
    gradio = gradio_client.Client(address, verbose=False)
    ways = (over_mcp, over_gradio, lambda: _quietly(client, stream=True))
    waiting = [threading.Thread(target=ways[n % 3], daemon=True) for n in range(45)]
    for thread in waiting:
        thread.start()
    try:
        assert all(begun.acquire(timeout=60) for _ in range(MOST_WAITING))
        assert httpx.get(f"{address}/v1/models", timeout=60).status_code == 200
        assert httpx.post(f"{address}/cocorico/api/state", timeout=60).json()["stage"] == "ready"
        assert len(httpx.get(f"{address}/v1/documents", timeout=60).json()["data"]) == 1
        assert not begun.acquire(blocking=False)
    finally:
        go_on.set()
        for thread in waiting:
            thread.join()


@pytest.mark.parametrize("stream", [False, True])
def test_a_program_that_leaves_before_any_word_stops_the_model(
    address: str, service: Service, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    begun, stopped = threading.Event(), threading.Event()

    def slow(*_: object, stop: threading.Event, **__: object) -> Iterator[object]:
        yield Searching("fr")
        begun.set()
        if stop.wait(120):
            stopped.set()

    monkeypatch.setattr(service.assistant(), "ask", slow)
    with (
        suppress(httpx.ReadTimeout),
        httpx.stream(
            "POST",
            f"{address}/v1/chat/completions",
            json={"messages": ASKED, "stream": stream},
            timeout=3,
        ) as answer,
    ):
        next(answer.iter_lines())
        assert begun.wait(60)
    assert stopped.wait(60)


def test_a_stream_begins_at_once_and_comments_its_silence(
    address: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(*_: object, **__: object) -> Iterator[object]:
        yield Searching("fr")
        assert go_on.wait(120)
        raise UserError("model_absent", model="late.gguf")

    monkeypatch.setattr(service.assistant(), "ask", slow)
    url, body = f"{address}/v1/chat/completions", {"messages": ASKED, "stream": True}
    with httpx.stream("POST", url, json=body, timeout=60) as answer:
        assert answer.status_code == 200
        lines = (line for line in answer.iter_lines() if line)
        assert next(lines).startswith(": ")
        assert json.loads(next(lines).removeprefix("data: "))["choices"][0]["delta"]["role"]
        assert next(lines).startswith(": ")
        go_on.set()
        (error,) = [line for line in lines if not line.startswith(": ")]
    assert json.loads(error.removeprefix("data: "))["error"]["code"] == "model_absent"


def test_an_error_in_the_middle_of_a_stream_reaches_the_official_client(
    client: openai.OpenAI, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Iterator[object]:
        yield Searching("fr")
        raise UserError("server_cut", address="http://models.lan", reason="reset")

    monkeypatch.setattr(service.assistant(), "ask", broken)
    with pytest.raises(openai.APIError, match="broke off"):
        list(client.chat.completions.create(model="cocorico", messages=ASKED, stream=True))


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


@pytest.mark.parametrize("usage", [False, True])
def test_a_stream_ends_with_its_usage_where_that_is_asked(
    client: openai.OpenAI, usage: bool
) -> None:
    chunks = list(
        client.chat.completions.create(
            model="cocorico", messages=ASKED, stream=True, stream_options={"include_usage": usage}
        )
    )
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    if usage:
        assert chunks[-1].choices == []
        assert chunks[-1].usage.completion_tokens > 0
    else:
        assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_model_is_listed_and_found_by_its_name(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["cocorico"]
    assert client.models.retrieve("cocorico").object == "model"
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("gpt-4o")
    assert error.value.code == "model_not_found"


def test_what_there_is_not_is_told_in_openai_s_form(client: openai.OpenAI) -> None:
    for ask in (
        lambda: client.embeddings.create(model="cocorico", input="x"),
        lambda: client.responses.create(model="cocorico", input="x"),
        lambda: client.completions.create(model="cocorico", prompt="x"),
    ):
        with pytest.raises(openai.NotFoundError) as error:
            ask()
        assert error.value.code == "url_unknown"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing/here", 404, "url_unknown"),
        ("GET", "/v1/chat/completions", 405, "method_unknown"),
        ("DELETE", "/v1/models", 405, "method_unknown"),
        ("POST", "/v1/documents", 405, "method_unknown"),
        ("GET", "/v1/documents/absent.md", 404, "document_unknown"),
        ("POST", "/v1/search", 400, "invalid_request"),
        ("POST", "/v1/chat/completions", 400, "invalid_request"),
    ],
)
def test_every_error_under_v1_is_in_openai_s_form(
    address: str, method: str, path: str, status: int, code: str
) -> None:
    answer = httpx.request(method, address + path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "code", "param"}
    assert (answer.json()["error"]["code"], answer.json()["error"]["type"]) == (
        code,
        "invalid_request_error",
    )


def test_what_is_refused_before_v1_is_in_openai_s_form_too(address: str) -> None:
    foreign = httpx.get(f"{address}/v1/models", headers={"host": "evil.example"})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (421, "host_unknown")
    large = httpx.post(f"{address}/v1/search", content=b" " * 2_000_001)
    assert (large.status_code, large.json()["error"]["code"]) == (413, "body_large")


def test_a_bug_under_v1_is_in_openai_s_form_and_tried_again(
    client: openai.OpenAI, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.assistant(), "ask", lambda *_, **__: 1 / 0)
    with pytest.raises(openai.InternalServerError) as error:
        client.chat.completions.create(model="cocorico", messages=ASKED)
    assert error.value.code == "unexpected"


@pytest.mark.parametrize("kind", [None, "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_is_read_whatever_its_type_says(address: str, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    body = json.dumps({"query": "lighthouse", "k": 1})
    answer = httpx.post(f"{address}/v1/search", content=body, headers=headers)
    assert answer.json()["data"][0]["document"] == "port été.md"


@pytest.mark.parametrize("stream", [False, True])
def test_a_document_that_is_not_there_is_named(address: str, stream: bool) -> None:
    asked = {"messages": ASKED, "documents": ["port été.md", "absent.md"], "stream": stream}
    chat = httpx.post(f"{address}/v1/chat/completions", json=asked)
    search = httpx.post(f"{address}/v1/search", json={"query": "x", "documents": ["absent.md"]})
    for answer in (chat, search):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "document_unknown")
        assert "absent.md" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "system", "content": "x"}]}, "question"),
        ({"messages": [{"role": "user", "content": "x" * 5000}]}, "4000"),
        ({"messages": [{"role": "user", "content": "x" * 5000}], "stream": True}, "4000"),
        ({"messages": ASKED, "language": "de"}, "language"),
        ({"messages": ASKED, "n": 2}, "n: Input should be less than or equal to 1"),
        ({"messages": ASKED, "documents": []}, "documents"),
        ([], "valid dictionary"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(address: str, body: object, words: str) -> None:
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


def test_the_description_names_every_path_and_no_other(address: str) -> None:
    paths = httpx.get(f"{address}/v1/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/chat/completions", "/v1/models", "/v1/models/{name}", "/v1/search", "/v1/check", "/v1/documents", "/v1/documents/{name}", "/health", "/metrics",
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
                "check",
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


def test_a_token_closes_the_paths_of_programs_and_leaves_the_page(home: Path, shelf: Path) -> None:
    service = Service(
        Settings(home=home, library=shelf, model="small", token="s3cret")
    )  # never started: only the paths matter
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


def conversation(*messages: tuple[str, object], **values: object) -> ChatRequest:
    listed = [{"role": role, "content": content} for role, content in messages]
    return ChatRequest(messages=listed, **values)


def test_messages_become_a_question_and_the_turns_before_it() -> None:
    asked = question_of(
        conversation(
            ("system", "Obey me."),
            ("user", "Un ?"),
            ("assistant", "Un."),
            ("user", [{"type": "text", "text": "Deux ?"}, {"type": "image_url", "image_url": {}}]),
            documents=["a.md"],
            language="fr",
        )
    )
    assert asked.text == "Deux ?"
    assert [(turn.question, turn.answer) for turn in asked.history] == [("Un ?", "Un.")]
    assert (asked.documents, asked.language) == (["a.md"], "fr")


def test_old_roles_and_what_tools_say_are_passed_over() -> None:
    asked = question_of(
        conversation(
            ("developer", "Obey me."),
            ("user", "Un ?"),
            ("assistant", None),
            ("function", "x"),
            ("tool", "y"),
            ("user", "Deux ?"),
        )
    )
    assert (asked.text, [turn.question for turn in asked.history]) == ("Deux ?", ["Un ?"])


def test_the_last_turns_are_read_and_no_more_of_each_than_a_question_may_have(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list = []

    def ask(_: str, history: list, **__: object) -> Iterator[object]:
        seen.append(history)
        yield from ()

    monkeypatch.setattr(service.assistant(), "ask", ask)
    long = [("user", "x" * 5000), ("assistant", "y" * 5000)] * 20
    asked = question_of(conversation(*long, ("user", "Et puis ?")))
    counted = Metrics(service)
    assert list(Questions(service, counted).ask("api", asked, threading.Event())) == []
    assert [(len(turn.question), len(turn.answer)) for turn in seen[0]] == [
        (4000, 4000)
    ] * MOST_TURNS


# --- what Open WebUI sends ---------------------------------------------------

HISTORY = (
    "<chat_history>\nUSER: Qui dirige la piscine de Vaubrun ?\nASSISTANT: Paul.\n</chat_history>"
)


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ('JSON format: { "title": "..." }', {"title": "Qui dirige la piscine de Vaubrun ?"}),
        ('JSON format: { "tags": ["...", "..."] }', {"tags": []}),
        ('JSON format: { "follow_ups": ["...", "..."] }', {"follow_ups": []}),
        ('the form: { "queries": ["query1", "query2"] }', {"queries": []}),
        ('Strictly return in JSON format:\n{\n    "prompt": "..."\n}', {"prompt": ""}),
    ],
)
def test_a_background_request_is_answered_at_once_and_without_the_model(
    client: openai.OpenAI,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    answer: dict,
) -> None:
    monkeypatch.setattr(service, "assistant", lambda: pytest.fail("the model was asked"))
    text = f"### Task:\nDo so.\n### Output:\n{form}\n### Chat History:\n{HISTORY}"
    for stream in (False, True):
        messages = [{"role": "user", "content": text}]
        done = client.chat.completions.create(model="cocorico", messages=messages, stream=stream)
        pieces = [each.choices[0].delta.content or "" for each in done] if stream else []
        said = "".join(pieces) or done.choices[0].message.content
        assert json.loads(said) == answer


@pytest.mark.parametrize(
    "text",
    [
        "Que veut dire « ### Task: » ?",
        "### Task:\nQue dit le document ?",
        'Explique { "title": 1 } et <chat_history>.',
        f"### Task:\nRésume.\n{HISTORY}",
    ],
)
def test_a_question_of_a_person_is_no_background_request(text: str) -> None:
    assert background_answer(text) is None
    assert without_context(text) == text


@pytest.mark.parametrize(
    "question", ["<user_query>\nQui dirige la piscine ?\n</user_query>", "Qui dirige la piscine ?"]
)
def test_a_question_is_taken_out_of_the_excerpts_put_before_it(question: str) -> None:
    excerpts = "".join(f'<source id="{n}">{"x" * 100}</source>\n' for n in range(60))
    text = f"### Task:\nAnswer from the context.\n<context>\n{excerpts}</context>\n\n{question}"
    assert question_of(conversation(("user", text))).text == "Qui dirige la piscine ?"


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
        (
            [
                Delta("- Un."),
                said("Un.", 2),
                Delta("\n- Deux."),
                said("Deux.", 8),
                Delta(" |"),
                _finished("- Un.\n- Deux. |"),
            ],
            ["- Un.", "\n- Deux.", " |"],
        ),
    ],
)
def test_only_what_will_stand_is_sent(events: list, pieces: list[str]) -> None:
    text = SettledText()
    assert [piece for event in events if (piece := text.add(event))] == pieces
