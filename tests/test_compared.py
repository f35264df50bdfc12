"""In what the cells of a table differ from another document's on the same."""

import pytest

from rag.compared import differing
from rag.verifier import Citation, Sentence


def table(*rows: list[tuple[str, str]]) -> tuple[str, list[Sentence]]:
    """A table of cells (document, text), a heading before each row."""
    text, sentences = "| | A | B |\n| --- | --- | --- |", []
    for number, row in enumerate(rows):
        text += f"\n| row {number} |"
        for document, said in row:
            start = len(text) + 1
            text += f" {said} |"
            cited = (Citation(document, document, 0, 0, 1, said),)
            sentences.append(Sentence(said, start, start + len(said), 0.9, cited))
    return text, sentences


def kinds(*rows: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    text, sentences = table(*rows)
    found = differing(text, sentences, "fr")
    return [found.get(each.start, ()) for each in sentences]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("L'entrée coûte 4,50 euros.", "L'entrée coûte 3 euros.", ("figure",)),
        ("L'entrée coûte 4,50 euros.", "The ticket is 4.50 euros.", ()),
        ("Elle ferme en février.", "Elle ferme en avril.", ("date",)),
        ("Le bassin est ouvert.", "Le bassin n'est pas ouvert.", ("denial",)),
        ("Le bassin est ouvert.", "L'entrée coûte 3 euros.", ()),
    ],
)
def test_cells_of_one_row_are_compared(one: str, other: str, expected: tuple[str, ...]) -> None:
    assert kinds([("a.md", one), ("b.md", other)]) == [expected, expected]


def test_documents_may_be_rows_and_one_document_never_differs_from_itself() -> None:
    found = kinds(
        [("a.md", "Il y a 3 bassins."), ("a.md", "L'entrée coûte 5 euros.")],
        [("b.md", "Il y a 3 bassins."), ("b.md", "L'entrée coûte 6 euros.")],
    )
    assert found == [(), ("figure",), (), ("figure",)]


def test_what_is_no_table_is_not_compared() -> None:
    cited = tuple(Citation(name, name, 0, 0, 1, "x") for name in ("a.md", "b.md"))
    text = "Il y a 3 bassins.\nIl y a 4 bassins."
    sentences = [
        Sentence(text[:17], 0, 17, 0.9, cited[:1]),
        Sentence(text[18:], 18, 35, 0.9, cited[1:]),
    ]
    assert differing(text, sentences, "fr") == {}
