"""The library as a picture: like passages near each other, spans that open, questions among them."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from index.documents import make
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import put_documents
from ui import map as module

BIRDS = [
    "Le coq chante à l'aube.",
    "La poule pond un œuf par jour.",
    "Le poussin sort de l'œuf après trois semaines.",
]
MONEY = [
    "La banque prête de l'argent aux entreprises.",
    "Le taux d'intérêt a monté.",
    "Les actions de la société ont baissé.",
]


@pytest.fixture(scope="module")
def library(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    with LocalStore(
        tmp_path_factory.mktemp("map"), embedder.fingerprint, embedder.dimension
    ) as store:
        texts = {f"bird{n}": text for n, text in enumerate(BIRDS)} | {
            f"money{n}": text for n, text in enumerate(MONEY)
        }
        put_documents([make(name, name, text) for name, text in texts.items()], store, embedder)
        yield SimpleNamespace(store=store, embedder=embedder)


def test_like_passages_are_near_each_other(library: SimpleNamespace) -> None:
    found = module.points(library)
    assert found["all"] == len(found["points"]) == 6
    of = {found["documents"][point[2]]: np.array(point[:2]) for point in found["points"]}
    birds, money = (
        np.mean([place for name, place in of.items() if name.startswith(kind)], axis=0)
        for kind in ("bird", "money")
    )
    assert all(
        np.linalg.norm(place - birds) < np.linalg.norm(place - money)
        for name, place in of.items()
        if name.startswith("bird")
    )
    assert all(0 <= value <= 1 for point in found["points"] for value in point[:2])


def test_a_question_is_among_them_and_spans_are_the_passage_s(library: SimpleNamespace) -> None:
    found = module.points(library, "Qui chante le matin ?")
    assert len(found["question"]) == 2
    for _, _, number, start, end, text in found["points"]:
        assert library.store.document(found["documents"][number]).text[start:end].startswith(text)


def test_of_many_passages_a_part_of_each_document_is_shown(
    library: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    found = module.points(library)
    assert 2 <= len(found["points"]) <= 3
    assert found["all"] == 6


def test_one_passage_makes_no_map(embedder: Embedder, tmp_path: Path) -> None:
    with LocalStore(tmp_path / "one", embedder.fingerprint, embedder.dimension) as store:
        put_documents([make("a", "a", BIRDS[0])], store, embedder)
        assert module.points(SimpleNamespace(store=store, embedder=embedder))["points"] == []
