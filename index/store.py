"""The store in one folder: SQLite holds the truth, FAISS an index derived from it.

Every change is one transaction and raises the generation. The FAISS file names the generation that
it was built from; where the two differ, or the file is damaged, only what changed since is read
again from SQLite, or everything.
"""
# ruff: noqa: S608 - queries are put together from constants, and values are always bound

import json
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from index.contract import (
    ANALYSIS,
    Coded,
    DocumentInfo,
    Names,
    Prepared,
    Scored,
    Store,
    StoredChunk,
    in_order,
)
from index.database import DATABASE, Database
from index.documents import Document, unread_as_json, unread_from_json
from index.embedder import Encoded
from index.errors import UserError
from index.text.sentences import Span
from index.text.words import terms
from index.token_codes import Floats, encode_tokens
from index.vectors import VectorIndex

__all__ = ["DATABASE", "LocalStore"]

_REMEMBERED = 1000  # generations whose removals are kept, for processes with an older vector index
_NOTES = "ifnull((SELECT notes FROM unread WHERE document = documents.id), '[]')"
_LISTED = "(SELECT value FROM json_each(?))"
# The vectors that documents have, as rows of the table of pending ones.
_STORED = (
    "SELECT '', digest, ordinal, vector, tokens, spans FROM documents"
    " JOIN passages ON document = documents.id JOIN vectors ON passage = passages.id"
)
_ONE_PENDING = (
    "SELECT vector, tokens, spans FROM pending WHERE document = '' AND digest = ? AND ordinal = ?"
)


class LocalStore(Store):
    """One library in one folder.

    Args:
        folder: made where it isn't there.
        fingerprint: of the embedder, from `Embedder.fingerprint`.
        dimension: of its vectors.
        former: other fingerprints of the same embedder; an index of one of these is taken over.

    Raises:
        UserError: `index_other_model`, and those of `index.database.Database`.
    """

    def __init__(
        self, folder: Path, fingerprint: str, dimension: int, *, former: Collection[str] = ()
    ) -> None:
        self.folder = folder
        self.dimension = dimension
        self._db = Database(folder)
        try:
            self._check_model(f"{fingerprint}|{ANALYSIS}", [f"{one}|{ANALYSIS}" for one in former])
        except UserError:
            self._db.close()
            raise
        self._index = VectorIndex(folder, dimension, self._db)

    def put(self, items: Sequence[Prepared]) -> None:
        for item in items:
            with self._change() as generation:
                self._put(item, generation)

    def keep(self, document: Document, encoded: Sequence[Encoded]) -> None:
        with self._db.transaction():
            query = "SELECT count(*) FROM pending WHERE document = '' AND digest = ?"
            first = self._db.rows(query, (document.digest,))[0][0]
            self._db.run_many(
                "INSERT INTO pending VALUES ('', ?, ?, ?, ?, ?)",
                ((document.digest, n, *_blobs(code)) for n, code in enumerate(encoded, first)),
            )

    def known(self, digests: Collection[str]) -> dict[str, int]:
        stored = f"SELECT digest, chunks FROM documents WHERE digest IN {_LISTED}"
        kept = f"SELECT digest, count(*) FROM pending WHERE document = '' AND digest IN {_LISTED}"
        rows = self._db.rows(f"{stored} UNION {kept} GROUP BY digest", (_json(digests),) * 2)
        return {digest: max(n for own, n in rows if own == digest) for digest, _ in rows}

    def drop_kept(self) -> None:
        with self._db.transaction():
            self._db.run("DELETE FROM pending")

    def remove(self, names: Iterable[str]) -> None:
        with self._change() as generation:
            self._remove(list(names), generation)

    def sources(self) -> dict[str, tuple[int, int]]:
        rows = self._db.rows("SELECT name, size, mtime_ns FROM sources")
        return {name: (size, mtime) for name, size, mtime in rows}

    def failures(self) -> dict[str, str]:
        return dict(self._db.rows("SELECT name, failures FROM sources WHERE failures <> ''"))

    def read_source(self, name: str, size: int, mtime_ns: int, failures: str = "") -> None:
        with self._db.transaction():
            values = (name, size, mtime_ns, failures)
            self._db.run("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?)", values)

    def forget_source(self, name: str, *, keep: bool = False) -> None:
        with self._change() as generation:
            if keep:
                self._db.run(f"INSERT OR IGNORE INTO pending {_STORED} WHERE source = ?", (name,))
            rows = self._db.rows("SELECT name FROM documents WHERE source = ?", (name,))
            self._remove([row[0] for row in rows], generation)
            self._db.run("DELETE FROM sources WHERE name = ?", (name,))

    def documents(self) -> list[DocumentInfo]:
        # All of these columns are in the index `documents_listed`: no text is read.
        columns = "name, title, language, digest, source, chunks, characters, page_count"
        rows = self._db.rows(f"SELECT {columns}, {_NOTES} FROM documents ORDER BY name")
        return [DocumentInfo(*row, *[unread_from_json(notes)]) for *row, notes in rows]

    def document(self, name: str) -> Document:
        columns = "name, title, text, language, digest, author, date, pages"
        query = f"SELECT {columns}, {_NOTES} FROM documents WHERE name = ?"
        rows = self._db.rows(query, (name,))
        if not rows:
            raise KeyError(name)
        *fields, pages, notes = rows[0]
        return Document(*fields, *[_unpack(pages), unread_from_json(notes)])

    def chunks(self, numbers: Sequence[int]) -> list[StoredChunk]:
        rows = self._chunks(f"passages.id IN {_LISTED}", _json(numbers))
        found = {chunk.id: chunk for chunk in rows}
        return [found[number] for number in numbers if number in found]

    def chunks_of(self, name: str) -> list[StoredChunk]:
        return self._chunks("documents.name = ?", name)

    def search_vectors(self, vector: Floats, k: int, documents: Names = None) -> Scored:
        with self._db.snapshot():
            self._index.refresh()
            allowed = None if documents is None else np.array(self._ids_of(documents), np.int64)
            return self._index.search(vector, k, allowed)

    def search_words(self, words: Sequence[str], k: int, documents: Names = None) -> Scored:
        # A row that is scored looks at every word asked for: words that no chunk has are left out.
        there = "SELECT 1 FROM words WHERE words MATCH ? LIMIT 1"
        phrases = ['"' + word.replace('"', '""') + '"' for word in dict.fromkeys(words)]
        phrases = [phrase for phrase in phrases if self._db.rows(there, (phrase,))]
        if not phrases or k < 1:
            return []
        among, values = "", [" OR ".join(phrases)]
        if documents is not None:
            # The plus keeps SQLite from looking each row up by itself, which takes far longer.
            among = f" AND +rowid IN {_LISTED}"
            values.append(_json(self._ids_of(documents)))
        query = f"SELECT rowid, -rank FROM words WHERE words MATCH ?{among} ORDER BY rank LIMIT ?"
        return [(number, score) for number, score in self._db.rows(query, (*values, k))]

    def coded(self, numbers: Sequence[int]) -> dict[int, Coded]:
        query = f"SELECT passage, vector, tokens, spans FROM vectors WHERE passage IN {_LISTED}"
        return {
            number: Coded(
                np.frombuffer(vector, "<f4"), tokens, np.frombuffer(spans, "<i4").reshape(-1, 2)
            )
            for number, vector, tokens, spans in self._db.rows(query, (_json(numbers),))
        }

    def vectors(self, numbers: Sequence[int]) -> Floats:
        query = f"SELECT passage, vector FROM vectors WHERE passage IN {_LISTED}"
        found = dict(self._db.rows(query, (_json(numbers),)))
        data = b"".join(in_order(found, numbers))
        return np.frombuffer(data, "<f4").reshape(-1, self.dimension)

    @property
    def generation(self) -> int:
        return int(self._db.rows("SELECT value FROM facts WHERE name = 'generation'")[0][0])

    def __len__(self) -> int:
        return int(self._db.rows("SELECT count(*) FROM passages")[0][0])

    @contextmanager
    def alone(self, stop: threading.Event) -> Iterator[None]:
        lock = FileLock(self.folder / "sync.lock")
        while not stop.is_set():
            with suppress(Timeout):
                lock.acquire(timeout=0.5)
                break
        try:
            yield
        finally:
            lock.release()

    def save_index(self) -> None:
        self._index.save()
        # Where the disk has no room for this, or others are at work, a later call does it.
        with suppress(UserError):
            with self._db.transaction():
                oldest = self.generation - _REMEMBERED
                self._db.run("DELETE FROM removals WHERE generation <= ?", (oldest,))
            self._db.shrink()

    def close(self) -> None:
        with self._db.lock:
            self._index.close()
            self._db.close()

    def _check_model(self, fingerprint: str, former: Collection[str]) -> None:
        """Note which embedder the vectors are of, or see that it is this one."""
        with self._db.transaction():
            self._db.run("INSERT OR IGNORE INTO facts VALUES ('embedder', ?)", (fingerprint,))
            made_by = self._db.rows("SELECT value FROM facts WHERE name = 'embedder'")[0][0]
            if made_by in former:
                self._db.run("UPDATE facts SET value = ? WHERE name = 'embedder'", (fingerprint,))
            elif made_by != fingerprint:
                raise UserError(
                    "index_other_model", folder=self.folder, made_by=made_by, asked=fingerprint
                )

    @contextmanager
    def _change(self) -> Iterator[int]:
        """One transaction that raises the generation; gives the new one."""
        with self._db.transaction():
            generation = self.generation + 1
            yield generation
            query = "UPDATE facts SET value = ? WHERE name = 'generation'"
            self._db.run(query, (str(generation),))

    def _put(self, item: Prepared, generation: int) -> None:
        document, digest = item.document, item.document.digest
        first = item.first_new(self.known([digest]))
        if first:
            self._db.run(f"INSERT OR IGNORE INTO pending {_STORED} WHERE digest = ?", (digest,))
        self._remove([document.name], generation)
        row = self._insert(
            "documents",
            name=document.name, title=document.title, text=document.text, digest=digest,
            language=document.language, author=document.author, date=document.date,
            pages=_pack(document.pages), source=item.source, chunks=len(item.chunks),
            characters=len(document.text), page_count=len(document.pages),
        )  # fmt: skip
        if document.unread:
            self._insert("unread", document=row, notes=unread_as_json(document.unread))
        for ordinal, chunk in enumerate(item.chunks):
            text = document.text[chunk.start : chunk.end]
            number = self._insert(
                "passages", document=row, ordinal=ordinal, start=chunk.start, end=chunk.end,
                text=text, sentences=_pack(chunk.sentences), generation=generation,
            )  # fmt: skip
            if ordinal < first:
                (blobs,) = self._db.rows(_ONE_PENDING, (digest, ordinal))
            else:
                blobs = _blobs(item.encoded[ordinal - first])
            self._db.run("INSERT INTO vectors VALUES (?, ?, ?, ?)", (number, *blobs))
            words = " ".join(terms(f"{document.title}\n{text}", document.language))
            self._db.run("INSERT INTO words (rowid, terms) VALUES (?, ?)", (number, words))
        self._db.run("DELETE FROM pending WHERE document = '' AND digest = ?", (digest,))

    def _insert(self, table: str, **values: Any) -> int:
        """The number of the new row."""
        columns = ", ".join(f'"{name}"' for name in values)
        places = ", ".join("?" * len(values))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"
        return self._db.run(statement, tuple(values.values()))

    def _remove(self, names: Sequence[str], generation: int) -> None:
        gone = _json(self._ids_of(names))
        self._db.run("INSERT INTO removals SELECT value, ? FROM json_each(?)", (generation, gone))
        self._db.run(f"DELETE FROM words WHERE rowid IN {_LISTED}", (gone,))
        self._db.run(f"DELETE FROM documents WHERE name IN {_LISTED}", (_json(names),))

    def _ids_of(self, documents: Collection[str]) -> list[int]:
        query = "SELECT passages.id FROM passages JOIN documents ON documents.id = document"
        rows = self._db.rows(f"{query} WHERE name IN {_LISTED}", (_json(documents),))
        return [row[0] for row in rows]

    def _chunks(self, where: str, value: str) -> list[StoredChunk]:
        rows = self._db.rows(
            'SELECT passages.id, name, title, language, ordinal, start, "end", passages.text,'
            " sentences FROM passages JOIN documents ON documents.id = document"
            f" WHERE {where} ORDER BY ordinal",
            (value,),
        )
        return [StoredChunk(*fields, *[_unpack(sentences)]) for *fields, sentences in rows]


def _blobs(code: Encoded) -> tuple[bytes, bytes, bytes]:
    vector, spans = code.vector.astype("<f4"), code.spans.astype("<i4")
    return vector.tobytes(), encode_tokens(code.tokens), spans.tobytes()


def _pack(spans: Sequence[Span]) -> bytes:
    return np.array(spans, "<i4").tobytes()


def _unpack(data: bytes) -> tuple[Span, ...]:
    return tuple((int(start), int(end)) for start, end in np.frombuffer(data, "<i4").reshape(-1, 2))


def _json(values: Iterable[Any]) -> str:
    return json.dumps(list(values))
