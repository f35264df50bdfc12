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


def test_two_uploads_of_one_name_at_once_are_both_kept(folder: Folder) -> None:
    async def both() -> list[tuple[str, str]]:
        arrived = asyncio.Event()

        async def slow(text: str) -> AsyncIterator[bytes]:
            yield text.encode()
            await arrived.wait()

        puts = [asyncio.create_task(folder.put("un.md", slow(text))) for text in "ab"]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        arrived.set()
        return await asyncio.gather(*puts)

    names = [name for name, _ in asyncio.run(both())]
    assert names == ["un.md", "un-2.md"]
    assert [(folder.library / name).read_text() for name in names] == ["a", "b"]


def test_a_file_that_another_program_puts_there_meanwhile_is_kept(folder: Folder) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"mine"
        (folder.library / "un.md").write_text("theirs")

    assert asyncio.run(folder.put("un.md", slow())) == ("un-2.md", "")
    assert (folder.library / "un.md").read_text() == "theirs"
    assert (folder.library / "un-2.md").read_text() == "mine"


def test_two_replacements_of_one_file_at_once_can_both_be_undone(folder: Folder) -> None:
    put(folder, "un.md", "vieux")

    async def both() -> list[tuple[str, str]]:
        puts = (folder.put("un.md", data(text), replace=True) for text in (b"a", b"b"))
        return await asyncio.gather(*puts)

    kept = [token for _, token in asyncio.run(both())]
    found = []
    for token in reversed(kept):
        found.append((folder.library / "un.md").read_text())
        folder.put_back(token)
    assert [*found, (folder.library / "un.md").read_text()] == ["b", "a", "vieux"]


def test_the_library_has_a_limit_that_counts_what_was_taken_out(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_TOTAL", 50_000)
    put(folder, "un.md", "x" * 10_000)
    folder.take_out("un.md")
    put(folder, "deux.md", "x" * 10_000)
    with pytest.raises(UserError, match="library_full"):
        put(folder, "trois.md", "x" * 35_000)
    assert [path.name for path in folder.library.iterdir()] == ["deux.md"]
    (folder.library / "deux.md").unlink()
    put(folder, "trois.md", "x" * 20_000)


def test_some_of_the_disk_stays_free(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESERVE", 10**18)
    with pytest.raises(UserError, match="library_full"):
        put(folder, "un.md", "a")
    assert list(folder.library.iterdir()) == []


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


def test_a_server_that_runs_for_long_removes_what_was_taken_out(folder: Folder) -> None:
    put(folder, "un.md", "a")
    put(folder, "deux.md", "b")
    old, young = folder.take_out("un.md"), folder.take_out("deux.md")
    os.utime(folder.library.parent / "aside" / old, (0, 0))
    folder.purge()
    assert folder.put_back(young) == "deux.md"
    with pytest.raises(UserError, match="document_absent"):
        folder.put_back(old)


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
