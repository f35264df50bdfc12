"""The `models` and `doctor` commands below their command lines."""

import json
import os
import socket
import sqlite3
from pathlib import Path

import pytest

from index.errors import UserError
from index.models.catalogue import ALL, EMBEDDER, GENERATOR, SMALL_GENERATOR
from rag import doctor, models, trial
from rag.settings import Settings


def _lines(settings: Settings) -> dict[str, bool]:
    return {finding.code: finding.good for finding in doctor.examine(settings)}


def test_the_table_tells_all_of_every_file(home: Path) -> None:
    table = models.table(home)
    for file in ALL:
        for fact in (
            file.name,
            file.sha256,
            file.licence,
            file.packages[0],
            str(home / "weights" / file.name),
        ):
            assert fact in table


def test_the_table_as_json_is_a_list_of_files(home: Path) -> None:
    listed = json.loads(models.table(home, as_json=True))
    assert [one["file"] for one in listed] == [file.name for file in ALL]
    assert {one["state"] for one in listed} == {"verified"}


def test_an_absent_file_is_in_the_table(tmp_path: Path) -> None:
    assert {one["state"] for one in json.loads(models.table(tmp_path, as_json=True))} == {"absent"}


def test_a_file_of_the_right_size_is_taken_whatever_its_name(home: Path, tmp_path: Path) -> None:
    own = tmp_path / "downloaded (1).bin"
    os.link((home / "weights" / EMBEDDER.name).resolve(), own) if _same_disk(
        home, tmp_path
    ) else own.write_bytes((home / "weights" / EMBEDDER.name).read_bytes())
    taken = models.take(own, tmp_path / "home")
    assert taken.name == EMBEDDER.name
    assert (tmp_path / "home" / "weights" / "multilingual-e5-small").is_dir()


def _same_disk(one: Path, other: Path) -> bool:
    return (one / "weights").resolve().stat().st_dev == other.stat().st_dev


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("notes.gguf", b"x", "weights_unknown"),
        (SMALL_GENERATOR.name, b"x", "weights_own"),
        (None, b"", "file_absent"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why(
    name: str | None, content: bytes, code: str, tmp_path: Path
) -> None:
    path = tmp_path / (name or "absent.gguf")
    if name:
        path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        models.take(path, tmp_path / "home")
    assert raised.value.code == code


def test_only_what_the_settings_use_is_needed() -> None:
    home = Path("unused")
    assert models.needed(Settings(home)) == (EMBEDDER, GENERATOR)
    assert models.needed(Settings(home, model="small")) == (EMBEDDER, SMALL_GENERATOR)
    assert models.needed(Settings(home, model="own.gguf", embedder="own")) == ()


def test_fetching_what_is_there_is_done_at_once(home: Path) -> None:
    told = []
    models.fetch(Settings(home), progress=lambda *step: told.append(step), small=True)
    assert told == []


# The doctor.


def test_a_good_set_up_has_nothing_to_mend(home: Path) -> None:
    found = _lines(Settings(home, port=0))
    assert {code for code, good in found.items() if not good} <= {"doctor_memory_bad"}
    assert {
        "doctor_python",
        "doctor_packages",
        "doctor_weights",
        "doctor_disk",
        "doctor_cores",
        "doctor_library",
    } <= found.keys()


def test_a_new_home_lacks_its_weights(tmp_path: Path) -> None:
    found = _lines(Settings(tmp_path / "new", port=0))
    assert found["doctor_weights_absent"] is False
    assert found["doctor_store_none"] is True


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"library": Path("/nowhere")}, "library_absent"),
        ({"model": "/nowhere/model.gguf"}, "model_absent"),
        ({"model": "nobody/nothing"}, "model_absent"),
        ({"threads": 4096}, "doctor_cores_bad"),
        ({"home": Path("/proc/cocorico")}, "doctor_home_bad"),
    ],
)
def test_what_is_wrong_is_found(settings: dict, code: str, home: Path) -> None:
    assert _lines(Settings(**{"home": home, "port": 0, **settings}))[code] is False


def test_an_empty_library_is_found(home: Path, tmp_path: Path) -> None:
    assert _lines(Settings(home, library=tmp_path, port=0))["doctor_library_empty"] is False


def test_an_unreadable_document_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("Bonjour.")
    (tmp_path / "bad.txt").write_bytes(b"\0\1\2")
    found = doctor.examine(Settings(home, library=tmp_path, port=0))
    bad = [finding for finding in found if not finding.good]
    assert "document_binary" in {finding.code for finding in bad}
    assert any("bad.txt" in finding.line("en") for finding in bad)


def test_a_taken_port_is_found(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert _lines(Settings(home, port=taken.getsockname()[1]))["doctor_port_bad"] is False


@pytest.mark.parametrize(
    ("made_by", "code"), [("other:123|a", "index_other_model"), (None, "store_damaged")]
)
def test_an_index_that_cannot_be_used_is_found(
    made_by: str | None, code: str, home: Path, tmp_path: Path
) -> None:
    settings = Settings(home, library=tmp_path, port=0)
    settings.store_folder.mkdir(parents=True)
    path = settings.store_folder / "library.sqlite"
    if made_by is None:
        path.write_bytes(b"no database at all" * 100)
    else:
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE facts (name, value)")
            db.execute("CREATE TABLE documents (id)")
            db.execute("CREATE TABLE passages (id)")
            db.execute("INSERT INTO facts VALUES ('embedder', ?)", (made_by,))
    assert _lines(settings)[code] is False


def test_whatever_breaks_the_doctor_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> int:
        raise RuntimeError("boom")

    monkeypatch.setattr(doctor, "_free_memory", break_down)
    found = doctor.examine(Settings(home, port=0))
    assert any("boom" in finding.line("fr") for finding in found)
    assert found[-1].code == "doctor_port"


def test_a_model_is_tried_on_questions(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [
        {"text": "Who leads Microsoft?", "words": [["nadella"]], "language": "en"},
        {"text": "Quelle est la capitale de l'Australie ?", "words": [], "language": "fr"},
    ]
    path = tmp_path / "trial.jsonl"
    path.write_text("\n".join(map(json.dumps, few)), encoding="utf-8")
    monkeypatch.setattr(trial, "_QUESTIONS", path)
    said: list[str] = []
    trial.trial(Settings(home), "small", said.append, "en")
    assert "Who leads Microsoft?" in said[0] and "Australie" in said[1]
    assert said[-1].startswith("small: ") and "2 of 2 in the question's language" in said[-1]
