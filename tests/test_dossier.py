"""A dossier and its exports: footnotes with pages, what has changed, what nobody verified; Word and CSV."""

import base64
import csv
import io
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ui.dossier import Dossier, as_conversation, with_standing
from ui.export import export
from ui.history import History

SAID = "L'entrée coûte 4,50 euros."
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def citation(document: str = "a.pdf") -> dict[str, Any]:
    return {"document": document, "title": "Le <rapport>", "start": 3, "end": 9, "text": SAID}


def look(cited: dict[str, Any], digest: str, conversation: str) -> dict[str, Any]:
    states = {"gone.md": "gone", "changed.md": "changed"}
    return {"page": 7, "state": states.get(cited["document"], "")}


def dossier(*items: dict[str, Any]) -> dict[str, Any]:
    rows = [{"id": str(number), **item} for number, item in enumerate(items)]
    return Dossier.model_validate({"title": "Piscines", "items": rows}).model_dump()


def said(text: str, *cited: dict[str, Any], kind: str = "said") -> dict[str, Any]:
    sentence = {"start": 0, "end": len(text), "citations": list(cited)}
    return {"kind": kind, "text": text, "language": "fr", "sentences": [sentence]}


def word(conversation: dict[str, Any]) -> tuple[ElementTree.Element, list[str]]:
    """The document of a Word file, and the texts of its footnotes."""
    file = export(conversation, "word", "fr", look)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(file["base64"]))) as archive:
        for name in archive.namelist():
            ElementTree.fromstring(archive.read(name))
        notes = ElementTree.fromstring(archive.read("word/footnotes.xml"))
        return ElementTree.fromstring(archive.read("word/document.xml")), [
            "".join(note.itertext()).strip() for note in notes
        ][2:]


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(each.text or "" for each in p.iter(f"{W}t")) for p in root.iter(f"{W}p")]


def test_word_has_a_footnote_for_each_source_and_marks_what_nobody_verified() -> None:
    kept = dossier(
        {"kind": "heading", "text": "Prix & \x0b horaires"},
        said("Elle coûte 4,50 euros.", citation()),
        said("C'est peu."),
        said(SAID, citation("gone.md"), kind="passage"),
        {"kind": "own", "text": "À revoir."},
    )
    root, notes = word(as_conversation(kept, "Dossier"))
    assert texts(root)[2:] == [
        "Prix &  horaires",
        "Elle coûte 4,50 euros.",
        "C'est peu. [non vérifié]",
        "«\u202fL'entrée coûte 4,50 euros.\u202f»".replace("\u202f", " "),
        "À revoir. [propos personnels, non vérifiés]",
    ]
    assert len(list(root.iter(f"{W}footnoteReference"))) == len(notes) == 2
    assert notes[0] == f"Le <rapport> (a.pdf), p. 7 — «\u202f{SAID}\u202f»"
    assert "document retiré depuis" in notes[1]


def test_lists_and_tables_are_lists_and_tables_in_word() -> None:
    text = "Voici :\n- un\n- **deux**\n\n| | A | B |\n| --- | --- | --- |\n| Prix | 4 euros | ... |"
    start = text.index("4 euros")
    item = {
        "kind": "said", "text": text, "language": "fr",
        "sentences": [{"start": start, "end": start + 7, "citations": [citation()], "differs": ["figure"]}],
    }  # fmt: skip
    root, notes = word(as_conversation(dossier(item), "Dossier"))
    rows = [[texts(cell)[0] for cell in row.iter(f"{W}tc")] for row in root.iter(f"{W}tr")]
    assert rows == [["", "A", "B"], ["Prix", "4 euros [≠ le chiffre]", "..."]]
    assert len(notes) == 1
    bullets = [p for p in root.iter(f"{W}pStyle") if p.get(f"{W}val") == "ListBullet"]
    assert len(bullets) == 2


def test_a_table_as_csv_has_its_sources_and_no_formula() -> None:
    text = "| | A |\n| --- | --- |\n| =1+1 | 4 euros |"
    start = text.index("4 euros")
    sentence = {"start": start, "end": start + 7, "citations": [citation()]}
    item = {"kind": "said", "text": text, "language": "fr", "sentences": [sentence]}
    file = export(as_conversation(dossier(item), "Dossier"), "csv", "fr", look)
    assert file["name"] == "Piscines.csv"
    rows = list(csv.reader(io.StringIO(file["text"].removeprefix("\ufeff")), delimiter=";"))
    assert rows[:2] == [["", "A"], ["'=1+1", "4 euros [1]"]]
    assert rows[-1] == ["[1]", "Le <rapport> (a.pdf), p. 7", SAID]


def test_it_tells_which_sources_changed_or_are_gone() -> None:
    kept = dossier(said("Un.", citation("changed.md")), said("Deux.", citation("a.pdf")))
    found = [item["standing"] for item in with_standing(kept, look)["items"]]
    assert found == [[{"title": "Le <rapport>", "state": "changed"}], []]


def test_each_owner_has_a_dossier_of_their_own(tmp_path: Path) -> None:
    history = History(tmp_path / "conversations.sqlite")
    history.keep_dossier("ana", dossier(said("Un.")))
    assert history.dossier("bob") is None
    assert (history.dossier("ana") or {})["title"] == "Piscines"
