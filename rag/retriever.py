"""From a question to the passages that answer it: two quick searches, then a look at each word of the best.

The look (see `rag.look`) is late interaction with the token vectors of the same model that gave the one vector a passage.
What a passage has in common with all other candidates says nothing, so a question's token counts by how far its best match
stands out among them: that weighs words by rarity across languages, where no word statistics can.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.embedder import Embedder
from index.lexical import terms
from index.store import Store, StoredPassage
from rag.look import look_of

_BY_VECTOR = 40
_BY_WORDS = 25

# The logistic regression from signals to the probability that a passage answers: `python -m bench.retrieval --fit`.
_SCORE = {"bias": -20.0, "vector": 20.0, "late": 5.0, "contrast": 0.0, "lead": 0.5}

Floats = NDArray[np.float32]


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


@dataclass(frozen=True)
class Signals:
    """What is known of each candidate for a question; arrays are (n,) float32.

    `vector`: cosine of the two vectors. `words`: BM25, 0 where no word is shared. `share`: the same as a part of the best,
    among passages in the question's language; 0 for others. `late`: mean over the question's tokens of the best cosine in
    the passage. `contrast`: the same of what stands out from the other candidates (cubic mean). `spread`: as `late`, with
    all good matches in the passage in place of the best alone. `order`: what candidates are ordered by, higher is better;
    comparable within one question only.
    """

    vector: Floats
    words: Floats
    share: Floats
    late: Floats
    contrast: Floats
    spread: Floats
    order: Floats

    def lead(self) -> Floats:
        """(n,) how far each is ahead of the best of the others: 0 where there is no other, below 0 for all but the best."""
        order = self.order
        if len(order) < 2:
            return np.zeros_like(order)
        second, first = np.sort(order)[-2:]
        return np.where(np.arange(len(order)) == order.argmax(), order - second, order - first)

    def probability(self) -> Floats:
        """(n,) how likely each is to answer, 0..1."""
        logit = sum(_SCORE[name] * getattr(self, name) for name in ("vector", "late", "contrast"))
        return 1 / (1 + np.exp(-(_SCORE["bias"] + logit + _SCORE["lead"] * self.lead())))


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
        found, signals = self.candidates(query, language, documents)
        if not found:
            return []
        scores = signals.probability()
        return [
            Hit(found[i], float(scores[i]), float(signals.vector[i]), float(signals.words[i]), float(signals.late[i]))
            for i in np.argsort(-signals.order, kind="stable")[:k]
        ]

    def candidates(
        self, query: str, language: str, documents: Collection[str] | None = None
    ) -> tuple[list[StoredPassage], Signals]:
        """The passages that a question might mean, in no order, and what is known of each."""
        found: list[StoredPassage] = []
        if query.strip():
            code = self._embedder.queries([query])[0]
            by_vector = dict(self._store.search_vectors(code.vector, _BY_VECTOR, documents))
            # Names and numbers are the same in both languages, but not always as stemmed for one of them.
            stems = [*terms(query, language), *terms(query, "en" if language == "fr" else "fr")]
            by_words = dict(self._store.search_words(stems, _BY_WORDS, documents))
            found = self._store.passages(sorted(by_vector.keys() | by_words.keys()))
        if not found:
            none = np.zeros(0, np.float32)
            return [], Signals(*(none,) * 7)
        numbers = [passage.id for passage in found]
        words = np.array([by_words.get(number, 0.0) for number in numbers], np.float32)
        comparable = words * np.array([passage.language == language for passage in found])
        look = look_of(self._embedder)
        view, shares = look.question(code.tokens)
        vector, similar, sizes = self._store.compare(numbers, code.vector, view, look.common)
        late, contrast, spread = _compared(similar, sizes, shares, look.sharpness)
        share = comparable / max(float(comparable.max()), 1e-9)
        known = {"vector": vector, "share": share, "late": late, "contrast": contrast, "spread": spread}
        order = np.sum([weight * known[name] for name, weight in look.order.items()], axis=0)
        return found, Signals(words=words, order=order, **known)


def _compared(similar: Floats, sizes: NDArray[np.int64], shares: Floats, sharpness: float) -> tuple[Floats, Floats, Floats]:
    """`late`, `contrast` and `spread` of `Signals`, from the cosines of the tokens of the question and of each passage."""
    if not len(similar) or not sizes.all():
        zeros = np.zeros(len(sizes), np.float32)
        return zeros, zeros, zeros
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    best = np.maximum.reduceat(similar, starts, axis=1)  # (question's tokens, passages)
    stands_out = np.maximum(best - best.mean(axis=1, keepdims=True), 0)
    matches = np.add.reduceat(np.exp(sharpness * (similar - 1)), starts, axis=1) / sizes
    return (
        shares @ best,
        np.cbrt(shares @ stands_out**3),
        (shares @ (np.log(matches + 1e-9) / sharpness + 1)).astype(np.float32),
    )
