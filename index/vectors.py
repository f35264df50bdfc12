"""The vector index: FAISS, derived from the store's database, of the kind that fits its size.

A small library is searched exactly. From `_EXACT` chunks on, two numbers of a vector together are
kept in four bits (product quantisation, read 32 chunks at a time: arXiv 1704.07355 and FAISS's
"fast scan"); a question is compared with all of them, and the best are compared again by the
vectors in the database. Lists of like vectors (IVF), of which only the nearest are read, missed one
in five of the true ten in a million; a graph (HNSW) can't remove. The file names the generation
that it was made from and ends with a checksum.
"""

import os
import sqlite3
import threading
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.database import Database
from index.errors import UserError
from index.token_codes import Floats

Ids = NDArray[np.int64]

_EXACT = 20_000  # chunks that one core compares in a few milliseconds
_SAMPLE = 20_000  # vectors that the codes are found from
_AGAIN = 200  # so many of the best codes are compared again, or five times as many as are wanted
_ROWS = 20_000  # read and added at once


class VectorIndex:
    """The vectors of one store's chunks, ready to be searched.

    Growth changes the kind in a thread of its own while the present one goes on answering; what
    changes meanwhile is made up for afterwards.

    Args:
        folder: where its file lies.
        dimension: of the vectors.
        database: the store's.
    """

    def __init__(self, folder: Path, dimension: int, database: Database) -> None:
        self._folder = folder
        self._dimension = dimension
        self._db = database
        self._index: Any = None
        self._generation = -1
        self._on_disk = -1  # the generation of the file that holds this very index
        self._growth: threading.Thread | None = None

    def refresh(self) -> None:
        """Load or build the index where there is none yet, and take in what changed since.

        The caller holds a snapshot of the database.
        """
        query = "SELECT value FROM facts WHERE name = 'generation'"
        generation = int(self._db.rows(query)[0][0])
        if self._index is None or self._generation != generation:
            if self._index is None:
                self._index, self._generation = self._load(generation)
                self._on_disk = self._generation
            count = int(self._db.rows("SELECT count(*) FROM passages")[0][0])
            if 4 * self._index.ntotal >= count:
                query = "SELECT passage FROM removals WHERE generation > ?"
                gone = self._db.rows(query, (self._generation,))
                self._index.remove_ids(np.array([row[0] for row in gone], np.int64))
                self._add(self._index, self._numbers(self._generation, generation))
            if self._index.ntotal != count:
                self._index, self._on_disk = self._built(generation), -1
            self._generation = generation
        if not _fits(self._index) and self._growth is None:
            self._growth = threading.Thread(
                target=self._grow, args=(generation,), daemon=True, name="cocorico-grow"
            )
            self._growth.start()

    def search(self, vector: Floats, k: int, allowed: Ids | None) -> list[tuple[int, float]]:
        """The `k` nearest to `vector` (d,): (chunk, cosine), best first; among `allowed` if given.

        The caller holds the database's lock and has called `refresh`.
        """
        faiss = _faiss()
        index = self._index
        if not index.ntotal or k < 1 or (allowed is not None and not len(allowed)):
            return []
        chosen = None if allowed is None else faiss.IDSelectorBatch(allowed)
        coded = _coded(index)
        parameters = (faiss.SearchParametersIVF if coded else faiss.SearchParameters)(sel=chosen)
        wanted = min(max(5 * k, _AGAIN) if coded else k, index.ntotal)
        # One question gives a second thread nothing to do, and waiting for it costs far more.
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            question = vector.reshape(1, -1).astype(np.float32)
            ((scores,), (numbers,)) = index.search(question, wanted, params=parameters)
        finally:
            faiss.omp_set_num_threads(threads)
        scores, numbers = scores[numbers >= 0], numbers[numbers >= 0]
        if coded:
            numbers, vectors = self._vectors(numbers)
            scores = vectors @ vector
        best = np.argsort(-scores, kind="stable")[:k]
        return list(zip(numbers[best].tolist(), scores[best].tolist(), strict=True))

    def save(self) -> None:
        """Write the file where it is behind, once a change of kind under way is done.

        Write errors are ignored: the index is rebuilt from SQLite.
        """
        with self._db.snapshot():
            self.refresh()
        if growth := self._growth:
            growth.join()
        with self._db.lock:
            with self._db.snapshot():
                self.refresh()
            path = self._folder / f"vectors-{self._generation}.faiss"
            if self._on_disk == self._generation and path.exists():
                return
            part = path.with_suffix(f".{os.getpid()}.part")
            with suppress(OSError):
                _write(self._index, part)
                part.replace(path)
                self._on_disk = self._generation
            part.unlink(missing_ok=True)
            for old in self._folder.glob("vectors-*"):
                if old != path:
                    old.unlink(missing_ok=True)

    def close(self) -> None:
        """Drop the index, and what a change of kind under way makes."""
        self._index = None

    def _load(self, newest: int) -> tuple[Any, int]:
        """A whole file that isn't ahead of the database, its generation; else an empty index."""
        for path in self._folder.glob("vectors-*.faiss"):
            with suppress(ValueError, RuntimeError, MemoryError, OSError):
                generation, index = int(path.stem.partition("-")[2]), _read(path)
                if generation <= newest and index.d == self._dimension:
                    return index, generation
        return _empty(self._dimension, coded=False), -1

    def _numbers(self, since: int, upto: int) -> Ids:
        """The chunks made after the generation `since` and not after `upto`, in order."""
        query = "SELECT id FROM passages WHERE generation > ? AND generation <= ? ORDER BY id"
        return np.array([row[0] for row in self._db.rows(query, (since, upto))], np.int64)

    def _built(self, upto: int) -> Any:
        """An index with all stored vectors up to a generation, of the kind that fits as many."""
        numbers = self._numbers(-1, upto)
        index = _empty(self._dimension, coded=len(numbers) > _EXACT)
        if _coded(index):
            sample = np.sort(np.random.default_rng(0).permutation(numbers)[:_SAMPLE])
            index.train(self._vectors(sample)[1])
        self._add(index, numbers)
        return index

    def _add(self, index: Any, numbers: Ids) -> None:
        for at in range(0, len(numbers), _ROWS):
            found, vectors = self._vectors(numbers[at : at + _ROWS])
            index.add_with_ids(vectors, found)

    def _vectors(self, numbers: Ids) -> tuple[Ids, Floats]:
        """Those of the chunks that are still there (n,), in order, and their vectors (n, d)."""
        query = (
            "SELECT passage, vector FROM vectors"
            " WHERE passage IN (SELECT value FROM json_each(?)) ORDER BY passage"
        )
        rows = self._db.rows(query, (str(numbers.tolist()),))
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), "<f4")
        found = np.array([number for number, _ in rows], np.int64)
        return found, vectors.reshape(-1, self._dimension)

    def _grow(self, upto: int) -> None:
        """Build the fitting kind beside the present one, and put it in its place as of `upto`.

        It reads without a snapshot of the database: what is removed or added meanwhile has a later
        generation, and the next `refresh` takes it out or in.
        """
        try:
            index = self._built(upto)
            with self._db.lock:
                if self._index is not None:
                    self._index, self._generation, self._on_disk = index, upto, -1
        except (sqlite3.ProgrammingError, UserError):
            pass  # closed meanwhile, or damaged: the next query raises it
        finally:
            self._growth = None


def _coded(index: Any) -> bool:
    return hasattr(index, "nlist")


def _fits(index: Any) -> bool:
    """Whether the kind still serves. Between the two sizes either does, so it rarely changes."""
    return index.ntotal > _EXACT // 2 if _coded(index) else index.ntotal <= _EXACT


def _faiss() -> Any:
    import faiss

    return faiss


def _empty(dimension: int, *, coded: bool) -> Any:
    faiss = _faiss()
    if not coded:
        return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
    # One list: of FAISS's kinds with these codes, only the inverted file removes and selects.
    kind = f"IVF1,PQ{dimension // 2}x4fs"
    return faiss.index_factory(dimension, kind, faiss.METRIC_INNER_PRODUCT)


def _write(index: Any, path: Path) -> None:
    """The index and a CRC-32 of it, through Python: FAISS can't open every name on Windows."""
    data = _faiss().serialize_index(index)
    with path.open("wb") as file:
        file.write(data)
        file.write(zlib.crc32(data).to_bytes(4, "little"))


def _read(path: Path) -> Any:
    """What `_write` wrote. Raises ValueError, RuntimeError or OSError where it isn't whole."""
    data = path.read_bytes()
    if zlib.crc32(data[:-4]).to_bytes(4, "little") != data[-4:]:
        raise ValueError(f"{path}: not what was written")
    return _faiss().deserialize_index(np.frombuffer(data[:-4], np.uint8))
