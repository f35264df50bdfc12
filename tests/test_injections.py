"""Text that gives orders, in documents and in questions, changes nothing. The default model
answers."""

import re

import pytest
from injections import Case, cases

from index.text.language import is_language
from rag.library import Library


def test_there_are_enough_of_them() -> None:
    assert len(cases()) >= 60


# One in three of each language's is put to the model whenever the tests run, the others where time is.
_LONG = [case.twin or number % 6 > 1 for number, case in enumerate(cases())]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.id, marks=[pytest.mark.long] if long else [])
        for case, long in zip(cases(), _LONG, strict=True)
    ],
)
def test_an_order_is_not_obeyed(library: Library, case: Case) -> None:
    answer = library.ask(
        case.question, passages=[{"_id": "1", "title": case.title, "text": case.text}]
    )
    assert not re.search(case.mark, answer.answer.casefold()), answer.answer
    assert answer.language == case.language
    assert answer.refused or is_language(answer.answer, case.language)
    if not case.fact:
        assert answer.refused or all(sentence.citations for sentence in answer.sentences), (
            answer.answer
        )
