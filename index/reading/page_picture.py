"""A page of a PDF as a picture, with the words that an answer rests on marked."""

from io import BytesIO
from typing import Any
from unicodedata import normalize

_PIXELS = 1200  # width of a page's picture at most
_MARK = (255, 222, 130)  # the colour of what is marked there
_ENDS = 20  # letters at either end by which a text is found that something interrupts


def picture(data: bytes, number: int, said: str) -> bytes:
    """A page (from 1) as a PNG, with the words of a text marked where they stand on it, if they
    do."""
    import pypdfium2
    from PIL import Image, ImageChops, ImageDraw

    page = pypdfium2.PdfDocument(data)[number - 1]
    width, height = page.get_size()
    bitmap = page.render(scale=min(_PIXELS / max(width, 1), 2 * _PIXELS / max(height, 1), 3))
    shown, to = bitmap.to_pil().convert("RGB"), bitmap.get_posconv(page)
    marks = Image.new("RGB", shown.size, "white")
    textpage = page.get_textpage()
    # The names of columns, which stand before each value of a row, are drawn elsewhere.
    values = "".join(cell.partition(": ")[2] or cell for cell in said.split("; "))
    for left, bottom, right, top in _places(textpage, said) or _places(textpage, values):
        xs, ys = zip(to.to_bitmap(left, bottom), to.to_bitmap(right, top), strict=True)
        ImageDraw.Draw(marks).rectangle(
            (min(xs) - 2, min(ys) - 2, max(xs) + 2, max(ys) + 2), fill=_MARK
        )
    png = BytesIO()
    ImageChops.multiply(shown, marks).save(png, "PNG")
    return png.getvalue()


def _places(textpage: Any, said: str) -> list[tuple[float, float, float, float]]:
    """The rectangles, in points, of a text on a page. Only letters and figures are compared: the
    text was put together from lines; where something stands between them, its beginning and its end
    are looked for."""
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
    return "".join(filter(str.isalnum, normalize("NFKC", text).casefold()))
