"""The few sentences that matter: a small model told less is sooner done and more often right.

Whole passages take 900 tokens of reading for a question that two sentences answer. Each sentence of the best passages is
scored by the question's words (MaxSim, arXiv 2004.12832, over stored token vectors); the best ones are kept, each with the
sentence before it, which says who "he" is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.embedder import Embedder
from index.passages import Span
from index.store import Store, StoredPassage

_SENTENCES = 4
_OF_PASSAGE = 0.5  # how much of the whole passage's likeness counts beside the sentence's own


@dataclass(frozen=True)
class Excerpt:
    """What the model reads of a passage: some of its sentences in their order, "[…]" where some are left out.

    `best` are the spans in the document of the sentences that it was chosen for, closest first; `likeness` is that of the first
    to the question: the mean over the question's tokens of their best cosines.
    """

    passage: StoredPassage
    text: str
    likeness: float
    best: tuple[Span, ...]


def focus(question: str, passages: Sequence[StoredPassage], store: Store, embedder: Embedder) -> list[Excerpt]:
    """The sentences of the passages closest to the question with the sentence before each, best passage first.

    Args:
        question: one that stands alone.
        passages: of `store`, best first.
        store: holds their token vectors.
        embedder: the one that filled the store.
    """
    if not passages:
        return []
    vectors = store.token_vectors([passage.id for passage in passages])
    mean = np.concatenate([tokens for tokens, _ in vectors]).mean(axis=0)
    asked = _unit(embedder.queries([question])[0].tokens - mean)
    scored: list[tuple[float, int, int]] = []
    closest: list[float] = []
    for number, (passage, (tokens, spans)) in enumerate(zip(passages, vectors, strict=True)):
        likeness = asked @ _unit(tokens - mean).T
        whole = float(likeness.max(axis=1, initial=0).mean()) if len(asked) else 0.0
        closest.append(0.0)
        for place, (start, end) in enumerate(passage.sentences):
            within = (spans[:, 0] < end) & (spans[:, 1] > start)
            own = float(likeness[:, within].max(axis=1, initial=0).mean()) if len(asked) else 0.0
            scored.append((-own - _OF_PASSAGE * whole, number, place))
            closest[number] = max(closest[number], own)
    best = sorted(scored)[:_SENTENCES]
    order = dict.fromkeys(number for _, number, _ in best)
    kept = {number: {near for _, n, place in best if n == number for near in (place - 1, place) if near >= 0} for number in order}
    chosen = {number: tuple(passages[number].sentences[place] for _, n, place in best if n == number) for number in order}
    return [Excerpt(passages[n], _text(passages[n], sorted(kept[n])), closest[n], chosen[n]) for n in order]


def _text(passage: StoredPassage, places: list[int]) -> str:
    pieces, last = [], None
    for place in places:
        start, end = passage.sentences[place]
        if last is not None:
            pieces.append(passage.text[last[1] - passage.start : start - passage.start] if last[0] == place - 1 else " […] ")
        pieces.append(passage.text[start - passage.start : end - passage.start])
        last = (place, end)
    return "".join(pieces)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
