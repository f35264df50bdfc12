"""The checkable facts of a sentence in one form for both languages: figures with their units, dates, names, negation."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from index.text.words import terms

Kind = Literal["number", "date", "rank", "name"]


@dataclass(frozen=True)
class Fact:
    """Something that a source must hold for a sentence to rest on it.

    `value` is a plain number, "month:2", "day:1", the 2 of "second" or a folded name; `unit` "%", "eur", "usd", "gbp" or empty;
    `opening` tells that a name opens the sentence, so that its capital may mean nothing.
    """

    kind: Kind
    value: str
    unit: str = ""
    opening: bool = False


_SCALES = {
    "mille": 1e3, "thousand": 1e3, "k": 1e3,
    "million": 1e6, "millions": 1e6, "mln": 1e6,
    "milliard": 1e9, "milliards": 1e9, "md": 1e9, "mds": 1e9, "billion": 1e9, "billions": 1e9, "bn": 1e9,
    "trillion": 1e12, "trillions": 1e12,
}  # fmt: skip
_UNITS = {
    "%": "%", "pour cent": "%", "pourcent": "%", "percent": "%", "per cent": "%",
    "€": "eur", "euro": "eur", "euros": "eur", "eur": "eur",
    "$": "usd", "dollar": "usd", "dollars": "usd", "usd": "usd",
    "£": "gbp", "livres": "gbp", "pounds": "gbp",
}  # fmt: skip
_MONTHS = (
    ("janvier", "january"), ("fevrier", "february"), ("mars", "march"), ("avril", "april"), ("mai", "may"), ("juin", "june"),
    ("juillet", "july"), ("aout", "august"), ("septembre", "september"), ("octobre", "october"), ("novembre", "november"),
    ("decembre", "december"),
)  # fmt: skip
_DAYS = (
    ("lundi", "monday"), ("mardi", "tuesday"), ("mercredi", "wednesday"), ("jeudi", "thursday"), ("vendredi", "friday"),
    ("samedi", "saturday"), ("dimanche", "sunday"),
)  # fmt: skip
_CALENDAR = {
    name: f"{kind}:{number}"
    for kind, table in (("month", _MONTHS), ("day", _DAYS))
    for number, names in enumerate(table, 1)
    for name in names
    if name
    not in (
        "may",
        "march",
        "mars",
        "mai",
    )  # also a verb, a planet: only dates where a number stands beside
}
_BESIDE_NUMBER = {"may": "month:5", "march": "month:3", "mars": "month:3", "mai": "month:5"}

_RANKS = (
    ("premier", "premiere", "premiers", "premieres", "first"),
    ("deuxieme", "deuxiemes", "second", "seconde", "seconds", "secondes"),
    ("troisieme", "troisiemes", "third"), ("quatrieme", "quatriemes", "fourth"), ("cinquieme", "cinquiemes", "fifth"),
    ("dernier", "derniere", "derniers", "dernieres", "last"),
)  # fmt: skip
_RANK = {name: str(number) for number, names in enumerate(_RANKS, 1) for name in names}

# Names that the two languages spell differently; each line is one name with its adjectives.
_PLACES = (
    "allemagne allemand allemande allemands allemandes germany german germans",
    "angleterre anglais anglaise england english",
    "espagne espagnol espagnole espagnols espagnoles spain spanish",
    "etats-unis etats unis americain americaine americains americaines usa us u.s american americans states united",
    "europe europeen europeenne europeens europeennes european europeans",
    "france francais francaise francaises french",
    "italie italien italienne italiens italiennes italy italian italians",
    "royaume-uni royaume uni britannique britanniques uk u.k kingdom british britain grande-bretagne",
    "union ue eu",
    "chine chinois chinoise chinoises china chinese",
    "japon japonais japonaise japonaises japan japanese",
    "russie russe russes russia russian russians",
    "suisse suisses switzerland swiss",
    "belgique belge belges belgium belgian belgians",
    "pays-bas neerlandais neerlandaise netherlands dutch",
    "afrique africain africaine africains africaines africa african africans",
    "asie asiatique asiatiques asia asian asians",
    "algerie algerien algerienne algeriens algeriennes algeria algerian algerians",
    "autriche autrichien autrichienne autrichiens autrichiennes austria austrian austrians",
    "bresil bresilien bresilienne bresiliens bresiliennes brazil brazilian brazilians",
    "canada canadien canadienne canadiens canadiennes canadian canadians",
    "danemark danois danoise danoises denmark danish",
    "ecosse ecossais ecossaise scotland scottish scots",
    "egypte egyptien egyptienne egyptiens egyptiennes egypt egyptian egyptians",
    "finlande finlandais finlandaise finland finnish",
    "grece grec grecque grecs grecques greece greek greeks",
    "hongrie hongrois hongroise hungary hungarian hungarians",
    "inde indien indienne indiens indiennes india indian indians",
    "irlande irlandais irlandaise ireland irish",
    "maroc marocain marocaine marocains marocaines morocco moroccan moroccans",
    "mexique mexicain mexicaine mexicains mexicaines mexico mexican mexicans",
    "norvege norvegien norvegienne norvegiens norvegiennes norway norwegian norwegians",
    "pologne polonais polonaise polonaises poland polish",
    "suede suedois suedoise suedoises sweden swedish",
    "tunisie tunisien tunisienne tunisiens tunisiennes tunisia tunisian tunisians",
    "turquie turc turque turcs turques turkey turkish turks",
    "bruxelles brussels",
    "londres london",
    "geneve geneva",
    "moscou moscow",
    "pekin beijing",
)
_EXONYMS = (
    *_PLACES,
    "commission commissaire commissioner",
    "parlement parliament",
    "conseil council",
    "ministre ministere minister ministry",
    "secretaire secretary",
    "etat etats state states",
    "numerique digital",
    "president presidente presidency",
    "premier prime",
)
_SAME_NAME = {form: line.split()[0] for line in _EXONYMS for form in line.split()}
PLACES = frozenset(line.split()[0] for line in _PLACES)
# French writes a people's adjective small: "le règlement européen" is "the European law".
_NO_PEOPLES = frozenset(
    {"etats", "unis", "royaume", "uni", "union", "ue", "us", "uk", "eu", "usa", "states", "united"}
)
_PEOPLES = {
    form: place for form, place in _SAME_NAME.items() if place in PLACES and form not in _NO_PEOPLES
}
_NOT_NAMES = frozenset(
    "i je ai ia llm llms ceo pdg m mr mrs mme dr bc bce ad j.-c le la les du des de the".split()
)
# Words that English writes large within a name and French small: "the Nobel Prize", "le prix Nobel". They are compared as words.
_TITLES = frozenset(
    "bank battle castle church company fund history international king literature navy physics peace prize queen republic river "
    "royal sea treaty trophy university war world".split()
)

# A hyphen before a figure is part of a name ("GPT-4") after a letter only, not in "1564-1593".
_DIGITS = r"(?<![\w.,])(?<![^\W\d_]-)(?P<digits>\d{1,3}(?:[ \u00a0\u202f.,]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?)"
_SCALED = re.compile(
    _DIGITS
    + r"[ \u00a0\u202f-]?(?P<scale>mille|thousand|millions?|milliards?|billions?|trillions?|bn|mds?|mln|k)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?P<before>[$€£])?\s?" + _DIGITS + r"(?:[ \u00a0\u202f]?(?:d['’]|de\s|of\s)?"
    r"(?P<unit>%|€|\$|£|pour ?cent\b|per ?cent\b|euros?\b|eur\b|dollars?\b|usd\b|pounds\b))?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_][\w]*(?:[-'’.][\w]+)*", re.UNICODE)
_NAME = re.compile(r"[^\W\d_a-zà-öø-ÿ][\w]*(?:[-.][\w]+)*", re.UNICODE)
_OPENS = re.compile(r"(?:^|[.!?…:]\s)[\s«“\"(*-]*$")
_ELISION = re.compile(r"^(?:[ldnsmtcj]|qu|lorsqu|puisqu|jusqu)['’]", re.IGNORECASE)
_NEGATION = {
    "fr": re.compile(
        r"\b(?:ne|n['’])\s?[\w' -]{0,40}?\b(?:pas|plus|jamais|rien|aucune?|personne|ni|nullement)\b"
        r"|\b(?:pas|aucune?|jamais|sans|non)\b",
        re.IGNORECASE,
    ),
    "en": re.compile(
        r"\b(?:not|never|no|none|nobody|nothing|without|neither|nor|cannot)\b|n['’]t\b",
        re.IGNORECASE,
    ),
}
_REFUSING = re.compile(
    r"\b(?:declin\w+|refus\w+|reject\w+|rejet\w+|den(?:y|ies|ied)|ni(?:e|ent|ait|aient)|ignor\w+|unaware|empech\w+"
    r"|prevent\w+|fail\w+|echou\w+|manqu\w+)\b"
)


def facts(text: str, language: str) -> tuple[Fact, ...]:
    """The figures, dates, ranks and names of a text in "fr" or "en"."""
    found: list[Fact] = []
    for match in _NUMBER.finditer(_in_digits(text, language)):
        value = _value(match["digits"], language)
        unit = _UNITS.get(
            (match["unit"] or match["before"] or "").lower().replace("\u00a0", " "), ""
        )
        found.append(Fact("number", f"{value:.10g}", unit))
    folded = fold(text)
    for match in re.finditer(r"[a-z]+", folded):
        before, after = folded[: match.start()], folded[match.end() :]
        beside = re.search(r"\d(?:er|st|nd|rd|th)?\W{0,3}$", before) or re.match(
            r"\W{0,3}\d", after
        )
        if when := _CALENDAR.get(match[0]) or (_BESIDE_NUMBER.get(match[0]) if beside else None):
            found.append(Fact("date", when))
        if rank := _RANK.get(match[0]):
            found.append(Fact("rank", rank))
    return tuple(dict.fromkeys([*found, *_names(text, language)]))


def about(text: str, language: str) -> frozenset[str]:
    """The figures that a text gives as about so much, or more or less than it; as values of `Fact`."""
    digits = _in_digits(text, language)
    found = (
        match for match in _NUMBER.finditer(digits) if _HEDGE.search(fold(digits[: match.start()]))
    )
    return frozenset(f"{_value(match['digits'], language):.10g}" for match in found)


def names(text: str, language: str) -> tuple[Fact, ...]:
    """The names in a text, without those that may be names only because they open a sentence."""
    return tuple(fact for fact in facts(text, language) if fact.kind == "name" and not fact.opening)


def holds(source: tuple[Fact, ...], fact: Fact) -> bool:
    """Whether a source that has these facts holds this one: the same value, in the same unit where both name one."""
    for other in source:
        if other.kind != fact.kind:
            continue
        if fact.kind == "number":
            near = abs(float(other.value) - float(fact.value)) <= 1e-6 * max(
                abs(float(fact.value)), 1
            )
            if near and (not fact.unit or not other.unit or fact.unit == other.unit):
                return True
        elif other.value == fact.value:
            return True
    parts = fact.value.split("-") if fact.kind == "name" else []
    return len(parts) > 1 and {other.value for other in source if other.kind == "name"}.issuperset(
        parts
    )


def negated(text: str, language: str) -> bool:
    """Whether a sentence denies something, by its words of negation or a verb that refuses."""
    return _NEGATION["en" if language == "en" else "fr"].search(text) is not None


def denies(text: str, language: str) -> bool:
    """`negated`, or a verb such as "refuse" or "decline" that another sentence may put as a negation."""
    return negated(text, language) or _REFUSING.search(fold(text)) is not None


def fold(text: str) -> str:
    """Lower case, no accents, plain apostrophes."""
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'").replace("œ", "oe").casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def name_key(word: str) -> str:
    """One form for a name: folded, without elision or possessive, the same in both languages where we know it."""
    bare = re.sub(r"'s$", "", _ELISION.sub("", fold(word)))
    return _SAME_NAME.get(bare, bare)


def _value(digits: str, language: str) -> float:
    """The number that digits stand for: 15 000, 15.000, 13,5 in French; 15,000 and 13.5 in English, and mixtures."""
    plain = re.sub(r"[ \u00a0\u202f]", "", digits)
    marks = re.findall(r"[.,]", plain)
    if len(set(marks)) == 2:  # the last one is the decimal mark
        last = marks[-1]
        plain = plain.replace("," if last == "." else ".", "").replace(last, ".")
    elif marks:
        thousands = len(marks) > 1 or (
            re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", plain) is not None
            and (marks[0] == ",") == (language == "en")
        )
        plain = re.sub(r"[.,]", "" if thousands else ".", plain)
    return float(plain)


def _in_digits(text: str, language: str) -> str:
    """The text with its numbers in words ("quinze millions", "une vingtaine") as digits, from four on."""
    from text_to_num import alpha2digit

    def scaled(match: re.Match[str]) -> str:
        return f"{_value(match['digits'], language) * _SCALES[match['scale'].lower()]:.0f}"

    round_number = _ABOUT.sub(
        lambda match: f"environ {_ROUND[fold(match[1])]}", _SCALED.sub(scaled, text)
    )
    return alpha2digit(round_number, "en" if language == "en" else "fr")


_HEDGE = re.compile(
    r"\b(?:(?:plus|moins|pres|proche|aupres|autour|pas loin) d[e']|environ|presque|quasiment|quelque|au (?:moins|plus)|jusqu'a"
    r"|a peine|(?:more|less|fewer|rather) than|over|under|nearly|almost|about|around|some|at (?:least|most)|up to|approximately"
    r"|close to|roughly|barely)\s*$"
)
_ROUND = {
    "dizaine": 10, "douzaine": 12, "quinzaine": 15, "vingtaine": 20, "trentaine": 30, "quarantaine": 40, "cinquantaine": 50,
    "soixantaine": 60, "centaine": 100, "dozen": 12,
}  # fmt: skip
_ABOUT = re.compile(r"\b(?:une|a)\s(" + "|".join(_ROUND) + r")\b", re.IGNORECASE)


def _names(text: str, language: str) -> list[Fact]:
    found = []
    for match in _NAME.finditer(text):
        word, start = match[0], match.start()
        if start and text[start - 1].isalnum():
            continue
        opening = word[1:].islower() and _OPENS.search(text[:start]) is not None
        if opening and not terms(word, language):
            continue
        key = name_key(word)
        if language == "en" and key in _TITLES:
            continue
        if (
            len(key) > 1
            and key not in _NOT_NAMES
            and key not in _CALENDAR
            and key not in _BESIDE_NUMBER
        ):
            found.append(Fact("name", key, opening=opening))
    if language == "fr":
        found += [
            Fact("name", _PEOPLES[word])
            for word in re.findall(r"[a-z]+(?:-[a-z]+)?", fold(text))
            if word in _PEOPLES
        ]
    return found
