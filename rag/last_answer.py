"""Answers about the last answer: in the other language, shorter, simpler; what it rests on."""

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from index.contract import StoredChunk
from index.errors import ChunkRemoved
from index.text.language import Language, detect, is_language, unquoted
from index.text.sentences import split_sentences
from index.text.words import LANGUAGES
from rag import prompts
from rag.draft import Draft
from rag.events import Event, Finished, Found, Searching
from rag.excerpts import Excerpt, focus
from rag.followups import context
from rag.i18n import say
from rag.intent import Intent, Request, kind
from rag.many.items import as_hits, ended, is_prose, own_words
from rag.many.summary import Spoken, further
from rag.named import kinds
from rag.quotation import inside
from rag.retriever import Hit
from rag.verifier import SUPPORTED, Citation, Sentence, cite, is_saying
from rag.writer import Writer

_CHUNKS = 5  # that the sources of an answer are looked for in, and read besides
_MOST = 4  # sentences that "more" adds
_TOO_SHORT = 25  # code points of a sentence that says something by itself
_LONGEST = 2000  # code points of an answer that are looked at


def translate(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """The last answer in the language asked for, each sentence with its own citations."""
    other = "en" if _spoken(draft, request) == "fr" else "fr"
    draft.language = request.language or other
    for sentence in (yield from _recalled(writer, draft, request)):
        if draft.stopped:
            break
        if is_language(sentence.text, draft.language):
            yield from _show(draft, sentence.text, sentence)
        elif own := _own_words(draft, sentence):
            yield from _show(draft, own, sentence)
        elif _quotes(sentence):
            yield from _translated_quote(writer, draft, sentence)
        else:
            yield from _show(draft, *_written(writer, draft, sentence, Intent.TRANSLATE))
    yield from ended(draft)


def shorten(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """The sentences of the last answer that answer most, or one of one sentence in fewer words."""
    draft.language = _spoken(draft, request)
    sentences = yield from _recalled(writer, draft, request)
    wanted = request.number or 1
    if len(sentences) <= wanted:
        yield from _reworded(writer, draft, sentences, Intent.SHORTEN)
        return
    best = sorted(sentences, key=lambda one: one.support, reverse=True)[:wanted]
    for sentence in (one for one in sentences if one in best):
        yield from _show(draft, sentence.text, sentence)
    yield from ended(draft)


def simplify(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """The last answer in plain words, each sentence with its own citations."""
    draft.language = _spoken(draft, request)
    sentences = yield from _recalled(writer, draft, request)
    yield from _reworded(writer, draft, sentences, Intent.SIMPLIFY)


def _reworded(
    writer: Writer, draft: Draft, sentences: Sequence[Sentence], intent: Intent
) -> Iterator[Event]:
    """Each sentence in other words; as it is where those don't stand."""
    for sentence in sentences:
        if not draft.stopped:
            yield from _show(draft, *_written(writer, draft, sentence, intent))
    yield from ended(draft)


def points(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """The last answer, a line a sentence."""
    draft.language = _spoken(draft, request)
    sentences = yield from _recalled(writer, draft, request)
    for sentence in sentences[: request.number]:
        yield from _show(draft, f"- {_bare(sentence.text)}", sentence)
    yield from ended(draft)


def where(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """What the last answer rests on: document, page and the sentence."""
    sentences = yield from _recalled(writer, draft, request)
    for citation in dict.fromkeys(each for one in sentences for each in one.citations):
        yield from draft.show(_place(writer, draft, citation), citation)
    yield from ended(draft)


def sure(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """The evidence for the last answer, how surely it holds, and what further chunks say of it."""
    sentences = yield from _recalled(writer, draft, request)
    if not sentences:
        yield from ended(draft)
        return
    percent = round(100 * min(one.support for one in sentences))
    yield draft.write(say("sure", draft.language, percent=percent, count=len(sentences)))
    for citation in dict.fromkeys(each for one in sentences for each in one.citations[:1]):
        yield from draft.show(_place(writer, draft, citation), citation)
    text = " ".join(sentence.text for sentence in sentences)
    cited = {(each.document, each.passage) for one in sentences for each in one.citations}
    hits = [] if draft.stopped else _found(writer, draft, request, text)
    others = [hit for hit in hits if (hit.chunk.document, hit.chunk.ordinal) not in cited]
    sources = writer.verifier.sources([hit.chunk for hit in others])
    draft.hits = (*draft.hits, *others)
    said = [sources.verify(one.text, detect(one.text, default="fr")) for one in sentences]
    agreeing = [v.citations[0] for v in said if v.support >= SUPPORTED and v.citations]
    for citation in dict.fromkeys(agreeing):
        quote = inside(citation.text, draft.language)
        line = say("sure_also", draft.language, title=citation.title, quote=quote)
        yield from draft.show(line, citation)
    if others and not agreeing:
        yield draft.write(f"\n{say('sure_alone', draft.language, count=len(others))}")
    yield from ended(draft)


def more(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """What the documents say besides, of the subject named or of the last question's."""
    topic = request.text
    said: set[tuple[str, int]] = set()
    if request.history:
        sentences = yield from _recalled(writer, draft, request)
        said = {(each.document, each.start) for one in sentences for each in one.citations}
        if request.aspect != "topic":
            topic = context(request.history, draft.language)
    else:
        yield Searching(draft.language)
    draft.asked = topic
    cited = {document for document, _ in said}
    most = request.number or _MOST
    if len(cited) == 1 and topic != request.text and _of_whole(writer, request):
        told: list[Spoken] = []
        with suppress(ChunkRemoved):
            told = further(writer, cited.pop(), [start for _, start in said], most)
        chunks, new = [each.chunk for each in told], [each.citation for each in told]
        hits: Sequence[Hit] = as_hits(chunks)
    else:
        hits = _found(writer, draft, request, topic)
        if topic != request.text and cited:
            hits = [hit for hit in hits if hit.chunk.document in cited] or hits
        chunks = [hit.chunk for hit in hits]
        new = _besides(writer, draft, hits, said)[:most]
    draft.hits = (*draft.hits, *hits)
    draft.sources = writer.verifier.sources(chunks)
    yield Found(draft.hits)
    for citation in new:
        if not draft.stopped:
            yield from _quote(writer, draft, citation)
    yield from ended(draft)


def _besides(
    writer: Writer, draft: Draft, hits: Sequence[Hit], said: Collection[tuple[str, int]]
) -> list[Citation]:
    """The sentences of the best excerpts that weren't said yet, the telling ones if there are."""
    excerpts = focus(draft.asked, draft.language, hits, writer.store, writer.embedder)
    every = dict.fromkeys(each for excerpt in excerpts for each in _cited(excerpt))
    new = [each for each in every if (each.document, each.start) not in said]
    return [each for each in new if is_prose(each.text) and len(each.text) >= _TOO_SHORT] or new


def _of_whole(writer: Writer, request: Request) -> bool:
    """Whether "more" is asked of a document, which was summed up or is named by its kind."""
    summed = kind(request.history[-1].question, writer.embedder) is Intent.SUMMARY
    return summed or bool(kinds(request.text, *LANGUAGES))


def _cited(excerpt: Excerpt) -> Iterator[Citation]:
    """The sentences of an excerpt that say something."""
    first = excerpt.chunk.text.find(excerpt.text) + excerpt.chunk.start
    for start, end in excerpt.chunk.sentences:
        citation = cite(excerpt.chunk, (start, end))
        if first <= start and end <= first + len(excerpt.text) and is_saying(citation.text):
            yield citation


def _translated_quote(writer: Writer, draft: Draft, sentence: Sentence) -> Iterator[Event]:
    """What a sentence quotes, and a translation of that alone."""
    citation = sentence.citations[0]
    quote = inside(citation.text, draft.language)
    yield from draft.show(say("quote_foreign", draft.language, quote=quote), citation)
    quoted = replace(sentence, text=citation.text)
    text, verified = _written(writer, draft, quoted, Intent.TRANSLATE)
    if text != quoted.text:
        yield from _show(draft, text, verified)


def _quotes(sentence: Sentence) -> bool:
    """Whether a sentence is no more than a quotation with what leads to it."""
    text = sentence.text
    return bool(sentence.citations) and len(unquoted(text)) < len(text) / 2


def _written(
    writer: Writer, draft: Draft, sentence: Sentence, intent: Intent
) -> tuple[str, Sentence]:
    """The model's wording of a sentence, verified against what that cites, with its support.

    The sentence itself where none stands; a translation is shown then too, as one to be checked.
    """
    text = _bare(sentence.text)
    if intent is Intent.TRANSLATE:
        asking = prompts.translating(text, draft.language)
    else:
        asking = prompts.rewording(intent, text, draft.language)
    most = 2 * writer.generator.count(text) + 32
    pieces = writer.generator.stream(asking, max_tokens=most, stop=draft.stop)
    written = "".join(pieces).strip()
    if draft.stopped or "\n" in written or not is_language(written, draft.language):
        return sentence.text, sentence
    verdict = draft.sources.verify(written, draft.language)
    if verdict.support >= SUPPORTED:
        return written, sentence
    if intent is Intent.TRANSLATE:
        unsure = replace(sentence, support=writer.thresholds.translated_support)
        return say("translated", draft.language, text=written), unsure
    return sentence.text, sentence


def _own_words(draft: Draft, sentence: Sentence) -> str:
    """What a sentence cites, where that is in the language of the answer: no need to translate."""
    citation = next(iter(sentence.citations), None)
    if citation is None or draft.foreign(citation):
        return ""
    return say("quote", draft.language, quote=inside(citation.text, draft.language))


def _recalled(
    writer: Writer, draft: Draft, request: Request
) -> Generator[Event, None, list[Sentence]]:
    """The sentences of the last answer that cite something; the draft gets their chunks.

    What an interface doesn't keep is found again: the citations of a text are searched for, and
    where not even that is known, the question is answered.
    """
    yield Searching(draft.language)
    last = request.history[-1]
    sentences = [one for one in last.sentences if one.citations]
    if not sentences and last.answer:
        sentences = _cited_again(writer, draft, request)
    nearest: tuple[Hit, ...] = ()
    if not sentences:
        question = context(request.history, draft.language)
        again = Draft(question, draft.language, draft.stop, draft.sources, asked=question)
        for event in writer.from_documents(again, request.scope):
            if isinstance(event, Finished) and not event.answer.refused:
                sentences = [one for one in event.answer.sentences if one.citations]
        nearest = again.hits
    chunks: dict[tuple[str, int], StoredChunk] = {}
    for document in dict.fromkeys(c.document for one in sentences for c in one.citations):
        chunks |= {(document, each.ordinal): each for each in writer.store.chunks_of(document)}
    places = dict.fromkeys((c.document, c.passage) for one in sentences for c in one.citations)
    draft.hits = as_hits(chunks[place] for place in places if place in chunks) or nearest
    draft.sources = writer.verifier.sources([hit.chunk for hit in draft.hits])
    draft.retrieval = draft.seconds
    yield Found(draft.hits)
    return [
        replace(
            one,
            citations=tuple(
                replace(c, title=chunks[c.document, c.passage].title) for c in one.citations
            ),
        )
        for one in sentences
        if all((c.document, c.passage) in chunks for c in one.citations)
    ]


def _cited_again(writer: Writer, draft: Draft, request: Request) -> list[Sentence]:
    """The sentences of an answer, of which only the text is kept, with what supports them."""
    last = request.history[-1]
    text, spoken = last.answer[:_LONGEST], _spoken(draft, request)
    hits = [hit for each in (last.question, text) for hit in _found(writer, draft, request, each)]
    chunks = {hit.chunk.id: hit.chunk for hit in hits}
    sources = writer.verifier.sources(list(chunks.values()))
    found = []
    for start, end in split_sentences(text, spoken):
        verdict = sources.verify(text[start:end], spoken)
        if verdict.support >= SUPPORTED and verdict.citations:
            found.append(Sentence(text[start:end], start, end, verdict.support, verdict.citations))
    return found


def _found(writer: Writer, draft: Draft, request: Request, text: str) -> list[Hit]:
    with suppress(ChunkRemoved):
        return writer.retriever.search(
            text[:_LONGEST], draft.language, k=_CHUNKS, documents=request.scope
        )
    return []


def _spoken(draft: Draft, request: Request) -> str:
    """The language of the last answer, of the message where nothing tells."""
    default: Language = "en" if draft.language == "en" else "fr"
    return detect(request.history[-1].answer, default=default)


def _place(writer: Writer, draft: Draft, citation: Citation) -> str:
    """Where a citation stands, in words: the document, the page, the sentence."""
    page = None
    with suppress(KeyError):
        page = writer.store.document(citation.document).page(citation.start)
    quote = inside(citation.text, draft.language)
    title = citation.title or citation.document
    form = "where_page" if page else "where"
    return say(form, draft.language, title=title, page=page or 0, quote=quote)


def _quote(writer: Writer, draft: Draft, citation: Citation) -> Iterator[Event]:
    """A line in a document's own words, or translated where they are foreign and that stands."""
    if draft.foreign(citation):
        yield from draft.add("\n- " if draft.text else "- ", own_words(writer, draft, citation))
        return
    quote = inside(citation.text, draft.language)
    yield from draft.show(say("more", draft.language, quote=quote), citation)


def _show(draft: Draft, text: str, sentence: Sentence) -> Iterator[Event]:
    """A line that keeps the citations of a sentence."""
    yield from draft.add("\n" if draft.text else "", replace(sentence, text=text))


def _bare(text: str) -> str:
    """A sentence without the dash of a list."""
    return text.strip().removeprefix("- ").strip()
