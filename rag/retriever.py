"""From a question to the chunks that answer it: two quick searches, then a look at each word.

The look is late interaction (MaxSim, arXiv 2004.12832) with the token vectors of the same model
that gave the one vector a chunk. What a chunk has in common with all other candidates says nothing,
so a question's token counts by how far its best match stands out among them: that weighs words by
rarity across languages, where no word statistics can. A question is likest to chunks in its own
language whatever they say: so each language has its own candidates, and a chunk counts by how far
it stands out among those of its language.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.contract import Store, StoredChunk
from index.embedder import Embedder
from index.errors import UserError
from index.text.words import terms

_DEEP = 300  # chunks looked through for the nearest of each language
_BY_VECTOR = 40  # of each language
_BY_WORDS = 25
_SHARPNESS = 20.0
_ENOUGH = 3  # candidates in a language that have a mean worth speaking of

# How much each signal counts in the order, and the logistic regression from signals to the
# probability that a chunk answers. `python -m bench.retrieval --fit` finds both on the questions of
# its development half; the regression was then brought to the frequencies of the other half
# (Platt's two constants, for a question that may have no answer at all).
_ORDER = {"contrast": 21.0, "spread": 15.0, "vector": 8.0, "share": 0.8}
_SCORE = {"bias": -15.75, "vector": 14.4, "late": 3.6, "foreign": 1.0, "lead": 0.36}

# Token vectors share one large direction that tells nothing. It is a property of the model, found
# on sentences of all sorts: the mean of the candidates would take away their subject as well.
_SENTENCES = Path(__file__).parent / "data" / "sentences.txt"

# Words are looked up while the model reads the question: one pool, as retrievers are made often.
_BESIDE = ThreadPoolExecutor(thread_name_prefix="words")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """A chunk that was found."""

    chunk: StoredChunk
    score: float  # the probability (0..1) that it answers
    vector: float  # the cosine of question and chunk
    words: float  # BM25
    late: float  # the mean over the question's tokens of the best cosine in the chunk
    order: float = 0.0  # compares the hits of one question


@dataclass(frozen=True)
class Signals:
    """What is known of each candidate for a question: (n,) float32 each."""

    vector: Floats  # the cosine of the two vectors
    words: Floats  # BM25, 0 where no word is shared
    share: Floats  # the same as a part of the best, 0 for chunks in another language
    late: Floats  # the mean over the question's tokens of the best cosine in the chunk
    contrast: Floats  # the same of what stands out from others of its language (cubic mean)
    spread: Floats  # as `late`, with all good matches in the chunk in place of the best alone
    foreign: Floats  # 1 in another language than the question, which is then less like it
    order: Floats  # what candidates are ordered by; comparable within one question only

    def lead(self) -> Floats:
        """(n,) how far each is ahead of the best of the others, 0 where there is no other."""
        order = self.order
        if len(order) < 2:
            return np.zeros_like(order)
        second, first = np.sort(order)[-2:]
        return np.where(np.arange(len(order)) == order.argmax(), order - second, order - first)

    def probability(self) -> Floats:
        """(n,) how likely each is to answer, 0..1."""
        logit = sum(_SCORE[name] * getattr(self, name) for name in ("vector", "late", "foreign"))
        return 1 / (1 + np.exp(-(_SCORE["bias"] + logit + _SCORE["lead"] * self.lead())))


class Retriever:
    """Searches one store with the embedder that filled it."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    def search(
        self, query: str, language: str, *, k: int = 5, documents: Collection[str] | None = None
    ) -> list[Hit]:
        """The `k` chunks likeliest to answer, best first.

        Args:
            query: a question that stands alone.
            language: "fr" or "en", of the question.
            k: how many at most.
            documents: names to search among; all where None.

        Raises:
            UserError: `document_unknown` (name).
            ChunkRemoved: a document was removed since it was found.
        """
        check_names(self._store, documents)
        found, signals = self.candidates(query, language, documents)
        if not found:
            return []
        scores = signals.probability()
        known = np.stack(
            [scores, signals.vector, signals.words, signals.late, signals.order], axis=1
        ).astype(float)
        return [
            Hit(found[i], *known[i].tolist()) for i in np.argsort(-signals.order, kind="stable")[:k]
        ]

    def candidates(
        self, query: str, language: str, documents: Collection[str] | None = None
    ) -> tuple[list[StoredChunk], Signals]:
        """The chunks that a question might mean, in no order, and what is known of each."""
        found: list[StoredChunk] = []
        if query.strip():
            # Names and numbers are the same in both languages, but not always their stems.
            stems = [*terms(query, language), *terms(query, "en" if language == "fr" else "fr")]
            searching = _BESIDE.submit(self._store.search_words, stems, _BY_WORDS, documents)
            code = self._embedder.embed_queries([query])[0]
            by_vector = dict(self._store.search_vectors(code.vector, _DEEP, documents))
            by_words = dict(searching.result())
            found = self._store.chunks(sorted(by_vector.keys() | by_words.keys()))
            found = _nearest(found, by_vector, by_words)
        if not found:
            none = np.zeros(0, np.float32)
            return [], Signals(*(none,) * 8)
        numbers = [chunk.id for chunk in found]
        words = np.array([by_words.get(number, 0.0) for number in numbers], np.float32)
        foreign = np.array([chunk.language != language for chunk in found], np.float32)
        common = common_direction(self._embedder)
        vector, similar, sizes = self._store.compare(
            numbers, code.vector, unit(code.tokens - common), common
        )
        languages = np.array([chunk.language for chunk in found])
        late, contrast, spread = _compared(similar, sizes, languages)
        comparable = words * (1 - foreign)
        known = {
            "vector": vector,
            "share": comparable / max(float(comparable.max()), 1e-9),
            "late": late,
            "contrast": contrast,
            "spread": spread,
        }
        fair = known | {name: _fair(known[name], languages) for name in ("vector", "spread")}
        order = np.sum([weight * fair[name] for name, weight in _ORDER.items()], axis=0)
        return found, Signals(words=words, foreign=foreign, order=order, **known)


def check_names(store: Store, documents: Collection[str] | None) -> None:
    """Raise `document_unknown` for the first of these names that no document has."""
    known = {info.name for info in store.documents()} if documents else set()
    for name in documents or ():
        if name not in known:
            raise UserError("document_unknown", name=name)


def _nearest(
    found: Sequence[StoredChunk], by_vector: Mapping[int, float], by_words: Collection[int]
) -> list[StoredChunk]:
    """The chunks found by words, and the nearest of each language."""
    near: dict[str, list[int]] = {}
    for chunk in sorted(found, key=lambda chunk: by_vector.get(chunk.id, -1.0), reverse=True):
        near.setdefault(chunk.language, []).append(chunk.id)
    kept = set(by_words).union(*(numbers[:_BY_VECTOR] for numbers in near.values()))
    return [chunk for chunk in found if chunk.id in kept]


def _fair(values: Floats, languages: NDArray[np.str_]) -> Floats:
    """(..., n) values as far from the mean of their language as before, around one mean for all."""
    levelled = values.copy()
    for language in set(languages.tolist()):
        own = languages == language
        if own.sum() >= _ENOUGH:
            moved = values.mean(axis=-1, keepdims=True) - values[..., own].mean(-1, keepdims=True)
            levelled[..., own] += moved
    return levelled


def _compared(
    similar: Floats, sizes: NDArray[np.int64], languages: NDArray[np.str_]
) -> tuple[Floats, Floats, Floats]:
    """`late`, `contrast` and `spread` of `Signals`, from the cosines of all tokens."""
    if not len(similar) or not sizes.all():
        zeros = np.zeros(len(sizes), np.float32)
        return zeros, zeros, zeros
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    best = np.maximum.reduceat(similar, starts, axis=1)  # (question's tokens, chunks)
    stands_out = np.maximum(_fair(best, languages) - best.mean(axis=1, keepdims=True), 0)
    matches = np.add.reduceat(np.exp(_SHARPNESS * similar), starts, axis=1) / sizes
    return (
        best.mean(axis=0),
        np.cbrt((stands_out**3).mean(axis=0)),
        (np.log(matches) / _SHARPNESS).mean(axis=0).astype(np.float32),
    )


@lru_cache(maxsize=2)
def common_direction(embedder: Embedder) -> Floats:
    """(d,) the mean token vector of any sentence, which token vectors are compared without."""
    sentences = _SENTENCES.read_text(encoding="utf-8").splitlines()
    tokens = np.concatenate([code.tokens for code in embedder.embed_chunks(sentences)])
    mean: Floats = tokens.mean(axis=0)
    return mean


def unit(vectors: Floats) -> Floats:
    """The same directions at length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
