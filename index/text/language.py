"""Which of the two languages a text is in, be it a short question full of names."""

import re
from functools import cache
from typing import Any, Literal

from index.text.words import ELISION, WORD, opens_sentence, phrases, word_list

Language = Literal["fr", "en"]

_OPENING = 2.0  # the weight of the first word, which is rarely part of a name; others have 1
_SPELLED = 1000  # characters whose spelling is looked at: lingua's time grows with their square
_TAKEN_OVER = 0.9  # the probability of the other language, of words that stand in both texts
_SPACED = re.compile(r"\w[ \u00a0\u202f][?!;:»]")
_QUOTED = re.compile(r"«[^«»]*»|“[^“”]*”|\"[^\"]*\"")


def detect(text: str, *, default: Language = "fr") -> Language:
    """The language of a question or an answer.

    Words of one language only decide; where there are none, the spelling of the words that aren't
    names (lingua); where nothing is left, `default`.
    """
    if not any(map(str.isalpha, text)):
        return default
    own = unquoted(text)
    if len(own) <= 0.4 * len(text):
        own = text
    score = _cues(own)
    if abs(score) >= 1:
        return "fr" if score > 0 else "en"
    spelled = _french_spelling((" ".join(_common_words(own)) or own)[:_SPELLED])
    if spelled is None:
        return default
    if _SPACED.search(text):  # only French sets a space before these marks
        spelled += 0.4
    return "fr" if spelled > 0.5 else "en"


def is_language(text: str, language: str) -> bool:
    """Whether an answer is in `language`, by what isn't quoted; names and figures are in either."""
    own = unquoted(text)
    if len(_words(own)) < 3 and _cues(text) == 0:
        return True
    return detect(own, default="en" if language == "en" else "fr") == language


def mixes(text: str, source: str, language: str) -> bool:
    """Whether a text in `language` takes words over from a source in the other one as they are.

    Names, and words that both languages may have, aren't counted.
    """
    there = {word.casefold() for word in _common_words(source)}
    words = _words(unquoted(text))
    only = word_list("only", "en" if language == "fr" else "fr")
    for run in zip(words, words[1:], words[2:], strict=False):  # "verre de cidre"
        if run[1] in only and all(word.islower() and word in there for word in run):
            return True
    taken = [word for word in _common_words(unquoted(text)) if word.casefold() in there]
    french = _french_spelling(" ".join(taken))
    return french is not None and (french if language == "en" else 1 - french) > _TAKEN_OVER


def unquoted(text: str) -> str:
    """What isn't between quotation marks."""
    return _QUOTED.sub(" ", text)


def _words(text: str) -> list[str]:
    return [word for word in WORD.findall(text.replace("’", "'")) if word[0].isalpha()]


def _common_words(text: str) -> list[str]:
    """The words that are no names: without a capital, or with one that opens a sentence."""
    return [
        match[0]
        for match in WORD.finditer(text)
        if match[0][0].islower() or (match[0][1:].islower() and opens_sentence(text, match.start()))
    ]


def _cues(text: str) -> float:
    """Above 0 for French words, below 0 for English ones."""
    score = 0.0
    for place, word in enumerate(word.casefold() for word in _words(text)):
        weight = _OPENING if place == 0 else 1.0
        score += weight * ((word in word_list("only", "fr")) - (word in word_list("only", "en")))
        score += ELISION.match(word) is not None
        score += phrases("inverted").search(word) is not None
        score -= word.endswith("'s")
    return score


def _french_spelling(text: str) -> float | None:
    """The probability of French rather than English by the letters; None where they don't tell."""
    if not text.strip():
        return None
    french, detector = _detector()
    probability = float(detector.compute_language_confidence(text, french))
    return None if abs(probability - 0.5) < 0.02 else probability


@cache
def _detector() -> tuple[Any, Any]:
    from lingua import Language as Lingua
    from lingua import LanguageDetectorBuilder

    both = LanguageDetectorBuilder.from_languages(Lingua.FRENCH, Lingua.ENGLISH)
    return Lingua.FRENCH, both.build()
