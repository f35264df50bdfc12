"""What the page's scripts call, each as POST /cocorico/api/NAME, and the files that they load."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.requests import ClientDisconnect

from index.errors import UserError
from rag.folder import Folder
from rag.i18n import PAGE
from rag.results import checked_json
from rag.scope import chosen
from ui import export, map, source
from ui.attached import Attached
from ui.dossier import Dossier, as_conversation, with_standing
from ui.errors import wording
from ui.pages import Pages
from ui.questions import MOST_CHARACTERS, Questions

if TYPE_CHECKING:
    from rag.engine import Service
    from ui.chat import ChatSessions
    from ui.history import History

STATIC = Path(__file__).resolve().parent / "static"


def owner(request: Request) -> str:
    """Whose conversations a request may reach: `ui.security.Login` has verified the user."""
    return str(request.user.display_name)


Owner = Annotated[str, Depends(owner)]
Text = Annotated[str, Body()]
Kind = Annotated[export.Kind, Body()]
Language = Annotated[Literal["fr", "en"], Body()]
Rating = Annotated[Literal["good", "bad", ""], Body()]
Reason = Annotated[str, Body(max_length=1000)]


def router(
    service: "Service",
    history: "History",
    sessions: "ChatSessions",
    questions: Questions,
    attached: Attached,
) -> APIRouter:
    """All of it, for a FastAPI application."""
    page = APIRouter(include_in_schema=False)
    _add_check(page, service, questions)
    pages = Pages(service)
    _add_library(page, service, pages)
    _add_pages(page, pages)
    _add_files(page, service)
    _add_sources(page, attached)
    _add_attached(page, attached)
    _add_conversations(page, history, sessions)
    _add_exports(page, history, sessions, attached)
    return page


def _add_pages(page: APIRouter, pages: Pages) -> None:
    @page.post("/cocorico/api/page")
    async def page_of(address: Text) -> dict[str, Any]:
        return await pages.add(address)

    @page.post("/cocorico/api/refresh")
    async def refresh(name: Text) -> dict[str, Any]:
        return await pages.refresh(name)


def _add_library(page: APIRouter, service: "Service", pages: Pages) -> None:
    @page.post("/cocorico/api/state")
    def state() -> dict[str, Any]:
        return {**source.state(service), "web": pages.allowed}

    @page.post("/cocorico/api/documents")
    def documents() -> list[dict[str, Any]] | None:
        listed, known = source.documents(service), pages.known()
        return listed and [{**each, **known.get(each["source"], {})} for each in listed]

    @page.post("/cocorico/api/map_of")
    def map_of(question: Text) -> dict[str, Any] | None:
        library = service.library
        return map.points(library, question[:MOST_CHARACTERS]) if library else None

    @page.post("/cocorico/api/answered")
    def answered(question: Text, language: Language) -> bool:
        ready, asked = service.state.stage == "ready", question[:MOST_CHARACTERS]
        return ready and service.assistant().answers(asked, language)

    @page.post("/cocorico/api/remove")
    def remove(name: Text) -> dict[str, Any]:
        kept = service.folder.take_out(name)
        service.read()
        return {"kept": kept}

    @page.post("/cocorico/api/put_back")
    def put_back(kept: Text) -> dict[str, Any]:
        name = service.folder.put_back(kept)
        service.read()
        return {"name": name}

    @page.post("/cocorico/api/cancel")
    def cancel() -> None:
        service.cancel()


def _add_check(page: APIRouter, service: "Service", questions: Questions) -> None:
    @page.post("/cocorico/api/check")
    def check(text: Text, documents: Annotated[list[str] | None, Body()] = None) -> Response:
        """A JSON object a line, as `rag check --json` prints it."""
        checked = questions.check(text, documents)
        first = list(islice(checked, 1))  # an error before it has a status of its own
        lines = (
            json.dumps(checked_json(each), ensure_ascii=False) + "\n"
            for each in chain(first, checked)
        )
        return StreamingResponse(lines, media_type="application/x-ndjson")

    @page.post("/cocorico/api/scope")
    def scope(words: Text) -> dict[str, Any]:
        try:
            return {"names": chosen(service.store, None, words) if service.store else None}
        except UserError as error:
            return {"error": wording(error)}

    @page.put("/cocorico/read/{name:path}")
    async def read(name: str, request: Request) -> dict[str, Any]:
        """The text of a file, which isn't kept."""
        with TemporaryDirectory(prefix="cocorico-") as place:
            folder = Folder(Path(place) / "given", Path(place) / "aside")
            folder.library.mkdir()
            added, _ = await folder.put(name, request.stream())
            return {"text": await asyncio.to_thread(source.text_of, folder.library / added)}


@asynccontextmanager
async def _whole(request: Request) -> AsyncIterator[AsyncIterator[bytes]]:
    """The body, read to its end also where it is refused: a browser takes an answer before the end
    of its own request for a lost connection."""
    data = request.stream()
    try:
        yield data
    except UserError as error:
        if error.code not in ("upload_large", "library_full"):
            with suppress(ClientDisconnect):
                async for _ in data:
                    pass
        raise


def _add_files(page: APIRouter, service: "Service") -> None:
    @page.put("/cocorico/library/{name:path}")
    async def put(name: str, request: Request, replace: bool = False) -> dict[str, Any]:
        try:
            async with _whole(request) as data:
                added, kept = await service.folder.put(name, data, replace=replace)
        except ClientDisconnect:
            return {}
        service.read(added, kept)
        return {"name": added, "kept": kept}

    @page.get("/manifest.json")  # Gradio's page links to this address
    def manifest() -> FileResponse:
        return FileResponse(STATIC / "app.webmanifest", media_type="application/manifest+json")

    @page.post("/gradio_api/upload{rest:path}", status_code=403)
    def no_upload(rest: str) -> None:
        """Gradio's own upload knows no library and no limit: closed."""


def _add_sources(page: APIRouter, attached: Attached) -> None:
    """Documents of the library, or of the files of the conversation that is named."""

    @page.post("/cocorico/api/document")
    def document(
        owner: Owner, name: Text = "", digest: Text = "", conversation: Text = ""
    ) -> dict[str, Any] | None:
        with attached.shelf(owner, conversation) as (store, files):
            return source.document(store, files, name, digest)

    @page.get("/cocorico/page.png")
    def picture(owner: Owner, name: str, start: int, end: int, conversation: str = "") -> Response:
        with attached.shelf(owner, conversation) as (store, files):
            found = source.picture(store, files, name, start, end)
        headers = {"cache-control": "private, max-age=3600"}
        return Response(found, 200 if found else 404, headers, "image/png")


def _add_attached(page: APIRouter, attached: Attached) -> None:
    @page.put("/cocorico/attach/{name:path}")
    async def attach(
        name: str, request: Request, owner: Owner, conversation: str = ""
    ) -> dict[str, Any]:
        """Read a file for a conversation alone, a new one where none is named."""
        try:
            async with _whole(request) as data:
                added = await attached.put(owner, conversation, name, data)
        except ClientDisconnect:
            return {}
        listed = await asyncio.to_thread(attached.listed, owner, added)
        return {"conversation": added, "attached": listed}

    @page.post("/cocorico/api/detach")
    def detach(conversation: Text, name: Text, owner: Owner) -> list[dict[str, str]]:
        attached.remove(owner, conversation, name)
        return attached.listed(owner, conversation)


def _add_conversations(page: APIRouter, history: "History", sessions: "ChatSessions") -> None:
    @page.post("/cocorico/api/stop")
    async def stop(turn: Annotated[str, Body(embed=True)], owner: Owner) -> None:
        sessions.stop(owner, turn)

    @page.post("/cocorico/api/conversations")
    def conversations(words: Text, owner: Owner) -> list[dict[str, Any]]:
        return history.listed(owner, words)

    @page.post("/cocorico/api/conversation")
    def conversation(name: Text, owner: Owner) -> dict[str, Any] | None:
        return sessions.conversation(owner, name)

    @page.post("/cocorico/api/rename")
    def rename(id: Text, title: Text, owner: Owner) -> bool:
        return history.rename(owner, id, title)

    @page.post("/cocorico/api/discard")
    def discard(id: Text, owner: Owner, undo: Annotated[bool, Body()] = False) -> None:
        history.delete(owner, id, undo=undo)

    @page.post("/cocorico/api/rate")
    def rate(id: Text, turn: Text, rating: Rating, reason: Reason, owner: Owner) -> None:
        history.rate(owner, id, turn, rating, reason)


def _add_exports(
    page: APIRouter, history: "History", sessions: "ChatSessions", attached: Attached
) -> None:
    @page.post("/cocorico/api/export")
    def export_as(
        id: Text, kind: Kind, language: Language, owner: Owner, turn: Text = ""
    ) -> dict[str, str] | None:
        """A conversation, or one turn of it, as a file."""
        found = sessions.conversation(owner, id)
        if not found:
            return None
        found["turns"] = [each for each in found["turns"] if turn in ("", each["id"])]
        with source.looking(attached, owner) as look:
            return export.export(found, kind, language, look)

    @page.post("/cocorico/api/dossier")
    def dossier(owner: Owner) -> dict[str, Any]:
        kept = history.dossier(owner) or Dossier().model_dump()
        with source.looking(attached, owner) as look:
            return with_standing(kept, look)

    @page.post("/cocorico/api/keep_dossier")
    def keep_dossier(kept: Dossier, owner: Owner) -> None:
        history.keep_dossier(owner, kept.model_dump())

    @page.post("/cocorico/api/export_dossier")
    def export_dossier(kind: Kind, language: Language, owner: Owner) -> dict[str, str]:
        kept = history.dossier(owner) or Dossier().model_dump()
        whole = as_conversation(kept, PAGE["dossier"][language])
        with source.looking(attached, owner) as look:
            return export.export(whole, kind, language, look)
