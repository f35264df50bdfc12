"""Which kinds of files are read, by which function, and how a kind is told from a file's first bytes."""

import zipfile
from io import BytesIO
from pathlib import PurePath

from index.errors import UserError

READERS = {
    "text.read_text": ".txt .text .log .rst .org .adoc .asciidoc .tex .yaml .yml .toml .ini .cfg",
    "text.read_markdown": ".md .markdown .mdown .qmd .rmd",
    "text.read_lines": ".jsonl .ndjson",
    "text.read_subtitles": ".srt .vtt .sbv",
    "data.read_json": ".json .geojson .ipynb",
    "data.read_xml": ".xml",
    "sheets.read_csv": ".csv .tsv .tab .psv",
    "excel.read_xlsx": ".xlsx .xlsm .xltx .xltm",
    "excel.read_xls": ".xls .xlt",
    "word.read_docx": ".docx .docm .dotx .dotm",
    "slides.read_pptx": ".pptx .pptm .potx .potm .ppsx .ppsm",
    "opendocument.read_odf": ".odt .ott .odp .otp .ods .ots .odg .fodt .fods .fodp",
    "pdf.read_pdf": ".pdf",
    "web.read_html": ".html .htm .xhtml .shtml",
    "web.read_epub": ".epub",
    "mail.read_eml": ".eml",
    "mail.read_mhtml": ".mhtml .mht",
    "mail.read_mbox": ".mbox .mbx",
    "outlook.read_msg": ".msg .oft",
    "outlook.read_tnef": ".tnef",
    "rtf.read_rtf": ".rtf",
    "archive.read_zip": ".zip",
    "archive.read_tar": ".tar .tgz .gz .bz2 .xz",
    "legacy.read_legacy": ".doc .dot .ppt .pps .pot .wps .wpd .sxw .sxc .sxi .pages .numbers .key .xlsb",
}
"""A function of `index.reading` and the endings of the files that it reads. A new kind is a line here."""

KINDS = {ending: reader for reader, endings in READERS.items() for ending in endings.split()}
PLAIN = ("text.read_text", "text.read_markdown", "text.read_lines")
"""Readers of plain text, which can do no harm: they run without a process of their own."""

NAMED = frozenset("readme license licence copying notice authors changelog lisezmoi".split())
"""Files of text that usually have no ending."""

_ODF = {"spreadsheet": ".ods", "presentation": ".odp", "text": ".odt", "graphics": ".odg"}
_OOXML = {"wordprocessingml": ".docx", "presentationml": ".pptx", "spreadsheetml": ".xlsx"}
_STREAMS = {"WordDocument": ".doc", "PowerPoint Document": ".ppt", "__substg1.0_": ".msg"}


def kind_of_name(name: str | PurePath) -> str:
    """The ending of a name in lower case; ".txt" for a README without one, "" where nothing is known."""
    path = PurePath(name)
    ending = path.suffix.lower()
    return ending or (".txt" if path.name.lower() in NAMED else "")


def kind_of(data: bytes, ending: str) -> str:
    """The kind of a file by what it begins with, else by the ending of its name.

    Raises:
        UserError: `document_locked`, `document_kind`.
    """
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in head[:1024]:
        return ".pdf"
    if data.startswith(b"PK\x03\x04"):
        return _kind_of_archive(data)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return _kind_of_compound(data, ending)
    if head.startswith(b"{\\rtf"):
        return ".rtf"
    if data.startswith(b"\x78\x9f\x3e\x22"):
        return ".tnef"
    office = ending in (".doc", ".dot", ".xls", ".xlt")  # many programs call HTML or text so
    if office and head[:1] == b"<":
        page = head.lower().startswith((b"<html", b"<!doctype html", b"<table", b"<head", b"<meta"))
        return ".html" if page or b"<html" in head.lower() else ".xml"
    if office and head.startswith((b"MIME-Version", b"From: ")):
        return ".mhtml"
    if ending in (".xls", ".xlt") and b"\0" not in data and any(c in head for c in b"\t;,"):
        return ".csv"
    if KINDS.get(ending) == "legacy.read_legacy":
        raise UserError("document_kind")
    return ending


def _kind_of_compound(data: bytes, ending: str) -> str:
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise UserError("document_locked", reason="EncryptedPackage")
    for stream, kind in _STREAMS.items():
        if stream.encode("utf-16-le") in data:
            return ".msg" if ending in (".msg", ".oft") else kind
    if any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")):
        return ".xls"
    if ending in (".xls", ".xlsx", ".wps"):
        return ending if ending == ".wps" else ".xls"
    raise UserError("document_kind")


def _kind_of_archive(data: bytes) -> str:
    try:
        archive = zipfile.ZipFile(BytesIO(data))
        names = set(archive.namelist())
        mimetype = _start(archive, "mimetype") if "mimetype" in names else ""
        parts = _start(archive, "[Content_Types].xml") if "[Content_Types].xml" in names else ""
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, OSError, EOFError):
        return ".zip"
    if "opendocument" in mimetype or "vnd.sun.xml" in mimetype:
        return next((ending for word, ending in _ODF.items() if word in mimetype), ".odt")
    if "META-INF/container.xml" in names:
        return ".epub"
    if "[Content_Types].xml" in names:
        if any(name.startswith("xl/workbook.bin") for name in names):
            return ".xlsb"
        main = [word for word in _OOXML if f"{word}." in parts and "main+xml" in parts]
        folders = {"word/": ".docx", "ppt/": ".pptx", "xl/": ".xlsx"}
        for folder, ending in folders.items():
            if any(name.startswith(folder) for name in names):
                return ending
        return _OOXML[main[0]] if main else ".zip"
    if "Index/Document.iwa" in names or "index.xml" in names:
        return ".pages"
    return ".zip"


def _start(archive: zipfile.ZipFile, member: str) -> str:
    with archive.open(member) as file:
        return file.read(20_000).decode("utf-8", "replace")
