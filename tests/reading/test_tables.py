"""Tables: each value with the name of its column, whatever is empty, merged, above, beside or below."""

import pytest

from index.reading.tables import Cell, spread, table
from tests.reading.conftest import cells, paragraph

ROWS = [
    ["Commune", "2022", "2023", "Aire"],
    ["Lormeuil", "", "2 310", "9 km²"],
    ["Brême", "", "", "12 km²"],
]
WANTED = "Commune: Lormeuil; 2023: 2 310; Aire: 9 km²"


def lines(rows: list[list[str]], **options: object) -> list[str]:
    return list(table(rows, **options))  # type: ignore[arg-type]


def tag_table(rows: list[list[str]], outer: str, row: str, cell: str) -> str:
    made = "".join(
        f"<{row}>" + "".join(cell.format(text) for text in cells_) + f"</{row}>" for cells_ in rows
    )
    return f"<{outer}>{made}</{outer}>"


@pytest.mark.parametrize(
    "kind", ["docx", "odt", "html", "csv", "tsv", "md", "xlsx", "ods", "pptx", "rtf"]
)
def test_an_empty_cell_shifts_no_column_in_any_format(text, make, kind: str) -> None:
    filled = [["Commune", "En 2022", "En 2023", "Aire"], *ROWS[1:]]
    if kind == "docx":
        data = make.docx(tag_table(filled, "w:tbl", "w:tr", "<w:tc>" + paragraph("{}") + "</w:tc>"))
    elif kind == "odt":
        data = make.odf(
            "text",
            tag_table(
                filled,
                "table:table",
                "table:table-row",
                "<table:table-cell><text:p>{}</text:p></table:table-cell>",
            ),
        )
    elif kind == "ods":
        data = make.odf(
            "spreadsheet",
            tag_table(
                filled,
                "table:table",
                "table:table-row",
                "<table:table-cell><text:p>{}</text:p></table:table-cell>",
            ),
        )
    elif kind == "html":
        data = "<h1>Chiffres</h1>" + tag_table(filled, "table", "tr", "<td>{}</td>")
    elif kind in ("csv", "tsv"):
        data = "\n".join((";" if kind == "csv" else "\t").join(row) for row in filled)
    elif kind == "md":
        data = "\n".join(f"| {' | '.join(row)} |" for row in [filled[0], ["---"] * 4, *filled[1:]])
    elif kind == "rtf":
        rows = "".join(
            r"\trowd\cellx1\cellx2\cellx3\cellx4 " + "".join(rf"{c}\cell " for c in row) + "\\row\n"
            for row in filled
        )
        data = (r"{\rtf1\ansi\ansicpg1252 " + rows + "}").encode("cp1252")
    elif kind == "pptx":
        frame = tag_table(
            filled,
            "a:tbl",
            "a:tr",
            "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>",
        )
        data = slides(make, frame)
    else:
        data = make.xlsx("".join(f"<row>{cells(*row)}</row>" for row in filled))
    assert "Commune: Lormeuil; En 2023: 2 310; Aire: 9 km²" in text(f"a.{kind}", data)


def slides(make, *frames: str) -> bytes:
    a = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    names = {f"slide{n}": f"slides/s{n}.xml" for n, _ in enumerate(frames)}
    order = "".join(f'<p:sldId id="{n}" r:id="r{n}"/>' for n, _ in enumerate(frames))
    return make.zipped(
        {
            "[Content_Types].xml": "",
            "ppt/presentation.xml": f"<p:presentation {a}><p:sldIdLst>{order}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": make.relations(**names),
            **{
                f"ppt/slides/s{n}.xml": f"<p:sld {a}><p:cSld><p:spTree>{frame}</p:spTree></p:cSld></p:sld>"
                for n, frame in enumerate(frames)
            },
        }
    )


def test_years_name_columns() -> None:
    assert lines(ROWS)[1] == WANTED
    corner = [["", "2021", "2022"], ["Lorbrun", "4111", "4222"]]
    assert lines(corner)[1] == "Lorbrun; 2021: 4111; 2022: 4222"


def test_years_below_a_name_are_values() -> None:
    rows = [["Nom", "Né en", "Mort en"], ["Ada", "1815", "1852"], ["Alan", "1912", "1954"]]
    assert lines(rows)[2] == "Nom: Alan; Né en: 1912; Mort en: 1954"
    assert lines(rows[1:]) == ["Ada | 1815 | 1852", "Alan | 1912 | 1954"]


def test_two_rows_of_names_are_put_together() -> None:
    rows = [
        ["Commune", "2022", "", "2023", ""],
        ["", "H", "F", "H", "F"],
        ["Lormeuil", "10", "20", "30", "40"],
    ]
    assert lines(rows)[1] == "Commune: Lormeuil; 2022 H: 10; 2022 F: 20; 2023 H: 30; 2023 F: 40"


def test_a_name_above_years_does_not_reach_the_next_column() -> None:
    rows = [
        ["", "Habitants", "", ""],
        ["Commune", "2022", "2023", "Aire"],
        ["Sauve", "5", "6", "30"],
    ]
    assert (
        lines([*rows, ["Sète", "", "7", "8"]])[0] == "Commune; Habitants 2022; Habitants 2023; Aire"
    )


def test_a_title_above_and_lines_before_the_names_stand_alone() -> None:
    rows = [
        ["Population"],
        ["Source", "Insee"],
        ["Commune", "Habitants", "Écoles"],
        ["Brême", "120", "1"],
        ["Lorme", "80", "2"],
    ]
    assert lines(rows) == [
        "Population",
        "Source: Insee",
        "Commune; Habitants; Écoles",
        "Commune: Brême; Habitants: 120; Écoles: 1",
        "Commune: Lorme; Habitants: 80; Écoles: 2",
    ]


def test_a_blank_row_begins_another_table_only_where_it_has_names() -> None:
    rows = [
        ["Commune", "Habitants"],
        ["Brême", "120"],
        ["Lorme", "80"],
        [],
        ["Entreprise", "Salariés"],
        ["Norvane", "152"],
        ["Aubrac", "9"],
    ]
    assert lines(rows)[-1] == "Entreprise: Aubrac; Salariés: 9"
    rows[4:] = [["Vaubrun", "4087"]]
    assert lines(rows)[-1] == "Commune: Vaubrun; Habitants: 4087"


def test_tables_side_by_side_keep_their_names() -> None:
    rows = [
        ["Commune", "Habitants", "", "Client", "Solde"],
        ["Brême", "120", "", "Norvane", "45"],
        ["Lorme", "80", "", "Aubrac", "9"],
    ]
    assert "Client: Norvane; Solde: 45" in lines(rows)
    assert "Commune: Lorme; Habitants: 80" in lines(rows)


def test_a_form_of_labels_and_values_has_no_names() -> None:
    rows = [
        ["Entreprise", "Menuiserie Aubrac"],
        ["Montant", "18 400 euros"],
        ["Délai", "six semaines"],
    ]
    assert lines(rows, sure=False) == [
        "Entreprise: Menuiserie Aubrac",
        "Montant: 18 400 euros",
        "Délai: six semaines",
    ]


def test_values_of_several_kinds_below_a_word_are_those_of_a_form() -> None:
    rows = [["Nom", "Odile Ferrand"], ["Le", "2024-03-05"], ["Montant", "4500"]]
    assert lines(rows) == ["Nom: Odile Ferrand", "Le: 2024-03-05", "Montant: 4500"]
    assert (
        lines([["Mois", "Ventes"], ["Mai", "-1,5 €"], ["Juin", "12 €"], ["Juillet", "- €"]])[1]
        == "Mois: Mai; Ventes: -1,5 €"
    )


def test_a_year_beside_a_label_names_no_words() -> None:
    assert lines([["Exercice", "2024"], ["Version", "définitive"]]) == [
        "Exercice: 2024",
        "Version: définitive",
    ]
    assert lines([["Poste", "2024"], ["Eau", "12"], ["Gaz", "13"]])[1] == "Poste: Eau; 2024: 12"


def test_a_long_row_goes_on_under_its_first_cell() -> None:
    rows = [
        ["Élève", *(f"Matière {n}" for n in range(60))],
        ["Jules", *(str(n) for n in range(60))],
        ["Ada", *(str(n) for n in range(60))],
    ]
    own = [line for line in lines(rows) if line.startswith("Élève: Ada")]
    assert len(own) > 1
    assert all(len(line) < 600 for line in own)
    assert "Matière 59: 59" in own[-1]


def test_merged_cells_are_spread() -> None:
    grid, heads = spread(
        [
            [Cell("Ville", head=True, height=2), Cell("2023", width=2, head=True)],
            [Cell("H", head=True), Cell("F", head=True)],
            [Cell("Brême", height=2), Cell("1"), Cell("2")],
            [Cell("3", width=2)],
        ]
    )
    assert (grid, heads) == (
        [["Ville", "2023", "2023"], ["Ville", "H", "F"], ["Brême", "1", "2"], ["Brême", "3", ""]],
        2,
    )
    assert list(table(grid, head=heads))[1:] == [
        "Ville: Brême; 2023 H: 1; 2023 F: 2",
        "Ville: Brême; 2023 H: 3",
    ]


def test_a_cell_over_several_rows_reaches_those_that_end_before_it() -> None:
    rows = [[Cell("A"), Cell("B"), Cell("C", height=2)], [Cell("1")], [Cell("2")]]
    assert spread(rows)[0] == [["A", "B", "C"], ["1", "", "C"], ["2"]]


def test_the_title_of_a_section_is_no_name_of_a_column() -> None:
    names = [Cell("Site", head=True), Cell("2022", head=True), Cell("2023", head=True)]
    title = [Cell("Nord", width=3, head=True)]
    grid, heads = spread([names, title, [Cell("Brême"), Cell("12"), Cell("14")]])
    assert heads == 1
    assert list(table(grid, head=heads))[1:] == ["Nord", "Site: Brême; 2022: 12; 2023: 14"]


def test_totals_are_of_no_group() -> None:
    rows = [
        ["Article", "Détail", "Prix"],
        ["Logo", "trois projets", "660"],
        ["Plan", "deux pages", "888"],
        ["", "Total HT", "1548"],
        ["", "TVA", "310"],
        ["Merci de votre visite", "", ""],
    ]
    assert list(table(rows))[3] == "Détail: Total HT; Prix: 1548"
    rows[3:3] = [["", "croquis", "12"], ["Mur", "pose", "40"], ["", "peinture", "50"]]
    lines = list(table(rows))
    assert "Article: Plan; Détail: croquis; Prix: 12" in lines
    assert "Détail: Total HT; Prix: 1548" in lines
