"""PDF to text: lines in reading order with the fields of forms in their places, scanned pages
recognised."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from ctypes import c_ulong, create_string_buffer
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from index.errors import UserError
from index.reading.layout import Line, ordered, overlap, paragraphs, unbroken
from index.reading.letters import Letters, lines_of
from index.reading.limits import Part, Read, Reading, Source, in_pages, iso_date, unread
from index.reading.marks import beside, is_folio
from index.reading.ocr import recognised
from index.reading.ooxml import parse_xml, tag_of
from index.reading.repeats import without_line_numbers, without_repeats

_MOST_RECOGNISED = 300  # pages a file: each takes seconds
_BOXES = ("☒", "☐")
_NEAR = 30  # points between a box to tick and what it stands before
_TALL = 30  # points of a field of several lines, whose label stands at the first one
_MOST_NOTES = 2000  # characters of an annotation
_TEXT, _CHECK, _RADIO, _COMBO, _LIST = 6, 2, 3, 4, 5  # FPDF_FORMFIELD_…
_LINK, _FREE_TEXT, _WIDGET, _POPUP = 2, 3, 20, 16  # FPDF_ANNOT_…


@dataclass
class _Pdf:
    """What was found besides the text: remarks, pages without letters, and what was left out."""

    remarks: list[str] = field(default_factory=list)
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
    found = _Pdf(remarks=list(_adobe_form(pdf)))
    pages = [_page(pdf, number, found, source) for number in range(total)]
    kept = [list(paragraphs(page)) for page in without_repeats(pages, found.heads)]
    texts = unbroken(["\n\n".join(page) for page in kept])
    if texts:
        more = beside(
            "header", (head for head in found.heads if not is_folio(head)), texts
        ) + beside("fields", found.remarks, texts)
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
        yield UserError(
            "document_scan", pages=_ranges(found.bare), count=len(found.bare), total=total
        )
    yield from _attached(pdf)


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
            yield " ".join("".join(node.itertext()).split())
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
        lines, numbered = without_line_numbers(lines_of(page))
        found.line_numbers += numbered
        if fields := _fields(page, forms, found.remarks):
            lines = _filled(lines, page, fields)
        blocks = ordered(lines)
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


def _attached(pdf: Any) -> Iterator[Part]:
    """The files in a PDF, as those of an electronic invoice."""
    for number in range(min(pdf.count_attachments(), 100)):
        attachment = pdf.get_attachment(number)
        name = attachment.get_name() or str(number + 1)
        yield Part(name, partial(bytes, attachment.get_data()))


def _filled(lines: Sequence[Line], page: Any, fields: Sequence[Line]) -> list[Line]:
    """The lines of a page with each field of a form at its place in the line that it stands in, or
    after its label."""
    letters = Letters(page)
    apart = []
    inserts: dict[Line, list[tuple[int, str]]] = {}
    for field_ in sorted(fields, key=lambda field_: field_.left):
        label = _label(lines, field_)
        if label is None:
            apart.append(field_)
            continue
        place = len(label.text) if label.left < field_.left else 0
        if label.start >= 0 and label.left < field_.left < label.right:
            lefts = (letters.box(label.start + n)[0] for n in range(len(label.text)))
            place = next((n for n, left in enumerate(lefts) if left > field_.left), place)
        inserts.setdefault(label, []).append((place, field_.text))
    kept = []
    for line in lines:
        text = line.text
        for place, value in reversed(inserts.get(line, [])):
            text = f"{text[:place].rstrip()} {value} {text[place:].lstrip()}".strip()
        kept.append(replace(line, text=text))
    return kept + apart


def _label(lines: Sequence[Line], field_: Line) -> Line | None:
    """The line that a field belongs to: that to its left, or for a box to tick the nearer one."""
    at_height = [line for line in lines if overlap(line, field_)]
    before = [line for line in at_height if line.left < field_.left]
    label = max(before, key=lambda line: line.left, default=None)
    after = [line for line in at_height if line.left >= field_.left]
    following = min(after, key=lambda line: line.left, default=None)
    if following is None or (label and field_.text not in _BOXES):
        return label
    ahead, behind = following.left - field_.right, field_.left - label.right if label else 1000
    return following if ahead < behind and ahead < _NEAR else label


def _fields(page: Any, forms: Any, remarks: list[str]) -> list[Line]:
    """What is written, ticked or chosen in the fields of a page; what is remarked on it goes to
    `remarks`."""
    from pypdfium2 import raw

    count, found = raw.FPDFPage_GetAnnotCount(page), []
    letters = Letters(page) if count else None
    for number in range(min(count, 5000)):
        annotation = raw.FPDFPage_GetAnnot(page, number)
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        text = ""
        if kind == _WIDGET and forms:
            text = _field(forms, annotation)
        elif kind == _FREE_TEXT:
            text = _string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents")
        elif kind not in (_LINK, _WIDGET, _POPUP):
            author = _string(raw.FPDFAnnot_GetStringValue, annotation, b"T")
            remark = _string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents")[:_MOST_NOTES]
            remarks += [f"{author}: {remark}" if author else remark] if remark else []
        place = raw.FS_RECTF()
        if text and letters and raw.FPDFAnnot_GetRect(annotation, place):
            left, low, right, high = letters.turned(
                place.left, place.bottom, place.right, place.top
            )
            half = min((high - low) / 2, 7)
            middle = high - half if high - low > _TALL else (low + high) / 2
            found.append(Line(left, middle - half, right, middle + half, text))
        raw.FPDFPage_CloseAnnot(annotation)
    return found


def _field(forms: Any, annotation: Any) -> str:
    from pypdfium2 import raw

    kind = raw.FPDFAnnot_GetFormFieldType(forms, annotation)
    if kind in (_CHECK, _RADIO):
        return "☒" if raw.FPDFAnnot_IsChecked(forms, annotation) else "☐"
    if kind in (_TEXT, _COMBO, _LIST):
        return " ".join(_string(raw.FPDFAnnot_GetFormFieldValue, forms, annotation).split())
    return ""


def _string(function: Any, *arguments: Any) -> str:
    """What a function of PDFium writes, in UTF-16, into a buffer whose size it tells first."""
    size = function(*arguments, None, 0)
    if not 2 < size < 1_000_000:
        return ""
    from pypdfium2 import raw

    buffer = (raw.FPDF_WCHAR * (size // 2 + 1))()
    function(*arguments, buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").split("\0")[0].strip()


def _ranges(numbers: Sequence[int]) -> str:
    """1, 2, 3, 7 as "1-3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
