"""Writes an answer: searches, lets the model read excerpts, verifies each sentence, or declines."""

import threading
from collections.abc import Collection, Iterator, Sequence

from index.errors import ChunkRemoved
from index.text.language import is_language
from index.text.sentences import SentenceStream, Span, split_sentences
from rag import confidence, prompts
from rag.draft import Draft, Outcome
from rag.events import Event, Found
from rag.excerpts import Excerpt
from rag.i18n import say
from rag.llm.base import Generator, Message
from rag.quotation import inside, points_back, quotable
from rag.reader import Reader
from rag.verifier import SUPPORTED, Citation, Sentence
from rag.verifier import reason as reason_in
from rag.verifier.expected import closed, explains
from rag.verifier.facts import facts, holds

_SENTENCES = 3  # that are read one by one where no answer was supported


class Writer(Reader):
    """Writes from the documents of one store, `passages` chunks of them a question."""

    def from_documents(self, draft: Draft, documents: Collection[str] | None) -> Iterator[Event]:
        """Answer `draft.asked` from the documents' content."""
        draft.documents = documents
        try:
            found = self.find(
                draft.asked, draft.language, documents, draft.also, recent=draft.recent
            )
        except ChunkRemoved:  # now it isn't found any more
            found = self.find(
                draft.asked, draft.language, documents, draft.also, recent=draft.recent
            )
        draft.hits, excerpts, draft.sources = found
        draft.retrieval = draft.seconds
        yield Found(draft.hits)
        yield from self._from_excerpts(draft, excerpts)

    def _from_excerpts(self, draft: Draft, excerpts: Sequence[Excerpt]) -> Iterator[Event]:
        """Write from one excerpt after the other until what was written is supported, or the
        model is sure of one.
        """
        answerable = relevance = 0.0
        outcome = Outcome.UNSUPPORTED
        written: list[Excerpt] = []
        # What an excerpt doesn't hold is the model's own knowledge or a mix-up: the next is tried.
        for evidence, excerpt, asked in self.promising(draft, excerpts):
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
            outcome = self._outcome(draft, likely)
            if outcome is not Outcome.UNSUPPORTED or self._surely(draft, excerpt):
                break
        if draft.stopped:
            yield draft.finish(answerable)
        elif outcome is Outcome.ANSWERED:
            draft.drop_unsupported()
            yield draft.finish(answerable)
        else:
            likely = max(answerable, relevance) if closed(draft.asked) else answerable
            near = quotable(written, draft.asked, draft.language)
            if quoted := self._to_quote(draft, near, likely):
                yield from self.quote(draft, quoted)
                yield draft.finish(answerable)
            else:
                closest = next(iter(near), None)
                further = self._translated(draft, closest) if closest else ()
                yield from draft.refuse(answerable, closest, further)

    def _outcome(self, draft: Draft, likely: float) -> Outcome:
        """What has become of the model's words; where the excerpt may well not answer, what they
        rest on must, read alone."""
        outcome = draft.outcome()
        doubted = likely < self.thresholds.doubted and not closed(draft.asked)
        if outcome is Outcome.ANSWERED and doubted and not draft.stopped:
            cited = [draft.quotable(each.citations) for each in draft.sentences if each.citations]
            if not self._telling(draft, list(dict.fromkeys(cited))[:_SENTENCES]):
                return Outcome.UNSUPPORTED
        return outcome

    def _surely(self, draft: Draft, excerpt: Excerpt) -> bool:
        """Whether an excerpt answers, so that others needn't be read, whatever was written."""
        limits, meant = self.thresholds, [*draft.paraphrased, *draft.carrying]
        if any(draft.can_answer(each) and explains(draft.asked, each.text) for each in meant):
            return draft.evidence.read >= limits.understood
        near = quotable([excerpt], draft.asked, draft.language)
        tells = any(explains(draft.asked, each.text) for each in near)
        return tells and draft.evidence.read >= limits.sure

    def _to_quote(self, draft: Draft, near: Sequence[Citation], likely: float) -> Citation | None:
        """What to quote in place of the model's words, as likely as the documents answer."""
        limits = self.thresholds
        likely_enough = likely >= limits.paraphrased
        meant = [each for each in draft.paraphrased if likely_enough or not draft.foreign(each)]
        meant += draft.carrying if likely >= limits.closest else []
        meant = draft.closest_to_message(each for each in meant if draft.can_answer(each))
        if explained := next((each for each in meant if explains(draft.asked, each.text)), None):
            return explained
        told = list[Citation]()
        if likely >= limits.closest:
            reasons = [each for each in near if explains(draft.asked, each.text)]
            told = list(dict.fromkeys(reasons or near))[:_SENTENCES]
        return self._telling(draft, told) or self._telling(draft, meant[:1])

    def write(self, draft: Draft, excerpt: Excerpt) -> Iterator[Event]:
        """Write from an excerpt, once more where the first text is in another language, or is no
        more than a yes or a no."""
        draft.reading = excerpt.chunk.id if excerpt.chunk.language == draft.other else -1
        read = self.introduced(draft.asked, draft.language, excerpt)
        for insist in (False, True):
            yield from draft.restart()
            yield from self.stream(draft, *self._prompt(draft, read, insist=insist))
            text, language = draft.text, draft.language
            if draft.stopped or (is_language(text, language) if text else not closed(draft.asked)):
                break

    def _prompt(
        self, draft: Draft, excerpt: Excerpt, *, insist: bool
    ) -> tuple[Sequence[Message], str]:
        """What the model is asked, and the first word of its answer, which isn't shown.

        That one says that there is an answer; of a yes or a no, which the answer is.
        """
        openings, asked = prompts.OPENINGS[draft.language], draft.asked
        if insist or not closed(asked):
            return prompts.answering(asked, excerpt, draft.language, insist=insist), openings[0]
        self.generator.prepare(prompts.decision(), stop=draft.stop)  # stays
        asking = prompts.deciding(asked, excerpt, draft.language)
        odds = self.generator.choose(asking, openings, stop=draft.stop)
        return asking, openings[odds.index(max(odds))]

    def stream(self, draft: Draft, asking: Sequence[Message], begin: str) -> Iterator[Event]:
        """Stream the model's answer into the draft, verifying each sentence once it is whole."""
        sentences = SentenceStream(draft.language)
        for written in self.generator.stream(asking, begin=begin, stop=draft.stop):
            if piece := written if draft.text else written.lstrip():
                draft.tokens += 1
                yield draft.write(piece)
                for span in sentences.feed(piece):
                    if draft.said(span):  # a small model may go round in circles
                        draft.text = draft.text[: span[0]].rstrip()
                        return
                    yield draft.keep(self.verified(draft, span))
        for span in sentences.close():
            if not draft.said(span):
                yield draft.keep(self.verified(draft, span))

    def verified(self, draft: Draft, span: Span) -> Sentence:
        """A sentence of the draft with what supports it: nothing where Stop came before."""
        text = draft.adapted(draft.text[span[0] : span[1]])
        if draft.stopped:
            return Sentence(text, *span, 0.0, ())
        verdict = draft.sources.verify(text, draft.language)
        if verdict.support < SUPPORTED:
            carrying = draft.sources.carrying(text, draft.language, draft.reading)
            nearly = carrying and carrying.support >= self.thresholds.nearly
            if carrying and (nearly or draft.figures(text)) and not draft.differs(carrying):
                verdict = carrying
                draft.carrying.append(draft.quotable(verdict.closest))
        support, citations = verdict.support, verdict.citations
        if draft.sentences and not draft.sentences[-1].citations and points_back(text):
            support, citations = min(support, self.thresholds.unstated_support), ()
        if draft.mixes(text, verdict.closest):
            draft.carrying.append(draft.quotable(verdict.closest))
            support = min(support, self.thresholds.unstated_support)
        elif citations:
            support = self._stated(draft, text, support, citations)
        if draft.stopped:
            support = 0.0
        return Sentence(text, *span, support, citations if support >= SUPPORTED else ())

    def _stated(
        self, draft: Draft, text: str, support: float, citations: Sequence[Citation]
    ) -> float:
        """The support of a sentence, where it has words of its own as far as the model finds that
        its sources state it."""
        limits, rounds = self.thresholds, draft.rounds(text, citations)
        if not rounds and not draft.own_words(text, citations):
            return support
        stated, known = 0.0, support >= SUPPORTED and draft.repeats(text, citations)
        if not rounds and (draft.foreign(citations[0]) or known):
            stated = states(self.generator, draft.source(citations), text, draft.stop)
        if draft.stopped:
            return 0.0
        if stated >= limits.stated:
            return min(max(support, SUPPORTED), limits.foreign_support)
        if support >= SUPPORTED or stated > 0.5:  # likelier than not
            draft.paraphrased.append(draft.quotable(citations))
        return min(support, limits.unstated_support)

    def _telling(self, draft: Draft, sentences: Sequence[Citation]) -> Citation | None:
        """The sentence that the model, reading it alone, finds the likeliest to answer, if any,
        with one beside it that it also finds to answer."""
        likely: list[float] = []
        sure = draft.evidence.read >= self.thresholds.sure
        understood = sure and draft.evidence.foreign  # across languages, as the question stands
        for sentence in sentences:
            asked, language = draft.asked, draft.language
            foreign = draft.foreign(sentence) and not understood
            if foreign and (translated := self.across(draft, asked)):
                asked, language = translated, draft.other
            alone = self.introduced(asked, language, draft.excerpt(sentence))
            likely.append(self.odds(asked, language, alone, draft.stop))
        most = max(likely, default=0.0)
        # A question joined to the one before it asks more than one sentence can answer
        if not likely or (most < self.thresholds.told and not draft.joins_questions):
            return None
        best = sentences[likely.index(most)]
        pairs = zip(sentences, likely, strict=True)
        surely = [each for each, odds in pairs if odds >= self.thresholds.told_beside]
        return draft.with_beside(best, surely)

    def quote(self, draft: Draft, citation: Citation) -> Iterator[Event]:
        """Show a document's own words; where they are foreign a translation, which stands alone
        where it is verified."""
        foreign, quote = draft.foreign(citation), inside(citation.text, draft.language)
        text, support = self.translation(draft, citation) if foreign else ("", 0.0)
        stated = support >= SUPPORTED and states(self.generator, citation.text, text, draft.stop)
        yield from draft.restart()
        if stated >= self.thresholds.stated:
            yield from draft.show(text, citation, support)
            return
        said = say("quote_foreign" if foreign else "quote", draft.language, quote=quote)
        yield from draft.show(said, citation)
        if text:
            said = say("translated", draft.language, text=text)
            yield from draft.show(said, citation, self.thresholds.translated_support)

    def _translated(self, draft: Draft, citation: Citation) -> Iterator[Event]:
        """A translation, to be checked, of what was quoted where it is foreign."""
        if draft.foreign(citation) and (text := self.translation(draft, citation)[0]):
            said = say("translated", draft.language, text=text)
            yield from draft.show(said, citation, self.thresholds.translated_support)

    def translation(self, draft: Draft, quoted: Citation) -> tuple[str, float]:
        """What was quoted in the language of the answer, and how far that is verified (0..1).

        Sentences that a check contradicts, as by a figure or a name, are left out; "" where it is
        in no such language.
        """
        asking = prompts.translating(quoted.text, draft.language)
        most = 2 * self.generator.count(quoted.text) + 32
        text = "".join(self.generator.stream(asking, max_tokens=most, stop=draft.stop)).strip()
        spans = split_sentences(text, draft.language)
        if draft.stopped or not spans or "\n" in text or not is_language(text, draft.language):
            return "", 0.0
        supported, kept = True, list[str]()
        given = facts(quoted.text, draft.other)
        for start, end in spans:
            verdict = draft.sources.verify(text[start:end], draft.language)
            own = (f for f in facts(text[start:end], draft.language) if f.kind == "number")
            differs = {each for each in verdict.failed if not each.startswith("name")}
            if not differs and all(holds(given, f) for f in own):  # "the Tenant" is no name
                kept.append(text[start:end])
            within = any(
                first.document == quoted.document and quoted.start <= first.start < quoted.end
                for first in verdict.citations[:1]
            )
            supported &= within and verdict.support >= self.thresholds.translated
            supported &= not draft.rounds(text[start:end], verdict.citations)
        wanted = (fact for fact in given if not fact.opening)
        there = facts(text, draft.language)
        supported &= len(kept) == len(spans) and all(holds(there, fact) for fact in wanted)
        limits = self.thresholds
        return " ".join(kept), limits.foreign_support if supported else limits.translated_support


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
