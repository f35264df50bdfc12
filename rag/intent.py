"""What a message asks for: an answer from the documents, or something that needs no search."""

import re
from enum import StrEnum

from index.text.words import fold


class Intent(StrEnum):
    """What a message asks for."""

    QUESTION = "question"
    HELLO = "hello"
    THANKS = "thanks"
    ABILITIES = "abilities"
    DOCUMENTS = "documents"
    SUMMARY = "summary"


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
    Intent.DOCUMENTS: r"((quels?|de quels?) (sont (les|tes|vos) )?"
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


def recognise(message: str) -> Intent:
    """What a message in French or English asks for."""
    plain = fold(message).strip(" .!?,;:…")
    for intent, pattern in _PATTERNS.items():
        if re.fullmatch(pattern, plain):
            return intent
    return Intent.QUESTION
