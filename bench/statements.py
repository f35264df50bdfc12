"""Statements on public passages, true and false, made by script: what `bench.ablation` verifies.

A question with its answer in place of "who" or "when" is a true statement in other words than the
passage's, as is a short sentence of the passage in the same words. Changed in one point each is
false: a figure, a date, a name, two names exchanged, a denial, what somebody is, a reason, a rank.
"""

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bench.answers import DATA, lines
from bench.report import RESULTS
from index.text.language import detect, unquoted
from index.text.sentences import split_sentences
from index.text.words import NAME, fold, opens_sentence

HALVES = ("dev", "report")
_FILES = {"en": "squad.en", "fr": "piaf.fr"}
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_RANKS = {"first": "third", "second": "fifth", "premier": "troisième", "première": "troisième"}
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_IS_A = re.compile(
    r"^(?P<who>[A-ZÀ-Þ][^,;()]{2,50}?) (?P<is>is|was|est|était|fut)"
    r" (?P<kind>(?:an?|the|une?|le|la) [^,;.()]{4,60})"
)
_BECAUSE = re.compile(r"\b(?:because|car|parce qu(?:e|['’]))\b\s*(?P<why>[^;]{20,160})\.$")


@dataclass(frozen=True)
class Statement:
    """A sentence to verify against its passages, and the question that it answers, "" if none.

    `true` is by construction, by a reader or by a gold answer; `kind` tells what was changed.
    """

    id: str
    kind: str
    true: bool
    language: str
    text: str
    question: str
    passages: tuple[str, ...]

    @property
    def half(self) -> str:
        """ "dev" or "report", by the SHA-1 of the id."""
        return HALVES[int(hashlib.sha1(self.id.encode()).hexdigest(), 16) % 2]


def statements() -> Iterator[Statement]:
    """All statements, those made by script first."""
    for language, file in _FILES.items():
        rows = lines(DATA / "training" / f"{file}.jsonl")
        for place, row in enumerate(rows):
            passages = tuple(
                each["text"]
                for each in rows[max(0, place - 1) : place + 2]
                if each["title"] == row["title"]
            )
            foreign = rows[(place + len(rows) // 2) % len(rows)]["text"]
            yield from _of_passage(language, row, passages, foreign)
    yield from _by_hand()
    yield from _of_peers()


def _of_passage(
    language: str, row: dict, passages: tuple[str, ...], foreign: str
) -> Iterator[Statement]:
    text = row["text"]
    bases = [
        (question["_id"], question["text"], said)
        for question in row["questions"]
        if question["answers"]
        and (said := stated(question["text"], question["answers"][0], language))
    ]
    for number, (start, end) in enumerate(split_sentences(text, language)):
        if 40 < end - start < 160:
            digest = hashlib.sha1(text.encode()).hexdigest()[:10]
            bases.append((f"{digest}-{number}", "", text[start:end]))
    for name, question, said in bases:
        kind = "true answer" if question else "true sentence"
        yield Statement(name, kind, True, language, said, question, passages)
        chance = random.Random(name)
        for kind, false in mutations(said, text, foreign, language, chance):
            yield Statement(f"{name}", kind, False, language, false, question, passages)


def stated(question: str, answer: str, language: str) -> str | None:
    """A question and its answer as a statement; None where its form isn't known."""
    asked = question.strip().rstrip("?").strip()
    answer = answer.strip().rstrip(".")
    forms = {
        "en": (
            (
                r"(?:when|where|in (?:what|which) \w+|on what \w+) (?:did|does|do) (?P<rest>.+)",
                "{rest} in {answer}",
            ),
            (r"how many (?P<what>[\w ]+?) (?:did|does|do) (?P<rest>.+)", "{rest} {answer} {what}"),
            (r"how many (?P<rest>.+)", "{answer} {rest}"),
            (r"what (?:did|does|do) (?P<rest>.+)", "{rest} {answer}"),
            (r"(?:who|what) (?P<rest>(?!did|does|do|kind|type)\w+ .+)", "{answer} {rest}"),
            (r"which \w+ (?P<rest>(?!did|does|do|of)\w+ .+)", "{answer} {rest}"),
        ),
        "fr": (
            (r"(?:quand|où|en quelle année|à quelle date) (?P<rest>.+)", "{rest} en {answer}"),
            (r"combien (?:de |d['’])(?P<rest>.+)", "{answer} {rest}"),
            (r"qui (?P<rest>.+)", "{answer} {rest}"),
            (r"quel(?:le)?s? (?P<rest>(?:est|sont|était|étaient|fut) .+)", "{answer} {rest}"),
        ),
    }[language]
    for form, shape in forms:
        if found := re.fullmatch(form, asked, re.IGNORECASE):
            said = shape.format(answer=answer, **found.groupdict())
            said = re.sub(r"(?:-t)?-(?:ils?|elles?|on)\b|est-ce qu(?:e |['’])", "", said)
            return f"{said[0].upper()}{said[1:]}."
    return None


def mutations(
    said: str, text: str, foreign: str, language: str, chance: random.Random
) -> Iterator[tuple[str, str]]:
    """Each kind of change that a true statement allows, with the false statement."""
    if numbers := list(_NUMBER.finditer(said)):
        found = chance.choice(numbers)
        others = sorted(
            {
                each
                for each in _NUMBER.findall(text)
                if each not in said and len(each) == len(found[0])
            }
        )
        yield (
            "figure",
            _put(said, found.span(), chance.choice(others) if others else _other(found[0])),
        )
    months = _MONTHS[language].split()
    if spoken := [month for month in months if re.search(rf"\b{month}\b", said)]:
        yield "month", said.replace(spoken[0], months[(months.index(spoken[0]) + 5) % 12])
    if names := _names(said):
        found = chance.choice(names)
        for kind, source in (("name of the passage", text), ("name from elsewhere", foreign)):
            others = sorted(
                {
                    each[0]
                    for each in _names(source)
                    if fold(each[0]) not in fold(said) and fold(found[0]) not in fold(each[0])
                }
            )
            if others:
                yield kind, _put(said, found.span(), chance.choice(others))
        if len(names) > 1 and names[0][0] != names[-1][0]:
            between = said[names[0].end() : names[-1].start()]
            yield (
                "roles",
                said[: names[0].start()]
                + names[-1][0]
                + between
                + names[0][0]
                + said[names[-1].end() :],
            )
    if denied := _denied(said, language):
        yield "denial", denied
    if (is_a := _IS_A.match(said)) and (
        others := [each for each in map(_IS_A.match, _cut(foreign, language)) if each]
    ):
        yield "what somebody is", f"{is_a['who']} {is_a['is']} {others[0]['kind']}."
    if (because := _BECAUSE.search(said)) and (
        others := [each for each in _cut(text, language) if each != said]
    ):
        yield "reason", _put(said, because.span("why"), chance.choice(others).rstrip("."))
    for word, other in _RANKS.items():
        if re.search(rf"\b{word}\b", said):
            yield "rank", re.sub(rf"\b{word}\b", other, said, count=1)


def _by_hand() -> Iterator[Statement]:
    """Sentences of this program's answers that were read by hand, with what they cite."""
    for file in ("read-by-hand", "read-by-hand-2", "read-by-hand-3"):
        for number, row in enumerate(lines(RESULTS / f"{file}.jsonl")):
            if len(unquoted(row["sentence"])) > len(row["sentence"]) / 2:
                yield Statement(
                    f"{file}-{number}",
                    "by hand",
                    row["accepted"],
                    detect(row["question"]),
                    row["sentence"],
                    row["question"],
                    tuple(row["citations"]),
                )


def _of_peers() -> Iterator[Statement]:
    """Answers of one sentence by other programs with the same model, right with the gold answer."""
    piaf = {
        row["_id"]: row
        for name in ("fr", "en")
        for row in lines(DATA / "piaf" / f"queries.{name}.jsonl")
    }
    texts = {row["_id"]: row["text"] for row in lines(DATA / "piaf" / "corpus.jsonl")}
    for file in sorted(RESULTS.glob("peer-*-piaf_*.jsonl")):
        for row in lines(file):
            if (
                not row["refused"]
                and row["_id"] in piaf
                and len(split_sentences(row["answer"], row["language"])) == 1
            ):
                passages = (texts[piaf[row["_id"]]["passage"]],)
                yield Statement(
                    f"{file.stem}-{row['_id']}",
                    "peers",
                    row["right"],
                    detect(row["answer"]),
                    row["answer"],
                    row["question"],
                    passages,
                )


def _names(text: str) -> list[re.Match[str]]:
    """The names of a text but for words that open a sentence."""
    return [
        each
        for each in NAME.finditer(text)
        if not opens_sentence(text, each.start()) and len(each[0]) > 2
    ]


def _cut(text: str, language: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, language)]


def _put(text: str, span: tuple[int, int], other: str) -> str:
    return text[: span[0]] + other + text[span[1] :]


def _other(number: str) -> str:
    return number[:-1] + str((int(number[-1]) + 3) % 10)


def _denied(said: str, language: str) -> str | None:
    """The statement with a denial at its verb, where that is easily found."""
    english = "is was were are has had can will".split()
    for verb in english if language == "en" else "est était fut sont étaient a avait peut".split():
        if found := re.search(rf" {verb} ", said):
            elided = f"n'{verb} pas" if verb[0] in "aeé" else f"ne {verb} pas"
            denied = f"{verb} not" if language == "en" else elided
            return _put(said, found.span(), f" {denied} ")
    return None
