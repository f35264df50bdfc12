"""A library changed while it is asked: read in the background, cancelled, put back. Real models."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index.contract import Store
from index.embedder import Embedder
from index.errors import UserError
from rag import engine
from rag import library as opening
from rag.answerer import Answerer
from rag.engine import Service
from rag.library import open_library, open_store, purge_set_aside
from rag.llm.base import Generator
from rag.settings import Settings

HENS = "# Les poules\n\nLes poules de Barbezieux pondent 180 œufs par an.\n"


@pytest.fixture
def loaded(embedder: Embedder, small_generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session's models, in place of those that each library would load and close."""
    monkeypatch.setattr(opening, "load_embedder", lambda *_, **__: embedder)
    monkeypatch.setattr(opening, "open_generator", lambda *_, **__: small_generator)
    monkeypatch.setattr(small_generator, "close", lambda: None)


@pytest.fixture
def service(loaded: None, home: Path, tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "coq.md").write_text(
        "# Le coq\n\nLe coq chante à cinq heures.\n", encoding="utf-8"
    )
    opened = Service(Settings(home=home, library=tmp_path / "library", model="small")).start()
    opened.assistant()
    yield opened
    opened.close()


def put(service: Service, name: str, text: str, *, replace: bool = False) -> None:
    async def data() -> AsyncIterator[bytes]:
        yield text.encode()

    service.read(*asyncio.run(service.folder.put(name, data(), replace=replace)))


def names(service: Service) -> list[str]:
    assert service.store
    return [document.name for document in service.store.documents()]


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so; a test that hangs is stopped by pytest."""
    while not true():
        time.sleep(0.02)


def test_what_is_put_in_is_read_found_and_leaves_again(service: Service) -> None:
    put(service, "poules.md", HENS)
    until(lambda: not service.reading.active)
    assert names(service) == ["coq.md", "poules.md"]
    assert service.library
    assert (
        service.library.search("Combien d'œufs pondent les poules ?", k=1)[0].chunk.document
        == "poules.md"
    )
    kept = service.folder.take_out("poules.md")
    service.read()
    until(lambda: not service.reading.active)
    assert names(service) == ["coq.md"]
    service.folder.put_back(kept)
    service.read()
    until(lambda: not service.reading.active)
    assert names(service) == ["coq.md", "poules.md"]


def test_what_is_put_in_is_read_ahead_by_the_model(service: Service) -> None:
    states = service.settings.home / "states"
    until(
        lambda: len(list(states.glob("*.state"))) >= 5
    )  # of the four prompts that are always there, and of the first document
    before = set(states.glob("*.state"))
    put(service, "vent.md", f"# Le vent\n\nLe vent souffle de l'ouest à {time.time_ns()} nœuds.\n")
    until(lambda: set(states.glob("*.state")) > before)


def test_a_change_of_the_folder_is_followed_while_running(service: Service) -> None:
    library = service.settings.library
    (library / "ferme").mkdir()
    (library / "ferme" / "poules.md").write_text(HENS, encoding="utf-8")
    until(lambda: names(service) == ["coq.md", "ferme/poules.md"])
    (library / "ferme").rename(library / "basse-cour")
    until(lambda: names(service) == ["basse-cour/poules.md", "coq.md"])
    (library / "coq.md").write_text("# Le coq\n\nLe coq chante à six heures.\n", encoding="utf-8")
    until(lambda: "six heures" in service.document("coq.md").text)
    (library / "basse-cour" / "poules.md").unlink()
    until(lambda: names(service) == ["coq.md"])


def test_cancelling_takes_out_what_was_not_read(service: Service) -> None:
    put(
        service,
        "long.md",
        "# Long\n\n"
        + "\n\n".join(
            f"Le paragraphe {number} parle de tout et de rien. " * 8 for number in range(400)
        ),
    )
    until(lambda: service.reading.progress is not None)
    assert service.library
    assert service.library.search(
        "À quelle heure chante le coq ?", k=1
    )  # meanwhile the rest can be asked
    service.cancel()
    until(lambda: not service.reading.active)
    assert names(service) == ["coq.md"]
    assert not (service.settings.library / "long.md").exists()


def test_cancelling_a_replacement_leaves_what_was_there(service: Service) -> None:
    put(
        service,
        "coq.md",
        "# Autre\n\n"
        + "\n\n".join(f"Le paragraphe {number} dit autre chose. " * 8 for number in range(400)),
        replace=True,
    )
    until(lambda: service.reading.progress is not None)
    service.cancel()
    until(lambda: not service.reading.active)
    assert (service.settings.library / "coq.md").read_text(encoding="utf-8").startswith("# Le coq")
    assert (
        [document.title for document in service.store.documents()] == ["Le coq"]
        if service.store
        else False
    )


def test_a_file_that_cannot_be_read_is_told(service: Service) -> None:
    put(service, "binaire.md", "a\0b")
    until(lambda: not service.reading.active)
    assert [(file, error.code) for file, error in service.reading.failed] == [
        ("binaire.md", "document_binary")
    ]


def test_an_error_in_reading_ahead_leaves_the_page_ready(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Semaphore(0)

    def fail(*_: object) -> None:
        failed.release()
        raise RuntimeError("a bug")

    monkeypatch.setattr(Answerer, "prepare", fail)
    for number in range(2):  # the second change is read ahead as well
        put(service, f"vent{number}.md", f"# Le vent {number}\n\nLe vent souffle de l'ouest.\n")
        assert failed.acquire(timeout=240)
    assert service.state.stage == "ready"
    assert service.assistant()


def test_a_change_that_comes_while_a_reading_fails_is_read(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, failures = engine.sync, [UserError("store_disk_full", folder="x"), RuntimeError("a bug")]

    def fail_first(*arguments: Any, **more: Any) -> Any:
        if failures:
            (service.settings.library / f"{len(failures)}.md").write_text(HENS, encoding="utf-8")
            service.read()
            raise failures.pop()
        return sync(*arguments, **more)

    monkeypatch.setattr(engine, "sync", fail_first)
    service.read()
    until(lambda: not service.reading.active)
    assert not failures
    assert names(service) == ["1.md", "2.md", "coq.md"]


def test_what_expires_is_removed_while_it_runs(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_HOUR", 0.01)
    purged = threading.Semaphore(0)
    opened = Service(Settings(home=home, library=tmp_path, model="small"))

    def purge(*_: object) -> None:
        purged.release()
        raise OSError("the disk is away")

    opened.hourly.append(purge)
    opened.start()
    assert all(purged.acquire(timeout=60) for _ in range(3))
    opened.close()
    assert not [thread for thread in opened._threads if thread.is_alive()]


def test_a_library_that_cannot_be_opened_says_why(home: Path) -> None:
    opened = Service(Settings(home=home, library=Path("/nowhere"), model="small")).start()
    with pytest.raises(UserError) as raised:
        opened.assistant()
    assert raised.value.code == "library_absent"
    opened.read()
    until(lambda: not opened.reading.active)
    opened.close()
    assert opened.state.stage == "failed"


@pytest.mark.parametrize("fails", ["indexing", "loading"])
def test_nothing_stays_open_where_opening_fails(
    fails: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, stores = threading.Event(), list[Store]()
    load = opening.open_generator

    def loading(*arguments: Any, **more: Any) -> Any:
        if fails == "loading":
            raise UserError("model_absent", model="x")
        generator = load(*arguments, **more)
        close = generator.close
        monkeypatch.setattr(generator, "close", lambda: (close(), closed.set()))
        return generator

    monkeypatch.setattr(opening, "open_generator", loading)
    library = tmp_path / "absent" if fails == "indexing" else tmp_path
    settings = Settings(home=home, library=library, model="small")
    with pytest.raises(UserError) as raised:
        open_library(settings, on_store=stores.append)
    assert raised.value.code == ("library_absent" if fails == "indexing" else "model_absent")
    assert fails == "loading" or closed.wait(60)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        stores[0].documents()


def test_a_library_has_one_answerer_for_all_questions(service: Service) -> None:
    library = service.library
    assert library
    assert library.assistant() is library.assistant() is service.assistant()


def test_a_removal_can_be_undone_after_the_index_was_set_aside(
    home: Path, tmp_path: Path, embedder: Embedder
) -> None:
    settings = Settings(home=tmp_path / "home", library=tmp_path / "library")
    settings.library.mkdir()
    (settings.library / "coq.md").write_text("Le coq chante.", encoding="utf-8")
    open_store(settings, embedder).close()
    kept = Service(settings).folder.take_out("coq.md")
    (settings.store_folder / "library.sqlite").write_bytes(b"no database at all" * 1000)
    open_store(settings, embedder).close()
    assert len(list((settings.home / "libraries").glob("*.aside"))) == 1
    assert Service(settings).folder.put_back(kept) == "coq.md"
    assert (settings.library / "coq.md").exists()


def test_an_index_that_was_set_aside_is_removed_after_a_week(tmp_path: Path) -> None:
    hour = 3600 * 10**9
    for name, age in (("old", 24 * 7 + 1), ("new", 24 * 7 - 1)):
        (tmp_path / "libraries" / f"{name}-1.{time.time_ns() - age * hour}.aside").mkdir(
            parents=True
        )
    (tmp_path / "libraries" / "notes.aside").mkdir()
    purge_set_aside(tmp_path)
    left = sorted(path.name.split("-")[0] for path in (tmp_path / "libraries").iterdir())
    assert left == ["new", "notes.aside"]
