"""The rows of a store on Milvus: their fields, how they are made, written, found and deleted."""

import base64
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from index.chunking import Chunk
from index.contract import Coded, DocumentInfo
from index.documents import Document, unread_from_json
from index.embedder import Encoded
from index.errors import UserError
from index.text.words import terms
from index.token_codes import encode_tokens

Row = dict[str, Any]

LONGEST = 65_535  # bytes in a text field
_PART = 49_149  # bytes in a part: as base64 they just fit
AT_ONCE = 64  # rows a request
_TIMEOUT = 60.0  # seconds a request may take

# The fields of each collection beside its vector: the most bytes of a text, 0 for a number.
FIELDS = {
    "documents": {"id": 96, "kind": 16, "source": 64, "value": LONGEST},
    "chunks": {
        "id": 0, "document": 64, "content": 64, "digest": 64, "ordinal": 0, "parts": 0,
        "start": 0, "end": 0, "text": LONGEST, "sentences": LONGEST,
    },
    "parts": {"id": 96, "owner": 64, "ordinal": 0, "part": 0, "parts": 0, "data": LONGEST},
}  # fmt: skip
_INVERTED, _FLAT = {"index_type": "INVERTED"}, {"index_type": "FLAT", "metric_type": "L2"}
_HNSW = {"index_type": "HNSW", "metric_type": "IP", "params": {"M": 24, "efConstruction": 200}}
_BM25 = {
    "index_type": "SPARSE_INVERTED_INDEX",
    "metric_type": "BM25",
    "params": {"bm25_k1": 1.2, "bm25_b": 0.75},  # as in SQLite
}
_INDEXES: dict[str, dict[str, Row]] = {
    "documents": {"kind": _INVERTED, "source": _INVERTED, "vector": _FLAT},
    "chunks": {
        "document": _INVERTED, "content": _INVERTED, "ordinal": _INVERTED,
        "vector": _HNSW, "words": _BM25,
    },
    "parts": {"owner": _INVERTED, "ordinal": _INVERTED, "vector": _FLAT},
}  # fmt: skip


class Collections:
    """The collections of one library on one server. Any method raises UserError `store_remote`.

    Args:
        address: of the server.
        prefix: of the collections' names.
        dimension: of the chunks' vectors.
        token: `user:password` or an API key, where the server wants one.
    """

    def __init__(self, address: str, prefix: str, dimension: int, token: str) -> None:
        self._client = connect(address, token)
        self._address = address
        self._prefix = prefix
        try:
            for name in FIELDS:
                self._make(name, dimension)
        except BaseException:
            self.close()
            raise

    def write(self, name: str, rows: Sequence[Row]) -> None:
        """Write rows, in place of those with the same ids."""
        for at in range(0, len(rows), AT_ONCE):
            some = [{"vector": (0.0, 0.0), **row} for row in rows[at : at + AT_ONCE]]
            self.call("upsert", name, some)

    def delete(self, name: str, field: str, values: Iterable[str]) -> None:
        """Delete the rows that have one of these values in a field."""
        listed = list(values)
        for at in range(0, len(listed), 1000):
            self.call("delete", name, filter=among(field, listed[at : at + 1000]))

    def count(self, name: str, condition: str = "") -> int:
        """How many rows meet a condition."""
        rows = self.call("query", name, filter=condition, output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    def get(self, name: str, ids: Sequence[Any], fields: Iterable[str]) -> list[Row]:
        """Rows by id, in the order asked for; ids that aren't there are left out.

        Chunks and parts never change: a look that may be a little behind serves if it finds them.
        """
        found: dict[Any, Row] = {}
        for level in ("Strong",) if name == "documents" else ("Eventually", "Strong"):
            missing = [number for number in dict.fromkeys(ids) if number not in found]
            for at in range(0, len(missing), AT_ONCE):
                some, wanted = missing[at : at + AT_ONCE], ["id", *fields]
                options = {"ids": some, "output_fields": wanted, "consistency_level": level}
                found |= {row["id"]: dict(row) for row in self.call("query", name, **options)}
        return [found[number] for number in ids if number in found]

    def all(self, name: str, condition: str, fields: Iterable[str]) -> list[Row]:
        """Every row that meets a condition, in no order."""
        found: list[Row] = []
        options = {"batch_size": 1000, "filter": condition, "output_fields": list(fields)}
        rows = self.call("query_iterator", name, **options)
        with _user_errors(self._address):
            while some := rows.next():
                found += map(dict, some)
            rows.close()
        return found

    def call(self, method: str, name: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of `pymilvus.MilvusClient` for a collection."""
        with _user_errors(self._address):
            full = f"{self._prefix}_{name}"
            return getattr(self._client, method)(full, *arguments, timeout=_TIMEOUT, **options)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _make(self, name: str, dimension: int) -> None:
        """Make a collection and its indexes where they aren't there yet, and load it."""
        import pymilvus as api

        schema = api.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        for field, size in FIELDS[name].items():
            kind = api.DataType.VARCHAR if size else api.DataType.INT64
            # What isn't searched stays on disk.
            limits = {"max_length": size, "mmap_enabled": size == LONGEST} if size else {}
            schema.add_field(field, kind, is_primary=field == "id", **limits)
        size = dimension if name == "chunks" else 2  # a collection must have a vector
        schema.add_field("vector", api.DataType.FLOAT_VECTOR, dim=size)
        if name == "chunks":
            # Terms are words of letters and digits only, so that every Milvus cuts them alike.
            options = {"enable_analyzer": True, "analyzer_params": {"tokenizer": "standard"}}
            schema.add_field("terms", api.DataType.VARCHAR, max_length=LONGEST, **options)
            schema.add_field("words", api.DataType.SPARSE_FLOAT_VECTOR)
            schema.add_function(api.Function("bm25", api.FunctionType.BM25, ["terms"], ["words"]))
        make = partial(self.call, "create_collection", name, schema=schema)
        _ensure(
            partial(self.call, "has_collection", name), partial(make, consistency_level="Strong")
        )
        for field, options in _INDEXES[name].items():
            index = api.MilvusClient.prepare_index_params(field, index_name=field, **options)
            _ensure(
                partial(self.call, "list_indexes", name, field),
                partial(self.call, "create_index", name, index),
            )
        self.call("load_collection", name)


def connect(address: str, token: str = "") -> Any:
    """A `pymilvus.MilvusClient`. Raises UserError (`milvus_absent`, `store_remote`)."""
    try:
        import pymilvus
    except ImportError as error:
        raise UserError("milvus_absent", address=address) from error
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # what it logs is raised as well
    with _user_errors(address):
        uri = address.replace("milvus://", "http://", 1)
        return pymilvus.MilvusClient(uri, token=token, timeout=_TIMEOUT, dedicated=True)


@contextmanager
def _user_errors(address: str) -> Iterator[None]:
    from pymilvus import MilvusException

    try:
        yield
    except MilvusException as error:
        reason = error.message or str(error)
        raise UserError("store_remote", address=address, reason=reason) from error


def _ensure(there: Callable[[], Any], make: Callable[[], Any]) -> None:
    if not there():
        try:
            make()
        except UserError:
            if not there():  # else another process was quicker
                raise


def key_of(name: str) -> str:
    """A name in a form that needs no quoting and has one length."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def among(field: str, values: Iterable[str]) -> str:
    """A condition; values are made of letters, digits and colons."""
    return f"{field} in {json.dumps(list(values))}"


def value_row(kind: str, key: str, value: Row, source: str = "") -> Row:
    """A row of the collection `documents`."""
    return {"id": f"{kind}:{key}", "kind": kind, "source": source, "value": json.dumps(value)}


def info_of(value: Row) -> DocumentInfo:
    """A document without its text, from the value of its row."""
    known = {name: value[name] for name in DocumentInfo.__dataclass_fields__ if name in value}
    return DocumentInfo(**{**known, "unread": unread_from_json(value.get("unread", "[]"))})


def content_of(document: Document) -> str:
    """Tells apart all that may be stored under one name; the digest stands for the text."""
    facts = document.name, document.title, document.language, document.digest
    return key_of(json.dumps([*facts, document.author, document.date, document.pages]))


def body_parts(document: Document) -> list[Row]:
    """The parts of a document's text, and of what is known of it that may be as long."""
    body = json.dumps([document.text, document.author, document.date, document.pages])
    return _parts(content_of(document), 0, body.encode())


def vector_parts(digest: str, ordinal: int, code: Encoded) -> list[Row]:
    """The parts of what the model made of a chunk: vector, spans and token vectors end to end.

    The first part is last: where it is written, all are.
    """
    vector, spans = code.vector.astype("<f4"), code.spans.astype("<i4")
    data = vector.tobytes() + spans.tobytes() + encode_tokens(code.tokens)
    return _parts(digest, ordinal, data)[::-1]


def part_ids(owner: str, ordinal: int, count: int) -> list[str]:
    """The ids of the parts that were made of one thing."""
    return [f"{owner}:{ordinal}:{n}" for n in range(count)]


def coded(data: bytes, dimension: int) -> Coded:
    """What `vector_parts` put end to end."""
    count = (len(data) - 4 * dimension) // (dimension + 2 + 8)
    spans = np.frombuffer(data, "<i4", 2 * count, offset=4 * dimension).reshape(-1, 2)
    return Coded(np.frombuffer(data, "<f4", dimension), data[4 * dimension + 8 * count :], spans)


def chunk_row(document: Document, chunk: Chunk, ordinal: int, head: Row, dimension: int) -> Row:
    """The row of a chunk, whose id is a hash of what it holds; `head` is the first of its parts."""
    content, text = content_of(document), document.text[chunk.start : chunk.end]
    number = hashlib.sha256(f"{content}:{chunk.start}:{chunk.end}".encode()).digest()[:8]
    words = map(word, terms(f"{document.title}\n{text}", document.language))
    listed = " ".join(words) + " "
    return {
        "id": int.from_bytes(number) >> 1,
        "document": key_of(document.name),
        "content": content,
        "digest": document.digest,
        "ordinal": ordinal,
        "parts": head["parts"],
        "start": chunk.start,
        "end": chunk.end,
        "text": text.encode()[:LONGEST].decode("utf-8", "ignore"),
        "sentences": json.dumps(chunk.sentences),
        "terms": listed[: listed.rfind(" ", 0, LONGEST)],
        "vector": np.frombuffer(base64.b64decode(head["data"]), "<f4", dimension),
    }


def word(term: str) -> str:
    """An index term as one word of lower-case letters and digits, whatever it is made of."""
    if term.isascii() and term.isalnum() and term == term.lower() and len(term) <= 40:
        return term
    return "x" + hashlib.sha256(term.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _parts(owner: str, ordinal: int, data: bytes) -> list[Row]:
    """Rows of the collection `parts`: bytes cut to what a field holds."""
    cuts = [data[at : at + _PART] for at in range(0, len(data), _PART)]
    common = {"owner": owner, "ordinal": ordinal, "parts": len(cuts)}
    ids = part_ids(owner, ordinal, len(cuts))
    return [
        {"id": ids[n], **common, "part": n, "data": base64.b64encode(cut).decode()}
        for n, cut in enumerate(cuts)
    ]
