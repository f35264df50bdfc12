"""From a question to the passages that answer it: two quick searches, then a look at each word of the best.

The look is late interaction (MaxSim, arXiv 2004.12832) with the token vectors of the same model that gave the one vector a
passage. What a passage has in common with all other candidates says nothing, so a question's token counts by how far its
best match stands out among them: that weighs words by rarity across languages, where no word statistics can.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.embedder import Embedder
from index.lexical import terms
from index.store import Store, StoredPassage

_BY_VECTOR = 40
_BY_WORDS = 25
_WINDOW = 24  # tokens, half of the window that `near` looks through
_SHARPNESS = 20.0

# How much each signal counts in the order, in standard deviations among the candidates, and the logistic regression from
# signals to the probability that a passage answers. `python -m bench.retrieval --fit` finds both, on the questions of its
# development half alone.
_ORDER = {"contrast": 1.60, "near": 0.47, "spread": 0.58, "words": 0.13}
_SCORE = {"bias": -20.0, "vector": 20.0, "late": 5.0, "lead": 0.5}

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

    `vector`: cosine of the two vectors. `words`: BM25, 0 where no word is shared. `same`: whether the passage is in the
    question's language. `late`: mean over the question's tokens of the best cosine in the passage. `contrast`: the same of
    what stands out from the other candidates, cubed, as a logarithm. `near`: as `late`, within a window of the passage.
    `spread`: as `late`, with all good matches in the passage in place of the best alone.
    """

    vector: Floats
    words: Floats
    same: NDArray[np.bool_]
    late: Floats
    contrast: Floats
    near: Floats
    spread: Floats

    def order(self) -> Floats:
        """(n,) what candidates are ordered by, higher is better; comparable within one question only."""
        return sum(
            (weight * self.standard(name) for name, weight in _ORDER.items()), start=np.zeros_like(self.vector)
        )

    def standard(self, name: str) -> Floats:
        """(n,) a signal in standard deviations; of words only among passages of the question's language, 0 elsewhere."""
        values: Floats = getattr(self, name)
        among = self.same if name == "words" else np.ones_like(self.same)
        if not among.any():
            return np.zeros_like(values)
        chosen = values[among]
        return np.where(among, (values - chosen.mean()) / (chosen.std() + 1e-6), 0).astype(np.float32)

    def lead(self, order: Floats) -> Floats:
        """(n,) how far each is ahead of the best of the others, 0 where there is no other; below 0 for all but the best."""
        if len(order) < 2:
            return np.zeros_like(order)
        second, first = np.sort(order)[-2:]
        return np.where(np.arange(len(order)) == order.argmax(), order - second, order - first)

    def probability(self, order: Floats) -> Floats:
        """(n,) how likely each is to answer, 0..1."""
        logit = _SCORE["bias"] + _SCORE["vector"] * self.vector + _SCORE["late"] * self.late
        return 1 / (1 + np.exp(-(logit + _SCORE["lead"] * self.lead(order))))


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
        order = signals.order()
        scores = signals.probability(order)
        return [
            Hit(found[i], float(scores[i]), float(signals.vector[i]), float(signals.words[i]), float(signals.late[i]))
            for i in np.argsort(-order, kind="stable")[:k]
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
            words = [*terms(query, language), *terms(query, "en" if language == "fr" else "fr")]
            by_words = dict(self._store.search_words(words, _BY_WORDS, documents))
            found = self._store.passages(sorted(by_vector.keys() | by_words.keys()))
        if not found:
            none = np.zeros(0, np.float32)
            return [], Signals(none, none, none.astype(bool), none, none, none, none)
        numbers = [passage.id for passage in found]
        late, contrast, near, spread = _look(code.tokens, [tokens for tokens, _ in self._store.token_vectors(numbers)])
        return found, Signals(
            vector=self._store.vectors(numbers) @ code.vector,
            words=np.array([by_words.get(number, 0.0) for number in numbers], np.float32),
            same=np.array([passage.language == language for passage in found]),
            late=late,
            contrast=contrast,
            near=near,
            spread=spread,
        )


def _look(question: Floats, passages: Sequence[Floats]) -> tuple[Floats, Floats, Floats, Floats]:
    """`late`, `contrast`, `near` and `spread` of `Signals`, from the token vectors of question and passages."""
    zeros = np.zeros(len(passages), np.float32)
    sizes = np.array([len(passage) for passage in passages])
    if not len(question) or not sizes.all():
        return zeros, zeros, zeros, zeros
    tokens = np.concatenate(passages)
    mean = tokens.mean(axis=0)  # token vectors share one large direction that tells nothing
    similar = _unit(question - mean) @ _unit(tokens - mean).T
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    best = np.maximum.reduceat(similar, starts, axis=1)  # (question's tokens, passages)
    stands_out = np.maximum(best - best.mean(axis=1, keepdims=True), 0)
    # A matching token counts exponentially, all others in the passage nearly nothing.
    summed = np.add.reduceat(np.exp(_SHARPNESS * similar), starts, axis=1)
    return (
        best.mean(axis=0),
        np.log((stands_out**3).mean(axis=0) + 1e-6),
        _near(similar, starts, sizes),
        (np.log(summed / sizes) / _SHARPNESS).mean(axis=0).astype(np.float32),
    )


def _near(similar: Floats, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> Floats:
    """The best mean of best cosines within two neighbouring blocks of a passage's tokens."""
    counts = np.maximum(sizes // _WINDOW, 1)
    edges = np.concatenate([start + np.arange(n) * size // n for start, size, n in zip(starts, sizes, counts, strict=True)])
    blocks = np.maximum.reduceat(similar, edges, axis=1)
    firsts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    follows = np.append(np.ones(len(edges) - 1, bool), False)
    follows[firsts[1:] - 1] = False  # the last block of a passage has no neighbour in it
    pairs = np.where(follows, np.maximum(blocks, np.roll(blocks, -1, axis=1)), blocks)
    return np.maximum.reduceat(pairs.mean(axis=0), firsts)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
