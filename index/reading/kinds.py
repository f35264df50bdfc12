"""Which kinds of files are read, by which function, and how a kind is told from a file's first
bytes."""

import zipfile
from io import BytesIO
from pathlib import PurePath

from index.errors import UserError

READERS = {
    "text.read_text": ".txt .text .log .yaml .yml .toml .ini .cfg",
    "tex.read_tex": ".tex",
    "text.read_markdown": ".md .markdown .mdown .qmd .rmd .rst .org .adoc .asciidoc",
    "data.read_lines": ".jsonl .ndjson",
    "cards.read_cards": ".ics .vcf",
    "cards.read_qif": ".qif",
    "text.read_subtitles": ".srt .vtt .sbv",
    "data.read_json": ".json .geojson .ipynb",
    "xml_data.read_xml": ".xml .rss .atom .opml .fb2 .gpx .kml .enex",
    "xml_data.read_ofx": ".ofx .qfx",
    "sheets.read_csv": ".csv .tsv .tab .psv",
    "excel.read_xlsx": ".xlsx .xlsm .xltx .xltm",
    "excel_97.read_xls": ".xls .xlt",
    "word.read_docx": ".docx .docm .dotx .dotm",
    "slides.read_pptx": ".pptx .pptm .potx .potm .ppsx .ppsm",
    "opendocument.read_odf": ".odt .ott .odp .otp .ods .ots .odg .fodt .fods .fodp",
    "pdf.read_pdf": ".pdf",
    "web.read_html": ".html .htm .xhtml .shtml",
    "epub.read_epub": ".epub",
    "mail.read_eml": ".eml",
    "mail.read_mhtml": ".mhtml .mht",
    "mail.read_mbox": ".mbox .mbx",
    "outlook.read_msg": ".msg .oft",
    "outlook.read_tnef": ".tnef",
    "rtf.read_rtf": ".rtf",
    "archive.read_zip": ".zip .kmz",
    "archive.read_tar": ".tar .jex .tgz .tbz2 .txz .gz .bz2 .xz",
    "legacy.read_legacy": (
        ".doc .dot .ppt .pps .pot .wps .wpd .sxw .sxc .sxi .pages .numbers .key .xlsb"
    ),
}
"""A function of `index.reading` and the endings of the files that it reads. A new kind is a line
here."""

KINDS = {ending: reader for reader, endings in READERS.items() for ending in endings.split()}
PLAIN = ("text.read_text", "text.read_markdown", "data.read_lines")
"""Readers of plain text, which can do no harm: they run without a process of their own."""

_OF_BYTES = ("excel", "word", "slides", "opendocument", "pdf", "epub", "legacy")
"""Modules whose files are no text; one that is has the wrong ending."""

NAMED = frozenset("readme license licence copying notice authors changelog lisezmoi".split())
"""Files of text that usually have no ending."""

_ODF = {"spreadsheet": ".ods", "presentation": ".odp", "text": ".odt", "graphics": ".odg"}
_OOXML = {"wordprocessingml": ".docx", "presentationml": ".pptx", "spreadsheetml": ".xlsx"}
_STREAMS = {
    "WordDocument": ".doc",
    "PowerPoint Document": ".ppt",
    "__substg1.0_": ".msg",
    "Workbook": ".xls",
    "Book": ".xls",
}
_APPLE = (".pages", ".numbers", ".key")
_TNEF = b"\x78\x9f\x3e\x22"
_BEGINNINGS = (b"%PDF-", b"{\\rtf", _TNEF)
_FIRST_MEMBERS = (b"[Content_Types].xml", b"mimetype", b"_rels/.rels", b"docProps/")
_TYPES = "[Content_Types].xml"
_PARTS = (
    ("META-INF/container.xml", ".epub"),
    ("xl/workbook.bin", ".xlsb"),
    ("word/", ".docx"),
    ("ppt/", ".pptx"),
    ("xl/", ".xlsx"),
    ("Index/Document.iwa", ".pages"),
)


def kind_of_name(name: str | PurePath) -> str:
    """The ending of a name in lower case; ".txt" for a README without one, "" where nothing is
    known."""
    path = PurePath(name)
    ending = path.suffix.lower()
    return ending or (".txt" if path.name.lower() in NAMED else "")


def begins_known(head: bytes) -> bool:
    """Whether a file, of any name, begins as those of a kind do that is read: as a PDF, as RTF, as
    a mailbox, as what Outlook packs, as a file of an office program or a book."""
    packed = head.startswith(b"PK\x03\x04") and head[30:].startswith(_FIRST_MEMBERS)
    return packed or head.startswith(_BEGINNINGS) or _is_mailbox(head)


def _is_mailbox(head: bytes) -> bool:
    """Whether a file begins with the line that parts the messages of a mailbox: From, who, when."""
    words = head.partition(b"\n")[0].split()
    return words[:1] == [b"From"] and len(words) > 5 and words[-1].isdigit()


def kind_of(data: bytes, ending: str) -> str:
    """The kind of a file by what it begins with, else by the ending of its name.

    Raises:
        UserError: `document_locked`, `document_kind`, `document_empty`.
    """
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not data:
        raise UserError("document_empty")
    if data.startswith(b"PK\x03\x04"):
        return _kind_of_archive(data, ending)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return _kind_of_compound(data, ending)
    kind = ending
    if b"%PDF-" in head:
        kind = ".pdf"
    elif head.startswith(b"{\\rtf"):
        kind = ".rtf"
    elif data.startswith(_TNEF):
        kind = ".tnef"
    elif ending not in KINDS and _is_mailbox(head):
        kind = ".mbox"
    elif b"\0" not in head and KINDS.get(ending, "").startswith(_OF_BYTES):
        kind = _kind_of_text(head, ending)
    if KINDS.get(kind) == "legacy.read_legacy":
        raise UserError("document_kind")
    return kind


def _kind_of_text(head: bytes, ending: str) -> str:
    """What a text is that a program gave the ending of an old Office file."""
    if b"<office:document" in head:
        return ".fodt"
    if head[:1] == b"<" and (b"<Workbook" in head or b"<ss:Workbook" in head):
        return ".xml"  # of Excel 2003
    if head[:1] == b"<":
        page = any(mark in head.lower() for mark in (b"<html", b"<!doctype html", b"<table"))
        return ".html" if page else ".xml"
    if head.startswith((b"MIME-Version", b"From: ")):
        return ".mhtml"
    separated = any(sign in head for sign in b"\t;,")
    return ".csv" if KINDS[ending].startswith("excel") and separated else ending


def _kind_of_compound(data: bytes, ending: str) -> str:
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise UserError("document_locked", reason="EncryptedPackage")
    for stream, kind in _STREAMS.items():
        if stream.encode("utf-16-le") in data:
            return ".msg" if ending in (".msg", ".oft") else kind
    if ending in (".xls", ".xlsx"):
        return ".xls"
    if ending != ".wps":
        raise UserError("document_kind")
    return ending


def _kind_of_archive(data: bytes, ending: str) -> str:
    try:
        archive = zipfile.ZipFile(BytesIO(data))
        names = [name.replace("\\", "/") for name in archive.namelist()]
        mimetype = _start(archive, "mimetype") if "mimetype" in names else ""
        types = _start(archive, _TYPES) if _TYPES in names else ""
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, OSError, EOFError):
        packed = KINDS.get(ending, "").startswith(("word", "excel", "slides", "opendoc", "epub"))
        return ending if packed else ".zip"
    if "opendocument" in mimetype or "vnd.sun.xml" in mimetype:
        return next((ending for word, ending in _ODF.items() if word in mimetype), ".odt")
    kinds = [kind for part, kind in _PARTS if any(name.startswith(part) for name in names)]
    if _TYPES in names:
        kinds += [kind for word, kind in _OOXML.items() if f"{word}." in types]
    office = (".docx", ".pptx", ".xlsx", ".xlsb")
    found = next((kind for kind in kinds if kind not in office or _TYPES in names), ".zip")
    return ending if ending in _APPLE and found in (".zip", ".pages") else found


def _start(archive: zipfile.ZipFile, member: str) -> str:
    with archive.open(member) as file:
        return file.read(20_000).decode("utf-8", "replace")
