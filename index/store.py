"""The store: SQLite holds the truth, FAISS an index derived from it.

Every change is one transaction and raises the generation. The FAISS file names the generation that it was built from;
where the two differ, or the file is damaged, only what changed since is read again from SQLite, or everything.
"""

import json
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from index.chunking import Chunk
from index.contract import ANALYSIS, DocumentInfo, Put, Store, StoredChunk, in_order
from index.documents import Document
from index.embedder import Encoded
from index.errors import UserError
from index.text.sentences import Span
from index.text.words import terms
from index.vectors import VectorIndex

__all__ = ["LocalStore", "Store", "StoredChunk"]

_MIGRATIONS = (
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, text TEXT NOT NULL,
        language TEXT NOT NULL, digest TEXT NOT NULL, source TEXT NOT NULL
    );
    CREATE INDEX documents_source ON documents (source);
    CREATE TABLE sources (name TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE passages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        ordinal INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, text TEXT NOT NULL,
        sentences BLOB NOT NULL, generation INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX passages_document ON passages (document, ordinal);
    CREATE INDEX passages_generation ON passages (generation);
    CREATE TABLE vectors (
        passage INTEGER PRIMARY KEY REFERENCES passages ON DELETE CASCADE, vector BLOB NOT NULL, tokens BLOB NOT NULL,
        spans BLOB NOT NULL
    );
    CREATE TABLE pending (
        document TEXT NOT NULL, digest TEXT NOT NULL, ordinal INTEGER NOT NULL, vector BLOB NOT NULL,
        tokens BLOB NOT NULL, spans BLOB NOT NULL
    );
    CREATE UNIQUE INDEX pending_document ON pending (document, digest, ordinal);
    CREATE TABLE removals (passage INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
    CREATE INDEX removals_generation ON removals (generation);
    CREATE VIRTUAL TABLE words USING fts5 (terms, tokenize = "unicode61 remove_diacritics 0");
    INSERT INTO facts VALUES ('generation', '0');
    """,
    """
    ALTER TABLE documents ADD COLUMN author TEXT NOT NULL DEFAULT '';
    ALTER TABLE documents ADD COLUMN date TEXT NOT NULL DEFAULT '';
    ALTER TABLE documents ADD COLUMN pages BLOB NOT NULL DEFAULT x'';
    ALTER TABLE sources ADD COLUMN failures TEXT NOT NULL DEFAULT '';
    CREATE INDEX documents_digest ON documents (digest);
    """,
)

_UNSHARED = 1 << 18  # multiplications
_PIECES = 16
DATABASE = "library.sqlite"
_DAMAGED = (
    "damaged"  # a file left where a page couldn't be read: opening alone reads too few to notice
)
_PAGE = 16384  # a passage's token vectors fill five of these, and eighteen of SQLite's own size


class LocalStore:
    """Documents, passages, vectors and words of one library in one folder.

    Safe to use from several threads (one connection, one lock) and several processes (SQLite's own locks).

    Args:
        folder: made where it isn't there.
        fingerprint: of the embedder, from `Embedder.fingerprint`.
        dimension: of its vectors.

    Raises:
        UserError: `index_other_model`, `store_too_new`, `store_damaged`, `store_unwritable`.
    """

    def __init__(self, folder: Path, fingerprint: str, dimension: int) -> None:
        self.folder = folder
        self.dimension = dimension
        self._lock = threading.RLock()
        if (folder / _DAMAGED).exists():
            raise UserError("store_damaged", folder=folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / DATABASE, timeout=60, check_same_thread=False, isolation_level=None
            )
        except (
            PermissionError,
            FileExistsError,
            NotADirectoryError,
            sqlite3.OperationalError,
        ) as error:
            raise UserError("store_unwritable", folder=folder) from error
        try:
            # SQLite doesn't wait its turn while a new database is turned to WAL.
            with FileLock(folder / "open.lock"):
                self._migrate(f"{fingerprint}|{ANALYSIS}")
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise self._damage(error) from error
            raise
        self._index = VectorIndex(folder, dimension, self._rows, self._lock)

    def put(
        self,
        document: Document,
        passages: Sequence[Chunk],
        encoded: Sequence[Encoded],
        *,
        source: str = "",
    ) -> None:
        """Add a document, or replace the one of the same name, in one transaction.

        Args:
            document: with its text.
            passages: of that text.
            encoded: one a passage; token spans are code points of the document's text. Where the first of them were
                given to `keep`, only the others.
            source: the file that it comes from, for `sources`.
        """
        with self._change() as generation:
            kept = self.kept(document)
            if kept + len(encoded) != len(passages):
                raise ValueError(
                    f"{document.name}: {kept} + {len(encoded)} vectors for {len(passages)} passages"
                )
            self._remove([document.name], generation)
            row = self._db.execute(
                "INSERT INTO documents (name, title, text, language, digest, author, date, pages, source)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document.name,
                    document.title,
                    document.text,
                    document.language,
                    document.digest,
                    document.author,
                    document.date,
                    _pack(document.pages),
                    source,
                ),
            ).lastrowid
            for ordinal, chunk in enumerate(passages):
                text = document.text[chunk.start : chunk.end]
                number = self._db.execute(
                    'INSERT INTO passages (document, ordinal, start, "end", text, sentences, generation)'
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        row,
                        ordinal,
                        chunk.start,
                        chunk.end,
                        text,
                        _pack(chunk.sentences),
                        generation,
                    ),
                ).lastrowid
                if ordinal < kept:
                    self._db.execute(
                        "INSERT INTO vectors (passage, vector, tokens, spans) SELECT ?, vector, tokens, spans"
                        " FROM pending WHERE document = ? AND digest = ? AND ordinal = ?",
                        (number, document.name, document.digest, ordinal),
                    )
                else:
                    self._db.execute(
                        "INSERT INTO vectors (passage, vector, tokens, spans) VALUES (?, ?, ?, ?)",
                        (number, *_blobs(encoded[ordinal - kept])),
                    )
                words = " ".join(terms(f"{document.title}\n{text}", document.language))
                self._db.execute("INSERT INTO words (rowid, terms) VALUES (?, ?)", (number, words))
            self._db.execute("DELETE FROM pending WHERE document = ?", (document.name,))

    def put_many(self, items: Sequence[Put]) -> None:
        """The same for several documents, each in a transaction of its own."""
        for document, passages, encoded, source in items:
            self.put(document, passages, encoded, source=source)

    def keep(self, document: Document, encoded: Sequence[Encoded]) -> None:
        """Keep the vectors of the next passages of a document too large to be embedded at once; nothing shows yet.

        Neither the memory nor a killed run then bears the whole of it; `put` takes them up.
        """
        kept = self.kept(document)
        with self._transaction():
            self._db.executemany(
                "INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (document.name, document.digest, ordinal, *_blobs(code))
                    for ordinal, code in enumerate(encoded, kept)
                ],
            )

    def kept(self, document: Document) -> int:
        """How many of the document's first passages have their vectors kept."""
        values = (document.name, document.digest)
        return int(
            self._rows("SELECT count(*) FROM pending WHERE document = ? AND digest = ?", values)[0][
                0
            ]
        )

    def borrow(self, document: Document) -> int:
        """Keep for a document the vectors of one of the same digest, in the store or kept itself; how many it now has."""
        stored = (
            "SELECT ?, digest, ordinal, vector, tokens, spans FROM documents JOIN passages ON document = documents.id"
            " JOIN vectors ON passage = passages.id WHERE digest = ?"
        )
        kept = "SELECT ?, digest, ordinal, vector, tokens, spans FROM pending WHERE digest = ? AND document <> ?1"
        values = (document.name, document.digest)
        if self._rows(f"SELECT 1 FROM ({stored} UNION ALL {kept}) LIMIT 1", values * 2):
            with self._transaction():
                self._db.execute(f"INSERT OR IGNORE INTO pending {stored}", values)
                self._db.execute(f"INSERT OR IGNORE INTO pending {kept}", values)
        return self.kept(document)

    def drop_kept(self) -> None:
        """Drop what was kept of documents that never became whole."""
        with self._transaction():
            self._db.execute("DELETE FROM pending")

    def remove(self, names: Iterable[str]) -> None:
        """Remove documents by name, all in one transaction; names that aren't there are passed over."""
        with self._change() as generation:
            self._remove(list(names), generation)

    def sources(self) -> dict[str, tuple[int, int]]:
        """The files that were read to their end: name to (size in bytes, time of change in ns)."""
        return {
            name: (size, mtime)
            for name, size, mtime in self._rows("SELECT name, size, mtime_ns FROM sources")
        }

    def failures(self) -> dict[str, str]:
        """What was noted of files that could not be read, or not wholly."""
        return dict(self._rows("SELECT name, failures FROM sources WHERE failures <> ''"))

    def read_source(self, name: str, size: int, mtime_ns: int, failures: str = "") -> None:
        """Note that every document of this file is in the store, or why it can't be."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?)",
                (name, size, mtime_ns, failures),
            )

    def forget_source(self, name: str, *, keep: bool = False) -> None:
        """The file is gone: its documents go too; with `keep` their vectors stay for `borrow` until `drop_kept`."""
        if keep:
            with self._transaction():
                self._db.execute(
                    "INSERT OR IGNORE INTO pending SELECT name, digest, ordinal, vector, tokens, spans FROM documents"
                    " JOIN passages ON document = documents.id JOIN vectors ON passage = passages.id WHERE source = ?",
                    (name,),
                )
        self.remove(
            row[0] for row in self._rows("SELECT name FROM documents WHERE source = ?", (name,))
        )
        with self._transaction():
            self._db.execute("DELETE FROM sources WHERE name = ?", (name,))

    def documents(self) -> list[DocumentInfo]:
        """All documents, by name."""
        rows = self._rows(
            "SELECT name, title, language, digest, source,"
            " (SELECT count(*) FROM passages WHERE document = documents.id), length(text), length(pages) / 8"
            " FROM documents ORDER BY name"
        )
        return [DocumentInfo(*row) for row in rows]

    def document(self, name: str) -> Document:
        """A document with its text. Raises KeyError where there is none of this name."""
        columns = "name, title, text, language, digest, author, date, pages"
        rows = self._rows(f"SELECT {columns} FROM documents WHERE name = ?", (name,))
        if not rows:
            raise KeyError(name)
        name, title, text, language, digest, author, date, pages = rows[0]
        return Document(name, title, text, language, digest, author, date, _unpack(pages))

    def chunks(self, numbers: Sequence[int]) -> list[StoredChunk]:
        """Passages by id, in the order asked for; ids that are gone are left out."""
        rows = self._passages("passages.id IN (SELECT value FROM json_each(?))", _json(numbers))
        found = {row.id: row for row in rows}
        return [found[number] for number in numbers if number in found]

    def chunks_of(self, name: str) -> list[StoredChunk]:
        """All passages of a document, in order."""
        return self._passages("documents.name = ?", name)

    def search_vectors(
        self, vector: NDArray[np.float32], k: int, documents: Collection[str] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` passages whose vectors are nearest: (id, cosine), best first.

        Args:
            vector: (d,) float32 of unit length.
            k: how many at most.
            documents: names to search among; all where None.
        """
        with self._lock, self._still():
            self._index.refresh()
            allowed = (
                None
                if documents is None
                else np.array([row[0] for row in self._rows_of(documents)], np.int64)
            )
            return self._index.search(vector, k, allowed)

    def search_words(
        self, words: Sequence[str], k: int, documents: Collection[str] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` best passages by BM25 over index terms: (id, score), higher is better, best first.

        Args:
            words: terms from `index.text.words.terms`.
            k: how many at most.
            documents: names to search among; all where None.
        """
        if not words or k < 1:
            return []
        phrases = ['"' + word.replace('"', '""') + '"' for word in dict.fromkeys(words)]
        # Every row that is scored looks at every word asked for, also those that no passage has.
        phrases = [
            each
            for each in phrases
            if self._rows("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", (each,))
        ]
        if not phrases:
            return []
        query = " OR ".join(phrases)
        # The plus keeps SQLite from looking each of these rows up by itself, which takes far longer.
        among = "" if documents is None else " AND +rowid IN (SELECT value FROM json_each(?))"
        values: list[Any] = [query]
        if documents is not None:
            values.append(_json([row[0] for row in self._rows_of(documents)]))
        rows = self._rows(
            f"SELECT rowid, -rank FROM words WHERE words MATCH ?{among} ORDER BY rank LIMIT ?",
            (*values, k),
        )
        return [(number, score) for number, score in rows]

    def token_vectors(
        self, numbers: Sequence[int]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        """For each passage its token vectors (t, d) and their spans (t, 2) in the document's text."""
        rows = self._rows(
            "SELECT passage, tokens, spans FROM vectors WHERE passage IN (SELECT value FROM json_each(?))",
            (_json(numbers),),
        )
        found = {
            number: (
                decode_tokens(tokens, self.dimension),
                np.frombuffer(spans, "<i4").reshape(-1, 2),
            )
            for number, tokens, spans in rows
        }
        return in_order(found, numbers)

    def compare(
        self,
        numbers: Sequence[int],
        vector: NDArray[np.float32],
        view: NDArray[np.float32],
        common: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """How like a question each of these passages is, in one reading of their vectors.

        Args:
            numbers: passages that are there.
            vector: (d,) of the question, unit length.
            view: (q, d) its tokens as they are to be compared, unit length.
            common: (d,) taken away from every token vector of the passages first.

        Returns:
            (n,) the cosines of the vectors; (q, t) those of the token vectors of all passages, one after the other; (n,)
            how many tokens each passage has.
        """
        query = "SELECT passage, vector, tokens FROM vectors WHERE passage IN (SELECT value FROM json_each(?))"
        rows = {
            number: (vector, tokens)
            for number, vector, tokens in self._rows(query, (_json(numbers),))
        }
        known = in_order(rows, numbers)
        vectors = np.frombuffer(b"".join(own for own, _ in known), "<f4").reshape(
            -1, self.dimension
        )
        similar, sizes = similar_tokens([tokens for _, tokens in known], view, common)
        return vectors @ vector, similar, sizes

    def vectors(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """The stored vectors of passages, (n, d) float32, in the order asked for."""
        query = (
            "SELECT passage, vector FROM vectors WHERE passage IN (SELECT value FROM json_each(?))"
        )
        rows: dict[int, bytes] = dict(self._rows(query, (_json(numbers),)))
        return np.stack([np.frombuffer(row, "<f4") for row in in_order(rows, numbers)])

    @property
    def generation(self) -> int:
        """Rises with every change, whichever process made it."""
        return int(self._fact("generation") or 0)

    def __len__(self) -> int:
        """How many passages there are."""
        return int(self._rows("SELECT count(*) FROM passages")[0][0])

    @contextmanager
    def alone(self, stop: threading.Event) -> Iterator[None]:
        """Be the only one that fills the store; others wait here for their turn, or until `stop` is set."""
        lock = FileLock(self.folder / "sync.lock")
        while not stop.is_set():
            try:
                lock.acquire(timeout=0.5)
                break
            except Timeout:
                continue
        try:
            yield
        finally:
            if lock.is_locked:
                lock.release()

    def save_index(self) -> None:
        """Write the FAISS file where it is behind. Searching works without: a disk that refuses it is let be."""
        self._index.save(self._still)

    def close(self) -> None:
        """Close the database; the store can't be used afterwards."""
        with self._lock:
            self._index.close()
            self._db.close()

    def __enter__(self) -> "LocalStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _migrate(self, fingerprint: str) -> None:
        self._db.execute(f"PRAGMA page_size = {_PAGE}")  # of a new database
        self._db.execute("PRAGMA cache_size = -65536")
        self._db.execute(
            "PRAGMA mmap_size = 2147418112"
        )  # SQLite's most: reading copies once, not twice
        # WAL lets readers go on while a document is written; FULL makes each commit outlive a power cut.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(_MIGRATIONS):
                raise UserError(
                    "store_too_new", folder=self.folder, version=version, known=len(_MIGRATIONS)
                )
            for script in _MIGRATIONS[version:]:
                for statement in script.split(";\n"):
                    if statement.strip():
                        self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
            self._db.execute("INSERT OR IGNORE INTO facts VALUES ('embedder', ?)", (fingerprint,))
            made_by = self._db.execute(
                "SELECT value FROM facts WHERE name = 'embedder'"
            ).fetchone()[0]
            self._db.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        if made_by != fingerprint:
            raise UserError(
                "index_other_model", folder=self.folder, made_by=made_by, asked=fingerprint
            )

    @contextmanager
    def _change(self) -> Iterator[int]:
        """One transaction that raises the generation; gives the new one."""
        with self._transaction():
            generation = self.generation + 1
            yield generation
            self._db.execute(
                "UPDATE facts SET value = ? WHERE name = 'generation'", (str(generation),)
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, also when killed."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                self._roll_back()
                raise self._damage(error) from error
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def _still(self) -> Iterator[None]:
        """One look at the database: another process may write meanwhile."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        if self._db.in_transaction:  # SQLite itself ends it where the disk is full
            self._db.execute("ROLLBACK")

    def _remove(self, names: Sequence[str], generation: int) -> None:
        listed = _json(names)
        gone = _json(row[0] for row in self._rows_of(names))
        self._db.execute(
            "INSERT INTO removals SELECT value, ? FROM json_each(?)", (generation, gone)
        )
        self._db.execute(
            "DELETE FROM words WHERE rowid IN (SELECT value FROM json_each(?))", (gone,)
        )
        self._db.execute(
            "DELETE FROM documents WHERE name IN (SELECT value FROM json_each(?))", (listed,)
        )

    def _passages(self, where: str, value: str) -> list[StoredChunk]:
        rows = self._rows(
            'SELECT passages.id, name, title, language, ordinal, start, "end", passages.text, sentences FROM passages'
            f" JOIN documents ON documents.id = document WHERE {where} ORDER BY ordinal",
            (value,),
        )
        return [
            StoredChunk(
                number, document, title, language, ordinal, start, end, text, _unpack(sentences)
            )
            for number, document, title, language, ordinal, start, end, text, sentences in rows
        ]

    def _rows_of(self, documents: Collection[str]) -> list[Any]:
        return self._rows(
            "SELECT passages.id FROM passages JOIN documents ON documents.id = document"
            " WHERE name IN (SELECT value FROM json_each(?))",
            (_json(documents),),
        )

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._damage(error) from error

    def _fact(self, name: str) -> str | None:
        rows = self._rows("SELECT value FROM facts WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def _damage(self, error: sqlite3.DatabaseError) -> UserError:
        """What to tell the user of a database error; a mistake of ours is raised as it is."""
        text, code = str(error), getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            with suppress(OSError):
                (self.folder / _DAMAGED).touch()
            return UserError("store_damaged", folder=self.folder)
        if "full" in text:
            return UserError("store_disk_full", folder=self.folder)
        if "readonly" in text or "unable to open" in text:
            return UserError("store_unwritable", folder=self.folder)
        if "locked" in text:
            return UserError("store_busy", folder=self.folder)
        if code == sqlite3.SQLITE_IOERR:
            return UserError("store_disk_error", folder=self.folder, reason=text)
        raise error


def _blobs(code: Encoded) -> tuple[bytes, bytes, bytes]:
    return (
        code.vector.astype("<f4").tobytes(),
        encode_tokens(code.tokens),
        code.spans.astype("<i4").tobytes(),
    )


def encode_tokens(tokens: NDArray[np.float32]) -> bytes:
    """Token vectors (t, d) as (t,) float16 scales, then (t, d) int8; values under 3e-5 are lost."""
    scales = np.maximum(np.abs(tokens).max(axis=1, initial=0) / 127, np.finfo("<f2").tiny).astype(
        "<f2"
    )
    levels = np.clip(np.rint(tokens / scales[:, None].astype(np.float32)), -127, 127)
    return scales.tobytes() + levels.astype(np.int8).tobytes()


def decode_tokens(data: bytes, dimension: int) -> NDArray[np.float32]:
    """The token vectors (t, d) float32 of `encode_tokens`."""
    count = len(data) // (dimension + 2)
    scales = np.frombuffer(data, "<f2", count).astype(np.float32)
    return (
        np.frombuffer(data, np.int8, offset=2 * count).reshape(count, dimension) * scales[:, None]
    )


def similar_tokens(
    coded: Sequence[bytes], view: NDArray[np.float32], common: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cosines of unit vectors (q, d) with all token vectors of `encode_tokens` less `common` (q, t); (n,) tokens in each.

    As q'(t - c) / |t - c| with |t - c|^2 = |t|^2 - 2tc + |c|^2, in pieces that the cache holds: nothing as large as all
    token vectors is written as float32.
    """
    dimension = len(common)
    both = np.ascontiguousarray(np.vstack([view, common]).T)
    sizes = np.array([len(data) // (dimension + 2) for data in coded], np.int64)
    counts = sizes.tolist()
    scales = np.frombuffer(
        b"".join(data[: 2 * n] for data, n in zip(coded, counts, strict=True)), "<f2"
    )
    scales = scales.astype(np.float32)[:, None]
    # In products too small for BLAS to share between threads, which then wait for each other longer than they work.
    rows = max(1, _UNSHARED // both.size)
    count = len(scales)
    blank = bytes(-count % rows * dimension)
    levels = np.frombuffer(
        b"".join([*(data[2 * n :] for data, n in zip(coded, counts, strict=True)), blank]), np.int8
    )
    levels = levels.reshape(-1, rows, dimension)
    similar = np.empty((count, len(view)), np.float32)
    for start in range(0, count, _PIECES * rows):
        here = slice(start, min(start + _PIECES * rows, count))
        pieces = levels[start // rows :][:_PIECES].astype(np.float32)
        products = (pieces @ both).reshape(-1, both.shape[1])[: here.stop - start] * scales[here]
        squares = (
            np.einsum("prd,prd->pr", pieces, pieces).reshape(-1, 1)[: here.stop - start]
            * scales[here] ** 2
        )
        lengths = np.sqrt(np.maximum(squares - 2 * products[:, -1:] + common @ common, 1e-12))
        similar[here] = (products[:, :-1] - view @ common) / lengths
    return similar.T, sizes


def _pack(spans: Sequence[Span]) -> bytes:
    return np.array(spans, "<i4").tobytes()


def _unpack(data: bytes) -> tuple[Span, ...]:
    return tuple((int(start), int(end)) for start, end in np.frombuffer(data, "<i4").reshape(-1, 2))


def _json(values: Iterable[Any]) -> str:
    return json.dumps(list(values))
