"""Writes an answer: searches, lets the model read excerpts, verifies each sentence, or declines."""

import threading
from collections.abc import Collection, Iterator, Sequence

from index.contract import Store
from index.embedder import Embedder
from index.errors import ChunkRemoved
from index.text.language import is_language
from index.text.sentences import SentenceStream, Span, split_sentences
from rag import confidence, prompts
from rag.confidence import THRESHOLDS, Evidence
from rag.draft import Draft, Outcome
from rag.events import Event, Found
from rag.excerpts import Excerpt, focus
from rag.i18n import say
from rag.llm.base import Generator, Message
from rag.quotation import inside, points_back, quotation
from rag.retriever import Hit, Retriever
from rag.verifier import SUPPORTED, Citation, Sentence, Sources, Verifier
from rag.verifier import reason as reason_in
from rag.verifier.expected import closed, explains
from rag.verifier.facts import facts, negated


class Writer:
    """Writes from the documents of one store, `passages` chunks of them a question."""

    def __init__(
        self, store: Store, embedder: Embedder, generator: Generator, *, passages: int = 5
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.generator = generator
        self.thresholds = THRESHOLDS
        self.passages = passages
        self.retriever = Retriever(store, embedder)
        self.verifier = Verifier(store, embedder)

    def from_documents(self, draft: Draft, documents: Collection[str] | None) -> Iterator[Event]:
        """Answer `draft.asked` from the documents' content."""
        try:
            found = self.find(draft.asked, draft.language, documents, draft.also)
        except ChunkRemoved:  # now it isn't found any more
            found = self.find(draft.asked, draft.language, documents, draft.also)
        draft.hits, excerpts, draft.sources = found
        draft.retrieval = draft.seconds
        yield Found(draft.hits)
        yield from self._from_excerpts(draft, excerpts)

    def find(
        self, asked: str, language: str, documents: Collection[str] | None, also: Sequence[str] = ()
    ) -> tuple[tuple[Hit, ...], list[Excerpt], Sources]:
        """The hits to answer from, excerpts of them to read, their sentences to verify against.

        What `also` may be meant is searched as well.

        Raises:
            UserError: `document_unknown` (name).
            ChunkRemoved: a document was removed in the middle of it.
        """
        found = self.retriever.search(asked, language, k=self.passages, documents=documents)
        for other in also:
            new = self.retriever.search(other, language, k=self.passages, documents=documents)
            there = {hit.chunk.id for hit in found}
            found += [hit for hit in new if hit.chunk.id not in there]
        excerpts = focus(asked, language, found, self.store, self.embedder)
        excerpts = excerpts[: self.thresholds.excerpts]
        read = {excerpt.chunk.id for excerpt in excerpts}
        hits = tuple(hit for hit in found if hit.chunk.id in read)
        known = [fact for fact in facts(asked, language) if not fact.opening]
        chunks, denied = [hit.chunk for hit in hits], negated(asked, language)
        return hits, excerpts, self.verifier.sources(chunks, known, denied=denied)

    def _from_excerpts(self, draft: Draft, excerpts: Sequence[Excerpt]) -> Iterator[Event]:
        """Write from one excerpt after the other until what was written is supported."""
        answerable = relevance = 0.0
        written: list[Excerpt] = []
        # What an excerpt doesn't hold is the model's own knowledge or a mix-up: the next is tried.
        for evidence, excerpt, asked in self._promising(draft, excerpts):
            draft.asked = asked
            likely = confidence.answerable(evidence)
            if not written and likely > answerable:
                draft.evidence = evidence
            answerable = max(answerable, likely)
            if draft.stopped or likely < self.thresholds.answerable:
                continue
            draft.evidence = evidence
            written.append(excerpt)
            relevance = max(relevance, confidence.relevance(evidence))
            yield from self.write(draft, excerpt)
            if draft.outcome() is not Outcome.UNSUPPORTED:
                break
        if draft.stopped:
            yield draft.finish(answerable)
        elif draft.outcome() is Outcome.ANSWERED:
            draft.drop_unsupported()
            yield draft.finish(answerable)
        else:
            likely = max(answerable, relevance) if closed(draft.asked) else answerable
            if quoted := self._to_quote(draft, written, likely):
                yield from self.quote(draft, quoted)
                yield draft.finish(answerable)
            else:
                closest = quotation(written, draft.asked, draft.language)
                yield from draft.refuse(answerable, closest)

    def _promising(
        self, draft: Draft, excerpts: Sequence[Excerpt]
    ) -> Iterator[tuple[Evidence, Excerpt, str]]:
        """Excerpts as they are read: a relevant one at once, else the most relevant of all.

        Each comes with the likeliest that the question may mean of what it answers.
        """
        others: list[tuple[Evidence, Excerpt, str]] = []
        meant = [draft.asked, *draft.also]
        for excerpt in excerpts:
            readings: list[tuple[Evidence, Excerpt, str]] = []
            for asked in meant:
                evidence = self.read(asked, draft.language, excerpt, draft.stop)
                readings.append((evidence, excerpt, asked))
                if confidence.relevance(evidence) >= self.thresholds.relevant:
                    break
            if draft.stopped:  # the reading was interrupted and says nothing
                break
            best = max(readings, key=lambda each: confidence.relevance(each[0]))
            if confidence.relevance(best[0]) >= self.thresholds.relevant:
                yield best
            else:
                others.append(best)
        yield from sorted(others, key=lambda each: confidence.relevance(each[0]), reverse=True)

    def read(
        self, asked: str, language: str, excerpt: Excerpt, stop: threading.Event | None = None
    ) -> Evidence:
        """What is known of a question and an excerpt once the model has read it."""
        # A state on disk is of the excerpt alone: the instruction is read first.
        for beginning in (prompts.instruction(), prompts.beginning(excerpt)):
            self.generator.prepare(beginning, stop=stop)
        options = [prompts.OPENINGS[each][place] for place in (0, 1) for each in ("fr", "en")]
        asking = prompts.answering(asked, excerpt, language)
        odds = self.generator.choose(asking, options, stop=stop)
        return Evidence(excerpt.score, sum(odds[:2]), excerpt.chunk.language != language)

    def answers(self, question: str, language: str) -> bool:
        """Whether the model, reading the likeliest excerpt, finds that it answers a question."""
        _, excerpts, _ = self.find(question, language, None)
        known = [self.read(question, language, excerpt) for excerpt in excerpts[:1]]
        return any(confidence.relevance(each) >= self.thresholds.relevant for each in known)

    def write(self, draft: Draft, excerpt: Excerpt) -> Iterator[Event]:
        """Write from an excerpt, once more where the first text is in another language."""
        for insist in (False, True):
            yield from draft.restart()
            asking = prompts.answering(draft.asked, excerpt, draft.language, insist=insist)
            yield from self.stream(draft, asking)
            if draft.stopped or not draft.text or is_language(draft.text, draft.language):
                break

    def stream(self, draft: Draft, asking: Sequence[Message]) -> Iterator[Event]:
        """Stream the model's answer into the draft, verifying each sentence once it is whole."""
        sentences = SentenceStream(draft.language)
        begin = prompts.OPENINGS[draft.language][0]
        for written in self.generator.stream(asking, begin=begin, stop=draft.stop):
            if piece := written if draft.text else written.lstrip():
                draft.tokens += 1
                yield draft.write(piece)
                for span in sentences.feed(piece):
                    yield draft.keep(self.verified(draft, span))
        for span in sentences.close():
            yield draft.keep(self.verified(draft, span))

    def verified(self, draft: Draft, span: Span) -> Sentence:
        """A sentence of the draft with what supports it: nothing where Stop came before."""
        text = draft.text[span[0] : span[1]]
        unchecked = Sentence(text, *span, 0.0, ())
        if draft.stopped:
            return unchecked
        limits = self.thresholds
        verdict = draft.sources.verify(text, draft.language)
        support, citations = verdict.support, verdict.citations
        if draft.sentences and not draft.sentences[-1].citations and points_back(text):
            support, citations = min(support, limits.unstated_support), ()
        rounds = draft.rounds(text, citations)
        if rounds or (citations and draft.paraphrases(text, citations)):
            stated = 0.0
            if not rounds and draft.foreign(citations[0]):
                source = " ".join(citation.text for citation in citations)
                stated = states(self.generator, source, text, draft.stop)
                if draft.stopped:
                    return unchecked
            if stated >= (limits.stated if support >= SUPPORTED else limits.stated_alone):
                support = min(max(support, SUPPORTED), limits.foreign_support)
            elif support >= SUPPORTED or stated >= limits.stated:
                support = limits.unstated_support
                draft.paraphrased.append(draft.quotable(citations))
        return Sentence(text, *span, support, citations if support >= SUPPORTED else ())

    def _to_quote(
        self, draft: Draft, excerpts: Sequence[Excerpt], likely: float
    ) -> Citation | None:
        """What to quote in place of the model's words, as likely as the documents answer."""
        meant = [
            each
            for each in draft.paraphrased
            if (likely >= self.thresholds.paraphrased or not draft.foreign(each))
            and draft.can_answer(each)
        ]
        explained = next((each for each in meant if explains(draft.asked, each.text)), None)
        if explained is None and likely >= self.thresholds.closest:
            explained = quotation(excerpts, draft.asked, draft.language)
        return explained or next(iter(meant), None)

    def quote(self, draft: Draft, citation: Citation) -> Iterator[Event]:
        """Show a document's own words, and where they are foreign a translation."""
        yield from draft.restart()
        foreign, quote = draft.foreign(citation), inside(citation.text, draft.language)
        said = say("quote_foreign" if foreign else "quote", draft.language, quote=quote)
        yield from draft.show(said, citation)
        if foreign and (translation := self.translation(draft, citation)):
            said = say("translated", draft.language, text=translation)
            yield from draft.show(said, citation, self.thresholds.translated_support)

    def translation(self, draft: Draft, quoted: Citation) -> str:
        """What was quoted in the language of the answer; "" where that can't be verified."""
        asking = prompts.translating(quoted.text, draft.language)
        most = 2 * self.generator.count(quoted.text) + 32
        text = "".join(self.generator.stream(asking, max_tokens=most, stop=draft.stop)).strip()
        spans = split_sentences(text, draft.language)
        if draft.stopped or not spans or "\n" in text or not is_language(text, draft.language):
            return ""
        for start, end in spans:
            verdict = draft.sources.verify(text[start:end], draft.language)
            within = any(
                first.document == quoted.document and quoted.start <= first.start < quoted.end
                for first in verdict.citations[:1]
            )
            if verdict.support < self.thresholds.translated or not within:
                return ""
        return text


def states(
    generator: Generator, source: str, text: str, stop: threading.Event | None = None
) -> float:
    """The model's probability (0..1) that a source states a sentence, and the reason in it.

    Args:
        generator: asked of the two alone.
        source: in either language.
        text: the sentence.
        stop: set it to leave off; what comes back then means nothing.
    """
    generator.prepare(prompts.check(), stop=stop)  # stays, also where room is short
    statements = (text, given) if (given := reason_in(text)) else (text,)
    asking = [prompts.checking(statement, source) for statement in statements]
    return min(generator.choose(each, prompts.OPENINGS["en"], stop=stop)[0] for each in asking)
