"""The few sentences that matter: a small model told less is sooner done and more often right.

Passages are cut into windows of three or four sentences, always the same ones, so that the state in which a model is after
reading one can be kept for the next question. Each sentence of the best passages is scored by the question's words (MaxSim,
arXiv 2004.12832, over stored token vectors); the windows of the best ones are read, each by itself: a small model that reads
several at once mixes them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from index.embedder import Embedder
from index.passages import Span
from index.store import Store, StoredPassage
from rag.retriever import common_direction, unit

_WINDOW = 480  # code points, about 130 tokens: a passage of half as much again is still read whole
_OF_PASSAGE = 0.5  # how much of the whole passage's likeness counts beside the sentence's own


@dataclass(frozen=True)
class Excerpt:
    """A window of a passage.

    `best` are the spans in the document of its sentences that come closest to the question, closest first; `likeness` is that
    of the first: the mean over the question's tokens of their best cosines. Both are empty where no question was asked.
    """

    passage: StoredPassage
    text: str
    likeness: float = 0.0
    best: tuple[Span, ...] = ()


def windows(passage: StoredPassage) -> list[Excerpt]:
    """The windows of a passage; each but the first begins with the last sentence of the one before, which says who "he" is."""
    return [Excerpt(passage, _text(passage, sentences)) for sentences in _cut(passage)]


def focus(question: str, passages: Sequence[StoredPassage], store: Store, embedder: Embedder) -> list[Excerpt]:
    """The windows of the passages, those with the sentences closest to the question first.

    Args:
        question: one that stands alone.
        passages: of `store`.
        store: holds their token vectors.
        embedder: the one that filled the store.
    """
    if not passages:
        return []
    vectors = store.token_vectors([passage.id for passage in passages])
    common = common_direction(embedder)
    asked = unit(embedder.queries([question])[0].tokens - common)
    found: list[tuple[float, Excerpt]] = []
    for passage, (tokens, spans) in zip(passages, vectors, strict=True):
        likeness = asked @ unit(tokens - common).T
        whole = float(likeness.max(axis=1, initial=0).mean()) if len(asked) else 0.0
        seen = 0
        for sentences in _cut(passage):
            scores = {}
            for place in sentences:
                start, end = passage.sentences[place]
                within = (spans[:, 0] < end) & (spans[:, 1] > start)
                scores[place] = float(likeness[:, within].max(axis=1, initial=0).mean()) if len(asked) else 0.0
            order = sorted(scores, key=lambda place: -scores[place])
            own = max(scores[place] for place in sentences if place >= seen)
            seen = sentences[-1] + 1
            best = tuple(passage.sentences[place] for place in order[:2])
            found.append((own + _OF_PASSAGE * whole, Excerpt(passage, _text(passage, sentences), scores[order[0]], best)))
    return [excerpt for _, excerpt in sorted(found, key=lambda scored: -scored[0])]


def _cut(passage: StoredPassage) -> list[range]:
    """The sentences of each window, by their places in the passage."""
    count = max(1, round(len(passage.text) / _WINDOW))
    size = len(passage.text) / count
    borders, last = [0], len(passage.sentences)
    for place in range(1, last):
        if len(borders) < count and passage.sentences[place][0] - passage.start >= size * len(borders):
            borders.append(place)
    return [range(max(0, start - 1), end) for start, end in zip(borders, [*borders[1:], last], strict=True)]


def _text(passage: StoredPassage, sentences: range) -> str:
    start, end = passage.sentences[sentences[0]][0], passage.sentences[sentences[-1]][1]
    return passage.text[start - passage.start : end - passage.start]
