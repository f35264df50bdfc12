"""Messages that can't be understood without the turns before: other readings of them."""

import threading
from collections.abc import Sequence

from index.text.dates import dates
from index.text.language import detect
from index.text.words import WORD, fold, opens_sentence, phrases, replaced, terms, word_list
from rag.events import Turn
from rag.llm.base import Generator
from rag.prompts import rewrite, rewriting

_MOST_EARLIER = 3  # more of the conversation misleads a small model
_LONGEST = 300  # characters of each question and each answer
_PREPOSITIONS = frozenset("by before after since until from of de avant apres depuis pour".split())
_ARTICLES = ("l'", "la ", "le ", "les ", "the ")
_MOST_WORDS = 8  # of a fragment that only puts another name in the question before


def with_year(message: str, earlier: Sequence[Turn]) -> str:
    """A message with "that year" as the year that was spoken of last, where that was one."""
    found = phrases("that_year").search(fold(message))
    # "The same year as the pool" is none that was spoken of, "by that year" no "in 2021"
    rest = fold(message)[found.end() :].lstrip() if found else ""
    before = fold(message)[: found.start()].split()[-1:] if found else []
    if not found or phrases("not_that_year").search(rest) or set(before) & _PREPOSITIONS:
        return message
    for turn in reversed(earlier):
        for said in (turn.question, turn.answer):
            years = {each.year for each in dates(said) if each.year}
            if len(years) == 1:
                in_that = "in" if detect(message) == "en" else "en"
                return replaced(message, "that_year", f"{in_that} {years.pop()}")
            if years:
                return message
    return message


def depends(question: str, language: str) -> bool:
    """Whether a question seems to need the ones before it, by its words: "Et ...?", "she"."""
    plain = fold(question)
    if plain.strip(" \u00a0\u202f?!.,") in map(fold, word_list("bare_questions", language)):
        return True
    found = phrases("dependent", language).finditer(plain)
    return any(not plain[: each.start()].endswith("-") for each in found)


def readings(
    message: str,
    earlier: Sequence[Turn],
    language: str,
    generator: Generator,
    stop: threading.Event | None = None,
    *,
    certain: bool = True,
) -> list[str]:
    """What a message that depends on the turns before may mean, the likeliest first.

    Args:
        message: a follow-up or a correction.
        earlier: the turns before it, oldest first; where there is none, only the message is left.
        language: "fr" or "en", of `message`.
        generator: rewrites; its words are kept if they look like a question of sensible length.
        stop: set it to leave off; what comes back then is of no use.
        certain: whether the message is known to depend on them, or only may.
    """
    if not earlier:
        return [message]
    before = context(earlier, language)
    if swapped := with_other_name(message, before, language):
        return [swapped]
    recent = read_with(earlier)
    generator.prepare(rewrite(language), stop=stop)  # stays, also where room is short
    asked = rewriting(message, recent, language)
    written = "".join(generator.stream(asked, max_tokens=64, stop=stop)).strip()
    first_line = written.splitlines()[0].strip(' "«»-') if written else ""
    longest = len(message) + sum(len(turn.question) for turn in recent) + 60
    # Where the model's words leave something out, the message beside the question before stands.
    plain = f"{before.rstrip(' ?!.')}, {message}" if certain else message
    pointing = terms(" ".join(word_list("pointing", language)), language)
    lost = set(terms(message, language)) - {*terms(first_line, language), *pointing}
    if not first_line or len(first_line) > longest:
        return [plain]
    return [plain, first_line] if lost else [first_line, plain]


def read_with(earlier: Sequence[Turn]) -> list[Turn]:
    """The turns that a follow-up is read with, cut short."""
    return [
        Turn(turn.question[:_LONGEST], _said(turn)[:_LONGEST]) for turn in earlier[-_MOST_EARLIER:]
    ]


def _said(turn: Turn) -> str:
    """An answer; where it quotes, only what is quoted."""
    quoted = ((each.text, [cited.text for cited in each.citations]) for each in turn.sentences)
    said = [
        next((cited for cited in all_cited if cited in text), text) for text, all_cited in quoted
    ]
    return " ".join(said) or turn.answer


def context(earlier: Sequence[Turn], language: str) -> str:
    """The last question as far as it can be completed from those before without the model."""
    before = ""
    for turn in earlier:
        question = turn.question
        if before and (swapped := with_other_name(question, before, language)):
            question = swapped
        elif before and depends(question, language):
            question = f"{before.rstrip(' ?!.')}, {question}"
        before = question[-2 * _LONGEST :]
    return before


def with_other_name(fragment: str, before: str, language: str) -> str | None:
    """The question before with the one name of a fragment in the place of its own one.

    "Et à Lormeuil ?" after "Quand ouvre la piscine de Vaubrun ?"; of several names the one behind
    the same word, as in "à Lormeuil". None where none or several are left, or the fragment says
    more.
    """
    if len(fragment.split()) > _MOST_WORDS:
        return None
    new, old = _names(fragment, language, fragment=True), _names(before, language)
    if len(new) == 1 and len(old) > 1:
        behind = _word_before(fragment, new[0][0])
        old = [each for each in old if _word_before(before, each[0]) == behind]
    if len(new) != 1 or len(old) != 1:
        return None
    (start, end), (first, last) = new[0], old[0]
    name = fragment[start:end]
    left = set(terms(f"{fragment[:start]} {fragment[end:]}", language))
    if left - set(terms(before, language)) - set(terms(_words("filling", language), language)):
        return None
    if name[0].isdigit() != before[first].isdigit():
        return None
    article, own = _article(fragment, start), _article(before, first)
    if article and own:
        name, first = article + name, first - len(own)
    return before[:first] + name + before[last:]


def _article(text: str, place: int) -> str:
    """The article that stands right before a place of a text, "" where there is none."""
    before = text[:place].lower().replace("’", "'")
    found = (each for each in _ARTICLES if f" {before}".endswith((f" {each}", f"'{each}")))
    return text[place - len(next(found, "")) : place]


def _word_before(text: str, place: int) -> str:
    """The word that stands before a place of a text, folded."""
    return (fold(text[:place]).split() or [""])[-1]


def _words(name: str, language: str) -> str:
    return " ".join(word_list(name, language))


def _names(text: str, language: str, *, fragment: bool = False) -> list[tuple[int, int]]:
    """The spans of names and years; at the head of a sentence only in a fragment."""
    spans: list[tuple[int, int]] = []
    common = {fold(each) for name in ("stop", "only") for each in word_list(name, language)}
    common |= {fold(each) for each in word_list("filling", language)}
    for match in WORD.finditer(text.replace("’", "'")):
        head = match[0].rpartition("'")[0]
        start = match.start() + (len(head) + 1 if head and len(head) <= 2 else 0)
        word = text[start : match.end()]
        year = word.isdigit() and len(word) == 4
        opening = opens_sentence(text, start)
        end = start + len(word.removesuffix("'s"))
        usual = fold(word) in common and not (len(word) > 1 and word.isupper())  # "AI" is none
        named = word[:1].isupper() and not usual and (fragment or not opening)
        if not named and not year:
            continue
        if spans and text[spans[-1][1] : start] == " " and named:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def cited_documents(turns: Sequence[Turn]) -> tuple[str, ...]:
    """The documents that the answers of turns cite, in order."""
    sentences = (sentence for turn in turns for sentence in turn.sentences)
    names = (citation.document for sentence in sentences for citation in sentence.citations)
    return tuple(dict.fromkeys(names))
