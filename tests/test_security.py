"""What stands before the page: foreign hosts and origins, floods and oversized bodies are refused."""

import asyncio
import base64
import threading
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from index.errors import UserError
from ui import accounts as passwords
from ui import security as module
from ui.accounts import Accounts


async def echo(request: Request) -> PlainTextResponse:
    """The user and the length of the body."""
    try:
        return PlainTextResponse(f"{request.user.display_name} {len(await request.body())}")
    except ClientDisconnect:
        return PlainTextResponse("cut off", 400)


def guarded(accounts: Accounts, **options: object) -> Starlette:
    """The echo behind all middlewares."""
    routes = [Route("/{path:path}", echo, methods=["GET", "POST", "PUT"])]
    return Starlette(routes=routes, middleware=module.middleware(accounts, **options))


def client_of(app: Starlette, address: str = "192.0.2.1") -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:7860", client=(address, 5000))


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return client_of(guarded(Accounts(tmp_path / "accounts.json"), hosts={"machine.lan"}))


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


def test_too_large_a_body_is_refused_before_it_is_sent(client: TestClient) -> None:
    answer = client.post("/", content=b"x" * (module._MOST_BODY + 1))
    assert answer.status_code == 413
    assert "2.0 MB" in answer.text
    assert "2,0\u202fMo" in answer.text


def test_a_body_that_hides_its_size_is_cut_off(client: TestClient) -> None:
    sent = client.post("/", content=(b"x" * 500_000 for _ in range(8)))
    assert sent.text == "cut off"


def test_a_flood_is_slowed_and_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACE", 0)
    client = client_of(guarded(Accounts(tmp_path / "accounts.json")))
    statuses = [client.post("/").status_code for _ in range(module._BURST + 1)]
    assert statuses == [200] * module._BURST + [429]
    assert client_of(client.app, "192.0.2.2").post("/").status_code == 200


def test_a_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    buckets = module.Buckets(burst=2, pace=0.5)
    assert [buckets.spend("a"), buckets.spend("a")] == [0, 0]
    with pytest.raises(UserError, match="too_many"):
        buckets.spend("a")
    now[0] += 2
    assert buckets.spend("a") == 0
    assert buckets.spend("a", patience=5) == 2  # its turn comes in two seconds
    assert buckets.spend("b") == 0
    buckets.refund("b")
    assert [buckets.spend("b"), buckets.spend("b")] == [0, 0]


def test_uploads_are_counted_and_held_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BURST", 3)
    monkeypatch.setattr(module, "_PACE", 1e-9)
    client = client_of(guarded(Accounts(tmp_path / "accounts.json")))
    statuses = [client.put("/cocorico/library/a.md").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert "fr" in client.put("/cocorico/library/a.md").json()["error"]


# --- who it is ---------------------------------------------------------------


def basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that are hashed, here by a function that takes no time."""
    seen: list[str] = []

    def fast(password: str, salt: bytes) -> bytes:
        seen.append(password)
        return sha256(salt + password.encode()).digest()

    monkeypatch.setattr(passwords, "_hash", fast)
    return seen


@pytest.fixture
def accounts(tmp_path: Path, hashed: list[str]) -> Accounts:
    known = Accounts(tmp_path / "accounts.json")
    known.add("zoé", "chantecler-2024")
    hashed.clear()
    return known


def test_wrong_passwords_are_counted_before_they_are_hashed(
    accounts: Accounts, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TRIES_PACE", 1e-9)
    client = client_of(guarded(accounts))
    statuses = [
        client.get("/", headers=basic(f"nobody{n}", "wrong")).status_code for n in range(20)
    ]
    assert statuses == [401] * module._TRIES + [429] * (20 - module._TRIES)
    assert len(hashed) == module._TRIES
    assert (
        client_of(client.app, "192.0.2.2").get("/", headers=basic("zoé", "chantecler-2024")).text
        == "zoé 0"
    )


def test_wrong_passwords_for_one_name_are_counted_from_all_addresses(
    accounts: Accounts, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TRIES_PACE", 1e-9)
    app, right = guarded(accounts), basic("zoé", "chantecler-2024")
    assert client_of(app).get("/", headers=right).text == "zoé 0"
    statuses = [
        client_of(app, f"192.0.2.{n}").get("/", headers=basic("zoé", "wrong")).status_code
        for n in range(20)
    ]
    assert statuses == [401] * module._TRIES + [429] * (20 - module._TRIES)
    assert client_of(app).get("/", headers=right).text == "zoé 0"  # who is logged in stays so


def test_a_right_password_is_no_try(accounts: Accounts, hashed: list[str]) -> None:
    client = client_of(guarded(accounts))
    for number in range(3 * module._TRIES):
        accounts.add("zoé", f"chantecler-{number}")
        right = basic("zoé", f"chantecler-{number}")
        assert client.get("/", headers=right).text == "zoé 0"


def test_addresses_of_one_network_count_as_one(
    accounts: Accounts, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TRIES_PACE", 1e-9)
    app = guarded(accounts)
    statuses = [
        client_of(app, f"2001:db8:1:2::{n}").get("/", headers=basic(f"x{n}", "y")).status_code
        for n in range(module._TRIES + 1)
    ]
    assert statuses[-1] == 429
    assert client_of(app, "2001:db8:1:3::1").get("/", headers=basic("x", "y")).status_code == 401


def test_wrong_passwords_do_not_hold_up_the_page(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, right = guarded(accounts), basic("zoé", "chantecler-2024")
    assert client_of(app).get("/", headers=right).status_code == 200
    release, hashing = threading.Event(), threading.Event()

    def slow(password: str, salt: bytes) -> bytes:
        hashing.set()
        assert release.wait(60)
        return b""

    monkeypatch.setattr(passwords, "_hash", slow)

    async def talk() -> None:
        transport = httpx.ASGITransport(app, client=("192.0.2.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            wrong = [
                asyncio.create_task(client.get("/", headers=basic("zoé", f"wrong {n}")))
                for n in range(4)
            ]
            await asyncio.to_thread(hashing.wait, 60)
            assert (await client.get("/", headers=right)).text == "zoé 0"
            assert (await client.get("/health")).status_code == 200
            assert not any(each.done() for each in wrong)
            release.set()
            assert {each.status_code for each in await asyncio.gather(*wrong)} == {401}

    asyncio.run(talk())


def test_wrong_tokens_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRIES_PACE", 1e-9)
    client = client_of(guarded(Accounts(tmp_path / "none.json"), token="s3cret"))
    right = {"authorization": "Bearer s3cret"}
    assert {client.get("/v1/models", headers=right).status_code for _ in range(30)} == {200}
    statuses = [
        client.get("/v1/models", headers={"authorization": f"Bearer {n}"}).status_code
        for n in range(20)
    ]
    assert statuses == [401] * module._TRIES + [429] * (20 - module._TRIES)
    answer = client.get("/v1/models", headers={"authorization": "Bearer x"})
    assert answer.json()["error"]["code"] == "too_many"


@pytest.mark.parametrize(
    ("address", "proxies", "user"),
    [
        ("127.0.0.1", (), "zoe"),
        ("::1", (), "zoe"),
        ("::ffff:127.0.0.1", (), "zoe"),
        ("192.0.2.7", ("192.0.2.7",), "zoe"),
        ("198.51.100.9", ("192.0.2.7", "198.51.100.0/24"), "zoe"),
        ("192.0.2.8", ("192.0.2.7",), None),
        ("192.0.2.1", (), None),
        ("", (), None),
    ],
)
def test_the_name_of_a_proxy_is_believed_from_this_machine_or_a_named_proxy(
    tmp_path: Path, address: str, proxies: tuple[str, ...], user: str | None
) -> None:
    header = "X-Forwarded-User"
    known = Accounts(tmp_path / "none.json", header)
    client = client_of(guarded(known, proxy_user=header, proxies=proxies), address)
    sent = {"x-forwarded-user": b"zoe", "x-forwarded-for": b"203.0.113.5"}
    answer = client.get("/", headers=sent)
    assert (answer.status_code, answer.text) == (200, f"{user} 0") if user else (401, answer.text)


def test_a_proxy_that_is_no_address_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"proxy_address.*proxy\.lan"):
        guarded(Accounts(tmp_path / "none.json"), proxies=("proxy.lan",))


def test_every_answer_tells_the_browser_what_to_refuse(client: TestClient) -> None:
    for answer in (client.get("/"), client.get("/", headers={"host": "evil.example"})):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
