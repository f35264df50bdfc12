"""What a request passes before it reaches the page: one middleware a danger, see `middleware`."""

import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

import anyio
from anyio.to_thread import run_sync
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from index.errors import UserError
from rag.folder import MOST_BYTES
from ui.accounts import OWNER, Accounts, credentials
from ui.errors import respond

# Gradio compiles its templates in the browser: hence 'unsafe-eval'.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; form-action 'self'; base-uri 'self'; object-src 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_PROGRAMS = ("/v1/", "/mcp", "/metrics")  # paths that may need a token
_SAFE = ("GET", "HEAD", "OPTIONS")  # methods that change nothing
_UPLOADS = ("/cocorico/library/", "/cocorico/read/", "/cocorico/attach/")
_MOST_BODY = 2_000_000  # bytes of any request but an upload
_BURST, _PACE = 200, 20  # requests of one address at once, and a second after that
_TRIES, _TRIES_PACE = 10, 0.2  # the same of wrong passwords, of one address or for one name
_PATIENCE = 5.0  # seconds that an upload may be held back
_LOOPBACK = ("127.0.0.0/8", "::1")


def middleware(
    accounts: Accounts,
    hosts: Collection[str] = (),
    token: str = "",
    proxy_user: str = "",
    proxies: Sequence[str] = (),
) -> list[Middleware]:
    """All of them, the outermost first.

    Args:
        accounts: who may use the page.
        hosts: names of this machine besides its addresses and "localhost".
        token: what programs must send; "" for none.
        proxy_user: the header in which a proxy names the user; "" for none.
        proxies: addresses or networks of the proxies that are trusted besides this machine.

    Raises:
        UserError: `proxy_address` (address) for one of `proxies` that is neither.
    """
    trusted = [*_LOOPBACK, *proxies]
    for address in trusted:
        try:
            ipaddress.ip_network(address)
        except ValueError as error:
            raise UserError("proxy_address", address=address) from error
    return [
        Middleware(SecurityHeaders),
        Middleware(ErrorResponses),
        Middleware(ProxyUserCheck, header=proxy_user, trusted=trusted),
        Middleware(ProxyHeadersMiddleware, trusted_hosts=trusted),
        Middleware(HostCheck, hosts=hosts),
        Middleware(AuthenticationMiddleware, backend=Login(accounts, token)),
        Middleware(CrossOriginCheck),
        Middleware(RateLimit),
        Middleware(BodyLimit),
    ]


class SecurityHeaders:
    """Tells the browser to refuse what is not from this address."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if scope["path"].startswith("/cocorico/"):
                    headers.setdefault("cache-control", "no-cache")  # asked anew after an update
            await send(message)

        await self.app(scope, receive, send_with_headers)


class ErrorResponses:
    """Answers the errors that the classes below raise."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except UserError as error:
            await respond(error, scope["path"])(scope, receive, send)


class ProxyUserCheck:
    """Removes the header in which a proxy names the user from requests of anybody else.

    It needs the address of the connection, which `ProxyHeadersMiddleware` replaces by the client's.
    """

    def __init__(self, app: ASGIApp, header: str, trusted: Sequence[str]) -> None:
        self.app = app
        self._header = header
        self._trusted = [ipaddress.ip_network(each) for each in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._header and scope["type"] == "http":
            address = _address(scope)
            if address is None or not any(address in network for network in self._trusted):
                del MutableHeaders(scope=scope)[self._header]
        await self.app(scope, receive, send)


class HostCheck:
    """Refuses requests to a name that is not this machine's.

    A page elsewhere can point a name of its own at this machine (DNS rebinding), but none of ours
    and no address. Starlette's `TrustedHostMiddleware` can't let all addresses pass.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self._hosts = {host.lower() for host in hosts} | {"localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            if not self._is_known(host):
                raise UserError("host_unknown", host=host)
        await self.app(scope, receive, send)

    def _is_known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return bool(_parsed(name)) or name in self._hosts or name.endswith(".localhost")


class Login(AuthenticationBackend):
    """Tells whose request it is, and slows down wrong passwords and tokens by address and name.

    A try is counted before the password is hashed, and one thread hashes, so that wrong passwords
    hold up neither the page nor who is logged in.
    """

    def __init__(self, accounts: Accounts, token: str) -> None:
        self._accounts = accounts
        self._token = token.encode()
        self._tries = Buckets(_TRIES, _TRIES_PACE)
        self._hashing = anyio.CapacityLimiter(1)

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser]:
        """The user of a request.

        Raises:
            UserError: `login`, `token_wrong`, `too_many`.
        """
        path, user = conn.scope["path"], OWNER
        token = self._token if path.startswith(_PROGRAMS) else b""
        scheme, _, sent = conn.headers.get("authorization", "").partition(" ")
        if token and scheme.lower() == "bearer":
            self._tries.spend(_client(conn.scope))
            if not hmac.compare_digest(sent.strip().encode(), token):
                raise UserError("token_wrong")
            self._tries.refund(_client(conn.scope))
        elif self._accounts.needed and path != "/health":
            user = self._accounts.known_user(conn.headers) or await self._verified(conn)
        elif token:
            raise UserError("token_wrong")
        return AuthCredentials(), SimpleUser(user)

    async def _verified(self, conn: HTTPConnection) -> str:
        name, password = credentials(conn.headers)
        if not password:
            raise UserError("login")
        keys = (_client(conn.scope), f"name {name}")
        for key in keys:
            self._tries.spend(key)
        if not await run_sync(self._accounts.verify, name, password, limiter=self._hashing):
            raise UserError("login")
        for key in keys:
            self._tries.refund(key)
        return name


class CrossOriginCheck:
    """Refuses what the page of another site makes a browser send, unless it changes nothing.

    The algorithm is that of Go's `http.CrossOriginProtection`, reasoned in Filippo Valsorda's
    "Cross-Site Request Forgery" (https://words.filippo.io/csrf/). WebSockets, which browsers open
    for any site, are closed: the page has none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            headers = Headers(scope=scope)
            site, origin = headers.get("sec-fetch-site"), headers.get("origin")
            if site:
                allowed = site in ("same-origin", "none")
            else:  # a program, or a browser older than 2023
                allowed = origin is None or origin.partition("://")[2] == headers.get("host")
            if not allowed:
                raise UserError("origin_foreign", origin=origin or site)
        await self.app(scope, receive, send)


class RateLimit:
    """Refuses what one address sends too fast; uploads, which come in long rows, are held back."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._requests = Buckets(_BURST, _PACE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            patience = _PATIENCE if scope["method"] == "PUT" else 0.0
            await anyio.sleep(self._requests.spend(_client(scope), patience))
        await self.app(scope, receive, send)


class BodyLimit:
    """Refuses too large a body, and cuts off one that hides its size.

    Starlette's `RequestBodyLimitMiddleware` says so in English only, and not what the limit is.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = scope["method"] == "PUT" and scope["path"].startswith(_UPLOADS)
        most, size = MOST_BYTES if upload else _MOST_BODY, 0
        if int(Headers(scope=scope).get("content-length") or 0) > most:
            raise UserError("body_large", most=most)

        async def receive_at_most() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message if size <= most else {"type": "http.disconnect"}

        await self.app(scope, receive_at_most, send)


class Buckets:
    """A token bucket for each key: `burst` at once, and `pace` a second after that."""

    def __init__(self, burst: float, pace: float) -> None:
        self._burst, self._pace = burst, pace
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, since when

    def spend(self, key: str, patience: float = 0.0) -> float:
        """Take a token; gives the seconds until it is there.

        Raises:
            UserError: `too_many` where that is longer than `patience`; no token is taken.
        """
        now = time.monotonic()
        left, since = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._pace)
        refused = left < 1 - patience * self._pace
        self._left[key] = (left if refused else left - 1, now)
        if len(self._left) > 10_000:
            self._left.popitem(last=False)
        if refused:
            raise UserError("too_many")
        return max(0.0, (1 - left) / self._pace) if left < 1 else 0.0

    def refund(self, key: str) -> None:
        """Give a token back."""
        if key in self._left:
            left, since = self._left[key]
            self._left[key] = (left + 1, since)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _address(scope: Scope) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    return _parsed(scope["client"][0]) if scope.get("client") else None


def _client(scope: Scope) -> str:
    """What requests of one client are counted by: its address, of IPv6 the /64 network, within
    which a client chooses its own."""
    address = _address(scope)
    if address is None or address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address.packed, 64), strict=False))
