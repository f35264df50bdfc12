"""A store on Milvus, for libraries that outgrow one machine.

Milvus has no transactions. So every row of a document carries a version, and one record, written last, names the version
that counts; rows of any other version are passed over. Before the first row of a version is written, and before a version
is given up, a draft says so: what a killed writer left behind is found by its draft and swept.

Three collections a library: `records` (documents, sources, drafts, counts; small), `passages` (what is searched), and
`pieces` (texts and token vectors, read by key), apart because they are twenty times as large: among them, the search would
have to go through twenty times as many segments.
"""

import base64
import hashlib
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from types import TracebackType
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from index.chunking import Chunk
from index.contract import ANALYSIS, DocumentInfo, Put, StoredChunk, in_order
from index.documents import Document
from index.embedder import Encoded
from index.errors import UserError
from index.store import decode_tokens, encode_tokens, similar_tokens
from index.text.words import terms

_VERSION = 1  # of the collections' fields
_LONGEST = 65_535  # bytes in a text field
_PIECE = 49_149  # bytes of token vectors in a piece: as base64 they just fit
_TEXT = 4_000  # code points of a document's text in a piece, of four bytes at most
_AT_ONCE = 64  # passages, or pieces of text, a request
_MOST = 16_384  # results that Milvus gives at once
_TIMEOUT = 60.0  # seconds a request may take
_LEASE = 60.0  # seconds without a sign of life after which a writer counts as dead
_SETTLE = 0.7  # seconds after which everyone sees what was written

_READS = 5  # times that a document may be replaced while it is read

Row = dict[str, Any]
Found = TypeVar("Found")


class MilvusStore:
    """One library on a Milvus server or cluster. See `index.contract.Store`.

    Args:
        address: `http://`, `https://` or `milvus://` with host and port; a path names Milvus's database.
        library: tells libraries on one server apart.
        fingerprint: of the embedder, from `Embedder.fingerprint`.
        dimension: of its vectors.
        token: `user:password` or an API key, where the server wants one.

    Raises:
        UserError: `milvus_absent`, `store_remote`, `index_other_model`, `store_too_new`.
    """

    def __init__(
        self, address: str, library: str, fingerprint: str, dimension: int, *, token: str = ""
    ) -> None:
        self._client = connect(address, token)
        self.address = address
        self.dimension = dimension
        self._prefix = re.sub(r"[^A-Za-z0-9]", "_", f"cocorico_{library}")
        self._writer = uuid4().hex
        self._changes = 0
        self._lease = ""  # the name in the lease, where this store holds it
        self._known: set[str] | None = None  # digests of all that is here, while nobody else writes
        self._lock = threading.RLock()
        try:
            self._make()
            self._guard(f"{fingerprint}|{ANALYSIS}")
        except BaseException:
            self.close()
            raise

    def put(
        self,
        document: Document,
        passages: Sequence[Chunk],
        encoded: Sequence[Encoded],
        *,
        source: str = "",
    ) -> None:
        self.put_many([(document, passages, encoded, source)])

    def put_many(self, items: Sequence[Put]) -> None:
        with self._lock:
            drafts, kept = self._drafts(), []
            for document, passages, encoded, _ in items:
                draft = self._draft(drafts, document)
                if draft["kept"] + len(encoded) != len(passages):
                    raise ValueError(
                        f"{document.name}: {draft['kept']} + {len(encoded)} vectors for {len(passages)} passages"
                    )
                kept.append(draft)
            self._write("records", [_record("draft", draft["version"], draft) for draft in kept])
            self._delete(
                "passages", [draft["version"] for draft in kept if draft["kept"]]
            )  # of a killed `put`
            self._write_rows(kept, items)
            self._check(kept, sum(len(passages) for _, passages, _, _ in items))

            # From here the new versions count, and the old ones are drafts.
            gone = [
                _draft_of(key, info["version"])
                for key, info in self._live(draft["document"] for draft in kept).items()
            ]
            self._write("records", [_record("draft", draft["version"], draft) for draft in gone])
            records = {}
            for draft, (document, passages, _, source) in zip(kept, items, strict=True):
                info = DocumentInfo(
                    document.name, document.title, document.language, document.digest, source, len(passages),
                    len(document.text), len(document.pages),
                )  # fmt: skip
                value = {
                    **asdict(info),
                    "version": draft["version"],
                    "stored": len(_stored_text(document)),
                }
                key = draft["document"]
                records[key] = _record(
                    "document", key, value, digest=document.digest, source=_key(source)
                )
            rows = list(records.values())
            for at in range(0, len(rows), _AT_ONCE - 1):  # a request as a whole is seen or not
                some = rows[at : at + _AT_ONCE - 1]
                self._changes += len(some)
                self._write("records", [*some, _record("count", self._writer, self._changes)])
            if self._known is not None:
                self._known |= {document.digest for document, *_ in items}
            self._sweep(gone + kept)

    def keep(self, document: Document, encoded: Sequence[Encoded]) -> None:
        with self._lock:
            draft = self._draft(self._drafts(), document)
            self._write("records", [_record("draft", draft["version"], draft)])
            self._write("pieces", _pieces(draft["version"], encoded, draft["kept"]))
            draft["kept"] += len(encoded)
            if self._known is not None:
                self._known.add(document.digest)
            self._write("records", [_record("draft", draft["version"], draft)])

    def kept(self, document: Document) -> int:
        return int(self._draft(self._drafts(), document)["kept"])

    def borrow(self, document: Document) -> int:
        if self._known is not None and document.digest not in self._known:
            return 0
        with self._lock:
            drafts = self._drafts()
            draft = self._draft(drafts, document)
            for other in drafts:
                # What is kept for a document of another name changes hands: the rows stay where they are.
                if (
                    not draft["kept"]
                    and other["digest"] == document.digest
                    and other["kept"]
                    and self._dead([other])
                ):
                    draft = {**other, "document": draft["document"]}
                    self._write("records", [_record("draft", draft["version"], draft)])
            if draft["kept"]:
                return int(draft["kept"])
            for info in self._records("document", f" and {_among('digest', [document.digest])}")[
                :1
            ]:
                self._write("records", [_record("draft", draft["version"], draft)])
                rows = self._all(
                    "passages", _among("version", [info["version"]]), ["ordinal", "count"]
                )
                tails = [f":{row['ordinal']}:{n}" for row in rows for n in range(row["count"])]
                for at in range(0, len(tails), _AT_ONCE):
                    pieces = self._get(
                        "pieces",
                        [info["version"] + tail for tail in tails[at : at + _AT_ONCE]],
                        ["count", "data"],
                    )
                    own = [row["id"].replace(info["version"], draft["version"]) for row in pieces]
                    self._write(
                        "pieces",
                        [
                            _piece(key, row["data"], row["count"])
                            for key, row in zip(own, pieces, strict=True)
                        ],
                    )
                draft["kept"] = len(rows)
                self._write("records", [_record("draft", draft["version"], draft)])
            return int(draft["kept"])

    def drop_kept(self) -> None:
        """See `index.contract.Store`. What killed writers left goes too."""
        with self._lock:
            self._still_alone()
            self._sweep(self._drafts())

    def remove(self, names: Iterable[str]) -> None:
        with self._lock:
            self._remove(self._live(map(_key, names)), keep=False)

    def sources(self) -> dict[str, tuple[int, int]]:
        return {row["name"]: (row["size"], row["mtime_ns"]) for row in self._records("source")}

    def failures(self) -> dict[str, str]:
        return {row["name"]: row["failures"] for row in self._records("source") if row["failures"]}

    def read_source(self, name: str, size: int, mtime_ns: int, failures: str = "") -> None:
        value = {"name": name, "size": size, "mtime_ns": mtime_ns, "failures": failures}
        self._write("records", [_record("source", _key(name), value)])

    def forget_source(self, name: str, *, keep: bool = False) -> None:
        with self._lock:
            infos = self._records("document", f" and {_among('source', [_key(name)])}")
            self._remove({_key(info["name"]): info for info in infos}, keep=keep)
            self._forget("source", [_key(name)])

    def documents(self) -> list[DocumentInfo]:
        names = DocumentInfo.__dataclass_fields__
        found = [
            DocumentInfo(**{name: row[name] for name in names if name in row})
            for row in self._records("document")
        ]
        return sorted(found, key=lambda info: info.name)

    def document(self, name: str) -> Document:
        def read(info: Row) -> Document | None:
            ids = [f"{info['version']}:t{n}" for n in range(-(-info["stored"] // _TEXT))]
            pieces = self._get("pieces", ids, ["data"])
            if len(pieces) < len(ids):
                return None
            text = "".join(row["data"] for row in pieces)
            author, date, pages = json.loads(text[info["characters"] :])
            return Document(
                name, info["title"], text[: info["characters"]], info["language"], info["digest"], author, date,
                tuple((start, end) for start, end in pages),
            )  # fmt: skip

        found = self._whole(name, read)
        if found is None:
            raise KeyError(name)
        return found

    def chunks(self, numbers: Sequence[int]) -> list[StoredChunk]:
        rows = self._get(
            "passages", numbers, ["document", "version", "ordinal", "start", "end", "sentences"]
        )
        return self._stored(rows)

    def chunks_of(self, name: str) -> list[StoredChunk]:
        def read(info: Row) -> list[StoredChunk] | None:
            fields = ["id", "document", "version", "ordinal", "start", "end", "sentences"]
            rows = self._all("passages", _among("version", [info["version"]]), fields)
            found = self._stored(sorted(rows, key=lambda row: row["ordinal"]))
            return found if len(found) == info["chunks"] else None

        return self._whole(name, read) or []

    def search_vectors(
        self, vector: NDArray[np.float32], k: int, documents: Collection[str] | None = None
    ) -> list[tuple[int, float]]:
        return self._search(
            "vector", vector.astype(np.float32), {"ef": max(2 * min(k, _MOST), 128)}, k, documents
        )

    def search_words(
        self, words: Sequence[str], k: int, documents: Collection[str] | None = None
    ) -> list[tuple[int, float]]:
        text = " ".join(_word(word) for word in dict.fromkeys(words))
        return self._search("words", text, {}, k, documents) if text else []

    def token_vectors(
        self, numbers: Sequence[int]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        return [
            (decode_tokens(tokens, self.dimension), spans)
            for _, tokens, spans in self._codes(numbers)
        ]

    def compare(
        self,
        numbers: Sequence[int],
        vector: NDArray[np.float32],
        view: NDArray[np.float32],
        common: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        codes = self._codes(numbers)
        similar, sizes = similar_tokens([tokens for _, tokens, _ in codes], view, common)
        vectors = np.array([own for own, _, _ in codes], np.float32).reshape(-1, self.dimension)
        return vectors @ vector, similar, sizes

    def vectors(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        rows = {row["id"]: row["vector"] for row in self._get("passages", numbers, ["vector"])}
        return np.array(in_order(rows, numbers), np.float32).reshape(-1, self.dimension)

    @property
    def generation(self) -> int:
        """See `index.contract.Store`: each writer counts its own changes, so that none waits for another."""
        return sum(self._records("count"))

    def __len__(self) -> int:
        dead = self._dead(self._drafts())
        return self._count("") - (self._count(_among("version", dead)) if dead else 0)

    @contextmanager
    def alone(self, stop: threading.Event) -> Iterator[None]:
        """See `index.contract.Store`. Where the one at work gives no sign of life, the next goes on.

        Who finds the lease free writes its name, waits, and has it if the name is still its own (Fischer's algorithm, in
        Lamport, A fast mutual exclusion algorithm, 1987). Signs of life are told apart by their number: no clock of
        another machine counts.
        """
        name, done = uuid4().hex, threading.Event()
        if not self._take(name, stop):
            yield
            return
        self._lease = name
        self._known = {
            row["digest"] for kind in ("document", "draft") for row in self._records(kind)
        }
        beat = threading.Thread(target=self._beat, args=(name, done), daemon=True)
        beat.start()
        try:
            yield
        finally:
            done.set()
            beat.join()
            self._lease, self._known = "", None
            if self._holder() == name:
                self._forget("lease", ["one"])

    def save_index(self) -> None:
        """See `index.contract.Store`. Milvus does that by itself."""

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> "MilvusStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _make(self) -> None:
        """Make the collections and indexes that aren't there yet, and have them in memory."""
        import pymilvus as api

        text, number = api.DataType.VARCHAR, api.DataType.INT64
        version, vector = ("version", text, {"max_length": 32}), api.DataType.FLOAT_VECTOR
        none = ("vector", vector, {"dim": 2})  # Milvus wants a vector in every collection
        # Index terms are words of letters and digits only, so that every Milvus cuts them alike.
        analysed = {
            "max_length": _LONGEST,
            "enable_analyzer": True,
            "analyzer_params": {"tokenizer": "standard"},
        }
        fields: dict[str, list[tuple[str, Any, Row]]] = {
            "records": [
                ("id", text, {"max_length": 96}), ("kind", text, {"max_length": 16}), ("digest", text, {"max_length": 64}),
                ("source", text, {"max_length": 64}), ("value", text, {"max_length": _LONGEST}), none,
            ],
            "pieces": [
                ("id", text, {"max_length": 96}), version, ("count", number, {}), ("data", text, {"max_length": _LONGEST}),
                none,
            ],
            "passages": [
                ("id", number, {}), ("document", text, {"max_length": 64}), version, ("ordinal", number, {}),
                ("count", number, {}), ("start", number, {}), ("end", number, {}),
                ("sentences", text, {"max_length": _LONGEST}), ("vector", vector, {"dim": self.dimension}),
                ("terms", text, analysed), ("words", api.DataType.SPARSE_FLOAT_VECTOR, {}),
            ],
        }  # fmt: skip
        flat, inverted = {"index_type": "FLAT", "metric_type": "L2"}, {"index_type": "INVERTED"}
        quality = {"M": 24, "efConstruction": 200}
        weights = {"bm25_k1": 1.2, "bm25_b": 0.75}  # as in SQLite
        indexes: dict[str, dict[str, Row]] = {
            "records": {"kind": inverted, "digest": inverted, "source": inverted, "vector": flat},
            "pieces": {"version": inverted, "vector": flat},
            "passages": {
                "version": inverted,
                "vector": {"index_type": "HNSW", "metric_type": "IP", "params": quality},
                "words": {
                    "index_type": "SPARSE_INVERTED_INDEX",
                    "metric_type": "BM25",
                    "params": weights,
                },
            },
        }
        for name, columns in fields.items():
            full = self._name(name)
            schema = api.MilvusClient.create_schema(
                auto_id=name == "passages", enable_dynamic_field=False
            )
            for column, kind, options in columns:
                schema.add_field(column, kind, is_primary=column == "id", **options)
            if name == "passages":
                kind = api.FunctionType.BM25
                schema.add_function(
                    api.Function(
                        "bm25", kind, input_field_names=["terms"], output_field_names=["words"]
                    )
                )
            # Token vectors are read a few at a time, and too large for memory.
            options = {"properties": {"mmap.enabled": "true"}} if name == "pieces" else {}
            self._ensure(
                partial(self._call, "has_collection", full),
                partial(
                    self._call,
                    "create_collection",
                    full,
                    schema=schema,
                    consistency_level="Strong",
                    **options,
                ),
            )
            for column, options in indexes[name].items():
                one = api.MilvusClient.prepare_index_params(column, index_name=column, **options)
                self._ensure(
                    partial(self._call, "list_indexes", full, column),
                    partial(self._call, "create_index", full, one, sync=False),
                )
            self._call("load_collection", full)

    def _ensure(self, there: Callable[[], Any], make: Callable[[], Any]) -> None:
        if not there():
            try:
                make()
            except UserError:
                if not there():  # another process was quicker
                    raise

    def _guard(self, fingerprint: str) -> None:
        """Refuse an index that another model or a newer Cocorico made."""
        own = _record("made", _key(fingerprint), {"embedder": fingerprint, "version": _VERSION})
        fresh = not self._records("made")
        if fresh:
            self._write("records", [own])
        for made in self._records("made"):
            if made["version"] > _VERSION:
                raise UserError(
                    "store_too_new", folder=self.address, version=made["version"], known=_VERSION
                )
            if made["embedder"] != fingerprint:
                if fresh:  # two models began at once
                    self._forget("made", [_key(fingerprint)])
                raise UserError(
                    "index_other_model",
                    folder=self.address,
                    made_by=made["embedder"],
                    asked=fingerprint,
                )

    def _write_rows(self, drafts: Sequence[Row], items: Sequence[Put]) -> None:
        """Everything of these versions but the records that name them."""
        pieces: list[Row] = []
        rows: list[Row] = []

        def flush() -> None:
            self._write("pieces", pieces)
            self._write("passages", rows)
            pieces.clear()
            rows.clear()

        for draft, (document, passages, encoded, _) in zip(drafts, items, strict=True):
            version, kept = draft["version"], draft["kept"]
            text = _stored_text(document)
            pieces += [
                _piece(f"{version}:t{n}", text[at : at + _TEXT])
                for n, at in enumerate(range(0, len(text), _TEXT))
            ]
            for at in range(0, len(passages), _AT_ONCE):
                some = range(at, min(at + _AT_ONCE, len(passages)))
                new = _pieces(
                    version, encoded[max(at - kept, 0) : max(some.stop - kept, 0)], max(at, kept)
                )
                pieces += new
                of_kept = [f"{version}:{ordinal}:0" for ordinal in some if ordinal < kept]
                heads = {
                    row["id"]: row for row in new + self._get("pieces", of_kept, ["count", "data"])
                }
                for ordinal in some:
                    chunk, head = passages[ordinal], heads[f"{version}:{ordinal}:0"]
                    text = f"{document.title}\n{document.text[chunk.start : chunk.end]}"
                    words = " ".join(_word(word) for word in terms(text, document.language))
                    rows.append({
                        "document": draft["document"], "version": version, "ordinal": ordinal, "count": head["count"],
                        "start": chunk.start, "end": chunk.end, "sentences": json.dumps(chunk.sentences),
                        "terms": words[: words.rfind(" ", 0, _LONGEST)] if len(words) > _LONGEST else words,
                        "vector": np.frombuffer(base64.b64decode(head["data"]), "<f4", self.dimension),
                    })  # fmt: skip
                if len(rows) >= _AT_ONCE:
                    flush()
        flush()

    def _check(self, drafts: Sequence[Row], passages: int) -> None:
        """Before versions are named: nobody else has begun to fill the store, and every row is there once.

        The client sends again what got no answer, so that a row can arrive twice.
        """
        self._still_alone()
        found = self._count(_among("version", [draft["version"] for draft in drafts]))
        if found != passages:
            raise UserError(
                "store_remote",
                address=self.address,
                reason=f"{found} rows arrived in place of {passages}",
            )

    def _search(
        self,
        field: str,
        query: Any,
        parameters: dict[str, int],
        k: int,
        documents: Collection[str] | None,
    ) -> list[tuple[int, float]]:
        """The best `k` of what counts: where others are among them, once more without those."""
        passed_over: set[str] = set()
        while k > 0:
            conditions = [f"not {_among('version', sorted(passed_over))}"] if passed_over else []
            if documents is not None:
                versions = [info["version"] for info in self._live(map(_key, documents)).values()]
                if not versions:
                    return []
                conditions.append(_among("version", versions))
            (hits,) = self._call(
                "search", self._name("passages"), data=[query], anns_field=field, limit=min(k, _MOST),
                filter=" and ".join(conditions), search_params={"params": parameters}, output_fields=["document", "version"],
            )  # fmt: skip
            live = self._live(hit["entity"]["document"] for hit in hits)
            others = {hit["entity"]["version"] for hit in hits} - {
                info["version"] for info in live.values()
            }
            if not others:
                # Milvus Lite gives BM25 with a minus.
                return [
                    (hit["id"], hit["distance"] if field == "vector" else abs(hit["distance"]))
                    for hit in hits
                ]
            passed_over |= others
        return []

    def _codes(
        self, numbers: Sequence[int]
    ) -> list[tuple[NDArray[np.float32], bytes, NDArray[np.int32]]]:
        """Of each passage its vector (d,), its token vectors as of `encode_tokens`, and their spans (t, 2)."""
        rows = self._get("passages", numbers, ["version", "ordinal", "count"])
        wanted = {
            row["id"]: [f"{row['version']}:{row['ordinal']}:{n}" for n in range(row["count"])]
            for row in rows
        }
        pieces = self._get("pieces", [key for keys in wanted.values() for key in keys], ["data"])
        data = {row["id"]: base64.b64decode(row["data"]) for row in pieces}
        return [
            _parts(b"".join(in_order(data, keys)), self.dimension)
            for keys in in_order(wanted, numbers)
        ]

    def _stored(self, rows: Sequence[Row]) -> list[StoredChunk]:
        """Rows of passages with their texts; those that don't count are left out."""
        live = self._live(row["document"] for row in rows)
        rows = [
            row for row in rows if live.get(row["document"], {}).get("version") == row["version"]
        ]
        wanted = {
            row["id"]: [
                f"{row['version']}:t{n}"
                for n in range(row["start"] // _TEXT, -(-row["end"] // _TEXT))
            ]
            for row in rows
        }
        keys = list(dict.fromkeys(key for keys in wanted.values() for key in keys))
        data = {row["id"]: row["data"] for row in self._get("pieces", keys, ["data"])}
        found = []
        for row in rows:
            if not data.keys() >= set(wanted[row["id"]]):  # replaced meanwhile
                continue
            info, at = live[row["document"]], row["start"] % _TEXT
            text = "".join(data[key] for key in wanted[row["id"]])[
                at : at + row["end"] - row["start"]
            ]
            sentences = tuple((start, end) for start, end in json.loads(row["sentences"]))
            found.append(
                StoredChunk(
                    row["id"], info["name"], info["title"], info["language"], row["ordinal"], row["start"], row["end"],
                    text, sentences,
                )
            )  # fmt: skip
        return found

    def _whole(self, name: str, read: Callable[[Row], Found | None]) -> Found | None:
        """What `read` makes of a document's record; None where it is gone. Once more where it was replaced meanwhile."""
        for _ in range(_READS):
            info = self._live([_key(name)]).get(_key(name))
            if info is None:
                return None
            if (found := read(info)) is not None:
                return found
        raise UserError("store_remote", address=self.address, reason=f"rows of {name} are missing")

    def _live(self, keys: Iterable[str]) -> dict[str, Row]:
        """The records of documents, those that are there, as of now."""
        ids = [f"document:{key}" for key in dict.fromkeys(keys)]
        return {
            row["id"].partition(":")[2]: json.loads(row["value"])
            for row in self._get("records", ids, ["value"])
        }

    def _drafts(self) -> list[Row]:
        return self._records("draft")

    def _draft(self, drafts: Sequence[Row], document: Document) -> Row:
        """The draft that holds what was kept of this document; a new one where nothing was."""
        key = _key(document.name)
        for draft in drafts:
            if (
                (draft["document"], draft["digest"]) == (key, document.digest)
                and draft["kept"]
                and self._dead([draft])
            ):
                return {**draft}
        return _draft_of(key, uuid4().hex, document.digest)

    def _dead(self, drafts: Sequence[Row]) -> list[str]:
        """The versions among these drafts that don't count."""
        live = {
            info["version"] for info in self._live(draft["document"] for draft in drafts).values()
        }
        return [draft["version"] for draft in drafts if draft["version"] not in live]

    def _sweep(self, drafts: Sequence[Row]) -> None:
        """Delete the rows of the drafts that don't count, then all of these drafts."""
        dead = self._dead(drafts)
        for name in ("passages", "pieces"):
            self._delete(name, dead)
        self._forget("draft", [draft["version"] for draft in drafts])

    def _take(self, name: str, stop: threading.Event) -> bool:
        """Wait for the lease. False where `stop` was set first."""
        seen, since = None, time.monotonic()
        while not stop.is_set():
            if self._holder() == name:
                return True
            lease = self._records("lease")
            if lease != seen:
                seen, since = lease, time.monotonic()
            if not lease or time.monotonic() - since > _LEASE:
                self._write("records", [_record("lease", "one", {"name": name, "beat": 0})])
            stop.wait(_SETTLE)
        return False

    def _beat(self, name: str, done: threading.Event) -> None:
        """Signs of life while the lease is held."""
        beat = 0
        while not done.wait(_LEASE / 4):
            beat += 1
            with suppress(UserError):  # the next write of the store itself says so
                if self._holder() == name:
                    self._write("records", [_record("lease", "one", {"name": name, "beat": beat})])

    def _holder(self) -> str:
        return next((str(lease["name"]) for lease in self._records("lease")), "")

    def _still_alone(self) -> None:
        """Whoever slept for longer than the lease finds another at work."""
        if self._lease and self._holder() != self._lease:
            raise UserError("store_busy", folder=self.address)

    def _remove(self, infos: dict[str, Row], *, keep: bool) -> None:
        """Remove documents by key; with `keep` what was made of them stays, as if it were kept for them."""
        gone = [
            _draft_of(key, info["version"], info["digest"], info["chunks"] * keep)
            for key, info in infos.items()
        ]
        self._write("records", [_record("draft", draft["version"], draft) for draft in gone])
        self._forget("document", list(infos))
        self._changes += 1
        self._write("records", [_record("count", self._writer, self._changes)])
        if not keep:
            self._sweep(gone)

    def _records(self, kind: str, condition: str = "") -> list[Any]:
        return [
            json.loads(row["value"])
            for row in self._all("records", _among("kind", [kind]) + condition, ["value"])
        ]

    def _forget(self, kind: str, keys: Sequence[str]) -> None:
        if keys:
            self._call("delete", self._name("records"), ids=[f"{kind}:{key}" for key in keys])

    def _write(self, name: str, rows: Sequence[Row]) -> None:
        # Passages get their numbers from Milvus; the others are written again when a killed run is taken up.
        method = "insert" if name == "passages" else "upsert"
        for at in range(0, len(rows), _AT_ONCE):
            self._call(method, self._name(name), list(rows[at : at + _AT_ONCE]))

    def _delete(self, name: str, versions: Sequence[str]) -> None:
        for at in range(0, len(versions), 1000):
            self._call(
                "delete", self._name(name), filter=_among("version", versions[at : at + 1000])
            )

    def _count(self, condition: str) -> int:
        rows = self._call(
            "query", self._name("passages"), filter=condition, output_fields=["count(*)"]
        )
        return int(rows[0]["count(*)"])

    def _get(self, name: str, ids: Sequence[Any], fields: list[str]) -> list[Row]:
        """Rows by id, in the order asked for; ids that aren't there are left out.

        Rows of passages and pieces never change: a quick look that may be a little behind is enough where it finds them.
        """
        found: dict[Any, Row] = {}
        step = _AT_ONCE if name == "pieces" else 1000
        for level in ("Strong",) if name == "records" else ("Eventually", "Strong"):
            missing = [number for number in dict.fromkeys(ids) if number not in found]
            for at in range(0, len(missing), step):
                some = missing[at : at + step]
                options = {
                    "ids": some,
                    "output_fields": ["id", *fields],
                    "consistency_level": level,
                }
                found |= {
                    row["id"]: dict(row) for row in self._call("query", self._name(name), **options)
                }
        return [found[number] for number in ids if number in found]

    def _all(self, name: str, condition: str, fields: list[str]) -> list[Row]:
        """Every row that meets a condition, in no order."""
        with _told(self.address):
            rows = self._client.query_iterator(
                self._name(name),
                batch_size=1000,
                filter=condition,
                output_fields=fields,
                timeout=_TIMEOUT,
            )
            found: list[Row] = []
            while some := rows.next():
                found += map(dict, some)
            rows.close()
        return found

    def _name(self, name: str) -> str:
        return f"{self._prefix}_{name}"

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        with _told(self.address):
            return getattr(self._client, method)(*arguments, timeout=_TIMEOUT, **options)


def connect(address: str, token: str = "") -> Any:
    """A `pymilvus.MilvusClient`. Raises UserError (`milvus_absent`, `store_remote`)."""
    try:
        import pymilvus
    except ImportError as error:
        raise UserError("milvus_absent", address=address) from error
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # what it logs is raised as well
    with _told(address):
        uri = address.replace("milvus://", "http://", 1)
        return pymilvus.MilvusClient(uri, token=token, timeout=_TIMEOUT, dedicated=True)


@contextmanager
def _told(address: str) -> Iterator[None]:
    from pymilvus import MilvusException

    try:
        yield
    except MilvusException as error:
        raise UserError(
            "store_remote", address=address, reason=error.message or str(error)
        ) from error


def _key(name: str) -> str:
    """A name in a form that needs no quoting and has one length."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _record(kind: str, key: str, value: Any, *, digest: str = "", source: str = "") -> Row:
    return {
        "id": f"{kind}:{key}", "kind": kind, "digest": digest, "source": source, "value": json.dumps(value),
        "vector": [0.0, 0.0],
    }  # fmt: skip


def _draft_of(key: str, version: str, digest: str = "", kept: int = 0) -> Row:
    return {"document": key, "version": version, "digest": digest, "kept": kept}


def _stored_text(document: Document) -> str:
    """A document's text, and at its end the rest of what is known of it, which may be as long."""
    return document.text + json.dumps([document.author, document.date, document.pages])


def _piece(key: str, data: str, count: int = 1) -> Row:
    return {
        "id": key,
        "version": key.partition(":")[0],
        "count": count,
        "data": data,
        "vector": [0.0, 0.0],
    }


def _pieces(version: str, encoded: Sequence[Encoded], first: int) -> list[Row]:
    """What the model made of passages, from the ordinal `first` on: vector, token vectors and spans end to end, cut."""
    rows = []
    for ordinal, code in enumerate(encoded, first):
        data = (
            code.vector.astype("<f4").tobytes()
            + code.spans.astype("<i4").tobytes()
            + encode_tokens(code.tokens)
        )
        parts = [
            base64.b64encode(data[at : at + _PIECE]).decode() for at in range(0, len(data), _PIECE)
        ]
        rows += [
            _piece(f"{version}:{ordinal}:{n}", part, len(parts)) for n, part in enumerate(parts)
        ]
    return rows


def _parts(data: bytes, dimension: int) -> tuple[NDArray[np.float32], bytes, NDArray[np.int32]]:
    """What `_pieces` put end to end."""
    count = (len(data) - 4 * dimension) // (dimension + 2 + 8)
    vector = np.frombuffer(data, "<f4", dimension)
    spans = np.frombuffer(data, "<i4", 2 * count, offset=4 * dimension).reshape(-1, 2)
    return vector, data[4 * dimension + 8 * count :], spans


def _word(word: str) -> str:
    """An index term as one word of lower-case letters and digits, whatever it is made of."""
    if re.fullmatch("[a-z0-9]{1,40}", word):
        return word
    return "x" + hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _among(field: str, values: Sequence[str]) -> str:
    """A condition; values are made of letters and digits."""
    return f"{field} in {json.dumps(list(values))}"
