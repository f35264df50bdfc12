"""The store: SQLite holds the truth, FAISS an index derived from it.

Every change is one transaction and raises the generation. The FAISS file names the generation that it was built from;
where the two differ, or the file is damaged, only what changed since is read again from SQLite, or everything.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from index.documents import Document
from index.embedder import Encoded
from index.lexical import terms
from index.passages import Passage, Span
from weights.errors import UserError

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
)

# Raised when index.passages, index.lexical or the vectors' form change what they make: older indexes are made anew.
_ANALYSIS = 1


@dataclass(frozen=True)
class StoredPassage:
    """A passage with what is needed to show and cite it; spans are code points of the document's text."""

    id: int
    document: str
    title: str
    language: str
    ordinal: int
    start: int
    end: int
    text: str
    sentences: tuple[Span, ...]


@dataclass(frozen=True)
class DocumentInfo:
    """A document without its text; `source` is the file that it came from."""

    name: str
    title: str
    language: str
    digest: str
    source: str
    passages: int
    characters: int


class Store:
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
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / "library.sqlite", timeout=60, check_same_thread=False, isolation_level=None
            )
        except (PermissionError, FileExistsError, NotADirectoryError, sqlite3.OperationalError) as error:
            raise UserError("store_unwritable", folder=folder) from error
        try:
            # SQLite doesn't wait its turn while a new database is turned to WAL.
            with FileLock(folder / "open.lock"):
                self._migrate(f"{fingerprint}|{_ANALYSIS}")
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise self._damage(error) from error
            raise
        self._index: Any = None
        self._index_generation = -1

    def put(
        self, document: Document, passages: Sequence[Passage], encoded: Sequence[Encoded], *, source: str = ""
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
                raise ValueError(f"{document.name}: {kept} + {len(encoded)} vectors for {len(passages)} passages")
            self._remove([document.name], generation)
            row = self._db.execute(
                "INSERT INTO documents (name, title, text, language, digest, source) VALUES (?, ?, ?, ?, ?, ?)",
                (document.name, document.title, document.text, document.language, document.digest, source),
            ).lastrowid
            for ordinal, passage in enumerate(passages):
                text = document.text[passage.start : passage.end]
                number = self._db.execute(
                    'INSERT INTO passages (document, ordinal, start, "end", text, sentences, generation)'
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (row, ordinal, passage.start, passage.end, text, _pack(passage.sentences), generation),
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
        return int(self._rows("SELECT count(*) FROM pending WHERE document = ? AND digest = ?", values)[0][0])

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
        return {name: (size, mtime) for name, size, mtime in self._rows("SELECT name, size, mtime_ns FROM sources")}

    def read_source(self, name: str, size: int, mtime_ns: int) -> None:
        """Note that every document of this file is in the store."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?)", (name, size, mtime_ns))

    def forget_source(self, name: str) -> None:
        """The file is gone: its documents go too."""
        self.remove(info.name for info in self.documents() if info.source == name)
        with self._transaction():
            self._db.execute("DELETE FROM sources WHERE name = ?", (name,))

    def documents(self) -> list[DocumentInfo]:
        """All documents, by name."""
        rows = self._rows(
            "SELECT name, title, language, digest, source,"
            " (SELECT count(*) FROM passages WHERE document = documents.id), length(text) FROM documents ORDER BY name"
        )
        return [DocumentInfo(*row) for row in rows]

    def document(self, name: str) -> Document:
        """A document with its text. Raises KeyError where there is none of this name."""
        rows = self._rows("SELECT name, title, text, language, digest FROM documents WHERE name = ?", (name,))
        if not rows:
            raise KeyError(name)
        return Document(*rows[0])

    def passages(self, numbers: Sequence[int]) -> list[StoredPassage]:
        """Passages by id, in the order asked for; ids that are gone are left out."""
        rows = self._passages("passages.id IN (SELECT value FROM json_each(?))", _json(numbers))
        found = {row.id: row for row in rows}
        return [found[number] for number in numbers if number in found]

    def passages_of(self, name: str) -> list[StoredPassage]:
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
        faiss = _faiss()
        with self._lock:
            index = self._fresh()
            allowed = None if documents is None else np.array([row[0] for row in self._rows_of(documents)], np.int64)
            if not index.ntotal or k < 1 or (allowed is not None and not len(allowed)):
                return []
            parameters = None if allowed is None else faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))
            query = vector.reshape(1, -1).astype(np.float32)
            scores, numbers = index.search(query, min(k, index.ntotal), params=parameters)
        return [(int(number), float(score)) for number, score in zip(numbers[0], scores[0], strict=True) if number >= 0]

    def search_words(
        self, words: Sequence[str], k: int, documents: Collection[str] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` best passages by BM25 over index terms: (id, score), higher is better, best first.

        Args:
            words: terms from `index.lexical.terms`.
            k: how many at most.
            documents: names to search among; all where None.
        """
        if not words or k < 1:
            return []
        query = " OR ".join('"' + word.replace('"', '""') + '"' for word in dict.fromkeys(words))
        among = "" if documents is None else " AND rowid IN (SELECT value FROM json_each(?))"
        values: list[Any] = [query]
        if documents is not None:
            values.append(_json([row[0] for row in self._rows_of(documents)]))
        rows = self._rows(
            f"SELECT rowid, -bm25(words) FROM words WHERE words MATCH ?{among} ORDER BY bm25(words) LIMIT ?",  # noqa: S608
            (*values, k),
        )
        return [(number, score) for number, score in rows]

    def token_vectors(self, numbers: Sequence[int]) -> list[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        """For each passage its token vectors (t, d) and their spans (t, 2) in the document's text."""
        rows = self._rows(
            "SELECT passage, tokens, spans FROM vectors WHERE passage IN (SELECT value FROM json_each(?))",
            (_json(numbers),),
        )
        found = {
            number: (decode_tokens(tokens, self.dimension), np.frombuffer(spans, "<i4").reshape(-1, 2))
            for number, tokens, spans in rows
        }
        return [found[number] for number in numbers]

    def vectors(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """The stored vectors of passages, (n, d) float32, in the order asked for."""
        query = "SELECT passage, vector FROM vectors WHERE passage IN (SELECT value FROM json_each(?))"
        rows = dict(self._rows(query, (_json(numbers),)))
        return np.stack([np.frombuffer(rows[number], "<f4") for number in numbers])

    @property
    def generation(self) -> int:
        """Rises with every change, whichever process made it."""
        return int(self._fact("generation") or 0)

    def __len__(self) -> int:
        """How many passages there are."""
        return int(self._rows("SELECT count(*) FROM passages")[0][0])

    def save_index(self) -> None:
        """Write the FAISS file where it is behind. Searching works without: a disk that refuses it is let be."""
        with self._lock:
            index = self._fresh()
            path = self._index_path(self._index_generation)
            if path.exists():
                return
            part = path.with_suffix(f".{os.getpid()}.part")
            with suppress(OSError):
                # Through Python's own files: FAISS's can't have every name on Windows.
                part.write_bytes(_faiss().serialize_index(index).tobytes())
                part.replace(path)
            part.unlink(missing_ok=True)
            for old in self.folder.glob("vectors-*"):
                if old != path:
                    old.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the database; the store can't be used afterwards."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _migrate(self, fingerprint: str) -> None:
        # WAL lets readers go on while a document is written; FULL makes each commit outlive a power cut.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(_MIGRATIONS):
                raise UserError("store_too_new", folder=self.folder, version=version, known=len(_MIGRATIONS))
            for script in _MIGRATIONS[version:]:
                for statement in script.split(";\n"):
                    if statement.strip():
                        self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
            self._db.execute("INSERT OR IGNORE INTO facts VALUES ('embedder', ?)", (fingerprint,))
            made_by = self._db.execute("SELECT value FROM facts WHERE name = 'embedder'").fetchone()[0]
            self._db.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        if made_by != fingerprint:
            raise UserError("index_other_model", folder=self.folder, made_by=made_by, asked=fingerprint)

    @contextmanager
    def _change(self) -> Iterator[int]:
        """One transaction that raises the generation; gives the new one."""
        with self._transaction():
            generation = self.generation + 1
            yield generation
            self._db.execute("UPDATE facts SET value = ? WHERE name = 'generation'", (str(generation),))

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

    def _roll_back(self) -> None:
        if self._db.in_transaction:  # SQLite itself ends it where the disk is full
            self._db.execute("ROLLBACK")

    def _remove(self, names: Sequence[str], generation: int) -> None:
        listed = _json(names)
        gone = _json(row[0] for row in self._rows_of(names))
        self._db.execute("INSERT INTO removals SELECT value, ? FROM json_each(?)", (generation, gone))
        self._db.execute("DELETE FROM words WHERE rowid IN (SELECT value FROM json_each(?))", (gone,))
        self._db.execute("DELETE FROM documents WHERE name IN (SELECT value FROM json_each(?))", (listed,))

    def _passages(self, where: str, value: str) -> list[StoredPassage]:
        rows = self._rows(
            'SELECT passages.id, name, title, language, ordinal, start, "end", passages.text, sentences FROM passages'  # noqa: S608
            f" JOIN documents ON documents.id = document WHERE {where} ORDER BY ordinal",
            (value,),
        )
        return [
            StoredPassage(number, document, title, language, ordinal, start, end, text, _unpack(sentences))
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
        text = str(error)
        if "malformed" in text or "not a database" in text or "corrupt" in text:
            return UserError("store_damaged", folder=self.folder)
        if "full" in text:
            return UserError("store_disk_full", folder=self.folder)
        if "readonly" in text or "unable to open" in text:
            return UserError("store_unwritable", folder=self.folder)
        if "locked" in text:
            return UserError("store_busy", folder=self.folder)
        raise error

    def _index_path(self, generation: int) -> Path:
        return self.folder / f"vectors-{generation}.faiss"

    def _fresh(self) -> Any:
        """The FAISS index as of the newest generation: loaded, brought up to date, or rebuilt."""
        if self._index is not None and self._index_generation == self.generation:
            return self._index
        self._db.execute("BEGIN")  # one look: another process may write meanwhile
        try:
            generation = self.generation
            if self._index is None:
                self._index, self._index_generation = self._load(generation)
            gone = self._rows("SELECT passage FROM removals WHERE generation > ?", (self._index_generation,))
            self._index.remove_ids(np.array([row[0] for row in gone], np.int64))
            self._add(self._index_generation)
            if self._index.ntotal != len(self):
                self._index = self._empty()
                self._add(-1)
            self._index_generation = generation
        finally:
            self._roll_back()
        return self._index

    def _load(self, newest: int) -> tuple[Any, int]:
        """The newest FAISS file that can be read and isn't ahead of the database; an empty index if there is none."""
        for path in sorted(self.folder.glob("vectors-*.faiss"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
            try:
                generation = int(path.stem.partition("-")[2])
                index = _faiss().deserialize_index(np.frombuffer(path.read_bytes(), np.uint8))
            except (ValueError, RuntimeError, MemoryError, OSError):
                continue
            if generation <= newest and index.d == self.dimension:
                return index, generation
        return self._empty(), -1

    def _empty(self) -> Any:
        return _faiss().IndexIDMap2(_faiss().IndexFlatIP(self.dimension))

    def _add(self, since: int) -> None:
        """Add the stored vectors of the passages made after the generation `since`."""
        last = 0
        while rows := self._rows(
            "SELECT passages.id, vector FROM passages JOIN vectors ON passage = passages.id"
            " WHERE generation > ? AND passages.id > ? ORDER BY passages.id LIMIT 20000",
            (since, last),
        ):
            vectors = np.stack([np.frombuffer(vector, "<f4") for _, vector in rows])
            self._index.add_with_ids(vectors, np.array([number for number, _ in rows], np.int64))
            last = rows[-1][0]


def _faiss() -> Any:
    import faiss

    return faiss


def _blobs(code: Encoded) -> tuple[bytes, bytes, bytes]:
    return code.vector.astype("<f4").tobytes(), encode_tokens(code.tokens), code.spans.astype("<i4").tobytes()


def encode_tokens(tokens: NDArray[np.float32]) -> bytes:
    """Token vectors (t, d) as (t,) float16 scales, then (t, d) int8; values under 3e-5 are lost."""
    scales = np.maximum(np.abs(tokens).max(axis=1, initial=0) / 127, np.finfo("<f2").tiny).astype("<f2")
    levels = np.clip(np.rint(tokens / scales[:, None].astype(np.float32)), -127, 127)
    return scales.tobytes() + levels.astype(np.int8).tobytes()


def decode_tokens(data: bytes, dimension: int) -> NDArray[np.float32]:
    """The token vectors (t, d) float32 of `encode_tokens`."""
    count = len(data) // (dimension + 2)
    scales = np.frombuffer(data, "<f2", count).astype(np.float32)
    return np.frombuffer(data, np.int8, offset=2 * count).reshape(count, dimension) * scales[:, None]


def _pack(spans: Sequence[Span]) -> bytes:
    return np.array(spans, "<i4").tobytes()


def _unpack(data: bytes) -> tuple[Span, ...]:
    return tuple((int(start), int(end)) for start, end in np.frombuffer(data, "<i4").reshape(-1, 2))


def _json(values: Iterable[Any]) -> str:
    return json.dumps(list(values))
