"""What people's scripts rest on: commands and flags, exit statuses, JSON fields, HTTP and MCP answers, names in Python.

Everything is tried from outside, as a script would. What stands here changes only with an entry in CHANGELOG.md.
"""

import asyncio
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import httpx
import pytest
from mcp import Client

from rag.library import Answer, Library, Turn, open_library
from rag.settings import ROOT, Settings, from_environment

PORT = "# Le port de Kervalec\n\nLe phare de Kervalec mesure 47 mètres. Le port compte trois bassins.\n"
ASKED = "Combien mesure le phare de Kervalec ?"

ANSWER = {
    "answer", "language", "answerable", "refused", "doubtful", "sentences", "passages", "timings", "tokens"
}  # fmt: skip
SENTENCE = {"text", "start", "end", "support", "citations"}
CITATION = {"document", "passage", "start", "end", "text"}
PASSAGE = {"document", "passage", "start", "end", "score"}
CHECKED = {"text", "verdict", "confidence", "sources", "differs"}
TIMINGS = {"retrieval", "first_token", "total", "tokens"}
READ_PASSAGE = {"document", "title", "passage", "passages", "text"}

LIBRARY = {"--library", "--home", "--embedder", "--store", "--threads", "--help"}
MODEL, ADDRESS, BATCH = (
    {"--model"}, {"--host", "--port"}, {"--json", "--batch", "--language", "--scope"}
)  # fmt: skip
COMMANDS = {
    "ask": LIBRARY | MODEL | BATCH,
    "search": LIBRARY | BATCH | {"-k"},
    "check": LIBRARY | MODEL | {"--json", "--scope"},
    "index": LIBRARY | {"--workers", "--ray"},
    "serve": LIBRARY | MODEL | ADDRESS | {"--no-browser"},
    "account": {"--home", "--help"},
    "mcp": LIBRARY | MODEL,
    "models": LIBRARY | MODEL | {"--fetch", "--with-small", "--use", "--verify", "--json"},
    "backup": LIBRARY,
    "restore": LIBRARY,
    "doctor": LIBRARY | MODEL | ADDRESS,
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of one document."""
    library = tmp_path_factory.mktemp("shelf")
    (library / "port été.md").write_text(PORT, encoding="utf-8")
    return library


@pytest.fixture(scope="module")
def chosen(home: Path, shelf: Path) -> list[str]:
    """The flags of that library, with the small model."""
    return ["--home", str(home), "--library", str(shelf), "--model", "small"]


def rag(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run `python -m rag`, with English messages."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "COLUMNS": "200"}
    command = [sys.executable, "-m", "rag", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=given, capture_output=True, text=True, check=False
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def check_answer(answer: dict[str, Any]) -> None:
    """The fields of an answer that cites something."""
    assert answer.keys() == ANSWER
    assert answer["timings"].keys() == TIMINGS
    assert answer["passages"][0].keys() == PASSAGE
    assert answer["sentences"][0].keys() == SENTENCE
    assert answer["sentences"][0]["citations"][0].keys() == CITATION
    for sentence in answer["sentences"]:
        assert answer["answer"][sentence["start"] : sentence["end"]] == sentence["text"]


# The command line.


def test_each_command_is_in_the_help_and_has_its_flags() -> None:
    script = f"from rag.__main__ import main\nfor each in {[*COMMANDS]}: print('===', main([each, '--help']))"
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    helps = dict(zip(COMMANDS, told.split("=== 0\n"), strict=False))
    for command, flags in COMMANDS.items():
        assert set(re.findall(r"(?<![\w-])(?:--[a-z][a-z-]+|-k)\b", helps[command])) >= flags
    listed = rag("--help").stdout
    assert [command for command in COMMANDS if not re.search(rf"\b{command}\b", listed)] == []


def test_a_command_that_is_done_exits_with_0(home: Path) -> None:
    run = rag("models", "--json", "--home", str(home))
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)[0].keys() >= {
        "file", "size", "purpose", "packages", "hub", "licence", "sha256", "state", "path"
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [("ask",), ("search", "x", "--library", "/nowhere"), ("restore", "/nowhere.zip"), ("account", "remove", "nobody")],
)  # fmt: skip
def test_what_the_user_can_mend_exits_with_1(arguments: tuple[str, ...], home: Path) -> None:
    run = rag(*arguments, "--home", str(home))
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("cocorico: ")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("arguments", [(), ("sing",), ("ask", "--sing", "x"), ("backup",)])
def test_a_command_that_is_none_exits_with_2(arguments: tuple[str, ...]) -> None:
    run = rag(*arguments)
    assert (run.returncode, run.stdout) == (2, "")


def test_ctrl_c_exits_with_130(home: Path) -> None:
    command = [sys.executable, "-m", "rag", "search", "--batch", "-", "--home", str(home)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    running = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in said


def test_accounts_are_added_listed_and_removed(home: Path, tmp_path: Path) -> None:
    own = ("--home", str(tmp_path))
    assert rag("account", "add", "ana", *own, given="a long password\n").returncode == 0
    assert rag("account", "list", *own).stdout == "ana\n"
    assert rag("account", "remove", "ana", *own).returncode == 0
    assert rag("account", "list", *own).stdout.strip() == ""


def test_a_library_is_backed_up_and_restored(home: Path, shelf: Path, tmp_path: Path) -> None:
    file, there = str(tmp_path / "a.zip"), ("--home", str(tmp_path / "h"))
    made = rag("backup", file, "--home", str(home), "--library", str(shelf))
    restored = rag("restore", file, *there, "--library", str(tmp_path / "l"))
    assert (made.returncode, restored.returncode) == (0, 0)
    assert (tmp_path / "l" / "port été.md").read_text(encoding="utf-8") == PORT


def test_ask_prints_one_json_object(chosen: list[str]) -> None:
    run = rag("ask", ASKED, "--json", *chosen)
    assert run.returncode == 0
    (answer,) = lines(run.stdout)
    check_answer(answer)


def test_a_batch_prints_an_object_a_line(chosen: list[str]) -> None:
    own = [{"_id": "p", "title": "Kervalec", "text": PORT}]
    asked = [{"_id": "a", "text": ASKED, "language": "fr", "history": ["Où est Kervalec ?"]},
             {"_id": "b", "text": ASKED, "passages": own}, {"text": "Qui dirige Ikea ?"}, {"_id": "c"}]  # fmt: skip
    run = rag("ask", "--batch", "-", *chosen, given="\n".join(map(json.dumps, asked)))
    assert run.returncode == 1  # of the line without a question
    first, second, third, fourth = lines(run.stdout)
    assert [line["_id"] for line in (first, second, third, fourth)] == ["a", "b", None, "c"]
    for line in (first, second, third):
        assert line.keys() == ANSWER | {"_id"}
    assert second["passages"][0]["document"] == "p"
    assert fourth.keys() == {"_id", "error"}
    assert fourth["error"].keys() == {"code", "line", "message"}


def test_search_prints_passages(chosen: list[str]) -> None:
    run = rag("search", ASKED, "--json", "-k", "3", *chosen[:-2])
    assert run.returncode == 0
    (found,) = lines(run.stdout)
    assert found.keys() == {"passages"}
    assert found["passages"][0].keys() == PASSAGE


# Over HTTP.


@pytest.fixture(scope="module")
def address(chosen: list[str]) -> Iterator[str]:
    """Where `python -m rag serve` answers."""
    command = [sys.executable, "-m", "rag", "serve", "--no-browser", "--port", "0", *chosen]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    try:
        found = server.stdout.readline().removeprefix("Cocorico: ").strip().rstrip("/")
        while not _ready(found):
            assert server.poll() is None
            time.sleep(0.2)
        yield found
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _ready(address: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{address}/health").json() == {"status": "ready"}
    return False


def chat(address: str, **more: Any) -> httpx.Response:
    body = {"model": "cocorico", "messages": [{"role": "user", "content": ASKED}], **more}
    return httpx.post(f"{address}/v1/chat/completions", json=body, timeout=300)


def check_annotation(annotation: dict[str, Any], address: str) -> None:
    assert annotation.keys() == {"type", "url_citation"}
    cited = annotation["url_citation"]
    assert cited.keys() == {"start_index", "end_index", "title", "url", "quote"}
    assert cited["url"].startswith(f"{address}/v1/documents/port%20%C3%A9t%C3%A9.md#char=")


def test_the_models(address: str) -> None:
    listed = httpx.get(f"{address}/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["cocorico"]
    assert listed["data"][0].keys() >= {"id", "object", "created", "owned_by"}


def test_a_chat_completion(address: str) -> None:
    answer = chat(address, language="fr", documents=["port été.md"]).json()
    assert answer.keys() >= {"id", "object", "created", "model", "choices", "usage", "cocorico"}
    assert answer["object"] == "chat.completion"
    choice = answer["choices"][0]
    assert choice.keys() >= {"index", "message", "finish_reason", "logprobs"}
    assert choice["message"].keys() >= {"role", "content", "annotations"}
    check_annotation(choice["message"]["annotations"][0], address)
    assert answer["usage"].keys() >= {"prompt_tokens", "completion_tokens", "total_tokens"}
    check_answer(answer["cocorico"])


def test_a_streamed_chat_completion(address: str) -> None:
    answer = chat(address, stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if "data: " in line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert all(chunk.keys() >= {"id", "object", "created", "model", "choices"} for chunk in chunks)
    assert all(choice.keys() >= {"index", "delta", "finish_reason"} for choice in choices)
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert "47" in "".join(choice["delta"].get("content") or "" for choice in choices)
    (last,) = [choice["delta"] for choice in choices if "annotations" in choice["delta"]]
    check_annotation(last["annotations"][0], address)
    check_answer(last["cocorico"])
    assert [one["finish_reason"] for one in choices if one["finish_reason"]] == ["stop"]


@pytest.mark.parametrize(("more", "status", "code"), [({"messages": []}, 400, "invalid_request")])
def test_a_refused_request(address: str, more: dict, status: int, code: str) -> None:
    answer = chat(address, **more)
    assert answer.status_code == status
    assert answer.json()["error"].keys() == {"message", "type", "code", "param"}
    assert answer.json()["error"]["code"] == code


def test_search_over_http(address: str) -> None:
    asked = {"query": ASKED, "k": 2, "language": "fr", "documents": ["port été.md"]}
    found = httpx.post(f"{address}/v1/search", json=asked, timeout=60).json()
    assert found.keys() == {"object", "data"}
    assert found["data"][0].keys() >= PASSAGE | {"title", "language", "text"}


def test_a_check_over_http(address: str) -> None:
    text = "Le phare de Kervalec mesure 47 mètres. Le phare de Kervalec mesure 48 mètres."
    found = httpx.post(f"{address}/v1/check", json={"text": text}, timeout=60).json()
    assert found.keys() == {"object", "data"}
    assert [each["verdict"] for each in found["data"]] == ["supported", "contradicted"]
    assert found["data"][0].keys() == CHECKED
    assert found["data"][0]["sources"][0].keys() == CITATION


def test_the_documents(address: str) -> None:
    listed = httpx.get(f"{address}/v1/documents").json()
    assert listed.keys() == {"object", "data"}
    assert listed["data"][0].keys() >= {"name", "title", "language", "passages"}
    text = httpx.get(f"{address}/v1/documents/port été.md")
    assert text.headers["content-type"].startswith("text/plain")
    assert "47 mètres" in text.text
    absent = httpx.get(f"{address}/v1/documents/absent.md")
    assert (absent.status_code, absent.json()["error"]["code"]) == (404, "document_unknown")


def test_health_metrics_and_the_description(address: str) -> None:
    chat(address)
    assert httpx.get(f"{address}/health").json() == {"status": "ready"}
    counted = httpx.get(f"{address}/metrics").text
    for name in (
        'cocorico_questions_total{door="api",outcome="answered"}', "cocorico_first_word_seconds_bucket", "cocorico_ready 1.0",
        "cocorico_answer_seconds_bucket", "cocorico_asking", "cocorico_documents 1.0", "cocorico_passages",
    ):  # fmt: skip
        assert name in counted
    assert httpx.get(f"{address}/v1/openapi.json").json()["paths"].keys() >= {
        "/v1/chat/completions", "/v1/models", "/v1/search", "/v1/check", "/v1/documents", "/v1/documents/{name}", "/health", "/metrics",
    }  # fmt: skip


def test_the_name_for_gradio_s_client(address: str) -> None:
    import gradio_client

    client = gradio_client.Client(address, verbose=False)
    check_answer(client.predict(question=ASKED, api_name="/answer"))
    check_answer(client.predict(ASKED, ["Où est Kervalec ?"], "fr", api_name="/answer"))


def test_the_tools_for_assistants(address: str) -> None:
    async def talk() -> None:
        async with Client(f"{address}/mcp") as client:
            tools = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
            assert {name: set(schema["properties"]) for name, schema in tools.items()} == {
                "ask": {"question", "history", "language", "scope"},
                "search": {"query", "k", "language", "scope"},
                "check": {"text", "scope"},
                "read_passage": {"document", "passage"},
            }
            assert {name: schema["required"] for name, schema in tools.items()} == {
                "ask": ["question"],
                "search": ["query"],
                "check": ["text"],
                "read_passage": ["document", "passage"],
            }
            asked = await client.call_tool("ask", {"question": ASKED})
            check_answer(asked.structured_content)
            found = await client.call_tool("search", {"query": ASKED})
            assert found.structured_content["result"][0].keys() >= PASSAGE | {"title", "text"}
            checked = await client.call_tool("check", {"text": "Le phare mesure 48 mètres."})
            assert checked.structured_content["result"][0].keys() == CHECKED
            asked = {"document": "port été.md", "passage": 0}
            read = await client.call_tool("read_passage", asked)
            assert read.structured_content.keys() == READ_PASSAGE

    asyncio.run(talk())


# From Python.


def test_the_names_of_the_python_interface() -> None:
    def parameters(function: Any) -> list[str]:
        return [name for name in inspect.signature(function).parameters if name != "self"]

    assert parameters(open_library) == [
        "settings", "progress", "model", "stop", "on_store", "on_indexing", "workers", "ray"
    ]  # fmt: skip
    assert parameters(Library.ask) == ["question", "history", "language", "passages", "documents"]
    assert parameters(Library.search) == ["question", "k", "language", "documents"]
    assert parameters(from_environment) == ["environment"]
    assert Turn("Combien ?") == Turn(question="Combien ?", answer="")
    answer = get_type_hints(Answer)
    sentence = get_args(answer["sentences"])[0]
    citation = get_args(get_type_hints(sentence)["citations"])[0]
    assert isinstance(Answer.doubtful, property)
    for kind, names in (
        (Answer, "question answer language answerable refused sentences passages timings"),
        (sentence, "text start end support citations"),
        (citation, "document title passage start end text"),
        (answer["timings"], "retrieval first_token total tokens"),
    ):
        assert {field.name for field in fields(kind)} >= set(names.split())


def test_a_library_is_asked_and_searched(home: Path, shelf: Path) -> None:
    with open_library(Settings(home=home, library=shelf, model="small")) as library:
        answer = library.ask(ASKED, history=["Où est Kervalec ?", Turn("Et ?", "Au bord.")])
        assert isinstance(answer, Answer)
        own = [{"_id": "p", "title": "Kervalec", "text": PORT}]
        assert library.ask(ASKED, language="fr", passages=own).answer
        found = library.search(ASKED, k=1, language="fr", documents=["port été.md"])
        assert [round(hit.score) for hit in found] == [1]


def test_the_variables() -> None:
    named = {
        "COCORICO_HOME": ("/h", "home", Path("/h")),
        "COCORICO_LIBRARY": ("/l", "library", Path("/l")),
        "COCORICO_MODEL": ("small", "model", "small"),
        "COCORICO_EMBEDDER": ("e5", "embedder", "e5"),
        "COCORICO_STORE": ("http://s#n", "store", "http://s#n"),
        "COCORICO_STORE_TOKEN": ("t", "store_token", "t"),
        "COCORICO_API_KEY": ("k", "api_key", "k"),
        "COCORICO_HOST": ("::1", "host", "::1"),
        "COCORICO_PORT": ("80", "port", 80),
        "COCORICO_THREADS": ("2", "threads", 2),
        "COCORICO_HOSTS": ("a.example, b.example", "hosts", ("a.example", "b.example")),
        "COCORICO_PROXY_USER": ("X-User", "proxy_user", "X-User"),
        "COCORICO_TOKEN": ("s", "token", "s"),
    }
    settings = from_environment({name: given for name, (given, _, _) in named.items()})
    for _, field, value in named.values():
        assert getattr(settings, field) == value
