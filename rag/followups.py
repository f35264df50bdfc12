"""Questions that lean on what was asked before, and things people say that are no questions about the documents."""

import re
from collections.abc import Sequence
from typing import Literal

from index.text.words import fold, terms
from rag.llm.base import Generator
from rag.prompts import rewrite, rewriting

Remark = Literal["hello", "thanks", "abilities", "documents", "summary"]

_TEXT = r"(documents?|articles?|textes?|texts?|fichiers?|files?)"

# A remark is recognised only when it is the whole message, so that "Merci de dire qui ..." stays a question.
_REMARKS: dict[Remark, str] = {
    "hello": r"(bonjour|bonsoir|salut|coucou|hello|hi|hey|good (morning|evening|afternoon))( (a )?(tous|toi|vous|cocorico|there))?",
    "thanks": r"((un grand )?merci( beaucoup| bien| a toi| a vous)?|(many )?thanks( a lot)?|thank you( very much| so much)?"
    r"|super|parfait|great|perfect|ok(ay)?|d'accord)( merci| thanks| cocorico)?",
    "abilities": r"((que|qu'est-ce que) (sais|peux|pouvez|savez)[- ](tu|vous) faire|"
    r"(a quoi|comment) (sers[- ]tu|servez[- ]vous|ca marche)"
    r"|(qui es[- ]tu|qui etes[- ]vous|aide(-moi)?|help( me)?)|what can you do( for me)?|who are you|what are you"
    r"|how does (this|it) work)",
    "documents": r"((quels?|de quels?) (sont (les|tes|vos) )?(documents?|textes?|sources?|fichiers?)"
    r"( (as[- ]tu|avez[- ]vous|connais[- ]tu|connaissez[- ]vous|disposes[- ]tu|disposez[- ]vous|y a-t-il|sont disponibles))?"
    r"|(what|which) (documents?|texts?|sources?|files?) (do you (have|know)|are (there|available)|can you (read|see))"
    r"|list (the|your) (documents?|sources?|files?)|liste (les|tes|moi les) (documents?|sources?|fichiers?))",
    "summary": r"((peux-tu |pouvez-vous |can you |could you |please )?(me )?"
    r"(resume[rz]?|synthetise[rz]?|(fai(s|tes)|faire|donne[rz]?)([- ]moi)? un resume|summari[sz]e"
    r"|(give|write|make)( me)? a summary)"
    r"([- ]moi)?( of| de| du)? ?(l'|le |la |ce |cet |cette |ces |les |tout le |tout l'|the |this |these |it|all )?"
    rf"{_TEXT}?( please| s'il te plait| s'il vous plait)?"
    rf"|(de quoi parle(nt)?|de quoi (traite|est-il question dans)|quel est le sujet d[eu]) ?(l'|le |ce |cet |la |les |ces )?{_TEXT}"
    rf"|what (is|are) (the|this|these) {_TEXT} about)",
}
_LEANS = {
    "fr": re.compile(
        r"^(et|mais|alors|donc|sinon|pourquoi( cela| ca)?|comment( cela| ca)?|lequel|laquelle|lesquels|lesquelles"
        r"|quand( cela| ca)?|ou|combien|qui( ca)?)\b\W*(?=$|\?)|^(et|mais|sinon|alors)\b"
        r"|(?<!-)\b(il|elle|ils|elles|celui-ci|celle-ci|ceux-ci|cela|ca|ce dernier|cette derniere|lui|leur|leurs|son|sa|ses|y)\b"
        r"|\b(qu'|j')?en (a|ai|ont|est|sont|dit|disent|pens\w+|parl\w+|fait|font|sait|savent)\b"
    ),
    "en": re.compile(
        r"^(and|but|so|why|how( so)?|when|where|who|which( one)?|how (much|many))\W*$|^(and|but|what about|how about|or|then)\b"
        r"|\b(he|she|it|they|him|her|them|his|hers|its|their|this|that|these|those|one|there)\b"
    ),
}
# "Que reproche-t-il ...?", but not "Le gouvernement était-il ...?", which says who.
_INVERTED = re.compile(
    r"(?:(?:et|mais|alors)\s)?(?:(?:à|de|d['’]|en|pour|depuis|avec|sur|dans|par|chez)\s?)?"
    r"(?:qu['’]|(?:que|qui|quoi|quel(?:le)?s?\s\w+|où|quand|comment|pourquoi|combien(?:\sd['’e]\s?\w+)?)\s)?"
    r"(?!est-ce)\w+?(?P<who>(?:-t)?-(?:il|elle)s?)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(?P<who>he|she)\b", re.IGNORECASE)
_NAMES = r"(?P<name>(?:[A-ZÀ-Þ][\w.’'-]*|\d{4})(?:\s(?:[A-ZÀ-Þ][\w.’'-]*|\d+))*)"
_ELLIPSIS = re.compile(
    r"(?:(?i:et|mais|and|but|what about|how about))\s+(?P<place>(?i:dans|à|au|aux|en|pour|chez|avec|de|du|d['’]|par|sur|contre"
    r"|selon|in|into|at|for|with|of|by|on|from|to|about|according to)\s*)?" + _NAMES + r"\s*[?.!]*$"
)
_POINTING = {
    "fr": frozenset(terms("celui-ci celle-ci cela dernier dernière lui alors donc sinon", "fr")),
    "en": frozenset(terms("one ones also then instead", "en")),
}
_MOST_EARLIER = 3  # more of the conversation misleads a small model
_LONGEST = 500  # characters of each of them


def remark(text: str) -> Remark | None:
    """What kind of remark this message is, or None for a question about the documents."""
    plain = fold(text).strip(" .!?,;:…")
    for kind, pattern in _REMARKS.items():
        if re.fullmatch(pattern, plain):
            return kind
    return None


def leans(question: str, language: str) -> bool:
    """Whether the question seems to need the earlier ones to be understood (pronouns, "Et ...?", a bare "Why?")."""
    return _LEANS[language].search(fold(question)) is not None or (
        language == "fr" and _INVERTED.match(question) is not None
    )


def standalone(question: str, earlier: Sequence[str], language: str, generator: Generator) -> str:
    """The question as it would be asked without the earlier ones; itself where it already stands alone.

    Args:
        question: what was asked now.
        earlier: the questions before it, oldest first.
        language: "fr" or "en", of `question`.
        generator: rewrites; its words are kept only if they look like a question of sensible length.
    """
    recent = [text[:_LONGEST] for text in earlier if not remark(text)][-_MOST_EARLIER:]
    if not recent or not leans(question, language):
        return question
    if known := _exchanged(question, recent[-1]) or _named(question, recent[-1], language):
        return known
    generator.prepare(rewrite(language))  # stays, also where other beginnings take the room
    rewritten = "".join(
        generator.stream(rewriting(question, recent, language), max_tokens=64)
    ).strip()
    first_line = rewritten.splitlines()[0].strip(' "«»-') if rewritten else ""
    lost = set(terms(question, language)) - set(terms(first_line, language)) - _POINTING[language]
    if not first_line or lost or len(first_line) > len(question) + sum(map(len, recent)) + 60:
        return f"{recent[-1]} {question}"
    return first_line


def _exchanged(question: str, before: str) -> str | None:
    """ "Et dans OpenAI ?" after "... dans Mistral AI ?": the question before with the one name for the other."""
    asked = _ELLIPSIS.match(question.strip())
    if not asked:
        return None
    beginning = rf"\b{re.escape(asked['place'])}\s*" if asked["place"] else r"\b"
    found = list(
        re.finditer(
            rf"(?<=[\s'’])({beginning}){_NAMES}", before, re.IGNORECASE if asked["place"] else 0
        )
    )
    found = [match for match in found if match["name"][0].isupper() or match["name"][0].isdigit()]
    if not found or (len(found) > 1 and not asked["place"]):
        return None
    last = found[-1]
    return before[: last.start("name")] + asked["name"].strip() + before[last.end("name") :]


def _named(question: str, before: str, language: str) -> str | None:
    """ "Que reproche-t-il à Mistral ?" after "Qui est Kai Zenner ?": the one name there in the one pronoun's place."""
    found = _INVERTED.match(question) if language == "fr" else _PERSON.search(question)
    opening = before.find(" ")
    known = [
        re.sub(r"['’]s$", "", match["name"])
        for match in re.finditer(rf"(?<=[\s'’]){_NAMES}", before[opening:])
    ]
    several = [
        name for name in known if " " in name
    ]  # a person, beside places and firms of one word
    if language == "en" and len(known) > 1 and len(several) == 1:
        known = several
    if not found or found["who"].endswith("s") or len(set(known)) != 1 or known[0][0].isdigit():
        return None
    start, end = found.span("who")
    if leans(f"{question[:start]} {question[end:]}", language):
        return None
    return f"{question[:start].rstrip()} {known[0].rstrip('.')}{question[end:]}".strip()
