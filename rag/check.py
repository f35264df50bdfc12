"""A text of the user's own against the documents: what each of its sentences rests on.

Words decide. Where they find nothing, the model, if there is one, is asked of the closest
sentences, and the sentence is looked for once more in the documents' other language.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from index.contract import Store
from index.embedder import Embedder
from index.errors import UserError
from index.text.language import detect, is_language
from index.text.sentences import split_sentences
from index.text.words import NAME, fold, phrases
from rag.llm.base import Generator
from rag.prompts import translating
from rag.retriever import Retriever
from rag.verifier import Citation, Outcome, Verdict, Verifier, is_saying
from rag.verifier.checks import CHECKS
from rag.verifier.facts import denies, facts, holds, places
from rag.verifier.strict import STRICT
from rag.writer import states

Finding = Literal["supported", "contradicted", "not_found"]
MOST_CHARACTERS = 100_000  # of a text that a page or a program sends
_CHUNKS = 5  # that a sentence is compared with
_ATTEMPTS = 4  # with how many of their sentences, one after the other
_STATED = 0.75  # the model's odds that the closest sentences state it, for it to be supported
_BY_MODEL = 0.7  # the confidence in what the model took part in
_TRANSLATES = {"figure", "date"}  # what a small model translates well enough to contradict by
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
    text: str,
    store: Store,
    embedder: Embedder,
    *,
    documents: Collection[str] | None = None,
    generator: Generator | None = None,
) -> Iterator[Checked]:
    """Each sentence of a text in French or English, or in both, as it is checked.

    Args:
        text: headings in it are passed over.
        store: holds the documents.
        embedder: the one that filled it.
        documents: names of those to check against; all where None.
        generator: asked where words find nothing, a few seconds a sentence; words alone where None.

    Raises:
        UserError: `no_text`, `document_unknown` (name).
    """
    if not text.strip():
        raise UserError("no_text")
    checker = _Checker(store, embedder, documents, generator)
    overall, subject = detect(text), ""
    for start, end in split_sentences(text, overall):
        said = text[start:end]
        if not any(map(str.isalpha, said)) or not is_saying(said):
            continue
        whole = _standalone(said, subject)
        if named := NAME.match(whole):
            subject = named[0]
        found = checker.check(whole, detect(said, default=overall))
        yield replace(found, text=said, start=start, end=end)


class _Checker:
    """Finds what some documents of a store say of single statements."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        documents: Collection[str] | None,
        generator: Generator | None,
    ) -> None:
        self.store = store
        self.documents = documents
        self.generator = generator
        self.retriever = Retriever(store, embedder)
        self.verifier = Verifier(store, embedder, (*CHECKS, *STRICT))

    def check(self, said: str, language: str) -> Checked:
        """What the documents say of a statement, without its text and span."""
        verdict = self._verify(said, language)
        found = _finding(verdict)
        if not self.generator or found.verdict != "not_found":
            return found
        if self._states(self.generator, verdict, said, language):
            return _stated(verdict)
        other = "en" if language == "fr" else "fr"
        if translated := self._translated(self.generator, said, other):
            verdict = self._verify(translated, other)
            there = _finding(verdict)
            if there.verdict == "supported" or _TRANSLATES & {*there.differs}:
                return replace(there, confidence=min(there.confidence, _BY_MODEL))
            if self._states(self.generator, verdict, translated, other):
                return _stated(verdict)
        return found

    def _verify(self, said: str, language: str) -> Verdict:
        hits = self.retriever.search(said, language, k=_CHUNKS, documents=self.documents)
        sources = self.verifier.sources([hit.chunk for hit in hits])
        return sources.verify(said, language, attempts=_ATTEMPTS)

    def _states(self, generator: Generator, verdict: Verdict, said: str, language: str) -> bool:
        """Whether the closest sentences state it, as the model reads them with their title."""
        if not verdict.closest or _differs(verdict):
            return False
        read = " ".join(each.text for each in verdict.closest[:2])
        there = facts(read, detect(read))
        figures = (fact for fact in facts(said, language) if fact.kind != "name")
        if _puts_aside(read) != _puts_aside(said) or not all(
            holds(there, each) for each in figures
        ):
            return False
        title = self.store.document(verdict.closest[0].document).title
        return states(generator, f"{title}\n{read}", said) >= _STATED

    def _translated(self, generator: Generator, said: str, language: str) -> str:
        """A statement in a language; "" where no document has it, or the translation hasn't."""
        if not any(
            info.language == language
            for info in self.store.documents()
            if self.documents is None or info.name in self.documents
        ):
            return ""
        most = 2 * generator.count(said) + 32
        text = "".join(generator.stream(translating(said, language), max_tokens=most)).strip()
        return text if "\n" not in text and is_language(text, language) else ""


def _puts_aside(text: str) -> bool:
    """Whether a text denies something, or says that it was ruled out."""
    return denies(text, detect(text)) or phrases("forbids").search(fold(text)) is not None


def _stated(verdict: Verdict) -> Checked:
    return Checked("", 0, 0, "supported", _BY_MODEL, verdict.closest[:1])


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
