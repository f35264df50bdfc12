"""Where a document names whom and what it is about, for its other parts, which don't."""

from collections.abc import Iterator, Sequence
from itertools import islice

from index.contract import Store
from rag.verifier.facts import facts, holds
from rag.verifier.figures import Fact

_CHUNKS = 3  # of a document: its beginning, where its names are looked for
_LONGEST = 300  # code points of a sentence that brings one


def introduction(
    document: str, names: Sequence[Fact], store: Store
) -> Iterator[tuple[str, tuple[Fact, ...]]]:
    """The sentences at a document's beginning that bring these names, the first of each, and facts.

    Letters, contracts and reports say once whom they are of: read by itself, "The rent is £1,150"
    isn't of the flat that was asked about.
    """
    lacking = list(names)
    for chunk in islice(store.chunks_of(document), _CHUNKS) if lacking else ():
        for start, end in chunk.sentences:
            text = chunk.text[start - chunk.start : end - chunk.start]
            if not lacking or len(text) > _LONGEST or text.startswith("#"):
                continue
            there = facts(text, chunk.language)
            if any(holds(there, name) for name in lacking):
                lacking = [name for name in lacking if not holds(there, name)]
                yield text, there
