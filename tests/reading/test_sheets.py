"""Spreadsheets and tables of text: figures as they are shown, formulas, comments, hidden sheets, odd separators."""

import io
import struct
import time
import zipfile

import pytest

from index.errors import UserError
from index.reading.limits import Limits
from index.reading.numbers import shown, written
from index.reading.reader import Reader
from tests.reading.conftest import S, cells


@pytest.mark.parametrize(
    ("value", "code", "french", "english"),
    [
        (0.055, "0.0%", "5,5%", "5.5%"),
        (0.2, "0%", "20%", "20%"),
        (1000, "00000", "01000", "01000"),
        (384001122, "0# ## ## ## ##", "03 84 00 11 22", "03 84 00 11 22"),
        (2400000, '0.0,," M€"', "2,4 M€", "2.4 M€"),
        (1234567.891, "#,##0.00", "1 234 567,89", "1,234,567.89"),
        (1234.5, '#,##0.00\\ "€"', "1 234,50 €", "1,234.50 €"),
        (-12, '#,##0 [$€-40C];-#,##0 [$€-40C]', "-12 €", "-12 €"),
        (-5, "0;(0)", "(5)", "(5)"),
        (0, '0;-0;"néant"', "néant", "néant"),
        (1.104166667, "[h]:mm", "26:30", "26:30"),
        (0.3125, "h:mm", "7:30", "7:30"),
        (0.75, "h:mm AM/PM", "6:00 PM", "6:00 PM"),
        (0.0007, "mm:ss", "01:00", "01:00"),
        (45356, "dd/mm/yyyy", "05/03/2024", "2024-03-05"),
        (45356, "m/d/yy", "3/5/24", "2024-03-05"),
        (45356, "d mmmm yyyy", "5 mars 2024", "5 March 2024"),
        (45356, "[$-40C]dddd d mmmm yyyy", "mardi 5 mars 2024", "Tuesday 5 March 2024"),
        (45356.5, "dd/mm/yyyy hh:mm", "05/03/2024 12:00", "2024-03-05 12:00"),
        (0.12, "General", "0,12", "0.12"),
        (1e20, "General", "1e+20", "1e+20"),
        (12345, "0.00E+00", "1,23E+04", "1.23E+04"),
        (0.025, "0%", "3%", "3%"),
        (0.145, "0%", "15%", "15%"),
        (2.5, "0", "3", "3"),
        (2.675, "0.00", "2,68", "2.68"),
        (-0.5, 'General" kg"', "-0,5 kg", "-0.5 kg"),
        (7, "GENERAL", "7", "7"),
        (1234567890123450, "General", "1234567890123450", "1234567890123450"),
        (0.5, "# ?/?", "1/2", "1/2"),
        (-2.25, "# ?/?", "-2 1/4", "-2 1/4"),
        (0.375, "# ?/8", "3/8", "3/8"),
        (1.333, '# ??/??" pouce"', "1 1/3 pouce", "1 1/3 pouce"),
        (2.25, "?/?", "9/4", "9/4"),
        (3, "# ?/?", "3", "3"),
        (0.00012, "0.0E+0", "1,2E-4", "1.2E-4"),
        (12000, "0.0E-0", "1,2E4", "1.2E4"),
        (2, '"Lot "0', "Lot 2", "Lot 2"),
        (1e300, "d/m/yyyy", "1e+300", "1e+300"),
    ],
)  # fmt: skip
def test_a_figure_is_shown_as_its_format_says(
    value: float, code: str, french: str, english: str
) -> None:
    assert (shown(value, code, True), shown(value, code, False)) == (french, english)


def styled(*codes: str) -> str:
    formats = "".join(
        f'<numFmt numFmtId="{164 + n}" formatCode="{code}"/>' for n, code in enumerate(codes)
    )
    uses = "".join(f'<xf numFmtId="{164 + n}"/>' for n in range(len(codes)))
    return f'<numFmts>{formats}</numFmts><cellXfs><xf numFmtId="0"/>{uses}</cellXfs>'


def test_a_workbook_says_figures_comments_and_formulas(found, make) -> None:
    rows = f'<row>{cells("Taxe", "Taux", "Somme", "Le")}</row><row>{cells("TVA")}{cells(0.2, style=1)}<c r="C2"><f>B2*2</f></c><c r="D2"><f>NOW()</f></c></row>'
    comments = f'<comments {S}><commentList><comment ref="B2"><text><r><t>Depuis 2014</t></r></text></comment></commentList></comments>'
    (document,) = found("a.xlsx", make.xlsx(rows, styles=styled("0%"), comments=comments))
    assert (
        document.text.split("\n\n")[1]
        == "Taxe: TVA; Taux: 20% [Depuis 2014]; Somme: 0,4; Le: =NOW()"
    )
    assert [note.code for note in document.unread] == ["read_formulas", "unread_formulas"]
    assert document.unread[1].values["cells"] == "D2"


def test_zeros_that_a_program_writes_for_formulas_are_worked_out(found, make) -> None:
    rows = f'<row>{cells("Lot", "Prix", "Reste", "Le")}</row><row>{cells("Toit", 4)}<c r="C2"><f>B2*2</f><v>0</v></c><c r="D2"><f>NOW()</f><v>0</v></c></row>'
    with zipfile.ZipFile(io.BytesIO(make.xlsx(rows))) as file:
        members = {name: file.read(name) for name in file.namelist()}
    saved = make.zipped(members)
    assert "Reste: 0; Le: 0" in found("a.xlsx", saved)[0].text
    members["xl/workbook.xml"] = members["xl/workbook.xml"].replace(
        b"</workbook>", b'<calcPr fullCalcOnLoad="1"/></workbook>'
    )
    (document,) = found("a.xlsx", make.zipped(members))
    assert "Lot: Toit; Prix: 4; Reste: 8; Le: =NOW()" in document.text
    assert [note.code for note in document.unread] == ["read_formulas", "unread_formulas"]


def test_a_formula_that_cells_share_is_worked_out_in_each(text, make) -> None:
    rows = f"<row>{cells('Lot', 'Prix', 'Taux', 'Reste')}</row>"
    for n, formula in enumerate(
        ('ref="D2:D4" si="3">B2*$C$2+LOG10(1)*0+D1*0', 'si="3">', 'si="3">'), 2
    ):
        rows += f'<row>{cells(f"L{n}", n, 10 * n)}<c><f t="shared" {formula}</f></c></row>'
    read = text("a.xlsx", make.xlsx(rows)).split("\n\n")[1:]
    assert read[0] == "Lot: L2; Prix: 2; Taux: 20; Reste: =B2*$C$2+LOG10(1)*0+D1*0"
    assert read[2] == "Lot: L4; Prix: 4; Taux: 40; Reste: =B4*C2+LOG10(1)*0+D3*0"
    simple = rows.replace("+LOG10(1)*0+D1*0", "")
    assert text("b.xlsx", make.xlsx(simple)).endswith("Taux: 40; Reste: 80")


def test_the_name_of_a_single_sheet_is_said_where_it_has_words(text) -> None:
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    for name, said in (("Tarifs 2025", True), ("Feuil1", False), ("Sheet 1", False)):
        cell = '<Cell><Data ss:Type="String">Tente</Data></Cell>'
        sheet = f'<Worksheet ss:Name="{name}"><Table><Row>{cell}</Row></Table></Worksheet>'
        read = text("a.xml", f'<Workbook xmlns="{space}" xmlns:ss="{space}">{sheet}</Workbook>')
        assert read == (f"# {name}\n\nTente" if said else "Tente")


def record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def drawn(kind: int, text: str, *, ticked: bool | None = None) -> bytes:
    """An object on a sheet of Excel 97, with a text in two pieces."""
    tick = b"" if ticked is None else struct.pack("<HH6H", 10, 12, ticked, *[0] * 5)
    thing = struct.pack("<HH", 0x15, 18) + struct.pack("<H", kind) + bytes(16) + tick + bytes(4)
    head = bytes(10) + struct.pack("<HHI", len(text), 16, 0)
    first, last = b"\0" + text[:2].encode("latin-1"), b"\1" + text[2:].encode("utf-16-le")
    parts = ((0x5D, thing), (0x1B6, head), (0x3C, first), (0x3C, last), (0x3C, bytes(16)))
    return b"".join(record(*part) for part in parts)


def test_what_excel_97_holds_beside_its_cells_is_read(found) -> None:
    def formula(row: int, tokens: bytes) -> bytes:
        head = struct.pack("<HHH8sHI", row, 1, 0, b"\3\0\0\0\0\0\xff\xff", 0, 0)
        return record(6, head + struct.pack("<H", len(tokens)) + tokens)

    def label(row: int, column: int, text: str) -> bytes:
        letters = b"\0" + text.encode("latin-1")
        return record(0x204, struct.pack("<HHHH", row, column, 0, len(text)) + letters)

    begin = {
        kind: record(0x809, struct.pack("<HHHHII", 0x600, kind, 0, 0, 0, 0)) for kind in (5, 16)
    }
    foot = "Mairie de Sète"
    sheet = begin[16] + label(0, 0, "Lot") + label(0, 1, "Prix") + label(0, 2, "Note")
    sheet += label(1, 0, "Toit") + record(0x203, struct.pack("<HHHd", 1, 2, 0, 4.0))
    sheet += formula(1, b"\x44\1\0\2\xc0\x1e\2\0\5")  # C2*2
    sheet += label(2, 0, "Mur") + formula(2, b"\x41\x4a\0")  # NOW()
    sheet += record(0x208, struct.pack("<HHHHHHHH", 2, 0, 3, 255, 0, 0, 0x20, 0))  # hidden
    sheet += record(0x15, struct.pack("<HB", len(foot), 0) + foot.encode("latin-1"))
    sheet += (
        drawn(6, "Zone à 12 €") + drawn(11, "Oui", ticked=True) + drawn(12, "Non", ticked=False)
    )
    sheet += drawn(25, "Remarque") + record(0x0A, b"")
    font = record(0x31, bytes(14) + b"\5\0Arial")
    head = begin[5] + font + record(0xE0, bytes(20))
    place = len(head) + 4 + 8 + len("Été") + 4
    book = head + record(0x85, struct.pack("<IHBB", place, 0, 3, 0) + "Été".encode("latin-1"))
    (document,) = found("a.xls", book + record(0x0A, b"") + sheet)
    assert document.text.split("\n\n") == [
        "Lot; Prix; Note", "Lot: Toit; Prix: 8; Note: 4", "Lot: Mur; Prix: =NOW()", foot,
        "Zone à 12 €", "☒ Oui", "☐ Non",
    ]  # fmt: skip
    notes = [note.code for note in document.unread]
    assert notes == ["read_formulas", "unread_formulas", "read_hidden"]


def test_a_cell_far_away_costs_nothing(text, make) -> None:
    rows = f"<row>{cells('Clé', 'Salle')}</row><row>{cells('A12', 'Gymnase')}</row>"
    rows += '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>loin</t></is></c></row>'
    began = time.process_time()
    assert text("a.xlsx", make.xlsx(rows)).endswith("loin")
    assert time.process_time() - began < 5


def test_merged_cells_are_in_each_row(text, make) -> None:
    rows = f"<row>{cells('Région', 'Commune', 'Habitants')}</row><row>{cells('Nord', 'Brême', 120)}</row><row>{cells('', 'Lorme', 80)}</row>"
    read = text("a.xlsx", make.xlsx(rows, '<mergeCells><mergeCell ref="A2:A3"/></mergeCells>'))
    assert read.split("\n\n")[2] == "Région: Nord; Commune: Lorme; Habitants: 80"


def test_hidden_sheets_are_named(found, make) -> None:
    import zipfile

    data = make.xlsx(f"<row>{cells('a', 'b')}</row>")
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    members["xl/workbook.xml"] = members["xl/workbook.xml"].replace(
        b"</sheets>", b'<sheet name="Secret" state="hidden" r:id="r9"/></sheets>'
    )
    (document,) = found("a.xlsx", make.zipped(members))
    assert [(note.code, note.values["sheets"]) for note in document.unread] == [
        ("unread_sheets", "Secret")
    ]


def test_a_text_is_shown_as_its_format_says() -> None:
    texts = {"": "A1", "@": "A1", "General": "A1", '"réf. "@': "réf. A1", "0;-0;0;_-@_-": "A1", '0" kg"': "A1"}  # fmt: skip
    assert {code: written("A1", code) for code in texts} == texts


def test_sheets_of_opendocument_say_what_is_shown(text, make) -> None:
    cell = '<table:table-cell office:value-type="float" office:value="{}"><text:p>{}</text:p></table:table-cell>'
    rows = [
        cell.format("", "Taux") + cell.format("", "Code"),
        cell.format("0.055", "5,5 %") + cell.format("1000", "01000"),
        cell.format("0.2", "20 %") + cell.format("2", "00002"),
    ]
    moment = '<table:table-cell office:value-type="date" office:date-value="2024-03-15T08:30:00"/>'
    assert (
        text(
            "b.ods",
            make.odf(
                "spreadsheet",
                f"<table:table><table:table-row>{moment}</table:table-row></table:table>",
            ),
        )
        == "2024-03-15 08:30"
    )
    body = (
        '<table:table table:name="F">'
        + "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
        + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>'
    )
    assert (
        text("a.ods", make.odf("spreadsheet", body)).split("\n\n")[1] == "Taux: 5,5 %; Code: 01000"
    )


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_separator_is_found_however_quotes_stand(text, separator: str) -> None:
    rows = [["Réf", "Nom", "Prix"], ["R1", 'Tube 12""', "2.90"], ["R2", f"a {separator} b", "3.50"]]
    data = "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    name = " ".join(f"a {separator} b".split())
    assert text("a.csv", data).split("\n\n")[1:] == [
        'Réf: R1; Nom: Tube 12"; Prix: 2.90',
        f"Réf: R2; Nom: {name}; Prix: 3.50",
    ]


def test_a_decimal_comma_is_no_separator(text) -> None:
    assert (
        text("a.csv", "Ville;Taux;Part\nBrême;1,5;2,5\nLorme;2,5;3,5\n").split("\n\n")[1]
        == "Ville: Brême; Taux: 1,5; Part: 2,5"
    )


def test_lines_before_the_names_stand_alone(text) -> None:
    data = "Titulaire;Ada Martin\nCompte;FR76 0000\n\nDate;Libellé;Débit;Crédit\n02/03/2024;Énergie;84,20;\n05/03/2024;Norvane;;2 150,00\n"
    read = text("a.csv", data.encode("cp1252")).split("\n\n")
    assert read[:2] == ["Titulaire: Ada Martin", "Compte: FR76 0000"]
    assert read[-1] == "Date: 05/03/2024; Libellé: Norvane; Crédit: 2 150,00"


def test_a_long_cell_and_a_quote_that_is_never_closed_lose_nothing(text) -> None:
    assert "14 voix" in text("a.csv", "Séance;Texte\n1;" + "mot " * 60_000 + "14 voix\n")
    assert text("b.csv", 'Nom;Prix\n"Tube;3\nVis;4\nClou;5\n').endswith("Nom: Clou; Prix: 5")


def test_excel_says_its_separator(text) -> None:
    assert (
        text("a.csv", "sep=|\nNom|Prix\nVis, inox|4\n").split("\n\n")[1]
        == "Nom: Vis, inox; Prix: 4"
    )


def test_html_and_text_called_xls_are_read_for_what_they_are(text) -> None:
    page = "<html><body><table><tr><th>Nom</th><th>Prix</th></tr><tr><td>Vis</td><td>4</td></tr></table></body></html>"
    assert text("a.xls", page) == "Nom; Prix\n\nNom: Vis; Prix: 4"
    assert text("b.xls", "Nom\tPrix\nVis\t4\n") == "Nom; Prix\n\nNom: Vis; Prix: 4"


def test_a_workbook_of_excel_2003_is_read_under_any_name(found) -> None:
    head = (
        '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="{0}"'
        ' xmlns:ss="{0}"><Styles><Style ss:ID="d"><NumberFormat ss:Format="Short Date"/></Style>'
        '<Style ss:ID="p"><NumberFormat ss:Format="Percent"/></Style></Styles>'
    ).format("urn:schemas-microsoft-com:office:spreadsheet")
    name = '<Cell><Data ss:Type="String">{}</Data></Cell>'
    rows = (
        f"<Row>{''.join(map(name.format, ('Nom', 'Ville', 'Depuis', 'Part')))}</Row>"
        '<Row><Cell ss:MergeDown="1"><Data ss:Type="String">Lefèvre</Data><Comment ss:Author="Ada">'
        "<Data>Sûr ?</Data></Comment></Cell>"
        '<Cell ss:Index="3" ss:StyleID="d"><Data ss:Type="DateTime">2019-03-05T00:00:00.000</Data>'
        '</Cell><Cell ss:StyleID="p"><Data ss:Type="Number">0.125</Data></Cell></Row>'
        '<Row ss:Hidden="1"><Cell ss:Index="2"><Data ss:Type="String">Sète</Data></Cell></Row>'
    )
    sheet = '<Worksheet ss:Name="{}"><Table>{}</Table>{}</Worksheet>'
    hidden = "<WorksheetOptions><Visible>SheetHidden</Visible></WorksheetOptions>"
    book = head + sheet.format("A", rows, "") + sheet.format("Prix", "", hidden) + "</Workbook>"
    for file in ("a.xml", "b.xls"):
        (document,) = found(file, book)
        assert document.text.split("\n\n")[2:] == [
            "Nom: Lefèvre [Ada: Sûr ?]; Depuis: 05/03/2019; Part: 12,50%",
            "Nom: Lefèvre [Ada: Sûr ?]; Ville: Sète",
        ]
        assert [note.code for note in document.unread] == ["unread_sheets", "read_hidden"]


def test_characters_that_office_escapes_are_written_out(text, make) -> None:
    row = cells("un_x000D_\ndeux", "_x005F_x000D_", "ab_xyz_")
    assert text("a.xlsx", make.xlsx(f"<row>{row}</row>")) == "un deux | _x000D_ | ab_xyz_"


def test_cells_past_the_limit_are_an_error(make, tmp_path) -> None:
    (tmp_path / "a.xlsx").write_bytes(make.xlsx(f"<row>{cells(*range(10))}</row>" * 20))
    with Reader(Limits(cells=100)) as reader:
        (error,) = reader.read(tmp_path / "a.xlsx", tmp_path)
    assert isinstance(error, UserError)
    assert (error.code, error.values["most"]) == ("document_cells", 100)
