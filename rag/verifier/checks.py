"""What contradicts a statement whose words its sources have: a table of checks.

A new check is a function of a statement, the sentences that it would cite and all that it may
rest on; it becomes a row of `CHECKS`. `python -m bench.ablation` measures each row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from index.text.words import NAME, phrases
from rag.verifier.citations import Citation
from rag.verifier.facts import Fact, denies, facts, holds, name_key, places


class Outcome(Enum):
    """What comes of comparing a statement with its sources."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"  # its words aren't theirs
    CONTRADICTED = "contradicted"  # a check says so


@dataclass(frozen=True)
class Thresholds:
    """The constants of likeness and checks; cosines are of centred token vectors."""

    supported: float = 0.5
    contradicted: float = 0.2  # the highest support of what is contradicted
    covered: float = 0.71  # likeness at which support is 0.5
    slope: float = 20.0
    crossing: float = 0.05  # how much less likeness is enough between two languages
    weakest: float = 0.3  # weight of the two words least like the source, beside the mean of all
    name: float = 0.5  # weight of a name in that mean, beside 1 for another word
    worth_citing: float = 0.08  # share of the words that a further citation must add
    citations: int = 3
    back: int = 2  # how many sentences before a cited one may say what it is about
    clause: int = 4  # words from which on a part of a sentence is a statement
    same_word: float = 0.55  # cosine from which on a name is translated by a word of the source
    same_opening: float = 0.25  # the same where it opens the sentence and may be no name
    same_kind: float = 0.5  # the same for the Y of "X is a Y"


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Word:
    """A word with a meaning: token vectors (t, d) float32 of unit length, index terms, names."""

    start: int
    vectors: NDArray[np.float32]
    terms: frozenset[str]
    names: frozenset[str]
    weight: float


@dataclass(frozen=True)
class Statement:
    """A sentence of an answer; `single` where it isn't two statements joined."""

    text: str
    language: str
    facts: tuple[Fact, ...]
    words: tuple[Word, ...]
    single: bool


@dataclass(frozen=True)
class Source:
    """A sentence of a chunk: token vectors (t, d) float32 of unit length, index terms, facts.

    `near` are the facts of the last sentence before it that has names, `context` all up to it,
    `subject` the names that its document's title consists of.
    """

    citation: Citation
    chunk: int
    language: str
    vectors: NDArray[np.float32]
    terms: frozenset[str]
    facts: tuple[Fact, ...]
    near: tuple[Fact, ...]
    context: tuple[Fact, ...]
    subject: tuple[Fact, ...]


@dataclass(frozen=True)
class Context:
    """All that an answer may rest on, the question's facts and whether it denies something."""

    sources: tuple[Source, ...] = ()
    asked: tuple[Fact, ...] = ()
    denied: bool = False

    def given(self, fact: Fact, source: Source) -> bool:
        """Whether the question names a fact that stands in this sentence or before it."""
        return holds(self.asked, fact) and holds(source.context, fact)

    def meant(self, fact: Fact, source: Source) -> bool:
        """Whether a name stands in a sentence or its title, or by a pronoun for one asked about."""
        return holds((*source.facts, *source.subject), fact) or (
            self.given(fact, source)
            and phrases("pronouns").search(source.citation.text) is not None
        )


def clauses(text: str) -> list[str]:
    """A sentence in the statements that it may join by a comma, "and" or "while"."""
    return phrases("joins").sub(", ", text).replace(";", ", ").split(", ")


def likeness(word: Word, source: Source) -> float:
    """The cosine of a word of the answer and the closest one of a source, mean over its tokens."""
    return float((word.vectors @ source.vectors.T).max(axis=1).mean())


def figure_missing(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """A figure or date is in no cited sentence, nor named by the question and before one."""
    return any(
        fact.kind in ("number", "date")
        and not any(holds(source.facts, fact) or context.given(fact, source) for source in cited)
        for fact in said.facts
    )


def rank_differs(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """The sources have another rank in its place: "first" alone need not be one."""
    ranked = any(fact.kind == "rank" for source in cited for fact in source.facts)
    return ranked and any(
        fact.kind == "rank" and not any(holds(source.facts, fact) for source in cited)
        for fact in said.facts
    )


def name_missing(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """A name stands neither in nor before a cited sentence, and isn't a translated word of one."""
    for fact in said.facts:
        if fact.kind != "name" or any(holds(source.context, fact) for source in cited):
            continue
        word = next((word for word in said.words if fact.value in word.names), None)
        least = THRESHOLDS.same_opening if fact.opening else THRESHOLDS.same_word
        if word is None and fact.opening:
            continue
        if word is None or max(likeness(word, source) for source in cited) < least:
            return True
    return False


def figure_of_another(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """Where a figure stands, a name beside it in the answer is replaced by another."""

    def replaced(names: tuple[Fact, ...], source: Source) -> bool:
        lacking = any(not context.meant(fact, source) for fact in names)
        return lacking and rivals(source.facts, names)

    for part in clauses(said.text):
        known = facts(part, said.language)
        names = tuple(fact for fact in known if fact.kind == "name")
        for figure in (fact for fact in known if fact.kind == "number"):
            holders = [source for source in cited if holds(source.facts, figure)]
            if holders and all(replaced(names, source) for source in holders):
                return True
    return False


def names_apart(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """One statement has names that no place of the sources has together."""
    known = [
        fact
        for fact in said.facts
        if fact.kind == "name" and any(holds(source.facts, fact) for source in context.sources)
    ]
    together = any(all(holds(source.context, fact) for fact in known) for source in cited)
    return not together and len(clauses(said.text)) == 1


def name_far(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """A name stands neither in the sentence nor near before it, where others do.

    A country must stand there in any case.
    """
    source = cited[0]
    if not said.single:
        return False
    for fact in said.facts:
        if fact.kind != "name" or fact.opening or context.meant(fact, source):
            continue
        if not any(holds(each.context, fact) for each in context.sources):
            continue  # translated: it was compared as a word
        near = holds(source.near, fact)
        if fact.value in places():
            if not near or rivals(source.facts, said.facts, of_places=True):
                return True
        elif not near and rivals((*source.facts, *source.near), said.facts):
            return True
    return False


def kind_unknown(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """Of "X is a Y", the sources have X alone."""
    found = phrases("is_a").search(said.text, 0, 100)
    subject = said.text[: found.start()] if found else ""
    word = next((each for each in said.words if found and each.start >= found.end()), None)
    if word is None or "," in subject or not any(map(str.isupper, subject)):
        return False
    return all(
        not word.terms & source.terms and likeness(word, source) < THRESHOLDS.same_kind
        for source in cited
    )


def another_person(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """The first cited sentence says it of another person."""
    source, subject = cited[0], NAME.match(said.text)
    words = {name_key(word) for word in subject[0].split()} if subject else set()
    own = [fact for fact in said.facts if fact.kind == "name" and fact.value in words]
    if not own or " " not in (subject or "")[0] or any(context.meant(fact, source) for fact in own):
        return False
    known = {fact.value for fact in said.facts} | places()
    people = (match[0].split() for match in NAME.finditer(source.citation.text))
    return any(len(name) > 1 and not known & set(map(name_key, name)) for name in people)


def denial_differs(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """It denies what its source states, where the question denies nothing."""
    return (
        not context.denied
        and denies(said.text, said.language)
        and not denies(cited[0].citation.text, cited[0].language)
    )


def rivals(there: Sequence[Fact], wanted: Sequence[Fact], *, of_places: bool = False) -> bool:
    """Whether there are names that are none of the wanted ones; places count among places only."""
    return any(
        fact.kind == "name"
        and (fact.value in places()) == of_places
        and (of_places or not fact.opening)
        and not holds(wanted, fact)
        for fact in there
    )


@dataclass(frozen=True)
class Check:
    """A row of the table, with a source and what the check finds wrong beside it."""

    contradicts: Callable[[Statement, Sequence[Source], Context], bool]
    source: str
    wrong: str

    @property
    def name(self) -> str:
        """The name by which a verdict and the ablation know it."""
        return self.contradicts.__name__


CHECKS = (
    Check(figure_missing, "Le port a 12 quais.", "Le port a 15 quais."),
    Check(rank_differs, "Il a gagné le premier prix.", "Il a gagné le deuxième prix."),
    Check(name_missing, "Le port de Brest est fermé.", "Le port de Lorient est fermé."),
    Check(figure_of_another, "Brest a 12 quais. Lorient en a 8.", "Brest a 8 quais."),
    Check(names_apart, "Ada vit à Brest. (Ailleurs :) Max vit à Lyon.", "Ada vit avec Max."),
    Check(name_far, "Ada naît à Brest. Max naît à Lyon. Il y travaille.", "Ada travaille à Lyon."),
    Check(kind_unknown, "Ada Morel parle du port.", "Ada Morel est une avocate."),
    Check(another_person, "Max Durand dirige le port.", "Ada Morel dirige le port."),
    Check(denial_differs, "Le port a 12 quais.", "Le port n'a pas 12 quais."),
)
