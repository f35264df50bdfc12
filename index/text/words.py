"""Texts to index terms: what BM25 matches on, the same for a question and a passage of one language."""

import re
import threading
import unicodedata
from typing import Any

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*", re.UNICODE)
_THOUSANDS = {  # 15 000 in both, 15.000 in French, 15,000 in English; "2023 150" is two numbers
    "fr": re.compile(r"(?<![\d.,])\d{1,3}(?:(?: \d{3})+|(?:\.\d{3})+)(?!\d|[.,]\d{3})"),
    "en": re.compile(r"(?<![\d.,])\d{1,3}(?:(?: \d{3})+|(?:,\d{3})+)(?!\d)"),
}
_ELISION = re.compile(r"^(?:(?:l|d|qu|j|n|s|m|t|c|lorsqu|puisqu|jusqu|quelqu)['’])+(?=.)")
_CONTRACTION = re.compile(r"(?:n['’]t|['’](?:s|re|ve|ll|d|m))$")
_FRENCH_STOP = """
a à ai ainsi alors as au aucun aussi autre aux avait avec avoir c ce ceci cela celle celles celui ces cet cette ceux
chez ci comme d dans de des du elle elles en encore entre est et étaient était être eu eux fait font il ils j je l la
là le les leur leurs lui m ma mais me même mes moi mon n ne ni nos notre nous on ont ou où par pas plus pour qu que
quel quelle quelles quels qui quoi s sa sans se ses si son sont sous sur t ta te tes toi ton tu un une vos votre vous
y
"""
_ENGLISH_STOP = """
a about also an and are as at be been but by can did do does for from had has have he her his how i if in into is it
its me more most my no nor not of on or our out s she so some such t than that the their them then there these they
this those to too was we were what when where which who whom why will with would you your
"""
_STOP = {"fr": frozenset(_FRENCH_STOP.split()), "en": frozenset(_ENGLISH_STOP.split())}
_LANGUAGES = {"fr": "french", "en": "english"}
_local = threading.local()


def terms(text: str, language: str) -> list[str]:
    """The index terms of a text, in order, repeated as often as they occur.

    Compatibility forms and accents are folded, elisions (l', d', qu') and possessives dropped, hyphenated words taken
    apart, numbers brought to one form (15 000 and 13,5 become 15000 and 13.5), stop words left out, the rest stemmed
    (Snowball).

    Args:
        text: a passage or a question.
        language: "fr" or "en"; another is stemmed as French.
    """
    language = language if language in _LANGUAGES else "fr"
    stop, stemmer = _STOP[language], _stemmer(language)
    found = []
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = _THOUSANDS[language].sub(lambda number: re.sub(r"\D", "", number[0]), plain)
    for word in _WORD.findall(plain):
        if word[0].isdigit():
            found.append(word.replace(",", "."))
            continue
        # What is left of an apostrophe is part of the word: aujourd'hui, prud'homme, O'Neill.
        bare = re.sub("['’]", "", _CONTRACTION.sub("", _ELISION.sub("", word)))
        if bare and bare not in stop:
            found.append(_fold(stemmer.stemWord(bare)))
    return found


def _stemmer(language: str) -> Any:
    """One stemmer a thread: they keep state while they work."""
    import Stemmer

    stemmers = _local.__dict__.setdefault("stemmers", {})
    if language not in stemmers:
        stemmers[language] = Stemmer.Stemmer(_LANGUAGES[language])
    return stemmers[language]


def _fold(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(character for character in decomposed if not unicodedata.combining(character))
