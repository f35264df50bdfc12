"""A summary in the documents' own words: what a small model makes of a whole is seldom true."""

from collections.abc import Collection, Iterator
from contextlib import suppress

import numpy as np

from index.contract import Store, StoredChunk
from index.errors import ChunkRemoved
from rag.draft import Draft
from rag.events import Event, Found
from rag.i18n import say
from rag.intent import Request
from rag.quotation import inside
from rag.retriever import Hit, check_names
from rag.verifier import Citation, cite
from rag.writer import Writer

_PARTS = 6  # sentences of a summary


def parts(store: Store, documents: Collection[str] | None) -> list[Hit]:
    """Of each part of the documents, in order, the chunk closest to what the part is about.

    Raises:
        UserError: `document_unknown` (name).
    """
    check_names(store, documents)
    listed = [info for info in store.documents() if documents is None or info.name in documents]
    listed, found = listed[:_PARTS], []
    for info in listed:
        if not (chunks := store.chunks_of(info.name)):  # removed since it was listed
            continue
        count = min(len(chunks), max(1, _PARTS // len(listed)))
        with suppress(ChunkRemoved):
            for part in np.array_split(np.arange(len(chunks)), count):
                vectors = store.vectors([chunks[number].id for number in part])
                likeness = vectors @ vectors.mean(axis=0)
                closest = chunks[part[likeness.argmax()]]
                found.append(Hit(closest, 1.0, float(likeness.max()), 0.0, 0.0))
    return found


def summarise(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Show a sentence of each part of the documents."""
    hits = parts(writer.store, request.documents or request.scope)
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
