"""The checkable facts of a text, in one form for both languages."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from itertools import groupby
from pathlib import Path

import index.text
from index.text.words import (
    LANGUAGES,
    NAME,
    WORD,
    bare_word,
    fold,
    opens_sentence,
    phrases,
    terms,
    word_list,
)
from rag.verifier.figures import Fact, numbers, table

_PLACES_FILE = Path(index.text.__file__).parent / "data" / "places.tsv"
_GIVEN_NAMES = ("MU", "DM", "JO", "TD")  # territories: Maurice, Dominique, Jordan, Chad
_ALSO_WORDS = ("march", "mars", "may", "mai")  # months only where a number stands beside
# Letters of which French and English write one or the other, and those that a name may end in.
_SPELLINGS = {"qu": "c", "k": "c", "ph": "f", "tch": "ch", "y": "i", "z": "s", "ou": "u"}
_ENDINGS = "aeiosu"


def facts(text: str, language: str) -> tuple[Fact, ...]:
    """The figures, dates, ranks and names of a text in "fr" or "en"."""
    known = numbers(text, language)
    return tuple(dict.fromkeys([*known, *_dates(text), *_names(text, language)]))


def names(text: str, language: str) -> tuple[Fact, ...]:
    """The names in a text, without those that may be names only because they open a sentence."""
    return tuple(dict.fromkeys(name for name in _names(text, language) if not name.opening))


def holds(source: Sequence[Fact], fact: Fact) -> bool:
    """Whether these facts hold one: of the same value, in the same unit where both name one."""
    own = [other for other in source if other.kind == fact.kind]
    if fact.kind == "number":
        value = float(fact.value)
        return any(
            abs(float(other.value) - value) <= 1e-6 * max(abs(value), 1)
            and (not fact.unit or not other.unit or fact.unit == other.unit)
            for other in own
        )
    known = {other.value for other in own}
    parts = fact.value.split("-") if fact.kind == "name" else []
    return fact.value in known or (len(parts) > 1 and known.issuperset(parts))


def negated(text: str, language: str) -> bool:
    """Whether a sentence denies something by its words of negation."""
    return phrases("negation", language).search(text) is not None


def denies(text: str, language: str) -> bool:
    """`negated`, or a verb like "refuse" that another sentence may put as a negation."""
    return negated(text, language) or phrases("refusal").search(fold(text)) is not None


def name_key(word: str) -> str:
    """One form for a name: folded, bare, the same in both languages where it is a known place."""
    bare = bare_word(fold(word))
    return _places()[0].get(bare, bare)


@cache
def places() -> frozenset[str]:
    """The keys of the names that are of countries, peoples, regions and cities."""
    return frozenset(_places()[0].values())


def with_spellings(own: tuple[Fact, ...], asked: Sequence[Fact]) -> tuple[Fact, ...]:
    """The facts of a text, and its names as a question spells them: "Viera" for Vieira."""
    known = {fact.value for fact in own if fact.kind == "name"}
    wanted = [fact for fact in asked if fact.kind == "name" and fact.value not in known]
    return (*own, *(name for name in wanted if any(_alike(name.value, one) for one in known)))


def title_names(title: str, language: str) -> tuple[tuple[Fact, ...], bool]:
    """The facts of a title with its acronym, and whether it consists of names alone.

    The acronym is of its words with a capital, from three on: "UAZ" of "Ulyanovsky Avtomobilny
    Zavod".
    """
    own = facts(title, language)
    words = WORD.findall(title)
    initials = "".join(word[0] for word in words if word[0].isupper())
    acronym = (Fact("name", name_key(initials)),) if len(initials) >= 3 else ()
    known = {fact.value for fact in facts(f"x {title}", language) if fact.kind == "name"}
    is_name = bool(known) and all(
        name_key(word) in known for word in words if terms(word, language)
    )
    return (*own, *acronym), is_name


def _alike(asked: str, known: str) -> bool:
    """Whether two spellings pass for one name."""
    if known.startswith(f"{asked}-") or known.replace("-", "") == asked.replace("-", ""):
        return True
    one, two = _across(asked), _across(known)
    roots = one.rstrip(_ENDINGS), two.rstrip(_ENDINGS)
    if one == two or (len(roots[0]) >= 3 and roots[0] == roots[1]):
        return True
    return min(len(asked), len(known)) >= 5 and SequenceMatcher(None, asked, known).ratio() >= 0.85


def _across(name: str) -> str:
    """A name without what French and English spell each in their own way, and double letters."""
    for theirs, ours in _SPELLINGS.items():
        name = name.replace(theirs, ours)
    return "".join(letter for letter, _ in groupby(name))


def _names(text: str, language: str) -> Iterator[Fact]:
    """The words of the names of a text; French writes those of a people small: "européen"."""
    titles = word_list("titles", language)
    for match in NAME.finditer(text):
        opens = opens_sentence(text, match.start())
        for word in match[0].replace("’", " ").replace("'", " ").split():
            opening = opens and word[1:].islower()
            opens = False
            key = name_key(word)
            if (
                word[0].isupper()
                and len(key) > 1
                and key not in _no_names()
                and key not in titles
                and (not opening or terms(word, language))
            ):
                yield Fact("name", key, opening=opening)
    if language == "fr":
        small = _places()[1]
        yield from (Fact("name", small[word]) for word in _words(text) if word in small)


def _dates(text: str) -> Iterator[Fact]:
    words = _words(text)
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if (key := _calendar().get(word)) and (
            word not in _ALSO_WORDS or before[:1].isdigit() or after[:1].isdigit()
        ):
            yield Fact("date", key)
        if rank := table("ranks").get(word):
            yield Fact("rank", rank)


def _words(text: str) -> list[str]:
    """The folded words of a text, parted at every other sign."""
    return "".join(each if each.isalnum() else " " for each in fold(text)).split()


@cache
def _calendar() -> dict[str, str]:
    """The months and days of the week in both languages: "month:2" for "february" and "fevrier"."""
    from babel import Locale

    return {
        fold(name) + ending: f"{kind}:{number}"
        for locale in map(Locale, LANGUAGES)
        for kind, table in (
            ("month", locale.months["format"]["wide"]),
            ("day", locale.days["format"]["wide"]),
        )
        for number, name in table.items()
        for ending in (("", "s") if kind == "day" else ("",))
    }


@cache
def _no_names() -> frozenset[str]:
    lists = (word_list("not_names", language) for language in LANGUAGES)
    return frozenset().union(*lists) | _calendar().keys()


@cache
def _places() -> tuple[dict[str, str], dict[str, str]]:
    """The keys of all forms of the names of places, and of those that French writes small."""
    from babel import Locale

    french, english = (Locale(language).territories for language in LANGUAGES)
    lines = _PLACES_FILE.read_text(encoding="utf-8").splitlines()
    rows = {line: line.split("\t") for line in lines if not line.startswith("#")}
    listed = {*_GIVEN_NAMES, *(row[0] for row in rows.values())}
    rows |= {
        code: [code, "", "", ""]
        for code in map(str, french)
        if code.isalpha() and code not in listed
    }
    forms: dict[str, str] = {}
    small: dict[str, str] = {}
    for code, people, english_people, others in rows.values():
        countries = [fold(str(names[code])) for names in (french, english) if code in names]
        own = [name for name in countries if " " not in name]
        every = [*own, *fold(f"{others} {people} {english_people}").split()]
        forms |= dict.fromkeys(every, every[0] if every else "")
        small |= dict.fromkeys([*own[:1], *fold(people).split()], every[0] if every else "")
    return forms, small
