"""The few sentences that matter: a small model that reads less is sooner done and more often right.

Chunks are cut into windows of three or four sentences, always the same ones, so that the state in
which a model is after reading one can be kept for the next question. The windows that a question's
words pick out (MaxSim, arXiv 2004.12832, over stored token vectors) are read one by one: a small
model that reads several at once mixes them up.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from index.contract import Store, StoredChunk
from index.embedder import Embedder
from index.text.sentences import Span
from rag.retriever import Floats, Hit, common_direction, unit
from rag.verifier.facts import facts, holds, names
from rag.verifier.introduction import introduction

_WINDOW = 480  # code points, about 130 tokens: a chunk of half as much again is still read whole
_NAMED = 0.1  # what a window gains that has all names of the question
_RECENT = 0.06  # what a window of a document gains that the conversation is about
_BEST = 8  # sentences of a window that may be quoted
_ORDER = 20.0  # what the search's order is divided by beside the window's own score


@dataclass(frozen=True)
class Excerpt:
    """A window of a chunk; where a question was asked, with what is known of the two."""

    chunk: StoredChunk
    text: str
    score: float = 0.0  # the hit's, see `rag.retriever.Hit`
    best: tuple[Span, ...] = ()  # of its sentences that are closest to the question
    closeness: tuple[float, ...] = ()  # how far each of them stands out from all that were found


def windows(chunk: StoredChunk) -> list[Excerpt]:
    """The windows of a chunk; each begins with the last sentence of the one before."""
    return [Excerpt(chunk, _text(chunk, sentences)) for sentences in _cut(chunk)]


def focus(
    question: str,
    language: str,
    hits: Sequence[Hit],
    store: Store,
    embedder: Embedder,
    *,
    recent: Collection[str] = (),
) -> list[Excerpt]:
    """The windows of the chunks found, those likeliest to answer first.

    What is in every window says nothing, so a question's token counts by how far its best match in
    a window stands out from the mean over all windows (cubic mean, as `contrast` in
    `rag.retriever.Signals`); the search's own order counts beside it.

    Args:
        question: one that stands alone.
        language: "fr" or "en", of the question.
        hits: chunks of `store`.
        store: holds their token vectors.
        embedder: the one that filled the store.
        recent: names of the documents that the conversation is about.

    Raises:
        ChunkRemoved: a document was removed since it was found.
    """
    if not hits:
        return []
    found = list(_matched(question, hits, store, embedder))
    best = np.stack([sentences.max(axis=1) for _, _, sentences in found], axis=1)
    order = np.array([hit.order for hit, _, _ in found]) / _ORDER
    scores = order + _standing_out(best, best.mean(axis=1, keepdims=True))
    scores += _RECENT * np.array([hit.chunk.document in recent for hit, _, _ in found])
    if wanted := names(question, language):
        for number, (hit, window, _) in enumerate(found):
            own = facts(_text(hit.chunk, window), hit.chunk.language)
            scores[number] += _NAMED * np.mean([holds(own, name) for name in wanted])
    mean = np.concatenate([each for _, _, each in found], axis=1).mean(axis=1, keepdims=True)
    excerpts = []
    for number in np.argsort(-scores, kind="stable"):
        hit, window, sentences = found[number]
        standing = _standing_out(sentences, mean)
        places = np.argsort(-standing, kind="stable")[:_BEST]
        spans = tuple(hit.chunk.sentences[window[place]] for place in places)
        closeness = tuple(standing[places].tolist())
        excerpts.append(Excerpt(hit.chunk, _text(hit.chunk, window), hit.score, spans, closeness))
    return excerpts


def introduced(question: str, language: str, excerpt: Excerpt, store: Store) -> Excerpt:
    """The excerpt, and after it what brings those names of the question that it lacks.

    Args:
        question: one that stands alone.
        language: "fr" or "en", of the question.
        excerpt: of a chunk of `store`.
        store: holds the rest of its document.
    """
    chunk = excerpt.chunk
    own = facts(f"{chunk.title}\n{excerpt.text}", chunk.language)
    lacking = [name for name in names(question, language) if not holds(own, name)]
    brought = [text for text, _ in introduction(chunk.document, lacking, store)]
    return replace(excerpt, text="\n\n".join([excerpt.text, *brought])) if brought else excerpt


def _matched(
    question: str, hits: Sequence[Hit], store: Store, embedder: Embedder
) -> Iterator[tuple[Hit, range, Floats]]:
    """Each window with the cosines of the question's tokens and its sentences, (q, n)."""
    common = common_direction(embedder)
    asked = unit(embedder.embed_queries([question])[0].tokens - common)
    vectors = store.token_vectors([hit.chunk.id for hit in hits])
    for hit, (tokens, spans) in zip(hits, vectors, strict=True):
        similar = asked @ unit(tokens - common).T
        of_sentences = [
            similar[:, (spans[:, 0] < end) & (spans[:, 1] > start)].max(axis=1, initial=0)
            for start, end in hit.chunk.sentences
        ]
        for window in _cut(hit.chunk):
            yield hit, window, np.stack([of_sentences[place] for place in window], axis=1)


def _standing_out(best: Floats, mean: Floats) -> Floats:
    """(n,) the cubic mean over the question's tokens (q, n) of what is above the mean (q, 1)."""
    if not len(best):
        return np.zeros(best.shape[1], np.float32)
    return np.cbrt((np.maximum(best - mean, 0) ** 3).mean(axis=0))


def _cut(chunk: StoredChunk) -> list[range]:
    """The sentences of each window, by their places in the chunk."""
    count = max(1, round(len(chunk.text) / _WINDOW))
    size = len(chunk.text) / count
    borders, last = [0], len(chunk.sentences)
    for place in range(1, last):
        if len(borders) < count and chunk.sentences[place][0] - chunk.start >= size * len(borders):
            borders.append(place)
    ends = [*borders[1:], last]
    return [range(max(0, start - 1), end) for start, end in zip(borders, ends, strict=True)]


def _text(chunk: StoredChunk, sentences: range) -> str:
    start, end = chunk.sentences[sentences[0]][0], chunk.sentences[sentences[-1]][1]
    return chunk.text[start - chunk.start : end - chunk.start]
