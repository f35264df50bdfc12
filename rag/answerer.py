"""From a question to a cited answer: search, read, write, check each sentence against the sources, or say it isn't there."""

import threading
import time
from collections import abc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from index.contract import Store, StoredChunk
from index.embedder import Embedder
from index.text.language import detect, is_language
from index.text.sentences import SentenceStream, Span, split_sentences
from index.text.words import terms
from rag import confidence as answerable
from rag import followups as conversation
from rag import prompts
from rag.confidence import Evidence
from rag.excerpts import Excerpt, focus, windows
from rag.i18n import say
from rag.llm.base import Generator, Message
from rag.quotation import before, inside, points_back, quotation, whole
from rag.retriever import Hit, Retriever
from rag.verifier.expected import can_answer, closed, echoes, expected, explains, fits, ranks
from rag.verifier.facts import about, facts, negated
from rag.verifier.support import (
    SUPPORTED,
    Citation,
    Sentence,
    Sources,
    Verifier,
    cite,
    reason,
    space_before,
)

_READ = 3  # excerpts that are read at most
_SURE = 0.5  # the probability of holding the answer from which on an excerpt is written from before others are read
# The probability of an answer from which on, where the model's own words don't stand, the document's are shown: those that they
# rest on, in another language than the answer's, or, where they rest on nothing, the closest.
_MEANT, _CLOSEST = 0.15, 0.4
_STATED = 0.8  # the model's probability that its source states a sentence from another language, from which on it is shown
_SURELY = 0.9  # the same where the words alone wouldn't support it
_ACROSS = 0.7  # the most that the support of such a sentence counts as: one in ten isn't quite what its source says
# The support from which on a translation of what was quoted is shown, and what it counts as: a word may still be wrong, so it is
# not shown as supported.
_TRANSLATED, _UNCHECKED = 0.9, 0.4
_DOUBTED = 0.3  # the support of what is put in other words and can't be checked, or isn't stated
_PARTS = 6  # sentences of a summary
_NOTHING = Evidence(0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Turn:
    """One earlier exchange; `answer` may be empty where only the questions are known."""

    question: str
    answer: str = ""


@dataclass(frozen=True)
class Timings:
    """Seconds from the question to the end of retrieval, to the first word and to the end; tokens written."""

    retrieval: float
    first_token: float
    total: float
    tokens: int


@dataclass(frozen=True)
class Answer:
    """The whole answer; `answerable` is the probability (0..1) that the documents hold one."""

    question: str
    answer: str
    language: str
    answerable: float
    refused: bool
    sentences: tuple[Sentence, ...]
    passages: tuple[Hit, ...]
    timings: Timings
    evidence: Evidence = _NOTHING

    @property
    def doubtful(self) -> bool:
        """Whether the documents may well not answer, though some words of theirs are given as an answer."""
        written = self.evidence.read > 0 and not self.refused
        return written and answerable.right(self.evidence) < answerable.DOUBTFUL


@dataclass(frozen=True)
class Searching:
    """The question is understood and the search begins."""

    language: str


@dataclass(frozen=True)
class Found:
    """What the search found, best first."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Redrafting:
    """What was written so far doesn't stand; the text begins anew."""


@dataclass(frozen=True)
class Delta:
    """A piece of the text as it is written."""

    text: str


@dataclass(frozen=True)
class Grounded:
    """A finished sentence with what supports it."""

    sentence: Sentence


@dataclass(frozen=True)
class Finished:
    """The answer as it stands; its text may differ from the deltas where a repair was needed."""

    answer: Answer


@dataclass
class _Draft:
    """An answer being written."""

    question: str
    language: str
    hits: tuple[Hit, ...]
    sources: Sources
    began: float
    retrieval: float
    evidence: Evidence = _NOTHING
    text: str = ""
    sentences: list[Sentence] = field(default_factory=list)
    doubted: list[Citation] = field(
        default_factory=list
    )  # what sentences rest on that are put too freely to be believed
    tokens: int = 0
    first_token: float | None = None

    def add(self, piece: str) -> None:
        if self.first_token is None:
            self.first_token = time.perf_counter() - self.began
        self.tokens += 1
        self.text += piece

    def chunk_of(self, citation: Citation) -> StoredChunk:
        place = citation.document, citation.passage
        return next(
            hit.chunk for hit in self.hits if (hit.chunk.document, hit.chunk.ordinal) == place
        )

    def language_of(self, citation: Citation) -> str:
        return self.chunk_of(citation).language

    def foreign(self, citation: Citation) -> bool:
        return self.language_of(citation) != self.language

    def put_otherwise(self, text: str, citations: Sequence[Citation]) -> bool:
        """Whether a sentence has a word that its sources lack; a name may also stand before them in the passage or its title."""
        own = set(terms(text, self.language))
        capitals = {
            term
            for word in text.split()
            if word[0].isupper()
            for term in terms(word, self.language)
        }
        for citation in citations:
            chunk = self.chunk_of(citation)
            own -= set(terms(citation.text, chunk.language))
            earlier = f"{chunk.title}\n{chunk.text[: citation.start - chunk.start]}"
            own -= capitals.intersection(terms(earlier, chunk.language))
        return bool(own)

    def rounded(self, text: str, citations: Sequence[Citation]) -> bool:
        """Whether a sentence gives as exact a figure that its sources give as about so much."""
        said = {fact.value for fact in facts(text, self.language) if fact.kind == "number"} - about(
            text, self.language
        )
        return any(
            said & about(citation.text, self.language_of(citation)) for citation in citations
        )

    def quotable(self, citations: Sequence[Citation]) -> Citation:
        """The first of them, with the one that stands right before it where that is another of them, or is pointed back to."""
        first = citations[0]
        chunk, span = self.chunk_of(first), (first.start, first.end)
        earlier = before(chunk, span)
        if earlier and any(
            (each.document, (each.start, each.end)) == (first.document, earlier)
            for each in citations
        ):
            return cite(chunk, (earlier[0], first.end))
        return whole(chunk, span)

    def answers(self, citation: Citation, asked: str) -> bool:
        """Whether a sentence of a source is of the kind that the question asks for, and shows a reason where it asks for one."""
        return can_answer(asked, citation.text, self.language_of(citation)) and explains(
            asked, citation.text
        )

    def within(self, citations: Sequence[Citation], quoted: Citation) -> bool:
        """Whether the first of these sentences lies in what was quoted."""
        first = citations[0] if citations else None
        return (
            first is not None
            and first.document == quoted.document
            and quoted.start <= first.start < quoted.end
        )

    def restart(self) -> None:
        self.text, self.sentences = "", []

    def drop_unsupported(self) -> None:
        """Leave only the sentences that some source holds."""
        text, kept = "", list[Sentence]()
        for sentence in self.sentences:
            if sentence.citations:
                text += (space_before(self.text, sentence) if text else "") + sentence.text
                kept.append(replace(sentence, start=len(text) - len(sentence.text), end=len(text)))
        if len(kept) < len(self.sentences):
            self.text, self.sentences = text, kept

    def refuse(self, likely: float, closest: Citation | None = None) -> Iterator["Event"]:
        """End with a plain refusal that names the closest document, and offers its sentence where one comes close."""
        if self.text:
            self.restart()
            yield Redrafting()
        nearest = closest or (self.hits[0].chunk if self.hits else None)
        if nearest is None:
            said = say("closest_none", self.language)
        elif closest is None:
            said = say("closest", self.language, title=nearest.title or nearest.document)
        else:
            quote = inside(closest.text, self.language)
            said = say(
                "closest_says", self.language, title=nearest.title or nearest.document, quote=quote
            )
        self.text = f"{say('refusal', self.language)} {said}"
        if closest is not None:
            self.sentences.append(
                Sentence(said, len(self.text) - len(said), len(self.text), 1.0, (closest,))
            )
        yield Delta(self.text)
        yield Finished(self.finished(likely, refused=True))

    def finished(self, likely: float, *, refused: bool) -> Answer:
        total = time.perf_counter() - self.began
        timings = Timings(self.retrieval, self.first_token or total, total, self.tokens)
        sentences = tuple(self.sentences)
        return Answer(
            self.question,
            self.text,
            self.language,
            likely,
            refused,
            sentences,
            self.hits,
            timings,
            self.evidence,
        )


Event = Searching | Found | Redrafting | Delta | Grounded | Finished


class Answerer:
    """Answers questions from the documents of one store. Safe to use from several threads."""

    def __init__(
        self, store: Store, embedder: Embedder, generator: Generator, *, passages: int = 5
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.retriever = Retriever(store, embedder)
        self.verifier = Verifier(store, embedder)
        self.generator = generator
        self.passages = passages
        self.threshold = answerable.THRESHOLD
        self._asking = 0
        self._guard = threading.Lock()
        self._busy = threading.Event()  # set while what is read ahead waits

    def answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        language: str | None = None,
        documents: Collection[str] | None = None,
    ) -> Answer:
        """The whole answer at once. See `ask`."""
        for event in self.ask(question, history, language=language, documents=documents):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("ask always finishes")

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        language: str | None = None,
        documents: Collection[str] | None = None,
        stop: threading.Event | None = None,
    ) -> abc.Generator[Event]:
        """Answer a question, telling each step as it happens; the last event is always `Finished`.

        Args:
            question: in French or English.
            history: the earlier turns, oldest first.
            language: "fr" or "en" to answer in; detected from the question where None.
            documents: names of the documents to use; all where None.
            stop: set it to stop the model; what was written so far is kept.
        """
        with self.first():
            yield from self._ask(question.strip(), history, language, documents, stop)

    @contextmanager
    def first(self) -> Iterator[None]:
        """Let what is read ahead wait meanwhile."""
        with self._guard:
            self._asking += 1
            self._busy.set()
        try:
            yield
        finally:
            with self._guard:
                self._asking -= 1
                if not self._asking:
                    self._busy.clear()

    def prepare(self, stop: threading.Event) -> None:
        """Let the model read the instruction and the documents, as far as they fit, so that their first question needn't wait.

        Gives way to whoever asks meanwhile, and to `first`.

        Args:
            stop: set it to leave off; what was read stays.
        """
        for beginning, ahead in self._beginnings():
            while not stop.is_set():
                if not self._busy.is_set():
                    self.generator.prepare(beginning, stop=self._busy, ahead=ahead)
                    if not self._busy.is_set():
                        break
                stop.wait(0.1)

    def _beginnings(self) -> Iterator[tuple[list[Message], bool]]:
        """What prompts begin with, and whether that is of a document: such a one isn't needed before it is asked about."""
        for beginning in (
            prompts.instruction(),
            prompts.check(),
            *map(prompts.rewrite, prompts.OPENINGS),
        ):
            yield beginning, False
        room = self.generator.kept_tokens
        for document in self.store.documents() if room else ():
            for chunk in self.store.chunks_of(document.name):
                for excerpt in windows(chunk):
                    beginning = prompts.beginning(excerpt)
                    room -= self.generator.count(beginning[-1].content)
                    if room < 0:
                        return
                    yield beginning, True

    def _ask(
        self,
        question: str,
        history: Sequence[Turn],
        language: str | None,
        documents: Collection[str] | None,
        stop: threading.Event | None,
    ) -> Iterator[Event]:
        began = time.perf_counter()
        language = language or detect(
            question, default=detect(history[-1].question) if history else "fr"
        )
        kind = conversation.remark(question)
        if kind:
            yield from (
                self._summary(question, language, documents, began)
                if kind == "summary"
                else self._remark(kind, question, language, began)
            )
            return
        yield Searching(language)
        earlier = [turn.question for turn in history]
        asked = conversation.standalone(question, earlier, language, self.generator)
        try:
            hits, excerpts, sources = self.find(asked, language, documents)
        except KeyError:  # a document was removed in the middle of it
            hits, excerpts, sources = self.find(asked, language, documents)
        retrieval = time.perf_counter() - began
        yield Found(hits)
        draft = _Draft(question, language, hits, sources, began, retrieval)
        if not hits:
            yield from draft.refuse(0.0)
            return
        written = list[Excerpt]()
        likely = surest = best = 0.0
        # What its excerpt doesn't hold is the model's own knowledge, or a mix-up: then the next excerpt is asked.
        for chance, evidence, excerpt in self._promising(asked, language, hits, excerpts, stop):
            likely = max(likely, chance)
            draft.evidence = (
                draft.evidence
                if written
                else max(draft.evidence, evidence, key=answerable.probability)
            )
            if chance < self.threshold or (stop and stop.is_set()):
                continue
            written.append(excerpt)
            if draft.text:
                draft.restart()
                yield Redrafting()
            yield from self._write(asked, excerpt, draft, stop)
            if (
                draft.text
                and not is_language(draft.text, language)
                and not (stop and stop.is_set())
            ):
                draft.restart()
                yield Redrafting()
                yield from self._write(asked, excerpt, draft, stop, insist=True)
            if closed(asked):
                surest = max(surest, answerable.here(evidence))
            best = max(
                (_worth(sentence, asked, language) for sentence in draft.sentences), default=0.0
            )
            draft.evidence = replace(evidence, support=best)
            if best >= SUPPORTED or any(
                draft.answers(each, asked) and not draft.foreign(each) for each in draft.doubted
            ):
                break
        if stop and stop.is_set():
            yield Finished(draft.finished(likely, refused=False))
            return
        if best < SUPPORTED:
            yield from self._quote(written, asked, draft, max(likely, surest), stop)
        draft.drop_unsupported()
        if not draft.sentences:
            yield from draft.refuse(likely, quotation(written, asked, language))
            return
        yield Finished(draft.finished(likely, refused=False))

    def _promising(
        self,
        asked: str,
        language: str,
        hits: Sequence[Hit],
        excerpts: Sequence[Excerpt],
        stop: threading.Event | None,
    ) -> Iterator[tuple[float, Evidence, Excerpt]]:
        """The excerpts with how likely each is to answer: at once where it is sure, else the likeliest first once all are read."""
        unsure: list[tuple[float, Evidence, Excerpt]] = []
        for excerpt in excerpts:
            evidence = self.read(asked, language, hits, excerpt, stop)
            if answerable.here(evidence) >= _SURE:
                yield answerable.probability(evidence), evidence, excerpt
            else:
                unsure.append((answerable.probability(evidence), evidence, excerpt))
            if stop and stop.is_set():
                break
        yield from sorted(unsure, key=lambda each: answerable.here(each[1]), reverse=True)

    def read(
        self,
        asked: str,
        language: str,
        hits: Sequence[Hit],
        excerpt: Excerpt,
        stop: threading.Event | None,
    ) -> Evidence:
        """What is known of a question once the model has read an excerpt of one of the hits."""
        hit = next(hit for hit in hits if hit.chunk.id == excerpt.chunk.id)
        for beginning in (
            prompts.instruction(),
            prompts.beginning(excerpt),
        ):  # a state on disk is of the excerpt alone
            self.generator.prepare(beginning, stop=stop)
        options = [prompts.OPENINGS[each][place] for place in (0, 1) for each in ("fr", "en")]
        odds = self.generator.choose(
            prompts.answering(asked, excerpt, language), options, stop=stop
        )
        foreign = excerpt.chunk.language != language
        return Evidence(
            hit.score, hit.vector, hit.late, excerpt.likeness, sum(odds[:2]), foreign=foreign
        )

    def _quote(
        self,
        excerpts: Sequence[Excerpt],
        asked: str,
        draft: _Draft,
        likely: float,
        stop: threading.Event | None,
    ) -> Iterator[Event]:
        """Show the document's own words, in place of those that don't stand."""
        if draft.text:
            draft.restart()
            yield Redrafting()
        meant = [
            each
            for each in draft.doubted
            if (likely >= _MEANT or not draft.foreign(each))
            and can_answer(asked, each.text, draft.language_of(each))
        ]
        citation = next((each for each in meant if explains(asked, each.text)), None)
        if citation is None and likely >= _CLOSEST:
            citation = quotation(excerpts, asked, draft.language)
        citation = citation or next(iter(meant), None)
        if citation is None:
            return
        form = "quote_foreign" if draft.foreign(citation) else "quote"
        draft.text = say(form, draft.language, quote=inside(citation.text, draft.language))
        sentence = Sentence(draft.text, 0, len(draft.text), 1.0, (citation,))
        draft.sentences.append(sentence)
        yield Delta(draft.text)
        yield Grounded(sentence)
        if draft.foreign(citation):
            yield from self._translate(citation, draft, stop)

    def _translate(
        self, citation: Citation, draft: _Draft, stop: threading.Event | None
    ) -> Iterator[Event]:
        """Put what was quoted into the language of the answer, if the translation stands up to the same check as an answer."""
        asked = prompts.translating(citation.text, draft.language)
        most = 2 * self.generator.count(citation.text) + 32
        text = "".join(self.generator.stream(asked, max_tokens=most, stop=stop)).strip()
        spans = split_sentences(text, draft.language)
        held = [draft.sources.verify(text[start:end], draft.language) for start, end in spans]
        if not held or any(
            not draft.within(each.citations, citation) or each.support < _TRANSLATED
            for each in held
        ):
            return
        if (stop and stop.is_set()) or "\n" in text or not is_language(text, draft.language):
            return
        said = say("translated", draft.language, text=text)
        draft.add(f"\n{said}")
        draft.sentences.append(
            Sentence(said, len(draft.text) - len(said), len(draft.text), _UNCHECKED, (citation,))
        )
        yield Delta(f"\n{said}")
        yield Grounded(draft.sentences[-1])

    def _write(
        self,
        asked: str,
        excerpt: Excerpt,
        draft: _Draft,
        stop: threading.Event | None,
        *,
        insist: bool = False,
    ) -> Iterator[Event]:
        """Stream the model's answer into the draft, grounding each sentence as soon as it is whole."""
        sentences = SentenceStream(draft.language)

        def ground(spans: list[Span]) -> Iterator[Event]:
            for start, end in spans:
                text = draft.text[start:end]
                verdict = draft.sources.verify(text, draft.language)
                support, citations = verdict.support, verdict.citations
                if draft.sentences and not draft.sentences[-1].citations and points_back(text):
                    support, citations = (
                        min(support, _DOUBTED),
                        (),
                    )  # what it points back to doesn't stand
                rounded = bool(citations) and draft.rounded(text, citations)
                if rounded or (citations and draft.put_otherwise(text, citations)):
                    sure = (
                        0.0
                        if rounded or not draft.foreign(citations[0])
                        else self._says(citations, text, stop)
                    )
                    if sure >= (_STATED if support >= SUPPORTED else _SURELY):
                        support = min(max(support, SUPPORTED), _ACROSS)
                    elif support >= SUPPORTED or sure >= _STATED:
                        support = _DOUBTED
                        draft.doubted.append(draft.quotable(citations))
                sentence = Sentence(
                    text, start, end, support, citations if support >= SUPPORTED else ()
                )
                draft.sentences.append(sentence)
                yield Grounded(sentence)

        messages = prompts.answering(asked, excerpt, draft.language, insist=insist)
        for written in self.generator.stream(
            messages, begin=prompts.OPENINGS[draft.language][0], stop=stop
        ):
            piece = written if draft.text else written.lstrip()
            if not piece:
                continue
            draft.add(piece)
            yield Delta(piece)
            yield from ground(sentences.feed(piece))
        yield from ground(sentences.close())

    def _sources(self, asked: str, language: str, hits: Sequence[Hit]) -> Sources:
        given = [fact for fact in facts(asked, language) if not fact.opening]
        return self.verifier.sources(
            [hit.chunk for hit in hits], given, denied=negated(asked, language)
        )

    def _says(
        self, citations: Sequence[Citation], text: str, stop: threading.Event | None
    ) -> float:
        """How sure the model is that the sources state a sentence (0..1); 1 once it is stopped."""
        yes = stated(self.generator, text, " ".join(citation.text for citation in citations), stop)
        return 1.0 if stop and stop.is_set() else yes

    def find(
        self, asked: str, language: str, documents: Collection[str] | None
    ) -> tuple[tuple[Hit, ...], list[Excerpt], Sources]:
        """The passages to answer from, what the model is to read of them, and their sentences to check against."""
        found = self.retriever.search(asked, language, k=self.passages, documents=documents)
        excerpts = focus(asked, language, found, self.store, self.embedder)[:_READ]
        read = {excerpt.chunk.id for excerpt in excerpts}
        hits = tuple(hit for hit in found if hit.chunk.id in read)
        return hits, excerpts, self._sources(asked, language, hits)

    def _summary(
        self, question: str, language: str, documents: Collection[str] | None, began: float
    ) -> Iterator[Event]:
        """A sentence from each part of the documents, as it stands there: what a small model makes of a whole is seldom true."""
        yield Searching(language)
        hits = self._parts(documents)
        yield Found(tuple(hits))
        draft = _Draft(
            question,
            language,
            tuple(hits),
            self.verifier.sources([]),
            began,
            time.perf_counter() - began,
        )
        for hit in hits:
            citation = _opening(hit.chunk)
            known = "part" if hit.chunk.language == language else "part_foreign"
            said = say(known, language, quote=inside(citation.text, language))
            place = len(draft.text) + bool(draft.text)
            piece = ("\n" if draft.text else "") + said
            draft.add(piece)
            draft.sentences.append(Sentence(said, place, len(draft.text), 1.0, (citation,)))
            yield Delta(piece)
            yield Grounded(draft.sentences[-1])
        if draft.sentences:
            yield Finished(draft.finished(1.0, refused=False))
        else:
            yield from draft.refuse(0.0)

    def _parts(self, documents: Collection[str] | None) -> list[Hit]:
        """Of each part of the documents in their order, the passage closest to what the part is about."""
        listed = [
            info for info in self.store.documents() if documents is None or info.name in documents
        ][:_PARTS]
        found = []
        for info in listed:
            passages = self.store.chunks_of(info.name)
            for part in np.array_split(
                np.arange(len(passages)), min(len(passages), max(1, _PARTS // len(listed)))
            ):
                vectors = self.store.vectors([passages[number].id for number in part])
                likeness = vectors @ vectors.mean(axis=0)
                found.append(
                    Hit(passages[part[likeness.argmax()]], 1.0, float(likeness.max()), 0.0, 0.0)
                )
        return found

    def _remark(
        self, kind: conversation.Remark, question: str, language: str, began: float
    ) -> Iterator[Event]:
        """Answer what isn't about the documents' content, without the model."""
        titles = [document.title for document in self.store.documents()]
        text = say(
            f"remark_{kind}",
            language,
            documents="\n".join(f"- {title}" for title in titles),
            count=len(titles),
        )
        yield Delta(text)
        seconds = time.perf_counter() - began
        yield Finished(
            Answer(question, text, language, 1.0, False, (), (), Timings(0.0, seconds, seconds, 0))
        )


def stated(
    generator: Generator, text: str, source: str, stop: threading.Event | None = None
) -> float:
    """How sure a model is, asked of them alone, that a source states a sentence (0..1), and the reason in it by itself."""
    generator.prepare(
        prompts.check(), stop=stop
    )  # stays, also where other beginnings take the room
    statements = (text, given) if (given := reason(text)) else (text,)
    asked = [prompts.checking(statement, source) for statement in statements]
    return min(generator.choose(each, prompts.OPENINGS["en"], stop=stop)[0] for each in asked)


def _worth(sentence: Sentence, asked: str, language: str) -> float:
    """The support of a sentence of the answer, 0 where it isn't what the question asks for, or only turns the question round."""
    source = " ".join(citation.text for citation in sentence.citations)
    fit = (
        fits(expected(asked), sentence.text, language)
        and ranks(asked, source)
        and not echoes(asked, sentence.text, language)
    )
    return sentence.support if fit else 0.0


def _opening(chunk: StoredChunk) -> Citation:
    """The first sentence of a passage that is no heading."""
    cited = [cite(chunk, span) for span in chunk.sentences]
    return next((citation for citation in cited if not citation.text.startswith("#")), cited[0])
