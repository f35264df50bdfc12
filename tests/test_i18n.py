"""What the program says: every error has its sentence in both languages, and the sentence has its values."""

import ast
import re
import string
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
                if "readers" in path.parts or node.args[0].value == "document_binary":
                    names |= {
                        "file",
                        "kinds",
                    }  # index.reading.reader and `decode` add which file it is
                found.append((node.args[0].value, names, f"{path.relative_to(ROOT)}:{node.lineno}"))
    return found


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_error_of_the_sources_has_a_sentence_in_both_languages() -> None:
    raised = _raised()
    assert len(raised) > 40
    assert [
        (code, place) for code, _, place in raised if set(MESSAGES.get(code, ())) != {"fr", "en"}
    ] == []


def test_every_sentence_is_given_all_its_values() -> None:
    lacking = [
        (place, code, _placeholders(text) - names)
        for code, names, place in _raised()
        for text in MESSAGES[code].values()
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
    assert codes <= MESSAGES.keys()
    assert {code for code in MESSAGES if code.startswith("doctor_")} - codes == {
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
    assert [size(count, "fr").replace("\u00a0", " "), size(count, "en")] == [french, english]


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
