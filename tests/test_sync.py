"""A store follows its folder: only what changed is embedded, and one bad file stops nothing."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from index.chunking import split
from index.contract import Store
from index.documents import make
from index.embedder import Embedder, Encoded
from index.store import LocalStore
from index.sync import SyncProgress, put_documents, sync


class Counting:
    """The real embedder, and what it was given."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.texts: list[str] = []
        self.batches: list[int] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._embedder, name)

    def embed_chunks(
        self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None
    ) -> list[Encoded]:
        self.texts += texts
        self.batches.append(len(texts))
        return self._embedder.embed_chunks(texts, progress=progress)


@pytest.fixture
def counting(embedder: Embedder) -> Counting:
    return Counting(embedder)


@pytest.fixture
def small_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight passages at once in place of sixty-four."""
    monkeypatch.setattr("index.writer._AT_ONCE", 8)


@pytest.fixture
def store(tmp_path: Path, embedder: Embedder) -> Iterator[Store]:
    with LocalStore(tmp_path / "store", embedder.fingerprint, embedder.dimension) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "documents"
    path.mkdir()
    (path / "chat.md").write_text("# Le chat\n\nLe chat dort sur le canapé.")
    (path / "pluie.txt").write_text("Il pleut à Brest, et il fait froid.")
    lines = [
        {"_id": "m1", "title": "Mistral", "text": "Microsoft investit."},
        {"_id": "m2", "text": "Un autre texte."},
    ]
    (path / "lot.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return path


def names(store: Store) -> list[str]:
    return [info.name for info in store.documents()]


def test_the_store_holds_the_documents_of_the_folder(
    folder: Path, store: Store, counting: Counting
) -> None:
    report = sync(folder, store, counting)
    assert (report.added, report.failed) == (4, [])
    assert names(store) == ["chat.md", "m1", "m2", "pluie.txt"]
    # Few small documents go through the model together, each with its title in front.
    assert counting.batches == [4]
    assert "Mistral\nMicrosoft investit." in counting.texts


def test_token_spans_lie_in_the_document_and_the_titles_before_the_passage(
    folder: Path, store: Store, counting: Counting
) -> None:
    sync(folder, store, counting)
    (passage,) = store.chunks_of("m1")
    ((tokens, spans),) = store.token_vectors([passage.id])
    assert len(tokens) == len(spans)
    words = ["Microsoft investit."[max(start, 0) : end] for start, end in spans.tolist() if end > 0]
    assert "".join(words).replace(" ", "") == "Microsoftinvestit."
    assert any(end <= 0 for _, end in spans.tolist())


def test_what_is_unchanged_embeds_nothing(folder: Path, store: Store, counting: Counting) -> None:
    sync(folder, store, counting)
    counting.texts.clear()
    generation = store.generation
    report = sync(folder, store, counting)
    assert (report.unchanged, report.added, counting.texts, store.generation) == (
        4,
        0,
        [],
        generation,
    )


def test_a_file_that_was_only_touched_embeds_nothing(
    folder: Path, store: Store, counting: Counting
) -> None:
    sync(folder, store, counting)
    counting.texts.clear()
    (folder / "lot.jsonl").write_text((folder / "lot.jsonl").read_text() + "\n")
    report = sync(folder, store, counting)
    assert (report.unchanged, report.changed, counting.texts) == (4, 0, [])


@pytest.mark.parametrize("years", [-30, 30])
def test_a_clock_that_jumps_hides_no_change(
    folder: Path, store: Store, counting: Counting, years: int
) -> None:
    sync(folder, store, counting)
    path = folder / "pluie.txt"
    text = path.read_text().replace("pleut", "neige")
    path.write_text(text)
    when = path.stat().st_mtime + years * 365 * 86400
    os.utime(path, (when, when))
    assert sync(folder, store, counting).changed == 1
    assert store.document("pluie.txt").text == text.strip()
    assert sync(folder, store, counting).unchanged == 4


def test_a_changed_an_added_and_a_removed_file_update_only_themselves(
    folder: Path, store: Store, counting: Counting
) -> None:
    sync(folder, store, counting)
    kept = store.chunks_of("m1")
    counting.texts.clear()
    (folder / "chat.md").unlink()
    (folder / "pluie.txt").write_text("Il fait beau à Nice.")
    (folder / "neuf.txt").write_text("Un document tout neuf.")
    report = sync(folder, store, counting)
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 2)
    assert names(store) == ["m1", "m2", "neuf.txt", "pluie.txt"]
    assert sorted(text.split("\n")[-1] for text in counting.texts) == [
        "Il fait beau à Nice.",
        "Un document tout neuf.",
    ]
    assert store.chunks_of("m1") == kept


def test_a_line_taken_out_of_a_file_goes_alone(
    folder: Path, store: Store, counting: Counting
) -> None:
    sync(folder, store, counting)
    (folder / "lot.jsonl").write_text(json.dumps({"_id": "m2", "text": "Un autre texte."}))
    counting.texts.clear()
    report = sync(folder, store, counting)
    assert (report.removed, report.unchanged, counting.texts) == (1, 3, [])
    assert names(store) == ["chat.md", "m2", "pluie.txt"]


def test_an_empty_folder_empties_the_store(folder: Path, store: Store, counting: Counting) -> None:
    sync(folder, store, counting)
    for path in folder.iterdir():
        path.unlink()
    assert sync(folder, store, counting).removed == 4
    assert (len(store), store.sources()) == (0, {})


def test_bad_files_are_reported_each_time_and_stop_nothing(
    folder: Path, store: Store, counting: Counting
) -> None:
    (folder / "photo.txt").write_bytes(b"\0\1\2")
    (folder / "vide.txt").write_text(" \n")
    (folder / "lot.jsonl").write_text('{"_id": "m1", "text": "Microsoft investit."}\n{')
    for _ in range(2):
        report = sync(folder, store, counting)
        assert sorted((name, error.code) for name, error in report.failed) == [
            ("lot.jsonl", "document_line"),
            ("photo.txt", "document_binary"),
            ("vide.txt", "document_empty"),
        ]
        assert set(names(store)) == {"chat.md", "m1", "pluie.txt", "vide.txt"}
    assert len(counting.texts) == 3
    (folder / "lot.jsonl").unlink()
    sync(folder, store, counting)
    assert "m1" not in names(store)


@pytest.mark.parametrize("name", ["pluie.txt", "lot.jsonl", "chat.md"])
def test_a_file_replaced_by_one_that_cannot_be_read_loses_its_documents_and_is_reported(
    folder: Path, store: Store, counting: Counting, name: str
) -> None:
    sync(folder, store, counting)
    before, old = (folder / name).stat(), (folder / name).read_bytes()
    gone = {info.name for info in store.documents() if info.source == name}
    (folder / name).write_bytes(b"\0\1\2")
    for removed in (len(gone), 0):
        report = sync(folder, store, counting)
        assert [(source, error.code) for source, error in report.failed] == [
            (name, "document_binary")
        ]
        assert report.removed == removed
        assert not gone & set(names(store))
    # The old file put back, date and all, is read again.
    (folder / name).write_bytes(old)
    os.utime(folder / name, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sync(folder, store, counting).added == len(gone)
    assert gone <= set(names(store))


def test_a_file_that_may_not_be_opened_any_more_loses_its_documents(
    folder: Path, store: Store, counting: Counting
) -> None:
    sync(folder, store, counting)
    (folder / "pluie.txt").write_text("Un texte secret.")
    (folder / "pluie.txt").chmod(0)
    if os.access(folder / "pluie.txt", os.R_OK):
        pytest.skip("this user may open everything")
    report = sync(folder, store, counting)
    assert [error.code for _, error in report.failed] == ["document_unreadable"]
    assert "pluie.txt" not in names(store)


def test_a_name_belongs_to_the_first_file_that_has_it(
    folder: Path, store: Store, counting: Counting
) -> None:
    (folder / "zlot.jsonl").write_text(
        '{"_id": "m1", "text": "Un imposteur."}\n{"_id": "m3", "text": "Un autre."}'
    )
    for _ in range(2):
        report = sync(folder, store, counting)
        assert [(name, error.code, error.values["first"]) for name, error in report.failed] == [
            ("zlot.jsonl", "document_elsewhere", "lot.jsonl")
        ]
        assert store.document("m1").text == "Microsoft investit."
    (folder / "lot.jsonl").unlink()
    assert sync(folder, store, counting).failed == []
    assert store.document("m1").text == "Un imposteur."


@pytest.mark.usefixtures("small_goes")
def test_a_large_document_is_embedded_in_goes(
    tmp_path: Path, store: Store, counting: Counting
) -> None:
    path = tmp_path / "grand.txt"
    path.write_text(
        "\n\n".join(f"Paragraphe {n}. " + "Une phrase courte. " * 30 for n in range(25))
    )
    told: list[SyncProgress] = []
    sync(path, store, counting, progress=told.append)
    assert len(store) == len(counting.texts) >= 20
    assert max(counting.batches) <= 8
    assert (told[0].done, told[0].seconds_left) == (0, None)
    assert (told[-1].done, told[-1].total) == (len(store), len(store))
    assert [step.done for step in told] == sorted(step.done for step in told)
    assert all(
        step.seconds_left is not None and step.seconds_left >= 0 for step in told if step.done
    )


@pytest.mark.usefixtures("small_goes")
def test_a_stopped_run_goes_on_where_it_was_in_a_large_document(
    tmp_path: Path, store: Store, counting: Counting
) -> None:
    path = tmp_path / "grand.txt"
    path.write_text(
        "\n\n".join(f"Paragraphe {n}. " + "Une phrase courte. " * 30 for n in range(25))
    )
    stop = threading.Event()
    sync(path, store, counting, progress=lambda step: stop.set() if step.done else None, stop=stop)
    assert (len(counting.texts), len(store), store.documents(), store.sources()) == (8, 0, [], {})
    sync(path, store, counting)
    assert len(store) == len(counting.texts) == len(set(counting.texts))
    document = store.document("grand.txt")
    expected = split(document.text, "fr", count=counting.count)
    assert [(p.start, p.end) for p in store.chunks_of("grand.txt")] == [
        (p.start, p.end) for p in expected
    ]


@pytest.mark.usefixtures("small_goes")
def test_progress_counts_what_is_still_to_be_cut(
    tmp_path: Path, store: Store, counting: Counting
) -> None:
    for n in range(4):
        (tmp_path / f"{n}.txt").write_text(
            "\n\n".join(f"Paragraphe {n}. " + "Une phrase. " * 50 for _ in range(8))
        )
    told: list[SyncProgress] = []
    sync(tmp_path, store, counting, progress=told.append)
    total = told[-1].done
    assert told[-1].total == total == len(store)
    assert 0.5 * total < told[0].total < 2 * total


def test_two_at_once_embed_once(
    folder: Path, tmp_path: Path, embedder: Embedder, counting: Counting
) -> None:
    def run() -> int:
        with LocalStore(tmp_path / "store", embedder.fingerprint, embedder.dimension) as store:
            return sync(folder, store, counting).unchanged

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda _: run(), range(2))) == [0, 4]
    assert len(counting.texts) == 4


def test_documents_given_by_hand_are_stored(store: Store, embedder: Embedder) -> None:
    put_documents([make("a", "", "Le chat dort."), make("b", "", "")], store, embedder)
    assert (names(store), len(store)) == (["a", "b"], 1)


def test_the_same_text_under_two_names_is_embedded_once(
    folder: Path, store: Store, counting: Counting
) -> None:
    (folder / "copie.md").write_text((folder / "chat.md").read_text())
    sync(folder, store, counting)
    (folder / "plus-tard.txt").write_text((folder / "pluie.txt").read_text())
    report = sync(folder, store, counting)
    assert (report.added, len(counting.texts), len(set(counting.texts))) == (1, 4, 4)
    for one, two in (("chat.md", "copie.md"), ("pluie.txt", "plus-tard.txt")):
        numbers = [store.chunks_of(name)[0].id for name in (one, two)]
        assert numbers[0] != numbers[1]
        left, right = store.vectors(numbers)
        assert left.tolist() == right.tolist()


def test_a_file_moved_and_renamed_embeds_nothing(
    folder: Path, store: Store, counting: Counting
) -> None:
    sync(folder, store, counting)
    counting.texts.clear()
    (folder / "sous").mkdir()
    (folder / "chat.md").rename(folder / "sous" / "chat.md")
    (folder / "pluie.txt").rename(folder / "averse.txt")
    report = sync(folder, store, counting)
    assert (report.moved, report.added, report.removed, report.unchanged, counting.texts) == (
        2,
        0,
        0,
        2,
        [],
    )
    assert names(store) == ["averse.txt", "m1", "m2", "sous/chat.md"]
    assert [passage.title for passage in store.chunks_of("averse.txt")] == ["averse"]


def test_what_failed_in_a_dear_file_is_told_again_without_reading_it(
    folder: Path, store: Store, counting: Counting
) -> None:
    (folder / "abîmé.pdf").write_bytes(b"%PDF-1.7 et rien")
    first = sync(folder, store, counting).failed
    inode = (folder / "abîmé.pdf").stat()
    assert [(name, error.code) for name, error in first] == [("abîmé.pdf", "document_damaged")]
    assert store.sources()["abîmé.pdf"] == (inode.st_size, inode.st_mtime_ns)
    again = sync(folder, store, counting).failed
    assert [(name, error.code, error.values) for name, error in again] == [
        (name, error.code, error.values) for name, error in first
    ]


def test_a_store_keeps_the_pages_the_author_and_the_date(store: Store, embedder: Embedder) -> None:
    document = make(
        "a.pdf",
        "Un rapport",
        "Une page. Une autre.",
        author="Ada",
        date="2024-02-26",
        pages=((0, 10), (10, 20)),
    )
    put_documents([document], store, embedder)
    assert store.document("a.pdf") == document
