"""Word files and their like in other formats: numbers, headers, forms, notes, comments, what is left out."""

import io
import zipfile

import pytest

from index.documents import Document
from tests.reading.conftest import ODF, W, paragraph

NUMBERING = f"""<w:numbering {W}>
<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="Article %1"/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>
<w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%3)"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="o"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:start w:val="4"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%1."/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>
<w:num w:numId="4"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num></w:numbering>"""


def listed(number: int, level: int = 0) -> str:
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'


def test_numbers_of_lists_are_counted_as_word_does(text, make) -> None:
    items = [
        (1, 0),
        (1, 1),
        (1, 2),
        (1, 2),
        (1, 1),
        (2, 0),
        (1, 0),
        (1, 1),
        (3, 0),
        (3, 0),
        (4, 0),
        (4, 0),
    ]
    body = "".join(paragraph(f"p{n}", listed(*item)) for n, item in enumerate(items))
    read = text("a.docx", make.docx(body, numbering=NUMBERING)).split("\n\n")
    marks = [
        "Article 1",
        "1.1",
        "a)",
        "b)",
        "1.2",
        "-",
        "Article 2",
        "2.1",
        "IV.",
        "V.",
        "Article 7",
        "Article 8",
    ]
    assert read == [f"{mark} p{n}" for n, mark in enumerate(marks)]


def test_numbers_come_from_styles_too(text, make) -> None:
    styles = f"""<w:styles {W}><w:style w:styleId="T1"><w:name w:val="heading 1"/><w:pPr>{listed(1)}</w:pPr></w:style>
    <w:style w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="T1"/></w:style></w:styles>"""
    body = (
        paragraph("Un", '<w:pStyle w:val="T1"/>')
        + paragraph("Deux", '<w:pStyle w:val="Mine"/>')
        + paragraph("Trois", f'<w:pStyle w:val="T1"/>{listed(0)}')
    )
    assert text("a.docx", make.docx(body, numbering=NUMBERING, styles=styles)).split("\n\n") == [
        "# Article 1 Un",
        "# Article 2 Deux",
        "# Trois",
    ]


def test_headers_footers_notes_and_comments_come_after_the_text(text, make) -> None:
    body = '<w:p><w:r><w:t>Le prix est fixe et il est dû.</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    parts = {
        "header1": f"<w:hdr {W}>{paragraph('Contrat CT-118')}</w:hdr>",
        "footer1": f"<w:ftr {W}>{paragraph('Page 3 sur 7')}{paragraph('Valable jusqu’au 30 juin')}</w:ftr>",
        "footnotes": f'<w:footnotes {W}><w:footnote w:type="separator" w:id="-1">{paragraph("")}</w:footnote><w:footnote w:id="2">{paragraph("Hors taxes.")}</w:footnote></w:footnotes>',
        "comments": f'<w:comments {W}><w:comment w:id="0" w:author="Odile Ferrand">{paragraph("À vérifier.")}</w:comment></w:comments>',
    }
    assert text("a.docx", make.docx(body, **parts)).split("\n\n") == [
        "Le prix est fixe et il est dû.[1]", "## Notes", "[1] Hors taxes.", "## Commentaires", "Odile Ferrand: À vérifier.",
        "## En-tête", "Contrat CT-118", "## Pied de page", "Valable jusqu’au 30 juin",
    ]  # fmt: skip


def test_what_is_raised_lowered_and_written_as_an_equation_keeps_its_meaning(text, make) -> None:
    body = (
        paragraph("x")
        + '<w:p><w:r><w:t>10</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>6</w:t></w:r><w:r><w:t> H</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="subscript"/></w:rPr><w:t>2</w:t></w:r><w:r><w:t>O XIX</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>e</w:t></w:r></w:p>'
    )
    body += '<w:p xmlns:m="m"><m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></w:p>'
    assert text("a.docx", make.docx(body)).split("\n\n")[1:] == ["10⁶ H₂O XIXe", "(a+b)/(2)x^(2)"]


def test_fields_of_forms_say_what_is_ticked_and_chosen(text, make) -> None:
    sdt = (
        "<w:sdt><w:sdtPr>{}</w:sdtPr><w:sdtContent><w:r><w:t>{}</w:t></w:r></w:sdtContent></w:sdt>"
    )
    body = (
        "<w:p>"
        + sdt.format('<w:checkbox><w:checked w:val="1"/></w:checkbox>', "")
        + "<w:r><w:t> oui </w:t></w:r>"
    )
    body += (
        sdt.format('<w:checkbox><w:checked w:val="0"/></w:checkbox>', "")
        + "<w:r><w:t> non, </w:t></w:r>"
    )
    body += (
        sdt.format("<w:dropDownList/>", "chèque")
        + sdt.format("<w:showingPlcHdr/>", "Choisissez un élément.")
        + "</w:p>"
    )
    assert text("a.docx", make.docx(body)) == "☒ oui ☐ non, chèque"


def test_text_boxes_are_read_once_and_deleted_or_hidden_text_is_said_to_be_left_out(
    found, make
) -> None:
    box = f"<w:txbxContent>{paragraph('Encadré')}</w:txbxContent>"
    body = f'<w:p xmlns:mc="mc"><w:r><w:t>Texte</w:t></w:r><w:r><mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r></w:p>'
    body += "<w:p><w:del><w:r><w:delText>vieux</w:delText></w:r></w:del><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:t>neuf</w:t></w:r></w:p>"
    (document,) = found("a.docx", make.docx(body))
    assert document.text == "Texte\n\nEncadré\n\nneuf"
    assert {note.code: note.values["count"] for note in document.unread} == {
        "unread_deleted": 1,
        "unread_hidden": 1,
    }


def test_nested_tables_are_read_once(text, make) -> None:
    row = "<w:tr>{}</w:tr>"
    inner = (
        "<w:tbl>"
        + "".join(
            row.format(f"<w:tc>{paragraph(a)}</w:tc><w:tc>{paragraph(b)}</w:tc>")
            for a, b in (("Montant", "18 400 euros"), ("Délai", "six semaines"))
        )
        + "</w:tbl>"
    )
    body = (
        "<w:tbl>"
        + row.format(f"<w:tc>{paragraph('Lot')}</w:tc><w:tc>{inner}<w:p/></w:tc>")
        + "</w:tbl>"
    )
    assert text("a.docx", make.docx(body)).split("\n\n") == [
        "Lot",
        "Montant: 18 400 euros",
        "Délai: six semaines",
    ]


def test_merged_cells_of_word_stand_in_each_row(text, make) -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    rows = [
        cell("Région") + cell("Commune") + cell("Habitants"),
        cell("Nord", '<w:vMerge w:val="restart"/>') + cell("Brême") + cell("120"),
        cell("", "<w:vMerge/>") + cell("Lorme") + cell("80"),
        cell("Total", '<w:gridSpan w:val="2"/>') + cell("200"),
    ]
    body = "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"
    assert text("a.docx", make.docx(body)).split("\n\n")[2:] == [
        "Région: Nord; Commune: Lorme; Habitants: 80",
        "Région: Total; Habitants: 200",
    ]


def test_members_named_with_backslashes_are_found(text, make) -> None:
    with zipfile.ZipFile(io.BytesIO(make.docx(paragraph("Bonjour à tous.")))) as archive:
        members = {name.replace("/", "\\"): archive.read(name) for name in archive.namelist()}
    assert text("a.docx", make.zipped(members)) == "Bonjour à tous."


def test_authors_and_dates_that_programs_put_in_are_not_taken(found, make) -> None:
    core = (
        '<c xmlns:d="x"><d:creator>{}</d:creator><d:created>2013-12-23T23:15:00Z</d:created>'
        "<d:modified>2024-03-05T09:00:00Z</d:modified></c>"
    )
    for author, wanted in (("python-docx", ""), ("Ada Martin", "Ada Martin")):
        data = io.BytesIO(make.docx(paragraph("Bonjour.")))
        with zipfile.ZipFile(data, "a") as archive:
            archive.writestr("docProps/core.xml", core.format(author))
        (document,) = found("a.docx", data.getvalue())
        assert (document.author, document.date) == (wanted, "2024-03-05")


@pytest.mark.parametrize("main", ["word/document2.xml", "word/autre.xml", "doc.xml"])
def test_the_main_part_may_have_any_name(text, make, main: str) -> None:
    members = {
        "[Content_Types].xml": '<Override ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>',
        "_rels/.rels": make.relations(officeDocument=main),
        main: f"<w:document {W}><w:body>{paragraph('Bonjour à tous.')}</w:body></w:document>",
    }
    for name in ("a.docx", "a.docm", "a.dotx", "a.pdf"):
        assert text(name, make.zipped(members)) == "Bonjour à tous."


def test_opendocument_counts_its_lists_and_headings(text, make) -> None:
    style = '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/><text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")" text:display-levels="2"/></text:list-style>'
    item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
    inner = f"<text:list>{item.format('sous', '')}</text:list>"
    body = f'<text:list text:style-name="L">{item.format("un", inner)}{item.format("deux", "")}</text:list><text:p>entre</text:p>'
    body += f'<text:list text:style-name="L" text:continue-numbering="true">{item.format("trois", "")}</text:list>'
    assert text("a.odt", make.odf("text", body, automatic=style)).split("\n\n") == [
        "1. un",
        "1.a) sous",
        "2. deux",
        "entre",
        "3. trois",
    ]


def test_opendocument_says_its_notes_comments_headers_and_forms(text, make) -> None:
    body = '<text:p>Prix<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Hors taxes.</text:p></text:note-body></text:note> dû<office:annotation><dc:creator>Ada</dc:creator><text:p>Sûr ?</text:p></office:annotation> <text:s text:c="2"/>le <text:span text:style-name="up">2</text:span></text:p>'
    automatic = '<style:style style:name="up"><style:text-properties style:text-position="super 58%"/></style:style>'
    styles = "<office:master-styles><style:master-page><style:header><text:p>Contrat CT-118</text:p></style:header><style:footer><text:p>3</text:p></style:footer></style:master-page></office:master-styles>"
    read = text("a.odt", make.odf("text", body, styles, automatic)).split("\n\n")
    assert read == [
        "Prix[1] dû   le ²",
        "## Notes",
        "[1] Hors taxes.",
        "## Commentaires",
        "Ada: Sûr ?",
        "## En-tête",
        "Contrat CT-118",
    ]


def test_covered_and_repeated_cells_of_opendocument_keep_columns(text, make) -> None:
    cell = "<table:table-cell {}><text:p>{}</text:p></table:table-cell>"
    rows = [
        cell.format("", "Ville")
        + cell.format("", "2022")
        + cell.format("", "2023")
        + cell.format("", "Aire"),
        cell.format('table:number-rows-spanned="2"', "Brême")
        + '<table:table-cell table:number-columns-repeated="2"/>'
        + cell.format("", "9"),
        "<table:covered-table-cell/>"
        + cell.format('table:number-columns-spanned="2"', "7")
        + "<table:covered-table-cell/>"
        + cell.format("", "8"),
    ]
    body = (
        "<table:table>"
        + "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
        + "</table:table>"
    )
    assert text("a.odt", make.odf("text", body)).split("\n\n")[1:] == [
        "Ville: Brême; Aire: 9",
        "Ville: Brême; 2022: 7; Aire: 8",
    ]


def test_one_file_of_opendocument_is_read(text) -> None:
    assert (
        text(
            "a.fodt",
            f"<office:document {ODF}><office:body><office:text><text:p>Bonjour.</text:p></office:text></office:body></office:document>",
        )
        == "Bonjour."
    )


def test_rtf_says_its_accents_notes_and_fields(found) -> None:
    rtf = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}}{\info{\title Le march\'e9}}{\header CT-118\par}\f0 L\rquote \'e9t\'e9 co\u251\'fbte 10{\super 6}{\footnote Hors taxes.}\par{\v secret}Deux{\*\bkmkstart a}\par }"
    (document,) = found("a.rtf", rtf)
    assert isinstance(document, Document)
    assert document.title == "Le marché"
    assert document.text.split("\n\n") == [
        "L’été coûte 10⁶",
        "Deux",
        "## En-tête",
        "CT-118",
        "## Notes",
        "Hors taxes.",
    ]
    assert [note.code for note in document.unread] == ["unread_hidden"]


def test_a_deleted_end_of_a_paragraph_joins_it_to_the_next(text, make) -> None:
    gone = paragraph("Le bail est reconduit ", "<w:rPr><w:del/></w:rPr>")
    assert text("a.docx", make.docx(gone + paragraph("pour neuf ans."))) == (
        "Le bail est reconduit pour neuf ans."
    )


def test_a_field_in_the_code_of_another_one_is_not_shown(text, make) -> None:
    def mark(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    inner = f"{mark('begin')}{mark('separate')}<w:r><w:t>F</w:t></w:r>{mark('end')}"
    shown = "<w:r><w:t>\n  Madame\n  Roy\n</w:t></w:r>"
    body = f"<w:p>{mark('begin')}{inner}{mark('separate')}{shown}{mark('end')}</w:p>"
    assert text("a.docx", make.docx(body)) == "Madame Roy"


def test_notes_stand_in_their_order_and_one_with_its_own_mark_has_no_number(text, make) -> None:
    reference = '<w:r><w:footnoteReference w:id="{}"{}/>{}</w:r>'
    own = reference.format(3, ' w:customMarkFollows="1"', "<w:t>*</w:t>")
    body = f"<w:p>{reference.format(2, '', '')}{own}{reference.format(1, '', '')}</w:p>"
    notes = "".join(
        f'<w:footnote w:id="{n}">{paragraph(note)}</w:footnote>'
        for n, note in ((1, "Seconde."), (2, "Première."), (3, "* À part."))
    )
    data = make.docx(body, footnotes=f"<w:footnotes {W}>{notes}</w:footnotes>")
    shown = ["[1]*[2]", "## Notes", "* À part.", "[1] Première.", "[2] Seconde."]
    assert text("a.docx", data).split("\n\n") == shown


def test_rtf_says_what_objects_show_and_goes_back_to_its_usual_font(text) -> None:
    rtf = rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset238 B;}}\f1 Gda\'f1sk \plain \'e0 c\'f4t\'e9\par{\object\objemb{\*\objdata 01}{\result 77 points}}\par}"
    assert text("a.rtf", rtf) == "Gdańsk à côté\n\n77 points"
