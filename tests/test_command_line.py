"""The command line as a user or a script meets it."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from rag.__main__ import main
from rag.library import Answer, Library, Turn
from rag.proxies import adopt_proxies
from rag.settings import ROOT

HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "gradio",
    "faiss",
    "cyllama",
    "lingua",
    "numpy",
    "httpx",
)
PORT = "The port of Brest was rebuilt in 1951. Its director is Anne Le Goff. The works cost 12 million euros."


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages in English, whatever the machine speaks."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def _python(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **more,
    )


def _write(path: Path, lines: list[Any]) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n")
    return path


# Without any model.


@pytest.mark.parametrize("arguments", [["--help"], ["ask", "--help"], ["models", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    told = (
        "import sys, rag.__main__ as m\n"
        f"assert m.main({arguments}) == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = _python("-c", told)
    assert run.stdout.splitlines()[-1] == "[]", run.stdout + run.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["sing"], ["ask", "--threads", "0", "x"], ["search", "-k", "no", "x"], ["serve", "--port", "70000"],
     ["ask", "--language", "de", "x"]],
)  # fmt: skip
def test_a_command_that_is_none_exits_with_2(arguments: list[str]) -> None:
    assert main(arguments) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ask"], "There is no question."),
        (["ask", "   "], "There is no question."),
        (["search"], "There is no question."),
        (["ask", "--batch", "/nowhere.jsonl"], "/nowhere.jsonl could not be read"),
        (["models", "--use", "/nowhere.gguf"], "/nowhere.gguf: there is no such file."),
        (["serve", "--no-browser", "--home", "/proc/cocorico"], "Cannot write to /proc/cocorico"),
    ],
)
def test_a_slip_is_told_in_a_line_and_exits_with_1(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"cocorico: {says}")
    assert told.out == ""


def test_a_slip_is_told_in_french_where_the_terminal_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    assert main(["ask"]) == 1
    assert "Il n’y a pas de question." in capsys.readouterr().err


def test_a_bad_variable_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCORICO_PORT", "high")
    assert main(["doctor"]) == 1
    assert "COCORICO_PORT=high" in capsys.readouterr().err


def test_a_port_that_is_none_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCORICO_PORT", "70000")
    assert main(["serve"]) == 1
    assert capsys.readouterr().err.startswith("cocorico: COCORICO_PORT=70000: a whole number from")


def test_a_flag_wins_over_its_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCORICO_LIBRARY", "/variable")
    assert main(["backup", "--library", "/flag", "x.zip"]) == 1
    assert "No such library: /flag." in capsys.readouterr().err


def test_a_bug_is_not_dressed_as_a_slip_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr("rag.doctor.examine", broken)
    with pytest.raises(ValueError, match="a bug"):
        main(["doctor"])


@pytest.mark.parametrize(
    "proxy", ["socks://127.0.0.1:9/", "socks5://127.0.0.1:9", "http://127.0.0.1:9", "ftp://x:1"]
)
def test_a_proxy_that_cannot_be_used_is_named(proxy: str, home: Path) -> None:
    """A proxy of the desktop's, which Gradio and httpx would fail on with a traceback."""
    environment = {**os.environ, "ALL_PROXY": proxy, "all_proxy": proxy}
    run = _python("-m", "rag", "models", "--home", str(home), env=environment)
    usable = proxy.startswith("http") or (proxy.startswith("socks") and find_spec("socksio"))
    assert run.returncode == (0 if usable else 1)
    assert bool(usable) or run.stderr.startswith(f"cocorico: ALL_PROXY={proxy}")
    assert len(run.stderr.splitlines()) == (0 if usable else 1)


def test_desktops_socks_is_socks5(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.proxies.find_spec", lambda _: True)
    variables = {"ALL_PROXY": "socks://host:1", "http_proxy": "host:2", "no_proxy": "a://b"}
    adopt_proxies(variables)
    assert variables == {
        "ALL_PROXY": "socks5://host:1",
        "http_proxy": "host:2",
        "no_proxy": "a://b",
    }


NOBODY = "import pwd\ndef unknown(_): raise KeyError\npwd.getpwuid = unknown\n"


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["doctor"], {}),
        (["models"], {}),
        (["search", "--library", "~/reports", "x"], {}),
        (["doctor"], {"COCORICO_HOME": "{home}", "COCORICO_LIBRARY": "~/reports"}),
        (["models"], {"COCORICO_HOME": "{home}"}),
        (["search", "--library", "{library}", "--home", "{home}", "x"], {}),
    ],
)
def test_without_a_home_folder_it_runs_or_says_what_to_set(
    arguments: list[str], variables: dict[str, str], home: Path, tmp_path: Path
) -> None:
    """As `docker run --user 12345` is: no HOME, and nobody of this number in the password file."""
    places = {"home": home, "library": tmp_path / "documents"}
    places["library"].mkdir()
    (tmp_path / "sitecustomize.py").write_text(NOBODY)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_DATA_HOME")
    }
    environment |= {name: value.format(**places) for name, value in variables.items()}
    environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{tmp_path}"
    command = [sys.executable, "-m", "rag", *(word.format(**places) for word in arguments)]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    asks_home = "~" in "".join(arguments) or "{home}" not in "".join(
        [*arguments, *variables.values()]
    )
    tells = asks_home or "COCORICO_LIBRARY" in variables
    assert run.returncode == (1 if tells else 0), run.stderr
    assert ("Set COCORICO_HOME to a folder" in run.stderr) == tells
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "~").exists()


def test_json_is_utf8_whatever_the_terminal_is_set_to(home: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "fr_FR.UTF-8"}
    run = subprocess.run(
        [sys.executable, "-m", "rag", "models", "--home", str(home)],
        cwd=ROOT,
        capture_output=True,
        env=environment,
        check=True,
    )
    assert "vérifié" in run.stdout.decode("utf-8")


def test_models_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json", "--home", str(home)]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3


def test_the_doctor_exits_with_1_where_something_is_wrong(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--home", str(home), "--library", "/nowhere"]) == 1
    assert "✗ No such library: /nowhere." in capsys.readouterr().out


def test_a_reader_that_leaves_early_is_no_error(home: Path) -> None:
    run = subprocess.run(
        f"{sys.executable} -m rag models --home {home} | true; echo ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (run.stdout.strip(), run.stderr) == ("0", "")


# With the vectors only.


def test_index_reports_what_changed(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "notes"
    library.mkdir()
    (library / "port.txt").write_text(PORT)
    (library / "old.md").write_text("# Old\n\nSomething old.")
    (library / "image.txt").write_bytes(b"\0\1")
    index = ["index", "--library", str(library), "--home", str(home)]
    assert main(index) == 0
    first = capsys.readouterr()
    (library / "port.txt").write_text(PORT + " It has two docks.")
    (library / "old.md").unlink()
    assert main(index) == 0
    second = capsys.readouterr()
    assert "added 2, changed 0, moved 0, removed 0, unchanged 0, failed 1" in first.out
    assert "added 0, changed 1, moved 0, removed 1, unchanged 0, failed 1" in second.out
    assert "image.txt" in first.err


def test_a_library_that_is_none_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "--library", "/nowhere", "--home", str(home)]) == 1
    assert capsys.readouterr().err.startswith("cocorico: No such library: /nowhere.")


def test_search_shows_the_best_passage_first(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(
            [
                "search",
                "Combien Microsoft a-t-il investi dans Mistral ?",
                "-k",
                "3",
                "--home",
                str(home),
            ]
        )
        == 0
    )
    told = capsys.readouterr().out
    assert told.startswith("1. ")
    assert "3. " in told
    assert "mistral-microsoft.md" in told


def test_the_file_of_a_batch_is_closed(home: Path, tmp_path: Path) -> None:
    batch = _write(tmp_path / "batch.jsonl", [{"text": "Who is Kai Zenner?"}])
    assert main(["search", "--batch", str(batch), "--home", str(home)]) == 0
    assert str(batch) not in [file.path for file in psutil.Process().open_files()]


def test_search_in_batch_from_standard_input(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = '\ufeff{"_id": "q1", "text": "Qui est Kai Zenner ?"}\n\n{"_id": 2, "text": "Who is Kai Zenner?"}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert main(["search", "--batch", "-", "-k", "4", "--home", str(home)]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["_id"] for result in results] == ["q1", 2]
    assert all(len(result["passages"]) == 4 for result in results)
    assert results[0]["passages"][0].keys() == {"document", "passage", "start", "end", "score"}


# With the small model.


def test_a_batch_answers_line_by_line_whatever_is_wrong_with_some(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passages = [{"_id": "p1", "title": "Brest", "text": PORT}]
    batch = _write(
        tmp_path / "batch.jsonl",
        [
            {"_id": "own", "text": "Who is the director of the port of Brest?", "passages": passages},
            {"_id": "followed", "text": "How much did the works cost?", "history": ["When was the port of Brest rebuilt?"],
             "passages": passages},
            {"_id": "none", "text": "Who is the director of the port?", "passages": []},
            "this is no JSON",
            {"_id": "empty", "text": " "},
            {"_id": "list", "text": "Why?", "history": "When?"},
            {"_id": "passage", "text": "Why?", "passages": [{"title": "x", "text": 3}]},
            {"_id": "odd", "text": "Hello \ud800!", "passages": passages},
            {"_id": "last", "text": "Hello"},
        ],
    )  # fmt: skip
    assert main(["ask", "--batch", str(batch), "--model", "small", "--home", str(home)]) == 1
    told = capsys.readouterr()
    results = [json.loads(line) for line in told.out.splitlines()]
    by_id = {result["_id"]: result for result in results}
    assert [result["_id"] for result in results] == [
        "own", "followed", "none", None, "empty", "list", "passage", "odd", "last"
    ]  # fmt: skip
    assert {
        citation["document"] for one in by_id["own"]["sentences"] for citation in one["citations"]
    } <= {"p1"}
    assert by_id["own"]["passages"][0]["document"] == "p1"
    assert by_id["none"]["refused"]
    assert "answer" in by_id["last"]
    errors = {
        identity: result["error"]["code"] for identity, result in by_id.items() if "error" in result
    }
    errors.pop("odd", None)
    assert errors == {
        None: "batch_line",
        "empty": "batch_line",
        "list": "batch_line",
        "passage": "batch_passage",
    }
    assert by_id["list"]["error"]["line"] == 6


def test_rows_of_one_conversation_are_its_turns(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[list[str | Turn]] = []

    def ask(library: Library, question: str, **more: Any) -> Answer:
        put.append(list(more["history"]))
        return asked(library, question, **more)

    asked = Library.ask
    monkeypatch.setattr(Library, "ask", ask)
    passages = [{"_id": "p1", "title": "Brest", "text": PORT}]
    first, second = "Who is the director of the port of Brest?", "How much did the works cost?"
    rows = [
        {"text": first, "conversation": "a", "passages": passages},
        {"text": second, "conversation": "a", "passages": passages, "history": ["Where is Brest?"]},
        {"text": first, "conversation": "b", "passages": passages},
        {"text": " ", "conversation": "a"},
        {"text": "What is the capital of Peru?", "conversation": "b", "passages": passages},
        {"text": "And of Chile?", "conversation": "b", "passages": passages},
        {"text": first, "passages": passages},
    ]
    batch = _write(tmp_path / "batch.jsonl", rows)
    assert main(["ask", "--batch", str(batch), "--model", "small", "--home", str(home)]) == 1
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    said = ["" if result.get("refused") else result.get("answer") for result in results]
    told = [
        [each if isinstance(each, str) else replace(each, sentences=()) for each in turns]
        for turns in put
    ]
    assert told == [
        [],
        ["Where is Brest?", Turn(first, said[0])],
        [],
        [Turn(first, said[2])],
        [Turn(first, said[2]), Turn("What is the capital of Peru?", said[4])],
        [],
    ]
