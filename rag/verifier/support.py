"""Which sentences of the sources a statement rests on, and how surely.

Words are compared through the vector model's own token vectors (each word of the statement with its
closest in the source: MaxSim, arXiv 2004.12832), which bridges French and English. What the words
can't tell, figures, names and denials, is what `rag.verifier.checks` are for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import exp

import numpy as np
from numpy.typing import NDArray

from index.contract import Store, StoredChunk
from index.embedder import Embedder
from index.text.words import WORD, fold, phrases, terms
from rag.retriever import unit
from rag.verifier.checks import CHECKS, Check, clauses, likeness
from rag.verifier.citations import Citation, cite
from rag.verifier.clauses import reason
from rag.verifier.facts import facts, holds, title_names, with_spellings
from rag.verifier.figures import Fact
from rag.verifier.introduction import introduction
from rag.verifier.statements import THRESHOLDS, Context, Outcome, Source, Statement, Word

SUPPORTED = THRESHOLDS.supported
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Verdict:
    """What the sources say of a statement.

    `support` (0..1) is how surely they hold it; `citations` are their sentences that do, best
    first, none where they contradict it; `failed` names the checks that say so. `closest` are the
    sentences compared, `lacking` the statement's facts that they don't hold, `covered` (0..1) how
    surely they speak of the same but for those.
    """

    outcome: Outcome
    support: float
    citations: tuple[Citation, ...]
    failed: tuple[str, ...] = ()
    closest: tuple[Citation, ...] = ()
    covered: float = 0.0
    lacking: tuple[Fact, ...] = ()


class Verifier:
    """Compares statements with the chunks of a store, whose token vectors the same embedder made.

    Args:
        store: holds the chunks.
        embedder: the one that filled the store.
        checks: what may contradict a statement.
    """

    def __init__(self, store: Store, embedder: Embedder, checks: Sequence[Check] = CHECKS) -> None:
        self._store = store
        self._embedder = embedder
        self._checks = tuple(checks)

    def sources(
        self, chunks: Sequence[StoredChunk], asked: Sequence[Fact] = (), *, denied: bool = False
    ) -> "Sources":
        """The chunks' sentences, ready for `Sources.verify`; made once an answer.

        Args:
            chunks: of the store.
            asked: the question's facts; an answer repeats them as they are there.
            denied: whether the question denies something, so that an answer may too.
        """
        found: list[Source] = []
        mean = np.zeros(self._embedder.dimension, np.float32)
        if chunks:
            vectors = self._store.token_vectors([chunk.id for chunk in chunks])
            mean = np.concatenate([tokens for tokens, _ in vectors]).mean(axis=0)
            titles = {chunk.document: self._titled(chunk, asked) for chunk in chunks}
            for chunk, (tokens, spans) in zip(chunks, vectors, strict=True):
                titled = titles[chunk.document]
                found += _sources_of(chunk, unit(tokens - mean), spans, asked, titled)
        context = Context(tuple(found), tuple(asked), denied)
        return Sources(context, mean, self._embedder, self._checks)

    def _titled(self, chunk: StoredChunk, asked: Sequence[Fact]) -> tuple[Fact, ...]:
        """The facts of a document's title, and names asked about that it introduces elsewhere."""
        title = with_spellings(title_names(chunk.title, chunk.language)[0], asked)
        lacking = [fact for fact in asked if fact.kind == "name" and not holds(title, fact)]
        brought = introduction(chunk.document, lacking, self._store)
        there = [fact for _, own in brought for fact in own]
        return (*title, *(name for name in lacking if holds(there, name)))


class Sources:
    """The sentences that an answer may rest on."""

    def __init__(
        self, context: Context, mean: Floats, embedder: Embedder, checks: tuple[Check, ...]
    ) -> None:
        self._context = context
        self._mean = mean
        self._embedder = embedder
        self._checks = checks

    def verify(self, sentence: str, language: str, *, attempts: int = 1) -> Verdict:
        """Compare a sentence of the answer with the sources.

        A reason must be held by itself too: beside the question's words, those of a made-up one
        weigh little.

        Args:
            sentence: of the answer.
            language: "fr" or "en", of the sentence.
            attempts: with how many of the closest sentences, one after the other, until one
                supports it.
        """
        verdict = self._verify(sentence, language, attempts)
        if given := reason(sentence):
            held = self._verify(given, language, attempts)
            if held.support < verdict.support:
                return replace(held, citations=verdict.citations if held.citations else ())
        return verdict

    def _verify(self, text: str, language: str, attempts: int) -> Verdict:
        said = self._statement(text, language)
        sources = self._context.sources
        if not sources or not said.words:
            return Verdict(Outcome.UNSUPPORTED, 0.0, ())
        alike = np.stack([_likeness(said, source) for source in sources])
        tried: dict[int, Verdict] = {}
        for left in range(min(attempts, len(sources)), 0, -1):
            together = not said.single and left == 1
            chosen = (_several if together else _one)(said, alike, self._context, tried)
            for cited in (chosen[:1], chosen) if attempts > 1 and len(chosen) == 2 else (chosen,):
                verdict = self._compared(said, cited, alike[cited].max(axis=0))
                settled = not tried and self._settles(verdict)
                if verdict.outcome is Outcome.SUPPORTED or settled:
                    return verdict
            tried[chosen[0]] = verdict
        return max(tried.values(), key=lambda each: round(each.covered, 1))

    def carrying(self, sentence: str, language: str, chunk: int) -> Verdict | None:
        """What the likest of the source's sentences says that has the figures of a statement, but
        for the question's, if one has; without any, the likest of the chunk it was written from.

        Args:
            sentence: of the answer.
            language: "fr" or "en", of the sentence.
            chunk: the id of that chunk.
        """
        said = self._statement(sentence, language)
        figures = [
            fact
            for fact in said.facts
            if fact.kind in ("number", "date") and not holds(self._context.asked, fact)
        ]
        having = [
            number
            for number, source in enumerate(self._context.sources)
            if all(holds(source.facts, fact) for fact in figures)
        ]
        own = [number for number in having if self._context.sources[number].chunk == chunk]
        having = own or (having if figures else [])
        if not having or not said.words:
            return None
        weights = _weights(said)
        alike = {number: _likeness(said, self._context.sources[number]) for number in having}
        likest = max(having, key=lambda number: float(alike[number] @ weights))
        return self._compared(said, [likest], alike[likest])

    def _settles(self, verdict: Verdict) -> bool:
        """Whether a sentence says the opposite, or it of others in each other's place."""
        opposite = {
            each.name for each in self._checks if each.differs in ("role", "denial", "place")
        }
        return verdict.covered >= SUPPORTED and not opposite.isdisjoint(verdict.failed)

    def _compared(self, said: Statement, chosen: Sequence[int], alike: Floats) -> Verdict:
        """What these sentences say of a statement whose words are so like theirs."""
        cited = [self._context.sources[number] for number in chosen]
        foreign = cited[0].language != said.language
        support = _support(said, alike, foreign)
        citations = tuple(source.citation for source in cited)
        lacking = tuple(
            fact
            for fact in said.facts
            if not any(holds((*source.context, *source.facts), fact) for source in cited)
        )
        away = frozenset(fact.value for fact in lacking)
        kept = np.array([not word.names or not word.names <= away for word in said.words])
        covered = _support(said, alike, foreign, kept)
        failed = tuple(
            check.name for check in self._checks if check.contradicts(said, cited, self._context)
        )
        if failed:
            low = min(support, THRESHOLDS.contradicted)
            return Verdict(Outcome.CONTRADICTED, low, (), failed, citations, covered, lacking)
        outcome = Outcome.SUPPORTED if support >= SUPPORTED else Outcome.UNSUPPORTED
        return Verdict(outcome, support, citations, (), citations, covered, lacking)

    def _statement(self, text: str, language: str) -> Statement:
        code = self._embedder.embed_chunks([text])[0]
        vectors = unit(code.tokens - self._mean)
        words = []
        for match in WORD.finditer(text):
            meaning = terms(match[0], language)
            own = (code.spans[:, 0] < match.end()) & (code.spans[:, 1] > match.start())
            if not meaning or not own.any():
                continue
            names = frozenset(
                fact.value for fact in facts(f"x {match[0]}", language) if fact.kind == "name"
            )
            # Figures are compared exactly, apart; so are names, which say less of what is said.
            weight = 0.0 if match[0][0].isdigit() else THRESHOLDS.name if names else 1.0
            words.append(Word(match.start(), vectors[own], frozenset(meaning), names, weight))
        parts = sum(len(part.split()) >= THRESHOLDS.clause for part in clauses(text))
        return Statement(text, language, facts(text, language), tuple(words), parts < 2)


def _sources_of(
    chunk: StoredChunk,
    vectors: Floats,
    spans: NDArray[np.int32],
    asked: Sequence[Fact],
    titled: tuple[Fact, ...],
) -> list[Source]:
    """The sentences of a chunk that say something; names also as the question spells them."""
    found: list[Source] = []
    near = before = titled
    subject = before if title_names(chunk.title, chunk.language)[1] else ()
    for start, end in chunk.sentences:
        citation = cite(chunk, (start, end))
        own = with_spellings(facts(citation.text, chunk.language), asked)
        before = (*before, *own)
        within = (spans[:, 0] < end) & (spans[:, 1] > start)
        if not is_saying(citation.text) or not within.any():
            continue
        meaning = frozenset(terms(citation.text, chunk.language))
        found.append(
            Source(
                citation,
                chunk.id,
                chunk.language,
                vectors[within],
                spans[within, 0] - start,
                meaning,
                own,
                near,
                before,
                titled,
                subject,
            )
        )
        near = own if any(fact.kind == "name" for fact in own) else near
    return found


def is_saying(text: str) -> bool:
    """Whether a sentence says something of the world: no heading, no order to an assistant."""
    return not text.startswith("#") and phrases("orders").search(fold(text)) is None


def _likeness(said: Statement, source: Source) -> Floats:
    """(words,) how like each word the closest one of the source is: 1 for the same word."""
    return np.array(
        [
            1.0 if word.terms & source.terms else min(max(likeness(word, source), 0.0), 1.0)
            for word in said.words
        ],
        np.float32,
    )


def _weights(said: Statement, kept: NDArray[np.bool_] | bool = True) -> Floats:
    """(words,) the shares of the words kept, summing to 1; alike where none weighs anything."""
    weights = np.array([word.weight for word in said.words], np.float32) * kept
    weights = weights if weights.any() else np.ones_like(weights)
    return weights / max(float(weights.sum()), 1.0)


def _support(
    said: Statement, covered: Floats, foreign: bool, kept: NDArray[np.bool_] | bool = True
) -> float:
    weights, limits = _weights(said, kept), THRESHOLDS
    weakest = float(np.sort(covered[weights > 0])[:2].mean())
    enough = limits.covered - (limits.crossing if foreign else 0)
    likeness_of_all = float(covered @ weights) + limits.weakest * weakest
    return 1 / (1 + exp(-limits.slope * (likeness_of_all - enough)))


def _several(said: Statement, alike: Floats, context: Context, tried: Collection[int]) -> list[int]:
    """The best sentence not tried yet, then those that add words or facts which it lacks."""
    weights, sources = _weights(said), context.sources

    def missing(chosen: list[int]) -> int:
        return sum(
            not any(
                holds(sources[each].context if fact.kind == "name" else sources[each].facts, fact)
                for each in chosen
            )
            for fact in said.facts
        )

    lacks = [sum(not holds(source.facts, fact) for fact in said.facts) for source in sources]
    scores = alike @ weights - 0.05 * np.array(lacks)
    scores[list(tried)] = -np.inf
    chosen = [int(np.argmax(scores))]
    while len(chosen) < THRESHOLDS.citations:
        covered = alike[chosen].max(axis=0)
        gains = np.maximum(alike, covered) @ weights - covered @ weights
        found = np.array([missing(chosen) - missing([*chosen, n]) for n in range(len(sources))])
        best = int(np.argmax(gains + 0.05 * found))
        if best in chosen or (gains[best] < THRESHOLDS.worth_citing and not found[best]):
            break
        chosen.append(best)
    return chosen


def _one(said: Statement, alike: Floats, context: Context, tried: Collection[int]) -> list[int]:
    """The sentence, not tried yet, that holds a single statement, and one shortly before it that
    says more of it.

    Names may stand further back in its chunk.
    """
    weights, sources = _weights(said), context.sources
    lacks = np.array(
        [
            sum(
                0.05 if fact.kind == "name" else 0.5
                for fact in said.facts
                if not holds(source.facts, fact) and not context.given(fact, source)
            )
            for source in sources
        ]
    )
    known = [{fact.value for fact in source.context if fact.kind == "name"} for source in sources]
    named = np.array([[bool(word.names & names) for word in said.words] for names in known])
    alike[:] = np.where(named, 1.0, alike)
    scores = alike @ weights - lacks
    scores[list(tried)] = -np.inf
    best = int(np.argmax(scores))
    top, chosen = scores[best], [best]
    for back in range(1, THRESHOLDS.back + 1):
        for place in range(back, len(sources)):
            if place not in tried and sources[place - back].chunk == sources[place].chunk:
                both = np.maximum(alike[place], alike[place - back]) @ weights - lacks[place]
                if both - back * THRESHOLDS.worth_citing > top:
                    top, chosen = both - back * THRESHOLDS.worth_citing, [place, place - back]
    return chosen
