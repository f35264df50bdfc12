"""What only the store on Milvus has to see to: it has no transactions, and others may be at work on it elsewhere."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from index.chunking import split
from index.contract import Prepared, Store
from index.documents import Document, make
from index.embedder import Embedder
from index.errors import UserError
from index.milvus import MilvusStore
from index.text.words import terms
from rag.library import open_library, open_store
from rag.settings import Settings
from tests.test_store import DIMENSION, TEXT, encode, put, vector

NEW = "Un texte tout neuf.\n\nIl a deux paragraphes.\n\nEt même un de plus, le chat."
OTHER = "Un autre texte encore.\n\nLe chat y est aussi."


class Killed(Exception):
    """Stands for the moment when a writer is killed."""


@pytest.fixture
def open_milvus(milvus_server: str) -> Callable[..., MilvusStore]:
    """Opens the test's own store, or with a name another one."""
    own = uuid4().hex
    return lambda name="": MilvusStore(milvus_server, f"t{own}{name}", "model", DIMENSION)


@pytest.fixture
def store(open_milvus: Callable[..., MilvusStore]) -> Iterator[MilvusStore]:
    with open_milvus() as opened:
        yield opened


def prepared(document: Document, seed: int = 0, known: int = 0, source: str = "") -> Prepared:
    chunks = split(document.text, document.language, target=8, most=30)
    return Prepared(document, chunks, encode(document, chunks, seed)[known:], source)


def seen(store: Store, name: str) -> str:
    """The text that each way of looking shows of a document; they must agree."""
    chunks = store.chunks_of(name)
    numbers = [chunk.id for chunk in chunks]
    found = [number for number, _ in store.search_vectors(vector(0), 99)]
    assert sorted(chunk.id for chunk in store.chunks(found)) == sorted(numbers)
    assert store.chunks(numbers) == chunks
    assert [len(tokens) for tokens, _ in store.token_vectors(numbers)] == [2] * len(numbers)
    assert np.allclose(np.linalg.norm(store.vectors(numbers), axis=1), 1)
    worded = [number for number, _ in store.search_words(terms("chat texte", "fr"), 99)]
    assert {chunk.id for chunk in store.chunks(worded)} <= set(numbers)
    if not chunks:
        assert store.documents() == []
        return ""
    text = store.document(name).text
    assert [info.chunks for info in store.documents()] == [len(chunks)]
    assert [text[c.start : c.end] for c in chunks] == [c.text for c in chunks] == text.split("\n\n")
    return text


def rows(store: MilvusStore) -> dict[str, list[dict[str, Any]]]:
    """Everything that a store holds, but for how often it changed."""
    return {
        name: sorted(
            (
                {field: value for field, value in row.items() if field != "words"}
                for row in store._all.all(name, "", ["*"])
                if row.get("kind") != "count"
            ),
            key=lambda row: str(row["id"]),
        )
        for name in ("documents", "chunks", "parts")
    }


def killed_after(store: MilvusStore, patch: pytest.MonkeyPatch, requests: int) -> None:
    """Let so many changes reach the server, and no more."""
    call, left = store._all.call, [requests]

    def counted(method: str, name: str, *arguments: object, **options: object) -> object:
        if method in ("upsert", "delete"):
            if not left[0]:
                raise Killed
            left[0] -= 1
        return call(method, name, *arguments, **options)

    patch.setattr(store._all, "call", counted)


@pytest.mark.parametrize("change", ["add", "replace", "remove"])
def test_a_writer_killed_at_any_moment_shows_the_old_or_the_new_and_the_next_makes_it_good(
    open_milvus: Callable[..., MilvusStore], change: str
) -> None:
    def do(store: Store) -> None:
        if change == "remove":
            store.remove(["a"])
        else:
            store.put([prepared(make("a", "", NEW), seed=40)])

    with open_milvus("fresh") as fresh:
        if change != "remove":
            do(fresh)
        expected = rows(fresh)
    shown = []
    for requests in range(20):
        finished = False
        with (
            open_milvus() as reader,
            open_milvus() as writer,
            pytest.MonkeyPatch.context() as patch,
        ):
            if change != "add":
                put(reader, "a")
            killed_after(writer, patch, requests)
            with suppress(Killed):
                do(writer)
                finished = True
            shown.append(seen(reader, "a"))
            assert shown[-1] in ("" if change == "add" else TEXT, "" if change == "remove" else NEW)
            do(reader)
            reader.drop_kept()
            assert rows(reader) == expected
            reader.remove(["a"])
            reader.drop_kept()
        if finished:
            break
    assert finished and len(set(shown)) == 2


def test_what_a_killed_writer_left_of_a_document_that_is_gone_is_deleted(
    open_milvus: Callable[..., MilvusStore],
) -> None:
    with open_milvus("fresh") as fresh:
        expected = rows(fresh)
    for requests in range(1, 7):
        with open_milvus() as writer, pytest.MonkeyPatch.context() as patch:
            killed_after(writer, patch, requests)
            with suppress(Killed):
                writer.put([prepared(make("a", "", NEW))])
                writer.remove(["a"])
        with open_milvus() as store:
            assert rows(store) != expected
            store.remove([info.name for info in store.documents()])
            store.drop_kept()
            assert rows(store) == expected


def test_two_writers_of_the_same_folder_arrive_at_the_same_rows(
    open_milvus: Callable[..., MilvusStore],
) -> None:
    documents = [make(f"d{n}", f"Titre {n}", f"{TEXT}\n\nLe document {n}.") for n in range(6)]

    def fill(order: int) -> None:
        with open_milvus() as store:
            for document in documents[::order]:
                store.put([prepared(document, source="source")])

    with open_milvus("fresh") as fresh:
        fresh.put([prepared(document, source="source") for document in documents])
        expected = rows(fresh)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, (1, -1)))
    with open_milvus() as store:
        assert rows(store) == expected
        assert len(store) == len(expected["chunks"])


def test_two_writers_that_saw_different_states_leave_one_of_them(
    open_milvus: Callable[..., MilvusStore],
) -> None:
    with open_milvus() as one, open_milvus() as two:
        put(one, "a")
        write = one._all.write

        def meanwhile(name: str, some: Any) -> None:
            if name == "documents":
                two.put([prepared(make("a", "", OTHER), seed=60)])
            write(name, some)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(one._all, "write", meanwhile)
            one.put([prepared(make("a", "", NEW), seed=40)])
        assert seen(two, "a") in (NEW, OTHER)
        two.drop_kept()
        assert seen(two, "a") in (NEW, OTHER)
        assert len(two) == len(two.chunks_of("a"))


def test_a_writer_whose_rows_another_deleted_says_so_and_shows_nothing(
    open_milvus: Callable[..., MilvusStore],
) -> None:
    with open_milvus() as one, open_milvus() as two:
        write = one._all.write

        def swept(name: str, some: Any) -> None:
            if name == "documents":
                two.drop_kept()  # no document names the rows yet
            write(name, some)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(one._all, "write", swept)
            with pytest.raises(UserError, match="store_busy"):
                put(one, "a")
        assert seen(one, "a") == ""
        put(one, "a")
        assert seen(two, "a") == TEXT


def test_a_document_of_many_parts_comes_back_as_it_was(store: MilvusStore) -> None:
    document = make(
        "long", "Été", "\n\n".join(f"Phrase {n} 😀, " + "très longue " * 300 for n in range(12))
    )
    document = replace(document, pages=tuple((n, n + 1) for n in range(9000)))
    passages = split(document.text, "fr")
    rng = np.random.default_rng(0)
    encoded = [
        replace(
            code,
            tokens=rng.standard_normal((9000, DIMENSION)).astype(np.float32),
            spans=np.full((9000, 2), n, np.int32),
        )
        for n, code in enumerate(encode(document, passages))
    ]
    store.keep(document, encoded[:5])
    store.put([Prepared(document, passages, encoded[5:])])
    assert store.document("long") == document
    stored = store.chunks_of("long")
    assert [(p.start, p.end, p.text) for p in stored] == [
        (p.start, p.end, document.text[p.start : p.end]) for p in passages
    ]
    for code, (tokens, spans) in zip(
        encoded, store.token_vectors([p.id for p in stored]), strict=True
    ):
        assert np.abs(tokens - code.tokens).max() < 0.03
        assert (spans == code.spans).all()


def test_a_chunk_longer_than_a_field_comes_back_whole(store: MilvusStore) -> None:
    document = make("long", "", "Un mot." + "\u3000" * 40_000 + "Un autre. " + "é" * 40_000)
    chunks = split(document.text, "fr", count=lambda texts: [1] * len(texts))
    assert len(document.text[chunks[0].start : chunks[0].end].encode()) > 65_535
    store.put([Prepared(document, chunks, encode(document, chunks))])
    assert [(chunk.start, chunk.end, chunk.text) for chunk in store.chunks_of("long")] == [
        (chunk.start, chunk.end, document.text[chunk.start : chunk.end]) for chunk in chunks
    ]


def test_a_text_that_is_here_under_another_name_is_known(store: MilvusStore) -> None:
    text = "\n\n".join(f"Paragraphe {n}, une phrase." for n in range(9))
    one, two, three = (make(name, "Titre", text) for name in "abc")
    two = replace(two, author="Elle", date="2024", pages=((0, 20), (20, 40)))
    store.put([prepared(one, source="a.txt")])
    assert store.known([make("d", "Titre", "Un autre texte.").digest, two.digest]) == {
        two.digest: 9
    }
    store.put([prepared(two, known=9, source="b.txt")])
    store.forget_source("a.txt", keep=True)
    assert [info.name for info in store.documents()] == ["b"]
    store.forget_source("b.txt", keep=True)
    assert store.known([three.digest]) == {three.digest: 9}
    store.put([prepared(replace(three, pages=two.pages), known=9)])
    store.drop_kept()
    numbers = [chunk.id for chunk in store.chunks_of("c")]
    assert np.allclose(store.vectors(numbers), [vector(n) for n in range(9)])
    assert len(store.token_vectors(numbers)) == len(store) == 9
    assert store.document("c").pages == two.pages
    assert {row["owner"] for row in rows(store)["parts"]} >= {three.digest}
    store.remove(["c"])
    store.drop_kept()
    assert rows(store)["parts"] == []


def test_terms_of_any_kind_are_matched_whole(store: MilvusStore) -> None:
    texts = {
        "a": "Il y en a 13,5 millions.",
        "b": "Il y en a 13 ou 5.",
        "c": "Один кот.",
        "d": "z" * 100,
    }
    for name, text in texts.items():
        put(store, name, text=text)
    for question, name in (
        ("13,5", "a"),
        ("13", "b"),
        ("кот", "c"),
        ("z" * 100, "d"),
        ("z" * 99, ""),
    ):
        found = store.search_words(terms(question, "fr"), 9)
        assert [chunk.document for chunk in store.chunks([number for number, _ in found])] == [
            *name
        ]


def test_many_replaced_at_once_change_with_none_lost(store: MilvusStore) -> None:
    documents = [make(f"d{n}", "", f"Le document {n}.") for n in range(100)]
    for _ in range(2):
        store.put([prepared(document, source="source") for document in documents])
        assert len(store) == len(store.documents()) == 100
    assert store.generation == 200


def test_a_newer_store_is_refused(open_milvus: Callable[..., MilvusStore]) -> None:
    with open_milvus() as store:
        made = store._all.all("documents", 'kind == "model"', ["*"])[0]
        value = made["value"].replace('"version": 2', '"version": 99')
        store._all.write("documents", [{**made, "value": value}])
    with pytest.raises(UserError, match=r"store_too_new.*version=99"):
        open_milvus()


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.milvus_rows._TIMEOUT", 1.0)
    with pytest.raises(UserError) as caught:
        MilvusStore("milvus://127.0.0.1:1", "library", "model", DIMENSION)
    assert (caught.value.code, caught.value.values["address"]) == (
        "store_remote",
        "milvus://127.0.0.1:1",
    )


def test_without_its_client_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(UserError, match="milvus_absent"):
        MilvusStore("http://127.0.0.1:1", "library", "model", DIMENSION)


def test_a_library_is_asked_on_milvus_as_in_a_folder(
    milvus_server: str, home: Path, tmp_path: Path, embedder: Embedder
) -> None:
    (tmp_path / "chat.md").write_text("# Le chat\n\nLe chat dort sur le canapé. Il est gris.")
    (tmp_path / "pluie.txt").write_text("Il pleut à Brest, et il fait froid.")
    folder = Settings(home=home, library=tmp_path)
    remote = replace(folder, store=f"{milvus_server}#{uuid4().hex}")
    found = []
    for settings in (folder, remote):
        with open_library(settings, model=False) as library:
            found.append(
                [
                    (hit.chunk.text, round(hit.score, 2))
                    for hit in library.search("Où dort le chat ?")
                ]
            )
            assert library.report.added == 2
    assert found[0] == found[1]
    with open_library(remote, model=False) as library:
        assert library.report.unchanged == 2


def test_an_index_of_another_model_on_milvus_is_left_alone(
    milvus_server: str, home: Path, embedder: Embedder
) -> None:
    name = uuid4().hex
    MilvusStore(milvus_server, name, "another", embedder.dimension).close()
    with pytest.raises(UserError, match=f"store_other_model.*name={name}"):
        open_store(Settings(home=home, store=f"{milvus_server}#{name}"), embedder)


@pytest.mark.parametrize("address", ["localhost:19530", "/some/folder"])
def test_an_address_that_is_none_is_named(home: Path, embedder: Embedder, address: str) -> None:
    with pytest.raises(UserError, match="store_address"):
        open_store(Settings(home=home, store=address), embedder)
