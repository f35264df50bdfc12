"""The store: what is put is found, what is removed is not, whoever asks and whatever was damaged."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.chunking import Chunk, split
from index.contract import Prepared, Store
from index.documents import Document, Unread, make
from index.embedder import Encoded
from index.errors import ChunkRemoved, UserError
from index.milvus import MilvusStore
from index.store import LocalStore
from index.text.words import terms
from index.token_codes import decode_tokens, encode_tokens

DIMENSION = 8
TEXT = "Le chat dort sur le canapé.\n\nMicrosoft investit 15 millions d'euros.\n\nIl pleut à Brest."


def vector(seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return values / np.linalg.norm(values)


def encode(document: Document, passages: Sequence[Chunk], seed: int = 0) -> list[Encoded]:
    """Vectors that stand for the model's: the store doesn't mind what they mean."""
    return [
        Encoded(
            vector(seed + n),
            np.stack([vector(n), 2 * vector(n + 1)]),
            np.array([[p.start, p.start + 2]] * 2, np.int32),
        )
        for n, p in enumerate(passages)
    ]


def put(store: Store, name: str, text: str = TEXT, seed: int = 0, source: str = "") -> None:
    document = make(name, f"Titre {name}", text)
    passages = split(text, "fr", target=8, most=30)
    store.put([Prepared(document, passages, encode(document, passages, seed), source)])


Open = Callable[..., Store]


@pytest.fixture(params=["local", "milvus"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the test's own store, of either engine, as often as wanted."""
    if request.param == "local":
        return partial(LocalStore, tmp_path / "store", dimension=DIMENSION)
    address = request.getfixturevalue("milvus_server")
    return partial(MilvusStore, address, f"t{uuid4().hex}", dimension=DIMENSION)


@pytest.fixture
def store(open_store: Open) -> Iterator[Store]:
    with open_store(fingerprint="model") as opened:
        yield opened


def test_a_document_comes_back_as_it_was(store: Store) -> None:
    put(store, "a", source="a.txt")
    (info,) = store.documents()
    assert (info.name, info.title, info.source, info.chunks, info.characters) == (
        "a",
        "Titre a",
        "a.txt",
        3,
        len(TEXT),
    )
    assert store.document("a").text == TEXT
    passages = store.chunks_of("a")
    assert [passage.ordinal for passage in passages] == [0, 1, 2]
    assert all(passage.text == TEXT[passage.start : passage.end] for passage in passages)
    assert [
        TEXT[start:end] for passage in passages for start, end in passage.sentences
    ] == TEXT.split("\n\n")


def test_what_of_a_file_was_not_read_is_kept(open_store: Open) -> None:
    notes = (Unread("unread_pictures", {"count": 2}), Unread("unread_sheets", {"sheets": "é"}))
    document = make("a", "Titre", TEXT, unread=notes)
    chunks = split(TEXT, "fr", target=8, most=30)
    with open_store(fingerprint="model") as store:
        store.put([Prepared(document, chunks, encode(document, chunks), "a.docx")])
    with open_store(fingerprint="model") as store:
        assert store.document("a").unread == notes
        assert [info.unread for info in store.documents()] == [notes]
        put(store, "a")
        assert [info.unread for info in store.documents()] == [()]


def test_a_document_that_is_not_there_is_a_key_error(store: Store) -> None:
    with pytest.raises(KeyError):
        store.document("a")


def test_the_nearest_vector_is_found_first(store: Store) -> None:
    put(store, "a")
    numbers = [passage.id for passage in store.chunks_of("a")]
    for n, number in enumerate(numbers):
        found = store.search_vectors(vector(n), 3)
        assert found[0][0] == number
        assert found[0][1] == pytest.approx(1, abs=1e-5)
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def test_words_are_found_by_their_stems(store: Store) -> None:
    put(store, "a")
    found = store.search_words(terms("investissements de Microsoft", "fr"), 5)
    assert [passage.text for passage in store.chunks([found[0][0]])] == [
        "Microsoft investit 15 millions d'euros."
    ]
    assert found[0][1] > 0


def test_no_words_and_none_wanted_find_nothing(store: Store) -> None:
    put(store, "a")
    assert (
        store.search_words([], 5)
        == store.search_words(["chat"], 0)
        == store.search_vectors(vector(0), 0)
        == []
    )


def test_an_empty_store_finds_nothing(store: Store) -> None:
    assert (len(store), store.search_vectors(vector(0), 5), store.search_words(["chat"], 5)) == (
        0,
        [],
        [],
    )


def test_a_search_may_be_among_some_documents_only(store: Store) -> None:
    for name in "abc":
        put(store, name)
    for documents in (["b"], [], ["absent"], ["a", "c"]):
        within = {passage.id for name in documents for passage in store.chunks_of(name)}
        assert {number for number, _ in store.search_vectors(vector(0), 9, documents)} == within
        assert {
            number for number, _ in store.search_words(["chat", "brest"], 9, documents)
        } <= within


def test_any_question_can_be_searched(store: Store) -> None:
    put(store, "a", text='Un « texte » "AND" OR NOT NEAR(x) * ^ : - +')

    @settings(max_examples=60, deadline=None)
    @given(text=st.text(max_size=60))
    def search(text: str) -> None:
        store.search_words(terms(text, "fr"), 5)
        store.search_words([text.replace("\0", ""), '"', "*"], 5)

    search()


def test_replacing_leaves_nothing_of_the_old(store: Store) -> None:
    put(store, "a")
    old = [passage.id for passage in store.chunks_of("a")]
    store.search_vectors(vector(0), 5)
    put(store, "a", text="Un texte tout neuf.", seed=50)
    assert store.chunks(old) == []
    assert store.search_words(["chat"], 5) == []
    assert [number for number, _ in store.search_vectors(vector(0), 9)] == [
        p.id for p in store.chunks_of("a")
    ]


def test_removing_leaves_the_others(store: Store) -> None:
    for name in "abc":
        put(store, name)
    store.search_vectors(vector(0), 5)
    store.remove(["a", "absent", "c"])
    kept = {passage.id for passage in store.chunks_of("b")}
    assert [info.name for info in store.documents()] == ["b"]
    assert {number for number, _ in store.search_vectors(vector(0), 99)} == kept
    assert {number for number, _ in store.search_words(["brest"], 99)} <= kept


def test_token_vectors_come_back_within_a_hundredth(store: Store) -> None:
    put(store, "a")
    numbers = [passage.id for passage in store.chunks_of("a")]
    for n, (tokens, spans) in enumerate(store.token_vectors(numbers)):
        expected = np.stack([vector(n), 2 * vector(n + 1)])
        assert np.abs(tokens - expected).max() < 0.01
        assert spans.shape == (2, 2)
    assert np.allclose(store.vectors(numbers[::-1]), [vector(n) for n in (2, 1, 0)])


@given(st.lists(st.floats(-100, 100, width=32), min_size=8, max_size=80))
def test_coding_tokens_loses_less_than_half_a_step(values: list[float]) -> None:
    tokens = np.array(values[: len(values) // 8 * 8], np.float32).reshape(-1, 8)
    steps = np.maximum(np.abs(tokens).max(axis=1, keepdims=True) / 127, np.finfo(np.float16).tiny)
    assert (np.abs(decode_tokens(encode_tokens(tokens), 8) - tokens) <= 0.6 * steps).all()
    assert decode_tokens(encode_tokens(tokens[:0]), 8).shape == (0, 8)


def test_a_change_raises_the_generation_and_a_failed_one_leaves_nothing(store: Store) -> None:
    put(store, "a")
    before = store.generation
    document = make("b", "", TEXT)
    with pytest.raises(ValueError, match="b: 0 \\+ 0 vectors for 3 chunks"):
        store.put([Prepared(document, split(TEXT, "fr", target=8, most=30), [])])
    assert (store.generation, [info.name for info in store.documents()]) == (before, ["a"])
    put(store, "b")
    assert store.generation == before + 1


def test_a_large_document_is_kept_in_goes_and_shows_only_when_whole(store: Store) -> None:
    document = make("a", "", TEXT)
    passages = split(TEXT, "fr", target=8, most=30)
    encoded = encode(document, passages)
    store.keep(document, encoded[:1])
    store.keep(document, encoded[1:2])
    assert (len(store), store.documents()) == (0, [])
    assert store.known([document.digest, "another"]) == {document.digest: 2}
    store.put([Prepared(document, passages, encoded[2:])])
    assert store.known([document.digest]) == {document.digest: 3}
    numbers = [passage.id for passage in store.chunks_of("a")]
    assert np.allclose(store.vectors(numbers), [vector(n) for n in range(3)])
    store.remove(["a"])
    store.drop_kept()
    assert store.known([document.digest]) == {}
    store.keep(document, encoded[:1])
    assert store.known([document.digest]) == {document.digest: 1}
    store.drop_kept()
    assert store.known([document.digest]) == {}


def test_all_is_there_after_reopening(open_store: Open) -> None:
    with open_store(fingerprint="model") as store:
        put(store, "a")
        expected = store.search_vectors(vector(1), 3), store.search_words(["chat"], 3)
        store.save_index()
    with open_store(fingerprint="model") as store:
        assert (store.search_vectors(vector(1), 3), store.search_words(["chat"], 3)) == expected


@pytest.mark.parametrize("damage", ["gone", "garbage", "truncated", "ahead", "emptied"])
def test_a_lost_or_damaged_vector_file_is_rebuilt(tmp_path: Path, damage: str) -> None:
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        put(store, "a")
        expected = store.search_vectors(vector(1), 3)
        with LocalStore(tmp_path / "other", "model", DIMENSION) as empty:
            empty.save_index()
        store.save_index()
    (path,) = tmp_path.glob("vectors-*.faiss")
    (other,) = (tmp_path / "other").glob("vectors-*.faiss")
    if damage == "gone":
        path.unlink()
    elif damage == "ahead":
        path.rename(tmp_path / "vectors-99.faiss")
    else:
        data = {
            "garbage": b"garbage",
            "truncated": path.read_bytes()[:60],
            "emptied": other.read_bytes(),
        }[damage]
        path.write_bytes(data)
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        assert store.search_vectors(vector(1), 3) == expected
        store.save_index()
    assert [path.name for path in tmp_path.glob("vectors-*")] == [path.name]


def test_another_model_is_refused_with_both_names(open_store: Open) -> None:
    open_store(fingerprint="model").close()
    with pytest.raises(UserError) as caught:
        open_store(fingerprint="another")
    assert caught.value.code == "index_other_model"
    assert (caught.value.values["made_by"][:5], caught.value.values["asked"][:7]) == (
        "model",
        "another",
    )
    open_store(fingerprint="model").close()


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    LocalStore(tmp_path, "model", DIMENSION).close()
    with sqlite3.connect(tmp_path / "library.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UserError) as caught:
        LocalStore(tmp_path, "model", DIMENSION)
    assert (caught.value.code, caught.value.values["version"]) == ("store_too_new", 99)


def test_a_damaged_database_is_named_and_can_be_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "library.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(UserError) as caught:
        LocalStore(folder, "model", DIMENSION)
    assert (caught.value.code, caught.value.values) == ("store_damaged", {"folder": folder})
    folder.rename(tmp_path / "aside")


def damage(path: Path) -> None:
    """Spoil every page but the first, which is all that opening reads."""
    data = bytearray(path.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for start in range(2 * page, len(data), page):
        data[start : start + 200] = b"\xa5" * 200
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["pages", "truncated"])
def test_damage_found_while_searching_is_named_now_and_when_the_store_is_opened_again(
    tmp_path: Path, how: str
) -> None:
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        for n in range(30):
            put(store, f"d{n}")
    path = tmp_path / "library.sqlite"
    if how == "pages":
        damage(path)
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match="store_damaged"):
        store = LocalStore(tmp_path, "model", DIMENSION)
        try:
            store.search_words(["chat"], 5)
            store.search_vectors(vector(0), 5)
            store.chunks_of("d29")
        finally:
            store.close()
    with pytest.raises(UserError, match="store_damaged"):
        LocalStore(tmp_path, "model", DIMENSION)


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_text_comes_back_with_its_spans(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    with LocalStore(tmp_path_factory.getbasetemp() / "texts", "model", DIMENSION) as store:
        put(store, "a", text=text)
        assert store.document("a").text == text
        for passage in store.chunks_of("a"):
            assert passage.text == text[passage.start : passage.end]
            assert all(
                passage.start <= start < end <= passage.end for start, end in passage.sentences
            )


def test_what_a_search_compares_is_what_the_vectors_say(store: Store) -> None:
    put(store, "a")
    numbers = [passage.id for passage in store.chunks_of("a")][::-1]
    view, common = np.stack([vector(8), vector(9)]), 0.1 * vector(3)
    cosines, similar, sizes = store.compare(numbers, vector(7), view, common)
    tokens = np.concatenate([tokens for tokens, _ in store.token_vectors(numbers)]) - common
    assert np.allclose(cosines, store.vectors(numbers) @ vector(7), atol=1e-6)
    assert np.allclose(
        similar, view @ (tokens / np.linalg.norm(tokens, axis=1)[:, None]).T, atol=1e-5
    )
    assert sizes.tolist() == [2, 2, 2]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="store_unwritable"):
        LocalStore(tmp_path / "file" / "store", "model", DIMENSION)


def test_two_open_stores_see_each_others_changes(open_store: Open) -> None:
    with open_store(fingerprint="model") as one, open_store(fingerprint="model") as two:
        put(one, "a")
        assert len(two.search_vectors(vector(0), 9)) == 3
        put(two, "b")
        one.remove(["a"])
        for store in (one, two):
            kept = {passage.id for passage in store.chunks_of("b")}
            assert {number for number, _ in store.search_vectors(vector(0), 9)} == kept


def test_threads_search_while_one_writes(store: Store) -> None:
    done = threading.Event()

    def search() -> int:
        count = 0
        while not done.is_set():
            numbers = [number for number, _ in store.search_vectors(vector(1), 5)]
            assert len(set(numbers)) == len(numbers)
            store.search_words(["chat"], 5)
            count += 1
        return count

    with ThreadPoolExecutor(3) as pool:
        searches = [pool.submit(search) for _ in range(3)]
        for n in range(30):
            put(store, f"d{n % 7}", seed=n)
        done.set()
        assert all(future.result() > 0 for future in searches)
    assert len(store) == 21


def _fill(open_store: Open, letter: str) -> int:
    with open_store(fingerprint="model") as store:
        for n in range(8):
            put(store, f"{letter}{n}")
            store.search_vectors(vector(0), 5)
        return len(store.search_vectors(vector(0), 999))


def test_processes_open_a_new_store_and_write_at_once(open_store: Open) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(_fill, [open_store] * 3, "abc"))
    with open_store(fingerprint="model") as store:
        assert len(store) == len(store.search_vectors(vector(0), 999)) == 3 * 8 * 3
        assert store.generation == 3 * 8


def test_a_store_of_the_first_version_is_brought_up_to_this_one(tmp_path: Path) -> None:
    with LocalStore(tmp_path, "a", DIMENSION) as store:
        put(store, "a")
        put(store, "b", seed=3)
        before = [(info.name, info.title, info.chunks) for info in store.documents()]
        found = store.search_vectors(vector(3), 3)
    with sqlite3.connect(
        tmp_path / "library.sqlite"
    ) as db:  # as it was before authors, dates and pages
        db.execute("DROP INDEX documents_digest")
        db.execute("DROP INDEX documents_listed")
        for table, columns in (
            ("documents", ("author", "date", "pages", "chunks", "characters", "page_count")),
            ("sources", ("failures",)),
        ):
            for column in columns:
                db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute("DROP TABLE unread")
        db.execute("PRAGMA user_version = 1")
    db.close()
    with LocalStore(tmp_path, "a", DIMENSION) as store:
        assert [(info.name, info.title, info.chunks) for info in store.documents()] == before
        assert store.search_vectors(vector(3), 3) == found
        assert store.document("a").pages == ()
        put(store, "c")


class Failing:
    """A database whose n-th statement from now on meets a disk that refuses."""

    def __init__(self, database: sqlite3.Connection, statements: int) -> None:
        self._database = database
        self.left = statements

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        self.left -= 1
        if self.left == 0:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
            raise error
        return self._database.execute(statement, *values)

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)


def test_a_disk_that_refuses_in_the_middle_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    refused = 0
    for statement in range(1, 40):
        with LocalStore(tmp_path / str(statement), "a", DIMENSION) as store:
            put(store, "a")
            database = store._db
            database._connection = Failing(database._connection, statement)  # type: ignore[assignment]
            try:
                put(store, "a", "Un tout autre texte.", seed=5)
            except UserError as error:
                assert error.code == "store_disk_error"
                refused += 1
        with LocalStore(tmp_path / str(statement), "a", DIMENSION) as store:
            text = store.document("a").text
            assert text in (TEXT, "Un tout autre texte.")
            assert "".join(each.text for each in store.chunks_of("a")) in text.replace("\n\n", "")
            assert store.search_words(terms("texte" if text != TEXT else "canapé", "fr"), 3)
    assert refused > 10


def test_chunks_that_were_removed_since_they_were_found_are_named_as_such(store: Store) -> None:
    put(store, "a")
    put(store, "b", seed=9)
    gone = [chunk.id for chunk in store.chunks_of("a")]
    kept = [chunk.id for chunk in store.chunks_of("b")]
    store.remove(["a"])
    numbers = [gone[0], *kept, *gone[1:]]
    assert [chunk.id for chunk in store.chunks(numbers)] == kept
    for read in (
        store.vectors,
        store.token_vectors,
        lambda ids: store.compare(ids, vector(7), vector(8)[None], vector(3)),
    ):
        read(kept)
        with pytest.raises(ChunkRemoved):
            read(numbers)


def test_the_list_of_documents_reads_no_text(tmp_path: Path) -> None:
    text = "Une phrase assez longue. " * 40_000
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        document = make("long", "", text, pages=((0, 10), (10, len(text))))
        store.put([Prepared(document, [], [])])
        expected = store.documents()
    # Every page that holds nothing but the text is spoilt: whoever reads one finds that out.
    path = tmp_path / "library.sqlite"
    data = bytearray(path.read_bytes())
    for start in range(0, len(data), 16384):
        if text[:1000].encode() in data[start + 4 : start + 16384]:
            data[start : start + 4] = b"\xff" * 4  # where the next of its pages is
    path.write_bytes(data)
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        assert store.documents() == expected
        assert (expected[0].characters, expected[0].pages) == (len(text), 2)
        with pytest.raises(UserError, match="store_damaged"):
            store.document("long")


def test_an_index_of_the_same_model_under_a_former_fingerprint_is_taken_over(
    tmp_path: Path,
) -> None:
    with LocalStore(tmp_path, "model:old", DIMENSION) as store:
        put(store, "a")
    for fingerprint, former in (("model:new", ["model:old"]), ("model:new", [])):
        with LocalStore(tmp_path, fingerprint, DIMENSION, former=former) as store:
            assert store.document("a").text == TEXT
    with pytest.raises(UserError, match="index_other_model"):
        LocalStore(tmp_path, "model:old", DIMENSION)
    with pytest.raises(UserError, match="index_other_model"):
        LocalStore(tmp_path, "model:newer", DIMENSION, former=["model:other"])


def removals(store: LocalStore) -> int:
    return int(store._db.rows("SELECT count(*) FROM removals")[0][0])


def test_what_was_removed_long_ago_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.store._REMEMBERED", 5)
    with LocalStore(tmp_path, "model", DIMENSION) as behind:
        put(behind, "kept", seed=3)
        behind.search_vectors(vector(0), 5)
        with LocalStore(tmp_path, "model", DIMENSION) as store:
            for n in range(20):
                put(store, "a", seed=n)
                store.save_index()
                assert removals(store) <= 3 * 5
            assert removals(store) > 0
            expected = store.search_vectors(vector(3), 99)
        # A process whose index is older than what is remembered finds the same.
        assert behind.search_vectors(vector(3), 99) == expected
        assert len(expected) == 6


@pytest.mark.parametrize("incremental", [True, False], ids=["new", "of before"])
def test_the_database_shrinks_when_much_was_removed(tmp_path: Path, incremental: bool) -> None:
    path = tmp_path / "library.sqlite"
    if not incremental:
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA page_size = 16384")
            db.execute("PRAGMA auto_vacuum = NONE")
            db.execute("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
            db.execute("DROP TABLE facts")
        db.close()
    with LocalStore(tmp_path, "model", DIMENSION) as store:
        put(store, "kept")
        for n in range(8):
            text = f"Le document {n}. " + "Une phrase assez longue. " * 20_000
            store.put([Prepared(make(f"large{n}", "", text), [], [])])
        store.save_index()
        full = path.stat().st_size
        store.remove([f"large{n}" for n in range(8)])
        store.save_index()
        assert path.stat().st_size < full / 4
        assert store.document("kept").text == TEXT
        assert len(store.search_vectors(vector(0), 9)) == 3
