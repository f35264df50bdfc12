"""What every store does, whatever engine keeps the documents: in one folder (`index.store`) or on Milvus (`index.milvus`)."""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.chunking import Chunk
from index.documents import Document
from index.embedder import Encoded
from index.errors import ChunkRemoved
from index.text.sentences import Span

Put = tuple[Document, Sequence[Chunk], Sequence[Encoded], str]
"""What `put` takes: document, passages, vectors, source."""

# Raised when index.chunking, index.text.words or the vectors' form change what they make: older indexes are made anew.
ANALYSIS = 2

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class StoredChunk:
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
    chunks: int
    characters: int
    pages: int = 0  # or slides; 0 where there are none


class Store(Protocol):
    """Documents, passages, vectors and words of one library. Safe to use from several threads and several processes.

    A document is seen whole or not at all, and a replaced one as it was until it is seen as it is.
    """

    dimension: int

    @property
    def generation(self) -> int:
        """Rises with every change, whichever process made it."""

    def __len__(self) -> int:
        """How many passages there are."""

    def put(
        self,
        document: Document,
        passages: Sequence[Chunk],
        encoded: Sequence[Encoded],
        *,
        source: str = "",
    ) -> None:
        """Add a document, or replace the one of the same name.

        Args:
            document: with its text.
            passages: of that text.
            encoded: one a passage; token spans are code points of the document's text. Where the first of them were
                given to `keep`, only the others.
            source: the file that it comes from, for `sources`.
        """

    def put_many(self, items: Sequence[Put]) -> None:
        """The same for several documents, each whole on its own: quicker where the store is far away."""

    def keep(self, document: Document, encoded: Sequence[Encoded]) -> None:
        """Keep the vectors of the next passages of a document too large to be embedded at once; nothing shows yet.

        Neither the memory nor a killed run then bears the whole of it; `put` takes them up.
        """

    def kept(self, document: Document) -> int:
        """How many of the document's first passages have their vectors kept."""

    def borrow(self, document: Document) -> int:
        """Keep for a document the vectors of one of the same digest, in the store or kept itself; how many it now has."""

    def drop_kept(self) -> None:
        """Drop what was kept of documents that never became whole."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove documents by name; names that aren't there are passed over."""

    def sources(self) -> dict[str, tuple[int, int]]:
        """The files that were read to their end: name to (size in bytes, time of change in ns)."""

    def failures(self) -> dict[str, str]:
        """What was noted of files that could not be read, or not wholly."""

    def read_source(self, name: str, size: int, mtime_ns: int, failures: str = "") -> None:
        """Note that every document of this file is in the store, or why it can't be."""

    def forget_source(self, name: str, *, keep: bool = False) -> None:
        """The file is gone: its documents go too; with `keep` their vectors stay for `borrow` until `drop_kept`."""

    def documents(self) -> list[DocumentInfo]:
        """All documents, by name."""

    def document(self, name: str) -> Document:
        """A document with its text. Raises KeyError where there is none of this name."""

    def chunks(self, numbers: Sequence[int]) -> list[StoredChunk]:
        """Passages by id, in the order asked for; ids that are gone are left out."""

    def chunks_of(self, name: str) -> list[StoredChunk]:
        """All passages of a document, in order."""

    def search_vectors(
        self, vector: NDArray[np.float32], k: int, documents: Collection[str] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` passages whose vectors are nearest: (id, cosine), best first.

        Args:
            vector: (d,) float32 of unit length.
            k: how many at most.
            documents: names to search among; all where None.
        """

    def search_words(
        self, words: Sequence[str], k: int, documents: Collection[str] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` best passages by BM25 over index terms: (id, score), higher is better, best first.

        Args:
            words: terms from `index.text.words.terms`.
            k: how many at most.
            documents: names to search among; all where None.
        """

    def token_vectors(
        self, numbers: Sequence[int]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        """For each passage its token vectors (t, d) and their spans (t, 2) in the document's text.

        Raises ChunkRemoved, as `compare` and `vectors` do, where one of them is gone.
        """

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

    def vectors(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """The stored vectors of passages, (n, d) float32, in the order asked for."""

    def alone(self, stop: threading.Event) -> AbstractContextManager[None]:
        """Be the only one that fills the store; others wait here for their turn, or until `stop` is set."""

    def save_index(self) -> None:
        """Write what is derived from the documents where it is behind, so that the next start needn't make it."""

    def close(self) -> None:
        """Close the store; it can't be used afterwards."""

    def __enter__(self) -> "Store": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def in_order(found: Mapping[Any, _Row], numbers: Sequence[Any]) -> list[_Row]:
    """What was found of chunks, in the order asked for. Raises ChunkRemoved where one is gone."""
    try:
        return [found[number] for number in numbers]
    except KeyError as error:
        raise ChunkRemoved(*error.args) from None
