"""Checks of a text that somebody else wrote, where a false "supported" is the worst fault.

An answer is written from its source and seldom turns it round; a text to be checked may. So the
clauses of a source sentence are told apart: which of them speaks of which word of the statement.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from index.text.words import WORD, fold, phrases, terms
from rag.verifier.checks import Check, likeness, rivals
from rag.verifier.clauses import Clause, clauses_of, content_of, figures_before, names_in, parts_of
from rag.verifier.facts import denies, holds, places, title_names
from rag.verifier.figures import Fact, table
from rag.verifier.statements import THRESHOLDS, Context, Source, Statement

_APART = 2  # how far two names may be apart in a sentence, in names


def polarity_differs(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """It states what a clause of its source denies or forbids, or the other way round."""
    return _in_such(said, cited, _negative) != _negative(said.text, said.language)


def only_possible(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """It states what its source says may be, is planned or is asked for."""
    return not _possible(said.text, "") and _in_such(said, cited, _possible)


def _in_such(said: Statement, cited: Sequence[Source], kind: Callable[[str, str], bool]) -> bool:
    """Whether words of the statement are spoken of in clauses of this kind alone: one word in the
    sentence that holds it, two where the others are counted too."""

    def alone(sources: Sequence[Source]) -> int:
        every = clauses_of(said, sources)
        such = np.array([kind(each.text, each.language) for each in every])
        speaks = np.stack([each.speaks for each in every])
        words = content_of(said)
        if not (words & speaks.any(axis=0)).any():  # only its names are there
            words = ~words
        within = speaks[such].any(axis=0) & ~speaks[~such].any(axis=0)
        return int((within & words).sum())

    return alone(cited[:1]) > 0 or alone(cited) > 1


def _negative(text: str, language: str) -> bool:
    return denies(text, language) or phrases("forbids").search(fold(text)) is not None


def _possible(text: str, _: str) -> bool:
    return phrases("possible").search(fold(text)) is not None


def of_another_clause(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """What speaks of one of its words has another name, or figure, in place of its own."""
    if said.single:
        return _crossed(said, cited[:1])
    return any(_crossed(part, cited) for part in parts_of(said))


def _crossed(said: Statement, cited: Sequence[Source]) -> bool:
    sentences, every = clauses_of(said, cited, ";"), clauses_of(said, cited)
    content, any_word = content_of(said), np.array([word.weight > 0 for word in said.words])
    for fact in said.facts:
        if fact.opening or fact.kind not in ("number", "name"):
            continue
        named = fact.kind == "name" and fact.value not in places()
        parts = sentences if named else every
        words = content if fact.kind == "name" else any_word
        own = [each.speaks for each in parts if holds(each.facts, fact)]
        apart = [
            each.speaks
            for each in parts
            if not holds(each.facts, fact) and _has_rival(each, fact, said)
        ]
        if own and apart and (words & np.any(apart, axis=0) & ~np.any(own, axis=0)).any():
            return True
    return False


def _has_rival(clause: Clause, fact: Fact, said: Statement) -> bool:
    if fact.kind == "name":
        pronoun = phrases("pronouns").search(clause.text) is not None
        return not pronoun and rivals(clause.facts, said.facts, of_places=fact.value in places())
    return any(
        each.kind == "number" and each.unit == fact.unit and not holds(said.facts, each)
        for each in clause.facts
    )


def figure_of_something_else(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """What a figure counts has another figure before it in the source."""
    for word in said.words:
        before = figures_before(said.text, word.start, said.language)
        if word.weight == 0 or not before:
            continue
        close = [(word.vectors @ source.vectors.T).mean(axis=0) for source in cited]
        least = max(THRESHOLDS.same_word, *(each.max() - THRESHOLDS.closer for each in close))
        there = [
            figures
            for source, each in zip(cited, close, strict=True)
            for at in source.starts[each >= least]
            if (figures := figures_before(source.citation.text, int(at), source.language))
        ]
        if there and not any(holds(figures, before[-1]) for figures in there):
            return True
    return False


def share_differs(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """It names another part of a whole than its source does: a half, three quarters."""
    there = {share for source in cited for share in _shares(source.citation.text)}
    return bool(there) and bool(_shares(said.text) - there)


def _shares(text: str) -> set[str]:
    words = f" {' '.join(WORD.findall(fold(text)))} "
    return {key for form, key in table("shares").items() if f" {form} " in words}


def direction_differs(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """It says more or better where its source says less, or compares where that doesn't."""
    ways = [phrases(name) for name in ("up", "down")]
    there = " ".join(fold(source.citation.text) for source in cited)
    stated, known = (
        [way.search(text) is not None for way in ways] for text in (fold(said.text), there)
    )
    return any(own and not its for own, its in zip(stated, known, strict=True)) and (
        any(known) or phrases("compares").search(fold(said.text)) is not None
    )


def roles_differ(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """Two names stand in the other order in its source, on both sides of the same words, or with
    others between them."""
    source = cited[0]
    named, found = list(names_in(said.text)), list(names_in(source.citation.text))
    for one, other in pairwise(named):
        between = [
            word
            for word, content in zip(said.words, content_of(said), strict=True)
            if content and one[2] <= word.start < other[1]
        ]
        first = [place for place, each in enumerate(found) if each[0] & one[0]]
        second = [place for place, each in enumerate(found) if each[0] & other[0]]
        if not between or not first or not second or set(first) & set(second):
            continue
        if min(first) < max(second):
            turned = _agent(said.text, other) != _agent(source.citation.text, found[max(second)])
            if turned or (len(named) == 2 and _gap(first, second) > _APART):
                return True
        elif _agent(said.text, other) == _agent(source.citation.text, found[min(first)]):
            close = [(word.vectors @ source.vectors.T).mean(axis=0) for word in between]
            if any(source.starts[each.argmax()] < found[min(first)][1] for each in close):
                return True
    return False


def _gap(first: Sequence[int], second: Sequence[int]) -> int:
    """How far two names are apart, in names."""
    return min(b - a for a in first for b in second if b > a)


def _agent(text: str, name: tuple[frozenset[str], int, int]) -> bool:
    """Whether a name is the one by whom something is done."""
    return phrases("agent").search(text[max(0, name[1] - 8) : name[1]]) is not None


def no_longer(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """It states in the present what its source calls former."""
    source = cited[0]
    if phrases("former").search(said.text) or phrases("past").search(said.text):
        return False
    text = source.citation.text
    for match in phrases("former").finditer(text):
        following = terms(text[match.end() : match.end() + 40], source.language)[:1]
        within = source.vectors[(source.starts >= match.end()) & (source.starts <= match.end() + 2)]
        for word in said.words:
            close = (word.vectors @ within.T).max(initial=0)
            if not word.names and (set(following) & word.terms or close >= THRESHOLDS.same_word):
                return True
    return False


def named_before(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """A name that its source has only before it isn't the one that is meant there."""
    source = cited[0]
    own = {fact.value for each in cited for fact in each.facts} | {
        fact.value for fact in source.subject
    }
    names = [
        fact.value for fact in said.facts if fact.kind == "name" and fact.value not in places()
    ]
    title = title_names(source.citation.title, source.language)[0]
    near = [fact.value for fact in source.near if fact.kind == "name" and source.near != title]
    lacking = [name for name in names if name not in own]
    return bool(lacking) and not (set(lacking) <= set(near) and near[0] in names)


def said_before(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """The sentence before the one that should hold it says more of it."""
    if not said.single or len(cited) < 2:
        return False
    first, before = (
        sum(likeness(word, source) for word in said.words if word.weight and not word.names)
        for source in cited[:2]
    )
    return first < before


def across_contrast(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """Its names stand on several sides of a contrast, and no word tells which side is meant."""
    sides = clauses_of(said, cited[:1], "")
    names = [fact for fact in said.facts if fact.kind == "name" and holds(cited[0].facts, fact)]
    holding = [[holds(side.facts, name) for name in names] for side in sides]
    if len(names) < 2 or any(map(all, holding)):
        return False
    later = [side.speaks for side, held in zip(sides, holding, strict=True) if any(held)][1:]
    return not (np.any(later, axis=0) & content_of(said)).any()


STRICT = (
    Check(
        polarity_differs,
        "denial",
        "Les chiens sont interdits sur la plage de Brest.",
        "Les chiens sont admis sur la plage de Brest.",
    ),
    Check(
        direction_differs,
        "denial",
        "Le trafic du port de Brest a baissé en mars.",
        "Le trafic du port de Brest a augmenté en mars.",
    ),
    Check(
        no_longer,
        "role",
        "Paul Lebrun, ancien maire de Brest, visite le port.",
        "Paul Lebrun, maire de Brest, visite le port.",
    ),
    Check(
        roles_differ,
        "role",
        "Anne Morvan remplace Paul Lebrun.",
        "Paul Lebrun remplace Anne Morvan.",
    ),
    Check(
        share_differs,
        "figure",
        "La région paie les trois quarts des travaux du port.",
        "La région paie la moitié des travaux du port.",
    ),
    Check(
        figure_of_something_else,
        "figure",
        "Le port compte 12 quais et 30 grues.",
        "Le port compte 30 quais.",
    ),
    Check(
        of_another_clause,
        "name",
        "Anne Morvan dirige le port ; Paul Lebrun préside la région.",
        "Anne Morvan préside la région.",
    ),
    Check(
        named_before,
        "",
        "Anne Morvan accueille Paul Lebrun au port. Elle annonce des travaux.",
        "Paul Lebrun annonce des travaux.",
    ),
    Check(
        across_contrast,
        "place",
        "La banque Arvel siège à Londres, alors que ses équipes travaillent à Nantes.",
        "Arvel a des bureaux à Nantes.",
    ),
    Check(
        said_before,
        "",
        "La région paiera les travaux du port. Le maire est content.",
        "Le maire paiera les travaux du port.",
    ),
    Check(
        only_possible,
        "",
        "Le maire peut fermer le port de Brest.",
        "Le maire a fermé le port de Brest.",
    ),
)
