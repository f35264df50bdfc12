"""The library as a picture: every passage a point, like passages near each other."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from index.contract import StoredChunk
    from rag.library import Library

_MOST = 2000  # points; of a larger library a part of each document is shown
_PREVIEW = 160  # code points


def points(library: "Library", question: str = "") -> dict[str, Any]:
    """Passages, and a question, on the two axes along which the passages' vectors differ most.

    Args:
        library: whose passages; of more than `_MOST`, evenly chosen ones.
        question: placed by its vector too, unless it is empty.

    Returns:
        `documents` (names), `points` ([x, y, number of the document, start, end, beginning of the
        text], both axes 0..1), `question` ([x, y] or None), `all` (how many passages there are).
    """
    known = [info for info in library.store.documents() if info.chunks]
    total = sum(info.chunks for info in known)
    every = max(1, -(-total // _MOST))
    shown = known[:: max(1, len(known) // _MOST)]
    found: list[tuple[int, StoredChunk]] = []
    for number, info in enumerate(shown):
        found += [(number, passage) for passage in library.store.chunks_of(info.name)[::every]]
    found = found[:_MOST]
    if len(found) < 2:
        return {"documents": [], "points": [], "question": None, "all": total}
    vectors = library.store.vectors([passage.id for _, passage in found])
    mean = vectors.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(vectors - mean, rowvar=False))
    flat = (vectors - mean) @ axes[:, :-3:-1]
    low, high = flat.min(axis=0), flat.max(axis=0)
    placed = (flat - low) / np.maximum(high - low, 1e-9)
    asked = None
    if question:  # clipped: it lies a little apart from passages
        flat = (library.embedder.embed_queries([question])[0].vector - mean) @ axes[:, :-3:-1]
        asked = np.clip((flat - low) / np.maximum(high - low, 1e-9), 0, 1).round(4).tolist()
    return {
        "documents": [info.name for info in shown],
        "points": [
            [*place, number, passage.start, passage.end, passage.text[:_PREVIEW]]
            for place, (number, passage) in zip(placed.round(4).tolist(), found, strict=True)
        ],
        "question": asked,
        "all": total,
    }
