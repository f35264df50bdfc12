"""A web page by its address: fetched with limits, and never from this machine or its network.

Each hop's name is resolved once; all its addresses are checked, and the connection is made to the
address that was checked, whatever the name may stand for by then (DNS rebinding).
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from index.errors import UserError

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 20_000_000  # as they arrive unpacked
MOST_SECONDS = 30.0  # for all of it
MOST_REDIRECTS = 5
KINDS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
}
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Fetched:
    """What an address gave: the address as it was asked for, a name for a file, its bytes."""

    address: str
    name: str
    data: bytes


async def fetch(address: str, *, local: bool = False) -> Fetched:
    """What lies at an address, after its redirects.

    Args:
        address: http:// or https://.
        local: whether this machine and its network may be asked.

    Raises:
        UserError: `page_address`, `page_local`, `page_unreachable`, `page_status`, `page_slow`,
            `page_large`, `page_kind`, `page_redirects`.
    """
    import httpx

    try:
        url = httpx.URL(address.strip())
        async with asyncio.timeout(MOST_SECONDS):
            for _ in range(MOST_REDIRECTS + 1):
                reached = await _hop(url, local)
                if isinstance(reached, Fetched):
                    return Fetched(address.strip(), reached.name, reached.data)
                url = url.join(reached)
    except (TimeoutError, httpx.TimeoutException) as error:
        raise UserError("page_slow", address=address, most=int(MOST_SECONDS)) from error
    except httpx.InvalidURL as error:
        raise UserError("page_address", address=address) from error
    except (httpx.HTTPError, OSError, UnicodeError) as error:
        reason = str(error) or type(error).__name__
        raise UserError("page_unreachable", address=address, reason=reason) from error
    raise UserError("page_redirects", address=address, most=MOST_REDIRECTS)


async def _hop(url: "httpx.URL", local: bool) -> Fetched | str:
    """What lies at an address, or where it sends on to."""
    import httpx

    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise UserError("page_address", address=str(url))
    port = url.port or (443 if url.scheme == "https" else 80)
    pinned = await _checked(url.raw_host.decode("ascii"), port, local)
    # A client for each hop: no cookie goes from one host to another on the same address.
    client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=MOST_SECONDS)
    headers = {"host": url.netloc.decode("ascii"), "user-agent": "Cocorico"}
    async with (
        client,
        client.stream(
            "GET",
            url.copy_with(host=str(pinned)),
            headers=headers,
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        ) as response,
    ):
        if response.is_redirect:
            return response.headers.get("location", "")
        if response.status_code != 200:
            raise UserError("page_status", address=str(url), status=response.status_code)
        kind, charset = _kind(response.headers.get("content-type", "")), response.charset_encoding
        data = bytearray()
        async for piece in response.aiter_bytes(65_536):
            data += piece
            if len(data) > MOST_BYTES:
                raise UserError("page_large", address=str(url), most=MOST_BYTES)
    ending = ".pdf" if data.startswith(b"%PDF-") else KINDS.get(kind, "")
    if not ending:
        raise UserError("page_kind", address=str(url), kind=kind or "?", known=", ".join(KINDS))
    return Fetched(str(url), _name(url, ending), _in_utf8(bytes(data), charset, ending))


async def _checked(host: str, port: int, local: bool) -> Address:
    """An address of a host to connect to; raises `page_local` where any of them is refused."""
    resolve = partial(asyncio.get_running_loop().getaddrinfo, type=socket.SOCK_STREAM)
    found = [
        ipaddress.ip_address(str(each[4][0]).split("%")[0]) for each in await resolve(host, port)
    ]
    if not local:
        own = _own_networks()
        for address in found:
            if is_refused(address, own):
                raise UserError("page_local", host=host, found=str(address))
    return found[0]


def is_refused(
    address: Address, own: list[ipaddress.IPv4Network | ipaddress.IPv6Network] | None = None
) -> bool:
    """Whether an address isn't a public one of another network, or leads to one that may not be."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_refused(address.ipv4_mapped, own)
        within = any(address in network for network in _TRANSLATED)
        if within or address.sixtofour or address.teredo:
            return True
    public = address.is_global and not address.is_multicast and not address.is_reserved
    return not public or any(address in network for network in own or ())


def _own_networks() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks that this machine is in."""
    import psutil

    found = []
    for each in (each for card in psutil.net_if_addrs().values() for each in card):
        if each.family in (socket.AF_INET, socket.AF_INET6):
            mask = (each.netmask or "32") if each.family == socket.AF_INET else "64"
            address = each.address.split("%")[0]
            found.append(ipaddress.ip_network(f"{address}/{mask}", strict=False))
    return [network for network in found if network.prefixlen >= 8]


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _name(url: "httpx.URL", ending: str) -> str:
    """A name below the library for what lies at an address."""
    stem = PurePosixPath(url.path).stem or "index"
    query = "-" + url.query.decode("ascii", "replace")[:40].replace("/", "-") if url.query else ""
    return f"web/{url.host}/{stem}{query}{ending}"


def _in_utf8(data: bytes, charset: str | None, ending: str) -> bytes:
    """The bytes; a text whose encoding is only in the response's head carries it in itself."""
    if ending == ".pdf" or not charset or data.startswith(b"\xef\xbb\xbf"):
        return data
    try:
        return b"\xef\xbb\xbf" + data.decode(charset).encode()
    except (LookupError, UnicodeDecodeError):
        return data
