"""Full sentences from a question and the words that answer it, where the question's form allows it
without a model.

The forms are in `data/statements.tsv`: language, pattern of the question, template of the answer.
`{words}` stands for the words that answer, with their article, `{placed}` for them with the
preposition that they have in the text. English questions with "did" or "does" have their verb put
into the past or the third person.
"""

import re
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_FORMS = Path(__file__).parent / "data" / "statements.tsv"
_BEFORE = {
    "en": "in|on|at|by|from|since|during|around|about|near|until|after|before|to|into|within",
    "fr": "en|à|au|aux|dans|sur|par|depuis|vers|pendant|près de|jusqu'en|le|du|lors du|lors de la",
}
_ARTICLES = {
    "en": "the |a |an |his |her |its |their ",
    "fr": "les? |la |l'|l’|une? |des |ses? |sa |son |leurs? ",
}
_LONGEST = 90  # characters of words that stand well in a sentence
_DID = re.compile(
    r"(?P<asked>what(?: \w+)?|who|whom|which \w+|how (?:many|much)(?: \w+){0,2}|when|where|why"
    r"|in (?:what|which) (?:year|month|city|country)|on what (?:date|day)|how long) "
    r"(?P<helper>did|does|do) (?P<rest>.+)",
    re.IGNORECASE,
)
_TIME_OR_PLACE = ("when", "where", "in ", "on ", "how long")
_STRANDED = frozenset("for with of to about by in on at from as like into".split())


def statement(question: str, words: str, text: str, language: str) -> str | None:
    """An answer in one sentence that names what was asked about; None where no form fits.

    Args:
        question: as it was asked.
        words: of the text, that answer it.
        text: the text.
        language: "fr" or "en", of all three.
    """
    if len(words) > _LONGEST or words[-1] in ".!?":
        return None
    plain = question.replace("’", "'").strip().rstrip("?. ").strip()
    made = _by_form(plain, words, text, language)
    if made is None and language == "en" and (found := _DID.fullmatch(plain)):
        made = _by_verb(found, words, text)
    if made is None:
        return None
    made = " ".join(made.split())
    return made[0].upper() + made[1:] + "."


def _by_form(question: str, words: str, text: str, language: str) -> str | None:
    for pattern, template in _forms(language):
        if found := pattern.fullmatch(question):
            placed = _placed(words, text, language) if "{placed}" in template else ""
            if placed is None:
                return None
            named = _with_article(words, text, language)
            return template.format(*found.groups(), words=named, placed=placed)
    return None


def _by_verb(found: re.Match[str], words: str, text: str) -> str | None:
    """ "When did the crisis begin": "the crisis began in 1973"."""
    asked, rest = found["asked"].lower(), found["rest"].split()
    split = _verb(rest, found["helper"].lower(), text)
    if split is None:
        return None
    place, verb = split
    subject, tail = " ".join(rest[:place]), " ".join(rest[place + 1 :])
    if asked.startswith(_TIME_OR_PLACE):
        placed = words if asked == "how long" else _placed(words, text, "en")
        return f"{subject} {verb} {tail} {placed}" if placed else None
    if asked == "why":
        return f"{subject} {verb} {tail} {words}" if words.startswith(("because", "to ")) else None
    named = _with_article(words, text, "en")
    if asked.startswith(("how m", "what ", "which ")):
        noun = asked.removeprefix("how many").removeprefix("how much").strip()
        noun = noun.removeprefix("money")
        noun = "" if asked.startswith(("what ", "which ")) else noun
        named = words if noun.split(" ")[0] in words else f"{words} {noun}"
    if tail and tail.split()[-1] in _STRANDED:
        return f"{subject} {verb} {tail} {named}"
    return f"{subject} {verb} {named} {tail}"


def _verb(rest: Sequence[str], helper: str, text: str) -> tuple[int, str] | None:
    """Where the verb stands in a question, and its form in a statement; None where it may be
    another word.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lemminflect import getAllLemmas, getInflection  # type: ignore[import-untyped]

    form = {"did": "VBD", "does": "VBZ", "do": "VB"}[helper]
    found: list[tuple[int, str]] = []
    for place, word in enumerate(rest[1:], 1):
        if word.islower() and word in getAllLemmas(word).get("VERB", ()):
            inflected = getInflection(word, form)
            if inflected:
                found.append((place, inflected[0]))
    if len(found) > 1:  # "oil" may be a verb too: the text says which one is
        found = [each for each in found if re.search(rf"\b{re.escape(each[1])}\b", text)]
    return found[0] if found and rest[found[0][0]] != "do" else None


def _placed(words: str, text: str, language: str) -> str | None:
    found = re.search(rf"\b({_BEFORE[language]}) {re.escape(words)}", text, re.IGNORECASE)
    if found:
        return found[0][0].lower() + found[0][1:]
    if re.match(rf"(?:{_BEFORE[language]}) ", words, re.IGNORECASE):
        return words[0].lower() + words[1:]
    return (
        f"{'in' if language == 'en' else 'en'} {words}" if re.fullmatch(r"\d{4}", words) else None
    )


def _with_article(words: str, text: str, language: str) -> str:
    found = re.search(rf"\b({_ARTICLES[language]}){re.escape(words)}", text, re.IGNORECASE)
    return f"{found[1].lower()}{words}" if found else words


@cache
def _forms(language: str) -> list[tuple[re.Pattern[str], str]]:
    rows = [line.split("\t") for line in _FORMS.read_text(encoding="utf-8").splitlines()]
    return [(re.compile(row[1], re.IGNORECASE), row[2]) for row in rows if row[0] == language]
