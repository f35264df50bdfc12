"""The words of a question and the cells of a table, beside each other, across languages too."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache

import numpy as np

from index.embedder import Embedder
from index.text.dates import dates, weekdays
from index.text.words import WORD, bare_word, fold, phrases, terms, word_list
from rag.many.records import Group
from rag.named import kinds
from rag.retriever import Floats
from rag.verifier.expected import expected
from rag.verifier.figures import figures

_STEM, _ENDING = 4, 3  # letters that two stems share at least, that one has more at most
_VALUES, _WORDS = 15, 4  # different cells of a column that may be meant, and words of such a cell
# How like a counterpart must be, a column's name and a cell, and by how much more than the next
_LIKE, _AHEAD, _LIKE_CELL, _AHEAD_CELL = 0.875, 0.01, 0.92, 0.04
_RANKS = ("lowest", "highest", "most_often", "most_of")
_BOUNDED = ("at_least", "at_most", "above", "below")

Word = tuple[str, str]
"""A word with its index term."""


def content(asked: str, language: str) -> Iterator[Word]:
    """The words of a question that say what is counted, each with its index term."""
    filling = word_list("filling", language)
    for word in WORD.findall(asked):
        own = terms(word, language)
        plain = fold(word)
        says = plain not in filling and not phrases("counting", language).search(plain)
        if own and not word[0].isdigit() and says:
            yield word, own[0]


def carried(
    parts: Sequence[tuple[str, str]],
    group: Group,
    embedder: Embedder,
    across: Callable[[str], str] | None = None,
) -> list[Word] | None:
    """The words of a question, given by parts with their languages, as those of a group of records
    in the other language: names as they are, other words as what they are likest to.

    None where one of them has no counterpart; of one that has none, `across` gives what only its
    translation of the part has. Source: the vectors of words and short phrases of the two
    languages lie close together.
    """
    own = {term for record in group.records for term in terms(record.text, group.language)}
    found = list[Word]()
    for text, language in parts:
        if language == group.language:
            found += content(text, language)
            continue
        asked = list(_meaning(without(text, verbatim(text, group)), language, group))
        counterparts = _likest(asked, group, embedder)
        lacking, begin, place = 0, len(found), len(found)
        for word, counterpart in zip(asked, counterparts, strict=True):
            same = [each for each in terms(word, group.language) if each in own]
            if same and word[:1].isupper():
                found.append((word, same[0]))
            elif counterpart:
                found += content(counterpart, group.language)
            else:
                place = place if lacking else len(found)
                lacking += 1
        if lacking:
            # The seconds of a translation are for what is known but for one word
            put = across(text) if across and lacking == 1 and len(found) > begin else ""
            there = {term for _, term in found[begin:]}
            given = [each for each in content(put, group.language) if each[1] not in there]
            more = [each for each in given if _is_its(each, own, group)]
            if len(more) != 1:
                return None
            found[place:place] = more
    return found


def unbound(asked: str) -> str:
    """A question, folded, without the words of bounds: "at least" asks for no least."""
    plain = fold(asked)
    for bound in ("at_least", "at_most"):
        plain = phrases(bound).sub(" ", plain)
    return plain


def asks_for_most(asked: str) -> bool:
    """Whether a question asks for the most or the least of something."""
    plain = unbound(asked)
    return any(phrases(each).search(plain) for each in ("lowest", "highest", "most_often"))


def adds_up(asked: str) -> bool:
    """Whether a question asks for a sum or an average."""
    plain = fold(asked)
    return any(phrases(each).search(plain) for each in ("summed", "averaged"))


def verbatim(asked: str, group: Group) -> dict[str, set[int]]:
    """The cells of several words, or with a figure beside letters, that stand in a question as they
    are, each with where the records begin that have it."""
    spoken, found = _spaced(asked), dict[str, set[int]]()
    bound = any(phrases(each).search(fold(asked)) for each in _BOUNDED)  # "more than 14 months"
    for record in group.records:
        for cell in record.cells.values():
            if dates(cell) or (bound and figure_of(cell, group.language)):
                continue
            own = _spaced(cell)
            lettered = any(map(str.isalpha, own))
            several = len(own.split()) > 1 or any(map(str.isdigit, own))
            if lettered and several and own in spoken:
                found.setdefault(cell, set()).add(record.start)
    return found


def without(asked: str, cells: Collection[str]) -> str:
    """A question without the cells that stand in it."""
    for cell in sorted(cells, key=len, reverse=True):
        start = fold(asked).find(fold(cell))
        asked = f"{asked[:start]} {asked[start + len(cell) :]}" if start >= 0 else asked
    return asked


def _spaced(text: str) -> str:
    return f" {' '.join(WORD.findall(fold(text)))} "


def _meaning(text: str, language: str, group: Group) -> Iterator[str]:
    """The words of a text that say what is asked for, and not how it is compared or in what."""
    plain = fold(text)
    ranked = [found.end() for each in _RANKS for found in phrases(each).finditer(plain)]
    bound = any(phrases(each).search(plain) for each in _BOUNDED)
    priced = bool(ranked) or bound or expected(text) == "money"
    here = kinds(f"{group.title} {group.document}", group.language)
    for each, _ in content(text, language):
        word = bare_word(each)
        place = plain.find(fold(word))
        ranks = any(end - len(word) - 2 <= place <= end + 1 for end in ranked)
        compared = ranks and phrases("ranking", language).search(fold(word))
        costs = priced and phrases("by_price", language).search(fold(word))
        unit = any(fact.unit for _, fact in figures(f"1 {word}", language)[1])
        if not (compared or costs or unit or kinds(word, language) & here):
            yield word


def _is_its(word: Word, own: Collection[str], group: Group) -> bool:
    """Whether a group of records, whose index terms are `own`, has a word."""
    columns = {term for name in group.columns for term in terms(name, group.language)}
    return is_among(word[1], own) or is_among(word[1], columns) or names_them(group, word[0])


def _vocabulary(group: Group) -> tuple[list[str], list[str]]:
    """What words may stand for: the columns' names, and the cells of those with few values."""
    found = list[str]()
    for name in group.columns:
        cells = set(group.cells(name))
        if len(cells) <= _VALUES:
            wordy = (each for each in sorted(cells) if len(each.split()) <= _WORDS)
            found += [each for each in wordy if any(map(str.isalpha, each))]
    return [name.replace("_", " ") for name in group.columns], list(dict.fromkeys(found))


def _likest(words: Sequence[str], group: Group, embedder: Embedder) -> list[str]:
    """For each word the column or cell that it is clearly likest to; "" for none.

    Days, months and names are like each other in their vectors: they have none.
    """
    columns, cells = _vocabulary(group)
    known = [*columns, *cells]
    if len(known) < 2 or not words:
        return [""] * len(words)
    alike = _vectors(embedder, tuple(words)) @ _vectors(embedder, tuple(known)).T
    found, taken = list[str](), Counter[str]()
    for word, likeness in zip(words, alike, strict=True):
        best = int(likeness.argmax())
        ahead = likeness[best] - np.delete(likeness, best).max()
        least, most = (_LIKE, _AHEAD) if best < len(columns) else (_LIKE_CELL, _AHEAD_CELL)
        named = word[:1].isupper() or any(each.month for each in dates(f"1 {word} 2020"))
        sure = likeness[best] >= least and ahead >= most and not (named or fold(word) in weekdays())
        # A column isn't meant by more words than its name has
        taken[known[best]] += sure
        sure = sure and taken[known[best]] <= len(known[best].split())
        found.append(known[best] if sure else "")
    return found


def clearly_likest(word: str, names: Sequence[str], embedder: Embedder) -> int | None:
    """The place of the name that a word of the other language is clearly likest to, if one is."""
    if len(names) < 2:
        return None
    alike = (_vectors(embedder, (word,)) @ _vectors(embedder, tuple(names)).T)[0]
    second, first = np.sort(alike)[-2:]
    return int(alike.argmax()) if first >= _LIKE and first - second >= _AHEAD else None


def likeness(words: Sequence[str], text: str, embedder: Embedder) -> float:
    """How like the likest of some words is to a word or a short text, in their vectors."""
    if not words:
        return 0.0
    return float((_vectors(embedder, tuple(words)) @ _vectors(embedder, (text,)).T).max())


@lru_cache(maxsize=64)
def _vectors(embedder: Embedder, texts: tuple[str, ...]) -> Floats:
    """The vectors (n, d) of texts."""
    return np.stack([each.vector for each in embedder.embed_queries([t.lower() for t in texts])])


def figure_of(cell: str, language: str) -> tuple[float, str] | None:
    """The figure of a cell that holds nothing else but a short unit, and that unit."""
    text, known = figures(cell, language)
    rest = "".join(each for each in text if not (each.isdigit() or each in " .,-\u00a0\u202f"))
    first = text.lstrip(" \u00a0-−+£$€")[:1]  # "Mill 1" is a name
    if len(known) != 1 or len(rest) > 8 or not first.isdigit():
        return None
    sign = -1 if text.lstrip().startswith(("-", "−")) else 1
    return sign * float(known[0][1].value), rest


def day_of(cell: str) -> tuple[int, int, int] | None:
    """The first date of a cell as year, month and day, 0 for what isn't given."""
    known = next(iter(dates(cell)), None)
    return (known.year, known.month, known.day) if known else None


def units_of(text: str, language: str) -> dict[str, list[float]]:
    """The figures of a record's text by their units."""
    found: dict[str, list[float]] = {}
    for _, fact in figures(text, language)[1]:
        found.setdefault(fact.unit, []).append(float(fact.value))
    return found


def is_among(term: str, others: Collection[str]) -> bool:
    """Whether an index term is among others, be it with another ending: "coût", "coûtent"."""
    if term in others:
        return True
    return len(term) >= _STEM and any(
        abs(len(other) - len(term)) <= _ENDING
        and len(other) >= _STEM
        and (other.startswith(term) or term.startswith(other))
        for other in others
    )


def names_them(group: Group, word: str) -> bool:
    """Whether a word names the records: as their kind, or in the same form in a line above."""
    language = group.language
    kind = terms(group.kind, language)
    same = any(is_among(term, kind) for term in terms(word, language))
    above = f"{group.label} {group.title}".replace("-", " ").replace("_", " ")
    return same or fold(bare_word(word)) in map(fold, WORD.findall(above))
