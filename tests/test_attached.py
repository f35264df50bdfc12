"""Files of one conversation: its owner's alone, gone with it, kept in a backup."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from index.embedder import Embedder
from index.errors import UserError
from index.store import LocalStore
from rag.backup import back_up, restore
from rag.settings import Settings
from ui.attached import Attached
from ui.history import History


async def _body(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


def put(attached: Attached, owner: str, conversation: str, name: str, text: str) -> str:
    return asyncio.run(attached.put(owner, conversation, name, _body(text)))


def made(home: Path, embedder: Embedder) -> tuple[Attached, History]:
    (home / "library").mkdir(parents=True, exist_ok=True)
    settings = Settings(home=home, library=home / "library")
    service = SimpleNamespace(settings=settings, library=SimpleNamespace(embedder=embedder))
    history = History(settings.conversations)
    return Attached(service, history), history


def test_nobody_else_reaches_a_file_by_any_name(tmp_path: Path, embedder: Embedder) -> None:
    attached, _ = made(tmp_path, embedder)
    name = put(attached, "ana", "", "bail.md", "# Bail\n\nLe loyer est de 870 euros.")
    assert attached.listed("ana", name) == [{"name": "bail.md", "title": "Bail"}]
    assert attached.listed("bob", name) == []
    attached.remove("bob", name, "bail.md")
    assert attached.listed("ana", name)
    assert attached.files("ana", f"../attached/{name}") is None
    # With another's conversation named, a file goes into a new one of one's own.
    own = put(attached, "bob", name, "note.md", "# Note\n\nLe coq chante.")
    assert own != name
    assert [each["name"] for each in attached.listed("ana", name)] == ["bail.md"]


def test_what_cannot_be_read_leaves_nothing(tmp_path: Path, embedder: Embedder) -> None:
    attached, history = made(tmp_path, embedder)
    for name, text in (("photo.png", "x"), ("vide.md", ""), ("faux.docx", "x")):
        with pytest.raises(UserError):
            put(attached, "ana", "", name, text)
    assert history.listed("ana") == []
    assert not list(tmp_path.glob("attached/*/files/*"))


def test_an_index_of_another_model_or_damaged_is_made_anew(
    tmp_path: Path, embedder: Embedder
) -> None:
    attached, _ = made(tmp_path, embedder)
    name = put(attached, "ana", "", "bail.md", "# Bail\n\nLe loyer est de 870 euros.")
    folder = tmp_path / "attached" / name / "index"
    shutil.rmtree(folder)
    LocalStore(folder, "another model", embedder.dimension).close()
    assert attached.listed("ana", name) == [{"name": "bail.md", "title": "Bail"}]


def test_files_go_with_their_conversation_and_are_in_a_backup(
    tmp_path: Path, embedder: Embedder
) -> None:
    attached, history = made(tmp_path / "one", embedder)
    name = put(attached, "ana", "", "bail.md", "# Bail\n\nLe loyer est de 870 euros.")
    back_up(Settings(tmp_path / "one", tmp_path / "one" / "library"), tmp_path / "kept.zip")
    restore(Settings(tmp_path / "two", tmp_path / "two" / "library"), tmp_path / "kept.zip")
    again, _ = made(tmp_path / "two", embedder)
    assert again.listed("ana", name) == [{"name": "bail.md", "title": "Bail"}]
    history.delete("ana", name)
    attached.purge()
    assert attached.listed("ana", name)  # it can be put back for a day
    history._db.execute("UPDATE conversations SET deleted = 1")
    history.purge()
    attached.purge()
    assert not list((tmp_path / "one" / "attached").iterdir())
