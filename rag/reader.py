"""Searches, and lets the model read what was found: does it answer?"""

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from index.contract import Store
from index.embedder import Embedder
from index.text.language import is_language
from rag import confidence, prompts
from rag.confidence import THRESHOLDS, Evidence
from rag.draft import Draft
from rag.excerpts import Excerpt, focus, introduced
from rag.llm.base import Generator
from rag.retriever import Hit, Retriever
from rag.verifier import Sources, Verifier
from rag.verifier.facts import facts, negated

_RECENT = 2  # chunks of the documents that the conversation is about
_ALSO = 2  # excerpts that are read for what else the question may mean
_FOREIGN = 2  # excerpts in the other language that are read for a question as it stands

Reading = tuple[Evidence, Excerpt, str]
"""What is known of an excerpt and what the question may mean."""


class Reader:
    """Reads the documents of one store, `passages` chunks of them a question."""

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

    def find(
        self,
        asked: str,
        language: str,
        documents: Collection[str] | None,
        also: Sequence[str] = (),
        *,
        recent: Collection[str] = (),
    ) -> tuple[tuple[Hit, ...], list[Excerpt], Sources]:
        """The hits to answer from, excerpts of them to read, their sentences to verify against.

        What `also` may be meant is searched as well, and the documents that the conversation is
        about are looked through even where others seem closer.

        Raises:
            UserError: `document_unknown` (name).
            ChunkRemoved: a document was removed in the middle of it.
        """
        found = self.retriever.search(asked, language, k=self.passages, documents=documents)
        further = [(other, documents, self.passages) for other in also]
        for other, scope, most in [*further, *([(asked, recent, _RECENT)] if recent else [])]:
            new = self.retriever.search(other, language, k=most, documents=scope)
            there = {hit.chunk.id for hit in found}
            found += [hit for hit in new if hit.chunk.id not in there]
        excerpts = focus(asked, language, found, self.store, self.embedder, recent=recent)
        excerpts = excerpts[: self.thresholds.excerpts]
        read = {excerpt.chunk.id for excerpt in excerpts}
        hits = tuple(hit for hit in found if hit.chunk.id in read)
        return hits, excerpts, self._sources(hits, asked, language)

    def _sources(self, hits: Sequence[Hit], asked: str, language: str) -> Sources:
        known = [fact for fact in facts(asked, language) if not fact.opening]
        chunks, denied = [hit.chunk for hit in hits], negated(asked, language)
        return self.verifier.sources(chunks, known, denied=denied)

    def promising(self, draft: Draft, excerpts: Sequence[Excerpt]) -> Iterator[Reading]:
        """Excerpts as they are read: a relevant one at once, else the most relevant of all.

        Each comes with the likeliest that the question may mean of what it answers.
        """
        others: dict[tuple[int, str], Reading] = {}
        found = False
        # The further ways take seconds: they are for what nothing was found for
        for ways in (self._read_each(draft, excerpts), self._read_further(draft)):
            for reading in ways if not found else ():
                evidence, excerpt, _ = reading
                if draft.stopped:  # the reading was interrupted and says nothing
                    return
                if confidence.relevance(evidence) >= self.thresholds.relevant:
                    found = True
                    yield reading
                else:
                    place = excerpt.chunk.id, excerpt.text
                    others[place] = max(reading, others.get(place, reading), key=_relevance)
        yield from sorted(others.values(), key=_relevance, reverse=True)

    def _read_further(self, draft: Draft) -> Iterator[Reading]:
        yield from self._read_otherwise(draft)
        yield from self._read_across(draft)

    def _read_each(self, draft: Draft, excerpts: Sequence[Excerpt]) -> Iterator[Reading]:
        """Excerpts for the likeliest that the question may mean, then the best for the rest."""
        likeliest, others = draft.asked, draft.also
        pairs = [(likeliest, each) for each in excerpts]
        pairs += [(asked, each) for asked in others for each in excerpts[:_ALSO]]
        for asked, excerpt in pairs:
            yield self.read(asked, draft.language, excerpt, draft.stop), excerpt, asked

    def _read_otherwise(self, draft: Draft) -> Iterator[Reading]:
        """Excerpts for what else the question may mean, after the turns before it."""
        for asked in draft.otherwise() if draft.otherwise else ():
            if asked != draft.asked:
                hits, excerpts, _ = self.find(asked, draft.language, draft.documents)
                self._add(draft, hits, asked)
                for excerpt in excerpts:
                    evidence = self.read(asked, draft.language, excerpt, draft.stop)
                    yield evidence, excerpt, asked

    def _add(self, draft: Draft, hits: Sequence[Hit], asked: str) -> None:
        """Take more hits for sources; they were found for a question in the draft's language."""
        there = {hit.chunk.id for hit in draft.hits}
        draft.hits += tuple(hit for hit in hits if hit.chunk.id not in there)
        draft.sources = self._sources(draft.hits, asked, draft.language)

    def _read_across(self, draft: Draft) -> Iterator[Reading]:
        """Excerpts in the other language, as the question stands and then in their language.

        A small model reads across languages badly, and a search finds less beside documents in the
        question's own language.
        """
        foreign = {
            info.name
            for info in self.store.documents()
            if info.language == draft.other
            and (draft.documents is None or info.name in draft.documents)
        }
        if not foreign:
            return
        read = {hit.chunk.id for hit in draft.hits}
        hits, excerpts, _ = self.find(draft.asked, draft.language, foreign)
        self._add(draft, hits, draft.asked)
        for excerpt in excerpts[:_FOREIGN]:
            if excerpt.chunk.id not in read:
                evidence = self.read(draft.asked, draft.language, excerpt, draft.stop)
                yield evidence, excerpt, draft.asked
        if not (asked := self.across(draft, draft.asked)):
            return
        hits, excerpts, _ = self.find(asked, draft.other, foreign)
        scores = {hit.chunk.id: hit.score for hit in draft.hits}
        self._add(draft, hits, draft.asked)
        for found in excerpts:
            score = max(found.score, scores.get(found.chunk.id, 0.0))
            excerpt = replace(found, score=score)
            yield self.read(asked, draft.other, excerpt, draft.stop), excerpt, draft.asked

    def across(self, draft: Draft, asked: str) -> str:
        """A question in the other language; "" where the model's translation isn't in it."""
        if asked not in draft.translated:
            self.generator.prepare(prompts.translation(draft.other), stop=draft.stop)  # stays
            asking = prompts.translating(asked, draft.other)
            pieces = self.generator.stream(asking, max_tokens=80, stop=draft.stop)
            text = "".join(pieces).strip()
            known = text and "\n" not in text and is_language(text, draft.other)
            draft.translated[asked] = text if known and not draft.stopped else ""
        return draft.translated[asked]

    def reading(self, draft: Draft, asked: str, excerpt: Excerpt) -> Evidence:
        """What is known of a question and an excerpt, asked in that one's language too."""
        evidence = self.read(asked, draft.language, excerpt, draft.stop)
        own = excerpt.chunk.language == draft.language
        if own or confidence.relevance(evidence) >= self.thresholds.relevant:
            return evidence
        if not (translated := self.across(draft, asked)):
            return evidence
        again = self.read(translated, draft.other, excerpt, draft.stop)
        return max(evidence, again, key=confidence.relevance)

    def read(
        self, asked: str, language: str, excerpt: Excerpt, stop: threading.Event | None = None
    ) -> Evidence:
        """What is known of a question and an excerpt once the model has read it."""
        # A state on disk is of the excerpt alone: the instruction is read first.
        for beginning in (prompts.instruction(), prompts.beginning(excerpt)):
            self.generator.prepare(beginning, stop=stop)
        odds = self.odds(asked, language, self.introduced(asked, language, excerpt), stop)
        return Evidence(excerpt.score, odds, excerpt.chunk.language != language)

    def odds(
        self, asked: str, language: str, excerpt: Excerpt, stop: threading.Event | None = None
    ) -> float:
        """The model's probability of beginning its answer with "yes"."""
        options = [prompts.OPENINGS[each][place] for place in (0, 1) for each in ("fr", "en")]
        asking = prompts.answering(asked, excerpt, language)
        return sum(self.generator.choose(asking, options, stop=stop)[:2])

    def introduced(self, asked: str, language: str, excerpt: Excerpt) -> Excerpt:
        """An excerpt as it is read for a question, see `rag.excerpts.introduced`."""
        return introduced(asked, language, excerpt, self.store)

    def answers(self, question: str, language: str) -> bool:
        """Whether the model, reading the likeliest excerpt, finds that it answers a question."""
        _, excerpts, _ = self.find(question, language, None)
        known = [self.read(question, language, excerpt) for excerpt in excerpts[:1]]
        return any(confidence.relevance(each) >= self.thresholds.relevant for each in known)


def _relevance(reading: Reading) -> float:
    return confidence.relevance(reading[0])
