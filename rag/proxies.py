"""Proxy variables (ALL_PROXY …) in a form that httpx can read; Gradio makes clients at import."""

import os
from collections.abc import MutableMapping
from importlib.util import find_spec
from urllib.parse import urlsplit

from index.errors import UserError

_SOCKS = ("socks5", "socks5h")


def adopt_proxies(environment: MutableMapping[str, str] = os.environ) -> None:
    """Write `socks://` as `socks5://`, which is what desktops mean by it.

    Raises:
        UserError: `proxy_unknown` or `proxy_socks` (setting, name).
    """
    for name, given in list(environment.items()):
        if not name.lower().endswith("_proxy") or name.lower() == "no_proxy" or "://" not in given:
            continue
        value = given.replace("socks://", "socks5://", 1) if given.startswith("socks:") else given
        try:
            url = urlsplit(value)
            known = url.scheme in ("http", "https", *_SOCKS) and (url.port or 0) >= 0
        except ValueError:
            known = False
        if not known:
            raise UserError("proxy_unknown", setting=f"{name}={given}", name=name)
        if url.scheme in _SOCKS and find_spec("socksio") is None:
            raise UserError("proxy_socks", setting=f"{name}={given}", name=name)
        environment[name] = value
