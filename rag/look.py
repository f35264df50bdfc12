"""How a question's words are compared with a text's: late interaction (MaxSim, arXiv 2004.12832) through a learned view.

The token vectors are those that the vector model gives anyway. For the default model a matrix turns what a question's tokens
mean towards what answers them, and a gate says how much each counts; `python -m bench.look` fits both, with the weights of the
search's signals, to the development half of public questions. For another model tokens are compared as they are.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.embedder import Embedder

FILE = Path(__file__).with_suffix(".npz")
ORDER = ("spread", "contrast", "late", "vector", "share")
_PLAIN = {"spread": 15.0, "contrast": 21.0, "late": 0.0, "vector": 8.0, "share": 0.8}
_PLAIN_SHARPNESS = 20.0

# Token vectors share one large direction that tells nothing. It is a property of the model, found here on texts of all
# sorts: the mean of a few candidates would take their common subject away as well, in a small library above all.
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
class Look:
    """A view of token vectors of d dimensions.

    `common` (d,) is taken away from every token; `matrix` (d, d) is applied to a question's; `gate` (d,) and no bias give each
    its share by a softmax; `order` weighs the signals of `rag.retriever.Signals`; `sharpness` is that of their `spread`.
    """

    common: Floats
    matrix: Floats
    gate: Floats
    order: dict[str, float]
    sharpness: float

    def question(self, tokens: Floats) -> tuple[Floats, Floats]:
        """A question's tokens (t, d) as they look: unit length (t, d), and their shares (t,), which sum to 1."""
        plain: Floats = (tokens - self.common).astype(np.float32)
        logits = plain @ self.gate
        shares = np.exp(logits - logits.max(initial=0))
        return unit((plain @ self.matrix.T).astype(np.float32)), shares / shares.sum()

    def text(self, tokens: Floats) -> Floats:
        """A text's tokens (t, d) to be looked at: unit length (t, d)."""
        return unit(tokens - self.common)


@lru_cache(maxsize=2)
def look_of(embedder: Embedder) -> Look:
    """The view that goes with a vector model."""
    common: Floats = np.concatenate([code.tokens for code in embedder.passages(_ALL_SORTS)]).mean(axis=0)
    if FILE.exists():
        with np.load(FILE, allow_pickle=False) as kept:
            if str(kept["fingerprint"]) == embedder.fingerprint:
                order = dict(zip(ORDER, kept["order"].tolist(), strict=True))
                matrix, gate = kept["matrix"].astype(np.float32), kept["gate"].astype(np.float32)
                return Look(common, matrix, gate, order, float(kept["sharpness"]))
    dimension = embedder.dimension
    plain = np.eye(dimension, dtype=np.float32), np.zeros(dimension, np.float32)
    return Look(common, *plain, _PLAIN, _PLAIN_SHARPNESS)


def unit(vectors: Floats) -> Floats:
    """The same directions at length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
