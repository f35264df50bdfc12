"""Plain text and its like: encodings, Markdown, subtitles, JSON and XML of any shape."""

import json

import pytest

from index.documents import Document, make
from index.errors import UserError
from index.reading.encoding import decode_bytes, decode_name, visible

FRENCH = "L’entrée coûte 4,50 € – l’œuvre de Mme Lebœuf à Noël…"


@pytest.mark.parametrize(
    "label",
    ["iso-8859-1", "latin1", "us-ascii", "utf-8", "ascii", "bogus", None, "iso-8859-15", "utf-16"],
)
def test_a_label_that_lies_does_no_harm(label: str | None) -> None:
    assert decode_bytes(FRENCH.encode("cp1252"), label) == FRENCH
    assert decode_bytes(FRENCH.encode(), label) == FRENCH


def test_a_label_that_is_right_is_followed() -> None:
    text = "Příliš žluťoučký kůň úpěl ďábelské ódy"
    assert decode_bytes(text.encode("iso-8859-2"), "iso-8859-2") == text
    assert (
        decode_bytes("100 € à l’hôtel".replace("’", "'").encode("iso-8859-15"), "iso-8859-15")
        == "100 € à l'hôtel"
    )


LANGUAGES = {
    "Miasto Łódź liczy 670 000 mieszkańców; źródło: główny urząd, część żółta.": ("cp1250", "iso8859-2", "cp852"),
    "Žádost o příspěvek podejte do úterý; úřad je otevřen každý všední den.": ("cp1250", "iso8859-2", "cp852"),
    "A falu lakossága 12 400 fő. Az őszi ünnepség időpontja: péntek, űrlapon.": ("cp1250", "iso8859-2"),
    "A população do município é de 12 400; a câmara não aprovou três opções.": ("cp1252", "mac-roman", "cp850"),
    "El señor Núñez pagará mañana. ¿Cuándo empezará la reunión?": ("cp1252", "mac-roman", "cp850"),
    "Die Straße ist gesperrt. Grüße aus Köln: Öffnungszeiten am Übergang.": ("cp1252", "mac-roman"),
    "Ansökan ska lämnas på måndag; förskolan är öppen även på lördag.": ("cp1252", "mac-roman"),
    "İlçenin nüfusu 12 400 kişidir; ücret ödenmiştir, çalışma şartları değişti.": ("cp1254", "cp857"),
    "Население города составляет 12 400 человек.": ("cp1251", "koi8-r", "iso8859-5", "cp866"),
    "Ο πληθυσμός του δήμου είναι 12 400 κάτοικοι.": ("cp1253", "iso8859-7"),
    "L’entrée coûte 4 euros à l’élève où ça": ("cp1252", "mac-roman"),
}  # fmt: skip


@pytest.mark.parametrize("text", LANGUAGES)
def test_a_language_is_told_by_its_letters(text: str) -> None:
    assert {name: decode_bytes(text.encode(name)) for name in LANGUAGES[text]} == dict.fromkeys(
        LANGUAGES[text], text
    )


def test_lines_drawn_in_dos_are_no_letters() -> None:
    text = "┌────────────┬─────────┐\n│ Fenêtres   │   6 250 │\n└────────────┴─────────┘\nVisé par M. Lévêque, le 4 août.\n"
    assert decode_bytes(text.encode("cp850")) == text
    russian = "┌──────────┐\n│ Население │\n└──────────┘\nгорода составляет 12 400 человек.\n"
    assert decode_bytes(russian.encode("cp866")) == russian


@pytest.mark.parametrize("label", ["windows-1251", "iso-8859-2", "koi8-r", "utf-16"])
def test_a_label_of_another_script_is_not_followed(label: str) -> None:
    text = "L'entrée coûte 4 euros à la piscine où nagent les élèves de Sète"
    assert decode_bytes(text.encode("cp1252"), label) == text


@pytest.mark.parametrize("wrong", [b"\xe9", b"\xff", b"\xc3", b"\x80"])
def test_one_wrong_byte_spoils_one_letter(wrong: bytes) -> None:
    read = decode_bytes("Théo Guézennec, né à ".encode() + wrong + " Brême".encode())
    assert read.startswith("Théo Guézennec, né à ")
    assert read.endswith("Brême")


def test_utf8_that_was_once_read_as_windows_is_put_right() -> None:
    assert decode_bytes(FRENCH.encode().decode("cp1252", "replace").replace("\ufffd", "").encode())
    text = "L'été à Besançon, déjà"
    spoiled = text.encode().decode("cp1252")
    assert decode_bytes(spoiled.encode()) == text
    assert decode_bytes(f"{spoiled} naïf".encode()) == f"{text} naïf"


def test_a_letter_that_the_end_cuts_is_one_unknown_letter() -> None:
    assert decode_bytes("Mme Lebœuf, élue – réélue – à 4 €".encode()[:-1]).endswith("à 4 \ufffd")


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8-sig"])
def test_a_byte_order_mark_decides(encoding: str) -> None:
    assert decode_bytes(FRENCH.encode(encoding)) == FRENCH


def test_zeros_in_a_log_are_left_out() -> None:
    assert decode_bytes(b"une ligne de journal\n" * 50 + b"\0\0") == "une ligne de journal\n" * 50


@pytest.mark.parametrize("encoding", ["utf-8", "cp437", "cp850", "cp1252"])
def test_names_of_members_are_read_in_any_encoding(encoding: str) -> None:
    assert (
        decode_name("Réunion d'été à l'école.txt".encode(encoding)) == "Réunion d'été à l'école.txt"
    )


def test_what_nobody_sees_is_left_out() -> None:
    assert (
        visible("biblio\u00adthèque rendez-\u200bvous e\u0301te\u0301\x01 ☐\uf0a8")
        == "bibliothèque rendez-vous été ☐☐"
    )
    assert visible("👩‍🚒") == "👩‍🚒"
    assert (
        visible("Lor\u200dmeuil \u202bעברית\u202c \u2066f\u2061(x)\u2069") == "Lormeuil עברית f(x)"
    )


@pytest.mark.parametrize(
    "ending", ["txt", "md", "csv", "html", "eml", "srt", "json", "rst", "docx", "odt"]
)
def test_soft_hyphens_are_left_out_of_every_format(found, make, ending: str) -> None:
    word = "biblio\u00adthèque inter\u200bcommunale"
    made = {
        "csv": f"Nom,Lieu\n{word},x", "html": f"<p>{word}</p>", "eml": f"Subject: x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{word}",
        "srt": f"1\n00:00:01,000 --> 00:00:02,000\n{word}\n", "json": json.dumps({"nom": word}),
        "docx": make.docx(f"<w:p><w:r><w:t>{word}</w:t></w:r></w:p>"), "odt": make.odf("text", f"<text:p>{word}</text:p>"),
    }  # fmt: skip
    (document,) = found(f"a.{ending}", made.get(ending, word))
    assert "bibliothèque intercommunale" in document.text


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("```sh\n# rm -rf\n```\n\n# Le vrai titre\n", "Le vrai titre"),
        ("Sauvegarde\n==========\n\n```\n# commentaire\n```\n", "Sauvegarde"),
        ("~~~\n# a\n~~~\nUne phrase entière, longue.\n", "fichier"),
        ("---\ntitle: Mon titre\nauthor: Ada\n---\n\nTexte.", "Mon titre"),
        ("+++\ntitle = \"Mon titre\"\n+++\n\nTexte.", "Mon titre"),
        ("---\n\nTexte après un trait.\n", "fichier"),
    ],
)  # fmt: skip
def test_the_title_is_no_comment_in_a_block_of_code(found, text: str, title: str) -> None:
    (document,) = found("fichier.md", text)
    assert document.title == title


def test_markdown_loses_its_pictures_and_comments_alone(found) -> None:
    data = "data:image/png;base64," + "A" * 900
    text = f"# Un\n\n![plan du port]({data})\n\n![][i]\n\n<!-- note\nà moi -->\nTexte `![x](y)` et [lien](https://a.example).\n\n```\n# a | b\n```\n\n[i]: <{data}>\n"
    (document,) = found("a.md", text)
    assert "base64" not in document.text
    assert "plan du port" in document.text
    assert "note" not in document.text
    assert "[lien](https://a.example)" in document.text
    assert "# a | b" in document.text
    assert [note.code for note in document.unread] == ["unread_pictures"]


def test_a_table_of_markdown_without_outer_bars(text) -> None:
    assert "Ville: Brême; Aire: 12" in text(
        "a.md", "Ville | Habitants | Aire\n--- | --: | ---\nLorme | 80 | 9\nBrême | | 12\n\nFin."
    )


def test_subtitles_are_what_is_said(text) -> None:
    srt = "1\r\n00:00:01,000 --> 00:00:04,000\r\n<i>Le tournage a commencé</i>\r\n{\\an8}à Sauveterre.\r\n\r\n2\r\n00:00:05,000 --> 00:00:06,000\r\nEn 1998.\r\n"
    assert text("a.srt", srt) == "Le tournage a commencé à Sauveterre.\nEn 1998."
    vtt = "WEBVTT\nKind: captions\n\nNOTE rien\n\nintro\n00:01.000 --> 00:02.000 align:start\n<v Ada>Bonjour.\n"
    assert text("a.vtt", vtt) == "Bonjour."


def test_json_of_any_shape_is_rows_of_names_and_values(text) -> None:
    data = {
        "titre": "Clients",
        "clients": [
            {
                "nom": "Norvane",
                "adresse": {"ville": "Brême"},
                "tels": ["01", "02"],
                "achats": [{"le": "3 mai", "prix": 4.5}],
            }
        ],
    }
    assert text("a.json", json.dumps(data)).split("\n\n") == [
        "titre: Clients",
        "nom: Norvane; adresse ville: Brême; tels: 01, 02",
        "le: 3 mai; prix: 4.5",
    ]
    assert text("b.json", "[1, 2]") == "1; 2" or text("b.json", "[1, 2]").split("\n\n") == [
        "1",
        "2",
    ]
    assert (
        text("c.jsonl", '{"nom": "Ada", "ville": "Brême"}\n{"nom": "Bob"}\n')
        == "nom: Ada; ville: Brême\n\nnom: Bob"
    )


def test_json_with_names_apart_from_rows_or_records_keeps_them(text) -> None:
    split = {"columns": ["nom", "solde"], "index": [0, 1], "data": [["Ada", 4.5], ["Bob", 9]]}
    wanted = "nom; solde\n\nnom: Ada; solde: 4.5\n\nnom: Bob; solde: 9"
    assert text("a.json", json.dumps(split)) == wanted
    fields = {"fields": [{"name": "nom"}, {"name": "solde"}], "rows": split["data"], "an": 2024}
    assert text("b.json", json.dumps(fields)) == f"{wanted}\n\nan: 2024"
    labelled = {"columns": ["2022", "2023"], "index": ["Eau", "Gaz"], "data": [[1, 2], [3, 4]]}
    assert "Eau; 2022: 1; 2023: 2" in text("c.json", json.dumps(labelled))
    keyed = {"salles": {"B12": {"nom": "Atelier"}, "B14": {"nom": "Préau", "places": 8}}}
    assert text("d.json", json.dumps(keyed)).split("\n\n") == [
        "salles: B12; nom: Atelier",
        "salles: B14; nom: Préau; places: 8",
    ]


def test_broken_json_is_said_to_be(found) -> None:
    (error,) = found("a.json", '{"a": ')
    assert isinstance(error, UserError)
    assert error.code == "document_damaged"
    (deep,) = found("b.json", "[" * 100_000)
    assert isinstance(deep, UserError)


def test_xml_of_any_shape_is_read(text) -> None:
    xml = '<?xml version="1.0"?><clients><client id="7"><nom>Norvane</nom><ville>Brême</ville></client><note>Lire <b>tout</b> ceci.</note></clients>'
    assert text("a.xml", xml).split("\n\n") == [
        "note: Lire",
        "id: 7; nom: Norvane; ville: Brême",
    ] or "id: 7; nom: Norvane; ville: Brême" in text("a.xml", xml)
    assert "Lire tout ceci." in text("a.xml", xml)


@pytest.mark.parametrize(
    "name", ["README", "README.md", "journal.log", "a.rst", "a.org", "LICENSE", "a.yaml", "a.tex"]
)
def test_files_of_text_are_read_under_their_usual_names(text, name: str) -> None:
    assert "2,4 bars" in text(name, "La pompe se règle à 2,4 bars.")


def test_titles_that_say_nothing_are_not_taken() -> None:
    for title in (
        "Microsoft Word - rapport.doc",
        "Document1",
        "Sans titre",
        "PowerPoint Presentation",
        "untitled 2",
    ):
        assert make("a.docx", title, "# Le port\n", titled=True).title == "Le port"
    assert (
        make("a.docx", "Microsoft en France", "# x\n", titled=True).title == "Microsoft en France"
    )


def test_language_and_unread_are_no_part_of_equality() -> None:
    one = make("a", "", "le chat")
    assert isinstance(one, Document)
    assert one == make("a", "", "le chat", unread=())


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "cp437", "mac-roman"])
def test_utf8_that_was_once_read_in_another_encoding_is_put_right(encoding: str) -> None:
    text = "La réunion a décidé : présence à midi."
    assert decode_bytes(text.encode().decode(encoding).encode()) == text


def test_halves_of_a_code_point_and_japanese_without_a_label_are_read() -> None:
    assert decode_bytes(b"\xed\xa0\xbd\xed\xb8\x80 " + "à midi".encode()) == "😀 à midi"
    assert decode_bytes("会議は三月九日".encode("iso2022_jp")) == "会議は三月九日"


def test_zeros_that_fill_a_block_are_left_out() -> None:
    assert decode_bytes(b"un\n" + b"\0" * 300 + b"deux\n" + b"\0" * 500) == "un\ndeux\n"


MARKED_UP = {
    "a.org": ("# perdu\n* Scie\n:PROPERTIES:\n:ID: perdu\n:END:\n250 mm\n#+BEGIN_SRC sh\n# resté\n#+END_SRC\n#+BEGIN_COMMENT\nperdu\n#+END_COMMENT\nfin", "# Scie\n250 mm\n#+BEGIN_SRC sh\n# resté\n#+END_SRC\nfin"),
    "a.adoc": ("= Four\n:version: 3.2\n// perdu\n\nVersion {version}.\n////\nperdu\n////\n----\n// resté\n----", "# Four\n:version: 3.2\n\nVersion 3.2.\n----\n// resté\n----"),
    "a.rst": (".. |v| replace:: 4.7\n\nVersion |v|.\n\n.. perdu\n   perdu\n\n.. note:: resté\n\n.. [1] resté", "\nVersion 4.7.\n\n.. note:: resté\n\n.. [1] resté"),
    "a.md": ("Dupont &amp; fils, 8&nbsp;&euro;, https://a.fr?b=1&lt=2\n\n| a | b |\n|---|---|\n| x<br>y | z |", "Dupont & fils, 8\xa0€, https://a.fr?b=1&lt=2\n\n\n\na; b\n\na: x y; b: z"),
}  # fmt: skip


@pytest.mark.parametrize("name", MARKED_UP)
def test_marked_up_text_loses_its_comments_and_says_what_its_names_stand_for(text, name) -> None:
    written, shown = MARKED_UP[name]
    assert text(name, written).strip("\n") == shown.strip("\n")
