"""The command line as a user or a script meets it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rag.__main__ import main
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
        f"try: m.main({arguments})\nexcept SystemExit as end: assert end.code == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = _python("-c", told)
    assert run.stdout.splitlines()[-1] == "[]", run.stdout + run.stderr


@pytest.mark.parametrize("command", ["ask", "search", "index", "serve", "models", "doctor"])
def test_every_command_is_in_the_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert command in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [[], ["sing"], ["ask", "--threads", "0", "x"], ["search", "-k", "no", "x"], ["serve", "--port", "70000"],
     ["ask", "--language", "de", "x"]],
)  # fmt: skip
def test_a_command_that_is_none_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ask"], "There is no question."),
        (["ask", "   "], "There is no question."),
        (["search"], "There is no question."),
        (["ask", "--batch", "/nowhere.jsonl"], "/nowhere.jsonl could not be read"),
        (["models", "--use", "/nowhere.gguf"], "/nowhere.gguf: there is no such file."),
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


def test_ctrl_c_ends_with_130_and_no_traceback(home: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "rag", "search", "--batch", "-", "--home", str(home)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err


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


def test_ask_as_json_has_all_that_a_script_needs(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = "Combien Microsoft investit-il dans Mistral AI ?"
    assert main(["ask", question, "--json", "--model", "small", "--home", str(home)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result.keys() == {
        "answer", "language", "answerable", "refused", "doubtful", "sentences", "passages", "timings", "tokens"
    }  # fmt: skip
    assert result["language"] == "fr"
    assert 0 <= result["answerable"] <= 1
    for sentence in result["sentences"]:
        assert result["answer"][sentence["start"] : sentence["end"]] == sentence["text"]


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
            {"_id": "odd", "text": "Who is \ud800 the director of the port?", "passages": passages},
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
