"""Web pages by their address, from a real server on this machine: limits, redirects, what is refused."""

import asyncio
import ipaddress
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from index.errors import UserError
from rag.folder import Folder
from rag.settings import Settings
from ui import fetching
from ui.accounts import accounts_of
from ui.fetching import fetch, is_refused
from ui.pages import Pages

BODY = "<html><title>Le coq</title><body><p>Le coq chante à l'aube.</p></body></html>"


class _Site(BaseHTTPRequestHandler):
    pages: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {}

    def do_GET(self) -> None:
        if self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
            return
        status, headers, body = self.pages[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    server.daemon_threads = True
    html = {"content-type": "text/html"}
    port = server.server_port
    _Site.pages = {
        "/coq": (200, html, BODY.encode()),
        "/latin": (200, {"content-type": "text/html; charset=iso-8859-15"}, BODY.encode("latin-1")),
        "/there": (302, {"location": "/coq"}, b""),
        "/round": (302, {"location": "/round"}, b""),
        "/inside": (302, {"location": f"http://127.0.0.2:{port}/coq"}, b""),
        "/file": (302, {"location": "file:///etc/passwd"}, b""),
        "/zip": (200, {"content-type": "application/zip"}, b"PK"),
        "/gone": (404, html, b""),
        "/large": (200, html, b"x" * 5000),
    }
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()


def got(address: str, *, local: bool = True) -> fetching.Fetched:
    return asyncio.run(fetch(address, local=local))


def refusal(address: str, *, local: bool = True) -> str:
    with pytest.raises(UserError) as raised:
        got(address, local=local)
    return raised.value.code


def test_a_page_comes_with_a_name_and_its_address(site: str) -> None:
    page = got(f" {site}/there ")
    assert (page.name, page.data) == ("web/127.0.0.1/coq.html", BODY.encode())
    assert page.address == f"{site}/there"
    assert "à l'aube" in got(f"{site}/latin").data.decode("utf-8-sig")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/round", "page_redirects"),
        ("/file", "page_address"),
        ("/zip", "page_kind"),
        ("/gone", "page_status"),
    ],
)
def test_what_is_no_page_is_refused(site: str, path: str, code: str) -> None:
    assert refusal(site + path) == code


def test_size_and_time_have_limits(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_BYTES", 1000)
    assert refusal(f"{site}/large") == "page_large"
    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.5)
    began = time.monotonic()
    assert refusal(f"{site}/drip") == "page_slow"
    assert time.monotonic() - began < 5


def test_this_machine_and_its_network_are_not_asked(site: str) -> None:
    port = site.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "0.0.0.0"):
        assert refusal(f"http://{host}:{port}/coq", local=False) in (
            "page_local",
            "page_unreachable",
        )
    for address in ("", "coq", "ftp://a.example/", "file:///etc/passwd", "http://a:b@c.example/"):
        assert refusal(address, local=False) == "page_address"


def test_each_redirect_is_checked(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 stands for a public address here, 127.0.0.2 for one of this network."""
    monkeypatch.setattr(fetching, "is_refused", lambda address, own: str(address) != "127.0.0.1")
    assert got(f"{site}/there", local=False).data == BODY.encode()
    assert refusal(f"{site}/inside", local=False) == "page_local"


def test_the_connection_goes_to_the_address_that_was_checked(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that stands for another address when it is looked up again is looked up once."""
    asked = []

    async def look_up(_: object, host: str, port: int, **__: object) -> list[object]:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port))]

    monkeypatch.setattr("asyncio.BaseEventLoop.getaddrinfo", look_up)
    monkeypatch.setattr(fetching, "is_refused", lambda address, own: False)
    port = site.rpartition(":")[2]
    assert got(f"http://coq.example:{port}/coq", local=False).data == BODY.encode()
    assert asked == ["coq.example"]


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 "
    "255.255.255.255 ::1 :: fe80::1 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 "
    "2002:7f00:1:: 2001:0:1:2:3:4:5:6".split(),
)
def test_no_private_address_passes(address: str) -> None:
    assert is_refused(ipaddress.ip_address(address))


def test_a_public_address_passes_unless_it_is_of_the_own_network() -> None:
    address = ipaddress.ip_address("93.184.215.14")
    assert not is_refused(address)
    assert is_refused(address, [ipaddress.ip_network("93.184.215.0/24")])
    assert not is_refused(ipaddress.ip_address("2606:4700::1111"))


def made(tmp_path: Path, web: str) -> Pages:
    library = tmp_path / "library"
    library.mkdir(exist_ok=True)
    settings = Settings(home=tmp_path, library=library, web=web)
    folder = Folder(library, tmp_path / "aside")
    return Pages(SimpleNamespace(settings=settings, folder=folder, read=lambda *_: None))


def test_a_page_is_kept_with_its_address_and_refreshed(site: str, tmp_path: Path) -> None:
    pages = made(tmp_path, "local")
    name = asyncio.run(pages.add(f"{site}/coq"))["name"]
    assert pages.known()[name]["address"] == f"{site}/coq"
    assert asyncio.run(pages.add(f"{site}/coq"))["changes"] == []  # no second file
    new = BODY.replace("à l'aube", "à midi").encode()
    _Site.pages["/coq"] = (200, {"content-type": "text/html"}, new)
    answer = asyncio.run(pages.refresh(name))
    assert answer["changes"] == [("-", "Le coq chante à l'aube."), ("+", "Le coq chante à midi.")]
    assert (tmp_path / "library" / name).read_bytes() == new


def test_by_default_one_person_may_and_several_may_not(tmp_path: Path) -> None:
    assert made(tmp_path, "auto").allowed
    accounts_of(made(tmp_path, "auto")._service.settings).add("ana", "a long password")
    assert not made(tmp_path, "auto").allowed
    assert made(tmp_path, "on").allowed
    with pytest.raises(UserError, match="web_off"):
        asyncio.run(made(tmp_path, "auto").add("http://example.org/"))
