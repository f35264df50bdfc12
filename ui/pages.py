"""Web pages of the library: each is kept as a file, with its address and the day it was fetched."""

import asyncio
import difflib
import json
import threading
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from index.errors import UserError
from ui import source
from ui.accounts import accounts_of
from ui.fetching import Fetched, fetch

if TYPE_CHECKING:
    from rag.engine import Service

_RECORD = ".web.json"  # in the library, where it goes with the files; hidden files aren't documents
_MOST_CHANGES = 400  # lines that are shown
_FETCHING = asyncio.Semaphore(2)


class Pages:
    """The web pages of one service's library."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._lock = threading.Lock()

    @property
    def allowed(self) -> bool:
        """Whether pages are fetched: by default only where nobody else uses this one."""
        web = self._service.settings.web
        return web in ("on", "local") or (
            web == "auto" and not accounts_of(self._service.settings).needed
        )

    def known(self) -> dict[str, dict[str, str]]:
        """The `address` and the day `fetched` (ISO 8601) of each file that is a web page."""
        try:
            found = json.loads((self._service.folder.library / _RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    async def add(self, address: str) -> dict[str, Any]:
        """Fetch a page into the library; one that is there already is refreshed.

        Raises:
            UserError: `web_off`, those of `fetch` and of `Folder.put`.
        """
        same = [name for name, each in self.known().items() if each["address"] == address.strip()]
        if same and (self._service.folder.library / same[0]).exists():
            return await self.refresh(same[0])
        page = await self._fetched(address)
        name, kept = await self._service.folder.put(page.name, _body(page))
        self._note(name, page.address)
        self._service.read(name, kept)
        return {"name": name}

    async def refresh(self, name: str) -> dict[str, Any]:
        """Fetch a page anew; gives the lines that are gone ("-") and new ("+") as `changes`, and
        what `Folder.put_back` needs as `kept`.

        Raises:
            UserError: `document_absent` and those of `add`.
        """
        record, path = self.known().get(name), self._service.folder.library / name
        if record is None or not path.is_file():
            raise UserError("document_absent", name=name)
        page = await self._fetched(record["address"])
        before, kept = path.read_bytes(), ""
        changes: list[tuple[str, str]] = []
        if before != page.data:
            old = await asyncio.to_thread(source.text_of, path)
            _, kept = await self._service.folder.put(name, _body(page), replace=True)
            changes = _changes(old, await asyncio.to_thread(source.text_of, path))
            self._service.read(name, kept)
        self._note(name, record["address"])
        return {"name": name, "kept": kept, "changes": changes, "since": record["fetched"]}

    async def _fetched(self, address: str) -> Fetched:
        if not self.allowed:
            raise UserError("web_off")
        async with _FETCHING:
            return await fetch(address, local=self._service.settings.web == "local")

    def _note(self, name: str, address: str) -> None:
        """Keep the address of a page, as of today."""
        path = self._service.folder.library / _RECORD
        fetched = datetime.now().astimezone().date().isoformat()
        with self._lock:
            known = {**self.known(), name: {"address": address, "fetched": fetched}}
            part = path.with_suffix(".part")
            part.write_text(json.dumps(known, ensure_ascii=False, indent=1), encoding="utf-8")
            part.replace(path)


async def _body(page: Fetched) -> AsyncIterator[bytes]:
    yield page.data


def _changes(before: str, after: str) -> list[tuple[str, str]]:
    """The lines that only one of two texts has: ("-" or "+", line)."""
    old, new = ([line for line in text.split("\n") if line.strip()] for text in (before, after))
    lines = (line for line in difflib.ndiff(old, new) if line[0] in "-+")
    return [(line[0], line[2:]) for line in lines][:_MOST_CHANGES]
