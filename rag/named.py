"""Which documents of the library a message names, by their files' names or their titles' words."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from math import log
from pathlib import PurePosixPath

from index.contract import DocumentInfo
from index.text.words import LANGUAGES, WORD, bare_word, fold, phrases, terms, word_list

_SEVERAL = 6  # things that are spoken of as "the six"
_ALIKE = 0.99  # of the best document's weight, to be named as well
_KINDS = tuple(
    f"kind_{each}"
    for each in (
        "lease contract minutes report letter manual invoice quote rules survey register"
    ).split()
)


def named(message: str, documents: Sequence[DocumentInfo]) -> tuple[str, ...]:
    """The names of the documents that a message names, several where it fits them alike.

    A file's name counts as it is written. Of titles, the rarer a word is in the library the more it
    counts; a message whose words fit all documents alike names none, unless there is only one.
    """
    plain = fold(message)
    files = [each.name for each in documents if _is_said(each.name, plain)]
    if files:
        return tuple(files)
    # "The lease" is each that is one, in either language
    rest = " ".join(word for word in WORD.findall(message) if not kinds(word, *LANGUAGES))
    asked = {*terms(rest, "fr"), *terms(rest, "en"), *kinds(message, *LANGUAGES)}
    words = {each.name: asked.intersection(_words(each)) for each in documents}
    common = Counter(word for found in words.values() for word in found)
    weights = {
        name: sum(log((1 + len(documents)) / common[word]) for word in found)
        for name, found in words.items()
    }
    most = max(weights.values(), default=0.0)
    best = tuple(name for name, weight in weights.items() if weight and weight >= _ALIKE * most)
    return best if len(best) < len(documents) or len(documents) == 1 else ()


def whole_number(word: str, language: str) -> int | None:
    """The number that a word is, in figures or letters; None for another word."""
    from text_to_num import text2num

    if word.isdecimal():
        return int(word)
    with suppress(ValueError):
        return int(text2num(word, "en" if language == "en" else "fr"))
    return None


def how_many(message: str, language: str) -> tuple[int, str]:
    """How many things a message speaks of as known, and its word for them: "the two reports".

    0 and "" where it speaks of none so.
    """
    words = [bare_word(word) for word in fold(message).replace("'", " ").split()]
    for before, word, after in zip(words, words[1:], [*words[2:], ""], strict=False):
        number = whole_number(word, language) or 0
        if before in word_list("counted", language) and 1 < number <= _SEVERAL:
            return number, after
        if before in word_list("both", language):
            return 2, word
    return 0, ""


def _is_said(name: str, plain: str) -> bool:
    """Whether the name of a document's file is in a folded message, with or without its ending."""
    path = PurePosixPath(fold(name))
    marked = any(not sign.isalpha() for sign in path.stem)  # "notice" is also a word
    return path.name in plain or (marked and path.stem in plain)


def kinds(text: str, *languages: str) -> set[str]:
    """The kinds of documents that a text has a word for: those of a lease in either language."""
    plain = fold(text)
    return {
        each
        for each in _KINDS
        if any(phrases(each, language).search(plain) for language in languages)
    }


def of_kind(word: str, documents: Sequence[DocumentInfo]) -> list[str]:
    """The names of the documents that a word is for, in either language, by their titles."""
    wanted = kinds(word, *LANGUAGES)
    return [each.name for each in documents if wanted & kinds_of([each])]


def kinds_of(documents: Sequence[DocumentInfo]) -> set[str]:
    """The kinds that documents are of, by their titles."""
    return {kind for each in documents for kind in kinds(each.title, each.language)}


def _words(info: DocumentInfo) -> set[str]:
    stem = PurePosixPath(info.name).stem.replace("_", " ").replace("-", " ")
    own = f"{info.title} {stem}"
    return {*terms(own, info.language), *kinds(own, info.language)}
