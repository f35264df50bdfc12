"""PDF: forms, tables, heads that repeat, line numbers, remarks, attached files, fonts without letters."""

import zlib
from dataclasses import replace

from index.documents import Document
from index.errors import UserError
from index.reading.lines import Line
from index.reading.repeats import without_line_numbers, without_repeats


def pdf(
    pages: list[list[tuple[float, float, str]]],
    extra: list[str] | None = None,
    root: str = "",
    annots: str = "",
    font: str = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    rules: str = "",
) -> bytes:
    """A PDF of pages of (x, y, text) and of rules, with further objects from number 4 on."""
    extra = extra or []
    first = 4 + len(extra)
    objects = ["", "", font, *extra]
    kids = []
    for n, page in enumerate(pages):
        texts = (f"BT /F 10 Tf {x} {y} Td ({text}) Tj ET\n" for x, y, text in page)
        drawn = (rules + "".join(texts)).encode("cp1252")
        kids.append(f"{first + 2 * n} 0 R")
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F 3 0 R>>>>/Contents {first + 2 * n + 1} 0 R{annots if n == 0 else ''}>>"
        )
        objects.append(f"<</Length {len(drawn)}>>stream\n{drawn.decode('cp1252')}\nendstream")
    objects[0] = f"<</Type/Catalog/Pages 2 0 R{root}>>"
    objects[1] = f"<</Type/Pages/Count {len(pages)}/Kids[{' '.join(kids)}]>>"
    data, starts = b"%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        starts.append(len(data))
        data += f"{number} 0 obj{text}endobj\n".encode("cp1252")
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    return (
        data
        + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(data)}\n%%EOF".encode()
    )


def test_fields_stand_after_their_labels(text) -> None:
    field = "<</Type/Annot/Subtype/Widget/FT/{}/T({})/V{}/Rect[{}]{}>>"
    extra = [
        field.format("Tx", "nom", "(Odile Ferrand)", "200 695 400 710", ""),
        field.format("Tx", "somme", "(7 350)", "200 675 400 690", ""),
        field.format(
            "Btn", "oui", "/Yes", "48 653 60 665", "/AS/Yes/AP<</N<</Yes null/Off null>>>>"
        ),
        field.format(
            "Btn", "non", "/Off", "98 653 110 665", "/AS/Off/AP<</N<</Yes null/Off null>>>>"
        ),
        field.format("Ch", "lieu", "(Jura)", "200 635 400 650", "/Ff 131072/Opt[(Ain)(Jura)]"),
    ]
    names = " ".join(f"{4 + n} 0 R" for n in range(len(extra)))
    page = [
        (50, 700, "Nom :"),
        (50, 680, "Montant :"),
        (62, 656, "oui"),
        (112, 656, "non"),
        (50, 640, "Lieu :"),
    ]
    data = pdf([page], extra, f"/AcroForm<</Fields[{names}]>>", f"/Annots[{names}]")
    read = text("a.pdf", data)
    assert "Nom : Odile Ferrand\nMontant : 7 350" in read
    assert "☒ oui ☐ non" in read
    assert "Lieu : Jura" in read


def test_choices_are_shown_by_their_labels(text) -> None:
    field = "<</Type/Annot/Subtype/Widget/FT/Ch/T({})/V{}/Rect[200 {} 400 {}]/Ff {}/Opt[{}]>>"
    extra = [
        field.format("a", "(FR)", 695, 710, 131072, "[(FR)(France)][(BE)(Belgique)]"),
        field.format("b", "[(Train)(Bus)]/I[1 2]", 675, 690, 2097152, "(Auto)(Train)(Bus)"),
    ]
    data = pdf(
        [[(50, 700, "Pays :"), (50, 680, "Par :")]],
        extra,
        "/AcroForm<</Fields[4 0 R 5 0 R]>>",
        "/Annots[4 0 R 5 0 R]",
    )
    assert "Pays : France Par : Train, Bus" in " ".join(text("a.pdf", data).split())


def test_signatures_stamps_and_files_on_a_page_are_read(found) -> None:
    def appearance(said: str) -> str:
        drawn = f"BT /F 9 Tf 2 10 Td ({said}) Tj ET"
        return f"<</Type/XObject/Subtype/Form/BBox[0 0 200 40]/Resources<</Font<</F 3 0 R>>>>/Length {len(drawn)}>>stream\n{drawn}\nendstream"

    shown = "<</Type/Annot/Subtype/{}/F 4/Rect[60 {} 260 {}]/AP<</N {} 0 R>>{}>>"
    extra = [
        appearance("Sign\\351 par Odile Ferrand"),
        appearance("PAY\\311 LE 12"),
        "<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/Reason(Bon pour accord)/M(D:20240305103000)/ByteRange[0 1 2 3]/Contents<00>>>",
        shown.format("Widget", 400, 440, 4, "/FT/Sig/T(s)/V 6 0 R"),
        shown.format("Stamp", 500, 540, 5, ""),
        "<</Type/EmbeddedFile/Length 8>>stream\n77 euros\nendstream",
        "<</Type/Annot/Subtype/FileAttachment/Rect[500 700 520 720]/FS<</Type/Filespec/F(a.txt)/EF<</F 9 0 R>>>>>>",
    ]
    data = pdf(
        [[(50, 700, "Contrat de prestation."), (62, 510, "Facture")]],
        extra,
        "/AcroForm<</Fields[7 0 R]/SigFlags 3>>",
        "/Annots[7 0 R 8 0 R 10 0 R]",
    )
    page, attached = found("a.pdf", data)
    for said in ("Signé par Odile Ferrand", "PAYÉ LE 12", "Bon pour accord 2024-03-05"):
        assert said in page.text
    assert page.text.count("Facture") == 1
    assert (attached.name, attached.text) == ("a.pdf/a.txt", "77 euros")


def test_remarks_come_after_the_text(text) -> None:
    note = [
        "<</Type/Annot/Subtype/Text/Contents(À vérifier avant lundi)/T(Ada)/Rect[10 10 30 30]>>"
    ]
    read = text(
        "a.pdf", pdf([[(50, 700, "Le texte de la page est ici.")]], note, "", "/Annots[4 0 R]")
    )
    assert read.split("\n\n") == [
        "Le texte de la page est ici.",
        "## Annotations",
        "Ada: À vérifier avant lundi",
    ]


def test_a_form_that_adobe_alone_draws_gives_its_texts_and_values(text) -> None:
    packets = (
        "<template><field><caption><value><text>Revenu imposable</text></value></caption><desc><text name='v'>11.0</text></desc></field></template>",
        "<x:datasets xmlns:x='x'><x:data><form><revenu>18 400</revenu><vide/></form></x:data></x:datasets>",
        "<broken>datasets",
    )
    extra = [f"<</Length {len(each)}>>stream\n{each}\nendstream" for each in packets]
    root = (
        "/NeedsRendering true/AcroForm<</Fields[]/XFA[(template)4 0 R(datasets)5 0 R(form)6 0 R]>>"
    )
    read = text("a.pdf", pdf([[(50, 700, "Please wait")]], extra, root))
    assert read.split("\n\n") == [
        "Please wait",
        "## Annotations",
        "Revenu imposable",
        "revenu: 18 400",
    ]


def test_an_attached_file_is_a_document(found) -> None:
    content = "<facture><total>492,00</total><client>Norvane</client></facture>"
    extra = [
        f"<</Type/EmbeddedFile/Length {len(content)}>>stream\n{content}\nendstream",
        "<</Type/Filespec/F(facture.xml)/UF(facture.xml)/EF<</F 4 0 R>>>>",
    ]
    data = pdf(
        [[(50, 700, "Facture")]], extra, "/Names<</EmbeddedFiles<</Names[(facture.xml) 5 0 R]>>>>"
    )
    page, attached = found("a.pdf", data)
    assert (page.name, attached.name) == ("a.pdf", "a.pdf/facture.xml")
    assert "total: 492,00; client: Norvane" in attached.text


def test_a_table_keeps_its_columns(text) -> None:
    rows = [
        ("Article", "En stock", "Vendus", "Prix"),
        ("Vis", "300", "", "0,12"),
        ("Clou", "", "40", "0,05"),
        ("Planche", "12", "3", "41,00"),
    ]
    page = [
        (x, 700 - 20 * n, cell)
        for n, row in enumerate(rows)
        for x, cell in zip((50, 200, 300, 400), row, strict=True)
        if cell
    ]
    page = [
        (50, 760, "Un état des stocks, avant la vente."),
        *page,
        (
            50,
            560,
            "Une phrase qui suit le tableau et qui passe sous toutes ses colonnes, sans en être.",
        ),
    ]
    lines = text("a.pdf", pdf([page])).split("\n\n")
    assert "Article: Clou; Vendus: 40; Prix: 0,05" in lines
    assert lines[-1].startswith("Une phrase qui suit")


def test_a_table_below_two_columns_of_text_keeps_its_rows(text) -> None:
    addresses = [
        ("Ateliers Duval, menuiserie", "Bulletin de paie de janvier"),
        ("22 avenue Jean Jaurès, Lyon", "Payé le 31/01/2024 par virement"),
        ("SIRET : 412 345 678 00021", "Monsieur Julien Moreau"),
        ("Emploi : menuisier qualifié", "14 rue des Lilas, Lyon"),
    ]
    rows = [
        ("Rubriques de la paie", "Base", "Taux", "Part du salarié"),
        ("Salaire de base mensuel", "151,67", "18,10", "2 745,23"),
        ("Complémentaire santé", "38,40", "50,00", "19,20"),
        ("CSG non déductible", "2 875,06", "2,90", "83,38"),
        ("Net payé au salarié", "", "", "2 145,60"),
    ]
    page = [
        (x, 760 - 14 * n, cell)
        for n, row in enumerate(addresses)
        for x, cell in zip((50, 330), row, strict=True)
    ] + [
        (x, 680 - 16 * n, cell)
        for n, row in enumerate(rows)
        for x, cell in zip((50, 330, 390, 450), row, strict=True)
        if cell
    ]
    lines = text("a.pdf", pdf([page])).split("\n\n")
    assert (
        "Rubriques de la paie: Complémentaire santé; Base: 38,40; Taux: 50,00; Part du salarié: 19,20"
        in lines
    )
    assert "Rubriques de la paie: Net payé au salarié; Part du salarié: 2 145,60" in lines


def test_a_table_drawn_with_rules_is_read_cell_by_cell(text) -> None:
    def rule(*ends: int) -> str:
        return "{} {} m {} {} l S\n".format(*ends)

    ys, xs = (720, 700, 680, 650, 620), (50, 150, 220, 290, 360)
    rules = "".join(rule(50, y, 360, y) for y in ys if y != 700) + rule(150, 700, 290, 700)
    rules += "".join(rule(x, 620, x, 700 if x == 220 else 720) for x in xs)
    page = [
        (55, 692, "Soins"), (200, 705, "Remboursement"), (300, 692, "Versé"),
        (155, 685, "Base"), (225, 685, "Taux"),
        (55, 668, "Consultation"), (55, 655, "du 4 mars"), (155, 661, "26,50"), (225, 661, "70 %"), (300, 661, "16,55"),
        (55, 638, "Pharmacie"), (155, 631, "17,20"), (225, 631, "65 %"), (300, 631, "11,18"),
        (50, 590, "Une phrase sous le tableau."),
    ]  # fmt: skip
    lines = text("a.pdf", pdf([page], rules=rules)).split("\n\n")
    assert lines[0] == "Soins; Remboursement Base; Remboursement Taux; Versé"
    assert (
        "Soins: Consultation du 4 mars; Remboursement Base: 26,50; Remboursement Taux: 70 %; Versé: 16,55"
        in lines
    )
    assert lines[-1] == "Une phrase sous le tableau."


def test_a_name_to_the_left_is_that_of_values_to_the_right(text) -> None:
    rows = [
        (("Date", 50), ("Libellé", 110), ("Montant", 330)),
        (("16 mars", 50), ("Librairie Roy", 110), ("54,17", 385)),
        (("20 mars", 50), ("Gare de Lyon", 110), ("88,40", 385)),
        (("2 avril", 50), ("Versement", 110), ("1 250,00 cr.", 350)),
    ]
    page = [(x, 700 - 16 * n, cell) for n, row in enumerate(rows) for cell, x in row]
    lines = text("a.pdf", pdf([page])).split("\n\n")
    assert lines[2] == "Date: 20 mars; Libellé: Gare de Lyon; Montant: 88,40"
    assert lines[3] == "Date: 2 avril; Libellé: Versement; Montant: 1 250,00 cr."


def test_the_second_line_of_a_cell_goes_on_with_its_row(text) -> None:
    rows = [
        ("Date", "Opération", "Débit", "Solde"),
        ("1 mars", "Virement à R. Hughes", "950,00", "75,75"),
        ("", "Loyer 2B", "", ""),
        ("4 mars", "Carte Halfords", "19,50", "56,25"),
        ("", "du 2 mars", "", ""),
    ]
    page = [
        (x, 700 - 12 * n, cell)
        for n, row in enumerate(rows)
        for x, cell in zip((50, 110, 330, 420), row, strict=True)
        if cell
    ]
    page += [
        (50, 600, "Solde du mois"),
        (420, 600, "56,25"),
        (50, 585, "Solde moyen"),
        (420, 585, "60,10"),
    ]
    lines = text("a.pdf", pdf([page])).split("\n\n")
    assert (
        "Date: 1 mars; Opération: Virement à R. Hughes Loyer 2B; Débit: 950,00; Solde: 75,75"
        in lines
    )
    assert lines[-2:] == ["Solde du mois 56,25", "Solde moyen 60,10"]


def test_forms_bound_together_stay_whole(text) -> None:
    months = ["janvier", "février", "mars", "avril"]
    pages = [
        [(50, 780 - 20 * n, line) for n, line in enumerate(("Bulletin de paie", f"Période : {m:02}/2024", "Norvane", f"Mois de {name}, établi par la comptabilité.", "Salaire de base : 2 400,00 euros", f"Heures de {name} : {m + 7}", "Cotisations : voir au verso", f"Imposable : {2000 + 17 * m} euros", f"Net : 1 {900 + 7 * m},15 euros", f"Payé le 2{m}/0{m}/2024"))]
        for m, name in enumerate(months, 1)
    ]  # fmt: skip
    read = text("a.pdf", pdf(pages))
    assert all(f"Net : 1 {900 + 7 * m},15 euros" in read for m in range(1, 5))
    assert read.count("Bulletin de paie") == 4


def test_short_pages_keep_what_only_they_say(text) -> None:
    form = ["Facture n° {0}", "Société Blanc", "Le 0{0}/03/2024", "Bois {0}00,00", "Total {0}20,50", "Merci", "RIB FR76"]  # fmt: skip
    heads = ["Texte {1} de la première page du livre", "Fiche {0}"]
    names = ("un", "deux", "trois", "quatre")

    def bound(lines: list[str]) -> str:
        every = [[line.format(n, name) for line in lines] for n, name in enumerate(names, 1)]
        return text("a.pdf", pdf([[(50, 750 - 20 * n, line) for n, line in enumerate(page)] for page in every]))  # fmt: skip

    read = bound(form)
    assert "En-tête" not in read and "Facture n° 3" in read and "Total 320,50" in read
    assert "Fiche 3" in bound(heads)


def test_heads_of_pages_are_said_once(text) -> None:
    pages = [
        [
            (50, 780, "Norvane – rapport CT-118"),
            (50, 700, f"La page {letter} dit ceci, et rien d'autre."),
            (290, 30, f"{n}"),
        ]
        for n, letter in enumerate("abcd", 1)
    ]
    read = text("a.pdf", pdf(pages))
    assert read.count("CT-118") == 1
    assert read.endswith("## En-tête\n\nNorvane – rapport CT-118")


def test_numbers_of_lines_are_left_out_and_numbers_of_rows_stay() -> None:
    def numbered(text: str) -> list[Line]:
        return [Line(50, 700 - 12 * n, 400, 710 - 12 * n, f"{n + 1} {text}") for n in range(12)]

    lines, were = without_line_numbers(numbered("Question posée par le président de séance"))
    assert (were, lines[3].text) == (True, "Question posée par le président de séance")
    lines, were = without_line_numbers(numbered("Vis"))
    assert (were, lines[3].text) == (False, "4 Vis")


def test_few_numbers_of_lines_are_left_out_of_a_margin() -> None:
    def page(step: int, place: float, said: float = 80) -> list[Line]:
        texts = [
            Line(said, 800 - 24 * n, 500, 810 - 24 * n, "Une ligne de texte assez longue ici")
            for n in range(24)
        ]
        return texts + [
            replace(line, left=place, right=place + 10, text=str(n))
            for n, line in enumerate(texts, 1)
            if n % step == 0
        ]

    for step, place in ((2, 50), (5, 50), (10, 50), (5, 540), (1, 540)):
        kept, numbered = without_line_numbers(page(step, place))
        assert (len(kept), numbered) == (24, True), (step, place)
    assert without_line_numbers(page(5, 200))[1] is False
    assert without_line_numbers(page(7, 50))[1] is False


def test_what_differs_by_more_than_the_page_is_no_head() -> None:
    pages = [
        [
            [
                Line(50, 700, 300, 710, f"Net à payer : {sum_}"),
                Line(50, 600, 300, 610, f"Le texte {n} de la page."),
            ]
        ]
        for n, sum_ in enumerate((1812, 1798, 1947, 1822))
    ]
    kept = [next(line.text for block in page for line in block) for page in without_repeats(pages)]
    assert kept[2] == "Net à payer : 1947"


def test_a_font_without_letters_is_a_scan(found) -> None:
    shapes = "<</Type/Font/Subtype/Type3/FontBBox[0 0 500 700]/FontMatrix[0.001 0 0 0.001 0 0]/CharProcs<</g1 4 0 R>>/Encoding<</Type/Encoding/Differences[65/g1/g2/g3]>>/FirstChar 65/LastChar 67/Widths[500 500 500]>>"
    glyph = ["<</Length 26>>stream\n500 0 d0 0 0 400 600 re f \nendstream"]
    results = found("a.pdf", pdf([[(50, 700, "ABCABCABCABC" * 3)]], glyph, font=shapes))
    codes = [each.code for each in results if isinstance(each, UserError)]
    assert codes == ["document_scan"] or all(
        "ABCABC" not in each.text for each in results if isinstance(each, Document)
    )


def test_letters_that_stand_for_others_are_a_scan_and_figures_are_not(found) -> None:
    prose = "La capitale de la region reste Sauveterre, dont le barrage fut construit en 1954. " * 4
    moved = {"signs": {n: n - 64 for n in range(97, 123)} | {32: 33}, "letters": {n: (n - 94) % 26 + 97 for n in range(97, 123)}}  # fmt: skip
    for table in moved.values():
        drawn = (
            prose.lower().translate(table).replace("(", "x").replace(")", "y").replace("\\", "z")
        )
        (error,) = found("a.pdf", pdf([[(50, 700 - 20 * n, drawn[80 * n : 80 * n + 80]) for n in range(4)]]))  # fmt: skip
        assert isinstance(error, UserError) and error.code == "document_scan"
    figures = [[(50 + 90 * m, 700 - 20 * n, f"{n}{m}2,50 %") for m in range(5)] for n in range(12)]
    (document,) = found("b.pdf", pdf([[cell for row in figures for cell in row]]))
    assert isinstance(document, Document) and "112,50 %" in document.text


def test_a_bomb_in_a_stream_is_stopped(found) -> None:
    packed = zlib.compress(b"BT /F 10 Tf (x) Tj ET " * 2_000_000, 9).decode("latin-1")
    data = (
        pdf([[(50, 700, "x")]]).decode("latin-1").replace("/Contents 5 0 R", "/Contents 9 0 R")
        + packed[:10]
    )
    assert found("a.pdf", data.encode("latin-1"))


def test_figures_set_higher_or_lower_keep_their_meaning(text) -> None:
    def moved(base: str, figure: str, rise: int) -> str:
        return f"{base}) Tj {rise} Ts /F 6 Tf ({figure}) Tj 0 Ts /F 10 Tf ( "

    line = moved("10", "6", 4) + moved("cellules, H", "2", -2) + moved("O, 2023", "1", 4)
    assert text("a.pdf", pdf([[(50, 700, line + "fin")]])).startswith("10⁶ cellules, H₂ O, 2023¹")
    line = moved("10", "-6", 4) + moved("m, 5 x 10 ", "24", 4) + "kg, 12 3"
    assert text("a.pdf", pdf([[(50, 700, line)]])) == "10⁻⁶ m, 5 x 10²⁴ kg, 12 3"


def test_a_page_turned_with_its_text_keeps_its_lines_and_columns(text) -> None:
    rows = [("Commune", "2021", "2022"), ("Lormeuil", "", "2 300"), ("Sauve", "5 100", "6")]
    drawn = "".join(
        f") Tj ET BT /F 10 Tf 0 1 -1 0 {100 + 18 * n} {x} Tm ({cell}"
        for n, row in enumerate(rows)
        for x, cell in zip((50, 200, 300), row, strict=True)
        if cell
    )
    data = pdf([[(5, 5, drawn)]]).replace(b"/MediaBox", b"/Rotate 90/MediaBox")
    assert "Commune: Lormeuil; 2022: 2 300" in text("a.pdf", data)


def test_dots_that_lead_to_a_figure_are_one_sign(text) -> None:
    page = [(50, 700, "Tarte " + "." * 90 + " 4,50"), (50, 680, "Tisane " + ". " * 40 + "3,20 ...")]
    shown = text("a.pdf", pdf([page]))
    assert "Tarte … 4,50" in shown
    assert "Tisane … 3,20 ..." in shown


def test_a_tall_field_stands_after_the_label_of_its_first_line(text) -> None:
    field = "<</Type/Annot/Subtype/Widget/FT/Ch/T(j)/V(Lundi)/Rect[120 500 220 550]/Opt[(Lundi)]>>"
    data = pdf([[(50, 540, "Jours :")]], [field], "/AcroForm<</Fields[4 0 R]>>", "/Annots[4 0 R]")
    assert "Jours : Lundi" in text("a.pdf", data)


def test_what_is_filled_in_over_dots_stands_on_their_line(text) -> None:
    labels = [
        (50, 700 - 20 * n, f"{name} : " + "." * 60) for n, name in enumerate(("Nom", "Ville"))
    ]
    values = [(90, 701 - 20 * n, value) for n, value in enumerate(("Kerviel", "Brest"))]
    shown = text("a.pdf", pdf([labels + values]))
    assert "Nom : … Kerviel" in shown
    assert "Ville : … Brest" in shown


def test_accents_drawn_apart_stand_on_their_letters(text) -> None:
    drawn = [(50, "ab"), (62.2, "´"), (61.1, "e"), (67.8, "¨"), (66.7, "u"), (72.2, "t")]
    assert text("a.pdf", pdf([[(x, 700, letter) for x, letter in drawn]])) == "abéüt"
