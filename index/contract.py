"""What every store does, on either engine: a folder (`index.store`) or Milvus (`index.milvus`)."""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.chunking import Chunk
from index.documents import Document, Unread
from index.embedder import Encoded
from index.errors import ChunkRemoved
from index.text.sentences import Span
from index.token_codes import Floats, decode_tokens, similar_tokens

Found = TypeVar("Found")
Names = Collection[str] | None
"""Of the documents to search among; all where None."""
Scored = list[tuple[int, float]]
"""Chunks by id with their scores, higher is better, best first."""

ANALYSIS = 2
"""Part of a store's fingerprint. Raise it when chunking, index terms or the form of the vectors
change: indexes made before are then made anew."""


@dataclass(frozen=True)
class Prepared:
    """A document ready to be stored.

    Attributes:
        document: with its text.
        chunks: of that text.
        encoded: what the embedder made of the chunks, spans in the document's text. Where the store
            knows the vectors of the first chunks (`Store.known`), only those of the others.
        source: the file that it comes from.
    """

    document: Document
    chunks: Sequence[Chunk]
    encoded: Sequence[Encoded]
    source: str = ""

    def first_new(self, known: Mapping[str, int]) -> int:
        """The first chunk whose vectors are in `encoded`, given what `Store.known` says.

        Raises:
            ValueError: vectors are missing, or there are too many.
        """
        count, new = len(self.chunks), len(self.encoded)
        there = known.get(self.document.digest, 0)
        if not 0 <= count - new <= there:
            name = self.document.name
            raise ValueError(f"{name}: {there} + {new} vectors for {count} chunks")
        return count - new


@dataclass(frozen=True)
class Coded:
    """What the embedder made of a chunk, as it is stored.

    `vector` is (d,) float32 of unit length, `tokens` are token vectors as of `index.token_codes`,
    `spans` (t, 2) int32 their places in the document's text.
    """

    vector: Floats
    tokens: bytes
    spans: NDArray[np.int32]


@dataclass(frozen=True)
class StoredChunk:
    """A chunk with what is needed to show and cite it; spans are in the document's text."""

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
    """A document without its text.

    `source` is the file that it came from; `characters` are code points; `pages` counts pages or
    slides, 0 where there are none; `unread` tells what of the file was not read.
    """

    name: str
    title: str
    language: str
    digest: str
    source: str
    chunks: int
    characters: int
    pages: int = 0
    unread: tuple[Unread, ...] = ()


class Store(Protocol):
    """Documents, chunks, vectors and index terms of one library, for several threads and processes.

    A document is seen whole or not at all, and a replaced one as it was until it is seen as it is.
    """

    dimension: int
    """Of the vectors."""

    @property
    def generation(self) -> int:
        """Rises with every change, whichever process made it."""

    def __len__(self) -> int:
        """How many chunks there are."""

    def put(self, items: Sequence[Prepared]) -> None:
        """Add documents, each replacing the one of the same name."""

    def keep(self, document: Document, encoded: Sequence[Encoded]) -> None:
        """Keep the vectors of the next chunks of a document too large to be embedded at once.

        It isn't shown yet. A killed run goes on after them, and no more than these are in memory.
        """

    def known(self, digests: Collection[str]) -> dict[str, int]:
        """By a text's digest, of how many of its first chunks the vectors are here."""

    def drop_kept(self) -> None:
        """Drop vectors that belong to no document."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove documents by name; names that aren't there are passed over."""

    def sources(self) -> dict[str, tuple[int, int]]:
        """The files that were read to their end: name to (size in bytes, time of change in ns)."""

    def failures(self) -> dict[str, str]:
        """What was noted of files that could not be read, or not wholly."""

    def read_source(self, name: str, size: int, mtime_ns: int, failures: str = "") -> None:
        """Note that every document of this file is in the store, or why it can't be."""

    def forget_source(self, name: str, *, keep: bool = False) -> None:
        """Remove a file's documents; with `keep` their vectors stay until `drop_kept`."""

    def documents(self) -> list[DocumentInfo]:
        """All documents, by name."""

    def document(self, name: str) -> Document:
        """A document with its text. Raises KeyError where there is none of this name."""

    def chunks(self, numbers: Sequence[int]) -> list[StoredChunk]:
        """Chunks by id, in the order asked for; ids that are gone are left out."""

    def chunks_of(self, name: str) -> list[StoredChunk]:
        """All chunks of a document, in order."""

    def search_vectors(self, vector: Floats, k: int, documents: Names = None) -> Scored:
        """The `k` chunks whose vectors are nearest to one (d,) of unit length, by their cosines."""

    def search_words(self, words: Sequence[str], k: int, documents: Names = None) -> Scored:
        """The `k` best chunks by BM25 over terms from `index.text.words.terms`."""

    def coded(self, numbers: Sequence[int]) -> dict[int, Coded]:
        """What the embedder made of chunks, by id; ids that are gone are left out."""

    def vectors(self, numbers: Sequence[int]) -> Floats:
        """The vectors of chunks, (n, d), in the order asked for. Raises ChunkRemoved."""

    def token_vectors(self, numbers: Sequence[int]) -> list[tuple[Floats, NDArray[np.int32]]]:
        """For each chunk its token vectors (t, d) and their spans (t, 2). Raises ChunkRemoved."""
        codes = in_order(self.coded(numbers), numbers)
        return [(decode_tokens(code.tokens, self.dimension), code.spans) for code in codes]

    def compare(
        self, numbers: Sequence[int], vector: Floats, view: Floats, common: Floats
    ) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """How like a question each of these chunks is, in one reading of their vectors.

        Args:
            numbers: ids of chunks.
            vector: (d,) of the question, unit length.
            view: (q, d) its tokens as they are to be compared, unit length.
            common: (d,) taken away from every token vector of the chunks first.

        Returns:
            (n,) the cosines of the vectors; (q, t) those of the token vectors of all chunks, one
            after the other; (n,) how many tokens each chunk has.

        Raises:
            ChunkRemoved: one of the chunks is gone.
        """
        codes = in_order(self.coded(numbers), numbers)
        similar, sizes = similar_tokens([code.tokens for code in codes], view, common)
        vectors = np.array([code.vector for code in codes], np.float32).reshape(-1, self.dimension)
        return vectors @ vector, similar, sizes

    def alone(self, stop: threading.Event) -> AbstractContextManager[None]:  # noqa: ARG002
        """Be the only one that fills the store, if that matters; wait for it, or for `stop`."""
        return nullcontext()

    def save_index(self) -> None:
        """Write what is derived from the documents, and give unused disk space back."""

    def close(self) -> None:
        """Close the store; it can't be used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def in_order(found: Mapping[int, Found], numbers: Sequence[int]) -> list[Found]:
    """What was found of chunks, in the order asked for. Raises ChunkRemoved where one is gone."""
    try:
        return [found[number] for number in numbers]
    except KeyError as error:
        raise ChunkRemoved(*error.args) from None
