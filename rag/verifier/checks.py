"""What contradicts a statement whose words its sources have: a table of checks.

A new check is a function of a statement, the sentences that it would cite and all that it may
rest on; it becomes a row of `CHECKS`. `python -m bench.ablation` measures each row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from index.text.words import NAME, fold, phrases, word_list
from rag.verifier.facts import denies, facts, holds, name_key, places
from rag.verifier.figures import Fact
from rag.verifier.statements import THRESHOLDS, Context, Source, Statement, Word


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

    A place must stand there in any case, or be asked about and be the only one.
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
            known = near or context.given(fact, source)
            around = source.facts if near else source.context
            if not known or rivals(around, said.facts, of_places=True):
                return True
        elif not near and rivals(_around(fact, source, context), said.facts):
            return True
    return False


def _around(name: Fact, source: Source, context: Context) -> tuple[Fact, ...]:
    """Where another name may be what a sentence is about: not before it for what is asked about
    and stands in the title, unless it points back."""
    back = phrases("points_back").search(fold(source.citation.text))
    titled = holds(context.asked, name) and holds(source.title, name)
    return source.facts if titled and not back else (*source.facts, *source.near)


def other_side(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """What the source says on one side of a contrast is put to a place or partner of the other."""
    source, language = cited[0], said.language
    content = [word for word in said.words if word.weight and not word.names]
    sides = _sides(source, content) if said.single and content else []
    if len(sides) < 2:
        return False
    close, stated = max(sides, key=lambda side: side[0])
    if not rivals(stated, said.facts):
        return False
    before = word_list("before_place", language)
    put = [
        fact
        for match in NAME.finditer(said.text)
        if before & set(said.text[: match.start()].lower().split()[-1:])
        for fact in facts(f"x {match[0]}", language)
        if fact.kind == "name" and not holds(stated, fact)
    ]
    return any(
        holds(own, name) and close - closeness > THRESHOLDS.closer
        for name in put
        for closeness, own in sides
    )


def _sides(source: Source, content: Sequence[Word]) -> list[tuple[float, tuple[Fact, ...]]]:
    """For each side of a contrast, how close these words are to its own, and its facts."""
    text = source.citation.text
    found = {match.start() for match in phrases("contrasts").finditer(text)}
    borders = sorted(found | {at for at, sign in enumerate(text) if sign == ";"} | {0, len(text)})
    sides = []
    for start, end in pairwise(borders):
        within = source.vectors[(source.starts >= start) & (source.starts < end)]
        closest = [(word.vectors @ within.T).max(axis=1, initial=0).mean() for word in content]
        sides.append((float(np.mean(closest)), facts(text[start:end], source.language)))
    return sides


def kind_unknown(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """Of "X is a Y", the sources have X alone."""
    subject, word = _is_a(said)
    if word is None or not any(map(str.isupper, subject)):
        return False
    return all(
        not word.terms & source.terms and likeness(word, source) < THRESHOLDS.same_kind
        for source in cited
    )


def kind_of_another(said: Statement, cited: Sequence[Source], context: Context) -> bool:
    """Of "X is a Y", the source says Y of somebody else: "X works for Z, a Y"."""
    subject, word = _is_a(said)
    names = {fact.value for fact in facts(subject, said.language) if fact.kind == "name"}
    if word is None or not names:
        return False
    for source in cited:
        closest = int((word.vectors @ source.vectors.T).mean(axis=0).argmax())
        head, _, between = source.citation.text[: source.starts[closest]].rpartition(",")
        name = next((match[0] for match in NAME.finditer(head) if match.end() == len(head)), "")
        if not name or len(between) > 60 or set(between) & set(".;:"):
            continue
        if any(fact.value in names for fact in facts(f"x {between}", source.language)):
            continue
        owner = {fact.value for fact in facts(name, source.language) if fact.kind == "name"}
        return bool(owner) and not owner & names
    return False


def _is_a(said: Statement) -> tuple[str, Word | None]:
    """The X and the first word of the Y in "X is a Y"."""
    found = phrases("is_a").search(said.text, 0, 100)
    subject = said.text[: found.start()] if found else ""
    word = next((each for each in said.words if found and each.start >= found.end()), None)
    return subject, None if "," in subject else word


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
        and not _forbidden(said.text, cited[0].citation.text)
    )


def _forbidden(said: str, source: str) -> bool:
    """Whether a statement says that what its source forbids can't be done."""
    forbids, text = phrases("forbids"), fold(said)
    permits = phrases("permits").search(text) is not None and not forbids.search(text)
    return permits and forbids.search(fold(source)) is not None


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
    """A row of the table: with a source, a statement that the check finds wrong."""

    contradicts: Callable[[Statement, Sequence[Source], Context], bool]
    differs: str  # figure, name, role or denial; "" where a source doesn't say the opposite
    source: str
    wrong: str

    @property
    def name(self) -> str:
        """The name by which a verdict and the ablation know it."""
        return self.contradicts.__name__


CHECKS = (
    Check(figure_missing, "figure", "Le port compte douze quais.", "Le port compte quinze quais."),
    Check(
        rank_differs,
        "figure",
        "Brest est le premier port de la région.",
        "Brest est le deuxième port de la région.",
    ),
    Check(name_missing, "name", "Le port de Brest est fermé.", "Le port de Lorient est fermé."),
    Check(
        figure_of_another,
        "name",
        "La ville donne 3 millions d'euros au port de Brest. "
        "Elle donne 5 millions d'euros au port de Vannes.",
        "La ville donne 5 millions d'euros au port de Brest.",
    ),
    Check(
        names_apart,
        "name",
        "La banque Arvel a prêté deux millions. Anne Morvan dirige le port.",
        "La banque Arvel a prêté deux millions à Anne Morvan.",
    ),
    Check(
        name_far,
        "name",
        "Paul Lebrun dirige la société Arvel. Claire Daniel préside la région. "
        "La société Morvan construira le pont.",
        "La société Arvel construira le pont.",
    ),
    Check(
        other_side,
        "place",
        "Le siège d'Arvel est à Londres, alors que l'essentiel des équipes travaille à Nantes.",
        "L'essentiel des équipes d'Arvel travaille à Londres.",
    ),
    Check(kind_unknown, "", "Anne Morvan visite le port de Brest.", "Anne Morvan est une avocate."),
    Check(
        kind_of_another,
        "role",
        "Anne Morvan travaille pour Paul Lebrun, un armateur breton.",
        "Anne Morvan est un armateur breton.",
    ),
    Check(
        another_person,
        "name",
        "Paul Lebrun juge la dépense déraisonnable.",
        "Anne Morvan juge la dépense déraisonnable.",
    ),
    Check(
        denial_differs,
        "denial",
        "Le port accueille des ferries.",
        "Le port n'accueille pas de ferries.",
    ),
)
