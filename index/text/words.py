"""Words: folding, stemming, names, and the word lists of index/text/data."""

import re
import threading
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("fr", "en")
# A word with what an apostrophe, hyphen or dot joins to it: "aujourd'hui", "peut-être", "U.S".
WORD = re.compile(r"\w+(?:[-'’.]\w+)*")
# "l'", "qu'" before what it is joined to.
ELISION = re.compile(r"^(?:(?:l|d|qu|j|n|s|m|t|c|lorsqu|puisqu|jusqu|quelqu)['’])+(?=.)", re.I)
# A name of one or more words with a capital: "Kai Zenner", "Charles de Gaulle", "GPT-4".
_CAPITALISED = f"[{''.join(filter(str.isupper, map(chr, range(0x530))))}](?:[-’'.]{{0,2}}\\w)*"
NAME = re.compile(rf"\b{_CAPITALISED}(?: (?:(?:de|du|des|van|von|of) |d['’])?{_CAPITALISED})*")

_DATA = Path(__file__).with_name("data")
_TERM = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_THOUSANDS = {  # 15 000 in both, 15.000 in French, 15,000 in English; "2023 150" is two numbers
    "fr": re.compile(r"(?<![\d.,])\d{1,3}(?:(?: \d{3})+|(?:\.\d{3})+)(?!\d|[.,]\d{3})"),
    "en": re.compile(r"(?<![\d.,])\d{1,3}(?:(?: \d{3})+|(?:,\d{3})+)(?!\d)"),
}
_CONTRACTION = re.compile(r"(?:n['’]t|['’](?:s|re|ve|ll|d|m))$", re.I)
_SNOWBALL = {"fr": "french", "en": "english"}
_local = threading.local()
_SIGNS = {"'": "['’]", r"\ ": r"\s", r"\*": r"\w*", r"\^": "^", r"\.\.": r"[\w'’ -]{0,40}?\b"}


def terms(text: str, language: str) -> list[str]:
    """The index terms of a text, in order, repeated as often as they occur.

    Compatibility forms and accents are folded, elisions (l', d', qu') and possessives dropped,
    hyphenated words taken apart, numbers brought to one form (15 000 and 13,5 become 15000 and
    13.5), stop words left out, the rest stemmed (Snowball).

    Args:
        text: a chunk or a question.
        language: "fr" or "en"; another is stemmed as French.
    """
    language = language if language in LANGUAGES else "fr"
    stop, stemmer = word_list("stop", language), _stemmer(language)
    found = []
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = _THOUSANDS[language].sub(lambda number: "".join(filter(str.isdigit, number[0])), plain)
    for word in _TERM.findall(plain):
        if word[0].isdigit():
            found.append(word.replace(",", "."))
            continue
        # What is left of an apostrophe is part of the word: aujourd'hui, prud'homme, O'Neill.
        bare = bare_word(word).replace("'", "").replace("’", "")
        if bare and bare not in stop:
            found.append(_without_accents(stemmer.stemWord(bare)))
    return found


def fold(text: str) -> str:
    """Lower case without accents and ligatures, with plain apostrophes; the length may change."""
    return _without_accents(text.replace("’", "'").casefold().replace("œ", "oe"))


def replaced(text: str, name: str, by: str) -> str:
    """A text with what a list of the lexicon finds in it, with accents or without, replaced."""
    plain = fold(text)
    for found in reversed(list(phrases(name).finditer(plain)) if len(plain) == len(text) else []):
        text = text[: found.start()] + by + text[found.end() :]
    return text


def bare_word(word: str) -> str:
    """A word without elision ("l'", "qu'"), possessive or contraction ("'s", "n't")."""
    return _CONTRACTION.sub("", ELISION.sub("", word))


def opens_sentence(text: str, place: int) -> bool:
    """Whether a sentence begins at this place, so that a capital there may mean nothing."""
    before = text[max(0, place - 20) : place].rstrip(" \u00a0\u202f\t«“\"'’(*-")
    return not before or before[-1] in ".!?…:»”\n"


@cache
def lexicon(language: str) -> dict[str, Any]:
    """The content of index/text/data/<language>.toml."""
    return tomllib.loads((_DATA / f"{language}.toml").read_text(encoding="utf-8"))


@cache
def word_list(name: str, language: str) -> frozenset[str]:
    """A list of a language's lexicon, as its words are spelled; empty if there is none."""
    words = (word.strip() for word in lexicon(language).get(name, "").split(","))
    return frozenset(filter(None, words))


@cache
def phrases(name: str, language: str | None = None) -> re.Pattern[str]:
    """A pattern that finds any phrase of a list of the lexicon, of both languages if none is named.

    It finds whole words in folded text, and in text as it is where the list has no accents. The
    signs that a list may hold are explained in the data files.

    Raises:
        KeyError: no such list.
    """
    languages = (language,) if language else [each for each in LANGUAGES if name in lexicon(each)]
    if not languages:
        raise KeyError(name)
    either = "|".join(_alternatives(name, each) for each in languages)
    return re.compile(rf"\b(?:{either})\b", re.IGNORECASE)


def _alternatives(name: str, language: str) -> str:
    """The phrases of a list as alternatives of a pattern, longer ones first."""
    found = sorted(word_list(name, language), key=len, reverse=True)
    escaped = re.escape(fold(",".join(found))).replace(",", "|")
    for sign, pattern in _SIGNS.items():
        escaped = escaped.replace(sign, pattern)
    return re.sub(
        r"\\\{(\w+)\\\}", lambda inner: f"(?:{_alternatives(inner[1], language)})", escaped
    )


def _stemmer(language: str) -> Any:
    """One stemmer a thread: they keep state while they work."""
    import Stemmer

    stemmers = _local.__dict__.setdefault("stemmers", {})
    if language not in stemmers:
        stemmers[language] = Stemmer.Stemmer(_SNOWBALL[language])
    return stemmers[language]


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))
