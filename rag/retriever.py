"""From a question to the passages that answer it: two quick searches, then a look at each word."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.embedder import Embedder
from index.lexical import terms
from index.store import Store, StoredPassage

_CANDIDATES = 50


@dataclass(frozen=True)
class Hit:
    """A passage found; `score` is the probability (0..1) that it answers.

    What the score rests on: `vector`, the cosine of question and passage; `words`, BM25; `late`, the mean over the
    question's tokens of the best cosine in the passage.
    """

    passage: StoredPassage
    score: float
    vector: float
    words: float
    late: float


class Retriever:
    """Searches one store with the embedder that filled it."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    def search(self, query: str, language: str, *, k: int = 5, documents: Collection[str] | None = None) -> list[Hit]:
        """The `k` passages likeliest to answer, best first.

        Args:
            query: a question that stands alone.
            language: "fr" or "en", of the question.
            k: how many at most.
            documents: names to search among; all where None.
        """
        if not query.strip():
            return []
        code = self._embedder.queries([query])[0]
        by_vector = dict(self._store.search_vectors(code.vector, _CANDIDATES, documents))
        by_words = dict(self._store.search_words(terms(query, language), _CANDIDATES, documents))
        found = self._store.passages(list(dict.fromkeys([*by_vector, *by_words])))
        if not found:
            return []
        numbers = [passage.id for passage in found]
        vectors = self._store.vectors(numbers) @ code.vector
        tokens = [tokens for tokens, _ in self._store.token_vectors(numbers)]
        mean = np.concatenate(tokens).mean(axis=0)
        late = np.array([_late(code.tokens - mean, passage - mean) for passage in tokens])
        words = np.array([by_words.get(number, 0.0) for number in numbers])
        same = np.array([passage.language == language for passage in found])
        ranks = late + 0.002 * words * same + 0.2 * vectors
        scores = 1 / (1 + np.exp(-12 * (late - 0.5)))
        best = np.argsort(-ranks, kind="stable")[:k]
        return [Hit(found[i], float(scores[i]), float(vectors[i]), float(words[i]), float(late[i])) for i in best]


def _late(query: NDArray[np.float32], passage: NDArray[np.float32]) -> float:
    """Mean over the query's tokens of the best cosine among the passage's (MaxSim, arXiv 2004.12832)."""
    if not len(query) or not len(passage):
        return 0.0
    return float((_unit(query) @ _unit(passage).T).max(axis=1).mean())


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
