"""What only the store on Milvus has to see to: it has no transactions, and others may be at work on it elsewhere."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from index.chunking import split
from index.contract import Store
from index.documents import make
from index.embedder import Embedder
from index.errors import UserError
from index.milvus import MilvusStore
from index.text.words import terms
from rag.library import open_library, open_store
from rag.settings import Settings
from tests.test_store import DIMENSION, TEXT, encode, put, vector

NEW = "Un texte tout neuf.\n\nIl a deux paragraphes.\n\nEt même un de plus, le chat."


class Killed(Exception):
    """Stands for the moment when a writer is killed."""


@pytest.fixture
def open_milvus(milvus_server: str) -> Callable[[], MilvusStore]:
    return partial(MilvusStore, milvus_server, f"t{uuid4().hex}", "model", DIMENSION)


@pytest.fixture
def store(open_milvus: Callable[[], MilvusStore]) -> Iterator[MilvusStore]:
    with open_milvus() as opened:
        yield opened


def seen(store: Store, name: str) -> str:
    """The text that each way of looking shows of a document; they must agree."""
    passages = store.chunks_of(name)
    numbers = [passage.id for passage in passages]
    every = [number for number, _ in store.search_vectors(vector(0), 99)]
    assert sorted(every) == sorted(numbers)
    assert store.chunks(numbers) == passages
    assert (
        len(store.token_vectors(numbers))
        == len(store.vectors(numbers))
        == len(store)
        == len(numbers)
    )
    assert {number for number, _ in store.search_words(terms("chat texte", "fr"), 99)} <= set(
        numbers
    )
    if not passages:
        assert store.documents() == []
        return ""
    text = store.document(name).text
    assert (
        [text[p.start : p.end] for p in passages]
        == [p.text for p in passages]
        == text.split("\n\n")
    )
    return text


def killed_after(store: MilvusStore, monkeypatch: pytest.MonkeyPatch, requests: int) -> None:
    """Let so many changes reach the server, and no more."""
    call, left = store._call, [requests]

    def counted(method: str, *arguments: object, **options: object) -> object:
        if method in ("insert", "upsert", "delete"):
            if not left[0]:
                raise Killed
            left[0] -= 1
        return call(method, *arguments, **options)

    monkeypatch.setattr(store, "_call", counted)


@pytest.mark.parametrize("change", ["add", "replace", "remove"])
def test_a_writer_killed_at_any_moment_shows_the_old_or_the_new(
    open_milvus: Callable[[], MilvusStore], change: str
) -> None:
    shown = []
    for requests in range(20):
        with (
            open_milvus() as reader,
            open_milvus() as writer,
            pytest.MonkeyPatch.context() as patch,
        ):
            old = ""
            if change != "add":
                put(reader, "a")
                old = reader.document("a").text
            killed_after(writer, patch, requests)
            finished = False
            with suppress(Killed):
                writer.remove(["a"]) if change == "remove" else put(writer, "a", text=NEW, seed=40)
                finished = True
            shown.append(seen(reader, "a"))
            assert shown[-1] in (old, "" if change == "remove" else NEW)
            # What is left behind is swept by the next that fills the store, and what counts stays.
            reader.drop_kept()
            assert seen(reader, "a") == shown[-1]
            for name in ("passages", "pieces"):
                versions = {row["version"] for row in reader._all(name, "", ["version"])}
                assert len(versions) == bool(shown[-1])
            reader.remove(["a"])
        if finished:
            break
    assert finished and len(set(shown)) == 2


def test_a_document_of_many_pieces_comes_back_as_it_was(store: MilvusStore) -> None:
    document = make(
        "long", "Été", "\n\n".join(f"Phrase {n} 😀, " + "très longue " * 300 for n in range(12))
    )
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
    store.put(document, passages, encoded[5:])
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


def test_a_text_that_is_here_under_another_name_is_borrowed(store: MilvusStore) -> None:
    texts = [f"Paragraphe {n}, une phrase." for n in range(9)]
    one, two, three = (make(name, "Titre", "\n\n".join(texts)) for name in "abc")
    two = replace(two, author="Elle", date="2024", pages=((0, 20), (20, 40)))
    passages = split(one.text, "fr", target=8, most=30)
    store.put(one, passages, encode(one, passages), source="a.txt")
    assert store.borrow(make("d", "Titre", "Un autre texte.")) == 0
    assert store.borrow(two) == len(passages)
    store.put(two, passages, [], source="b.txt")
    store.forget_source("a.txt", keep=True)
    assert [info.name for info in store.documents()] == ["b"]
    store.forget_source("b.txt")
    assert store.borrow(three) == len(passages)  # what was kept of "a" changes hands
    store.put(replace(three, pages=two.pages), passages, [])
    numbers = [passage.id for passage in store.chunks_of("c")]
    assert np.allclose(store.vectors(numbers), [vector(n) for n in range(len(passages))])
    assert len(store.token_vectors(numbers)) == len(store) == len(passages)
    assert store.document("c").pages == two.pages
    store.drop_kept()
    assert len({row["version"] for row in store._all("pieces", "", ["version"])}) == 1


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
        assert [passage.document for passage in store.chunks([number for number, _ in found])] == [
            *name
        ]


def test_many_replaced_at_once_change_together_with_none_lost(store: MilvusStore) -> None:
    documents = [make(f"d{n}", "", f"Le document {n}.") for n in range(100)]
    for _ in range(2):
        items = []
        for document in documents:
            passages = split(document.text, "fr")
            items.append((document, passages, encode(document, passages), "source"))
        store.put_many(items)
        assert len(store) == len(store.documents()) == 100
    assert store.generation == 200


def test_one_fills_the_store_at_a_time(open_milvus: Callable[[], MilvusStore]) -> None:
    at_work, most = [0], [0]

    def fill(_: int) -> None:
        with open_milvus() as store, store.alone(threading.Event()):
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            put(store, "a")
            at_work[0] -= 1

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(fill, range(3)))
    assert most == [1]


def test_the_next_goes_on_where_a_dead_one_gives_no_sign_of_life(
    store: MilvusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.milvus._LEASE", 0.5)
    assert store._take("dead", threading.Event())
    with store.alone(threading.Event()):
        put(store, "a")
    assert store._records("lease") == []


def test_a_writer_that_slept_too_long_shows_nothing_more(store: MilvusStore) -> None:
    put(store, "a")
    with store.alone(threading.Event()):
        store._write(
            "records",
            [{**store._all("records", 'kind == "lease"', ["*"])[0], "value": '{"name": "other"}'}],
        )
        with pytest.raises(UserError, match="store_busy"):
            put(store, "a", text=NEW)
        with pytest.raises(UserError, match="store_busy"):
            store.drop_kept()
    assert store._holder() == "other"
    assert seen(store, "a") == TEXT


def test_a_row_that_arrived_twice_is_not_shown(
    store: MilvusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = store._call

    def twice(method: str, *arguments: object, **options: object) -> object:
        if method == "insert":
            call(method, *arguments, **options)
        return call(method, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(store, "_call", twice)
        with pytest.raises(UserError, match="6 rows arrived in place of 3"):
            put(store, "a")
    assert seen(store, "a") == ""
    put(store, "a")
    assert seen(store, "a") == TEXT


def test_a_newer_store_is_refused(open_milvus: Callable[[], MilvusStore]) -> None:
    with open_milvus() as store:
        made = store._all("records", 'kind == "made"', ["*"])[0]
        store._write(
            "records", [{**made, "value": made["value"].replace('"version": 1', '"version": 99')}]
        )
    with pytest.raises(UserError, match=r"store_too_new.*version=99"):
        open_milvus()


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.milvus._TIMEOUT", 1.0)
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
