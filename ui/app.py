"""The page as a web application: Gradio carries questions and answers, FastAPI all else."""

import ipaddress
import os
import socket
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from index.errors import UserError
from rag.events import Turn
from rag.i18n import EXAMPLES, LANGUAGES, explain, page_texts
from rag.results import answer_json
from rag.settings import SEEDS, Settings
from ui import errors, mcp, openai_api, page_api
from ui.accounts import accounts_of
from ui.attached import Attached
from ui.chat import AskRequest, ChatSessions, View
from ui.history import History
from ui.metrics import Metrics
from ui.questions import Question, Questions
from ui.security import middleware

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

    from rag.engine import Service

STYLES = ("style", "work")
FONTS = ("source-sans-3", "literata")
# `ask` is the event that `build` listens to; `api` has the functions of `ui.page_api`.
START = """
const api = new Proxy({}, { get: (_, name) => async data => {
  const answer = await fetch(`/cocorico/api/${name}`, {
    method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(data) });
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.json();
} });
import("/cocorico/main.js").then(page => page.start(element, {
  ask: asked => trigger("ask", asked), stop: api.stop, server: api, props, watch
}));
"""


def build(service: "Service", sessions: ChatSessions, questions: Questions) -> "gr.Blocks":
    """The page over a service, which may still be getting ready."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    ask, answer = _events(sessions, questions)
    own_library = service.settings.library.resolve() == SEEDS
    with gr.Blocks(title="Cocorico", analytics_enabled=False) as blocks:
        page = gr.HTML(
            value=None,
            html_template=(page_api.STATIC / "page.html").read_text(encoding="utf-8"),
            js_on_load=START,
            apply_default_css=False,
            texts=page_texts(),
            examples=EXAMPLES if own_library else (),
        )
        # `Questions` limits how many wait; Gradio's queue would hide the others from Stop.
        page.ask(
            ask,
            None,
            page,
            show_progress="hidden",
            trigger_mode="multiple",
            concurrency_limit=None,
            api_visibility="private",
        )
        gr.api(answer, api_name="answer", concurrency_limit=None)
    return blocks.queue(max_size=64)


def _events(sessions: ChatSessions, questions: Questions) -> tuple[Any, Any]:
    """What Gradio calls for the page and for its own clients. It reads the annotations of both to
    know what to hand over."""
    import gradio as gr
    from pydantic import ValidationError

    async def ask(event: gr.EventData, request: gr.Request) -> AsyncGenerator[View]:
        try:
            asked = AskRequest.model_validate(event._data)
        except ValidationError as error:
            raise gr.Error(str(error), print_exception=False) from error
        async for view in sessions.ask(page_api.owner(request), asked):
            yield view

    async def answer(
        question: str, history: list[str] | None = None, language: str | None = None
    ) -> dict[str, Any]:
        """Answer a question from the documents; `history` has the questions before it, `language`
        is "fr", "en" or None."""
        known = language if language in LANGUAGES else None
        try:
            asked = Question(question, [Turn(text) for text in history or ()], known)
            return answer_json(await questions.answer("gradio", asked))
        except UserError as error:
            raise gr.Error(explain(error, "en"), print_exception=False) from error

    return ask, answer


def application(service: "Service") -> "FastAPI":
    """The page, `/v1` and `/mcp`, as an ASGI application that any server can run.

    Raises:
        UserError: `proxy_address`, `doctor_home_bad`.
    """
    from fastapi import FastAPI
    from fastapi.staticfiles import StaticFiles
    from mcp.server.transport_security import TransportSecuritySettings

    settings, metrics = service.settings, Metrics(service)
    history, questions = _history(settings), Questions(service, metrics)
    attached = Attached(service, history)
    sessions = ChatSessions(service, history, questions, attached)
    service.hourly += [history.purge, attached.purge]
    tools = mcp.server(service, questions)
    # `ui.security` checks the host.
    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    over_http = tools.streamable_http_app(
        stateless_http=True, json_response=True, transport_security=unchecked
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with tools.session_manager.run():
            yield
        sessions.close()
        history.close()

    hosts = {settings.host, socket.gethostname(), f"{socket.gethostname()}.local", *settings.hosts}
    app = FastAPI(
        title="Cocorico",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its page would load a script from elsewhere
        redoc_url=None,
        middleware=middleware(
            accounts_of(settings), hosts, settings.token, settings.proxy_user, settings.proxies
        ),
        exception_handlers=errors.HANDLERS,
        lifespan=lifespan,
    )
    app.include_router(openai_api.router(service, questions, metrics))
    app.include_router(page_api.router(service, history, sessions, questions, attached))
    app.router.routes.extend(over_http.routes)
    app.mount("/cocorico", StaticFiles(directory=page_api.STATIC), name="static")
    return _mount(app, build(service, sessions, questions))


def _history(settings: Settings) -> History:
    try:
        return History(settings.conversations)
    except (OSError, sqlite3.Error) as error:
        raise UserError("doctor_home_bad", path=settings.home, reason=error) from error


def _mount(app: "FastAPI", page: "gr.Blocks") -> "FastAPI":
    import gradio as gr

    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        head=_head(),
        favicon_path=str(page_api.STATIC / "mark.svg"),
        footer_links=[],
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
        run_history=False,
        # Gradio's default theme asks for fonts elsewhere.
        theme=gr.themes.Base(font=["system-ui"], font_mono=["monospace"]),
    )


def serve(service: "Service", host: str, port: int, *, open_browser: bool) -> None:
    """Serve the page until interrupted, on this port or the next free one.

    Prints the address, then starts the service: models take longer to load than the page.

    Raises:
        UserError: `address_unavailable` (host, port, reason); `accounts_needed` (host) where others
            could reach a page that asks nobody who they are; `proxy_address` (address).
    """
    import webbrowser

    import uvicorn

    if not _loopback(host) and not accounts_of(service.settings).needed:
        raise UserError("accounts_needed", host=host)
    app = application(service)
    listening = _listen(host, port)
    shown = "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host  # noqa: S104
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    print(f"Cocorico: {address}", flush=True)
    if open_browser:
        webbrowser.open(address)
    service.start()
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
        proxy_headers=False,  # see `ui.security`
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
    reason = "65535 is the last port"
    for candidate in range(port, min(port + 20, 65536)) if port else (0,):
        listening = socket.socket(family)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen()
        except OSError as error:
            listening.close()
            reason = str(error.strerror)
        else:
            return listening
    raise UserError("address_unavailable", host=host, port=port, reason=reason)


def _head() -> str:
    """What the page needs before Gradio is there: style, scripts, the theme chosen before."""
    theme = """
      const root = document.documentElement, theme = localStorage.getItem("cocorico.theme");
      if (theme) root.dataset.theme = theme;
    """
    scripts = sorted(path.name for path in page_api.STATIC.glob("*.js"))
    font = (
        '<link rel="preload" as="font" type="font/woff2" crossorigin'
        ' href="/cocorico/fonts/{}.woff2">'
    )
    return "".join(
        (
            f"<script>{theme}</script>",
            *(f'<link rel="stylesheet" href="/cocorico/{name}.css">' for name in STYLES),
            '<link rel="apple-touch-icon" href="/cocorico/icon-192.png">',
            '<meta name="theme-color" content="#a8321d">',
            *(f'<link rel="modulepreload" href="/cocorico/{name}">' for name in scripts),
            *(font.format(name) for name in FONTS),
        )
    )
