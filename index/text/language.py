"""Which of the two languages a text is in: short questions full of names, and answers that must be in one of them."""

import re
from functools import cache
from typing import Any, Literal

Language = Literal["fr", "en"]

# Words of one language only, or as good as: "a", "on", "me", "die", "but", "or", "six" tell nothing.
_CUES = {
    "fr": frozenset(
        "au aux avec c'est ce ces cet cette ceux comment d'où dans de depuis des donc du elle elles en entre est est-ce et eu eut "
        "fut il ils je l'on la laquelle le lequel les leur leurs lors mais ne nos notre nous ont ou où par pas pendant plus pour "
        "pourquoi qu quand que quel quelle quelles quels qui quoi sa sans ses si sont sur ta tu un une va vont vos votre vous à "
        "été était étaient être combien merci bonjour parle-moi dis-moi explique résume selon".split()
    ),
    "en": frozenset(
        "about after and any are at be been before between by can could did do does for from had has have he her his how i in is "
        "it its many much my of our she should than that the their them then there these they this those to was we were what when "
        "where which who whom whose why will with would you your tell explain summarise summarize hello thanks please".split()
    ),
}
# The first word of a question is rarely part of a name.
_OPENING = 2.0
_ELIDED = re.compile(
    r"\b(?:l|d|qu|j|n|s|m|t|c|lorsqu|puisqu|jusqu|quelqu)['’]\s?(?=[^\W\d_]{2})", re.IGNORECASE
)
_INVERTED = ("-il", "-elle", "-ils", "-elles", "-on", "-vous", "-tu", "-ce", "-ci")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_SPACED = re.compile(r"\w[ \u00a0\u202f][?!;:»]")
_QUOTED = re.compile(r"«[^«»]*»|“[^“”]*”|\"[^\"]*\"")
_NAME = re.compile(r"(?<=[^.!?…:\n«“\"])\s+\b[^\W\d_a-zà-ÿ][\w'’.-]*|\b[^\W\d_a-zà-ÿ]{2,}\b")


def detect(text: str, *, default: Language = "fr") -> Language:
    """The language of a question or an answer.

    Function words of one language only decide; where there are none, the spelling of the words that aren't names
    (lingua); where nothing is left, `default`.

    Args:
        text: of any length, often one short question with names in it.
        default: what an empty or undecidable text counts as.
    """
    if not _WORD.search(text):
        return default
    own = unquoted(text)
    if len(own) <= 0.4 * len(text):
        own = text
    score = _cues(own)
    if abs(score) >= 1:
        return "fr" if score > 0 else "en"
    bare = " ".join(_WORD.findall(_NAME.sub(" ", own)))
    spelled = _french_spelling(bare or own)
    if spelled is None:
        return default
    if _SPACED.search(text):  # only French sets a space before these marks
        spelled += 0.4
    return "fr" if spelled > 0.5 else "en"


def is_language(text: str, language: str) -> bool:
    """Whether an answer is in `language`, by what isn't quoted in it; names, figures and quotations alone count as either."""
    own = unquoted(text)
    if len(_WORD.findall(own)) < 3 and _cues(text) == 0:
        return True
    return detect(own, default="en" if language == "en" else "fr") == language


def unquoted(text: str) -> str:
    """What isn't between quotation marks."""
    return _QUOTED.sub(" ", text)


def _cues(text: str) -> float:
    """Above 0 for French words, below 0 for English ones."""
    words = [word.casefold() for word in _WORD.findall(text.replace("’", "'"))]
    score = float(len(_ELIDED.findall(text)))
    for place, word in enumerate(words):
        weight = _OPENING if place == 0 else 1.0
        score += weight * ((word in _CUES["fr"]) - (word in _CUES["en"]))
        score += ("-t-" in word or word.endswith(_INVERTED)) - word.endswith("'s")
    return score


def _french_spelling(text: str) -> float | None:
    """The probability of French rather than English by the letters; None where they tell nothing."""
    if not text.strip():
        return None
    french, detector = _detector()
    probability = float(detector.compute_language_confidence(text, french))
    return None if abs(probability - 0.5) < 0.02 else probability


@cache
def _detector() -> tuple[Any, Any]:
    from lingua import Language as Lingua
    from lingua import LanguageDetectorBuilder

    return Lingua.FRENCH, LanguageDetectorBuilder.from_languages(
        Lingua.FRENCH, Lingua.ENGLISH
    ).build()
