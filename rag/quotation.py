"""The document's own words, where the model's aren't verified."""

from collections.abc import Sequence

from index.contract import StoredChunk
from index.text.sentences import Span
from index.text.words import fold, phrases
from rag.excerpts import Excerpt
from rag.verifier import Citation, cite, is_saying
from rag.verifier.expected import can_answer, closed
from rag.verifier.facts import facts, holds, names, with_spellings


def quotable(excerpts: Sequence[Excerpt], question: str, language: str) -> list[Citation]:
    """The sentences that can answer, closest to the question first.

    All of the question's names must be in the excerpt or its title, but for a yes or a no, which
    the reader can tell from any sentence on the matter. The sentence before comes along where it is
    pointed back to.
    """
    named = names(question, language)
    found: list[tuple[float, Citation]] = []
    for excerpt in excerpts:
        chunk, spoken = excerpt.chunk, excerpt.chunk.language
        about = with_spellings(facts(f"{chunk.title}\n{excerpt.text}", spoken), named)
        if not closed(question) and not all(holds(about, name) for name in named):
            continue
        for span, closeness in zip(excerpt.best, excerpt.closeness, strict=True):
            text = cite(chunk, span).text
            if is_saying(text) and can_answer(question, text, spoken):
                found.append((closeness, whole(chunk, span)))
    return [citation for _, citation in sorted(found, key=lambda each: -each[0])]


def points_back(text: str) -> bool:
    """Whether a sentence needs the one before it: "This allows ...", "Elle y voit ..."."""
    return phrases("points_back").search(fold(text)) is not None


def before(chunk: StoredChunk, span: Span) -> Span | None:
    """The sentence that stands before one of a chunk; None before the first."""
    place = chunk.sentences.index(span)
    return chunk.sentences[place - 1] if place else None


def whole(chunk: StoredChunk, span: Span) -> Citation:
    """A sentence of a chunk, with the one before it where it points back to that."""
    citation, earlier = cite(chunk, span), before(chunk, span)
    if earlier and points_back(citation.text) and is_saying(cite(chunk, earlier).text):
        return cite(chunk, (earlier[0], span[1]))
    return citation


def inside(text: str, language: str) -> str:
    """A text as it is printed between quotation marks of "fr" or "en": those within it change."""
    return text.translate(
        str.maketrans("«»", "“”") if language == "fr" else str.maketrans("“”", "‘’")
    )
