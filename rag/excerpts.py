"""The few sentences that matter: a small model told less is sooner done and more often right.

Passages are cut into windows of three or four sentences, always the same ones, so that the state in which a model is after
reading one can be kept for the next question. The windows that a question's words pick out (MaxSim, arXiv 2004.12832, over
stored token vectors) are read, each by itself: a small model that reads several at once mixes them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.contract import Store, StoredChunk
from index.embedder import Embedder
from index.text.sentences import Span
from rag.retriever import Floats, Hit, common_direction, unit
from rag.verifier.facts import facts, holds, names

_WINDOW = 480  # code points, about 130 tokens: a passage of half as much again is still read whole
_NAMED = 0.1  # what a window that has all names of the question gains
_BEST = 3  # sentences of a window that are thought of as a quotation
_ORDER = 20.0  # by which the search's order is divided beside the window's own score


@dataclass(frozen=True)
class Excerpt:
    """A window of a passage.

    `best` are the spans in the document of its sentences that come closest to the question, closest first; `likeness` is the mean
    over the question's tokens of their best cosines in the window; `closeness` tells for each of `best` how far it stands out from
    all sentences that were found. All are empty where no question was asked.
    """

    chunk: StoredChunk
    text: str
    likeness: float = 0.0
    best: tuple[Span, ...] = ()
    closeness: tuple[float, ...] = ()


def windows(chunk: StoredChunk) -> list[Excerpt]:
    """The windows of a passage; each but the first begins with the last sentence of the one before, which says who "he" is."""
    return [Excerpt(chunk, _text(chunk, sentences)) for sentences in _cut(chunk)]


def focus(
    question: str, language: str, hits: Sequence[Hit], store: Store, embedder: Embedder
) -> list[Excerpt]:
    """The windows of the passages found, those likeliest to answer first.

    What is in every window says nothing, so a question's token counts by how far its best match in a window stands out from
    the mean over all windows (cubic mean, as `contrast` in `rag.retriever.Signals`); the search's own order counts beside it.

    Args:
        question: one that stands alone.
        language: "fr" or "en", of the question.
        hits: passages of `store`.
        store: holds their token vectors.
        embedder: the one that filled the store.
    """
    if not hits:
        return []
    common = common_direction(embedder)
    asked = unit(embedder.embed_queries([question])[0].tokens - common)
    found: list[tuple[Hit, range]] = []
    of_sentences: list[Floats] = []  # (question's tokens, sentences) of each window
    for hit, (tokens, spans) in zip(
        hits, store.token_vectors([hit.chunk.id for hit in hits]), strict=True
    ):
        similar = asked @ unit(tokens - common).T
        within = [(spans[:, 0] < end) & (spans[:, 1] > start) for start, end in hit.chunk.sentences]
        for window in _cut(hit.chunk):
            found.append((hit, window))
            of_sentences.append(
                np.stack(
                    [similar[:, within[place]].max(axis=1, initial=0) for place in window], axis=1
                )
            )
    best = np.stack([sentences.max(axis=1) for sentences in of_sentences], axis=1)
    scores = np.array([hit.order for hit, _ in found]) / _ORDER + _standing_out(
        best, best.mean(axis=1, keepdims=True)
    )
    scores += _NAMED * np.array(
        [_named(question, language, hit.chunk, _text(hit.chunk, window)) for hit, window in found]
    )
    mean = np.concatenate(of_sentences, axis=1).mean(axis=1, keepdims=True)
    excerpts = []
    for number in np.argsort(-scores, kind="stable"):
        hit, window = found[number]
        standing = _standing_out(of_sentences[number], mean)
        places = np.argsort(-standing, kind="stable")[:_BEST]
        likeness = float(best[:, number].mean()) if len(best) else 0.0
        closest = tuple(hit.chunk.sentences[window[place]] for place in places)
        closeness = tuple(float(standing[place]) for place in places)
        excerpts.append(Excerpt(hit.chunk, _text(hit.chunk, window), likeness, closest, closeness))
    return excerpts


def _named(question: str, language: str, chunk: StoredChunk, text: str) -> float:
    """The share of a question's names that a window has, 0 where the question has none."""
    wanted, own = names(question, language), facts(text, chunk.language)
    return sum(holds(own, name) for name in wanted) / max(len(wanted), 1)


def _standing_out(best: Floats, mean: Floats) -> Floats:
    """(n,) the cubic mean over the question's tokens (q, n) of what is above the mean (q, 1)."""
    return (
        np.cbrt((np.maximum(best - mean, 0) ** 3).mean(axis=0))
        if len(best)
        else np.zeros(best.shape[1], np.float32)
    )


def _cut(chunk: StoredChunk) -> list[range]:
    """The sentences of each window, by their places in the passage."""
    count = max(1, round(len(chunk.text) / _WINDOW))
    size = len(chunk.text) / count
    borders, last = [0], len(chunk.sentences)
    for place in range(1, last):
        if len(borders) < count and chunk.sentences[place][0] - chunk.start >= size * len(borders):
            borders.append(place)
    return [
        range(max(0, start - 1), end)
        for start, end in zip(borders, [*borders[1:], last], strict=True)
    ]


def _text(chunk: StoredChunk, sentences: range) -> str:
    start, end = chunk.sentences[sentences[0]][0], chunk.sentences[sentences[-1]][1]
    return chunk.text[start - chunk.start : end - chunk.start]
