"""What kind of message a text is: logistic regression on its vector and on its letters.

The weights are fitted by `python -m train.intents` to written examples, for the default embedder.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from index.text.words import fold

WEIGHTS = Path(__file__).with_name("data") / "intents.npz"
_LETTERS = 4096  # places that groups of letters and words share
_GROUPS = (2, 3, 4, 5)  # letters each
_SCALE = 0.5  # of the letters beside the vector

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Classifier:
    """`labels` are the classes, `weights` (labels, features + 1) with the constants last.

    `embedder` is the name of the model whose vectors it was fitted to; by another's, only the
    letters count, by weights of their own: `alone`.
    """

    labels: tuple[str, ...]
    weights: Floats
    alone: Floats
    embedder: str

    def probabilities(self, text: str, vector: Floats, embedder: str) -> dict[str, float]:
        """How likely (0..1) each class is, of a text and its vector as a query."""
        seen = letters(text)
        known = embedder == self.embedder
        row, weights = (joined(vector, seen), self.weights) if known else (seen, self.alone)
        logits = weights[:, :-1] @ row + weights[:, -1]
        odds = np.exp(logits - logits.max())
        return dict(zip(self.labels, (odds / odds.sum()).tolist(), strict=True))


@cache
def classifier() -> Classifier:
    """The one that the program ships."""
    with np.load(WEIGHTS) as kept:
        labels, name = tuple(kept["labels"].tolist()), str(kept["embedder"])
        return Classifier(
            labels, kept["weights"].astype(np.float32), kept["alone"].astype(np.float32), name
        )


def plain_case(text: str) -> str:
    """The text as it is embedded: capitals throughout say nothing, and hide the words."""
    return text.lower() if text.isupper() else text


def joined(vector: Floats, seen: Floats) -> Floats:
    """The features of a text: its vector and its letters."""
    return np.concatenate([vector, _SCALE * seen])


def letters(text: str) -> Floats:
    """(4096,) of unit length: which words, pairs of words and groups of letters a text has.

    Capitals, accents and punctuation but the question mark don't matter; figures are alike.
    """
    plain = "".join(
        "0" if sign.isdigit() else sign if sign.isalpha() or sign in "?'" else " "
        for sign in fold(text)
    )
    words = ["^", *plain.replace("?", " ?").replace("'", "' ").split(), "$"]
    found = {f"{first} {second}" for first, second in pairwise(words)}
    for word in words:
        edged = f"<{word}>"
        found |= {
            edged[start : start + size]
            for size in _GROUPS
            for start in range(max(1, len(edged) - size + 1))
        }
        found.add(f"={word}")
    counts = np.bincount([crc32(each.encode()) % _LETTERS for each in found], minlength=_LETTERS)
    row: Floats = np.minimum(counts, 1).astype(np.float32)
    return row / max(float(np.linalg.norm(row)), 1e-6)
