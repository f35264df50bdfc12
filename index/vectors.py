"""The vector index: FAISS, derived from the store's database, of the kind that fits its size.

A small library is searched exactly. From `_EXACT` passages on, two numbers of a vector together are kept in four bits
(product quantisation, read 32 passages at a time: arXiv 1704.07355 and FAISS's "fast scan"); a question is compared with
all of them, and the best are compared again by the vectors in the database. Lists of like vectors (IVF), of which only the
nearest are read, missed one in five of the true ten in a million; a graph (HNSW) can't remove. The file names the
generation that it was made from and ends with a checksum.
"""

import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import UserError

_EXACT = 20_000  # passages that one core compares in a few milliseconds
_SAMPLE = 20_000  # vectors that the codes are found from
_AGAIN = 200  # so many of the best by their codes are compared again, or five times as many as are wanted
_ROWS = 20_000  # read and added at once

Rows = Callable[[str, Sequence[Any]], list[Any]]


class VectorIndex:
    """The vectors of one store's passages, ready to be searched.

    Growth changes the kind in a thread of its own while the present one goes on answering; what changes meanwhile is made
    up for afterwards. Callers hold `lock`, but in `save`.

    Args:
        folder: where its file lies.
        dimension: of the vectors.
        rows: runs a query on the store's database.
        lock: the store's.
    """

    def __init__(self, folder: Path, dimension: int, rows: Rows, lock: threading.RLock) -> None:
        self._folder = folder
        self._dimension = dimension
        self._rows = rows
        self._lock = lock
        self._index: Any = None
        self._generation = -1
        self._on_disk = -1  # the generation of the file that holds this very index
        self._growth: threading.Thread | None = None

    def refresh(self) -> None:
        """Load or build the index where there is none yet, and take in what changed since; one look at the database."""
        generation = int(self._rows("SELECT value FROM facts WHERE name = 'generation'", ())[0][0])
        if self._index is None or self._generation != generation:
            if self._index is None:
                self._index, self._generation = self._load(generation)
                self._on_disk = self._generation
            count = int(self._rows("SELECT count(*) FROM passages", ())[0][0])
            if 4 * self._index.ntotal >= count:
                gone = self._rows(
                    "SELECT passage FROM removals WHERE generation > ?", (self._generation,)
                )
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

    def search(
        self, vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None
    ) -> list[tuple[int, float]]:
        """The `k` nearest to `vector` (d,) float32: (passage, cosine), best first; among `allowed` where given.

        Among `allowed` nothing is passed over but what the codes confuse.
        """
        faiss = _faiss()
        index = self._index
        if not index.ntotal or k < 1 or (allowed is not None and not len(allowed)):
            return []
        chosen = None if allowed is None else faiss.IDSelectorBatch(allowed)
        coded = _coded(index)
        parameters = (faiss.SearchParametersIVF if coded else faiss.SearchParameters)(sel=chosen)
        # One question gives a second thread nothing to do, and waiting for it costs a hundred times the search.
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            wanted = min(max(5 * k, _AGAIN) if coded else k, index.ntotal)
            ((scores,), (numbers,)) = index.search(
                vector.reshape(1, -1).astype(np.float32), wanted, params=parameters
            )
        finally:
            faiss.omp_set_num_threads(threads)
        scores, numbers = scores[numbers >= 0], numbers[numbers >= 0]
        if coded:
            numbers, vectors = self._vectors(numbers)
            scores = vectors @ vector
        best = np.argsort(-scores, kind="stable")[:k]
        return list(zip(numbers[best].tolist(), scores[best].tolist(), strict=True))

    def save(self, look: Callable[[], AbstractContextManager[None]]) -> None:
        """Write the file where it is behind, once a change of kind under way is done. A disk that refuses is let be.

        Args:
            look: a context in which the database stays as it is.
        """
        with self._lock, look():
            self.refresh()
        if growth := self._growth:
            growth.join()
        with self._lock:
            with look():
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
        """Let a change of kind under way come to nothing."""
        self._index = None

    def _load(self, newest: int) -> tuple[Any, int]:
        """The newest file that can be read whole and isn't ahead of the database; an empty index if there is none."""
        for path in sorted(
            self._folder.glob("vectors-*.faiss"),
            key=lambda path: path.stat().st_mtime_ns,
            reverse=True,
        ):
            try:
                generation = int(path.stem.partition("-")[2])
                index = _read(path)
            except (ValueError, RuntimeError, MemoryError, OSError):
                continue
            if generation <= newest and index.d == self._dimension:
                return index, generation
        return _empty(self._dimension, coded=False), -1

    def _numbers(self, since: int, upto: int) -> NDArray[np.int64]:
        """The passages made after the generation `since` and not after `upto`, in order."""
        rows = self._rows(
            "SELECT id FROM passages WHERE generation > ? AND generation <= ?", (since, upto)
        )
        return np.sort(np.fromiter((row[0] for row in rows), np.int64, len(rows)))

    def _built(self, upto: int) -> Any:
        """An index with all stored vectors up to a generation, of the kind that fits as many."""
        numbers = self._numbers(-1, upto)
        index = _empty(self._dimension, coded=len(numbers) > _EXACT)
        if _coded(index):
            sample = np.sort(np.random.default_rng(0).permutation(numbers)[:_SAMPLE])
            index.train(np.concatenate([self._vectors(part)[1] for part in _blocks(sample)]))
        self._add(index, numbers)
        return index

    def _add(self, index: Any, numbers: NDArray[np.int64]) -> None:
        for part in _blocks(numbers):
            found, vectors = self._vectors(part)
            index.add_with_ids(vectors, found)

    def _vectors(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Those of the passages that are still there (n,), and their vectors (n, d)."""
        query = "SELECT passage, vector FROM vectors WHERE passage IN (SELECT value FROM json_each(?)) ORDER BY passage"
        rows = self._rows(query, (str(numbers.tolist()),))
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), "<f4").reshape(
            -1, self._dimension
        )
        return np.array([number for number, _ in rows], np.int64), vectors

    def _grow(self, upto: int) -> None:
        """Build the fitting kind beside the present one, and put it in its place as of the generation `upto`.

        It reads without holding the database still: what is removed or added meanwhile has a later generation, and the
        next `refresh` takes it out or in.
        """
        try:
            index = self._built(upto)
            with self._lock:
                if self._index is not None:
                    self._index, self._generation, self._on_disk = index, upto, -1
        except (sqlite3.ProgrammingError, UserError):
            pass  # closed meanwhile, or damaged: whoever asks next is told
        finally:
            self._growth = None


def _coded(index: Any) -> bool:
    return hasattr(index, "nlist")


def _fits(index: Any) -> bool:
    """Whether the kind still serves: between the two sizes either does, so that small changes don't go to and fro."""
    return index.ntotal > _EXACT // 2 if _coded(index) else index.ntotal <= _EXACT


def _faiss() -> Any:
    import faiss

    return faiss


def _empty(dimension: int, *, coded: bool) -> Any:
    faiss = _faiss()
    if not coded:
        return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
    # One list: of FAISS's indexes with these codes, only the inverted file removes and searches among some.
    return faiss.index_factory(
        dimension, f"IVF1,PQ{dimension // 2}x4fs", faiss.METRIC_INNER_PRODUCT
    )


def _blocks(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [numbers[at : at + _ROWS] for at in range(0, len(numbers), _ROWS)]


def _write(index: Any, path: Path) -> None:
    """The index and a CRC-32 of it, through Python's own files: FAISS's can't have every name on Windows."""
    faiss = _faiss()
    checksum = 0
    with path.open("wb") as file:

        def write(block: bytes) -> int:
            nonlocal checksum
            checksum = zlib.crc32(block, checksum)
            return file.write(block)

        faiss.write_index(index, faiss.PyCallbackIOWriter(write))
        file.write(checksum.to_bytes(4, "little"))


def _read(path: Path) -> Any:
    """The index that `_write` wrote. Raises ValueError, RuntimeError or OSError where it isn't whole."""
    faiss = _faiss()
    checksum, left = 0, path.stat().st_size - 4
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            checksum, left = zlib.crc32(block, checksum), left - len(block)
        if file.read(4) != checksum.to_bytes(4, "little"):
            raise ValueError(f"{path}: not what was written")
        file.seek(0)
        return faiss.read_index(faiss.PyCallbackIOReader(file.read))
