"""Files of one conversation: they lie in a folder of its own with their index, beside the library.

Who may read a conversation may read its files, and nobody else. They go with it.
"""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from index.contract import Store
from index.embedder import Embedder
from index.errors import UserError
from index.store import LocalStore
from index.sync import sync
from rag.folder import Folder

if TYPE_CHECKING:
    from rag.engine import Service
    from ui.history import History


class Attached:
    """The files of all conversations, below one folder. Safe to use from several threads."""

    def __init__(self, service: "Service", history: "History") -> None:
        self._service = service
        self._history = history
        self._folder = service.settings.attached
        self._reading = threading.Lock()  # one file is read at a time

    def files(self, owner: str, conversation: str) -> Path | None:
        """The folder of a conversation's files; None where this owner's has none."""
        folder = self._folder / conversation / "files"
        there = conversation and self._history.owns(owner, conversation) and folder.is_dir()
        return folder if there and any(folder.iterdir()) else None

    @contextmanager
    def opened(self, owner: str, conversation: str) -> Iterator[Store | None]:
        """The index of a conversation's files; None where it has none.

        Raises:
            UserError: `starting`, and what keeps the index from being opened.
        """
        if files := self.files(owner, conversation):
            with self._store(files.parent) as store:
                yield store
        else:
            yield None

    @contextmanager
    def shelf(self, owner: str, conversation: str) -> Iterator[tuple[Store | None, Path]]:
        """An index and the folder that it is of: the library's, or of a conversation's files."""
        if not conversation:
            yield self._service.store, self._service.folder.library
            return
        with self.opened(owner, conversation) as store:
            yield store, self.files(owner, conversation) or Path()

    def listed(self, owner: str, conversation: str) -> list[dict[str, str]]:
        """The `name` and `title` of each document of a conversation's files."""
        if self._service.library is None:  # shown by their names until it is open
            files = self.files(owner, conversation)
            names = [each.name for each in files.iterdir()] if files else []
            return [{"name": name, "title": name} for name in names]
        with self.opened(owner, conversation) as store:
            documents = store.documents() if store else []
        return [{"name": each.name, "title": each.title or each.name} for each in documents]

    async def put(
        self, owner: str, conversation: str, name: str, data: AsyncIterable[bytes]
    ) -> str:
        """Read a file for a conversation; gives the conversation's id, which may be new.

        Raises:
            UserError: why it can't be kept or read; nothing of it stays then.
        """
        if self._service.library is None:
            raise self._service.state.error or UserError("starting")
        begun = not self._history.owns(owner, conversation)
        if begun:
            conversation = self._history.start(owner, Path(name).name)
        files = self._folder / conversation / "files"
        files.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Folder(files, files.parent / "removed")
        added = ""
        try:
            added, _ = await folder.put(Path(name).name, data)
            await asyncio.to_thread(self._read, files, added)
        except (UserError, ClientDisconnect):
            if added:
                await asyncio.to_thread(self.remove, owner, conversation, added)
            if begun:
                self._history.delete(owner, conversation)
            raise
        return conversation

    def remove(self, owner: str, conversation: str, name: str) -> None:
        """Remove the file that a document of a conversation is from, for good."""
        if files := self.files(owner, conversation):
            with self._store(files.parent) as store:
                source = {each.name: each.source for each in store.documents()}.get(name, name)
            path = files / source
            if path.is_relative_to(files) and ".." not in path.parts:
                path.unlink(missing_ok=True)
            self._read(files)

    def purge(self) -> None:
        """Remove the files of conversations that are gone for good."""
        for folder in self._folder.glob("*"):
            if not self._history.exists(folder.name):
                shutil.rmtree(folder, ignore_errors=True)

    def _read(self, files: Path, added: str = "") -> None:
        """Bring the index up to the files. Raises UserError where nothing of `added` was read."""
        library = self._service.library
        assert library is not None  # noqa: S101 - callers have asked
        with self._reading, self._store(files.parent, made=False) as store:
            report = sync(files, store, library.embedder)
            read = [each for each in store.documents() if each.source == added and each.chunks]
            if added and not read:
                empty = UserError("document_empty", name=added)
                raise report.failed[0][1] if report.failed else empty

    @contextmanager
    def _store(self, folder: Path, *, made: bool = True) -> Iterator[LocalStore]:
        """The index in a conversation's folder, which is made anew where it isn't there."""
        library = self._service.library
        if library is None:
            raise self._service.state.error or UserError("starting")
        if made and not (folder / "index").exists():  # after a backup was restored
            self._read(folder / "files")
        try:
            store = _open(folder / "index", library.embedder)
        except UserError as error:
            if error.code not in ("index_other_model", "store_damaged"):
                raise
            shutil.rmtree(folder / "index")
            if made:
                self._read(folder / "files")
            store = _open(folder / "index", library.embedder)
        with store:
            yield store


def _open(folder: Path, embedder: Embedder) -> LocalStore:
    return LocalStore(folder, embedder.fingerprint, embedder.dimension)
