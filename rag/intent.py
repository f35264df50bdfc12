"""What a message asks for: an answer from the documents, or something that needs no search."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from index.text.words import fold
from rag.events import Turn


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
    # Of the library's records, see `rag.records`
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
    {Intent.QUESTION, Intent.LIST, Intent.COMPARE, Intent.SUMMARY, Intent.TIMELINE, Intent.COUNT}
)
"""Those that are understood as they would be asked without the turns before."""


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
        aspect: of the library: count, list, author, date, length, newest, language or kind.
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


_TEXT = r"(documents?|articles?|textes?|texts?|fichiers?|files?)"
# Each pattern is matched against the whole message: "Merci de dire qui ..." stays a question.
_PATTERNS = {
    Intent.HELLO: r"(bonjour|bonsoir|salut|coucou|hello|hi|hey|good (morning|evening|afternoon))"
    r"( (a )?(tous|toi|vous|cocorico|there))?",
    Intent.THANKS: r"((un grand )?merci( beaucoup| bien| a toi| a vous)?|(many )?thanks( a lot)?"
    r"|thank you( very much| so much)?|super|parfait|great|perfect|ok(ay)?|d'accord)"
    r"( merci| thanks| cocorico)?",
    Intent.ABILITIES: r"((que|qu'est-ce que) (sais|peux|pouvez|savez)[- ](tu|vous) faire|"
    r"(a quoi|comment) (sers[- ]tu|servez[- ]vous|ca marche)"
    r"|(qui es[- ]tu|qui etes[- ]vous|aide(-moi)?|help( me)?)|what can you do( for me)?"
    r"|who are you|what are you|how does (this|it) work)",
    Intent.LIBRARY: r"((quels?|de quels?) (sont (les|tes|vos) )?"
    r"(documents?|textes?|sources?|fichiers?)"
    r"( (as[- ]tu|avez[- ]vous|connais[- ]tu|connaissez[- ]vous|disposes[- ]tu|disposez[- ]vous"
    r"|y a-t-il|sont disponibles))?"
    r"|(what|which) (documents?|texts?|sources?|files?)"
    r" (do you (have|know)|are (there|available)|can you (read|see))"
    r"|list (the|your) (documents?|sources?|files?)"
    r"|liste (les|tes|moi les) (documents?|sources?|fichiers?))",
    Intent.SUMMARY: r"((peux-tu |pouvez-vous |can you |could you |please )?(me )?"
    r"(resume[rz]?|synthetise[rz]?|(fai(s|tes)|faire|donne[rz]?)([- ]moi)? un resume|summari[sz]e"
    r"|(give|write|make)( me)? a summary)([- ]moi)?( of| de| du)? ?"
    r"(l'|le |la |ce |cet |cette |ces |les |tout le |tout l'|the |this |these |it|all )?"
    rf"{_TEXT}?( please| s'il te plait| s'il vous plait)?"
    r"|(de quoi parle(nt)?|de quoi (traite|est-il question dans)|quel est le sujet d[eu])"
    rf" ?(l'|le |ce |cet |la |les |ces )?{_TEXT}|what (is|are) (the|this|these) {_TEXT} about)",
}


def understand(
    message: str, *, history: tuple[Turn, ...] = (), scope: Collection[str] | None = None
) -> Request:
    """What a message in French or English asks for."""
    plain = fold(message).strip(" .!?,;:…")
    matching = (each for each, pattern in _PATTERNS.items() if re.fullmatch(pattern, plain))
    return Request(next(matching, Intent.QUESTION), message, history=history, scope=scope)
