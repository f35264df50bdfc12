"""Items of an answer over many excerpts: where they come from, how doubles are merged."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from index.byline import is_byline
from index.contract import DocumentInfo, Store, StoredChunk
from index.errors import ChunkRemoved
from index.text.language import is_language
from index.text.words import terms
from rag import confidence
from rag.draft import Draft
from rag.events import Delta, Event, Found, Grounded, Reading
from rag.excerpts import Excerpt, focus
from rag.i18n import say
from rag.intent import Request
from rag.many.records import MARKS
from rag.quotation import inside, quotable
from rag.retriever import Hit, check_names
from rag.verifier import SUPPORTED, Citation, Sentence, cite
from rag.verifier.expected import echoes
from rag.verifier.facts import facts, holds, names, negated
from rag.writer import Writer

_ALIKE = 0.8  # share of the shorter item's words that make two items doubles
_WORDED = 0.6  # share of the words of a text that a sentence has which it puts otherwise


def in_scope(store: Store, request: Request) -> list[DocumentInfo]:
    """The documents that a request names, else those it may use.

    Raises:
        UserError: `document_unknown` (name).
    """
    chosen = request.documents or request.scope
    check_names(store, chosen)
    return [info for info in store.documents() if chosen is None or info.name in chosen]


def likely(
    writer: Writer, draft: Draft, documents: Collection[str] | None = None, chunks: int = 40
) -> list[str]:
    """The documents that say most of what is asked, by their likeliest chunks, the best first."""
    hits = writer.retriever.search(draft.asked, draft.language, k=chunks, documents=documents)
    return list(dict.fromkeys(hit.chunk.document for hit in hits))


def best(
    writer: Writer, asked: str, language: str, most: int, documents: Collection[str] | None
) -> list[tuple[Hit, Excerpt]]:
    """The `most` windows likeliest to say something of what is asked, each with its hit.

    Where some of them have a name of the question, or their titles have it, those alone count.
    """
    try:
        hits, windows = _searched(writer, asked, language, most, documents)
    except ChunkRemoved:  # now it isn't found any more
        hits, windows = _searched(writer, asked, language, most, documents)
    by_chunk = {hit.chunk.id: hit for hit in hits}
    known = [
        (window, facts(f"{window.chunk.title}\n{window.text}", window.chunk.language))
        for window in windows
    ]
    for name in names(asked, language):
        known = [each for each in known if holds(each[1], name)] or known
    return [(by_chunk[window.chunk.id], window) for window, _ in known[:most]]


def _searched(
    writer: Writer, asked: str, language: str, most: int, documents: Collection[str] | None
) -> tuple[list[Hit], list[Excerpt]]:
    hits = writer.retriever.search(asked, language, k=most, documents=documents)
    return hits, focus(asked, language, hits, writer.store, writer.embedder)


def written(
    writer: Writer, draft: Draft, asked: str, hit: Hit, excerpt: Excerpt
) -> Iterator[Sentence]:
    """What the model says to `asked` from one excerpt: each sentence once it is verified.

    The document's own words where the model's are put too freely, those with its figures and
    names where it puts these otherwise, none where it says nothing.
    Closing the iterator stops the model.
    """
    evidence = writer.reading(draft, asked, excerpt)
    if draft.stopped or confidence.relevance(evidence) < writer.thresholds.relevant:
        return
    known = [fact for fact in facts(asked, draft.language) if not fact.opening]
    denied = negated(asked, draft.language)
    sources = writer.verifier.sources([excerpt.chunk], known, denied=denied)
    apart = Draft(asked, draft.language, draft.stop, sources, asked, hits=(hit,))
    stands = 0
    for event in writer.write(apart, excerpt):
        draft.tokens += isinstance(event, Delta)
        if isinstance(event, Grounded) and _stands(event.sentence, asked, draft.language):
            stands += 1
            yield replace(event.sentence, text=plain(event.sentence.text))
    if not stands and not draft.stopped:
        meant = apart.paraphrased or _meant(apart, excerpt)
        yield from (own_words(writer, apart, each) for each in meant[:1])


def _meant(draft: Draft, excerpt: Excerpt) -> list[Citation]:
    """The sentences that have what was written beyond the question: its figures and names, or
    where it has none most of its words; the likeliest first."""
    asked = facts(draft.asked, draft.language)
    own = [each for each in facts(draft.text, draft.language) if not holds(asked, each)]
    given = [each for each in own if each.kind in ("number", "name")]
    said = set(terms(draft.text, draft.language)) - set(terms(draft.asked, draft.language))
    found = list[Citation]()
    for each in quotable([excerpt], draft.asked, draft.language):
        language = excerpt.chunk.language
        there, words = facts(each.text, language), set(terms(each.text, language))
        some = any(holds(there, fact) for fact in given)
        every = all(fact.opening or holds(there, fact) for fact in given)
        worded = len(said & words) >= _WORDED * max(len(said), 1) if not given else some and every
        if worded and (is_prose(each.text) or ";" in each.text):  # no heading
            found.append(each)
    return found


def _stands(sentence: Sentence, asked: str, language: str) -> bool:
    """Whether a sentence is supported, says more than the question and is in the language."""
    return (
        sentence.support >= SUPPORTED
        and not echoes(asked, sentence.text, language)
        and is_language(sentence.text, language)
    )


def own_words(writer: Writer, draft: Draft, citation: Citation) -> Sentence:
    """A sentence of a document as an item: as it stands, or translated where that is verified."""
    text, support = plain(citation.text), 1.0
    if draft.foreign(citation):
        translation, support = writer.translation(draft, citation)
        if support >= SUPPORTED:
            text = plain(translation)
        elif translation:
            text = say("translated", draft.language, text=plain(translation))
        else:
            text, support = say("in_other", draft.language, quote=inside(text, draft.language)), 1.0
    return item(text, (citation,), support)


def item(text: str, citations: tuple[Citation, ...], support: float = 1.0) -> Sentence:
    """A sentence that has no place in an answer yet."""
    return Sentence(text, 0, len(text), support, citations)


def put(draft: Draft, new: Sentence, lead: str) -> Iterator[Event]:
    """Add an item after `lead`, or its sources to the item that says the same."""
    for number, earlier in enumerate(draft.sentences):
        if _same(earlier.text, new.text, draft.language):
            more = tuple(each for each in new.citations if each not in earlier.citations)
            draft.sentences[number] = replace(earlier, citations=(*earlier.citations, *more))
            return
    yield from draft.add(lead if draft.text else lead.lstrip("\n"), new)


def _same(one: str, other: str, language: str) -> bool:
    """Whether two items say the same: most words of the shorter, and the same figures."""
    own, others = set(terms(one, language)), set(terms(other, language))
    figures = {word for word in own ^ others if word[0].isdigit()}
    least = min(len(own), len(others))
    return not figures and len(own & others) >= max(_ALIKE * least, 1)


def plain(text: str) -> str:
    """A sentence on one line, without a mark of a list before it, marks of emphasis, and those that
    part cells."""
    words = text.replace("|", "/").replace("**", "").split()
    return " ".join(words[1:] if words and words[0] in MARKS else words)


def is_prose(text: str) -> bool:
    """Whether a sentence of a document is one, no row of a table, no title and no byline."""
    row = all(": " in cell for cell in text.split("; "))
    ends = text.rstrip('"”»)* ').endswith((".", "!", "?", "…"))
    return ends and not (row and ";" in text) and not is_byline(text)


def header(columns: Sequence[str]) -> str:
    """The first two lines of a table in Markdown; one of the columns may have no name."""
    names = "".join(f"| {heading(name)} " if name else "| " for name in columns)
    return f"{names}|\n|{' --- |' * len(columns)}"


def row(draft: Draft, columns: Sequence[str], name: str) -> str:
    """What begins a row of a table, with the header before the first."""
    return f"{'' if draft.text else header(['', *columns])}\n| {heading(name)} |"


def fill(draft: Draft, lead: str, said: Sentence | None) -> Iterator[Event]:
    """Add a cell after `lead`, which begins the row or is empty."""
    if said is None:
        yield draft.write(f"{lead} {say('says_nothing', draft.language)} |")
    else:
        yield from draft.add(f"{lead} ", said)
        yield draft.write(" |")


def heading(text: str) -> str:
    """A name of a row or a column."""
    text = plain(text)
    return text[:1].upper() + text[1:]


def sentence_at(store: Store, document: str, place: int) -> tuple[StoredChunk, Citation] | None:
    """The chunk and the sentence at a place of a document; None where it is gone."""
    for chunk in store.chunks_of(document):
        spans = (span for span in chunk.sentences if span[1] > place)
        if chunk.start <= place < chunk.end and (span := next(spans, None)):
            return chunk, cite(chunk, span)
    return None


def found(draft: Draft, chunks: Iterable[StoredChunk]) -> Iterator[Event]:
    """Tell that chunks were found without a search."""
    draft.hits = as_hits(chunks)
    draft.retrieval = draft.seconds
    yield Found(draft.hits)


def lines(
    writer: Writer, draft: Draft, told: Sequence[tuple[str, StoredChunk, Citation]]
) -> Iterator[Event]:
    """The answer that sentences of documents make, each with its lead and its chunk."""
    yield from sourced(writer, draft, (chunk for _, chunk, _ in told))
    for number, (lead, _, citation) in enumerate(told, 1):
        yield Reading(number, len(told))
        yield from put(draft, own_words(writer, draft, citation), lead)
        if draft.stopped:
            break
    yield draft.finish(1.0)


def sourced(writer: Writer, draft: Draft, chunks: Iterable[StoredChunk]) -> Iterator[Event]:
    """As `found`, where translations are verified against the chunks."""
    yield from found(draft, chunks)
    draft.sources = writer.verifier.sources([hit.chunk for hit in draft.hits])


def ended(draft: Draft) -> Iterator[Event]:
    """The answer as it stands; a refusal where nothing was said."""
    if draft.text or draft.stopped:
        yield draft.finish(1.0 if draft.sentences else 0.0)
    else:
        yield from draft.refuse(0.0)


def as_hits(chunks: Iterable[StoredChunk]) -> tuple[Hit, ...]:
    """Chunks that are read without a search, as hits, each once."""
    once = {chunk.id: chunk for chunk in chunks}
    return tuple(Hit(chunk, 1.0, 1.0, 0.0, 1.0) for chunk in once.values())
