"""Several people on one page: who is let in, and that nobody reaches what is another's."""

import base64
import io
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from index.errors import UserError
from rag.__main__ import main
from rag.engine import Service
from rag.settings import ROOT, Settings
from ui.accounts import OWNER, Accounts, credentials
from ui.app import application, serve
from ui.history import History


def basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def user(accounts: Accounts, headers: dict[str, str]) -> str | None:
    """Whom these headers prove, as `ui.security.Login` asks."""
    name, password = credentials(headers)
    known = accounts.known_user(headers)
    return known or (name if accounts.verify(name, password) else None)


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    known = Accounts(tmp_path / "accounts.json")
    known.add("zoé", "chantecler-2024")
    known.add("bob", "corn and barley")
    return known


def test_the_right_password_proves_the_name_and_nothing_else_does(accounts: Accounts) -> None:
    assert user(accounts, basic("zoé", "chantecler-2024")) == "zoé"
    assert user(accounts, basic("zoé", "chantecler-2024")) == "zoé"
    for headers in (
        {},
        basic("zoé", "corn and barley"),
        basic("zoe", "chantecler-2024"),
        basic("", ""),
        basic("nobody", "x"),
        {"authorization": "Basic é"},
        {"authorization": "Bearer " + basic("bob", "corn and barley")["authorization"].split()[1]},
        {"x-user": "zoé"},
    ):
        assert user(accounts, headers) is None


def test_a_changed_password_ends_the_old_one_at_once(accounts: Accounts, tmp_path: Path) -> None:
    assert user(accounts, basic("bob", "corn and barley")) == "bob"
    Accounts(tmp_path / "accounts.json").add("bob", "another password")
    assert user(accounts, basic("bob", "corn and barley")) is None
    assert user(accounts, basic("bob", "another password")) == "bob"
    accounts.remove("bob")
    assert user(accounts, basic("bob", "another password")) is None


def test_no_password_can_be_read_in_the_file(accounts: Accounts, tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    assert "chantecler" not in file.read_text(encoding="utf-8")
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "password"),
    [("", "long enough"), ("a:b", "long enough"), ("a\nb", "long enough"), ("a", "short")],
)
def test_what_cannot_be_an_account_is_refused(accounts: Accounts, name: str, password: str) -> None:
    with pytest.raises(UserError):
        accounts.add(name, password)


def test_accounts_that_are_added_at_once_are_all_kept(tmp_path: Path) -> None:
    code = "import sys, pathlib, ui.accounts as a; a.Accounts(pathlib.Path(sys.argv[1])).add(*sys.argv[2:])"
    names = [f"user{number}" for number in range(6)]
    path = tmp_path / "accounts.json"
    writers = [
        subprocess.Popen([sys.executable, "-c", code, path, name, "a long password"], cwd=ROOT)
        for name in names
    ]
    assert [writer.wait() for writer in writers] == [0] * len(names)
    assert Accounts(path).names() == names


def test_where_a_proxy_names_the_users_no_password_counts(tmp_path: Path) -> None:
    Accounts(tmp_path / "accounts.json").add("zoé", "chantecler-2024")
    behind = Accounts(tmp_path / "accounts.json", "X-Forwarded-User")
    assert user(behind, basic("zoé", "chantecler-2024")) is None


def test_without_accounts_there_is_one_person_and_with_a_proxy_its_word_counts(
    tmp_path: Path,
) -> None:
    assert user(Accounts(tmp_path / "none.json"), {}) == OWNER
    behind = Accounts(tmp_path / "none.json", "X-Forwarded-User")
    assert behind.needed
    assert user(behind, {"x-forwarded-user": "zoé"}) == "zoé"
    assert user(behind, {}) is None


def test_a_page_that_others_reach_needs_accounts(home: Path) -> None:
    with pytest.raises(UserError) as caught:
        serve(Service(Settings(home=home)), "0.0.0.0", 0, open_browser=False)
    assert caught.value.code == "accounts_needed"


@pytest.fixture
def page(accounts: Accounts, tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "library").mkdir()
    with TestClient(
        application(Service(Settings(home=tmp_path, library=tmp_path / "library"))),
        base_url="http://127.0.0.1",
    ) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config",
        "/cocorico/main.js",
        "/v1/models",
        "/mcp",
        "/metrics",
        "/gradio_api/info",
        "/manifest.json",
    ],
)
def test_every_address_asks_who_it_is(page: TestClient, path: str) -> None:
    answer = page.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    if path != "/mcp":  # a stream that stays open
        assert page.get(path, headers=basic("bob", "corn and barley")).status_code != 401


def test_nobody_reaches_anothers_conversations_by_the_page_s_functions(
    page: TestClient, tmp_path: Path
) -> None:
    history = History(tmp_path / "conversations.sqlite")
    mine, _ = history.begin("zoé", "", "t1", "Un secret ?")

    def call(name: str, data: object, who: dict[str, str]) -> object:
        answer = page.post(f"/cocorico/api/{name}", json=data, headers=who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    zoe, bob = basic("zoé", "chantecler-2024"), basic("bob", "corn and barley")
    assert len(call("conversations", "", zoe)) == 1
    assert call("conversations", "", bob) == []
    assert call("conversation", mine, bob) is None
    assert call("export", {"id": mine, "kind": "json", "language": "fr"}, bob) is None
    assert call("rename", {"id": mine, "title": "Volé"}, bob) is False
    call("discard", {"id": mine}, bob)
    call("rate", {"id": mine, "turn": "t1", "rating": "bad", "reason": ""}, bob)
    call("stop", {"turn": "t1"}, bob)
    kept = call("conversation", mine, zoe)
    assert (kept["title"], kept["turns"][0]["rating"]) == ("Un secret ?", "")


@pytest.mark.parametrize(
    ("name", "data", "wrong"),
    [
        ("rename", {"id": "x"}, "title"),
        ("rename", ["x"], "id"),
        ("rate", {"id": "x", "turn": "t", "rating": "great", "reason": ""}, "rating"),
        ("export", {"id": "x", "kind": "exe", "language": "fr"}, "kind"),
        ("conversation", None, "Field required"),
        ("conversations", {"words": "x"}, "string"),
        ("stop", "t1", "turn"),
        ("remove", 3, "string"),
    ],
)
def test_a_malformed_request_of_the_page_is_told_what_is_wrong(
    page: TestClient, name: str, data: object, wrong: str
) -> None:
    who = basic("bob", "corn and barley")
    answer = page.post(f"/cocorico/api/{name}", json=data, headers=who)
    assert answer.status_code == 400
    assert wrong in answer.json()["error"]["en"]


def test_gradio_s_own_upload_is_closed(page: TestClient) -> None:
    who = basic("bob", "corn and barley")
    assert page.post("/gradio_api/upload", content=b"x", headers=who).status_code == 403
    assert page.post("/gradio_api/upload/", content=b"x", headers=who).status_code == 403


def test_the_command_line_makes_and_closes_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("long enough\n"))
    assert main(["account", "add", "ana", "--home", str(tmp_path)]) == 0
    assert main(["account", "list", "--home", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("ana\n")
    assert user(Accounts(tmp_path / "accounts.json"), basic("ana", "long enough")) == "ana"
    assert main(["account", "remove", "ana", "--home", str(tmp_path)]) == 0
    assert main(["account", "remove", "ana", "--home", str(tmp_path)]) == 1
