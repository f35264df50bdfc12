"""A spoilt index is set aside and made anew from the documents, in the same run; nothing that was in it is missing."""

from pathlib import Path

import pytest

from rag.library import open_library
from rag.settings import Settings

TEXTS = {
    "chat.txt": "Le chat dort sur le canapé.",
    "pluie.txt": "Il pleut à Brest, et il fait froid.",
}


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "weights").symlink_to(home / "weights", target_is_directory=True)
    return Settings(home=tmp_path / "home", library=folder)


def found(settings: Settings) -> list[str]:
    with open_library(settings, model=False) as library:
        return [hit.chunk.text for hit in library.search("Où le chat dort-il ?", language="fr")]


@pytest.mark.parametrize("how", ["pages", "truncated", "garbage", "other model"])
def test_a_spoilt_index_is_made_anew(settings: Settings, how: str) -> None:
    expected = found(settings)
    assert sorted(expected) == sorted(TEXTS.values())
    path = settings.store_folder / "library.sqlite"
    data = path.read_bytes()
    if how == "pages":
        size = int.from_bytes(data[16:18], "big")
        path.write_bytes(data[: 2 * size] + b"\xa5" * (len(data) - 2 * size))
    elif how == "truncated":
        path.write_bytes(data[: len(data) // 3])
    elif how == "garbage":
        path.write_bytes(b"not a database" * 1000)
    else:
        import sqlite3

        with sqlite3.connect(path) as database:
            database.execute("UPDATE facts SET value = 'another|1' WHERE name = 'embedder'")
        database.close()
    assert found(settings) == expected
    (aside,) = settings.store_folder.parent.glob("*.aside")
    assert (aside / "library.sqlite").exists()
    assert found(settings) == expected
