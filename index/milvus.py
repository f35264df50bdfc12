"""A store on Milvus, for libraries that outgrow one machine.

Milvus has no transactions. So rows are keyed by what they hold and written by upsert: who reads the
same folder writes the same rows, and nobody waits for anybody. Three collections a library:
`documents` (rows of documents, files and the like), `chunks` (what is searched), and `parts` (texts
and token vectors, read by key), apart because they are twenty times as large.

The row of a document is written last and names the content that counts; that is atomic. Chunks of
other contents are passed over, so a document is seen as it was until it is seen as it is. Not
atomic: while a document is replaced, `len` counts its old and new chunks, and a search may give ids
that `chunks` leaves out. What a killed writer left behind is deleted by `drop_kept`, that is by the
next complete `sync`. This deletes whatever no document names, so a writer that saw another state of
the folder just then may lose rows; each looks in the end whether all that it named is there.
"""

import base64
import json
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np

from index import milvus_rows as rows_of
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
from index.documents import Document, unread_as_json
from index.embedder import Encoded
from index.errors import UserError
from index.milvus_rows import Collections, Row, among, connect, content_of, key_of, part_ids
from index.token_codes import Floats

__all__ = ["MilvusStore", "connect"]

_VERSION = 2  # of the collections' fields
_MOST = 16_384  # results that Milvus gives at once
_DOCUMENTS, _SOURCES, _MODELS = (among("kind", [kind]) for kind in ("document", "source", "model"))

Key = TypeVar("Key")


class MilvusStore(Store):
    """One library on a Milvus server or cluster.

    Args:
        address: `http://`, `https://` or `milvus://` with host and port; a path names the database.
        library: tells libraries on one server apart.
        fingerprint: of the embedder, from `Embedder.fingerprint`.
        dimension: of its vectors.
        token: `user:password` or an API key, where the server wants one.

    Raises:
        UserError: `milvus_absent`, `store_remote`, `index_other_model`, `store_too_new`; from `put`
            also `store_busy`, another writer deleted what this one wrote.
    """

    def __init__(
        self, address: str, library: str, fingerprint: str, dimension: int, *, token: str = ""
    ) -> None:
        self.address = address
        self.dimension = dimension
        plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in library)
        self._all = Collections(address, f"cocorico_{plain}", dimension, token)
        self._lock = threading.RLock()
        self._writer = uuid4().hex
        self._changes = 0
        try:
            self._check_model(f"{fingerprint}|{ANALYSIS}")
        except UserError:
            self.close()
            raise

    def put(self, items: Sequence[Prepared]) -> None:
        with self._lock:
            known = self.known([item.document.digest for item in items])
            firsts = [item.first_new(known) for item in items]
            old = self._named(item.document.name for item in items)
            ids = self._write_rows(items, firsts)
            self._changes += len(items)
            self._all.write("documents", [*map(_document_row, items), self._count_row()])

            # What nobody sees any more goes.
            contents = {content_of(item.document) for item in items}
            self._delete({value["content"] for value in old.values()} - contents)
            owners = contents | {item.document.digest for item in items}
            chunks = self._all.count("chunks", among("content", contents))
            parts = self._all.count("parts", among("owner", owners))
            if (chunks, parts) != (len(ids["chunks"]), len(ids["parts"])):
                self.remove([item.document.name for item in items])
                raise UserError("store_busy", folder=self.address)

    def keep(self, document: Document, encoded: Sequence[Encoded]) -> None:
        with self._lock:
            first = self.known([document.digest]).get(document.digest, 0)
            parts = (
                rows_of.vector_parts(document.digest, n, code)
                for n, code in enumerate(encoded, first)
            )
            self._all.write("parts", [row for rows in parts for row in rows])

    def known(self, digests: Collection[str]) -> dict[str, int]:
        heads = self._all.all("parts", f"{among('owner', digests)} and part == 0", ["owner"])
        return dict(Counter(row["owner"] for row in heads))

    def drop_kept(self) -> None:
        with self._lock:
            named = self._values(_DOCUMENTS)
            contents = {value["content"] for value in named}
            owners = contents | {value["digest"] for value in named}
            chunks = self._all.all("chunks", "ordinal == 0", ["content"])
            parts = self._all.all("parts", "ordinal == 0", ["owner"])
            self._all.delete("chunks", "content", {row["content"] for row in chunks} - contents)
            self._all.delete("parts", "owner", {row["owner"] for row in parts} - owners)

    def remove(self, names: Iterable[str]) -> None:
        with self._lock:
            self._remove(self._named(names).values())

    def sources(self) -> dict[str, tuple[int, int]]:
        return {row["name"]: (row["size"], row["mtime_ns"]) for row in self._values(_SOURCES)}

    def failures(self) -> dict[str, str]:
        return {row["name"]: row["failures"] for row in self._values(_SOURCES) if row["failures"]}

    def read_source(self, name: str, size: int, mtime_ns: int, failures: str = "") -> None:
        value = {"name": name, "size": size, "mtime_ns": mtime_ns, "failures": failures}
        self._all.write("documents", [rows_of.value_row("source", key_of(name), value)])

    def forget_source(self, name: str, *, keep: bool = False) -> None:  # noqa: ARG002
        # Vectors stay until `drop_kept` in any case: other documents may have them.
        with self._lock:
            self._remove(self._values(f"{_DOCUMENTS} and {among('source', [key_of(name)])}"))
            self._all.delete("documents", "id", [f"source:{key_of(name)}"])

    def documents(self) -> list[DocumentInfo]:
        found = [rows_of.info_of(value) for value in self._values(_DOCUMENTS)]
        return sorted(found, key=lambda info: info.name)

    def document(self, name: str) -> Document:
        key = key_of(name)
        value = self._named([name]).get(key)
        if value is None:
            raise KeyError(name)
        if data := self._read({key: part_ids(value["content"], 0, value["parts"])}).get(key):
            text, author, date, pages = json.loads(data)
            facts = name, value["title"], text, value["language"], value["digest"], author, date
            spans = tuple((start, end) for start, end in pages)
            return Document(*facts, spans, rows_of.info_of(value).unread)
        if self._named([name]).get(key) != value:
            return self.document(name)  # it was replaced meanwhile
        raise UserError("store_remote", address=self.address, reason=f"rows of {name} are missing")

    def chunks(self, numbers: Sequence[int]) -> list[StoredChunk]:
        return self._stored(self._all.get("chunks", numbers, rows_of.FIELDS["chunks"]))

    def chunks_of(self, name: str) -> list[StoredChunk]:
        rows = self._all.all("chunks", among("document", [key_of(name)]), rows_of.FIELDS["chunks"])
        return self._stored(sorted(rows, key=lambda row: row["ordinal"]))

    def search_vectors(self, vector: Floats, k: int, documents: Names = None) -> Scored:
        breadth = {"params": {"ef": max(2 * min(k, _MOST), 128)}}
        return self._search("vector", vector.astype(np.float32), breadth, k, documents)

    def search_words(self, words: Sequence[str], k: int, documents: Names = None) -> Scored:
        text = " ".join(rows_of.word(each) for each in dict.fromkeys(words))
        found = self._search("words", text, {"params": {}}, k, documents) if text else []
        return [(number, abs(score)) for number, score in found]  # Milvus Lite's are below zero

    def coded(self, numbers: Sequence[int]) -> dict[int, Coded]:
        rows = self._all.get("chunks", numbers, ["digest", "ordinal", "parts"])
        ids = {row["id"]: part_ids(row["digest"], row["ordinal"], row["parts"]) for row in rows}
        return {n: rows_of.coded(data, self.dimension) for n, data in self._read(ids).items()}

    def vectors(self, numbers: Sequence[int]) -> Floats:
        rows = self._all.get("chunks", numbers, ["vector"])
        found = {row["id"]: row["vector"] for row in rows}
        return np.array(in_order(found, numbers), np.float32).reshape(-1, self.dimension)

    @property
    def generation(self) -> int:
        # Each writer counts its own changes.
        return sum(value["changes"] for value in self._values(among("kind", ["count"])))

    def __len__(self) -> int:
        return self._all.count("chunks")

    def save_index(self) -> None:
        pass  # Milvus does that by itself

    def close(self) -> None:
        self._all.close()

    def _check_model(self, fingerprint: str) -> None:
        """Refuse an index of another model, or of a newer Cocorico."""
        own = {"embedder": fingerprint, "version": _VERSION}
        if not self._values(_MODELS):
            self._all.write("documents", [rows_of.value_row("model", key_of(fingerprint), own)])
        for made in self._values(_MODELS):
            folder, version = self.address, made["version"]
            if version > _VERSION:
                raise UserError("store_too_new", folder=folder, version=version, known=_VERSION)
            if made != own:
                by = made["embedder"]
                raise UserError("index_other_model", folder=folder, made_by=by, asked=fingerprint)

    def _write_rows(
        self, items: Sequence[Prepared], firsts: Sequence[int]
    ) -> dict[str, set[int | str]]:
        """Write the chunks and parts of documents; the ids of all, by collection."""
        ids: dict[str, set[int | str]] = {"chunks": set(), "parts": set()}
        chunks: list[Row] = []
        parts: list[Row] = []

        def flush() -> None:
            for name, rows in (("parts", parts), ("chunks", chunks)):
                self._all.write(name, rows)
                ids[name].update(row["id"] for row in rows)
                rows.clear()

        for item, first in zip(items, firsts, strict=True):
            document, digest = item.document, item.document.digest
            parts += rows_of.body_parts(document)
            heads: dict[int, Row] = {}
            for ordinal, chunk in enumerate(item.chunks):
                if ordinal >= first:
                    own = rows_of.vector_parts(digest, ordinal, item.encoded[ordinal - first])
                    heads[ordinal] = own[-1]
                    parts += own
                elif ordinal % rows_of.AT_ONCE == 0:
                    heads = self._heads(
                        digest, range(ordinal, min(ordinal + rows_of.AT_ONCE, first))
                    )
                chunks.append(
                    rows_of.chunk_row(document, chunk, ordinal, heads[ordinal], self.dimension)
                )
                ids["parts"].update(part_ids(digest, ordinal, chunks[-1]["parts"]))
                if len(chunks) == rows_of.AT_ONCE:
                    flush()
        flush()
        return ids

    def _heads(self, digest: str, ordinals: range) -> dict[int, Row]:
        """The first parts of vectors that are known."""
        ids = [f"{digest}:{ordinal}:0" for ordinal in ordinals]
        rows = self._all.get("parts", ids, ["ordinal", "parts", "data"])
        if len(rows) < len(ids):
            raise UserError("store_busy", folder=self.address)
        return {row["ordinal"]: row for row in rows}

    def _remove(self, values: Collection[Row]) -> None:
        """Remove documents, but for their vectors."""
        if values:
            names = [f"document:{key_of(value['name'])}" for value in values]
            self._all.delete("documents", "id", names)
            self._changes += 1
            self._all.write("documents", [self._count_row()])
            self._delete({value["content"] for value in values})

    def _delete(self, contents: Collection[str]) -> None:
        """Delete the rows of contents that no document names any more."""
        self._all.delete("chunks", "content", contents)
        self._all.delete("parts", "owner", contents)

    def _search(self, field: str, query: Any, breadth: Row, k: int, documents: Names) -> Scored:
        if k < 1 or (documents is not None and not documents):
            return []
        among_these = "" if documents is None else among("document", map(key_of, documents))
        options = {"limit": min(k, _MOST), "filter": among_these, "search_params": breadth}
        (hits,) = self._all.call("search", "chunks", data=[query], anns_field=field, **options)
        return [(hit["id"], hit["distance"]) for hit in hits]

    def _stored(self, rows: Sequence[Row]) -> list[StoredChunk]:
        """Chunks from their rows, without those whose content isn't named."""
        found = self._all.get(
            "documents", [f"document:{row['document']}" for row in rows], ["value"]
        )
        named = {value["content"]: value for value in (json.loads(row["value"]) for row in found)}
        chunks = []
        for row in rows:
            if value := named.get(row["content"]):
                start, end, text = row["start"], row["end"], row["text"]
                if len(text) < end - start:  # it didn't fit the field
                    text = self.document(value["name"]).text[start:end]
                facts = value["name"], value["title"], value["language"], row["ordinal"]
                sentences = tuple((first, last) for first, last in json.loads(row["sentences"]))
                chunks.append(StoredChunk(row["id"], *facts, start, end, text, sentences))
        return chunks

    def _named(self, names: Iterable[str]) -> dict[str, Row]:
        """What the rows of documents say, by key, as of now."""
        ids = [f"document:{key_of(name)}" for name in names]
        values = [json.loads(row["value"]) for row in self._all.get("documents", ids, ["value"])]
        return {key_of(value["name"]): value for value in values}

    def _values(self, condition: str) -> list[Row]:
        rows = self._all.all("documents", condition, ["value"])
        return [json.loads(row["value"]) for row in rows]

    def _read(self, wanted: dict[Key, list[str]]) -> dict[Key, bytes]:
        """The bytes of parts, end to end; only what is there whole."""
        ids = [number for numbers in wanted.values() for number in numbers]
        rows = self._all.get("parts", ids, ["data"])
        data = {row["id"]: base64.b64decode(row["data"]) for row in rows}
        whole = {key: numbers for key, numbers in wanted.items() if data.keys() >= set(numbers)}
        return {key: b"".join(data[n] for n in numbers) for key, numbers in whole.items()}

    def _count_row(self) -> Row:
        return rows_of.value_row("count", self._writer, {"changes": self._changes})


def _document_row(item: Prepared) -> Row:
    """The row that names a document's content."""
    document = item.document
    about = document.name, document.title, document.language, document.digest, item.source
    info = DocumentInfo(*about, len(item.chunks), len(document.text), len(document.pages))
    own = {"content": content_of(document), "parts": len(rows_of.body_parts(document))}
    value = {**asdict(info), **own, "unread": unread_as_json(document.unread)}
    return rows_of.value_row("document", key_of(document.name), value, key_of(item.source))
