"""Letters from pictures of pages, where one of the optional programs for it is installed
(requirements-ocr.txt)."""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from index.reading.lines import Line

_DPI = 150  # dots an inch at which a page is drawn
_WIDEST = 3000  # pixels


def engines() -> list[str]:
    """What can recognise letters here."""
    return ["ocr"] if find_spec("rapidocr") and find_spec("onnxruntime") else []


def recognised(page: Any) -> Sequence[Line]:
    """The lines of a scanned page; none where nothing that recognises letters is installed."""
    engine = _engine()
    if engine is None:
        return []
    width, height = page.get_size()
    scale = min(_DPI / 72, _WIDEST / max(width, height, 1))
    found = engine(page.render(scale=scale).to_numpy())
    if found.boxes is None:
        return []
    return [
        Line(
            min(x for x, _ in box) / scale, height - max(y for _, y in box) / scale,
            max(x for x, _ in box) / scale, height - min(y for _, y in box) / scale, text,
        )
        for box, text in zip(found.boxes.tolist(), found.txts, strict=True)
    ]  # fmt: skip


@cache
def _engine() -> Any:
    if not engines():
        return None
    import rapidocr

    return rapidocr.RapidOCR(params={"Global.log_level": "critical", "Global.use_cls": False})
