"""The page as a web application: Gradio carries questions and answers, the rest is served from this folder."""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import UserError
from rag.i18n import EXAMPLES, explain, page_texts
from rag.settings import ROOT
from ui import source
from ui.accounts import Accounts, accounts_of
from ui.chat import MOST_CHARACTERS, Desk, View, wording
from ui.export import KINDS
from ui.export import export as exported
from ui.history import History
from ui.map import points
from ui.security import Guard

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

    from rag.engine import Service
    from ui.metrics import Metrics

HERE = Path(__file__).resolve().parent
LANGUAGES = ("fr", "en")
# `ask` and `stop` are the events of the component that `build` listens to.
START = """import("/cocorico/main.js").then(page => page.start(element, {
  ask: asked => trigger("ask", asked), stop: () => trigger("stop"), server, props, watch
}));"""


def build(
    service: "Service", history: History, metrics: "Metrics", accounts: Accounts
) -> "gr.Blocks":
    """The page over a service, which may still be getting ready."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    from ui import mcp as tools

    desk = Desk(service, history, metrics)

    def owner(request: gr.Request) -> str:
        """Whose conversations a request may reach. The guard has let it pass; only now is it asked who it is."""
        name = accounts.user({key.lower(): value for key, value in request.headers.items()})
        if name is None:
            raise UserError("login")
        return name

    # Gradio reads the annotations to know what to hand over, so they are real here.
    def ask(event: gr.EventData, request: gr.Request) -> Iterator[View]:
        yield from desk.ask(str(request.session_hash), owner(request), event._data or {})

    def stop(request: gr.Request) -> None:
        desk.stop(str(request.session_hash))

    def answer(
        question: str, history: list[str] | None = None, language: str | None = None
    ) -> dict[str, Any]:
        """Answer a question from the documents; `history` has the questions before it, `language` is "fr", "en" or None."""
        try:
            known = language if language in LANGUAGES else None
            return tools.answered(
                service, metrics, "gradio", question, history=history or [], language=known
            )
        except UserError as error:
            raise gr.Error(explain(error, "en"), print_exception=False) from error

    def state(_: Any) -> dict[str, Any]:
        return source.state(service)

    def documents(_: Any) -> list[dict[str, Any]] | None:
        return source.documents(service)

    def document(given: Any) -> dict[str, Any] | None:
        return source.document(service, *_texts(given, "name", "digest"))

    def map_of(question: Any) -> dict[str, Any] | None:
        return points(service.library, str(question)[:MOST_CHARACTERS]) if service.library else None

    def remove(name: Any) -> dict[str, Any]:
        return _told(lambda: {"kept": service.folder.take_out(str(name))}, service)

    def put_back(kept: Any) -> dict[str, Any]:
        return _told(lambda: {"name": service.folder.put_back(str(kept))}, service)

    def cancel(_: Any) -> None:
        service.cancel()

    def conversations(words: Any, request: gr.Request) -> list[dict[str, Any]]:
        return history.listed(owner(request), str(words))

    def conversation(name: Any, request: gr.Request) -> dict[str, Any] | None:
        return history.read(owner(request), str(name))

    def rename(given: Any, request: gr.Request) -> bool:
        return history.rename(owner(request), *_texts(given, "id", "title"))

    def discard(given: Any, request: gr.Request) -> None:
        name, undo = _texts(given, "id", "undo")
        history.delete(owner(request), name, undo=bool(undo))

    def rate(given: Any, request: gr.Request) -> None:
        history.rate(owner(request), *_texts(given, "id", "turn", "rating", "reason"))

    def export(given: Any, request: gr.Request) -> dict[str, str] | None:
        name, kind, language = _texts(given, "id", "kind", "language")
        found = history.read(owner(request), name)
        return (
            exported(found, kind, language)
            if found and kind in KINDS and language in LANGUAGES
            else None
        )

    functions = [
        state, documents, document, map_of, remove, put_back, cancel, conversations, conversation, rename, discard, rate, export,
    ]  # fmt: skip
    own_library = service.settings.library.resolve() == ROOT / "seeds"
    with gr.Blocks(title="Cocorico", analytics_enabled=False) as blocks:
        page = gr.HTML(
            value=None,
            html_template=(HERE / "static" / "page.html").read_text(encoding="utf-8"),
            js_on_load=START,
            apply_default_css=False,
            server_functions=functions,
            texts=page_texts(),
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
        gr.api(answer, api_name="answer", concurrency_limit=8)
    return blocks.queue(max_size=64)


def application(service: "Service") -> "FastAPI":
    """The page with its own files and the doors for programs, as an ASGI application that any server can run."""
    from ui import mcp as tools
    from ui import openai_api as doors
    from ui.metrics import Metrics

    metrics = Metrics(service)
    settings = service.settings
    accounts = accounts_of(settings)
    blocks = build(service, History(settings.conversations), metrics, accounts)
    import gradio as gr
    from fastapi import FastAPI, Request
    from fastapi.exceptions import RequestValidationError
    from mcp.server.transport_security import TransportSecuritySettings
    from starlette.middleware import Middleware
    from starlette.requests import ClientDisconnect
    from starlette.responses import FileResponse, JSONResponse, Response
    from starlette.staticfiles import StaticFiles

    hosts = {settings.host, socket.gethostname(), f"{socket.gethostname()}.local", *settings.hosts}
    mcp = tools.server(service, metrics)
    checked = TransportSecuritySettings(
        enable_dns_rebinding_protection=False
    )  # the guard has looked at the host
    over_http = mcp.streamable_http_app(
        stateless_http=True, json_response=True, transport_security=checked
    )
    app = FastAPI(
        title="Cocorico",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its page would load a script from elsewhere
        redoc_url=None,
        middleware=[Middleware(Guard, hosts=hosts, token=settings.token, accounts=accounts)],
        lifespan=lambda _: mcp.session_manager.run(),
    )
    app.include_router(doors.router(service, metrics))
    app.router.routes.extend(over_http.routes)

    @app.exception_handler(UserError)
    async def refuse(_: Request, error: UserError) -> JSONResponse:
        return doors.refusal(error)

    @app.exception_handler(RequestValidationError)
    async def correct(_: Request, error: RequestValidationError) -> JSONResponse:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()
        )
        return doors.told(400, wrong, "invalid_request")

    @app.put("/cocorico/library/{name:path}", include_in_schema=False)
    async def put(name: str, request: Request, replace: bool = False) -> dict[str, Any]:
        data = request.stream()
        try:
            added, kept = await service.folder.put(name, data, replace=replace)
        except UserError as error:
            if error.code != "upload_large":
                with suppress(ClientDisconnect):
                    async for _ in data:  # answered before its body is read, a browser may take the connection for lost
                        pass
            return {"error": wording(error)}
        except ClientDisconnect:
            return {}
        service.read(added, kept)
        return {"name": added, "kept": kept}

    @app.get("/cocorico/page.png", include_in_schema=False)
    def drawn(name: str, start: int, end: int) -> Response:
        found = source.picture(service, name, start, end)
        return Response(
            found, 200 if found else 404, {"cache-control": "private, max-age=3600"}, "image/png"
        )

    @app.get("/manifest.json", include_in_schema=False)  # Gradio's page links to this address
    def manifest() -> FileResponse:
        return FileResponse(
            HERE / "static" / "app.webmanifest", media_type="application/manifest+json"
        )

    app.mount("/cocorico", StaticFiles(directory=HERE / "static"), name="theme")
    return gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        head=_head(),
        favicon_path=str(HERE / "static" / "mark.svg"),
        footer_links=[],
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
        run_history=False,
        theme=gr.themes.Base(
            font=["system-ui"], font_mono=["monospace"]
        ),  # the default asks for fonts elsewhere
    )


def serve(service: "Service", host: str, port: int, *, open_browser: bool) -> None:
    """Serve the page until interrupted, on this port or the next free one; prints the address, then starts the service.

    What the models need takes longer to load than the page does, and would hold it up.

    Raises:
        UserError: `address_unavailable` (host, port, reason); `accounts_needed` (host) where others could reach a page that asks
            nobody who they are.
    """
    import webbrowser

    import uvicorn

    if not _loopback(host) and not accounts_of(service.settings).needed:
        raise UserError("accounts_needed", host=host)
    app = application(service)
    listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1"}.get(host, host)
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    print(f"Cocorico: {address}", flush=True)
    if open_browser:
        webbrowser.open(address)
    service.start()
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=1, timeout_keep_alive=75
    )
    uvicorn.Server(config).run(sockets=[listening])


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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


def _told(change: Callable[[], dict[str, Any]], service: "Service") -> dict[str, Any]:
    """What a change of the library gave, and have it read; or the error in both languages."""
    try:
        given = change()
    except UserError as error:
        return {"error": wording(error)}
    service.read()
    return given


def _texts(given: Any, *names: str) -> list[str]:
    return (
        [str(given.get(name) or "") for name in names]
        if isinstance(given, dict)
        else [""] * len(names)
    )


def _head() -> str:
    """What the page needs before Gradio is there: style, script, and the theme chosen before."""
    chosen = """
      const root = document.documentElement, theme = localStorage.getItem("cocorico.theme");
      if (theme) root.dataset.theme = theme;
    """
    modules = sorted(path.name for path in (HERE / "static").glob("*.js"))
    return (
        f"<script>{chosen}</script>"
        '<link rel="stylesheet" href="/cocorico/style.css">'
        '<link rel="apple-touch-icon" href="/cocorico/icon-192.png"><meta name="theme-color" content="#a8321d">'
        + "".join(f'<link rel="modulepreload" href="/cocorico/{name}">' for name in modules)
        + "".join(
            f'<link rel="preload" as="font" type="font/woff2" crossorigin href="/cocorico/fonts/{name}.woff2">'
            for name in ("source-sans-3", "literata")
        )
    )
