"""Which sentences of the sources a sentence of the answer rests on, and how surely.

Words are compared through the vector model's own token vectors (each word of the answer with its closest in the source:
MaxSim, arXiv 2004.12832), which bridges French and English. Figures, dates, names and negation are compared exactly:
where they contradict the source, no likeness of words counts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from math import exp

import numpy as np
from numpy.typing import NDArray

from index.contract import Store, StoredChunk
from index.embedder import Embedder
from index.text.sentences import Span
from index.text.words import fold, terms
from rag.retriever import unit
from rag.verifier.facts import Fact, denies, facts, holds, name_key, places

SUPPORTED = 0.5
_CONTRADICTED = 0.2  # the most that a sentence is supported whose facts the sources have otherwise
_MOST_CITATIONS = 3
_WORTH_CITING = 0.08  # a further sentence must raise the covered share of the answer's words by so much, or bring a missing fact
_WEAKEST = 0.3  # how much the two words least like the source count beside the mean over all words
_OF_A_NAME = 0.5  # how much a name counts in that mean beside another word
_COVERED, _SLOPE = 0.71, 20.0  # support is 0.5 where the sum of the two is so high
_CROSSING = 0.05  # less is enough between two languages
_SAME_WORD = 0.55  # cosine from which a name in one language passes for another word of the source
_SAME_OPENING = 0.25  # the same for a word that only opens the sentence, and so may be no name
_JOINS = re.compile(
    r"[,;](?!\d)|\b(?:and|et|while|tandis que|alors que)\b", re.IGNORECASE
)  # two statements in one sentence
_REASON = re.compile(
    r"\b(?:because(?! of)|car|parce qu[e'’]|puisqu[e'’])\s*(?P<clause>.+)",
    re.IGNORECASE | re.DOTALL,
)
_BACK = 2  # sentences: how far before another one may stand that tells what it is about
_A_STATEMENT = 4  # words from which on a part of a sentence counts as one
_CONTRASTS = re.compile(
    r";|\b(?:alors qu[e'’]|tandis qu[e'’]|mais|while|whereas|but)\b", re.IGNORECASE
)
_PUT = re.compile(
    r"\b(?:in|at|to|from|into|à|en|au|aux|dans|chez|vers)\s(?P<name>[A-ZÀ-Þ][\w’'-]*(?: [A-ZÀ-Þ][\w’'-]*)*)"
)
_CLEARLY_CLOSER = 0.1  # cosine by which the words of an answer must be closer to one side of a contrast than to the other
_IS = re.compile(
    r"^(?P<subject>[^,]{2,60}?)\s(?:est|était|fut|is|was)\s(?:(?:une?|le|la|an?|the)\s|l['’])(?P<kind>\w)",
    re.IGNORECASE,
)
_APPOSED = re.compile(r"(?P<name>(?:[A-ZÀ-Þ][\w’'-]*\s?)+),(?P<between>[^,.;:]{0,60})$")
_ORDERS = re.compile(
    r"\b(?:always|only|never) (?:answer|reply)\b|\b(?:answer|reply) (?:only|always|never)\b|\breponde?[sz]\b"
    r"|\b(?:to|for|a|pour) (?:the |l')(?:assistant|chatbot|llm)\b"
    r"|\b(?:ignore|disregard|forget|oublie)\b[^.]{0,40}\binstructions?\b"
    r"|<\|im_(?:start|end)\|>|\[/?inst\]|<</?sys>>"
)
_LONG, _ALIKE = (
    5,
    0.85,
)  # letters from which on, and likeness with which, two spellings pass for one name
_SPELLINGS = (
    ("qu", "c"),
    ("k", "c"),
    ("ph", "f"),
    ("tch", "ch"),
    ("y", "i"),
    ("z", "s"),
    ("ou", "u"),
)
_ENDINGS, _ROOT = "aeiosu", 3  # letters that a name's end may change, and how many must be left
_SAME_KIND = 0.5  # cosine from which on what "X is a ..." says X is passes for a word of the source
_PRONOUN = re.compile(
    r"\b(?:ils?|elles?|lui|leurs?|sa|ses|son|he|she|they|him|his|her|their)\b", re.IGNORECASE
)
_PERSON = re.compile(r"[A-ZÀ-Þ][\w’'-]+(?: [A-ZÀ-Þ][\w’'-]*)+")
_WORD = re.compile(r"\w+(?:[-'’.]\w+)*", re.UNICODE)


@dataclass(frozen=True)
class Citation:
    """A sentence of a source: `passage` is the passage's number in its document; the span is in the document's text."""

    document: str
    title: str
    passage: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Sentence:
    """A sentence of an answer with its span there; `support` (0..1) is how surely the citations hold it."""

    text: str
    start: int
    end: int
    support: float
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class Verdict:
    """How surely the sources hold a sentence (0..1), and their sentences that do, best first; none
    where they contradict it."""

    support: float
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class _Source:
    """A sentence of a passage (its id in the store), ready to compare: token vectors (t, d) of unit length and where each begins in
    the sentence; its own facts, those of the last sentence before it that has names, and all up to it; the names of what its
    document is about, where the title is nothing but these."""

    citation: Citation
    passage: int
    language: str
    tokens: NDArray[np.float32]
    starts: NDArray[np.int32]
    stems: frozenset[str]
    facts: tuple[Fact, ...]
    near: tuple[Fact, ...]
    context: tuple[Fact, ...]
    subject: tuple[Fact, ...]


class Verifier:
    """Compares sentences with the passages of a store, whose token vectors the same embedder made."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    def sources(
        self, passages: Sequence[StoredChunk], asked: Sequence[Fact] = (), *, denied: bool = False
    ) -> "Sources":
        """The passages' sentences, ready for `Sources.verify`; done once an answer.

        Args:
            passages: of the store.
            asked: the question's facts; an answer repeats them as they are there.
            denied: whether the question denies something, so that an answer may too.
        """
        if not passages:
            return Sources([], np.zeros(self._embedder.dimension, np.float32), self._embedder)
        vectors = self._store.token_vectors([chunk.id for chunk in passages])
        mean = np.concatenate([tokens for tokens, _ in vectors]).mean(axis=0)
        found: list[_Source] = []
        for chunk, (tokens, spans) in zip(passages, vectors, strict=True):
            vectors_of = unit(tokens - mean)
            near = before = with_spellings(
                (*facts(chunk.title, chunk.language), *_acronym(chunk.title)), asked
            )
            subject = before if _is_name(chunk.title, chunk.language) else ()
            for start, end in chunk.sentences:
                citation = cite(chunk, (start, end))
                text = citation.text
                if text.startswith("#"):
                    before = (*before, *facts(text, chunk.language))
                    continue  # a heading says what follows, not that it is so
                if is_order(text):
                    continue
                own = with_spellings(facts(text, chunk.language), asked)
                within = (spans[:, 0] < end) & (spans[:, 1] > start)
                stems = frozenset(terms(text, chunk.language))
                before = (*before, *own)
                starts = spans[within, 0] - start
                known = stems, own, near, before, subject
                found.append(
                    _Source(citation, chunk.id, chunk.language, vectors_of[within], starts, *known)
                )
                near = own if any(fact.kind == "name" for fact in own) else near
        return Sources(found, mean, self._embedder, tuple(asked), denied=denied)


class Sources:
    """The sentences that an answer may rest on."""

    def __init__(
        self,
        sources: list[_Source],
        mean: NDArray[np.float32],
        embedder: Embedder,
        asked: tuple[Fact, ...] = (),
        *,
        denied: bool = False,
    ) -> None:
        self._sources = [source for source in sources if len(source.tokens)]
        self._mean = mean
        self._embedder = embedder
        self._asked = asked
        self._denied = denied

    def verify(self, sentence: str, language: str) -> Verdict:
        """Compare a sentence of the answer with the sources.

        A reason must be held by itself: beside the question's words, those of a made-up one weigh little.

        Args:
            sentence: of the answer.
            language: "fr" or "en", of the sentence.
        """
        support, citations = self._held(sentence, language)
        if given := reason(sentence):
            held, its_own = self._held(given, language)
            support, citations = min(support, held), citations if its_own else ()
        return Verdict(support, citations)

    def _held(self, sentence: str, language: str) -> tuple[float, tuple[Citation, ...]]:
        words = self._words(sentence, language)
        if not self._sources or not len(words.weights):
            return 0.0, ()
        likeness = np.stack([self._likeness(words, source) for source in self._sources])
        wanted = facts(sentence, language)
        single = sum(len(part.split()) >= _A_STATEMENT for part in _JOINS.split(sentence)) < 2
        if single:
            chosen = self._choose_one(likeness, words, wanted)
        else:
            chosen = self._choose(likeness @ words.weights, likeness, words, wanted)
        cited = [self._sources[number] for number in chosen]
        covered = likeness[chosen].max(axis=0)
        weakest = float(np.sort(covered[words.weights > 0])[:2].mean())
        enough = _COVERED - (_CROSSING if cited[0].language != language else 0)
        support = 1 / (
            1 + exp(-_SLOPE * (float(covered @ words.weights) + _WEAKEST * weakest - enough))
        )
        if (
            any(self._contradicted(fact, cited, words) for fact in wanted)
            or self._belongs_elsewhere(sentence, language, cited)
            or self._mixes(sentence, wanted, cited)
            or (
                single
                and (
                    self._crosses(sentence, language, words, cited[0])
                    or self._far(wanted, cited[0])
                )
            )
            or self._apposed_to_another(sentence, language, cited, words)
            or self._about_another(wanted, sentence, cited[0])
            or (not self._denied and self._denial_differs(sentence, language, cited[0]))
        ):
            return min(support, _CONTRADICTED), ()
        return support, tuple(source.citation for source in cited)

    def _words(self, sentence: str, language: str) -> "_Words":
        code = self._embedder.embed_chunks([sentence])[0]
        directions = unit(code.tokens - self._mean)
        rows, weights, stems, names, starts = [], [], [], [], []
        for match in _WORD.finditer(sentence):
            stem = terms(match[0], language)
            own = (code.spans[:, 0] < match.end()) & (code.spans[:, 1] > match.start())
            if stem and own.any():
                rows.append(directions[own])
                starts.append(match.start())
                own_names = frozenset(
                    fact.value for fact in facts(f"x {match[0]}", language) if fact.kind == "name"
                )
                # Figures are compared exactly, apart; so are names, which say less of what is said of them.
                weights.append(0.0 if match[0][0].isdigit() else _OF_A_NAME if own_names else 1.0)
                stems.append(frozenset(stem))
                names.append(own_names)
        share = np.array(weights, np.float32) if any(weights) else np.ones(len(rows), np.float32)
        return _Words(rows, share / max(float(share.sum()), 1.0), stems, names, starts)

    def _likeness(self, words: "_Words", source: _Source) -> NDArray[np.float32]:
        """For each word of the answer, how like it the closest word of the source is: (words,), 1 for the same word."""
        best = np.array(
            [(rows @ source.tokens.T).max(axis=1).mean() for rows in words.rows], np.float32
        )
        same = np.array([bool(stems & source.stems) for stems in words.stems])
        return np.where(same, 1.0, np.clip(best, 0.0, 1.0)).astype(np.float32)

    def _choose(
        self,
        scores: NDArray[np.float32],
        likeness: NDArray[np.float32],
        words: "_Words",
        wanted: tuple[Fact, ...],
    ) -> list[int]:
        """The best sentence, then those that add words or facts which it lacks."""

        def missing(chosen: list[int]) -> int:
            sources = [self._sources[number] for number in chosen]
            return sum(
                not any(
                    holds(source.context if fact.kind == "name" else source.facts, fact)
                    for source in sources
                )
                for fact in wanted
            )

        lacks = np.array(
            [sum(not holds(source.facts, fact) for fact in wanted) for source in self._sources]
        )
        chosen = [int(np.argmax(scores - 0.05 * lacks))]
        while len(chosen) < _MOST_CITATIONS:
            covered = likeness[chosen].max(axis=0)
            gains = np.maximum(likeness, covered) @ words.weights - covered @ words.weights
            found = [
                missing(chosen) - missing([*chosen, number]) for number in range(len(self._sources))
            ]
            best = int(np.argmax(gains + 0.05 * np.array(found)))
            if best in chosen or (gains[best] < _WORTH_CITING and not found[best]):
                break
            chosen.append(best)
        return chosen

    def _choose_one(
        self, likeness: NDArray[np.float32], words: "_Words", wanted: tuple[Fact, ...]
    ) -> list[int]:
        """The one sentence that holds a single statement, and one shortly before it where that says more of it; names may stand
        further back."""
        missing = [
            [
                fact
                for fact in wanted
                if not holds(source.facts, fact) and not self._given(fact, source)
            ]
            for source in self._sources
        ]
        lacks = np.array(
            [sum(0.05 if fact.kind == "name" else 0.5 for fact in facts) for facts in missing]
        )
        contexts = [
            {fact.value for fact in source.context if fact.kind == "name"}
            for source in self._sources
        ]
        known = np.array([[bool(names & context) for names in words.names] for context in contexts])
        named = np.where(known, 1.0, likeness)
        scores = named @ words.weights - lacks
        best, before = int(np.argmax(scores)), None
        top = scores[best]
        for back in range(1, _BACK + 1):
            for place in range(back, len(self._sources)):
                both = (
                    float(
                        np.maximum(named[place], likeness[place - back]) @ words.weights
                        - lacks[place]
                    )
                    - back * _WORTH_CITING
                )
                if (
                    both > top
                    and self._sources[place - back].passage == self._sources[place].passage
                ):
                    top, best, before = both, place, place - back
        likeness[best] = named[best]
        return [best] if before is None else [best, before]

    def _contradicted(self, fact: Fact, cited: list[_Source], words: "_Words") -> bool:
        """Whether the cited sentences lack a fact of the answer. A name may also stand before them in the passage."""
        if fact.kind == "rank":  # "first" need not be a rank; another rank in its place tells
            return any(
                other.kind == "rank" for source in cited for other in source.facts
            ) and not any(holds(source.facts, fact) for source in cited)
        if fact.kind != "name":  # what the question gives may also stand before
            return not any(
                holds(source.facts, fact) or self._given(fact, source) for source in cited
            )
        if any(holds(source.context, fact) for source in cited):
            return False
        place = next(
            (number for number, names in enumerate(words.names) if fact.value in names), None
        )
        if place is None:
            return not fact.opening
        closest = max(
            float((words.rows[place] @ source.tokens.T).max(axis=1).mean()) for source in cited
        )
        return closest < (_SAME_OPENING if fact.opening else _SAME_WORD)

    def _mixes(self, sentence: str, wanted: tuple[Fact, ...], cited: list[_Source]) -> bool:
        """Whether one statement is put together from names that no single place of the sources has together."""
        known = [
            fact
            for fact in wanted
            if fact.kind == "name" and any(holds(source.facts, fact) for source in self._sources)
        ]
        together = any(all(holds(source.context, fact) for fact in known) for source in cited)
        return not together and _JOINS.search(sentence) is None

    def _crosses(self, sentence: str, language: str, words: "_Words", source: _Source) -> bool:
        """Whether the answer puts a place or partner from one side of a contrast to what the source says on the other: "its seat is
        in Paris" where "its seat is in New York, while its staff works in Paris"."""
        text = source.citation.text
        borders = [0, *(match.start() for match in _CONTRASTS.finditer(text)), len(text)]
        content = [
            rows
            for rows, names, weight in zip(words.rows, words.names, words.weights, strict=True)
            if weight and not names
        ]
        if len(borders) < 3 or not content:
            return False
        sides: list[tuple[float, tuple[Fact, ...]]] = []
        for start, end in pairwise(borders):
            within = source.tokens[(source.starts >= start) & (source.starts < end)]
            closest = [float((rows @ within.T).max(axis=1, initial=0).mean()) for rows in content]
            sides.append((float(np.mean(closest)), facts(text[start:end], source.language)))
        close, said = max(sides, key=lambda side: side[0])
        if not _rivals(said, facts(sentence, language)):
            return False
        put = [
            fact
            for match in _PUT.finditer(sentence)
            for fact in facts(f"x {match['name']}", language)
            if fact.kind == "name"
        ]
        for name in put:
            elsewhere = [closeness for closeness, own in sides if holds(own, name)]
            if elsewhere and not holds(said, name) and close - max(elsewhere) > _CLEARLY_CLOSER:
                return True
        return False

    def _far(self, wanted: tuple[Fact, ...], source: _Source) -> bool:
        """Whether a name of the answer stands neither in the sentence nor in the last one before it with names, and others do; a
        country must stand in one of the two in any case. A name that the question gave may be meant by a pronoun."""
        for fact in wanted:
            if not any(holds(each.context, fact) for each in self._sources):
                continue  # translated: it was compared as a word
            if self._meant(fact, source):
                continue
            if (
                fact.kind == "name"
                and not fact.opening
                and not holds((*source.facts, *source.subject), fact)
            ):
                if fact.value in places():
                    if not holds(source.near, fact) or _rivals(
                        source.facts, wanted, of_places=True
                    ):
                        return True
                elif not holds(source.near, fact) and _rivals(
                    (*source.facts, *source.near), wanted
                ):
                    return True
        return False

    def _given(self, fact: Fact, source: _Source) -> bool:
        """Whether the question gives a fact that stands in the source's sentence or before it."""
        return holds(self._asked, fact) and holds(source.context, fact)

    def _meant(self, fact: Fact, source: _Source) -> bool:
        """Whether a pronoun of the source may be whom the question names."""
        return self._given(fact, source) and _PRONOUN.search(source.citation.text) is not None

    def _replaces_name(self, names: list[Fact], source: _Source) -> bool:
        """Whether the source lacks one of the names, and has another that the answer lacks."""
        known = (*source.facts, *source.subject)
        lacking = any(not holds(known, fact) and not self._meant(fact, source) for fact in names)
        return lacking and _rivals(source.facts, tuple(names))

    def _belongs_elsewhere(self, sentence: str, language: str, cited: list[_Source]) -> bool:
        """Whether a figure is another's in the source: its sentence lacks a name that stands by it in the answer, and has one
        that the answer lacks in its place ("13 billion in Mistral" where the source says OpenAI)."""
        for statement in _JOINS.split(sentence):
            known = facts(statement, language)
            names = [fact for fact in known if fact.kind == "name"]
            for figure in (fact for fact in known if fact.kind == "number"):
                holders = [source for source in cited if holds(source.facts, figure)]
                if holders and all(self._replaces_name(names, source) for source in holders):
                    return True
        return False

    def _about_another(self, wanted: tuple[Fact, ...], sentence: str, source: _Source) -> bool:
        """Whether the answer says of one person what the sentence that it rests on says of another."""
        subject = _PERSON.match(sentence)
        words = {name_key(word) for word in subject[0].split()} if subject else set()
        own = [fact for fact in wanted if fact.kind == "name" and fact.value in words]
        if not own or any(
            holds((*source.facts, *source.subject), fact) or self._meant(fact, source)
            for fact in own
        ):
            return False
        known = {fact.value for fact in wanted}
        people = [
            [name_key(word) for word in person.group().split()]
            for person in _PERSON.finditer(source.citation.text)
        ]
        return any(not known & set(person) and not places() & set(person) for person in people)

    def _apposed_to_another(
        self, sentence: str, language: str, cited: list[_Source], words: "_Words"
    ) -> bool:
        """Whether "X is a Y" takes its Y from nowhere, or from a source that says it of somebody else: "X works for Z, a Y"."""
        said = _IS.match(sentence)
        kind = next(
            (n for n, start in enumerate(words.starts) if said and start >= said.start("kind")),
            None,
        )
        if said is None or kind is None:
            return False
        subject = {fact.value for fact in facts(said["subject"], language) if fact.kind == "name"}
        if (
            subject
            and max(float(self._likeness(words, source)[kind]) for source in cited) < _SAME_KIND
        ):
            return True  # names alone would carry it: "X is a lawyer" where the source only speaks of X
        for source in cited:
            closest = int((words.rows[kind] @ source.tokens.T).mean(axis=0).argmax())
            apposed = _APPOSED.search(source.citation.text[: source.starts[closest]])
            between = facts(f"x {apposed['between']}", source.language) if apposed else ()
            if subject and apposed and not any(fact.value in subject for fact in between):
                owner = {
                    fact.value
                    for fact in facts(apposed["name"], source.language)
                    if fact.kind == "name"
                }
                return bool(owner) and not owner & subject
        return False

    def _denial_differs(self, sentence: str, language: str, source: _Source) -> bool:
        """Whether the answer denies what the source states, as far as words of negation tell."""
        return denies(sentence, language) and not denies(source.citation.text, source.language)


@dataclass(frozen=True)
class _Words:
    """The words of an answer's sentence that mean something: token vectors (t, d) of each, weights (n,) that sum to 1, where each
    begins."""

    rows: list[NDArray[np.float32]]
    weights: NDArray[np.float32]
    stems: list[frozenset[str]]
    names: list[frozenset[str]]
    starts: list[int]


def space_before(text: str, sentence: Sentence) -> str:
    """What parts a sentence of this text from the one before it."""
    before = text[: sentence.start]
    return before[len(before.rstrip()) :]


def cite(chunk: StoredChunk, span: Span) -> Citation:
    """A sentence of a passage, by its span in the document's text."""
    start, end = span
    text = chunk.text[start - chunk.start : end - chunk.start]
    return Citation(chunk.document, chunk.title, chunk.ordinal, start, end, text)


def with_spellings(own: tuple[Fact, ...], asked: Sequence[Fact]) -> tuple[Fact, ...]:
    """The facts of a text, and its names as a question spells them: "Viera" for Vieira, "UAZ" for UAZ-469."""
    known = {fact.value for fact in own if fact.kind == "name"}
    wanted = [fact for fact in asked if fact.kind == "name" and fact.value not in known]
    return (
        *own,
        *(name for name in wanted if any(_spelled_alike(name.value, one) for one in known)),
    )


def reason(sentence: str) -> str:
    """What a sentence gives as the reason ("... because it earns money"), "" where it gives none or a few words."""
    found = _REASON.search(sentence)
    return found["clause"] if found and len(found["clause"].split()) >= _A_STATEMENT else ""


def is_order(text: str) -> bool:
    """Whether a sentence tells an assistant what to answer, which says nothing of the world."""
    return _ORDERS.search(fold(text)) is not None


def subject(chunk: StoredChunk) -> tuple[Fact, ...]:
    """The names of what a passage's document is about, where its title is nothing but these."""
    return facts(chunk.title, chunk.language) if _is_name(chunk.title, chunk.language) else ()


def _acronym(title: str) -> tuple[Fact, ...]:
    """ "UAZ" of "Ulyanovsky Avtomobilny Zavod": the initials of a title's words with a capital, from three on."""
    initials = "".join(word[0][0] for word in _WORD.finditer(title) if word[0][0].isupper())
    return (Fact("name", name_key(initials)),) if len(initials) >= 3 else ()


def _is_name(title: str, language: str) -> bool:
    """Whether a title is a name and nothing else."""
    known = {fact.value for fact in facts(f"x {title}", language) if fact.kind == "name"}
    return bool(known) and all(
        name_key(word[0]) in known for word in _WORD.finditer(title) if terms(word[0], language)
    )


def _spelled_alike(asked: str, known: str) -> bool:
    if known.startswith(f"{asked}-") or known.replace("-", "") == asked.replace("-", ""):
        return True
    one, two = _across(asked), _across(known)
    if one == two or (
        len(one.rstrip(_ENDINGS)) >= _ROOT and one.rstrip(_ENDINGS) == two.rstrip(_ENDINGS)
    ):
        return True
    return (
        min(len(asked), len(known)) >= _LONG
        and SequenceMatcher(None, asked, known).ratio() >= _ALIKE
    )


def _across(name: str) -> str:
    """A name without what French and English spell each in their own way: Utique and Utica, Roy and Roi, Paskevitch."""
    for theirs, ours in _SPELLINGS:
        name = name.replace(theirs, ours)
    return re.sub(r"(.)\1", r"\1", name)


def _rivals(there: tuple[Fact, ...], wanted: tuple[Fact, ...], *, of_places: bool = False) -> bool:
    """Whether there are names of others than the answer's; places count as such among themselves only."""
    return any(
        fact.kind == "name"
        and (fact.value in places()) == of_places
        and (of_places or not fact.opening)
        and not holds(wanted, fact)
        for fact in there
    )
