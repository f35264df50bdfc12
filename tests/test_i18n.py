"""What the program says: every error has its sentence in both languages, and the sentence has its values."""

import ast
import re
import string
import tomllib
from pathlib import Path

import pytest

from index.errors import UserError
from rag.doctor import Finding
from rag.i18n import MESSAGES, explain, say, size
from rag.settings import ROOT


def _raised() -> list[tuple[str, frozenset[str], str]]:
    """Every `UserError("code", name=...)` in the sources: the code, the names of its values, where."""
    found = []
    for path in [
        path for room in ("index", "rag", "ui") for path in sorted((ROOT / room).rglob("*.py"))
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "UserError"
            )
            if named and node.args and isinstance(node.args[0], ast.Constant):
                names = frozenset(keyword.arg or "" for keyword in node.keywords)
                if "reading" in path.parts or node.args[0].value == "document_binary":
                    names |= {"file", "name", "kinds"}  # which the reader and `decode` add
                found.append((node.args[0].value, names, f"{path.relative_to(ROOT)}:{node.lineno}"))
    return found


def _texts(code: str) -> list[str]:
    """The texts of a code, in both languages and all forms; none where it has none."""
    keys = [key for key in (code, f"{code}_one", f"{code}_other") if key in MESSAGES]
    return [text for key in keys for text in MESSAGES[key].values()]


def _sources(*endings: str) -> dict[Path, str]:
    """The packages' files."""
    return {
        path.relative_to(ROOT): path.read_text(encoding="utf-8")
        for package in ("index", "rag", "ui")
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in endings
    }


def _literals(tree: ast.AST) -> list[str]:
    """Every string below a node, those inside f-strings included."""
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_error_of_the_sources_has_a_sentence_in_both_languages() -> None:
    raised = _raised()
    assert len(raised) > 40
    assert [(code, place) for code, _, place in raised if len(_texts(code)) not in (2, 4)] == []


def test_every_sentence_is_given_all_its_values() -> None:
    lacking = [
        (place, code, _placeholders(text) - names)
        for code, names, place in _raised()
        for text in _texts(code)
        if _placeholders(text) - names
    ]
    assert lacking == []


def test_both_languages_tell_the_same_values() -> None:
    assert [
        code
        for code, forms in MESSAGES.items()
        if len({frozenset(_placeholders(t)) for t in forms.values()}) > 1
    ] == []


def test_every_finding_of_the_doctor_has_its_sentences() -> None:
    source = Path(ROOT / "rag" / "doctor.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'"(doctor_\w+)"', source))
    assert [code for code in codes if not _texts(code)] == []
    judged = set(re.findall(r'_found\([^"]*"(doctor_\w+)"', source))
    codes |= {f"{code}_bad" for code in judged}
    known = {code.removesuffix("_one").removesuffix("_other") for code in MESSAGES}
    assert {code for code in known if code.startswith("doctor_")} - codes == {
        "doctor_weights_absent", "doctor_weights_damaged"
    }  # fmt: skip


def test_french_is_set_with_its_spaces() -> None:
    said = say("closest", "fr", title="Rapport")
    assert "«\u202fRapport\u202f»" in said
    assert "introuvable\u00a0: /livres" in say("library_absent", "fr", library="/livres")


def test_the_sources_use_typographic_apostrophes_in_french() -> None:
    assert [code for code, forms in MESSAGES.items() if re.search(r"\w'\w", forms["fr"])] == []


def test_values_keep_their_own_spaces() -> None:
    assert "/mes livres ; notes" in say("library_absent", "fr", library="/mes livres ; notes")


@pytest.mark.parametrize(
    ("count", "french", "english"),
    [
        (1_117_320_768, "1,1 Go", "1.1 GB"),
        (71_622_400, "72 Mo", "72 MB"),
        (20_700, "21 ko", "21 kB"),
    ],
)
def test_sizes_are_told_as_readers_count_them(count: int, french: str, english: str) -> None:
    assert [size(count, "fr").replace("\u202f", " "), size(count, "en")] == [french, english]


@pytest.mark.parametrize(
    ("count", "french", "english"),
    [
        (0, "0 fichier remis", "0 files put"),
        (1, "1 fichier remis", "1 file put"),
        (2, "2 fichiers remis", "2 files put"),
        (12345, "12\u202f345 fichiers remis", "12,345 files put"),
    ],
)
def test_numbers_choose_their_form_and_are_written_as_readers_write_them(
    count: int, french: str, english: str
) -> None:
    assert say("backup_restored", "fr", count=count).startswith(french)
    assert say("backup_restored", "en", count=count).startswith(english)


def test_both_files_have_the_same_keys() -> None:
    files = [
        tomllib.loads((ROOT / "rag" / "texts" / f"{name}.toml").read_text(encoding="utf-8"))
        for name in ("fr", "en")
    ]
    french, english = ({(name, key) for name in file for key in file[name]} for file in files)
    assert french == english
    assert all(isinstance(text, str) for file in files for text in file["messages"].values())


def test_no_message_is_left_over() -> None:
    """Each is named in the sources, or begins with the constant part of an f-string there."""
    named, begun = set[str](), set[str]()
    for source in _sources(".py").values():
        tree = ast.parse(source)
        named |= set(_literals(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                begun.add(str(node.values[0].value))
    begun = {text for text in begun if re.fullmatch(r"[a-z]+(_[a-z]+)*_", text)}
    named |= {f"{name}_{end}" for name in named for end in ("one", "other", "bad")}
    named |= {f"{name}_{end}" for name in named for end in ("one", "other")}
    left = [key for key in MESSAGES if key not in named and not key.startswith(tuple(begun))]
    assert left == []


# Two words in a row, which no key, address, or piece of markup has.
WORDS = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}")
SAYS = {"print", "UserError", "Error", "ToolError", "getpass", "input", "write", "HTTPException"}


def test_no_python_file_holds_a_sentence_for_users() -> None:
    """`reason` apart, which passes on what the system or another program said."""
    found = []
    for path, source in _sources(".py").items():
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        for call in calls:
            called = getattr(call.func, "attr", getattr(call.func, "id", ""))
            values = [*call.args, *(each.value for each in call.keywords if each.arg != "reason")]
            if called in SAYS:
                texts = [text for value in values for text in _literals(value)]
                found += [f"{path}:{call.lineno}: {text}" for text in texts if WORDS.search(text)]
    assert found == []


def test_no_script_or_page_holds_a_sentence_for_users() -> None:
    found = []
    for path, source in _sources(".js", ".html").items():
        code = re.sub(r"/\*.*?\*/|<!--.*?-->|(?<!:)//[^\n]*", "", source, flags=re.DOTALL)
        shown = re.findall(
            r"(?:textContent|title|ariaLabel|placeholder)\s*=\s*[\"'`]([^\"'`]*)", code
        )
        shown += re.findall(
            r"\b(?:h|note|announce|button)\([^()]*?[\"'`]([^\"'`()]*)[\"'`]\s*\)", code
        )
        if path.suffix == ".html":
            shown += re.findall(
                r">([^<>]+)<",
                re.sub(r"<(script|style).*?</\1>|\$\{.*?\}", "", code, flags=re.DOTALL),
            )
            shown += re.findall(r'(?:aria-label|placeholder|title|alt)="([^"]*)"', code)
        found += [f"{path}: {text.strip()}" for text in shown if WORDS.search(text)]
    assert found == []


def test_a_full_disk_is_told_in_gigabytes() -> None:
    error = UserError("weights_disk_full", path="/data", needed=1_500_000_000, free=20_000_000)
    assert "1.5 GB needed, 20 MB free" in explain(error, "en")


def test_an_error_nobody_worded_still_tells_what_it_knows() -> None:
    assert "brand_new: file=x.txt" in explain(UserError("brand_new", file="x.txt"), "en")


def test_a_missing_value_does_not_hide_the_rest() -> None:
    assert "Something went wrong: …" in explain(UserError("unexpected"), "en")


def test_a_finding_shows_whether_it_is_good() -> None:
    assert Finding(True, "doctor_python", {"version": "3.12"}).line("en") == "✓ Python 3.12"
    assert (
        Finding(False, "doctor_library_empty", {"path": "/l"})
        .line("en")
        .startswith("✗ Library /l: no documents.")
    )
