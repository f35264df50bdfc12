"""A statement and source sentences clause by clause: which clause speaks of which of its words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from index.text.words import NAME, phrases, terms
from rag.verifier.checks import clauses
from rag.verifier.facts import facts, name_key
from rag.verifier.figures import Fact
from rag.verifier.statements import THRESHOLDS, Source, Statement

_SPOKEN = 0.35  # cosine from which on a word of a source is what a word of the statement means
_NEAR = 18  # characters before a word in which a figure counts it


@dataclass(frozen=True)
class Clause:
    """A part of a source sentence, and which words of a statement it speaks of, (words,) bool."""

    text: str
    language: str
    facts: tuple[Fact, ...]
    speaks: NDArray[np.bool_]


def clauses_of(said: Statement, cited: Sequence[Source], signs: str = ";:,") -> list[Clause]:
    """The clauses of source sentences, parted by contrasts and signs.

    A word of the statement is spoken of where it stands or its like does, in one clause or several.
    """
    parts: list[tuple[str, str]] = []
    alike: list[list[float]] = []
    for source in cited:
        text, language = source.citation.text, source.language
        found = {match.start() for match in phrases("contrasts").finditer(text)}
        found |= {
            at + 1 for at in range(len(text) - 1) if text[at] in signs and text[at + 1] == " "
        }
        for start, end in pairwise(sorted(found | {0, len(text)})):
            meaning = set(terms(text[start:end], language))
            within = source.vectors[(source.starts >= start) & (source.starts < end)]
            parts.append((text[start:end], language))
            alike.append(
                [
                    1.0
                    if word.terms & meaning
                    else float((word.vectors @ within.T).max(axis=1, initial=0).mean())
                    for word in said.words
                ]
            )
    every = np.array(alike)
    best = every.max(axis=0)
    speaks = (best >= _SPOKEN) & (every >= best - THRESHOLDS.closer)
    return [
        Clause(text, language, facts(text, language), speaks[place])
        for place, (text, language) in enumerate(parts)
    ]


def content_of(said: Statement) -> NDArray[np.bool_]:
    """(words,) those that are neither names nor figures."""
    return np.array([word.weight > 0 and not word.names for word in said.words])


def parts_of(said: Statement) -> Iterator[Statement]:
    """The statements that one of several joins, each with its own words and facts."""
    at = 0
    for text in clauses(said.text):
        start = said.text.find(text, at)
        at = max(start, at) + len(text)
        words = tuple(word for word in said.words if start <= word.start < at)
        if words:
            yield replace(said, text=text, facts=facts(text, said.language), words=words)


def figures_before(text: str, end: int, language: str) -> list[Fact]:
    """The figures shortly before a place of a text."""
    window = text[max(0, end - _NEAR) : end]
    whole = window if end <= _NEAR else window.partition(" ")[2]
    return [fact for fact in facts(whole, language) if fact.kind == "number"]


def names_in(text: str) -> Iterator[tuple[frozenset[str], int, int]]:
    """The names of a text: the keys of their words, where each begins and ends."""
    for match in NAME.finditer(text):
        keys = {name_key(word) for word in match[0].replace("'", " ").replace("’", " ").split()}
        known = {fact.value for fact in facts(f"x {match[0]}", "fr") if fact.kind == "name"}
        if keys & known:
            yield frozenset(keys & known), match.start(), match.end()


def reason(sentence: str) -> str:
    """What a sentence gives as a reason ("... because it earns money"), "" if none."""
    found = phrases("because").search(sentence)
    clause = sentence[found.end() :].strip() if found else ""
    return clause if len(clause.split()) >= THRESHOLDS.clause else ""
