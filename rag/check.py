"""A text of the user's own against the documents: what each of its sentences rests on."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from index.contract import Store
from index.embedder import Embedder
from index.errors import UserError
from index.text.language import detect
from index.text.sentences import split_sentences
from index.text.words import NAME, fold, phrases
from rag.retriever import Retriever
from rag.verifier import Citation, Outcome, Verdict, Verifier, is_saying
from rag.verifier.checks import CHECKS
from rag.verifier.facts import facts, places
from rag.verifier.strict import STRICT

Finding = Literal["supported", "contradicted", "not_found"]
MOST_CHARACTERS = 100_000  # of a text that a page or a program sends
_CHUNKS = 5  # that a sentence is compared with
_ATTEMPTS = 4  # with how many of their sentences, one after the other
_SAME = 0.15  # how far a source speaks of the same, for its difference to contradict
_YEARS = range(1500, 2101)


@dataclass(frozen=True)
class Checked:
    """A sentence of a text with its span there, and what the documents say of it.

    `confidence` (0..1) is of the finding; `sources` support or contradict it; `differs` names what
    is not as there: figure, date, name, place, role, denial.
    """

    text: str
    start: int
    end: int
    verdict: Finding
    confidence: float
    sources: tuple[Citation, ...] = ()
    differs: tuple[str, ...] = ()


def check(
    text: str, store: Store, embedder: Embedder, *, documents: Collection[str] | None = None
) -> Iterator[Checked]:
    """Each sentence of a text in French or English, or in both, as it is checked.

    Args:
        text: headings in it are passed over.
        store: holds the documents.
        embedder: the one that filled it.
        documents: names of those to check against; all where None.

    Raises:
        UserError: `no_text`, `document_unknown` (name).
    """
    if not text.strip():
        raise UserError("no_text")
    retriever, verifier = Retriever(store, embedder), Verifier(store, embedder, (*CHECKS, *STRICT))
    overall, subject = detect(text), ""
    for start, end in split_sentences(text, overall):
        said = text[start:end]
        if not any(map(str.isalpha, said)) or not is_saying(said):
            continue
        language = detect(said, default=overall)
        whole = _standalone(said, subject)
        if named := NAME.match(whole):
            subject = named[0]
        hits = retriever.search(whole, language, k=_CHUNKS, documents=documents)
        sources = verifier.sources([hit.chunk for hit in hits])
        verdict = sources.verify(whole, language, attempts=_ATTEMPTS)
        yield replace(_finding(verdict), text=said, start=start, end=end)


def _standalone(said: str, subject: str) -> str:
    """A sentence with the name before it in place of a pronoun that it begins with."""
    first, _, rest = said.partition(" ")
    stands = subject and rest and phrases("pronouns").fullmatch(fold(first))
    return f"{subject} {rest}" if stands else said


def _finding(verdict: Verdict) -> Checked:
    """What a verdict comes to; the text is put in by the caller."""
    if verdict.outcome is Outcome.SUPPORTED:
        return Checked("", 0, 0, "supported", verdict.support, verdict.citations)
    differs = _differs(verdict)
    if differs and verdict.covered >= _SAME:
        return Checked("", 0, 0, "contradicted", verdict.covered, verdict.closest[:1], differs)
    return Checked("", 0, 0, "not_found", 1 - max(verdict.support, verdict.covered / 2))


def _differs(verdict: Verdict) -> tuple[str, ...]:
    """In what the closest sentence says something else, most telling first."""
    there = {
        (fact.kind, fact.value)
        for each in verdict.closest[:1]
        for fact in facts(each.text, detect(each.text))
    }
    rival = {
        "figure": any(kind in ("number", "date", "rank") for kind, _ in there),
        "name": any(kind == "name" for kind, _ in there),
    }
    kinds = [check.differs for check in (*CHECKS, *STRICT) if check.name in verdict.failed]
    return tuple(
        dict.fromkeys(_closer(kind, verdict) for kind in kinds if kind and rival.get(kind, True))
    )


def _closer(kind: str, verdict: Verdict) -> str:
    """A date among the figures, a place among the names."""
    lacking = verdict.lacking
    if kind == "figure":
        years = (fact for fact in lacking if fact.kind == "number" and not fact.unit)
        dated = any(fact.kind == "date" for fact in lacking)
        return "date" if dated or any(float(year.value) in _YEARS for year in years) else kind
    if kind == "name" and any(fact.kind == "name" and fact.value in places() for fact in lacking):
        return "place"
    return kind
