"""The page as a web application: Gradio carries questions and answers, the rest is served from this folder."""

import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.settings import ROOT
from ui import source
from ui.chat import Desk, View
from ui.texts import EXAMPLES, all_texts
from weights.errors import UserError

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

    from rag.service import Service

HERE = Path(__file__).resolve().parent
# The browser itself refuses whatever isn't from this address. Gradio compiles its templates: hence 'unsafe-eval'.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; form-action 'self'; "
    "frame-ancestors 'self'"
)
# `ask` and `stop` are the events of the component that `build` listens to.
START = """import("%s").then(page => page.start(element, {
  ask: asked => trigger("ask", asked), stop: () => trigger("stop"), server, props, watch
}));"""


def build(service: "Service") -> "gr.Blocks":
    """The page over a service, which may still be getting ready."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    desk = Desk(service)

    def state(_: Any) -> dict[str, Any]:
        return source.state(service)

    def documents(_: Any) -> list[dict[str, str]] | None:
        return source.documents(service)

    def document(name: str) -> dict[str, str] | None:
        return source.document(service, str(name))

    # Gradio reads the annotations to know what to hand over, so they are real here.
    def ask(event: gr.EventData, request: gr.Request) -> Iterator[View]:
        yield from desk.ask(str(request.session_hash), event._data or {})

    def stop(request: gr.Request) -> None:
        desk.stop(str(request.session_hash))

    own_library = service.settings.library.resolve() == ROOT / "seeds"
    with gr.Blocks(title="Cocorico", analytics_enabled=False) as blocks:
        page = gr.HTML(
            value=None,
            html_template=(HERE / "page.html").read_text(encoding="utf-8"),
            js_on_load=START % _versioned("page.js"),
            apply_default_css=False,
            server_functions=[state, documents, document],
            texts=all_texts(),
            examples=EXAMPLES if own_library else (),
        )
        # Several people may ask at once; the model serves them one after the other.
        page.ask(
            ask,
            None,
            page,
            show_progress="hidden",
            trigger_mode="multiple",
            concurrency_limit=8,
            api_visibility="private",
        )
        page.stop(stop, None, None, queue=False, show_progress="hidden", api_visibility="private")
    return blocks


def application(service: "Service") -> "FastAPI":
    """The page with its own files, as an ASGI application that any server can run."""
    blocks = build(service)
    import gradio as gr
    from fastapi import FastAPI
    from starlette.middleware import Middleware
    from starlette.staticfiles import StaticFiles

    app = FastAPI(openapi_url=None, middleware=[Middleware(_OwnAddressOnly)])
    app.mount("/cocorico", StaticFiles(directory=HERE / "theme"), name="theme")
    return gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        head=_head(),
        favicon_path=str(HERE / "theme" / "mark.svg"),
        footer_links=[],
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
        run_history=False,
        theme=gr.themes.Base(font=["system-ui"], font_mono=["monospace"]),  # the default asks for fonts elsewhere
    )


def serve(service: "Service", host: str, port: int, *, open_browser: bool) -> None:
    """Serve the page until interrupted, on this port or the next free one; prints the address.

    Raises:
        UserError: `address_unavailable` (host, port, reason).
    """
    import webbrowser

    import uvicorn

    app = application(service)
    listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    print(f"Cocorico: {address}", flush=True)
    if open_browser:
        webbrowser.open(address)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound to the first free port from `port` on (`0`: any)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + 20) if port else (0,):
        listening = socket.socket(family)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen()
        except OSError as error:
            listening.close()
            reason = error
        else:
            return listening
    raise UserError("address_unavailable", host=host, port=port, reason=reason.strerror)


def _versioned(name: str) -> str:
    """The address of one of our files, changing with its content so that no browser keeps an old one."""
    return f"/cocorico/{name}?{sha256((HERE / 'theme' / name).read_bytes()).hexdigest()[:8]}"


def _head() -> str:
    """What the page needs before Gradio is there: style, script, and the theme chosen before."""
    chosen = """
      const root = document.documentElement, theme = localStorage.getItem("cocorico.theme");
      if (theme) root.dataset.theme = theme;
    """
    return (
        f"<script>{chosen}</script>"
        f'<link rel="stylesheet" href="{_versioned("style.css")}">'
        f'<link rel="modulepreload" href="{_versioned("page.js")}">'
        + "".join(
            f'<link rel="preload" as="font" type="font/woff2" crossorigin href="/cocorico/fonts/{name}.woff2">'
            for name in ("source-sans-3", "literata")
        )
    )


class _OwnAddressOnly:
    """Adds the content policy to each answer."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self.app(scope, receive, with_policy)
