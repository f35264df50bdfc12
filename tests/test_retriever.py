"""The search finds the passage that answers, in either language, and says how sure it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.documents import make
from index.embedder import Embedder
from index.store import LocalStore, Store
from index.sync import put_documents
from rag.retriever import Hit, Retriever
from rag.settings import ROOT

DOCUMENTS = {
    "curie": "Marie Curie est née à Varsovie en 1867. Elle a reçu le prix Nobel de physique en 1903, puis celui de "
    "chimie en 1911. Elle est morte à Passy d'une leucémie.",
    "pasteur": "Louis Pasteur est né à Dole en 1822. Il a mis au point le vaccin contre la rage, essayé pour la première "
    "fois sur Joseph Meister en 1885.",
    "recette": "Pour la pâte à crêpes, mélangez 250 g de farine, quatre œufs et un demi-litre de lait. Laissez reposer une "
    "heure.",
    "loyer": "Le locataire verse un dépôt de garantie de 780 € le jour de la signature. Le bailleur le rend dans les deux "
    "mois qui suivent le départ.",
    "moon": "Apollo 11 landed on the Moon on 20 July 1969. Neil Armstrong was the first to walk on its surface, while "
    "Michael Collins stayed in orbit.",
    "battery": "The laptop's battery lasts about eleven hours. To make it last longer, lower the brightness of the screen "
    "and close what you do not use.",
    "whale": "The blue whale is the largest animal known to have lived. It feeds on krill and can weigh 150 tonnes.",
}


@pytest.fixture(scope="module")
def store(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with LocalStore(
        tmp_path_factory.mktemp("store"), embedder.fingerprint, embedder.dimension
    ) as opened:
        put_documents([make(name, "", text) for name, text in DOCUMENTS.items()], opened, embedder)
        yield opened


@pytest.fixture(scope="module")
def retriever(store: Store, embedder: Embedder) -> Retriever:
    return Retriever(store, embedder)


def first(hits: list[Hit]) -> str:
    return hits[0].chunk.document


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("Où est née la physicienne qui a reçu deux prix Nobel ?", "curie"),
        ("Qui a inventé le vaccin contre la rage ?", "pasteur"),
        ("Combien d'œufs faut-il pour des crêpes ?", "recette"),
        ("Sous quel délai la caution est-elle rendue ?", "loyer"),
    ],
)
def test_a_french_question_finds_the_french_passage(
    retriever: Retriever, question: str, document: str
) -> None:
    assert first(retriever.search(question, "fr")) == document


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("How long can I use the computer without a charger?", "battery"),
        ("What does the biggest animal eat?", "whale"),
        ("Who stayed behind in orbit?", "moon"),
    ],
)
def test_an_english_question_finds_the_english_passage(
    retriever: Retriever, question: str, document: str
) -> None:
    assert first(retriever.search(question, "en")) == document


@pytest.mark.parametrize(
    ("question", "language", "document"),
    [
        ("How much is the security deposit?", "en", "loyer"),
        ("Which disease did the first woman with a Nobel prize die of?", "en", "curie"),
        ("How many eggs go into the pancakes?", "en", "recette"),
        ("Quel est le plus grand animal ?", "fr", "whale"),
        ("Comment faire durer la batterie de l'ordinateur ?", "fr", "battery"),
    ],
)
def test_a_question_finds_the_passage_in_the_other_language(
    retriever: Retriever, question: str, language: str, document: str
) -> None:
    assert first(retriever.search(question, language)) == document


@pytest.mark.parametrize(
    ("name", "document"), [("Meister", "pasteur"), ("Collins", "moon"), ("krill", "whale")]
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_name_alone_finds_the_passage_that_has_it(
    retriever: Retriever, name: str, document: str, language: str
) -> None:
    assert first(retriever.search(name, language)) == document


@pytest.mark.parametrize(
    ("number", "document"), [("1885", "pasteur"), ("780 €", "loyer"), ("250 g", "recette")]
)
def test_a_number_alone_finds_the_passage_that_has_it(
    retriever: Retriever, number: str, document: str
) -> None:
    assert first(retriever.search(number, "fr")) == document


def test_scores_are_probabilities_and_the_best_comes_first(retriever: Retriever) -> None:
    hits = retriever.search("Quand Marie Curie a-t-elle reçu le prix Nobel de chimie ?", "fr", k=7)
    assert all(0 <= hit.score <= 1 for hit in hits)
    assert hits[0].score == max(hit.score for hit in hits)
    assert hits[0].score > 0.5


def test_the_score_is_lower_where_nothing_answers(retriever: Retriever) -> None:
    answered = retriever.search("Combien pèse la baleine bleue ?", "fr")[0].score
    unanswered = retriever.search("Combien d'habitants compte la ville de Quito ?", "fr")[0].score
    assert unanswered < answered
    assert unanswered < 0.5


def test_it_gives_as_many_as_asked_and_no_passage_twice(retriever: Retriever) -> None:
    hits = retriever.search("Qui a reçu un prix ?", "fr", k=3)
    assert len({hit.chunk.id for hit in hits}) == len(hits) == 3
    assert len(retriever.search("Qui a reçu un prix ?", "fr", k=50)) == len(DOCUMENTS)


def test_only_the_documents_named_are_searched(retriever: Retriever) -> None:
    hits = retriever.search("Où est née Marie Curie ?", "fr", documents=["pasteur", "moon"])
    assert {hit.chunk.document for hit in hits} == {"pasteur", "moon"}
    assert retriever.search("Où est née Marie Curie ?", "fr", documents=[]) == []


def test_the_same_question_gives_the_same_answer(retriever: Retriever) -> None:
    question = "What is the largest animal?"
    assert retriever.search(question, "en") == retriever.search(question, "en")


@pytest.mark.parametrize(
    "question", ["", "  \n", "?", "…", "🙂", "x" * 5000, "mot " * 3000, "\ud83d", '" OR * NEAR(']
)
def test_any_text_can_be_asked(retriever: Retriever, question: str) -> None:
    hits = retriever.search(question, "fr")
    assert all(0 <= hit.score <= 1 for hit in hits)


def test_an_empty_store_finds_nothing(embedder: Embedder, tmp_path: Path) -> None:
    with LocalStore(tmp_path, embedder.fingerprint, embedder.dimension) as empty:
        assert Retriever(empty, embedder).search("Qui a reçu un prix ?", "fr") == []


def test_a_library_of_one_passage_can_be_searched(embedder: Embedder, tmp_path: Path) -> None:
    with LocalStore(tmp_path, embedder.fingerprint, embedder.dimension) as one:
        put_documents([make("curie", "", DOCUMENTS["curie"])], one, embedder)
        search = Retriever(one, embedder)
        right = search.search("Où est née Marie Curie ?", "fr")[0].score
        wrong = search.search("Quelle est la capitale de l'Équateur ?", "fr")[0].score
    assert wrong < 0.5 < right


@pytest.mark.parametrize(
    ("question", "language", "document"),
    [
        ("When were the present slates laid?", "en", "syndic-toiture"),
        ("What should be used to clean the glass of the pellet stove?", "en", "poele"),
        ("Quelle part des proies étaient des campagnols ?", "fr", "owl"),
    ],
)
def test_many_documents_in_the_questions_language_hide_none_in_the_other(
    mixed: Retriever, question: str, language: str, document: str
) -> None:
    found = [hit.chunk.document for hit in mixed.search(question, language)]
    assert any(document in name for name in found), found


@pytest.fixture(scope="module")
def mixed(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retriever]:
    folder = ROOT / "bench" / "questions" / "fresh" / "documents"
    files = [make(path.name, "", path.read_text("utf-8")) for path in sorted(folder.iterdir())]
    path = tmp_path_factory.mktemp("mixed")
    with LocalStore(path, embedder.fingerprint, embedder.dimension) as opened:
        put_documents(files, opened, embedder)
        yield Retriever(opened, embedder)
