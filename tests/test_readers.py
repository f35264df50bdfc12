"""Files of every kind, as other programs made them, to text; and files made to harm, stopped while the others go on."""

import io
import json
import os
import re
import stat
import zipfile
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.documents import Document
from index.errors import UserError
from index.reading.layout import ordered, paragraphs, unbroken
from index.reading.limits import Limits, in_pages, iso_date
from index.reading.lines import Line
from index.reading.reader import Reader
from index.reading.repeats import without_repeats
from index.text.sentences import split_sentences

SAMPLES = Path(__file__).parent / "samples"
DOCUMENT = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{}</w:body></w:document>'
PARAGRAPH = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)


@pytest.fixture(scope="module")
def reader():
    with Reader() as opened:
        yield opened


def documents(reader: Reader, path: Path) -> list[Document]:
    found = list(reader.read(path, path.parent))
    assert all(isinstance(each, Document) for each in found), found
    return found


def codes(reader: Reader, path: Path) -> list[str]:
    return [each.code for each in reader.read(path, path.parent) if isinstance(each, UserError)]


def archive(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("name", "title", "author", "date", "words"),
    [
        ("project-history.fr.pdf", "Bref historique de Debian", "", "2023-02-15", "Debian a été créée en août 1993 par Ian Murdock"),
        ("fop-cid-fonts.pdf", "Adding Fonts to FOP", "", "", "FOP normally supports only the base 14 font package defined in the Adobe"),
        ("lura-vicksburg.pdf", "Binder1.pdf", "DSI", "2010-08-02", "A report creeps into camp that Johnston is coming with fifty thousand"),
        ("libreoffice-form.pdf", "Example for a Form", "", "2022-06-26", "Agree to privacy policy"),
        ("word-example.docx", "document title", "author", "2017-04-26", "Quisque tristique"),
        ("word-mac-tables.docx", "", "", "", ""),
        ("pandoc-water.docx", "Un rapport sur l’eau", "Ada Martin", "", "à 60 % de la source d’Arcier."),
        ("libreoffice-water.docx", "Un rapport sur l’eau", "", "", "Poste: Énergie; Montant: 2,4 M€"),
        ("powerpoint-example.pptx", "", "", "", ""),
        ("python-pptx-notes.pptx", "", "", "", "Notes"),
        ("pandoc-water.pptx", "Un rapport sur l’eau", "Ada Martin", "", "Poste: Énergie; Montant: 2,4 M€"),
        ("libreoffice-water.pptx", "", "", "", "Énergie: 2,4 M€"),
        ("libreoffice-water.odp", "Un rapport sur l’eau", "Ada Martin", "", "Besançon vient à 60 % de la source d’Arcier."),
        ("excel-deaths.xlsx", "", "", "", "; Has kids: True; Date of birth: 19"),
        ("openxlsx-regions.xlsx", "", "", "", ""),
        ("excel97.xls", "", "", "", ""),
        ("libreoffice-excel97.xlsx", "", "", "", ""),
        ("openoffice-list.odt", "Line 1", "Søren Roug", "2008-02-23", "- Item A"),
        ("odfpy-table.odt", "", "", "", ""),
        ("pandoc-water.odt", "Un rapport sur l’eau", "Ada Martin", "", "- second point"),
        ("libreoffice-water.odt", "Un rapport sur l’eau", "", "", "Une note en bas de page."),
        ("project-history.fr.epub", "Bref historique de Debian", "", "", "Debian a été créée en août 1993 par Ian Murdock"),
        ("pandoc-water.epub", "Un rapport sur l’eau", "Ada Martin", "2024-02-26", "Poste: Énergie; Montant: 2,4 M€"),
        ("sphinx-scope.html", "1. Portée de ce document", "", "", "Le but de ce document est de fournir une vue d'ensemble"),
        ("docbook-kernel.fr.html", "Chapitre 10. Debian et le noyau", "", "", "Puis-je installer et compiler un noyau"),
        ("texinfo-arrays.html", "", "", "", "direct support for arrays or unions"),
        ("pandoc-water.html", "Un rapport sur l’eau", "Ada Martin", "2024-02-26", "Poste: Énergie; Montant: 2,4 M€"),
        ("python-msg_10.eml", "", "", "", "This is a 7bit encoded message."),
        ("python-msg_02.eml", "Ppp digest, Vol 1 #2 - 5 msgs", "ppp-request@zzz.org", "2001-04-20", "Send Ppp mailing list"),
        ("spamassassin-list.eml", "", "", "", ""),
    ],
)  # fmt: skip
def test_real_files_give_their_text_and_what_they_say_of_themselves(
    reader: Reader, name: str, title: str, author: str, date: str, words: str
) -> None:
    document = documents(reader, SAMPLES / name)[0]
    assert words in " ".join(document.text.split())
    for expected, found in (
        (title, document.title),
        (author, document.author),
        (date, document.date),
    ):
        assert not expected or found == expected
    assert "\ufffe" not in document.text


def test_menus_are_left_out(reader: Reader) -> None:
    (document,) = documents(reader, SAMPLES / "sphinx-scope.html")
    assert "Navigation" not in document.text
    assert "précédent" not in document.text


def test_the_pages_of_a_pdf_are_spans_that_cover_its_text(reader: Reader) -> None:
    (document,) = documents(reader, SAMPLES / "project-history.fr.pdf")
    assert len(document.pages) == 26
    assert document.pages[0][0] == 0
    assert document.pages[-1][1] == len(document.text)
    assert all(one[1] == two[0] for one, two in pairwise(document.pages))
    assert document.page(0) == 1
    assert document.page(len(document.text) - 1) == 26
    at = document.text.index("Annexe A", document.pages[5][0])
    start, end = document.pages[(document.page(at) or 0) - 1]
    assert start <= at < end


@pytest.mark.parametrize(
    "name", ["project-history.fr.pdf", "lura-vicksburg.pdf", "fop-cid-fonts.pdf"]
)
def test_a_page_is_drawn_with_the_words_marked(reader: Reader, name: str) -> None:
    (document,) = documents(reader, SAMPLES / name)
    number = min(3, len(document.pages))
    start, end = document.pages[number - 1]
    text = document.text[start:end]
    sentences = [text[slice(*span)] for span in split_sentences(text, document.language)]
    said = max((sentence for sentence in sentences if "\n" not in sentence), key=len)
    marked = picture_of(reader.picture(SAMPLES / name, number, said))
    plain = picture_of(reader.picture(SAMPLES / name, number, "Zorglub " * 9))
    assert marked.shape == plain.shape
    assert min(marked.shape[:2]) > 400
    changed = (marked != plain).any(axis=2)
    assert 0.0005 < changed.mean() < 0.3
    assert (
        marked[changed] <= plain[changed]
    ).all()  # marked as with a pen: what is written stays to be read


def test_a_page_that_cannot_be_drawn_is_none(reader: Reader, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4 nothing of the kind")
    assert reader.picture(broken, 1, "words") is None
    assert reader.picture(SAMPLES / "fop-cid-fonts.pdf", 99, "words") is None
    assert reader.picture(SAMPLES / "locked.pdf", 1, "words") is None


def picture_of(png: bytes | None) -> np.ndarray:
    assert png
    return np.asarray(Image.open(BytesIO(png)))


def test_slides_are_pages(reader: Reader) -> None:
    (document,) = documents(reader, SAMPLES / "pandoc-water.pptx")
    assert len(document.pages) >= 3
    (plain,) = documents(reader, SAMPLES / "pandoc-water.docx")
    assert (plain.pages, plain.page(0)) == ((), None)


def test_pages_without_text_are_named(reader: Reader) -> None:
    (error,) = reader.read(SAMPLES / "word-git.pdf", SAMPLES)
    if isinstance(error, Document):
        pytest.skip("OCR is installed and read it")
    assert (error.code, error.values["pages"], error.values["total"]) == ("document_scan", "1", 1)


def test_a_scan_is_recognised(reader: Reader, tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    pytest.importorskip("onnxruntime")
    import pypdfium2

    source = pypdfium2.PdfDocument(SAMPLES / "project-history.fr.pdf")
    image = source[4].render(scale=2).to_pil().convert("RGB")
    image.save(tmp_path / "scan.pdf")
    (document,) = documents(reader, tmp_path / "scan.pdf")
    assert "Debian" in document.text


def test_files_with_the_wrong_ending_are_read_for_what_they_are(
    reader: Reader, tmp_path: Path
) -> None:
    for source, name in (
        ("pandoc-water.docx", "a.pdf"),
        ("fop-cid-fonts.pdf", "b.txt"),
        ("pandoc-water.epub", "c.zip"),
        ("excel97.xls", "d.xlsx"),
    ):
        (tmp_path / name).write_bytes((SAMPLES / source).read_bytes())
        assert len(documents(reader, tmp_path / name)[0].text) > 20


def test_what_is_locked_is_said_to_be(reader: Reader) -> None:
    assert codes(reader, SAMPLES / "locked.pdf") == ["document_locked"]


def test_a_panic_in_a_library_is_a_damaged_file_and_no_end(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes((SAMPLES / "excel97.xls").read_bytes()[:3400])  # found by tests/faults/fuzz.py
    assert codes(reader, path) == ["document_damaged"]


@pytest.mark.parametrize("kind", ["pdf", "docx", "pptx", "xlsx", "odt", "epub", "zip"])
@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04", b"%PDF-1.7\n%%EOF", b"\xd0\xcf\x11\xe0" * 200, bytes(range(256)) * 9],
)
def test_a_damaged_file_is_named(reader: Reader, tmp_path: Path, kind: str, data: bytes) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(data)
    (error,) = reader.read(path, tmp_path)
    assert isinstance(error, UserError)
    assert error.code in ("document_damaged", "document_kind", "document_empty")
    assert str(error.values["file"]) == str(path)


def test_a_table_says_its_columns_in_each_row(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(
        "Ville;Habitants\nBesançon;119 000\nDole;23 000\n".encode("cp1252")
    )
    (document,) = documents(reader, tmp_path / "a.csv")
    assert document.text.split("\n\n") == [
        "Ville; Habitants",
        "Ville: Besançon; Habitants: 119 000",
        "Ville: Dole; Habitants: 23 000",
    ]


def test_attachments_of_a_message_are_documents(reader: Reader, tmp_path: Path) -> None:
    from email.message import EmailMessage

    message = EmailMessage()
    message["Subject"], message["From"] = "Le rapport", "Ada <ada@example.org>"
    message.set_content("Voici le rapport.")
    message.add_attachment(
        (SAMPLES / "pandoc-water.docx").read_bytes(),
        maintype="application",
        subtype="octet-stream",
        filename="../eau.docx",
    )
    (tmp_path / "a.eml").write_bytes(message.as_bytes())
    mail, attached = documents(reader, tmp_path / "a.eml")
    assert (mail.title, mail.author, attached.name) == (
        "Le rapport",
        "Ada <ada@example.org>",
        "a.eml/eau.docx",
    )
    assert "Voici le rapport." in mail.text
    assert "Arcier" in attached.text


def test_an_archive_gives_its_documents(reader: Reader, tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("d.txt", "Un texte au fond.")
    members = {
        "sous/é.md": "# Été\n\nIl fait beau.",
        "CON.txt": "Un nom réservé.",
        "image.png": b"\x89PNG",
        ".caché.txt": "x",
        "c.zip": inner.getvalue(),
    }
    found = documents(reader, archive(tmp_path / "a.zip", members))
    assert [each.name for each in found] == [
        "a.zip/sous/é.md",
        "a.zip/CON.txt",
        "a.zip/c.zip/d.txt",
    ]


def test_members_that_leave_the_archive_or_are_no_files_are_refused(
    reader: Reader, tmp_path: Path
) -> None:
    link = zipfile.ZipInfo("lien.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    device = zipfile.ZipInfo("disque.txt")
    device.external_attr = (stat.S_IFBLK | 0o600) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for name in (
            "../dehors.txt",
            "/etc/passwd.txt",
            "C:\\x.txt",
            "..\\y.txt",
            "é" * 200 + ".txt",
            link,
            device,
            "bon.txt",
        ):
            file.writestr(name, "Un texte.")
    found = list(reader.read(tmp_path / "a.zip", tmp_path))
    assert [each.code for each in found if isinstance(each, UserError)] == ["document_member"] * 7
    assert [each.name for each in found if isinstance(each, Document)] == ["a.zip/bon.txt"]


def test_odd_names_are_written_out(tmp_path: Path, reader: Reader) -> None:
    long = "a" * 251 + ".txt"
    for name in (b"caf\xe9.txt", "\u202egpj.txt".encode(), b"a\nb.txt", long.encode()):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_text("Un texte.")
    from index.documents import walk

    names = [
        each.name
        for path in walk(tmp_path)
        for each in reader.read(path, tmp_path)
        if isinstance(each, Document)
    ]
    assert sorted(names) == sorted(["caf\\udce9.txt", "\\u202egpj.txt", "a\\nb.txt", long])


def bombs(folder: Path) -> None:
    """Files made to harm, each with the error it must end in as its name."""
    nothing = b"\0" * 20_000_000
    archive(folder / "document_expands.zip", {"a.txt": nothing})
    inner = b"Un texte."
    for _ in range(5):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as file:
            file.writestr("a.zip" if inner != b"Un texte." else "a.txt", inner)
        inner = data.getvalue()
    (folder / "document_deep.zip").write_bytes(inner)
    archive(folder / "document_many.zip", {f"{n}.txt": "x" for n in range(300)})
    archive(
        folder / "document_entities.docx",
        {
            "[Content_Types].xml": "",
            "word/document.xml": ENTITIES + DOCUMENT.format(PARAGRAPH.format("&j;")),
        },
    )
    (folder / "document_entities.odt").write_bytes((SAMPLES / "nasty.odt").read_bytes())
    chapter = f'{ENTITIES}<html xmlns="http://www.w3.org/1999/xhtml"><body><svg xmlns="http://www.w3.org/2000/svg"><text>&j;</text></svg></body></html>'
    container = '<container><rootfiles><rootfile full-path="o.opf"/></rootfiles></container>'
    package = '<package><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></package>'
    archive(
        folder / "document_entities.epub",
        {"META-INF/container.xml": container, "o.opf": package, "a.xhtml": chapter},
    )
    (folder / "document_time.csv").write_bytes(b"a,b,c\n" * 8_000_000)


def pdf(count: int, kids: str) -> bytes:
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {count}/Kids{kids}>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    ]
    data = b"%PDF-1.7\n"
    starts = []
    for number, text in enumerate(objects, 1):
        starts.append(len(data))
        data += f"{number} 0 obj{text}endobj\n".encode()
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    return (
        data
        + f"xref\n0 4\n0000000000 65535 f \n{table}trailer<</Size 4/Root 1 0 R>>\nstartxref\n{len(data)}\n%%EOF".encode()
    )


def test_files_made_to_harm_are_stopped_and_the_others_read(tmp_path: Path) -> None:
    bombs(tmp_path)
    (tmp_path / "z-bon.docx").write_bytes((SAMPLES / "pandoc-water.docx").read_bytes())
    with Reader(Limits(expanded=10_000_000, members=200, seconds=2)) as reader:
        for path in sorted(tmp_path.iterdir()):
            expected = path.stem if path.stem != "z-bon" else None
            assert (path.name, codes(reader, path)) == (path.name, [expected] if expected else [])


@pytest.mark.parametrize("kids", ["[2 0 R]", "[2 0 R 2 0 R 3 0 R]", "[3 0 R]", "[9 0 R]"])
@pytest.mark.parametrize("count", [3, 1_000_000_000])
def test_pages_that_contain_themselves_or_are_not_there_end(
    reader: Reader, tmp_path: Path, count: int, kids: str
) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(count, kids))
    found, *_ = reader.read(tmp_path / "a.pdf", tmp_path)
    assert isinstance(found, UserError) or found.text == ""


def test_too_many_pages_are_not_read() -> None:
    with Reader(Limits(pages=25)) as reader:
        (error,) = reader.read(SAMPLES / "project-history.fr.pdf", SAMPLES)
    assert isinstance(error, UserError)
    assert (error.code, error.values["pages"], error.values["most"]) == ("document_pages", 26, 25)


def test_a_member_that_stops_the_process_is_left_out_of_its_archive(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "a.zip",
        {"un.txt": "Un texte.", "b.csv": b"a,b,c\n" * 15_000_000, "deux.md": "Un autre."},
    )
    with Reader(Limits(memory=400_000_000)) as reader:
        found = list(reader.read(path, tmp_path))
    assert [each.name for each in found if isinstance(each, Document)] == [
        "a.zip/un.txt",
        "a.zip/deux.md",
    ]
    (error,) = [each for each in found if isinstance(each, UserError)]
    assert (error.code, str(error.values["file"])) == ("document_stopped", f"{path}/b.csv")


def test_a_file_too_large_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-" + b"x" * 100)
    with Reader(Limits(bytes=50)) as reader, pytest.raises(UserError, match="document_large"):
        list(reader.read(tmp_path / "a.pdf", tmp_path))


def test_text_alone_starts_no_process(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Un\n\nDeux.")
    with Reader() as reader:
        assert documents(reader, tmp_path / "a.md")[0].title == "Un"
        assert reader._child is None


def test_the_process_is_told_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COCORICO_API_KEY", "secret")
    with Reader() as reader:
        documents(reader, SAMPLES / "excel97.xls")
        assert reader._child is not None
        environment = Path(f"/proc/{reader._child.pid}/environ")
        if not environment.exists():
            pytest.skip("no /proc")
        assert b"COCORICO_API_KEY" not in environment.read_bytes()


def line(left: float, top: float, right: float, text: str, height: float = 10) -> Line:
    return Line(left, top - height, right, top, text)


def test_columns_are_read_one_after_the_other() -> None:
    lines = [line(50, 700, 550, "Un titre qui va par-dessus les deux colonnes")]
    for n in range(6):
        lines += [
            line(50, 600 - 12 * n, 290, f"À gauche, la ligne numéro {n}"),
            line(310, 600 - 12 * n, 550, f"À droite, la ligne numéro {n}"),
        ]
    lines.append(line(50, 400, 550, "Un pied qui va par-dessus les deux colonnes"))
    read = [each.text for block in ordered(lines) for each in block]
    assert [re.sub(r"\D", "", text) for text in read] == ["", *"012345", *"012345", ""]
    assert ["gauche" in text for text in read[1:7]] == [True] * 6


def test_the_rows_of_a_table_stay_together() -> None:
    lines = [
        part
        for n in range(6)
        for part in (
            line(50, 600 - 12 * n, 90, f"Poste {n}"),
            line(310, 600 - 12 * n, 330, f"{n} M€"),
        )
    ]
    assert [each.text for block in ordered(lines) for each in block] == [
        f"Poste {n} {n} M€" for n in range(6)
    ]


def test_lines_drawn_from_below_are_read_from_above() -> None:
    lines = [line(50, 100 + 12 * n, 300, f"Une ligne de texte, la {n}") for n in range(6)]
    assert [each.text[-1] for block in ordered(lines) for each in block] == list("543210")


def test_what_every_page_repeats_is_left_out() -> None:
    pages = [
        [[line(50, 800, 300, "ACME, rapport annuel"), line(50, 700, 300, f"Le texte de la page {'abcd'[n]}."), line(50, 50, 300, f"{n}.1 Chapitre {n + 5}")]]
        for n in range(4)
    ]  # fmt: skip
    assert [[each.text for block in page for each in block] for page in without_repeats(pages)] == [
        [f"Le texte de la page {letter}."] for letter in "abcd"
    ]


def test_words_broken_at_a_line_end_are_whole_again() -> None:
    assert unbroken(["Au rez\ufffede-chaussée."]) == ["Au rez-de-chaussée."]
    broken = [
        "La com\ufffemune, peut-\nêtre. Un porte\ufffefeuille. Que dit\ufffe il ? Saint\ufffeÉtienne. Un lave\ufffelinge.",
        "Le lave-linge.",
    ]
    assert (
        unbroken(broken)[0]
        == "La commune, peut-\nêtre. Un portefeuille. Que dit-il ? Saint-Étienne. Un lave-linge."
    )


def test_paragraphs_are_joined_and_short_lines_keep_their_end() -> None:
    block = [
        line(50, 700, 300, "Une première ligne qui remplit la"), line(50, 688, 300, "colonne et une deuxième."),
        line(50, 660, 300, "Un autre paragraphe, après un blanc, et"), line(50, 648, 120, "qui finit tôt."), line(50, 636, 300, "Une adresse"),
    ]  # fmt: skip
    assert list(paragraphs([block])) == [
        "Une première ligne qui remplit la colonne et une deuxième.",
        "Un autre paragraphe, après un blanc, et qui finit tôt.\nUne adresse",
    ]


def test_a_sentence_goes_on_over_a_page() -> None:
    text, pages = in_pages(["Un début qui", "", "finit là.", "Autre."])
    assert (text, pages) == (
        "Un début qui finit là.\n\nAutre.",
        ((0, 12), (12, 13), (13, 24), (24, 30)),
    )


@pytest.mark.parametrize(
    ("text", "date"),
    [("D:20240226103000+01'00'", "2024-02-26"), ("2024-02-26T10:00Z", "2024-02-26"), ("hier", "")],
)
def test_dates_are_told_one_way(text: str, date: str) -> None:
    assert iso_date(text) == date


def test_json_lines_in_an_archive_are_documents(reader: Reader, tmp_path: Path) -> None:
    lines = "\n".join(
        map(
            json.dumps,
            [{"_id": "m1", "title": "Un", "text": "Un texte."}, {"_id": "m2", "text": "Deux."}],
        )
    )
    found = documents(reader, archive(tmp_path / "a.zip", {"a.jsonl": lines}))
    assert [each.name for each in found] == ["m1", "m2"]
