"""Documents into a store: split, embedded, put; many small ones at once, a large one in parts."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from index.chunking import Chunk, split
from index.contract import Prepared, Store
from index.documents import Document
from index.embedder import Embedder, Encoded
from index.workers import Workers

_AT_ONCE = 64  # chunks embedded between two commits, and between two looks at `stop`
_CHUNK = 800  # characters of a chunk, until some have been cut


@dataclass(frozen=True)
class SyncProgress:
    """`done` of `total` chunks have their vectors; what isn't cut yet is estimated.

    `seconds_left` is None until some are embedded.
    """

    document: str
    done: int
    total: int
    seconds_left: float | None


Progress = Callable[[SyncProgress], None]


class Writer:
    """Splits, embeds and stores: small documents many at once, a large one in several goes."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        progress: Progress | None,
        stop: threading.Event,
        workers: Workers | None = None,
    ) -> None:
        self.waiting: list[tuple[Document, list[Chunk], str]] = []
        self.uncut = 0  # characters of documents that are still to be cut
        self._store = store
        self._count = embedder.count
        self._encode = workers.embed_chunks if workers else embedder.embed_chunks
        self._at_once = _AT_ONCE * (workers.number if workers else 1)
        self._progress = progress
        self._stop = stop
        self._began = time.monotonic()
        self._characters = self._cut = self._embedded = self._found = 0

    def add(self, document: Document, source: str) -> bool:
        """Take a document; it is stored now or with the next. False where `stop` is set."""
        chunks = split(document.text, document.language, count=self._count)
        self.uncut -= len(document.text)
        self._characters += len(document.text)
        self._cut += len(chunks)
        if len(chunks) > self._at_once:
            return self.flush() and self._add_large(document, chunks, source)
        self.waiting.append((document, chunks, source))
        return sum(len(chunks) for _, chunks, _ in self.waiting) < self._at_once or self.flush()

    def flush(self) -> bool:
        """Embed and store what waits. False, and nothing done, where `stop` is set."""
        if self._stop.is_set():
            return False
        if self.waiting:
            known = self._store.known([document.digest for document, _, _ in self.waiting])
            # The same text under two names goes through the model once.
            new = {
                document.digest: (document, chunks[known.get(document.digest, 0) :])
                for document, chunks, _ in self.waiting
            }
            pairs = [(document, chunk) for document, chunks in new.values() for chunk in chunks]
            self._found += sum(len(chunks) for _, chunks, _ in self.waiting) - len(pairs)
            encoded = iter(self._embed(pairs))
            vectors = {
                digest: list(islice(encoded, len(chunks))) for digest, (_, chunks) in new.items()
            }
            self._store.put(
                [
                    Prepared(document, chunks, vectors[document.digest], source)
                    for document, chunks, source in self.waiting
                ]
            )
            self.waiting.clear()
        return True

    def _add_large(self, document: Document, chunks: list[Chunk], source: str) -> bool:
        first = self._store.known([document.digest]).get(document.digest, 0)
        self._found += first
        for at in range(first, len(chunks), self._at_once):
            if self._stop.is_set():
                return False
            pairs = [(document, chunk) for chunk in chunks[at : at + self._at_once]]
            self._store.keep(document, self._embed(pairs))
        self._store.put([Prepared(document, chunks, [], source)])
        return True

    def _embed(self, pairs: Sequence[tuple[Document, Chunk]]) -> list[Encoded]:
        """What the model makes of chunks; spans are in the document, a title's before its chunk."""
        if not pairs:
            return []
        name = pairs[-1][0].name
        self._tell(name, 0)
        texts = [embedded_text(document, chunk) for document, chunk in pairs]
        encoded = self._encode(
            [text for text, _ in texts], progress=lambda n, _: self._tell(name, n)
        )
        self._embedded += len(pairs)
        return [
            Encoded(code.vector, code.tokens, (code.spans - offset + chunk.start).astype(np.int32))
            for code, (_, offset), (_, chunk) in zip(encoded, texts, pairs, strict=True)
        ]

    def recognising(self, name: str, page: int, pages: int) -> None:
        """Say which page of a scan is at work."""
        self._tell(f"{name} ({page}/{pages})", 0)

    def _tell(self, name: str, at_work: int) -> None:
        if self._progress is None:
            return
        embedded = self._embedded + at_work
        characters = self._characters / self._cut if self._cut > 20 else _CHUNK
        total = self._cut + round(max(self.uncut, 0) / characters)
        done = self._found + embedded
        left = (time.monotonic() - self._began) / embedded * (total - done) if embedded else None
        self._progress(SyncProgress(name, done, total, left))


def put_documents(documents: Sequence[Document], store: Store, embedder: Embedder) -> None:
    """Split, embed and store documents."""
    writer = Writer(store, embedder, None, threading.Event())
    for document in documents:
        writer.add(document, "")
    writer.flush()


def embedded_text(document: Document, chunk: Chunk) -> tuple[str, int]:
    """What is embedded for a chunk, and where in it the chunk's own text begins.

    The title stands in front, unless it is the file's name: renaming a file changes no vector.
    """
    text, title = document.text[chunk.start : chunk.end], document.title
    if not title or document.named_after_file or text.lstrip("# ").startswith(title):
        return text, 0
    return f"{title}\n{text}", len(title) + 1
