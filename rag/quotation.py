"""The document's own words, where the model's don't stand."""

import re
from collections.abc import Sequence

from index.contract import StoredChunk
from index.text.sentences import Span
from rag.excerpts import Excerpt
from rag.verifier.expected import can_answer, closed, expected, explains
from rag.verifier.facts import facts, holds, name_key, names
from rag.verifier.support import Citation, cite, is_order, subject, with_spellings

_BACK = re.compile(
    r"^(?:ils?|elles?|lui|leurs?|cela|ceci|c['’]est|celui-ci|celle-ci|ceux-ci|cette?|ces?|ainsi|it|he|she|they|this|that|these|those)\b"
    r"|\b(?:y (?:voit|voient|est|sont|a|ont)|en (?:est|sont|fait|font))\b",
    re.IGNORECASE,
)
# What a sentence gains that has all names of the question, begins with the first of them, shows a reason where one is asked.
_NAMED, _SUBJECT, _REASON = 0.1, 0.05, 0.1


def quotation(excerpts: Sequence[Excerpt], question: str, language: str) -> Citation | None:
    """The sentence of the excerpts that comes closest to the question, of those that can answer it; None where none can.

    It must have what the question asks for (a figure, a date, the longest of its kind). One of the question's names must be in it,
    in the sentence before or what its document is about, and all near it; for a yes or a no, which the reader can tell from any
    sentence on the matter, just the one. Asked who somebody is, a sentence that begins with the name goes first. The sentence
    before comes along where it is pointed back to, else one beside it that is close too.
    """
    named, who = names(question, language), expected(question) == "person"
    found: list[tuple[float, Excerpt, Span]] = []
    for excerpt in excerpts:
        own_language, known = excerpt.chunk.language, subject(excerpt.chunk)
        about = with_spellings((*facts(excerpt.text, own_language), *known), named)
        if not closed(question) and not all(holds(about, name) for name in named):
            continue
        for span, closeness in zip(excerpt.best, excerpt.closeness, strict=True):
            text = cite(excerpt.chunk, span).text
            own = with_spellings(facts(text, own_language), named)
            held = [holds(own, name) for name in named]
            earlier = before(excerpt.chunk, span)
            near = facts(cite(excerpt.chunk, earlier).text, own_language) if earlier else ()
            around = (*own, *known, *with_spellings(near, named))
            spoken = not named or any(holds(around, name) for name in named)
            if _sayable(text) and spoken and can_answer(question, text, own_language):
                opens = who and bool(named) and name_key(text.split()[0]) == named[0].value
                gained = (
                    _NAMED * sum(held) / max(len(held), 1)
                    + _SUBJECT * opens
                    + _REASON * explains(question, text)
                )
                found.append((closeness + gained, excerpt, span))
    if not found:
        return None
    _, excerpt, span = max(found, key=lambda each: each[0])
    citation, spans = whole(excerpt.chunk, span), excerpt.chunk.sentences
    for beside in excerpt.best if (citation.start, citation.end) == span else ():
        if abs(spans.index(beside) - spans.index(span)) == 1 and _sayable(
            cite(excerpt.chunk, beside).text
        ):
            return cite(excerpt.chunk, (min(span[0], beside[0]), max(span[1], beside[1])))
    return citation


def points_back(text: str) -> bool:
    """Whether a sentence can't be understood without the one before it: "This allows ...", "Elle y voit ..."."""
    return _BACK.search(text) is not None


def before(chunk: StoredChunk, span: Span) -> Span | None:
    """The sentence that stands before one of a passage; None before the first."""
    place = chunk.sentences.index(span)
    return chunk.sentences[place - 1] if place else None


def whole(chunk: StoredChunk, span: Span) -> Citation:
    """A sentence of a passage, with the one before it where it points back to that: "She sees a strength in it."."""
    citation, earlier = cite(chunk, span), before(chunk, span)
    if earlier and points_back(citation.text):
        both = cite(chunk, (earlier[0], span[1]))
        return both if _sayable(both.text) else citation
    return citation


def inside(text: str, language: str) -> str:
    """A text as it is printed between quotation marks of "fr" or "en": those within it give way."""
    return text.translate(
        str.maketrans("«»", "“”") if language == "fr" else str.maketrans("“”", "‘’")
    )


def _sayable(text: str) -> bool:
    """Whether a sentence says something of the world: a heading doesn't, nor does an order to an assistant."""
    return not text.startswith("#") and not is_order(text)
