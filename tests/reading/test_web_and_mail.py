"""Web pages, mail of every program, archives with bad members, and what is said of what isn't read."""

import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from index.documents import Document, passed_over, walk
from index.errors import UserError
from tests.reading.conftest import paragraph
from tests.reading.test_variants import check

PROSE = "".join(
    f"<p>Notre équipe accompagne depuis vingt ans les communes de la vallée dans leurs projets, du conseil à la livraison ({n}).</p>"
    for n in range(6)
)


def mail(body: str, headers: str = "") -> str:
    return f"From: Odile Ferrand <odile@example.org>\nTo: conseil@example.org\nSubject: Devis\nDate: Tue, 05 Mar 2024 09:12:00 +0100\nMIME-Version: 1.0\n{headers}{body}"


def part(kind: str, text: str, more: str = "") -> str:
    return f"Content-Type: {kind}; charset=utf-8\n{more}Content-Transfer-Encoding: 8bit\n\n{text}\n"


def parts(kind: str, *inner: str, mark: str = "b1") -> str:
    return (
        f'Content-Type: multipart/{kind}; boundary="{mark}"\n\n'
        + "".join(f"--{mark}\n{each}" for each in inner)
        + f"--{mark}--\n"
    )


def test_what_stands_beside_a_page_comes_after_its_text_and_menus_are_left_out(found) -> None:
    page = f"""<html lang=fr><head><title>La boutique</title></head><body><header><nav><a href=/>Accueil</a></nav></header><div class="cookie-banner"><p>Acceptez-vous nos traceurs ?</p></div>
    <main><article><h1>La boutique</h1>{PROSE}<footer><p>Appelez le 03 84 00 11 22.</p></footer></article></main><aside><p>Fermé le lundi de Pâques.</p></aside>
    <section id="comments"><p>Ada : très bien reçue !</p></section><footer><p>Siège : 4 rue des Tanneurs, Vaubrun.</p></footer></body></html>"""
    (document,) = found("a.html", page)
    main, _, beside = document.text.partition("## En marge de la page")
    assert "Notre équipe" in main
    assert "03 84 00 11 22" in document.text
    for said in ("Fermé le lundi", "Ada : très bien", "4 rue des Tanneurs"):
        assert said in beside
    assert "Accueil" not in document.text
    assert "traceurs" not in document.text
    assert [(note.code, note.values["count"]) for note in document.unread] == [("unread_menus", 2)]


def test_what_is_raised_on_a_page_is_an_exponent_a_reference_or_a_letter(text) -> None:
    read = text(
        "a.html",
        "<p>5 × 10<sup>6</sup>, 10<sup>-3</sup>, H<sub>2</sub>O, XIX<sup>e</sup>, 1887<sup>[3]</sup>, 2023<sup><a href='#n1'>1</a></sup>, x<sup>n+1</sup>, x<sup>ab2</sup></p>",
    )
    assert read == "5 × 10⁶, 10⁻³, H₂O, XIXe, 1887[3], 2023[1], xⁿ⁺¹, x^ab2"


def test_tables_of_a_page_keep_columns_and_layout_is_read_through(text) -> None:
    data = "<table><tr><th rowspan=2>Ville</th><th colspan=2>2023</th></tr><tr><th>H</th><th>F</th></tr><tr><td>Brême</td><td></td><td>2</td></tr><tr><td>Lorme</td><td>3</td><td>4</td></tr></table>"
    assert "Ville: Brême; 2023 F: 2" in text("a.html", data)
    layout = f"<table><tr><td><h1>Menu</h1></td><td><p>Un.</p><p>Deux.</p>{data}</td></tr></table>"
    assert "Ville: Lorme; 2023 H: 3; 2023 F: 4" in text("b.html", layout)
    form = (
        "<table><tr><th>Nom</th><td>Norvane</td></tr><tr><th>Ville</th><td>Brême</td></tr></table>"
    )
    assert text("c.html", form) == "Nom: Norvane\n\nVille: Brême"


def test_lists_code_fields_and_equations_of_a_page(text) -> None:
    page = "<ol start=3><li>Trois</li><li>Quatre<ul><li>sous</li></ul></li></ol><pre>a = 1\n  b = 2</pre><p><input type=checkbox checked> oui <input type=radio> non</p><math><mfrac><mi>a</mi><mn>2</mn></mfrac></math>"
    assert text("a.html", page).split("\n\n") == [
        "3. Trois",
        "4. Quatre",
        "- sous",
        "a = 1\n  b = 2",
        "☒ oui ☐ non",
        "(a)/(2)",
    ]


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_pages_that_nest_deeply_end(found, depth: int) -> None:
    assert found("a.html", "<div>" * depth + "x" + "</div>" * depth)


def test_a_stub_gives_way_to_the_page_that_it_stands_for(text) -> None:
    stub = part("text/plain", "Pour voir ce message, utilisez un logiciel compatible.")
    page = part(
        "text/html",
        "<p>Le conseil se réunit le jeudi 21 mars à 18 h 30, à Vaubrun, dans la salle.</p>",
    )
    assert "21 mars à 18 h 30" in text("a.eml", mail(parts("alternative", stub, page)))
    empty = part("text/html", "<img src=cid:x>")
    assert "utilisez un logiciel" in text("b.eml", mail(parts("alternative", stub, empty)))


def test_all_parts_of_a_body_are_read_in_order(text) -> None:
    picture = 'Content-Type: image/png; name="toit.png"\nContent-Disposition: inline\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n'
    related = parts(
        "related", part("text/html", "<p>Le devis est de 6 480 euros.</p>"), picture, mark="b2"
    )
    body = parts(
        "mixed",
        part("text/plain", "Bonjour,"),
        picture,
        related,
        part("text/plain", "Cordialement."),
    )
    read = text("a.eml", mail(body))
    assert read.split("\n\n")[1:] == ["Bonjour,", "Le devis est de 6 480 euros.", "Cordialement."]


def test_attachments_are_read_or_named_and_messages_in_messages_too(found) -> None:
    inner = "Content-Type: message/rfc822\n\n" + mail(part("text/plain", "Le message transmis."))
    pdf = "Content-Type: application/zip; name*=utf-8''r%C3%A9sum%C3%A9.dwg\nContent-Disposition: attachment\n\nx\n"
    note = 'Content-Type: text/plain; charset=iso-8859-1\nContent-Disposition: attachment; filename="=?utf-8?q?=C3=A9tat.txt?="\nContent-Transfer-Encoding: quoted-printable\n\nCo=FBt : 3 =80\n'
    outer, *others = found(
        "a.eml", mail(parts("mixed", part("text/plain", "Voir."), inner, pdf, note, mark="b9"))
    )
    assert [each.name for each in others] == ["a.eml/1.eml", "a.eml/état.txt"]
    assert others[1].text.strip() == "Coût : 3 €"
    assert [(each.code, each.values["members"]) for each in outer.unread] == [
        ("unread_attachments", "résumé.dwg")
    ]


def test_a_mailbox_is_its_messages(found) -> None:
    box = "".join(
        f"From odile@example.org Tue Mar  5 09:12:00 2024\n{mail(part('text/plain', f'Message {n}.' + chr(10) + '>From ici', ''))}\n"
        for n in (1, 2, 3)
    )
    documents = found("boite.mbox", box)
    assert [each.name for each in documents] == [f"boite.mbox/000{n}.eml" for n in (1, 2, 3)]
    assert "Message 2.\nFrom ici" in documents[1].text


def test_a_web_archive_is_its_page(text) -> None:
    page = "Content-Type: text/html; charset=windows-1252\nContent-Transfer-Encoding: quoted-printable\n\n<p>L=92=E9t=E9 co=FBte 3 =80.</p>\n"
    assert (
        text("a.mhtml", f"From: <Saved>\nSubject: x\nMIME-Version: 1.0\n{parts('related', page)}")
        == "L’été coûte 3 €."
    )


def test_a_text_of_word_in_one_file_keeps_its_heads(text) -> None:
    page = "Content-Type: text/html; charset=utf-8\n\n{}\n"
    heads = "<div style='mso-element:header'><p>Dossier CM-7</p></div><div style='mso-element:footer'><p>Page 1</p></div><p>reste</p>"
    body = parts("related", page.format("<p>Le conseil vote le budget.</p>"), page.format(heads))
    wanted = "Le conseil vote le budget.\n\n## En-tête\n\nDossier CM-7"
    assert text("a.doc", f"MIME-Version: 1.0\n{body}") == wanted


def test_what_a_message_does_not_show_is_no_text(text) -> None:
    html = (
        '<div style="DISPLAY: none">Aperçu</div><span style="mso-hide:all">x9</span><p>Bonjour.</p>'
    )
    body = text("a.eml", mail(part("text/html", html)))
    assert body.endswith("\n\nBonjour.")


def tnef() -> bytes:
    def attribute(level: int, tag: int, data: bytes) -> bytes:
        return (
            struct.pack("<BII", level, tag, len(data))
            + data
            + struct.pack("<H", sum(data) & 0xFFFF)
        )

    html = b"<p>Le devis est de 6 480 euros.</p>"
    properties = (
        struct.pack("<I", 1)
        + struct.pack("<II", 0x10130102, 1)
        + struct.pack("<I", len(html))
        + html
        + b"\0" * (-len(html) % 4)
    )
    return (
        struct.pack("<IH", 0x223E9F78, 1)
        + attribute(1, 0x00018004, b"Devis\0")
        + attribute(1, 0x00069003, properties)
        + attribute(2, 0x00069002, b"\0" * 14)
        + attribute(2, 0x00018010, b"note.txt\0")
        + attribute(2, 0x0006800F, "Coût : 3 €".encode())
    )


def test_winmail_dat_is_opened(found) -> None:
    winmail = tnef()
    body = parts(
        "mixed",
        part("text/plain", "Voir."),
        "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
        + __import__("base64").b64encode(winmail).decode()
        + "\n",
    )
    documents = found("a.eml", mail(body))
    assert [each.name for each in documents] == [
        "a.eml",
        "a.eml/winmail.tnef",
        "a.eml/winmail.tnef/note.txt",
    ]
    assert "6 480 euros" in documents[1].text
    assert documents[2].text == "Coût : 3 €"


def test_one_bad_member_is_named_and_the_others_are_read(found) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("a.txt", "b.txt", "c.txt"):
            file.writestr(name, f"Le texte de {name}, assez long pour être comprimé. " * 5)
        spot = file.getinfo("b.txt").header_offset
    spoilt = bytearray(data.getvalue())
    spoilt[spot + 40 : spot + 60] = b"\xff" * 20
    documents = found("a.zip", bytes(spoilt))
    assert [each.name for each in documents if isinstance(each, Document)] == [
        "a.zip/a.txt",
        "a.zip/c.txt",
    ]
    (error,) = [each for each in documents if isinstance(each, UserError)]
    assert str(error.values["file"]).endswith("a.zip/b.txt")


def test_members_of_other_kinds_are_named_beside_a_document(found, make) -> None:
    (document,) = found(
        "a.zip",
        make.zipped(
            {"un.txt": "Un texte.", "plan.dwg": "x", "photo.jpg": "x", "__MACOSX/un.txt": "x"}
        ),
    )
    assert [(note.code, note.values["members"]) for note in document.unread] == [
        ("unread_members", "plan.dwg, photo.jpg")
    ]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tbz2"])
def test_tar_files_are_archives_too(found, name: str) -> None:
    data = io.BytesIO()
    with tarfile.open(
        fileobj=data, mode={"a.tar": "w", "a.tbz2": "w:bz2"}.get(name, "w:gz")
    ) as file:
        for member, kind in (
            ("été.txt", tarfile.REGTYPE),
            ("../x.txt", tarfile.REGTYPE),
            ("lien.txt", tarfile.SYMTYPE),
        ):
            info = tarfile.TarInfo(member)
            info.type, info.size = kind, 9 if kind == tarfile.REGTYPE else 0
            file.addfile(info, io.BytesIO(b"Un texte."))
    results = found(name, data.getvalue())
    assert [each.name for each in results if isinstance(each, Document)] == [f"{name}/été.txt"]
    assert [each.code for each in results if isinstance(each, UserError)] == ["document_member"] * 2


def test_one_compressed_file_is_that_file(found) -> None:
    (document,) = found("a.csv.gz", gzip.compress(b"Nom,Prix\nVis,4\n"))
    assert (document.name, document.text) == ("a.csv.gz/a.csv", "Nom; Prix\n\nNom: Vis; Prix: 4")


@pytest.mark.parametrize("kind", ["doc", "ppt", "pages"])
def test_a_kind_for_which_nothing_is_installed_says_how_to_get_it(
    found, monkeypatch, kind: str
) -> None:
    monkeypatch.setattr("index.reading.legacy.shutil.which", lambda _: None)
    stream = {"doc": "WordDocument", "ppt": "PowerPoint Document"}.get(kind, "")
    data = b"\xd0\xcf\x11\xe0" + b"\0" * 600 + stream.encode("utf-16-le") + b"\0" * 600
    if kind == "pages":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            file.writestr("Index/Document.iwa", b"x")
        data = out.getvalue()
    (error,) = found(f"a.{kind}", data)
    assert isinstance(error, UserError)
    assert error.code == "document_converter"
    assert error.values["kind"] == f".{kind}"


def test_chapters_of_a_book_are_found_and_in_their_own_encoding(text, make) -> None:
    chapter = (
        '<?xml version="1.0" encoding="windows-1252"?><html><p>L’été, à 412 mètres.</p></html>'
    )
    members = {
        "META-INF/container.xml": '<c><rootfile full-path="O/a.opf"/></c>',
        "O/a.opf": '<p><item id="b" href="le%20deux.xhtml#deb"/><itemref idref="b"/></p>',
        "O/le deux.xhtml": chapter.encode("cp1252"),
    }
    assert text("a.epub", make.zipped(members)) == "L’été, à 412 mètres."


PIECE = 'Content-Disposition: attachment; filename="piece"\n'


def test_a_file_of_another_ending_is_known_by_its_first_bytes(found, make, tmp_path) -> None:
    files = {
        "winmail.dat": (tnef(), "name:winmail.dat/note.txt"),
        "lettre.bin": (rb"{\rtf1 Bonjour.}", "Bonjour."),
        "charte": (make.docx(paragraph("Le jardin.")), "Le jardin."),
    }
    for name, (data, wanted) in files.items():
        check(found(name, data), [wanted])
    (tmp_path / "photo.dat").write_bytes(b"\xff\xd8\xff")
    assert [path.name for path in walk(tmp_path)] == ["charte", "lettre.bin", "winmail.dat"]
    assert passed_over(tmp_path) == {".dat": ["photo.dat"]}
    attached = part("application/octet-stream", r"{\rtf1 Pièce.}", PIECE)
    check(found("a.eml", mail(attached)), ["name:a.eml/piece"])


def test_what_a_folder_holds_of_other_kinds_is_known(tmp_path) -> None:
    for name in ("a.md", "b.png", "c.png", "d.rar", "~$e.docx", ".f.png"):
        (tmp_path / name).write_text("x")
    assert passed_over(tmp_path) == {".png": ["b.png", "c.png"], ".rar": ["d.rar"]}


def test_frames_of_a_web_archive_are_read_after_its_page(text) -> None:
    page = "Content-Type: text/html; charset=utf-8\n\n<p>{}</p>\n"
    body = parts("related", page.format("La page."), page.format("Le cadre."))
    assert text("a.mhtml", f"MIME-Version: 1.0\n{body}") == "La page.\n\nLe cadre."


def test_hidden_rows_and_readings_of_signs_are_no_text(text) -> None:
    row = "<tr{}><td>{}</td><td>{}</td></tr>"
    rows = (
        row.format("", "Nord", "31")
        + row.format(" hidden", "Sud", "99")
        + row.format("", "Est", "8")
    )
    page = f"<table>{rows}</table><p><ruby>東京<rp>(</rp><rt>とう</rt></ruby></p>"
    assert text("a.html", page) == "Nord: 31\n\nEst: 8\n\n東京"
