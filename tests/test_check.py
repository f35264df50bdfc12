"""A text of somebody's own against the article in seeds/, and against small texts."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import UserError
from rag.check import check
from rag.library import Library, open_library
from rag.llm.base import Generator
from rag.scope import chosen, scoped
from rag.settings import ROOT, Settings
from rag.verifier import Verifier
from rag.verifier.checks import CHECKS, Check
from rag.verifier.strict import STRICT
from ui.cli import main

SUPPORTED = [
    "Microsoft a investi 15 millions d'euros dans Mistral.",
    "Microsoft owns 49% of OpenAI.",
    "Kai Zenner heads the office of Axel Voss.",
    "Most of Hugging Face's staff works in Paris.",
]
CONTRADICTED = [
    ("Microsoft a investi 15 milliards d'euros dans Mistral.", "figure"),
    ("Axel Voss heads the office of Kai Zenner.", "role"),
    ("Cédric O est aujourd'hui secrétaire d'État au Numérique.", "role"),
    ("Marina Ferrari savait que Mistral négociait avec Microsoft.", "denial"),
    ("Hugging Face has its headquarters in Paris.", "place"),
]
ABSENT = [
    "Mistral a été fondée en avril 2023 par trois chercheurs.",
    "Mistral Large supports eighty languages.",
]


@pytest.fixture(scope="module")
def words_alone(home: Path) -> Iterator[Library]:
    """The documents of seeds/, without a model."""
    with open_library(Settings(home=home), model=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def roofs(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Two small texts in two languages, without a model."""
    folder = tmp_path_factory.mktemp("roofs")
    for name, text in {
        "toit.md": "# Toiture\n\nLes ardoises actuelles, posées en 1974, seront remplacées. "
        "L'hypothèse d'une erreur humaine a été écartée.",
        "grant.md": "# Grants\n\nThe county will pay 60 per cent if work begins before April 2026.",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    with open_library(Settings(home=home, library=folder), model=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def shelf(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A library with folders."""
    folder = tmp_path_factory.mktemp("shelf")
    for name, text in {
        "Port/2024/phare.md": "Le phare mesure 47 mètres.",
        "Port/quais.html": "<meta name=author content='Anne Morvan'><p>Le port a trois quais.",
        "birds.txt": "The alder warbler nests in reeds.",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with open_library(Settings(home=home, library=folder), model=False) as opened:
        yield opened


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("port/", ["Port/2024/phare.md", "Port/quais.html"]),
        ("Port/2024", ["Port/2024/phare.md"]),
        ("2024, birds.txt", ["Port/2024/phare.md", "birds.txt"]),
        ("kind:html", ["Port/quais.html"]),
        ("author:morvan", ["Port/quais.html"]),
        ("port, kind:md", ["Port/2024/phare.md"]),
        ("language:en", ["birds.txt"]),
    ],
)
def test_a_scope_is_folders_names_and_what_files_say(
    shelf: Library, scope: str, names: list[str]
) -> None:
    assert sorted(scoped(shelf.store, scope)) == names


def test_a_scope_of_nothing_is_an_error(shelf: Library) -> None:
    assert chosen(shelf.store, ["birds.txt"], None) == ["birds.txt"]
    for scope, code in (("ports", "scope_empty"), ("autor:x", "scope_key"), (" ,", "scope_empty")):
        with pytest.raises(UserError, match=code):
            scoped(shelf.store, scope)
    with pytest.raises(UserError, match="scope_empty"):
        chosen(shelf.store, ["birds.txt"], "port")


def test_a_check_keeps_to_its_documents(shelf: Library) -> None:
    said = "Le phare mesure 47 mètres."
    assert next(shelf.check(said)).verdict == "supported"
    (found,) = shelf.check(said, documents=["birds.txt"])
    assert found.verdict == "not_found"


def test_a_text_in_two_languages_is_checked_sentence_by_sentence(words_alone: Library) -> None:
    text = " ".join([*SUPPORTED, *(text for text, _ in CONTRADICTED), *ABSENT])
    found = list(words_alone.check(text))
    assert [each.text for each in found] == [text[each.start : each.end] for each in found]
    verdicts = {each.text: (each.verdict, each.differs) for each in found}
    assert [verdicts[text][0] for text in SUPPORTED] == ["supported"] * len(SUPPORTED)
    assert all(each.sources for each in found if each.verdict != "not_found")
    for said, kind in CONTRADICTED:
        assert verdicts[said][0] == "contradicted"
        assert kind in verdicts[said][1]
    assert [verdicts[text][0] for text in ABSENT] == ["not_found"] * len(ABSENT)


def test_a_pronoun_stands_for_the_name_before_it(words_alone: Library) -> None:
    found = list(words_alone.check("Axel Voss est député. Il dirige le cabinet de Kai Zenner."))
    assert found[1].text == "Il dirige le cabinet de Kai Zenner."
    assert found[1].verdict != "supported"


def test_headings_are_passed_over_and_nothing_is_no_text(words_alone: Library) -> None:
    assert [each.text for each in words_alone.check("# Mistral\n\nLe coq chante.")] == [
        "Le coq chante."
    ]
    with pytest.raises(UserError, match="no_text"):
        list(words_alone.check(" \n"))
    with pytest.raises(UserError, match="document_unknown"):
        list(words_alone.check("Le coq chante.", documents=["absent.md"]))


@pytest.mark.parametrize("check", STRICT, ids=lambda check: check.name)
def test_each_strict_check_catches_its_example(words_alone: Library, check: Check) -> None:
    with words_alone.store_of([{"_id": "one", "title": "", "text": check.source}]) as store:
        verifier = Verifier(store, words_alone.embedder, (*CHECKS, *STRICT))
        sources = verifier.sources(store.chunks_of("one"))
        assert check.name in sources.verify(check.wrong, "fr").failed


def test_the_command_prints_a_line_a_sentence(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = tmp_path / "note.html"
    said = [SUPPORTED[0], CONTRADICTED[0][0], ABSENT[1]]
    note.write_text("".join(f"<p>{each}</p>" for each in said), encoding="utf-8")
    assert main(["check", str(note), "--json", "--home", str(home)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == said
    assert [row["verdict"] for row in rows] == ["supported", "contradicted", "not_found"]
    assert set(rows[0]) == {"text", "verdict", "confidence", "sources", "differs"}
    assert set(rows[0]["sources"][0]) == {"document", "passage", "start", "end", "text"}
    assert rows[1]["differs"] == ["figure"]
    article = (ROOT / "seeds" / "mistral-microsoft.md").read_text(encoding="utf-8")
    source = rows[0]["sources"][0]
    assert article[source["start"] : source["end"]] == source["text"]


def test_the_command_reads_standard_input_and_says_it_in_words(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SUPPORTED[0].encode())))
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert main(["check", "-", "--home", str(home)]) == 0
    assert capsys.readouterr().out.startswith(f"Supported: {SUPPORTED[0]}\n")
    assert main(["check", str(home / "absent.txt"), "--home", str(home)]) == 1


@pytest.mark.parametrize(
    ("said", "verdict", "source"),
    [
        ("The slates in place today date from 1974.", "supported", "toit.md"),
        (
            "Le comté prendra en charge 60 % du coût si les travaux débutent avant avril 2026.",
            "supported",
            "grant.md",
        ),
        ("Le comté paiera 80 % du coût.", "contradicted", "grant.md"),
        ("The slates in place today are blue.", "not_found", ""),
    ],
)
def test_the_model_is_asked_where_words_find_nothing(
    roofs: Library, generator: Generator, said: str, verdict: str, source: str
) -> None:
    (found,) = check(said, roofs.store, roofs.embedder, generator=generator)
    assert found.verdict == verdict
    assert {citation.document for citation in found.sources} == ({source} if source else set())


def test_what_a_source_rules_out_is_not_supported_whatever_the_model_says(
    roofs: Library, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "choose", lambda *_, **__: (1.0, 0.0))
    for said in ("Une erreur humaine est à l'origine de l'incident.", "Le toit a coûté 300 euros."):
        (found,) = check(said, roofs.store, roofs.embedder, generator=generator)
        assert found.verdict != "supported"
