"""Queries on a table: what the model writes is read, tested against the question, and computed."""

import threading

import pytest

from index.documents import make
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import put_documents
from rag.draft import Draft
from rag.events import Finished
from rag.intent import Intent, Request
from rag.llm.base import Generator
from rag.many.asked import Asked
from rag.many.computing import Shown
from rag.many.querying import Query, queried
from rag.many.records import quick_groups
from rag.many.tables import Table
from rag.replies import REPLIES
from rag.writer import Writer

ROWS = [
    ("Ada", "6e A", "poterie", "oui", "110 €", "2024-02-03"),
    ("Bilal", "6e A", "poterie", "non", "310 €", "2024-01-15"),
    ("Chloé", "6e B", "fromagerie", "non", "310 €", "2024-02-20"),
    ("Denis", "6e B", "nichoirs", "oui", "220 €", "2024-03-01"),
    ("Élise", "6e B", "poterie", "non", "110 €", "2024-01-30"),
]
HEADS = ("Élève", "Classe", "Atelier choisi", "Aide", "Versé (€)", "Inscrit le")
TEXT = "\n\n".join(
    ["; ".join(HEADS)]
    + ["; ".join(f"{head}: {cell}" for head, cell in zip(HEADS, row, strict=True)) for row in ROWS]
)


@pytest.fixture(scope="module")
def table() -> Table:
    return Table(quick_groups(make("inscriptions.csv", "inscriptions", TEXT))[0])


def meant(asked: str, table: Table, embedder: Embedder, language: str = "fr") -> Asked:
    return Asked(asked, language, table, embedder, put=asked)


def test_the_model_is_shown_the_columns_with_their_cells(table: Table) -> None:
    lines = table.schema().split("\n")
    assert '"classe" TEXT -- 6e A, 6e B' in lines
    assert '"versé" NUMERIC -- 110 €, 310 €, 220 €' in lines


@pytest.mark.parametrize(
    ("written", "asked", "value", "records"),
    [
        (
            "SELECT COUNT(*) FROM t WHERE atelier_choisi LIKE '%poterie%'",
            "Who chose pottery?",
            3,
            3,
        ),
        ('SELECT SUM("versé") FROM t', "How much was paid?", 1060, 5),
        ("SELECT AVG(\"versé\") FROM t WHERE classe = '6e A'", "moyenne en 6e A ?", 210, 2),
        ("SELECT élève FROM t WHERE \"versé\" LIKE '310'", "who paid 310?", 2, 2),
        ("SELECT COUNT(DISTINCT classe) FROM t", "combien de classes ?", 2, 2),
        ("SELECT élève FROM t WHERE aide = 'oui'", "qui a une aide ?", 2, 2),
        ("SELECT élève FROM t WHERE inscrit_le LIKE '2024-01%'", "inscrits en janvier 2024", 2, 2),
        ('SELECT élève FROM t WHERE "versé" > 200', "plus de 200 euros ?", 3, 3),
    ],
)
def test_a_query_counts_adds_up_and_lists(
    embedder: Embedder, table: Table, written: str, asked: str, value: float, records: int
) -> None:
    query = Query.of(table, written)
    assert query
    found = query.computed(meant(asked, table, embedder))
    assert found and (found.value, len(found.records)) == (value, records)


@pytest.mark.parametrize(
    ("written", "asked", "shown"),
    [
        (
            'SELECT élève, "versé" FROM t ORDER BY "versé" DESC LIMIT 1',
            "who paid most?",
            [("Bilal", "310 €"), ("Chloé", "310 €")],
        ),
        (
            "SELECT élève FROM t ORDER BY inscrit_le LIMIT 1",
            "inscrit le premier",
            [("Bilal", "2024-01-15")],
        ),
        (
            "SELECT atelier_choisi, COUNT(*) AS n FROM t GROUP BY atelier_choisi ORDER BY n DESC LIMIT 1",
            "which workshop is the most popular?",
            [("poterie", "3")],
        ),
        (
            'SELECT classe FROM t GROUP BY classe ORDER BY SUM("versé") DESC LIMIT 1',
            "which class paid most?",
            [("6e B", "640")],
        ),
        ("SELECT classe FROM t WHERE élève = 'Ada'", "classe d'Ada ?", [("Ada", "6e A")]),
    ],
)
def test_a_query_shows_what_comes_first_and_cells(
    embedder: Embedder, table: Table, written: str, asked: str, shown: list[tuple[str, str]]
) -> None:
    query = Query.of(table, written)
    found = query.computed(meant(asked, table, embedder)) if query else None
    assert isinstance(found, Shown)
    assert list(found.shown) == shown


def test_all_that_come_first_are_shown_or_none_where_most_do(embedder: Embedder) -> None:
    def found(first: int) -> list[str] | None:
        rows = [f"Name: Member {n}; Paid: {9 if n < first else n % 5}" for n in range(30)]
        members = Table(
            quick_groups(make("m.csv", "members", "\n\n".join(["Name; Paid", *rows])))[0]
        )
        query = Query.of(members, "SELECT name FROM t ORDER BY paid DESC LIMIT 1")
        shown = query.computed(meant("who paid most?", members, embedder, "en")) if query else None
        return [name for name, _ in shown.shown] if isinstance(shown, Shown) else None

    assert found(7) == [f"Member {n}" for n in range(7)]
    assert found(25) is None


@pytest.mark.parametrize(
    "written",
    [
        "NONE",
        "SELECT élève FROM t; DROP TABLE t",
        "DELETE FROM t",
        "SELECT poids FROM t",
        "SELECT élève FROM t JOIN u ON 1",
        "SELECT élève FROM t WHERE élève IN (SELECT élève FROM t)",
        "SELECT load_extension('x')",
        "SELECT",
    ],
)
def test_what_is_no_query_on_the_table_is_none(
    embedder: Embedder, table: Table, written: str
) -> None:
    assert Query.of(table, written) is None


def test_what_a_query_compares_with_must_be_in_the_question(
    embedder: Embedder, table: Table
) -> None:
    written = "SELECT COUNT(*) FROM t WHERE atelier_choisi LIKE 'poterie' AND classe LIKE '6e B'"
    query = Query.of(table, written)
    assert query and query.computed(meant("combien font la poterie ?", table, embedder)) is None
    # across languages, what isn't in the question is left out
    found = query.computed(meant("how many do pottery?", table, embedder, "en"))
    assert found and found.value == 3 and found.words == ("poterie",)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("SELECT élève FROM t WHERE classe = '6e B'", "Qui est en 6e C ?"),
        ("SELECT COUNT(*) FROM t WHERE inscrit_le LIKE '2024-01%'", "inscrits en mars 2024 ?"),
        ("SELECT COUNT(*) FROM t", "Combien se sont inscrits en 2023 ?"),
        ("SELECT COUNT(*) FROM t", "Combien sont avec Hortense ?"),
        (
            "SELECT COUNT(*) FROM t WHERE atelier_choisi NOT LIKE 'poterie'",
            "Qui fait la poterie 3 ?",
        ),
        ("SELECT COUNT(*) FROM t WHERE atelier_choisi = 'poterie'", "Qui ne fait pas de poterie ?"),
        ("SELECT élève FROM t WHERE inscrit_le > '2024'", "inscrits après 2024 ?"),
        ('SELECT élève FROM t WHERE "versé" > 220', "au moins 220 euros ?"),
        ('SELECT élève FROM t ORDER BY "versé" LIMIT 1', "qui a versé le plus ?"),
        ("SELECT élève FROM t WHERE 2024 > 3", "plus de 3 en 2024 ?"),
        ("SELECT élève FROM t WHERE classe IS NOT NULL", "qui a une classe ?"),
        ('SELECT classe FROM t GROUP BY classe ORDER BY AVG("versé") DESC LIMIT 1', "en moyenne ?"),
        ("SELECT SUM(inscrit_le) FROM t", "en tout ?"),
    ],
)
def test_what_a_query_says_of_something_else_is_left_out(
    embedder: Embedder, table: Table, written: str, asked: str
) -> None:
    query = Query.of(table, written)
    assert query is None or query.computed(meant(asked, table, embedder)) is None


def test_words_are_compared_whole_and_codes_are_no_figures() -> None:
    heads, rows = ("Id; Membre; État; Numéro", [])
    for number, state in enumerate(("actif", "inactif", "actifs", "")):
        rows.append(f"Id: 0{number}; Membre: M {number + 9}; État: {state}; Numéro: 1234567890123")
    made_of = make("membres.csv", "membres", "\n\n".join([heads, *rows]))
    members = Table(quick_groups(made_of)[0])
    assert not members.numeric
    query = Query.of(members, "SELECT membre FROM t WHERE état LIKE '%actif%'")
    assert query and len(members.chosen(query.tree.args["where"].this)) == 2


def test_a_table_is_asked_in_the_other_language(
    embedder: Embedder, generator: Generator, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("store")
    with LocalStore(folder, embedder.fingerprint, embedder.dimension) as store:
        documents = [make("inscriptions.csv", "inscriptions", TEXT)]
        put_documents(documents, store, embedder)
        reader = Writer(store, embedder, generator)
        assert answer(reader, "How much was paid in total?", Intent.COUNT) == 1060
        draft = made(reader, "who paid 310?")
        *_, last = REPLIES[Intent.LIST](reader, draft, Request(Intent.LIST, draft.asked))
        assert isinstance(last, Finished)
        assert "Bilal" in last.answer.answer and "Chloé" in last.answer.answer
        assert "Ada" not in last.answer.answer
        assert last.answer.answer.endswith("(inscriptions.csv: 2 rows of 5, with “310”)")
        assert answer(reader, "Which pupils can't swim?", Intent.LIST) is None


def made(reader: Writer, asked: str) -> Draft:
    return Draft(asked, "en", threading.Event(), reader.verifier.sources([]), asked)


def answer(reader: Writer, asked: str, intent: Intent) -> float | None:
    found = queried(reader, made(reader, asked), Request(intent, asked))
    return found[0].value if found else None
