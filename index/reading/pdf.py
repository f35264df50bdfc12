"""PDF to text: lines in reading order with the fields of forms in their places, scanned pages
recognised."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from ctypes import c_ulong, create_string_buffer
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from index.errors import UserError
from index.reading.layout import ordered, paragraphs, unbroken, without_leaders
from index.reading.letters import Letters, lines_of
from index.reading.limits import Part, Read, Reading, Source, in_pages, iso_date, unread
from index.reading.lines import Line
from index.reading.marks import beside, is_folio
from index.reading.ocr import recognised
from index.reading.pdf_fields import Annotations, Drawn, filled, string
from index.reading.repeats import without_line_numbers, without_repeats
from index.reading.ruled import rules_of, with_rows
from index.reading.xml_nodes import line_of, parse_xml, tag_of

_MOST_RECOGNISED = 300  # pages a file: each takes seconds


@dataclass
class _Pdf:
    """What was found besides the text: remarks, pages without letters, and what was left out."""

    remarks: list[str] = field(default_factory=list)
    attached: list[Any] = field(default_factory=list)
    """Files that lie on pages."""
    bare: list[int] = field(default_factory=list)
    recognised: list[int] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    line_numbers: int = 0
    pictures: int = 0


def read_pdf(source: Source) -> Reading:
    """The text of a PDF with its pages, then the files in it; an error names the pages that hold
    something but no text.

    Raises:
        UserError: `document_locked`, `document_damaged`, `document_pages`.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(source.data)
    except pypdfium2.PdfiumError as error:
        code = "document_locked" if "assword" in str(error) else "document_damaged"
        raise UserError(code, reason=str(error)) from error
    total, most = len(pdf), source.budget.limits.pages
    if total > most:
        raise UserError("document_pages", pages=total, most=most)
    pdf.init_forms()
    found = _Pdf(remarks=[*_adobe_form(pdf), *_signed(pdf)])
    pages = [_page(pdf, number, found, source) for number in range(total)]
    kept = [list(paragraphs(page)) for page in without_repeats(pages, found.heads)]
    texts = unbroken([without_leaders("\n\n".join(page)) for page in kept])
    if texts:
        heads = (head for head in found.heads if not is_folio(head))
        more = beside("header", heads, texts) + beside("fields", found.remarks, texts)
        texts[-1] = "\n\n".join(filter(None, [texts[-1], *more]))
    text, spans = in_pages(texts)
    facts = pdf.get_metadata_dict()
    if text.strip() or not found.bare:
        date = iso_date(facts.get("CreationDate") or facts.get("ModDate") or "")
        notes = (
            *unread("unread_pages", pages=_ranges(found.bare), count=len(found.bare)),
            *unread("read_scans", pages=_ranges(found.recognised), count=len(found.recognised)),
            *unread("unread_line_numbers", count=found.line_numbers),
            *unread("unread_pictures", count=found.pictures),
        )
        yield Read(text, facts.get("Title", ""), facts.get("Author", ""), date, spans, notes)
    if found.bare:
        count = len(found.bare)
        yield UserError("document_scan", pages=_ranges(found.bare), count=count, total=total)
    yield from _attached(pdf, found.attached)


def _adobe_form(pdf: Any) -> Iterator[str]:
    """The texts and values of a form that Adobe Reader alone draws (XFA), and no page shows."""
    from pypdfium2 import raw

    whole = pdf.get_formtype() == raw.FORMTYPE_XFA_FULL
    for number in range(raw.FPDF_GetXFAPacketCount(pdf) if whole else 0):
        size = c_ulong()
        raw.FPDF_GetXFAPacketContent(pdf, number, None, 0, size)
        content = create_string_buffer(size.value)
        raw.FPDF_GetXFAPacketContent(pdf, number, content, size.value, size)
        if b"<template" not in content.raw and b"datasets" not in content.raw:
            continue
        with suppress(UserError):
            yield from _packet(parse_xml(content.raw))


def _packet(root: Any) -> Iterator[str]:
    """The texts of a form's template, or the values of its data with their names."""
    for node in root.iter("{*}text", "{*}body"):
        if "name" not in node.attrib:
            yield line_of(node)
    for data in root.iter("{*}data"):
        for node in data.iter("*"):
            if len(node) == 0 and node.text:
                yield f"{tag_of(node)}: {node.text}"


def _page(pdf: Any, number: int, found: _Pdf, source: Source) -> list[list[Line]]:
    """The lines of a page in blocks."""
    import pypdfium2

    source.tick(0, 0)
    forms = pdf.formenv.raw if pdf.formenv else None
    try:
        page = pdf[number]
        letters = Letters(page)
        rules = rules_of(page, letters.turned)
        lines, numbered = without_line_numbers(lines_of(letters, rules))
        found.line_numbers += numbered
        beside = Annotations(pdf, Drawn(source.data, number), found.remarks, found.attached)
        if fields := beside.fields(page, forms):
            lines = filled(lines, page, fields)
        blocks = ordered(with_rows(lines, rules))
        if not blocks and pypdfium2.raw.FPDFPage_CountObjects(page):
            source.tick(number + 1, len(pdf))
            if len(found.recognised) < _MOST_RECOGNISED:
                blocks = ordered(recognised(page))
            (found.recognised if blocks else found.bare).append(number + 1)
        else:
            found.pictures += _has_picture(page)
        page.close()
    except pypdfium2.PdfiumError:
        found.bare.append(number + 1)
        return []
    return blocks


def _has_picture(page: Any) -> bool:
    """Whether a page with text has a picture of some size too, whose text is not read."""
    import pypdfium2

    width, height = page.get_size()
    for thing in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        left, bottom, right, top = thing.get_bounds()
        if (right - left) * (top - bottom) > 0.1 * width * height:
            return True
    return False


def _attached(pdf: Any, on_pages: list[Any]) -> Iterator[Part]:
    """The files in a PDF, as those of an electronic invoice, and on its pages."""
    count = min(pdf.count_attachments(), 100)
    for number, attachment in enumerate([*map(pdf.get_attachment, range(count)), *on_pages], 1):
        name = attachment.get_name() or str(number)
        yield Part(name, partial(bytes, attachment.get_data()))


def _signed(pdf: Any) -> Iterator[str]:
    """Why and when a PDF was signed, as its signatures say."""
    from pypdfium2 import raw

    for number in range(max(raw.FPDF_GetSignatureCount(pdf), 0)):
        signature = raw.FPDF_GetSignatureObject(pdf, number)
        size = raw.FPDFSignatureObj_GetTime(signature, None, 0)
        time = create_string_buffer(max(size, 1))
        raw.FPDFSignatureObj_GetTime(signature, time, size)
        reason = string(raw.FPDFSignatureObj_GetReason, signature)
        yield f"{reason} {iso_date(time.value.decode('latin-1'))}".strip()


def _ranges(numbers: Sequence[int]) -> str:
    """1, 2, 3, 7 as "1-3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
