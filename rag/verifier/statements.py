"""What is compared: a statement with its words, source sentences, and what is known of both."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from index.text.words import phrases
from rag.verifier.citations import Citation
from rag.verifier.facts import holds
from rag.verifier.figures import Fact


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
    closer: float = 0.1  # cosine by which words must be closer to one side of a contrast


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

    `starts` (t,) says where in the sentence each token begins. `near` are the facts of the last
    sentence before it that has names, `context` all up to it, `title` those of its document's
    title, `subject` the names that this consists of.
    """

    citation: Citation
    chunk: int
    language: str
    vectors: NDArray[np.float32]
    starts: NDArray[np.int32]
    terms: frozenset[str]
    facts: tuple[Fact, ...]
    near: tuple[Fact, ...]
    context: tuple[Fact, ...]
    title: tuple[Fact, ...]
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
