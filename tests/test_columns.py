"""A comparison of what one table has side by side, and when none is meant."""

import threading
from collections.abc import Iterator

import pytest

from index.contract import Store
from index.documents import make
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import put_documents
from rag.draft import Draft
from rag.intent import Intent, Request
from rag.many.columns import side_by_side
from rag.many.meant import chooses_thing
from rag.writer import Writer

ROWS = [
    "Critère; Voiliers Le Bihan; Nautic Ouest; Chantier Morvan",
    "Critère: Coque; Voiliers Le Bihan: 41 000 €; Nautic Ouest: 38 500 €; Chantier Morvan: 44 200 €",
    "Critère: Moteur; Voiliers Le Bihan: 9 000 €; Nautic Ouest: 8 700 €; Chantier Morvan: 7 900 €",
    "Critère: Acompte; Voiliers Le Bihan: 30 %; Nautic Ouest: 25 %; Chantier Morvan: 40 %",
    "Critère: Durée de la garantie; Voiliers Le Bihan: 2 ans; Nautic Ouest: 3 ans; "
    "Chantier Morvan: 5 ans",
]
OFFERS = "# Trois offres pour le bateau de l'école\n\n" + "\n\n".join(ROWS)
LEASE = "# Bail du hangar\n\nLe loyer est de 300 euros."
GARAGE = "# Bail du garage\n\nLe loyer est de 90 euros."


@pytest.fixture(scope="module")
def store(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    texts = {"offres.md": OFFERS, "hangar.md": LEASE, "garage.md": GARAGE}
    with LocalStore(
        tmp_path_factory.mktemp("store"), embedder.fingerprint, embedder.dimension
    ) as opened:
        documents = [
            make(name, text.partition("\n")[0].strip("# "), text) for name, text in texts.items()
        ]
        put_documents(documents, opened, embedder)
        yield opened


@pytest.fixture(scope="module")
def writer(store: Store, embedder: Embedder) -> Writer:
    """For answers that no model has a part in."""
    return Writer(store, embedder, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "language", "planned", "columns", "rows"),
    [
        ("Compare les trois offres : acompte", "fr", ["acompte"], 3, ["Acompte"]),
        ("Compare les trois offres", "fr", [], 3, ["Coque", "Moteur", "Acompte", "Durée"]),
        ("Compare Nautic et Morvan sur la garantie", "fr", ["la garantie"], 2, ["Durée"]),
        ("Compare Nautic et Morvan sur les prix", "fr", ["prix"], 2, ["Coque", "Moteur"]),
        ("Compare the three offers: engine", "en", ["engine"], 3, ["Moteur"]),
        ("Compare les deux offres : acompte", "fr", ["acompte"], 0, []),
        ("Compare Nautic et Arvel sur la garantie", "fr", ["la garantie"], 0, []),
        ("Compare les trois offres : couleur", "fr", ["couleur"], 0, []),
    ],
)
def test_columns_are_compared_by_the_rows_that_the_question_names(
    writer: Writer, asked: str, language: str, planned: list[str], columns: int, rows: list[str]
) -> None:
    draft = Draft(asked, language, threading.Event(), writer.verifier.sources([]), asked)
    found = side_by_side(writer, draft, Request(Intent.COMPARE, asked), planned)
    assert len(found) == bool(columns)
    for part in found:
        assert len(part.group.columns) == columns + 1
        first = [record.cells["Critère"] for record in part.records]
        assert len(first) == len(rows)
        assert all(cell.startswith(row) for cell, row in zip(first, rows, strict=True))


@pytest.mark.parametrize(
    ("asked", "thing"),
    [
        ("Quel chantier est le moins cher pour les deux moteurs ?", True),
        ("Et quelle voile est la plus grande ?", True),
        ("Quel bail est le moins cher ?", False),
        ("Lequel est le moins cher ?", False),
        ("Quel est le moins cher ?", False),
        ("Quel chantier a répondu ?", False),
    ],
)
def test_the_most_of_what_documents_speak_of_is_no_comparison_of_documents(
    writer: Writer, asked: str, thing: bool
) -> None:
    assert chooses_thing(writer, Request(Intent.COMPARE, asked), asked, "fr") is thing
