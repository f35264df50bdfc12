"""Chosen documents compared by named aspects, and in what the cells of a table differ."""

import threading
from collections.abc import Generator, Iterator, Sequence
from itertools import combinations
from typing import Literal

from index.text.language import detect
from rag.answerer import Answerer
from rag.draft import Draft
from rag.events import Event, Searching
from rag.intent import Intent, Request
from rag.many.comparing import compare_chosen
from rag.retriever import check_names
from rag.verifier import Sentence
from rag.verifier.facts import facts, holds, negated
from rag.verifier.figures import Fact

_KINDS = {"figure": ("number", "rank"), "date": ("date",)}


def compared(
    answerer: Answerer,
    question: str,
    *,
    documents: Sequence[str],
    aspects: Sequence[str],
    language: str,
    stop: threading.Event,
) -> Generator[Event]:
    """The events of a table of documents by aspects; see `Answerer.ask`.

    Args:
        answerer: over the store that has the documents.
        question: as it is shown.
        documents: names of two or more.
        aspects: in words; where there are none, those of which all speak.
        language: "fr" or "en" to answer in.
        stop: set it to stop.

    Raises:
        UserError: `document_unknown` (name).
    """
    check_names(answerer.store, documents)
    draft = Draft(question, language, stop, answerer.verifier.sources([]))
    draft.asked = ", ".join(aspects) or question
    request = Request(Intent.COMPARE, question, documents=tuple(documents), scope=documents)
    with answerer.first():
        yield Searching(language)
        yield from compare_chosen(answerer, draft, request, aspects)


def differing(
    text: str, sentences: Sequence[Sentence], language: str
) -> dict[int, tuple[str, ...]]:
    """By its start, in what each sentence of a table differs from what another document says of
    the same: figure, date, denial. Short cells are taken to be in `language`.

    Cells of one row or one column that cite different documents speak of the same.
    """
    found: dict[int, set[str]] = {}
    cells = [(*_place(text, each.start), each) for each in sentences if each.citations]
    for (row, column, one), (other_row, other_column, other) in combinations(cells, 2):
        same = column and other_column and (row == other_row or column == other_column)
        if same and one.citations[0].document != other.citations[0].document:
            for kind in _differences(one.text, other.text, language):
                found.setdefault(one.start, set()).add(kind)
                found.setdefault(other.start, set()).add(kind)
    return {start: tuple(sorted(kinds)) for start, kinds in found.items()}


def _place(text: str, start: int) -> tuple[int, int]:
    """The line of a sentence, and its column of a table from 1; 0 outside of tables."""
    line = text.rfind("\n", 0, start) + 1
    is_row = text.startswith("|", line)
    return text.count("\n", 0, start), text.count("|", line, start) if is_row else 0


def _differences(one: str, other: str, language: str) -> Iterator[str]:
    default: Literal["fr", "en"] = "en" if language == "en" else "fr"
    in_one, in_other = (detect(each, default=default) for each in (one, other))
    first, second = facts(one, in_one), facts(other, in_other)
    for name, kinds in _KINDS.items():
        a, b = ([fact for fact in own if fact.kind in kinds] for own in (first, second))
        if a and b and not (_all_hold(a, b) or _all_hold(b, a)):
            yield name
    if negated(one, in_one) != negated(other, in_other):
        yield "denial"


def _all_hold(own: Sequence[Fact], other: Sequence[Fact]) -> bool:
    return all(holds(other, fact) for fact in own)
