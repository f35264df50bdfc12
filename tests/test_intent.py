"""What a message asks for, with the default embedder and a library of four documents."""

from collections.abc import Iterator

import pytest

from index.documents import Document, make
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import put_documents
from rag.events import Turn
from rag.intent import Intent, understand

EARLIER = (Turn("À quelle heure ouvre la piscine ?", "La piscine ouvre à 9 heures."),)


def documents() -> list[Document]:
    return [
        make("budget-2024.docx", "Budget 2024", "Le budget est voté.", author="Paul Martin"),
        make("notice.txt", "Notice de la pompe", "La pompe se purge.", date="2021-05-02"),
        make(
            "rapport-pont.docx", "Rapport sur le pont", "Le pont est fissuré. Il est fermé.",
            author="Odile Ferrand", date="2023-11-08",
        ),
        make("notes/survey.md", "Owl survey", "The owls are in the barn.", date="2022"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[LocalStore]:
    folder = tmp_path_factory.mktemp("store")
    with LocalStore(folder, embedder.fingerprint, embedder.dimension) as opened:
        put_documents(documents(), opened, embedder)
        yield opened


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        ("Bonjour !", "hello"),
        ("THANKS A LOT", "thanks"),
        ("que sais tu faire", "abilities"),
        ("What can you do for me?", "abilities"),
        ("Combien de documents as-tu ?", "library"),
        ("qui a ecrit le raport sur le pont", "library"),
        ("Résume le rapport en trois phrases, s'il te plaît.", "summary"),
        ("Please summarise the survey.", "summary"),
        ("Liste les risques du projet", "list"),
        ("Compare the bridge with the pump.", "compare"),
        ("Fais la chronologie des travaux.", "timeline"),
        ("Dis-m'en plus.", "more"),
        ("Dis-le en anglais.", "translate"),
        ("Plus court.", "shorten"),
        ("Explique plus simplement", "simplify"),
        ("en points svp", "points"),
        ("Es-tu sûr ?", "sure"),
        ("Where does it say that?", "where"),
        ("Non, je parlais de celle de Lormeuil.", "correction"),
        ("Qui dirige la piscine de Vaubrun ?", "question"),
        ("Bonjour, qui dirige la piscine ?", "question"),
        ("Merci de dire qui dirige Microsoft.", "question"),
    ],
)
def test_messages_of_each_kind(
    store: LocalStore, embedder: Embedder, message: str, intent: str
) -> None:
    assert understand(message, store, embedder, history=EARLIER).intent == intent


def test_nothing_is_asked_about_an_answer_where_there_is_none(
    store: LocalStore, embedder: Embedder
) -> None:
    assert understand("Plus court.", store, embedder).intent is Intent.QUESTION
    assert understand("Dis-m'en plus.", store, embedder).intent is Intent.QUESTION


def test_courtesy_is_left_out_and_parameters_are_read(
    store: LocalStore, embedder: Embedder
) -> None:
    asked = understand("Merci ! Résume rapport-pont.docx en deux phrases.", store, embedder)
    assert (asked.text, asked.number) == ("Résume rapport-pont.docx en deux phrases.", 2)
    assert asked.documents == ("rapport-pont.docx",)
    asked = understand("Hello, summarise the pump notice in French", store, embedder, language="en")
    assert asked.documents == ("notice.txt",)
    assert asked.language == "fr"
    assert understand("Donne trois raisons de fermer le pont.", store, embedder).number == 3
    assert understand("Thanks. And in Lormeuil?", store, embedder).text == "And in Lormeuil?"
    for listed in ("Compare the pumps: price, weight, noise", "Compare : prix, lieu, sécurité"):
        assert understand(listed, store, embedder).text == listed


def test_documents_out_of_scope_are_not_named(store: LocalStore, embedder: Embedder) -> None:
    asked = understand("Résume le rapport sur le pont.", store, embedder, scope=["notice.txt"])
    assert asked.documents == ()


def test_papers_that_somebody_needs_are_not_those_of_the_library(
    store: LocalStore, embedder: Embedder
) -> None:
    asked = "which documents does my daughter need?"
    assert understand(asked, store, embedder, language="en").intent is Intent.LIST
