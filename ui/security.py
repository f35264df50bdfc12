"""What stands before the page: other hosts, other origins, floods and oversized bodies are refused, in words."""

import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from urllib.parse import urlsplit

from index.errors import UserError
from rag.folder import MOST_BYTES
from rag.i18n import explain
from ui.accounts import Accounts

# The browser itself refuses whatever isn't from this address. Gradio compiles its templates: hence 'unsafe-eval'.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; form-action 'self'; "
    "base-uri 'self'; object-src 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_DOORS = ("/v1/", "/mcp", "/metrics")  # for programs, which may need a token
_STATUS = {
    "host_unknown": 421,
    "too_many": 429,
    "body_large": 413,
    "token_wrong": 401,
    "login": 401,
}
_MOST_BODY = 2_000_000  # bytes of anything but a document
_BURST, _PACE = 200, 20  # requests that one address may send at once, and a second after that


class Guard:
    """An ASGI application before another one.

    Args:
        app: what is guarded.
        hosts: names that this machine is reached by, besides its addresses and "localhost". A page elsewhere can point a
            name of its own at this machine (DNS rebinding), never a name of ours.
        token: what programs must show at their doors; none where empty.
        accounts: who may use the page; anybody where None.
    """

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        hosts: Collection[str] = (),
        token: str = "",
        accounts: Accounts | None = None,
    ) -> None:
        self.app = app
        self._token = token.encode()
        self._accounts = accounts
        self._hosts = {host.lower() for host in hosts} | {"localhost"}
        self._seen: dict[
            str, tuple[float, float]
        ] = {}  # what each address has left, and since when

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what is allowed, with the headers by which the browser guards the page."""
        if scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                if scope["path"].startswith("/cocorico/"):
                    own.append(
                        (b"cache-control", b"no-cache")
                    )  # kept, but asked for anew after an update
                message["headers"] = [*message["headers"], *own]
            await send(message)

        try:
            self._admit(scope, headers)
        except UserError as error:
            text = "\n".join(explain(error, language) for language in ("en", "fr")).encode()
            answer = [(b"content-type", b"text/plain; charset=utf-8")]
            if error.code == "login":
                answer.append((b"www-authenticate", b'Basic realm="Cocorico", charset="UTF-8"'))
            await guarded(
                {
                    "type": "http.response.start",
                    "status": _STATUS.get(error.code, 403),
                    "headers": answer,
                }
            )
            await guarded({"type": "http.response.body", "body": text})
            return
        await self.app(scope, _bounded(receive, _most(scope)), guarded)

    def _admit(self, scope: Any, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        if not self._known(host):
            raise UserError("host_unknown", host=host)
        self._identify(scope, headers)
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return
        origin = headers.get("origin")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or (
            origin is not None and origin.partition("://")[2] != host
        ):
            raise UserError("origin_foreign", origin=origin or headers["sec-fetch-site"])
        if scope["path"].startswith(
            "/gradio_api/upload"
        ):  # the page doesn't use it, and it knows no library
            raise UserError("origin_foreign", origin=scope["path"])
        if int(headers.get("content-length") or 0) > _most(scope):
            raise UserError("body_large", most=_most(scope))
        if scope["method"] != "PUT":  # documents come one after the other anyway
            self._count(scope["client"][0] if scope.get("client") else "")

    def _identify(self, scope: Any, headers: dict[str, str]) -> None:
        """Let pass who shows the programs' token at their doors, or proves to be somebody; a wrong try counts as a request."""
        wanted = self._token if scope["path"].startswith(_DOORS) else b""
        if wanted and hmac.compare_digest(
            headers.get("authorization", "").removeprefix("Bearer ").encode(), wanted
        ):
            return
        needed = self._accounts is not None and self._accounts.needed
        if (
            self._accounts is not None
            and needed
            and scope["path"] != "/health"
            and self._accounts.user(headers) is None
        ):
            self._count(scope["client"][0] if scope.get("client") else "")
            raise UserError("login")
        if wanted and not needed:
            raise UserError("token_wrong")

    def _known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._hosts or name.endswith(".localhost")
        return True

    def _count(self, address: str) -> None:
        """A bucket of requests a client, which fills again with time."""
        now = time.monotonic()
        left, since = self._seen.get(address, (_BURST, now))
        left = min(_BURST, left + (now - since) * _PACE) - 1
        if left < 0:
            raise UserError("too_many")
        if len(self._seen) > 1000:
            self._seen.clear()
        self._seen[address] = (left, now)


def _most(scope: Any) -> int:
    return (
        MOST_BYTES
        if scope["method"] == "PUT" and scope["path"].startswith("/cocorico/library/")
        else _MOST_BODY
    )


def _bounded(receive: Any, most: int) -> Any:
    """The body up to so many bytes, whatever its header said; then the connection counts as gone."""
    size = 0

    async def limited() -> Any:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return message if size <= most else {"type": "http.disconnect"}

    return limited
