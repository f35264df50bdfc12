"""A summary in the documents' own words: what a small model makes of a whole is seldom true."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from index.contract import Store, StoredChunk
from rag.draft import Draft
from rag.events import Event, Found
from rag.i18n import say
from rag.quotation import inside
from rag.retriever import Hit, check_names
from rag.verifier.support import Citation, cite

_PARTS = 6  # sentences of a summary


def parts(store: Store, documents: Collection[str] | None) -> list[Hit]:
    """Of each part of the documents, in order, the chunk closest to what the part is about.

    Raises:
        UserError: `document_unknown` (name).
        ChunkRemoved: a document was removed in the middle of it.
    """
    check_names(store, documents)
    listed = [info for info in store.documents() if documents is None or info.name in documents]
    listed, found = listed[:_PARTS], []
    for info in listed:
        chunks = store.chunks_of(info.name)
        count = max(1, min(len(chunks), _PARTS // len(listed)))
        for part in np.array_split(np.arange(len(chunks)), count) if chunks else ():
            vectors = store.vectors([chunks[number].id for number in part])
            likeness = vectors @ vectors.mean(axis=0)
            closest = chunks[part[likeness.argmax()]]
            found.append(Hit(closest, 1.0, float(likeness.max()), 0.0, 0.0))
    return found


def summarise(draft: Draft, hits: Sequence[Hit]) -> Iterator[Event]:
    """Show a sentence of each of these parts."""
    draft.hits = tuple(hits)
    draft.retrieval = draft.seconds
    yield Found(draft.hits)
    for hit in hits:
        citation = _opening(hit.chunk)
        form = "part" if hit.chunk.language == draft.language else "part_foreign"
        quote = inside(citation.text, draft.language)
        yield from draft.show(say(form, draft.language, quote=quote), citation)
    if hits:
        yield draft.finish(1.0)
    else:
        yield from draft.refuse(0.0)


def _opening(chunk: StoredChunk) -> Citation:
    """The first sentence of a chunk that is no heading."""
    cited = [cite(chunk, span) for span in chunk.sentences]
    return next((citation for citation in cited if not citation.text.startswith("#")), cited[0])
