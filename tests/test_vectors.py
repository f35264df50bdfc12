"""The vector index: its kind follows the size of the library, and no change of kind, file or document loses a passage."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from index.chunking import Chunk
from index.contract import Prepared
from index.documents import make
from index.embedder import Encoded
from index.store import LocalStore

DIMENSION = 16
TEXT = "mot " * 1000
NOTHING = np.zeros((0, DIMENSION), np.float32)


@pytest.fixture(autouse=True)
def soon_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred passages are already too many to compare them all."""
    monkeypatch.setattr("index.vectors._EXACT", 200)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with LocalStore(tmp_path, "model", DIMENSION) as opened:
        yield opened


def vectors(seed: int, count: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def put(store: LocalStore, name: str, count: int, seed: int) -> None:
    passages = [Chunk(4 * n, 4 * n + 3, ((4 * n, 4 * n + 3),)) for n in range(count)]
    encoded = [
        Encoded(vector, NOTHING, np.zeros((0, 2), np.int32)) for vector in vectors(seed, count)
    ]
    store.put([Prepared(make(name, "", TEXT), passages, encoded)])


def kind(store: LocalStore) -> str:
    return type(store._index._index).__name__


def found(store: LocalStore, vector: np.ndarray) -> set[int]:
    return {number for number, _ in store.search_vectors(vector, 10)}


def nearest(store: LocalStore, vector: np.ndarray) -> set[int]:
    """The ten nearest, compared with all that the database holds."""
    numbers = [passage.id for info in store.documents() for passage in store.chunks_of(info.name)]
    return {numbers[place] for place in np.argsort(-(store.vectors(numbers) @ vector))[:10]}


def recall(store: LocalStore) -> float:
    return (
        float(
            np.mean([len(found(store, asked) & nearest(store, asked)) for asked in vectors(99, 20)])
        )
        / 10
    )


def test_a_small_library_is_searched_exactly(store: LocalStore) -> None:
    put(store, "a", 150, seed=1)
    assert recall(store) == 1
    assert kind(store) == "IndexIDMap2"


def test_a_growing_library_changes_to_the_approximate_kind_and_loses_nothing(
    store: LocalStore,
) -> None:
    put(store, "a", 150, seed=1)
    store.search_vectors(vectors(0, 1)[0], 5)
    for n in range(4):
        put(store, f"b{n}", 300, seed=2 + n)
        assert recall(store) > 0.9
    store.save_index()
    assert kind(store) == "IndexIVFPQFastScan"
    assert recall(store) > 0.9
    everything = store.search_vectors(
        vectors(0, 1)[0], 5000, [info.name for info in store.documents()]
    )
    assert len(everything) == len(store) == 1350


def test_what_changes_while_the_kind_changes_is_made_up_for(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "a", 150, seed=1)
    put(store, "gone", 30, seed=2)
    store.search_vectors(vectors(0, 1)[0], 5)
    built = type(store._index)._built

    def meanwhile(index: object, upto: int) -> object:
        made = built(index, upto)  # type: ignore[arg-type]
        store.remove(["gone"])
        put(store, "new", 10, seed=3)
        return made

    monkeypatch.setattr(type(store._index), "_built", meanwhile)
    put(store, "b", 150, seed=4)
    store.search_vectors(vectors(0, 1)[0], 5)
    if growth := store._index._growth:
        growth.join()
    assert kind(store) == "IndexIVFPQFastScan"
    names = [info.name for info in store.documents()]
    held = {passage.id for name in names for passage in store.chunks_of(name)}
    assert names == ["a", "b", "new"]
    assert {number for number, _ in store.search_vectors(vectors(0, 1)[0], 999, names)} == held


def test_a_large_library_can_be_searched_among_some_documents_without_a_loss(
    store: LocalStore,
) -> None:
    put(store, "a", 900, seed=1)
    put(store, "b", 12, seed=2)
    store.save_index()
    within = {passage.id for passage in store.chunks_of("b")}
    for asked in vectors(99, 10):
        assert {number for number, _ in store.search_vectors(asked, 12, ["b"])} == within


def test_removing_and_replacing_in_a_large_library_changes_just_that(store: LocalStore) -> None:
    for n in range(5):
        put(store, f"d{n}", 200, seed=n)
    store.save_index()
    index = store._index._index
    old = {passage.id for name in ("d1", "d3") for passage in store.chunks_of(name)}
    store.remove(["d1"])
    put(store, "d3", 20, seed=50)
    everything = {
        number
        for number, _ in store.search_vectors(vectors(0, 1)[0], 999, [f"d{n}" for n in range(5)])
    }
    assert (len(everything), everything & old) == (620, set())
    assert store._index._index is index
    assert found(store, vectors(50, 1)[0]) & {passage.id for passage in store.chunks_of("d3")}


def test_a_large_library_is_loaded_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        put(store, "a", 900, seed=1)
        store.save_index()
        expected = store.search_vectors(vectors(0, 1)[0], 10)
    monkeypatch.delattr("index.vectors.VectorIndex._built")
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        assert store.search_vectors(vectors(0, 1)[0], 10) == expected


@pytest.mark.parametrize("count", [150, 900])
@pytest.mark.parametrize("place", [0.02, 0.5, 0.98])
def test_a_flipped_byte_in_the_file_is_noticed_and_the_file_written_anew(
    tmp_path: Path, count: int, place: float
) -> None:
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        put(store, "a", count, seed=1)
        store.save_index()
        expected = store.search_vectors(vectors(0, 1)[0], 10)
    (path,) = tmp_path.glob("vectors-*.faiss")
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 0x40
    path.write_bytes(data)
    for _ in range(2):
        with LocalStore(tmp_path, "model", DIMENSION) as store:
            assert store.search_vectors(vectors(0, 1)[0], 10) == expected
            store.save_index()
    assert path.read_bytes() != bytes(data)


def test_a_library_that_shrinks_is_searched_exactly_again(store: LocalStore) -> None:
    put(store, "a", 900, seed=1)
    put(store, "b", 50, seed=2)
    store.save_index()
    store.remove(["a"])
    store.save_index()
    assert kind(store) == "IndexIDMap2"
    assert recall(store) == 1


def test_a_store_can_be_closed_while_its_kind_changes(tmp_path: Path) -> None:
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        put(store, "a", 150, seed=1)
        store.search_vectors(vectors(0, 1)[0], 5)
        put(store, "b", 900, seed=2)
        store.search_vectors(vectors(0, 1)[0], 5)
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        assert recall(store) > 0.9
