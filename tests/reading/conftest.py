"""A reader for all tests of a file, and what makes small files of each kind."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from index.documents import Document
from index.errors import UserError
from index.reading.reader import Reader

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "style", "draw", "presentation", "form")
) + ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'  # fmt: skip
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as opened:
        yield opened


@pytest.fixture
def found(reader: Reader, tmp_path: Path) -> Callable[..., list[Document | UserError]]:
    """Reads a file of these bytes under this name: documents and errors."""

    def read(name: str, data: bytes | str) -> list[Document | UserError]:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        try:
            return list(reader.read(path, tmp_path))
        except UserError as error:
            return [error]

    return read


@pytest.fixture
def text(found: Callable[..., list[Document | UserError]]) -> Callable[..., str]:
    """The text of the one document in a file."""

    def read(name: str, data: bytes | str) -> str:
        (document,) = found(name, data)
        assert isinstance(document, Document), document
        return document.text

    return read


@pytest.fixture
def make(tmp_path: Path) -> SimpleNamespace:
    """What makes packages: `zipped`, `docx`, `xlsx`, `odf`."""

    def zipped(members: dict[str, str | bytes]) -> bytes:
        path = tmp_path / "made.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in members.items():
                file.writestr(name, data)
        data = path.read_bytes()
        path.unlink()
        return data

    def relations(**targets: str) -> str:
        rows = "".join(
            f'<Relationship Id="r{n}" Type="{KINDS}/{kind.rstrip("0123456789")}" Target="{target}"/>'
            for n, (kind, target) in enumerate(targets.items())
        )
        return f'<Relationships xmlns="{RELATIONS}">{rows}</Relationships>'

    def docx(body: str, **parts: str) -> bytes:
        """A Word file; each part's XML is given by the kind of its relation."""
        members: dict[str, str | bytes] = {
            "[Content_Types].xml": "",
            "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": relations(**{kind: f"{kind}.xml" for kind in parts}),
        }
        members |= {f"word/{kind}.xml": xml for kind, xml in parts.items()}
        return zipped(members)

    def xlsx(rows: str, after: str = "", *, styles: str = "", **parts: str) -> bytes:
        """A workbook of one sheet of inline strings and numbers."""
        return zipped(
            {
                "[Content_Types].xml": "",
                "xl/workbook.xml": f'<workbook {S} xmlns:r="{KINDS}"><sheets><sheet name="F" r:id="r0"/></sheets></workbook>',
                "xl/_rels/workbook.xml.rels": relations(worksheet="sheet.xml", styles="styles.xml"),
                "xl/sheet.xml": f"<worksheet {S}><sheetData>{rows}</sheetData>{after}</worksheet>",
                "xl/styles.xml": f"<styleSheet {S}>{styles}</styleSheet>",
                "xl/_rels/sheet.xml.rels": relations(**{kind: f"{kind}.xml" for kind in parts}),
                **{f"xl/{kind}.xml": xml for kind, xml in parts.items()},
            }
        )

    def odf(kind: str, body: str, styles: str = "", automatic: str = "") -> bytes:
        content = f"<office:document-content {ODF}><office:automatic-styles>{automatic}</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
        return zipped(
            {
                "mimetype": f"application/vnd.oasis.opendocument.{kind}",
                "content.xml": content,
                "styles.xml": f"<office:document-styles {ODF}>{styles}</office:document-styles>",
            }
        )

    return SimpleNamespace(zipped=zipped, docx=docx, xlsx=xlsx, odf=odf, relations=relations)


def paragraph(text: str, properties: str = "", run: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def cells(*values: str | float, style: int = 0) -> str:
    """Cells of a sheet, inline."""
    return "".join(
        f'<c s="{style}"><v>{value}</v></c>' if isinstance(value, int | float)
        else f'<c t="inlineStr"><is><t>{value}</t></is></c>' if value else "<c/>"
        for value in values
    )  # fmt: skip
