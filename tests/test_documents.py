"""Files to documents: encodings, titles, languages, lines of JSON, and what can't be read."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.documents import Document, decode, make, walk
from index.errors import UserError
from index.reading.reader import Reader


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def read(path: Path, root: Path) -> list[Document | UserError]:
    with Reader() as reader:
        return list(reader.read(path, root))


def only(path: Path) -> Document:
    found, *empty = read(path, path.parent)
    assert isinstance(found, Document)
    assert len(empty) == (not found.text.strip())
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_usual_encodings_read_the_same(tmp_path: Path, encoding: str) -> None:
    text = "L’été à Besançon : « déjà 15 € » — œuvre.\n"
    assert decode(write(tmp_path / "a.txt", text.encode(encoding))) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-16-le", "Sans marque, en toutes lettres : il pleut à Brest."),
        ("utf-16-be", "Sans marque, en toutes lettres : il pleut à Brest."),
        (
            "mac-roman",
            "L'été dernier, à Besançon, le maire a déclaré que la forêt brûlait déjà près du château. "
            * 5,
        ),
        (
            "cp437",
            "L'été dernier, à Besançon, le maire a déclaré que la forêt brûlait déjà près du château. "
            * 5,
        ),
        (
            "koi8-r",
            "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. "
            * 5,
        ),
    ],
)
def test_other_encodings_are_recognised(tmp_path: Path, encoding: str, text: str) -> None:
    assert decode(write(tmp_path / "a.txt", text.encode(encoding))) == text


def test_line_ends_become_newlines(tmp_path: Path) -> None:
    assert decode(write(tmp_path / "a.txt", b"un\r\ndeux\rtrois\n")) == "un\ndeux\ntrois\n"


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")))
def test_any_utf8_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "any.txt", text)
    assert decode(path) == text.removeprefix("\ufeff")


def test_a_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        decode(write(tmp_path / "photo.txt", b"\x89PNG\0\0\0"))
    assert (caught.value.code, caught.value.values["file"].name) == ("document_binary", "photo.txt")


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="document_unreadable"):
        decode(tmp_path / "gone.txt")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Le titre #\n\nTexte.", "Le titre"),
        ('---\ntitle: "Un titre"\n---\nTexte.', "Un titre"),
        ("Titre : Autre\nTexte.", "Autre"),
        ("Une première ligne courte\n\nTexte.", "Une première ligne courte"),
        ("Une phrase entière.\nTexte.", "fichier"),
        ("#\n\nTexte long. " * 20, "fichier"),
        ("", "fichier"),
    ],
)
def test_the_title_is_the_heading_or_the_first_short_line_or_the_file_name(
    tmp_path: Path, text: str, title: str
) -> None:
    assert only(write(tmp_path / "fichier.md", text)).title == title


def test_an_endless_title_is_cut(tmp_path: Path) -> None:
    assert len(only(write(tmp_path / "a.md", "# " + "mot " * 400)).title) <= 200


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Le chat est sur la table et il dort.", "fr"),
        ("The cat is on the table and it sleeps.", "en"),
        ("", "fr"),
    ],
)
def test_the_language_is_told_by_the_commonest_words(text: str, language: str) -> None:
    assert make("a", "", text).language == language


def test_the_digest_changes_with_title_and_text_alone() -> None:
    assert make("a", "t", "x").digest == make("b", "t", "x").digest
    assert len({make("a", *rest).digest for rest in (("t", "x"), ("u", "x"), ("t", "y"))}) == 3


def test_a_library_is_the_texts_below_a_folder(tmp_path: Path) -> None:
    for name in (
        "b.md",
        "a.txt",
        "sous/c.JSONL",
        "README.md",
        ".cache/d.txt",
        ".e.txt",
        "f.pdf",
        "g.png",
    ):
        write(tmp_path / name, "x")
    (tmp_path / "lien.txt").symlink_to(tmp_path / "a.txt")
    assert [path.relative_to(tmp_path).as_posix() for path in walk(tmp_path)] == [
        "README.md",
        "a.txt",
        "b.md",
        "f.pdf",
        "sous/c.JSONL",
    ]


def test_one_file_is_a_library_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "Bonjour.")
    assert walk(path) == [path]
    assert [document.name for document in read(path, path) if isinstance(document, Document)] == [
        "a.txt"
    ]


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="library_absent"):
        walk(tmp_path / "nulle-part")


def test_another_kind_of_file_is_refused_with_the_kinds_that_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(write(tmp_path / "a.psd", "x"), tmp_path)
    assert caught.value.code == "document_kind"
    assert ".txt" in caught.value.values["kinds"]
    (found,) = read(write(tmp_path / "a.doc", "x"), tmp_path)  # by its name a kind that is read
    assert isinstance(found, UserError)
    assert found.code == "document_kind"


def test_each_line_of_a_jsonl_is_a_document(tmp_path: Path) -> None:
    lines = [{"_id": 1, "title": " T ", "text": "un\r\ndeux"}, {"_id": "b", "text": "trois"}]
    path = write(tmp_path / "a.jsonl", "\n\n".join(map(json.dumps, lines)) + "\n")
    found = [document for document in read(path, tmp_path) if isinstance(document, Document)]
    assert [(d.name, d.title, d.text) for d in found] == [
        ("1", "T", "un\r\ndeux"),
        ("b", "", "trois"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "3", '"x"', "null", '{"_id": "x"}', '{"text": "x"}', '{"_id": "x", "text": 3}',
        '{"_id": "x", "text": "y", "title": 3}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_bad_line_is_an_error_among_good_documents(tmp_path: Path, line: str) -> None:
    path = write(
        tmp_path / "a.jsonl",
        f'{{"_id": "a", "text": "un"}}\n{line}\n{{"_id": "c", "text": "deux"}}',
    )
    first, bad, last = read(path, tmp_path)
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(bad, UserError)
    assert (bad.code, bad.values["line"]) == ("document_line", 2)


def test_the_second_document_of_a_name_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"_id": "a", "text": "un"}\n{"_id": "a", "text": "deux"}')
    _, twice = read(path, tmp_path)
    assert isinstance(twice, UserError)
    assert (twice.code, twice.values["line"], twice.values["first"]) == ("document_twice", 2, 1)


def test_half_a_code_point_in_json_is_replaced(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        '{"_id": "\\ud83d", "title": "\\ud83d", "text": "x \\ud83d \\ud83d\\udc13"}',
    )
    document = only(path)
    assert (document.name, document.title, document.text) == ("\ufffd", "\ufffd", "x \ufffd 🐓")
