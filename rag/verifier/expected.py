"""What kind of answer a question asks for, where its words tell: "combien" wants a figure, "when" a date, "est-ce que" a yes or no.

A small model that doesn't find the figure writes a true sentence about something else; its words are then all in the source,
so only the question shows that nothing was answered.
"""

import re
from typing import Literal

from index.text.words import fold, terms
from rag.verifier.facts import denies, facts

Expected = Literal["person", "count", "money", "share", "quantity", "year", "time"]

_MONEY = r"(?:euros?|dollars?|francs?|livres|pounds|argent|money|millions?|milliards?|billions?|temps|time)\b"
_MEASURES = (
    r"(?:montant|pourcentage|proportion|part|nombre|prix|cout|somme|taux|budget|age|taille|hauteur|superficie|population|duree"
    r"|distance|longueur|profondeur|poids|vitesse|amount|percentage|share|number|price|cost|sum|rate|age|height|size|area"
    r"|length|depth|weight|speed)\b"
)
_ASKED: tuple[tuple[Expected, str], ...] = (
    ("person", r"^(?:et )?qui (?:est|etait|sont|etaient)\b|^(?:and )?who (?:is|was|are|were)\b"),
    ("count", rf"\bcombien (?:de |d')(?!{_MONEY})|\bhow many (?!{_MONEY})"),
    (
        "money",
        r"\bhow much money\b|\bcombien (?:d'argent|d'euros|de (?:dollars|millions|milliards))\b"
        r"|\bhow much\b.*\b(?:cost|invest\w*|pay|pays|paid|rais\w+|spen[dt]\w*)\b"
        r"|\bcombien\b.*\b(?:cout\w*|invest\w*|pay\w*|lev\w+|depens\w*)\b",
    ),
    (
        "share",
        r"\bquel(?:le)?s? (?:(?:est|etait|sont|fut) l(?:e |a |'))?(?:part|pourcentage|proportion)\b"
        r"|\b(?:what|which) (?:(?:is|was|are|were) the )?(?:share|percentage|proportion|stake)\b",
    ),
    (
        "quantity",
        rf"\bcombien\b|\bquel(?:le)?s? (?:(?:est|etait|sont|fut) l(?:e |a |'))?{_MEASURES}"
        rf"|\bhow (?:much|many|old|tall|high|big|large|far)\b|\bwhat (?:(?:is|was|are|were) the (?:\w+ )?)?{_MEASURES}",
    ),
    ("year", r"\bquelles? annees?\b|\b(?:what|which) years?\b"),
    (
        "time",
        r"^(?:et )?(?:depuis |jusqu'a )?quand\b|\ba quelle date\b|\bquel (?:jour|mois|siecle)\b"
        r"|^(?:and )?(?:since )?when\b|\b(?:what|which) (?:date|day|month|century)\b",
    ),
)
_FEW = re.compile(
    r"\b(?:deux|trois|seule?|moitie|tiers|quarts?|double|triple|majorite|totalite|aucune?|zero|plusieurs|dizaines?|centaines?"
    r"|milliers?|two|three|single|half|third|quarter|twice|majority|none|dozens|hundreds|thousands|several)\b"
)
_YEAR = 100  # a figure from which on it may be a year; smaller ones count years: "two years later"
_SUM = 1000  # a figure from which on it may be one of money without its unit
_TIMES = re.compile(
    r"\b(?:siecle|century|printemps|ete|automne|hiver|spring|summer|autumn|winter|hier|aujourd'hui|yesterday|today|apres|after"
    r"|avant|before|lors|pendant|during|age|ere|era)\b"
)


def expected(question: str) -> Expected | None:
    """The kind of answer that a question in French or English asks for, the last of several; None where any will do."""
    plain = re.split(r"\?\s+(?=\w)", fold(question))[-1]
    return next((kind for kind, pattern in _ASKED if re.search(pattern, plain)), None)


def fits(kind: Expected | None, text: str, language: str) -> bool:
    """Whether a sentence in `language` holds something of this kind."""
    if kind in (None, "person"):
        return True
    known = [fact for fact in facts(text, language) if fact.kind in ("number", "date")]
    if kind == "year":
        return any(
            fact.kind == "number" and not fact.unit and float(fact.value) >= _YEAR for fact in known
        )
    if kind == "time":
        return any(not fact.unit for fact in known) or _TIMES.search(fold(text)) is not None
    if kind == "money":
        return any(
            fact.kind == "number" and (fact.unit not in ("", "%") or float(fact.value) >= _SUM)
            for fact in known
        )
    units = {"share": ("%",), "count": ("", "%")}.get(kind or "")
    figures = [
        fact for fact in known if fact.kind == "number" and (units is None or fact.unit in units)
    ]
    return bool(figures) or _FEW.search(fold(text)) is not None


_EST = (
    r"(?:larg|long|old|great|high|bigg|small|young|earli|lat|fast|strong|rich|poor|low|short|tall|deep|near|furth|farth|new|hott|cold"
    r"|wid|clos|wealthi|heavi)est"
)
_EXTREME = re.compile(
    rf"\b(?:(?:l[ae]|les|sa|son|ses|leurs?) (?:plus|moins|meilleure?s?|pires?)|most|least|best|worst|{_EST})\b(?!-| souvent| often)"
)
_RANKED = re.compile(
    rf"\b(?:(?:plus|moins) (?!d[e'])\w+|meilleure?s?|pires?|more|less|most|least|best|worst|{_EST}|premi\w+|dernier\w*|first|last"
    r"|principa\w+|main|majeure?s?|major|record|maxim\w+|minim\w+|top|leading|seule?s?|only|unique)\b"
)


def ranks(question: str, text: str) -> bool:
    """Whether a text can tell the best, the longest or the like of its kind, where the question asks for that."""
    return _EXTREME.search(fold(question)) is None or _RANKED.search(fold(text)) is not None


def can_answer(question: str, text: str, language: str) -> bool:
    """Whether a sentence of a source, in `language`, is of the kind that the question asks for."""
    return fits(expected(question), text, language) and ranks(question, text)


_WHY = re.compile(r"\b(?:pourquoi|why)\b")
_REASON = re.compile(
    r"\b(?:car|parce qu\w*|puisqu\w*|afin|pour|en raison|grace a\w*|a cause|du fait|faute de|en vue|vis(?:e|ent|ait) a|permet\w*"
    r"|caus\w+|raisons?|because|since|due to|in order|thanks to|so that|owing|reasons?)\b|\ben \w+ant\b"
)


def explains(question: str, text: str) -> bool:
    """Whether a sentence's words show a reason, where the question asks for one. Three in ten that hold one don't show it."""
    return _WHY.search(fold(question)) is None or _REASON.search(fold(text)) is not None


_CLOSED = re.compile(
    r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must|may)(?:n't)?\b"
    r"|^est-ce qu|-(?:t-)?(?:ils?|elles?|on|je|tu|nous|vous|ce)\b"
)
_OPEN = re.compile(
    r"^(?:[\w']+ )?(?:qui|qu'|que|quoi|quel(?:le)?s?|ou|d'ou|quand|comment|pourquoi|combien|(?:du|l[ae])?quel(?:le)?"
    r"|(?:aux|des|les)quel(?:le)?s|auquel)\b"
)
_EITHER = re.compile(r"\b(?:ou|or)\b")


def closed(question: str) -> bool:
    """Whether a question in French or English asks for a yes or a no."""
    plain = re.sub(r"^(?:et|mais|and|but|so) ", "", fold(question).strip())
    return (
        _CLOSED.search(plain) is not None and not _OPEN.search(plain) and not _EITHER.search(plain)
    )


def echoes(question: str, text: str, language: str) -> bool:
    """Whether a sentence only says in other order what the question asks: a bare yes, or nothing at all."""
    return set(terms(text, language)) <= set(terms(question, language)) and denies(
        text, language
    ) == denies(question, language)
