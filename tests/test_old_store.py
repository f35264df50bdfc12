"""A store that an earlier version made is opened, brought up to this one, and still finds and returns what it held.

`tests/stores/version-0.1.zip` was made by the code of version 0.1 (commit e75138c): a database, a FAISS file two changes
behind it, and in `expected.json` what that code returned of them. Its vectors have eight dimensions.
"""

import json
import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.documents import make
from index.store import DATABASE, LocalStore
from index.text.words import terms

ARCHIVE = Path(__file__).with_name("stores") / "version-0.1.zip"
FINGERPRINT = "model:1|query: |passage: |512"
DIMENSION = 8


@pytest.fixture(params=[True, False], ids=["with the FAISS file", "without"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    if not request.param:
        for path in tmp_path.glob("*.faiss"):
            path.unlink()
    return tmp_path


@pytest.fixture
def expected(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def store(folder: Path) -> Iterator[LocalStore]:
    with LocalStore(folder, FINGERPRINT, DIMENSION) as opened:
        yield opened


def plain(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return json.loads(json.dumps(value))


def vector(seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return values / np.linalg.norm(values)


def test_its_documents_are_there(store: LocalStore, expected: dict[str, Any]) -> None:
    for info in expected["documents"]:
        info |= {"chunks": info.pop("passages"), "unread": []}  # its name then; nobody kept it
    assert plain([asdict(info) for info in store.documents()]) == expected["documents"]
    for name, content in expected["contents"].items():
        assert plain(asdict(store.document(name))) == content | {"unread": []}
    assert plain(store.sources()) == expected["sources"]
    assert store.failures() == expected["failures"]
    assert store.generation == expected["generation"]


def test_its_chunks_have_the_same_numbers_spans_and_vectors(
    store: LocalStore, expected: dict[str, Any]
) -> None:
    assert len(store) == sum(map(len, expected["chunks"].values()))
    for name, chunks in expected["chunks"].items():
        assert plain([asdict(chunk) for chunk in store.chunks_of(name)]) == chunks
        numbers = [chunk["id"] for chunk in chunks]
        assert store.vectors(numbers).tolist() == expected["vectors"][name]
        tokens = [[own.tolist(), spans.tolist()] for own, spans in store.token_vectors(numbers)]
        assert tokens == expected["tokens"][name]


def test_a_search_finds_the_same(store: LocalStore, expected: dict[str, Any]) -> None:
    for seed, found in expected["search_vectors"]:
        hits = store.search_vectors(vector(seed), 3)
        assert [number for number, _ in hits] == [number for number, _ in found]
        assert [score for _, score in hits] == pytest.approx([score for _, score in found])
    for question, language, found in expected["search_words"]:
        assert found
        assert plain(store.search_words(terms(question, language), 3)) == found


def test_it_goes_on_being_written_and_can_be_opened_again(
    store: LocalStore, folder: Path, expected: dict[str, Any]
) -> None:
    store.remove(["chat.md"])
    store.save_index()
    with LocalStore(folder, FINGERPRINT, DIMENSION) as again:
        assert [info.name for info in again.documents()] == ["reports/rain.pdf"]
        assert (
            plain([asdict(c) for c in again.chunks_of("reports/rain.pdf")])
            == (expected["chunks"]["reports/rain.pdf"])
        )


def test_its_schema_becomes_that_of_a_new_store(folder: Path, tmp_path: Path) -> None:
    schemas = []
    for place in (folder, tmp_path / "new"):
        LocalStore(place, FINGERPRINT, DIMENSION).close()
        with sqlite3.connect(place / DATABASE) as database:
            rows = database.execute("SELECT name, sql FROM sqlite_master").fetchall()
        database.close()
        schemas.append({name: "".join((sql or "").split()) for name, sql in rows})
    assert schemas[0] == schemas[1]


def test_vectors_that_it_kept_are_still_known(store: LocalStore, expected: dict[str, Any]) -> None:
    half = make("half.txt", "", "Une phrase. Une autre.")
    assert store.known([half.digest]) == {half.digest: expected["kept"]}
