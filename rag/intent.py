"""What a message asks for: an answer from the documents, or something that needs no search."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from index.contract import Store
from index.embedder import Embedder
from index.text.sentences import Span, split_sentences
from index.text.words import WORD, fold, phrases, terms
from rag.classifier import classifier, plain_case
from rag.events import Turn
from rag.named import named, whole_number


class Intent(StrEnum):
    """What a message asks for."""

    # Of the documents' content
    QUESTION = "question"
    LIST = "list"
    COMPARE = "compare"
    SUMMARY = "summary"
    TIMELINE = "timeline"
    COUNT = "count"
    MORE = "more"
    # Of the library's records, see `rag.about_library`
    LIBRARY = "library"
    # Of the last answer
    TRANSLATE = "translate"
    SHORTEN = "shorten"
    SIMPLIFY = "simplify"
    POINTS = "points"
    WHERE = "where"
    SURE = "sure"
    # Of nothing
    CORRECTION = "correction"
    HELLO = "hello"
    THANKS = "thanks"
    ABILITIES = "abilities"


CONTENT = frozenset(
    {
        Intent.QUESTION,
        Intent.LIST,
        Intent.COMPARE,
        Intent.SUMMARY,
        Intent.TIMELINE,
        Intent.COUNT,
        Intent.CORRECTION,
    }
)
"""Those that are understood as they would be asked without the turns before."""
REMARKS = frozenset(set(Intent) - CONTENT - {Intent.LIBRARY})
"""Those that a later question says nothing of."""
COURTESY = frozenset({Intent.HELLO, Intent.THANKS, Intent.ABILITIES})
"""Those that are about nothing that was said."""


@dataclass(frozen=True)
class Request:
    """What a message asks for.

    Attributes:
        intent: what kind of answer.
        text: the message without greetings; for `CONTENT`, as it stands without earlier turns.
        number: how many sentences, points or items are asked for; None where it isn't said.
        documents: names of the documents that it names, of those in `scope`.
        language: "fr" or "en" that an answer is asked in, "" where it isn't said.
        table: whether a table is asked for.
        aspect: of the library: count, list, author, date, length, newest, language or kind; of a
            question "follow" where it isn't understood without the turns before; of "more" "topic"
            where it names one.
        history: the turns before it, oldest first.
        scope: the names of the documents that may be used; None for all.
    """

    intent: Intent
    text: str
    number: int | None = None
    documents: tuple[str, ...] = ()
    language: str = ""
    table: bool = False
    aspect: str = ""
    history: tuple[Turn, ...] = ()
    scope: Collection[str] | None = None


_OF_AN_ANSWER = frozenset(
    {Intent.TRANSLATE, Intent.SHORTEN, Intent.SIMPLIFY, Intent.POINTS, Intent.WHERE, Intent.SURE}
)
_SURE = 0.5  # how likely an intent must be: what is unsure is a question
# The same of what would read many excerpts, or none, where a question would have read one
_SURE_OF = {"list": 0.7, "compare": 0.9, "count": 0.8, "timeline": 0.7, "abilities": 0.8}
_NO_QUESTION = 0.05  # up to which it is no question, whichever of the others it is
_COURTESY = 0.7  # how likely a part must be a greeting or thanks to be left out
_HEAD = 4  # words before a comma that may be one
_MOST_ITEMS = 50

Scores = dict[str, float]


def understand(
    message: str,
    store: Store,
    embedder: Embedder,
    *,
    language: str = "fr",
    history: tuple[Turn, ...] = (),
    scope: Collection[str] | None = None,
) -> Request:
    """What a message in French or English asks for.

    Args:
        message: not blank.
        store: whose documents it may name.
        embedder: the one that filled the store.
        language: "fr" or "en", of the message.
        history: the turns before it, oldest first.
        scope: the names of the documents that may be used; None for all.
    """
    text = _without_courtesy(message, language, embedder)
    plain = fold(text)
    said = phrases("compares_things").search(plain) is not None
    intent, aspect = _best(_scores([text], embedder)[0], earlier=bool(history), compares=said)
    asked = {each for each in ("fr", "en") if phrases(_IN[each]).search(plain)}
    known = [info for info in store.documents() if scope is None or info.name in scope]
    documents = named(text, known)
    if intent is Intent.LIBRARY and phrases("needs_papers").search(plain):
        intent, aspect = Intent.LIST, ""
    shorter = intent in (Intent.POINTS, Intent.SHORTEN)
    if shorter and phrases("sums_up").search(plain) and (documents or subject(text, language)):
        intent = Intent.SUMMARY  # "that lease", not what was said of it
    return Request(
        intent,
        text,
        number=_number(text, language, anywhere=intent is Intent.LIST),
        documents=documents,
        language=asked.pop() if len(asked) == 1 else "",
        table=phrases("in_table").search(plain) is not None,
        aspect=aspect,
        history=history,
        scope=scope,
    )


def subject(asked: str, language: str) -> bool:
    """Whether a summary is asked of a subject: a word beside those that ask for a summary."""
    content = (word for word in WORD.findall(asked) if terms(word, language))
    return any(not phrases("summing_up").search(fold(word)) for word in content)


def kind(message: str, embedder: Embedder) -> Intent:
    """What an earlier message asked for."""
    return _best(_scores([message], embedder)[0], earlier=True)[0]


_IN = {"fr": "in_french", "en": "in_english"}


def _best(scores: Scores, *, earlier: bool, compares: bool = False) -> tuple[Intent, str]:
    """The likeliest intent with its likeliest aspect; a question where that is unsure, but for a
    comparison where the message says so (`compares`).

    Without an earlier turn nothing can be asked about its answer.
    """
    intents: defaultdict[str, float] = defaultdict(float)
    for label, likely in scores.items():
        intents[label.partition(".")[0]] += likely
    if not earlier:
        for intent in _OF_AN_ANSWER:
            intents[Intent.QUESTION] += intents.pop(intent, 0.0)
        intents[Intent.QUESTION] += scores[Intent.MORE]  # of no subject
        intents[Intent.MORE] -= scores[Intent.MORE]
    best = max(intents, key=intents.__getitem__)
    sure = _SURE if intents[Intent.QUESTION] > _NO_QUESTION else 0.0
    if intents[best] < (sure if compares else _SURE_OF.get(best, sure)):
        best = Intent.QUESTION
    label = max((each for each in scores if each.partition(".")[0] == best), key=scores.__getitem__)
    return Intent(best), label.partition(".")[2]


def _scores(texts: list[str], embedder: Embedder) -> list[Scores]:
    codes = embedder.embed_queries([plain_case(text) for text in texts])
    name = embedder.fingerprint.split("|")[0]
    return [
        classifier().probabilities(text, code.vector, name)
        for text, code in zip(texts, codes, strict=True)
    ]


def _without_courtesy(message: str, language: str, embedder: Embedder) -> str:
    """The message without greetings and thanks around it; all of it where nothing else is left."""
    parts = list(_parts(message, language))
    if len(parts) == 1:
        return message
    texts = [message[start:end] for start, end in parts]
    polite = [
        scores["hello"] + scores["thanks"] >= _COURTESY and _maybe_courtesy(text)
        for text, scores in zip(texts, _scores(texts, embedder), strict=True)
    ]
    if all(polite):
        return message
    first, last = polite.index(False), len(polite) - 1 - polite[::-1].index(False)
    return message[parts[first][0] : parts[last][1]].strip(" ,;")


def _maybe_courtesy(text: str) -> bool:
    """Whether a part may be a greeting or thanks; of a word or two the classifier can't tell."""
    short = len(text.split()) < _HEAD - 1
    return not short or phrases("courtesy").search(fold(text)) is not None


def _parts(message: str, language: str) -> Iterator[Span]:
    """The sentences; what is short and stands before the first comma, or after the last, alone."""
    spans = split_sentences(message, language) or [(0, len(message))]
    for start, end in spans:
        comma = message.find(",", start, end)
        cut = comma + 1 if comma > 0 and len(message[start:comma].split()) <= _HEAD else start
        comma = message.rfind(",", cut, end)
        late = comma + 1 if comma > 0 and len(message[comma:end].split()) <= _HEAD else end
        for span in ((start, cut), (cut, late), (late, end)):
            if message[slice(*span)].strip():
                yield span


def _number(text: str, language: str, *, anywhere: bool) -> int | None:
    """How many parts of an answer are asked for: "three sentences"; `anywhere`: "three reasons"."""
    words = fold(text).replace("'", " ").split()
    for word, after in zip(words, [*words[1:], ""], strict=True):
        number = whole_number(word.strip(" .,;:!?"), language)
        if number and number <= _MOST_ITEMS and (anywhere or phrases("parts").match(after)):
            return number
    return None
