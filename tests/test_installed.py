"""Cocorico installed as a package, and the steps of the container, without a container engine."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rag.settings import ROOT, default_home


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("COCORICO_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=clean | {"COCORICO_HOME": str(default_home())} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as `pipx install .` puts it, but for what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    for name in ("index", "rag", "ui", "seeds"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    done = run(
        *("-m", "pip", "install", "--no-deps", "--no-build-isolation"),
        *("--target", str(folder / "site"), str(source)),
        cwd=folder,
    )
    assert not done.returncode, done.stderr
    return folder / "site"


def test_the_command_brings_all_that_it_needs_and_makes_a_folder_for_documents(
    installed: Path, tmp_path: Path
) -> None:
    places = {"PYTHONPATH": str(installed), "XDG_DOCUMENTS_DIR": str(tmp_path)}
    command = "import sys; from ui.cli import console; sys.argv[0] = 'cocorico'; console()"
    found = run("-c", command, "search", "--json", "OpenAI", cwd=tmp_path, **places)
    assert "mistral-microsoft.md" in found.stdout, found.stderr
    assert (tmp_path / "Cocorico" / "mistral-microsoft.md").is_file()
    kept = {path.relative_to(ROOT) for name in ("index", "rag", "ui") for path in files(name)}
    assert not {path for path in kept if not (installed / path).is_file()}
    assert "cocorico = ui.cli:console" in next(
        installed.glob("cocorico-*/entry_points.txt")
    ).read_text(encoding="utf-8")


def files(package: str) -> list[Path]:
    return [
        path
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]


def test_the_steps_of_the_container_hold_together(tmp_path: Path) -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    steps = [line.split(" ", 1) for line in text.splitlines() if re.match("[A-Z]+ ", line)]
    of = {name: [rest for each, rest in steps if each == name] for name, _ in steps}
    app = tmp_path / "app"
    app.mkdir()
    for copied in of["COPY"]:
        *sources, _ = shlex.split(copied)
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, app / source, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / source, app)
    assert "packages" in of["RUN"][1] and "\npackages:" in (app / "Makefile").read_text()
    assert steps.index(["USER", "cocorico"]) > max(
        number for number, (name, _) in enumerate(steps) if name in ("COPY", "RUN")
    )
    variables = dict(each.split("=") for each in of["ENV"][0].split())
    data, documents = tmp_path / "data", app / "seeds"
    variables |= {"COCORICO_HOME": str(data), "COCORICO_LIBRARY": str(documents)}
    assert '["python", "-m", "rag"]' in of["ENTRYPOINT"]
    refused = run("-m", "rag", "serve", "--no-browser", cwd=app, **variables)
    assert refused.returncode == 1 and "account add" in refused.stderr
