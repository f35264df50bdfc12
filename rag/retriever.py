"""From a question to the passages that answer it: two quick searches, then a look at each word of the best.

The look is late interaction (MaxSim, arXiv 2004.12832) with the token vectors of the same model that gave the one vector a
passage. What a passage has in common with all other candidates says nothing, so a question's token counts by how far its best match
stands out among them: that weighs words by rarity across languages, where no word statistics can.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from index.contract import Store, StoredChunk
from index.embedder import Embedder
from index.text.words import terms

_BY_VECTOR = 40
_BY_WORDS = 25
_SHARPNESS = 20.0

# How much each signal counts in the order, and the logistic regression from signals to the probability that a passage
# answers. `python -m bench.retrieval --fit` finds both, on the questions of its development half alone; the regression was then
# brought to the frequencies that the other half showed (Platt's two constants, for a question that may have no answer at all).
_ORDER = {"contrast": 21.0, "spread": 15.0, "vector": 8.0, "share": 0.8}
_SCORE = {
    "bias": -15.75,
    "vector": 14.4,
    "late": 3.6,
    "contrast": 0.0,
    "foreign": 1.0,
    "lead": 0.36,
}

# Token vectors share one large direction that tells nothing. It is a property of the model, found here on texts of all
# sorts: the mean of the candidates would take their common subject away as well, in a small library above all.
_ALL_SORTS = (
    "Le conseil municipal a voté hier le budget de l'année prochaine, après trois heures de débats.",
    "Pour installer le logiciel, ouvrez un terminal et saisissez la commande suivante.",
    "Elle est née en 1867 à Varsovie et a reçu deux prix Nobel.",
    "Les symptômes apparaissent en général au bout de cinq jours : fièvre, toux et fatigue.",
    "L'entreprise annonce un chiffre d'affaires de 3,2 milliards d'euros, en hausse de 8 %.",
    "Quels papiers faut-il pour demander un passeport ?",
    "Cette rivière traverse quatre départements avant de se jeter dans la mer.",
    "L'équipe a gagné le match deux à un devant son public.",
    "The committee published its report on Tuesday and asked for more time.",
    "To change the settings, open the menu and choose the second entry.",
    "He was born in Chicago in 1942 and studied law before he turned to music.",
    "Patients who take this drug should avoid alcohol and drive with care.",
    "The company sold 12,000 cars last year, twice as many as in 2019.",
    "How long does it take to travel from London to Paris by train?",
    "The castle stands on a hill above the old town and dates from the twelfth century.",
    "Water boils at a lower temperature in the mountains because the air is thinner.",
)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """A passage found; `score` is the probability (0..1) that it answers.

    What the score rests on: `vector`, the cosine of question and passage; `words`, BM25; `late`, the mean over the
    question's tokens of the best cosine in the passage. `order` compares the hits of one question.
    """

    chunk: StoredChunk
    score: float
    vector: float
    words: float
    late: float
    order: float = 0.0


@dataclass(frozen=True)
class Signals:
    """What is known of each candidate for a question; arrays are (n,) float32.

    `vector`: cosine of the two vectors. `words`: BM25, 0 where no word is shared. `share`: the same as a part of the best,
    among passages in the question's language; 0 for others. `late`: mean over the question's tokens of the best cosine in
    the passage. `contrast`: the same of what stands out from the other candidates (cubic mean). `spread`: as `late`, with
    all good matches in the passage in place of the best alone. `foreign`: 1 where the passage is in another language than the
    question, which is then less like it. `order`: what candidates are ordered by, higher is better; comparable within one
    question only.
    """

    vector: Floats
    words: Floats
    share: Floats
    late: Floats
    contrast: Floats
    spread: Floats
    foreign: Floats
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
        logit = sum(
            _SCORE[name] * getattr(self, name) for name in ("vector", "late", "contrast", "foreign")
        )
        return 1 / (1 + np.exp(-(_SCORE["bias"] + logit + _SCORE["lead"] * self.lead())))


class Retriever:
    """Searches one store with the embedder that filled it."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder
        self._beside = ThreadPoolExecutor(
            thread_name_prefix="words"
        )  # the words are looked up while the model reads them

    def search(
        self, query: str, language: str, *, k: int = 5, documents: Collection[str] | None = None
    ) -> list[Hit]:
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
        known = np.stack(
            [scores, signals.vector, signals.words, signals.late, signals.order], axis=1
        ).astype(float)
        return [
            Hit(found[i], *known[i].tolist()) for i in np.argsort(-signals.order, kind="stable")[:k]
        ]

    def candidates(
        self, query: str, language: str, documents: Collection[str] | None = None
    ) -> tuple[list[StoredChunk], Signals]:
        """The passages that a question might mean, in no order, and what is known of each."""
        found: list[StoredChunk] = []
        if query.strip():
            # Names and numbers are the same in both languages, but not always as stemmed for one of them.
            stems = [*terms(query, language), *terms(query, "en" if language == "fr" else "fr")]
            searching = self._beside.submit(self._store.search_words, stems, _BY_WORDS, documents)
            code = self._embedder.embed_queries([query])[0]
            by_vector = dict(self._store.search_vectors(code.vector, _BY_VECTOR, documents))
            by_words = dict(searching.result())
            found = self._store.chunks(sorted(by_vector.keys() | by_words.keys()))
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
        late, contrast, spread = _compared(similar, sizes)
        comparable = words * (1 - foreign)
        share = comparable / max(float(comparable.max()), 1e-9)
        known = {
            "vector": vector,
            "share": share,
            "late": late,
            "contrast": contrast,
            "spread": spread,
        }
        order = np.sum([weight * known[name] for name, weight in _ORDER.items()], axis=0)
        return found, Signals(words=words, foreign=foreign, order=order, **known)


def _compared(similar: Floats, sizes: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """`late`, `contrast` and `spread` of `Signals`, from the cosines of the tokens of the question and of each passage."""
    if not len(similar) or not sizes.all():
        zeros = np.zeros(len(sizes), np.float32)
        return zeros, zeros, zeros
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    best = np.maximum.reduceat(similar, starts, axis=1)  # (question's tokens, passages)
    stands_out = np.maximum(best - best.mean(axis=1, keepdims=True), 0)
    matches = np.add.reduceat(np.exp(_SHARPNESS * similar), starts, axis=1) / sizes
    return (
        best.mean(axis=0),
        np.cbrt((stands_out**3).mean(axis=0)),
        (np.log(matches) / _SHARPNESS).mean(axis=0).astype(np.float32),
    )


@lru_cache(maxsize=2)
def common_direction(embedder: Embedder) -> Floats:
    """(d,) the mean token vector of texts of all sorts, which every token vector is compared without."""
    mean: Floats = np.concatenate([code.tokens for code in embedder.embed_chunks(_ALL_SORTS)]).mean(
        axis=0
    )
    return mean


def unit(vectors: Floats) -> Floats:
    """The same directions at length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
