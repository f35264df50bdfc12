"""A library changed while it is asked: read in the background, cancelled, put back. Real models."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from rag.engine import Service
from rag.settings import Settings

HENS = "# Les poules\n\nLes poules de Barbezieux pondent 180 œufs par an.\n"


@pytest.fixture
def service(home: Path, tmp_path: Path) -> Iterator[Service]:
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
