"""PDF to text: lines in reading order, paragraphs joined, what each page repeats left out, scanned pages recognised."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from itertools import pairwise
from statistics import median
from typing import Any

from index.errors import UserError
from index.reading.limits import Limits, Read, in_pages, iso_date

_MOST_RECOGNISED = 100  # pages a file: each takes seconds
_PROSE = 15  # characters of a line that can be one of a column's
_HYPHEN = "\ufffe"  # what PDFium puts for the hyphen that ends a line
_BROKEN = re.compile(rf"(?<![^\W\d_])([^\W\d_]+){_HYPHEN}\s*([^\W\d_]+)")
# dit-il, peut-être, celui-ci: hyphens that stay wherever the line ends.
_TAILS = frozenset(
    "il elle on ils elles je tu nous vous ce ci là même mêmes être t moi toi lui leur le la les y en".split()
)
_LIGATURES = str.maketrans(
    {
        "ﬀ": "ff",
        "ﬁ": "fi",
        "ﬂ": "fl",
        "ﬃ": "ffi",
        "ﬄ": "ffl",
        "ﬅ": "st",
        "ﬆ": "st",
        "\xad": "",
        "\0": "",
    }
)
_PIXELS, _MARK = (
    1200,
    (255, 222, 130),
)  # width of a page's picture at most, and the colour of what is marked there
_ENDS = 20  # letters at either end by which a text is found that something interrupts
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")
_FOLIO = re.compile(r"^\d{1,5}(?=\s|$)|(?<=\s)\d{1,5}$")
_ITEM = re.compile(r"[•◦▪‣·*–—-]\s|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s")


@dataclass(frozen=True)
class _Line:
    """A line, or the part of it on one side of a gap; borders in points, y upwards."""

    left: float
    bottom: float
    right: float
    top: float
    text: str


def read_pdf(data: bytes, limits: Limits, tick: Callable[[], None]) -> Iterator[Read | UserError]:
    """The text of a PDF with its pages; an error names the pages that hold something but no text.

    Raises:
        UserError: `document_locked`, `document_damaged`, `document_pages`.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise UserError(
            "document_locked" if "assword" in str(error) else "document_damaged", reason=str(error)
        ) from error
    if len(pdf) > limits.pages:
        raise UserError("document_pages", pages=len(pdf), most=limits.pages)
    pages: list[list[list[_Line]]] = []
    bare: list[int] = []
    for number in range(len(pdf)):
        tick()
        try:
            page = pdf[number]
            blocks = _ordered(_lines(page))
            if not blocks and pypdfium2.raw.FPDFPage_CountObjects(page):
                blocks = _recognised(page) if len(bare) < _MOST_RECOGNISED else []
                if not blocks:
                    bare.append(number + 1)
            page.close()
        except pypdfium2.PdfiumError:
            blocks = []
            bare.append(number + 1)
        pages.append(blocks)
    facts = pdf.get_metadata_dict()
    text, spans = in_pages(
        _unbroken(["\n\n".join(_paragraphs(page)) for page in _without_repeats(pages)])
    )
    if text.strip() or not bare:
        date = iso_date(facts.get("CreationDate") or facts.get("ModDate") or "")
        yield Read(text, facts.get("Title", ""), facts.get("Author", ""), date, spans)
    if bare:
        yield UserError("document_scan", pages=_ranges(bare), count=len(bare), total=len(pdf))


def picture(data: bytes, number: int, said: str) -> bytes:
    """A page (from 1) as a PNG, with the words of a text marked where they stand on it, if they do."""
    import pypdfium2
    from PIL import Image, ImageChops, ImageDraw

    page = pypdfium2.PdfDocument(data)[number - 1]
    width, height = page.get_size()
    bitmap = page.render(scale=min(_PIXELS / max(width, 1), 2 * _PIXELS / max(height, 1), 3))
    shown, to = bitmap.to_pil().convert("RGB"), bitmap.get_posconv(page)
    marks = Image.new("RGB", shown.size, "white")
    for left, bottom, right, top in _places(page.get_textpage(), said):
        xs, ys = zip(to.to_bitmap(left, bottom), to.to_bitmap(right, top), strict=True)
        ImageDraw.Draw(marks).rectangle(
            (min(xs) - 2, min(ys) - 2, max(xs) + 2, max(ys) + 2), fill=_MARK
        )
    png = BytesIO()
    ImageChops.multiply(shown, marks).save(png, "PNG")
    return png.getvalue()


def _places(textpage: Any, said: str) -> list[tuple[float, float, float, float]]:
    """The rectangles, in points, of a text on a page. Only letters and figures are compared: the text was put together from
    lines; where something stands between them, its beginning and its end are looked for."""
    drawn = textpage.get_text_range()
    if len(drawn) != textpage.count_chars():
        return []
    where = [
        (char, place) for place, drawn_char in enumerate(drawn) for char in _letters(drawn_char)
    ]
    text, wanted = "".join(char for char, _ in where), _letters(said)
    first = text.find(wanted)
    last = first + len(wanted)
    if first < 0 and len(wanted) > 2 * _ENDS:
        first = text.find(wanted[:_ENDS])
        tail = text.find(wanted[-_ENDS:], max(first, 0))
        last = tail + _ENDS
        if not 0 <= first < tail or last - first > 2 * len(wanted):
            return []
    if not wanted or first < 0:
        return []
    start, end = where[first][1], where[last - 1][1] + 1
    return [textpage.get_rect(n) for n in range(textpage.count_rects(start, end - start))]


def _letters(text: str) -> str:
    return "".join(char for char in text.translate(_LIGATURES).casefold() if char.isalnum())


def _lines(page: Any) -> list[_Line]:
    """The page's lines in the order in which they are drawn; none where the letters have no meaning."""
    textpage = page.get_textpage()
    text = textpage.get_text_range()
    meant = sum(char.isalnum() for char in text)
    if meant <= sum(char == "\ufffd" or "\ue000" <= char <= "\uf8ff" for char in text):
        return []
    exact = len(text) == textpage.count_chars() and page.get_rotation() == 0
    lines: list[_Line] = []
    at = 0
    for raw in re.findall(rf"[^\r\n{_HYPHEN}]*(?:\r\n|[\n{_HYPHEN}]|\r|$)", text):
        start, at = at, at + len(raw)
        if not raw.strip():
            continue
        # PDFium numbers rectangles by the range last counted.
        boxes = [
            textpage.get_rect(n)
            for n in range(textpage.count_rects(start, len(raw)) if exact else 0)
        ]
        if boxes:
            lines += _parts(textpage, raw, start, sorted(boxes))
        else:
            last = lines[-1] if lines else _Line(0, 0, 0, 0, "")
            lines.append(_Line(last.left, last.bottom - 1, last.right, last.bottom, raw.strip()))
    return lines


def _parts(textpage: Any, raw: str, start: int, boxes: list[tuple[float, ...]]) -> Iterator[_Line]:
    """A line cut where a gap wider than its height stands: two columns drawn together, or cells."""
    bottom, top = min(box[1] for box in boxes), max(box[3] for box in boxes)
    edges, reached = [], boxes[0][2]
    for box in boxes[1:]:
        if box[0] - reached > max(8, top - bottom):
            edges.append(box[0])
        reached = max(reached, box[2])
    lefts = [textpage.get_charbox(start + n)[0] for n in range(len(raw))] if edges else []
    cuts = [
        0,
        *(next((n for n, left in enumerate(lefts) if left >= edge - 1), 0) for edge in edges),
        len(raw),
    ]
    for first, last in pairwise(sorted(set(cuts))):
        if text := raw[first:last].strip():
            left = boxes[0][0] if first == 0 else lefts[first]
            right = max(box[2] for box in boxes if last == len(raw) or box[0] < lefts[last] - 1)
            yield _Line(left, bottom, right, top, text)


def _ordered(lines: Sequence[_Line]) -> list[list[_Line]]:
    """The lines in blocks, in the order in which one reads: columns one after the other, between what spans them."""
    gutter = _gutter(lines)
    if gutter is None:
        return [_rows(lines)] if lines else []
    blocks: list[list[_Line]] = []
    sides: tuple[list[_Line], list[_Line]] = ([], [])
    across: list[_Line] = []
    for line in [*sorted(lines, key=lambda line: -line.top), None]:
        crosses = line is None or line.left < gutter < line.right
        if crosses and any(sides):
            blocks += [block for side in sides for block in _ordered(side)]
            sides = ([], [])
        if across and (line is None or not crosses):
            blocks.append(_rows(across))
            across = []
        if line is not None:
            (across if crosses else sides[line.left >= gutter]).append(line)
    return blocks


def _gutter(lines: Sequence[_Line]) -> float | None:
    """Where a blank stands between two columns of prose: at least four lines of it side by side."""
    prose = sorted((line for line in lines if len(line.text) >= _PROSE), key=lambda line: -line.top)
    beside: list[tuple[float, float]] = []
    for n, line in enumerate(prose):
        for other in prose[n + 1 :]:
            if other.top < line.bottom:
                break
            left, right = (line, other) if line.left < other.left else (other, line)
            if left.right < right.left and _overlap(left, right):
                beside.append((left.right, right.left))
    best, most = None, 3
    for x in {round((right + left) / 2) for right, left in beside}:
        count = sum(right <= x <= left for right, left in beside)
        across = sum(line.left < x - 2 and line.right > x + 2 for line in lines)
        if count > most and count > across / 4:
            best, most = float(x), count
    return best


def _overlap(one: _Line, other: _Line) -> bool:
    """Whether two lines stand at the same height."""
    common = min(one.top, other.top) - max(one.bottom, other.bottom)
    return common > 0.5 * min(one.top - one.bottom, other.top - other.bottom)


def _rows(lines: Sequence[_Line]) -> list[_Line]:
    """The lines of a column from top to bottom, parts at one height put together.

    The order in which they were drawn stands unless it often goes back up.
    """
    back = sum(
        after.bottom > before.bottom + 0.5 * (after.top - after.bottom)
        for before, after in pairwise(lines)
    )
    if back > max(1, len(lines) / 10):
        lines = sorted(lines, key=lambda line: -line.top)
    rows: list[list[_Line]] = []
    for line in lines:
        if rows and _overlap(rows[-1][0], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [
        _Line(
            min(part.left for part in row), min(part.bottom for part in row), max(part.right for part in row),
            max(part.top for part in row), " ".join(part.text for part in sorted(row, key=lambda part: part.left)),
        )
        for row in rows
    ]  # fmt: skip


def _without_repeats(pages: Sequence[list[list[_Line]]]) -> Iterator[list[list[_Line]]]:
    """The pages without the lines at the top and the bottom that three or more have, numbers apart."""
    edges: list[list[tuple[_Line, str]]] = []
    for page in pages:
        lines = sorted((line for block in page for line in block), key=lambda line: -line.top)
        usual = 1.2 * median([line.top - line.bottom for line in lines]) if lines else 0
        forms = [
            (line, _NUMBER.sub("#", line.text.lower()))
            for line in lines
            if line.top - line.bottom <= usual
        ]
        edges.append(list(dict.fromkeys([*forms[:3], *forms[-3:]])))
    held = Counter(form for page in edges for form in {form for _, form in page})
    # A line with the page's own number, whatever else stands in it.
    ahead = Counter(
        int(found) - n
        for n, page in enumerate(edges)
        for line, _ in page
        for found in _FOLIO.findall(line.text)
    )
    offset, often = ahead.most_common(1)[0] if ahead else (0, 0)
    for number, (page, edge) in enumerate(zip(pages, edges, strict=True)):
        folio = str(number + offset) if often >= max(3, len(pages) / 2) else None
        gone = {
            line
            for line, form in edge
            if held[form] >= 3 or (folio and folio in _FOLIO.findall(line.text))
        }
        yield [[line for line in block if line not in gone] for block in page]


def _paragraphs(blocks: Sequence[Sequence[_Line]]) -> Iterator[str]:
    """The paragraphs of a page: lines that go on are joined, lines that end early keep their end."""
    text = ""
    for block in blocks:
        if not block:
            continue
        right, left = max(line.right for line in block), min(line.left for line in block)
        steps = [
            before.top - after.top for before, after in pairwise(block) if before.top > after.top
        ]
        usual = median(steps) if steps else 0.0
        before: _Line | None = None
        for line in block:
            height = line.top - line.bottom
            if before is None:
                new = not (text and text[-1] not in ".!?:…" and line.text[0].islower())
            else:
                old = before.top - before.bottom
                new = (
                    not 0 < before.top - line.top < 1.35 * usual + 1
                    or not 0.75 < height / max(old, 0.1) < 1.34
                    or _ITEM.match(line.text) is not None
                    or (
                        line.left > before.left + 0.6 * height
                        and before.left < left + 2
                        and before.right < right - height
                    )
                )
            if new:
                if text:
                    yield text
                text = line.text
            else:
                if re.search(r"[^\W\d_][-\u2010]$", text) and line.text[0].islower():
                    text = text[:-1] + _HYPHEN
                early = before is not None and before.right < left + 0.8 * (right - left)
                text += ("\n" if early else " ") + line.text
            before = line
    if text:
        yield text


def _unbroken(pages: Sequence[str]) -> list[str]:
    """The pages with the words that a line's end broke put together, by the document's own other words."""
    words = Counter(
        word for page in pages for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", page.lower())
    )

    def mend(match: re.Match[str]) -> str:
        first, last = match[1], match[2]
        whole, hyphened = f"{first}{last}", f"{first}-{last}"
        keep = last.lower() in _TAILS or not last[0].islower()
        if words[whole.lower()] != words[hyphened.lower()]:
            keep = words[hyphened.lower()] > words[whole.lower()]
        return hyphened if keep else whole

    return [_BROKEN.sub(mend, page.translate(_LIGATURES)).replace(_HYPHEN, "-") for page in pages]


def _ranges(numbers: Sequence[int]) -> str:
    """1, 2, 3, 7 as "1-3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _recognised(page: Any) -> list[list[_Line]]:
    """The lines of a scanned page by OCR; none where its optional packages aren't installed."""
    engine = _engine()
    if engine is None:
        return []
    width, height = page.get_size()
    scale = min(150 / 72, 3000 / max(width, height, 1))
    found = engine(page.render(scale=scale).to_numpy())
    if found.boxes is None:
        return []
    lines = [
        _Line(
            min(x for x, _ in box) / scale, height - max(y for _, y in box) / scale,
            max(x for x, _ in box) / scale, height - min(y for _, y in box) / scale, text,
        )
        for box, text in zip(found.boxes.tolist(), found.txts, strict=True)
    ]  # fmt: skip
    return _ordered(lines)


@cache
def _engine() -> Any:
    if find_spec("rapidocr") is None or find_spec("onnxruntime") is None:
        return None
    import rapidocr

    return rapidocr.RapidOCR(params={"Global.log_level": "critical"})
