"""Questions that can't be understood without those that were asked before."""

import re
import threading
from collections.abc import Sequence

from index.text.words import fold, phrases, terms, word_list
from rag.llm.base import Generator
from rag.prompts import rewrite, rewriting

# "Que reproche-t-il ...?", but not "Le gouvernement était-il ...?", which says who.
_INVERTED = re.compile(
    r"(?:(?:et|mais|alors)\s)?(?:(?:à|de|d['’]|en|pour|depuis|avec|sur|dans|par|chez)\s?)?"
    r"(?:qu['’]|(?:que|qui|quoi|quel(?:le)?s?\s\w+|où|quand|comment|pourquoi"
    r"|combien(?:\sd['’e]\s?\w+)?)\s)?"
    r"(?!est-ce)\b\w+?(?P<who>(?:-t)?-(?:il|elle)s?)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(?P<who>he|she)\b", re.IGNORECASE)
_NAMES = r"(?P<name>(?:[A-ZÀ-Þ][\w.’'-]*|\d{4})(?:\s(?:[A-ZÀ-Þ][\w.’'-]*|\d+))*)"
_ELLIPSIS = re.compile(
    r"(?:(?i:et|mais|and|but|what about|how about))\s+"
    r"(?P<place>(?i:dans|à|au|aux|en|pour|chez|avec|de|du|d['’]|par|sur|contre|selon"
    r"|in|into|at|for|with|of|by|on|from|to|about|according to)\s*)?" + _NAMES + r"\s*[?.!]*$"
)
_MOST_EARLIER = 3  # more of the conversation misleads a small model
_LONGEST = 500  # characters of each of them


def depends(question: str, language: str) -> bool:
    """Whether a question seems to need the ones before it: pronouns, "Et ...?", a bare "Why?"."""
    plain = fold(question)
    if plain.strip(" \u00a0\u202f?!.,") in map(fold, word_list("bare_questions", language)):
        return True
    found = phrases("dependent", language).finditer(plain)
    if any(not plain[: each.start()].endswith("-") for each in found):
        return True
    return language == "fr" and _INVERTED.match(question) is not None


def standalone(
    question: str,
    earlier: Sequence[str],
    language: str,
    generator: Generator,
    stop: threading.Event | None = None,
) -> str:
    """The question as it would be asked without the earlier ones, itself where it stands alone.

    Args:
        question: what was asked now.
        earlier: the questions before it, oldest first.
        language: "fr" or "en", of `question`.
        generator: rewrites; its words are kept if they look like a question of sensible length.
        stop: set it to leave off; what comes back then is of no use.
    """
    recent = [text[:_LONGEST] for text in earlier[-_MOST_EARLIER:]]
    if not recent or not depends(question, language):
        return question
    if known := _exchanged(question, recent[-1]) or _named(question, recent[-1], language):
        return known
    generator.prepare(rewrite(language), stop=stop)  # stays, also where room is short
    asked = rewriting(question, recent, language)
    rewritten = "".join(generator.stream(asked, max_tokens=64, stop=stop)).strip()
    first_line = rewritten.splitlines()[0].strip(' "«»-') if rewritten else ""
    pointing = terms(" ".join(word_list("pointing", language)), language)
    lost = set(terms(question, language)) - {*terms(first_line, language), *pointing}
    if not first_line or lost or len(first_line) > len(question) + sum(map(len, recent)) + 60:
        return f"{recent[-1]} {question}"
    return first_line


def _exchanged(question: str, before: str) -> str | None:
    """ "Et dans OpenAI ?" after "... dans Mistral AI ?": that question with the other name."""
    asked = _ELLIPSIS.match(question.strip())
    if not asked:
        return None
    beginning = rf"\b{re.escape(asked['place'])}\s*" if asked["place"] else r"\b"
    pattern = re.compile(
        rf"(?<=[\s'’])({beginning}){_NAMES}", re.IGNORECASE if asked["place"] else 0
    )
    found = [
        match
        for match in pattern.finditer(before)
        if match["name"][0].isupper() or match["name"][0].isdigit()
    ]
    if not found or (len(found) > 1 and not asked["place"]):
        return None
    last = found[-1]
    return before[: last.start("name")] + asked["name"].strip() + before[last.end("name") :]


def _named(question: str, before: str, language: str) -> str | None:
    """ "Que reproche-t-il ?" after "Qui est Kai Zenner ?": the name in the pronoun's place."""
    found = _INVERTED.match(question) if language == "fr" else _PERSON.search(question)
    if not found or found["who"].endswith("s"):
        return None
    names = re.finditer(rf"(?<=[\s'’]){_NAMES}", before[before.find(" ") :])
    known = {match["name"].removesuffix("'s").removesuffix("’s") for match in names}
    people = {name for name in known if " " in name}  # beside places and firms of one word
    if language == "en" and len(people) == 1:
        known = people
    if len(known) != 1 or (name := known.pop())[0].isdigit():
        return None
    start, end = found.span("who")
    if depends(f"{question[:start]} {question[end:]}", language):
        return None
    return f"{question[:start].rstrip()} {name.rstrip('.')}{question[end:]}".strip()
