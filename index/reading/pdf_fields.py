"""What lies on the pages of a PDF: fields of forms, stamps and signatures in their places, remarks,
files."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from index.reading.letters import Box, Letters
from index.reading.lines import Line, overlap

_BOXES = ("☒", "☐")
_NEAR = 30  # points between a box to tick and what it stands before
_TALL = 30  # points of a field of several lines, whose label stands at the first one
_MOST_NOTES = 2000  # characters of an annotation
_TEXT, _CHECK, _RADIO, _COMBO, _LIST, _SIGNATURE = 6, 2, 3, 4, 5, 7  # FPDF_FORMFIELD_…
_LINK, _FREE_TEXT, _STAMP, _POPUP, _FILE, _WIDGET = 2, 3, 13, 16, 17, 20  # FPDF_ANNOT_…


def filled(lines: Sequence[Line], page: Any, fields: Sequence[Line]) -> list[Line]:
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


@dataclass
class Drawn:
    """A page with what lies on it drawn into it, made when it is first asked for."""

    data: bytes
    number: int
    _textpages: list[Any] = field(default_factory=list)

    def text(self, box: Box) -> str:
        """What is written at a place and isn't the page's own text there."""
        import pypdfium2

        if not self._textpages:
            pdf = pypdfium2.PdfDocument(self.data)
            own = pdf[self.number].get_textpage()
            pypdfium2.raw.FPDFPage_Flatten(pdf[self.number], pypdfium2.raw.FLAT_NORMALDISPLAY)
            self._textpages = [own, pdf[self.number].get_textpage()]
        own, whole = (" ".join(each.get_text_bounded(*box).split()) for each in self._textpages)
        return whole.replace(own, "", 1).strip() if own else whole


@dataclass
class Annotations:
    """What lies on the pages of a document; remarks and files are collected."""

    pdf: Any
    drawn: Drawn
    remarks: list[str]
    attached: list[Any]

    def fields(self, page: Any, forms: Any) -> list[Line]:
        """What is written, ticked, chosen, stamped or signed on a page."""
        from pypdfium2 import raw

        count, found = raw.FPDFPage_GetAnnotCount(page), []
        letters = Letters(page) if count else None
        for number in range(min(count, 5000)):
            annotation = raw.FPDFPage_GetAnnot(page, number)
            place = raw.FS_RECTF()
            if letters and raw.FPDFAnnot_GetRect(annotation, place):
                box = (place.left, place.bottom, place.right, place.top)
                if text := self._text(annotation, forms, box):
                    found.append(_line(letters.turned(*box), text))
            raw.FPDFPage_CloseAnnot(annotation)
        return found

    def _text(self, annotation: Any, forms: Any, box: Box) -> str:
        """What is shown at the place of an annotation."""
        import pypdfium2
        from pypdfium2 import raw

        kind = raw.FPDFAnnot_GetSubtype(annotation)
        said = string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents")[:_MOST_NOTES]
        if kind == _WIDGET:
            return self._field(forms, annotation, box) if forms else ""
        if kind == _FREE_TEXT and said:
            return said
        if kind in (_STAMP, _FREE_TEXT) and (shown := self.drawn.text(box)):
            return shown
        if kind == _FILE and (file := raw.FPDFAnnot_GetFileAttachment(annotation)):
            self.attached.append(pypdfium2.PdfAttachment(file, self.pdf))
        if kind not in (_LINK, _POPUP) and said:
            author = string(raw.FPDFAnnot_GetStringValue, annotation, b"T")
            self.remarks.append(f"{author}: {said}" if author else said)
        return ""

    def _field(self, forms: Any, annotation: Any, box: Box) -> str:
        from pypdfium2 import raw

        kind = raw.FPDFAnnot_GetFormFieldType(forms, annotation)
        if kind in (_CHECK, _RADIO):
            return "☒" if raw.FPDFAnnot_IsChecked(forms, annotation) else "☐"
        if kind == _SIGNATURE:
            return self.drawn.text(box)
        value = ""
        if kind in (_TEXT, _COMBO, _LIST):
            value = " ".join(string(raw.FPDFAnnot_GetFormFieldValue, forms, annotation).split())
        options = range(max(raw.FPDFAnnot_GetOptionCount(forms, annotation), 0))
        chosen = [
            string(raw.FPDFAnnot_GetOptionLabel, forms, annotation, number)
            for number in options
            if raw.FPDFAnnot_IsOptionSelected(forms, annotation, number)
        ]
        return ", ".join(chosen) or value


def _line(box: Box, text: str) -> Line:
    """A field as a line, as high as one."""
    left, low, right, high = box
    half = min((high - low) / 2, 7)
    middle = high - half if high - low > _TALL else (low + high) / 2
    return Line(left, middle - half, right, middle + half, text)


def string(function: Any, *arguments: Any) -> str:
    """What a function of PDFium writes, in UTF-16, into a buffer whose size it tells first."""
    size = function(*arguments, None, 0)
    if not 2 < size < 1_000_000:
        return ""
    from pypdfium2 import raw

    buffer = (raw.FPDF_WCHAR * (size // 2 + 1))()
    function(*arguments, buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").split("\0")[0].strip()
