"""Files put into a library and taken out: safe names, nothing half written, nothing beyond the folder."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.documents import KINDS, walk
from index.errors import UserError
from rag import folder as module
from rag.folder import Folder, safe_name


async def data(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def put(folder: Folder, name: str, text: str, *, replace: bool = False) -> tuple[str, str]:
    return asyncio.run(folder.put(name, data(text.encode()), replace=replace))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "library").mkdir()
    return Folder(tmp_path / "library", tmp_path / "aside")


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("rapport.md", "rapport.md"),
        ("Été/à lire.TXT", "Été/à lire.TXT"),
        ("../../etc/passwd.txt", "etc/passwd.txt"),
        ("C:\\Users\\me\\notes.md", "C-/Users/me/notes.md"),
        ("/absolu.md", "absolu.md"),
        (".caché/.md.md", "caché/md.md"),
        ("a\x00b\n<c>.md", "a-b--c-.md"),
        ("con.txt", "_con.txt"),
        ("README.md", "_readme.md"),
        ("x" * 300 + ".md", "x" * 100 + ".md"),
        ("\u202egnp.md", "-gnp.md"),
    ],
)
def test_names_are_made_safe(given_name: str, safe: str) -> None:
    assert safe_name(given_name) == safe


@given(st.text(max_size=60))
def test_any_name_stays_in_the_folder_and_is_read(name: str) -> None:
    try:
        safe = safe_name(f"{name}.md")
    except UserError:
        return  # nothing but an ending is left of it
    parts = safe.split("/")
    assert all(part not in ("", ".", "..") and not part.startswith((".", " ")) for part in parts)
    assert not set(safe) & set('\\<>:"|?*\0')
    assert safe.endswith(".md")


@pytest.mark.parametrize("name", ["virus.exe", "", "..", "texte", ".md"])
def test_a_kind_that_is_not_read_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="document_kind"):
        safe_name(name)


def test_a_file_is_put_whole_and_found_by_the_index(folder: Folder) -> None:
    name, _ = put(folder, "sous/un.md", "# Un\n")
    assert name == "sous/un.md"
    assert [path.read_text() for path in walk(folder.library)] == ["# Un\n"]


def test_a_taken_name_gets_a_number(folder: Folder) -> None:
    assert [put(folder, "un.md", text)[0] for text in ("a", "b", "c")] == [
        "un.md",
        "un-2.md",
        "un-3.md",
    ]


def test_too_large_a_file_leaves_nothing(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    with pytest.raises(UserError, match="upload_large"):
        asyncio.run(folder.put("un.md", data(b"12345678", b"12345678")))
    assert list(folder.library.rglob("*")) == []


def test_a_broken_upload_leaves_nothing(folder: Folder) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(UserError):
        asyncio.run(folder.put("un.md", broken()))
    assert list(folder.library.rglob("*")) == []


def test_a_file_taken_out_can_be_put_back(folder: Folder) -> None:
    put(folder, "sous/un.md", "a")
    kept = folder.take_out("sous/un.md")
    assert walk(folder.library) == []
    assert folder.put_back(kept) == "sous/un.md"
    assert (folder.library / "sous/un.md").read_text() == "a"


def test_a_replaced_file_can_be_put_back(folder: Folder) -> None:
    put(folder, "un.md", "vieux")
    _, kept = put(folder, "un.md", "neuf", replace=True)
    assert (folder.library / "un.md").read_text() == "neuf"
    folder.put_back(kept)
    assert (folder.library / "un.md").read_text() == "vieux"


def test_what_was_taken_out_long_ago_is_gone(folder: Folder) -> None:
    put(folder, "un.md", "a")
    kept = folder.take_out("un.md")
    os.utime(folder.library.parent / "aside" / kept, (0, 0))
    with pytest.raises(UserError, match="document_absent"):
        Folder(folder.library, folder.library.parent / "aside").put_back(kept)


@pytest.mark.parametrize(
    "name", ["../out.md", "/etc/passwd", "link.md", "linked/out.md", ".part.bin", "sub", ""]
)
def test_nothing_outside_is_ever_touched(folder: Folder, name: str) -> None:
    outside = folder.library.parent / "out.md"
    outside.write_text("mine")
    (folder.library / "link.md").symlink_to(outside)
    (folder.library / "linked").symlink_to(outside.parent)
    (folder.library / "sub").mkdir()
    with pytest.raises(UserError):
        folder.take_out(name)
    with pytest.raises(UserError):
        put(folder, name, "theirs", replace=True)
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("token", ["", "..", "../library", "*", "0123456789abcdef"])
def test_only_what_was_taken_out_is_put_back(folder: Folder, token: str) -> None:
    put(folder, "un.md", "a")
    with pytest.raises(UserError, match="document_absent"):
        folder.put_back(token)


def test_a_library_of_one_file_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text("")
    with pytest.raises(UserError, match="library_closed"):
        put(Folder(tmp_path / "lines.jsonl", tmp_path / "aside"), "un.md", "a")


def test_every_kind_that_is_read_can_be_put(folder: Folder) -> None:
    for ending in KINDS:
        put(folder, f"un{ending}", "a")
    assert len(walk(folder.library)) == len(KINDS)
