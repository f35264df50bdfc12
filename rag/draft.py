"""An answer in the making: its text, its sentences with their support, what has become of it."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from index.contract import StoredChunk
from index.text.language import mixes
from index.text.sentences import Span
from index.text.words import phrases, terms
from rag.confidence import Evidence
from rag.events import Answer, Delta, Event, Finished, Grounded, Redrafting, Timings
from rag.excerpts import Excerpt
from rag.i18n import say
from rag.quotation import before, inside, whole
from rag.retriever import Hit
from rag.verifier import SUPPORTED, Citation, Sentence, Sources, Verdict, cite, space_before
from rag.verifier.expected import (
    can_answer,
    echoes,
    expected,
    explains,
    fits,
    of_another_year,
    ranks,
)
from rag.verifier.facts import facts, holds
from rag.verifier.figures import about, adapted

_SHORT = 20  # characters of a sentence that may well come twice


class Outcome(Enum):
    """What has become of the model's words."""

    ANSWERED = auto()  # a sentence is supported and is what the question asks for
    PARAPHRASED = auto()  # put too freely to be verified, but what they rest on answers
    UNSUPPORTED = auto()


@dataclass
class Draft:
    """An answer being written in `language`.

    `asked` is the question as it stands alone, `also` what it may mean besides, to be searched;
    `otherwise` finds what else it may mean where `documents` don't answer it as it stands.
    """

    question: str
    language: str
    stop: threading.Event
    sources: Sources
    asked: str = ""
    also: list[str] = field(default_factory=list)
    told: str = ""  # the answer before, to another question
    message: str = ""  # what is asked in this message, where it goes on about something
    joined: list[str] = field(default_factory=list)  # what was asked before, each with that
    otherwise: Callable[[], list[str]] | None = None
    documents: Collection[str] | None = None
    recent: tuple[str, ...] = ()  # the documents that the conversation is about
    hits: tuple[Hit, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    reading: int = -1  # the id of the foreign chunk that is written from
    translated: dict[str, str] = field(default_factory=dict)  # questions in the other language
    text: str = ""
    sentences: list[Sentence] = field(default_factory=list)
    # What sentences rest on that are put too freely to be verified
    paraphrased: list[Citation] = field(default_factory=list)
    # What has the figures or the words of sentences that nothing supports
    carrying: list[Citation] = field(default_factory=list)
    retrieval: float = 0.0
    first_token: float | None = None
    tokens: int = 0
    _began: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Since the question was asked."""
        return time.perf_counter() - self._began

    @property
    def other(self) -> str:
        """The other language than the answer's."""
        return "en" if self.language == "fr" else "fr"

    @property
    def joins_questions(self) -> bool:
        """Whether what is asked is a message beside the question before it."""
        return self.message != self.asked and self.asked.endswith(self.message or "\n")

    @property
    def stopped(self) -> bool:
        """Whether the person who asked pressed Stop."""
        return self.stop.is_set()

    def write(self, piece: str) -> Delta:
        """Add a piece of the text."""
        if self.first_token is None:
            self.first_token = self.seconds
        self.text += piece
        return Delta(piece)

    def keep(self, sentence: Sentence) -> Grounded:
        """Add a sentence of the text."""
        self.sentences.append(sentence)
        return Grounded(sentence)

    def said(self, span: Span) -> bool:
        """Whether the sentence at a span of the text stands in it before."""
        text = self.text[slice(*span)]
        return len(text) > _SHORT and any(each.text == text for each in self.sentences)

    def show(self, text: str, citation: Citation, support: float = 1.0) -> Iterator[Event]:
        """Add a line that is made from what it cites."""
        yield self.write(f"\n{text}" if self.text else text)
        start, end = len(self.text) - len(text), len(self.text)
        yield self.keep(Sentence(text, start, end, support, (citation,)))

    def add(self, lead: str, item: Sentence) -> Iterator[Event]:
        """Add what was made and verified apart, after `lead`: the Markdown of a list or a table."""
        yield self.write(lead + item.text)
        end = len(self.text)
        yield self.keep(replace(item, start=end - len(item.text), end=end))

    def take(self, answer: Answer) -> Iterator[Event]:
        """Add the answer to a part of the question, in a paragraph of its own."""
        there = {hit.chunk.id for hit in self.hits}
        self.hits += tuple(hit for hit in answer.passages if hit.chunk.id not in there)
        if not self.evidence.read or answer.evidence.read < self.evidence.read:
            self.evidence = answer.evidence
        lead = "\n\n" if self.text else ""
        start = len(self.text) + len(lead)
        yield self.write(lead + answer.answer)
        for each in answer.sentences:
            yield self.keep(replace(each, start=start + each.start, end=start + each.end))

    def restart(self) -> Iterator[Event]:
        """Begin the text anew."""
        if self.text:
            self.text, self.sentences = "", []
            yield Redrafting()

    def drop_unsupported(self) -> None:
        """Leave only the sentences that some source supports, as they were verified."""
        text, kept = "", list[Sentence]()
        for sentence in self.sentences:
            if sentence.citations:
                text += (space_before(self.text, sentence) if text else "") + sentence.text
                kept.append(replace(sentence, start=len(text) - len(sentence.text), end=len(text)))
        self.text, self.sentences = text, kept

    def refuse(
        self, answerable: float, closest: Citation | None = None, further: Iterable[Event] = ()
    ) -> Iterator[Event]:
        """End with a refusal that names the closest document, or quotes the closest sentence.

        `further` is shown after it.
        """
        yield from self.restart()
        values, form = {}, "closest_none"
        if nearest := closest or (self.hits[0].chunk if self.hits else None):
            values, form = {"title": nearest.title or nearest.document}, "closest"
        if closest:
            values, form = values | {"quote": inside(closest.text, self.language)}, "closest_says"
        said = say(form, self.language, **values)
        yield self.write(f"{say('refusal', self.language)} {said}")
        if closest:
            start, end = len(self.text) - len(said), len(self.text)
            self.keep(Sentence(said, start, end, 1.0, (closest,)))
        yield from further
        yield self.finish(answerable, refused=True)

    def finish(self, answerable: float, *, refused: bool = False) -> Finished:
        """The answer as it stands; `answerable` is the probability that the documents hold one."""
        total = self.seconds
        timings = Timings(self.retrieval, self.first_token or total, total, self.tokens)
        said = self.question, self.text, self.language, answerable, refused, tuple(self.sentences)
        return Finished(Answer(*said, self.hits, timings, self.evidence))

    def outcome(self) -> Outcome:
        """What has become of the model's words."""
        if any(each.support >= SUPPORTED and self._replies(each) for each in self.sentences):
            return Outcome.ANSWERED
        own = (each for each in self.paraphrased if not self.foreign(each))
        if any(self.can_answer(each) and explains(self.asked, each.text) for each in own):
            return Outcome.PARAPHRASED
        return Outcome.UNSUPPORTED

    def _replies(self, sentence: Sentence) -> bool:
        """Whether a sentence is what the question asks for, and doesn't only turn it round, or say
        again what was said to another question."""
        cited = " ".join(citation.text for citation in sentence.citations)
        return (
            fits(expected(self.question) or expected(self.asked), sentence.text, self.language)
            and not self.only_repeats(sentence.text)
            and not self._of_another_year(sentence)
            and ranks(self.asked, cited)
            and not echoes(self.asked, sentence.text, self.language)
        )

    def only_repeats(self, text: str) -> bool:
        """Whether a sentence was in the answer before, and has none of this message's words."""
        asked = set(terms(self.question, self.language))
        return text in self.told and not asked & set(terms(text, self.language))

    def _of_another_year(self, sentence: Sentence) -> bool:
        """Whether a sentence gives other years than the one asked about, which stands nowhere
        around its sources either."""
        chunks = [self._chunk(citation) for citation in sentence.citations]
        around = " ".join(f"{chunk.title} {chunk.text}" for chunk in chunks)
        own = of_another_year(self.asked, sentence.text)
        return own and of_another_year(self.asked, around)

    def can_answer(self, citation: Citation) -> bool:
        """Whether what is cited is of the kind that the question asks for."""
        return can_answer(self.asked, citation.text, self._chunk(citation).language)

    def foreign(self, citation: Citation) -> bool:
        """Whether what is cited is in another language than the answer."""
        return self._chunk(citation).language != self.language

    def closest_to_message(self, citations: Iterable[Citation]) -> list[Citation]:
        """What is cited, that with most words of a message which goes on about something first."""
        said = set(terms(self.message, self.language))
        return sorted(citations, key=lambda each: -len(said & set(terms(each.text, self.language))))

    def with_beside(self, citation: Citation, others: Sequence[Citation]) -> Citation:
        """What is cited together with the first of others that it stands beside in its chunk."""
        chunk = self._chunk(citation)
        for each in others:
            first, second = sorted((citation, each), key=lambda said: said.start)
            between = chunk.text[first.end - chunk.start : second.start - chunk.start]
            if each != citation and self._chunk(each).id == chunk.id and not between.strip():
                return cite(chunk, (first.start, max(first.end, second.end)))
        return citation

    def excerpt(self, citation: Citation) -> Excerpt:
        """What is cited, to be read alone."""
        return Excerpt(self._chunk(citation), citation.text)

    def _chunk(self, citation: Citation) -> StoredChunk:
        place = citation.document, citation.passage
        chunks = (hit.chunk for hit in self.hits)
        return next(chunk for chunk in chunks if (chunk.document, chunk.ordinal) == place)

    def adapted(self, text: str) -> str:
        """A sentence with figures taken from foreign sources as its own language writes them."""
        foreign = (hit.chunk.text for hit in self.hits if hit.chunk.language == self.other)
        return adapted(text, "\n".join(foreign), self.language)

    def differs(self, verdict: Verdict) -> bool:
        """Whether a source says something else; a translated name, as of "the Tenant", isn't."""
        foreign = self.foreign(verdict.closest[0])
        return any(not (foreign and check.startswith("name")) for check in verdict.failed)

    def figures(self, text: str) -> bool:
        """Whether a sentence has a figure or a date that the question lacks."""
        asked = facts(self.asked, self.language)
        own = (fact for fact in facts(text, self.language) if fact.kind in ("number", "date"))
        return not all(holds(asked, fact) for fact in own)

    def mixes(self, text: str, sources: Sequence[Citation]) -> bool:
        """Whether a sentence takes words over from sources in the other language."""
        foreign = bool(sources) and self.foreign(sources[0])
        return foreign and mixes(text, " ".join(each.text for each in sources), self.language)

    def own_words(self, text: str, citations: Sequence[Citation]) -> set[str]:
        """The index terms of a sentence that its sources lack.

        A name may also stand before them in the chunk, or in its title.
        """
        lacking = set(terms(text, self.language))
        capitals = (word for word in text.split() if word[0].isupper())
        names = {term for word in capitals for term in terms(word, self.language)}
        for citation in citations:
            chunk = self._chunk(citation)
            lacking -= set(terms(citation.text, chunk.language))
            earlier = f"{chunk.title}\n{chunk.text[: citation.start - chunk.start]}"
            lacking -= names.intersection(terms(earlier, chunk.language))
        return lacking

    def repeats(self, text: str, citations: Sequence[Citation]) -> bool:
        """Whether a sentence adds only the question's words, those of titles and linking ones."""
        own = self.own_words(phrases("linking", self.language).sub(" ", text), citations)
        said = [self.asked, *(self._chunk(each).title for each in citations)]
        return own <= {term for each in said for term in terms(each, self.language)}

    def source(self, citations: Sequence[Citation]) -> str:
        """What is cited, to be compared with a sentence: its title may say what it is about."""
        first = citations[0]
        title = "" if self.foreign(first) else self._chunk(first).title
        return f"{title}\n{' '.join(each.text for each in citations)}".strip()

    def rounds(self, text: str, citations: Sequence[Citation]) -> bool:
        """Whether a sentence gives as exact a figure that its sources give as about so much."""
        figures = {fact.value for fact in facts(text, self.language) if fact.kind == "number"}
        exact = figures - about(text, self.language)
        return any(exact & about(each.text, self._chunk(each).language) for each in citations)

    def quotable(self, citations: Sequence[Citation]) -> Citation:
        """The first of them, with the sentence before it where that is cited or pointed back to."""
        first = citations[0]
        chunk, span = self._chunk(first), (first.start, first.end)
        earlier = before(chunk, span)
        cited = {(each.document, each.start, each.end) for each in citations}
        if earlier and (first.document, *earlier) in cited:
            return cite(chunk, (earlier[0], first.end))
        return whole(chunk, span)
