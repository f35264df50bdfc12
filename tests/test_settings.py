"""Where the settings come from."""

from inspect import signature
from pathlib import Path

import pytest

from index.errors import UserError
from rag.i18n import explain
from rag.settings import ROOT, Settings, declared, default_home, from_environment, variable
from ui.cli import app


def test_nothing_set_means_the_defaults() -> None:
    settings = from_environment({})
    assert (settings.host, settings.port, settings.model, settings.threads) == (
        "127.0.0.1",
        7860,
        "",
        None,
    )
    assert settings.library.name == "seeds"


def test_the_variables_are_read() -> None:
    settings = from_environment(
        {"COCORICO_HOME": "/h", "COCORICO_LIBRARY": "/l", "COCORICO_MODEL": "small", "COCORICO_PORT": "80",
         "COCORICO_THREADS": "2", "COCORICO_API_KEY": "k"}
    )  # fmt: skip
    assert (settings.home, settings.library, settings.model) == (Path("/h"), Path("/l"), "small")
    assert (settings.port, settings.threads, settings.api_key) == (80, 2, "k")


@pytest.mark.parametrize("value", ["many", "-1", "1.5"])
def test_a_number_that_is_none_is_named_with_its_variable(value: str) -> None:
    with pytest.raises(UserError, match=f"COCORICO_PORT={value}"):
        from_environment({"COCORICO_PORT": value})


@pytest.mark.parametrize("given", [{"COCORICO_PORT": "70000"}, {"COCORICO_THREADS": "0"}])
def test_a_number_out_of_its_range_is_told_with_the_range(given: dict[str, str]) -> None:
    with pytest.raises(UserError) as raised:
        from_environment(given)
    (setting,) = (f"{name}={value}" for name, value in given.items())
    assert raised.value.code == "setting_number"
    assert explain(raised.value, "en").startswith(f"{setting}: a whole number from ")


def test_an_empty_variable_counts_as_unset() -> None:
    given = {variable(name): " " for name in declared() if name != "home"}
    assert from_environment(given) == from_environment({})


def test_the_readme_lists_every_setting() -> None:
    """Each with its flag, where a command takes it, its variable and what it is."""
    taken = {
        name for each in app.registered_commands for name in signature(each.callback).parameters
    }
    rows = ["| flag | variable | what |", "| --- | --- | --- |"]
    for name, (_, option) in declared().items():
        flag = f"`--{name}`" if name in taken else ""
        what = option.help.replace("|", "\\|")
        rows.append(f"| {flag} | `{variable(name)}` | {what} |")
    assert "\n".join(rows) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_home_may_begin_with_a_tilde() -> None:
    assert default_home({"COCORICO_HOME": "~/c"}) == Path.home() / "c"


def test_each_library_has_an_index_of_its_own(tmp_path: Path) -> None:
    one, two = (Settings(tmp_path, library=tmp_path / name / "notes") for name in ("a", "b"))
    assert one.store_folder != two.store_folder
    assert one.store_folder.name.startswith("notes-")


def test_a_library_has_the_same_index_however_its_path_is_written(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    straight, around = tmp_path / "notes", tmp_path / "x" / ".." / "notes"
    assert (
        Settings(tmp_path, library=straight).store_folder
        == Settings(tmp_path, library=around).store_folder
    )
