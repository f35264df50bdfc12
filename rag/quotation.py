"""The document's own words, where the model's aren't verified."""

from collections.abc import Sequence

from index.contract import StoredChunk
from index.text.sentences import Span
from index.text.words import fold, phrases
from rag.excerpts import Excerpt
from rag.verifier import Citation, cite, is_saying
from rag.verifier.expected import can_answer, closed, expected, explains
from rag.verifier.facts import facts, holds, name_key, names, title_names, with_spellings

# What a sentence gains that has all names of the question, begins with the first of them where the
# question is who that is, shows a reason where one is asked. Closeness is of the same scale.
_NAMED, _SUBJECT, _REASON = 0.1, 0.05, 0.1


def quotation(excerpts: Sequence[Excerpt], question: str, language: str) -> Citation | None:
    """The sentence closest to the question of those that can answer it; None where none can.

    One of the question's names must be in it, in the sentence before or in the title, and all of
    them in its excerpt; for a yes or a no, which the reader can tell from any sentence on the
    matter, just the one. The sentence before comes along where it is pointed back to, else one
    beside it that is close too.
    """
    named, who = names(question, language), expected(question) == "person"
    found: list[tuple[float, Excerpt, Span]] = []
    for excerpt in excerpts:
        chunk, spoken = excerpt.chunk, excerpt.chunk.language
        title, is_name = title_names(chunk.title, spoken)
        known = title if is_name else ()
        about = with_spellings((*facts(excerpt.text, spoken), *known), named)
        if not closed(question) and not all(holds(about, name) for name in named):
            continue
        for span, closeness in zip(excerpt.best, excerpt.closeness, strict=True):
            text = cite(chunk, span).text
            own = with_spellings(facts(text, spoken), named)
            earlier = before(chunk, span)
            near = facts(cite(chunk, earlier).text, spoken) if earlier else ()
            around = (*own, *known, *with_spellings(near, named))
            if named and not any(holds(around, name) for name in named):
                continue
            if is_saying(text) and can_answer(question, text, spoken):
                opens = who and bool(named) and name_key(text.split()[0]) == named[0].value
                share = sum(holds(own, name) for name in named) / max(len(named), 1)
                gained = _NAMED * share + _SUBJECT * opens + _REASON * explains(question, text)
                found.append((closeness + gained, excerpt, span))
    if not found:
        return None
    _, excerpt, span = max(found, key=lambda each: each[0])
    citation, spans = whole(excerpt.chunk, span), excerpt.chunk.sentences
    if (citation.start, citation.end) == span:
        for beside in excerpt.best:
            together = abs(spans.index(beside) - spans.index(span)) == 1
            if together and is_saying(cite(excerpt.chunk, beside).text):
                return cite(excerpt.chunk, (min(span[0], beside[0]), max(span[1], beside[1])))
    return citation


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
