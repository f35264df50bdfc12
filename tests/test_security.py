"""What stands before the page: foreign hosts and origins, floods and oversized bodies are refused."""

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ui import security as module
from ui.security import Guard


@pytest.fixture
def client() -> TestClient:
    async def echo(request: Request) -> PlainTextResponse:
        try:
            return PlainTextResponse(str(len(await request.body())))
        except ClientDisconnect:
            return PlainTextResponse("cut off", 400)

    app = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST", "PUT"])])
    return TestClient(Guard(app, {"machine.lan"}), base_url="http://127.0.0.1:7860")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:7860",
        "localhost",
        "[::1]:7860",
        "192.168.1.4",
        "machine.lan:7860",
        "MACHINE.lan",
        "x.localhost",
    ],
)
def test_this_machine_s_own_names_are_known(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:7860",
        "",
        "machine.lan.evil",
    ],
)
def test_a_name_pointed_at_this_machine_from_elsewhere_is_refused(
    client: TestClient, host: str
) -> None:
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "COCORICO_HOSTS" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_another_page_changes_nothing(
    client: TestClient, method: str, headers: dict[str, str]
) -> None:
    form = {"content-type": "text/plain"}  # what a form of another page can send without asking
    assert (
        client.request(
            method, "/gradio_api/queue/join", headers=headers | form, content="{}"
        ).status_code
        == 403
    )


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}]
)
def test_the_page_itself_and_programs_may(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/gradio_api/queue/join", headers=headers).status_code == 200


def test_gradio_s_own_upload_is_closed(client: TestClient) -> None:
    assert client.post("/gradio_api/upload", content=b"x").status_code == 403


def test_too_large_a_body_is_refused_before_it_is_sent(client: TestClient) -> None:
    answer = client.post("/", content=b"x" * (module._MOST_BODY + 1))
    assert answer.status_code == 413
    assert "2.0 MB" in answer.text
    assert "2,0\u00a0Mo" in answer.text


def test_a_body_that_hides_its_size_is_cut_off(client: TestClient) -> None:
    sent = client.post("/", content=(b"x" * 500_000 for _ in range(8)))
    assert sent.text == "cut off"


def test_a_flood_is_slowed_and_passes(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACE", 0)
    statuses = [client.post("/").status_code for _ in range(module._BURST + 1)]
    assert statuses == [200] * module._BURST + [429]
    monkeypatch.setattr(module, "_PACE", 1e9)
    assert client.post("/").status_code == 200


def test_every_answer_tells_the_browser_what_to_refuse(client: TestClient) -> None:
    for answer in (client.get("/"), client.get("/", headers={"host": "evil.example"})):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
