"""PowerPoint files: the slides in their order, each with its tables, charts, diagrams, notes and
comments, as pages."""

from collections.abc import Iterator
from typing import Any

from index.reading.limits import Read, Reading, Source, in_pages, unread
from index.reading.marks import beside
from index.reading.numbering import numeral
from index.reading.ooxml import Package, chart, inside
from index.reading.tables import Cell, spread, table
from index.reading.xml_nodes import count_of, tag_of, value_of

_FURNITURE = ("sldNum", "dt")


def read_pptx(source: Source) -> Reading:
    """The slides, as pages; what stands at the foot of each is said once, on the last."""
    package = Package(source, "ppt/presentation.xml")
    parts = package.parts(package.main)
    slides: list[str] = []
    for each in package.xml(package.main).iter("{*}sldId"):
        name = next((value for key, value in each.items() if key.endswith("}id")), "")
        slides.append(parts.get(name, ("", ""))[1])
    authors = {
        value_of(node, "id"): value_of(node, "name")
        for root in package.roots(package.main, "commentAuthors", "authors")
        for node in root
    }
    feet = list(_masters(package, slides))
    pages = ["\n\n".join(_page(package, each, authors, feet)) if each else "" for each in slides]
    if feet and pages:
        pages[-1] = "\n\n".join([pages[-1], *beside("footer", feet, pages)])
    text, spans = in_pages(pages, prose=False)
    roots = [package.xml(slide) for slide in filter(None, slides)]
    strikes = (value_of(run, "strike") for root in roots for run in root.iter("{*}rPr"))
    notes = (
        *unread("unread_deleted", count=sum(each[:3] in ("sng", "dbl") for each in strikes)),
        *unread("unread_pictures", count=package.count("ppt/media/")),
        *unread("read_hidden", count=sum(value_of(root, "show") == "0" for root in roots)),
    )
    yield Read(text, *package.facts(), spans, notes)
    yield from package.embedded(*slides)


def _masters(package: Package, slides: list[str]) -> Iterator[str]:
    """What every slide of a kind shows: the texts of its layout and master that hold no place."""
    layouts = [each for slide in slides for each in package.named(slide, "slideLayout")]
    masters = [each for layout in layouts for each in package.named(layout, "slideMaster")]
    for part in dict.fromkeys([*layouts, *masters]):
        for shape in package.xml(part).iterfind("{*}cSld/{*}spTree/*"):
            if shape.find("{*}nvSpPr/{*}nvPr/{*}ph") is None:
                yield from _shapes([shape], [])


def _page(package: Package, path: str, authors: dict[str, str], feet: list[str]) -> Iterator[str]:
    shapes = _shapes(package.xml(path), feet)
    blocks = sorted(shapes, key=lambda block: not block.startswith("# "))
    for root in package.roots(path, "chart", "chartEx"):
        blocks += chart(root)
    for root in package.roots(path, "diagramData"):
        blocks += _shapes(root, [])
    yield from blocks
    for root in package.roots(path, "notesSlide"):
        yield from beside("speaker", _shapes(root, feet), blocks)
    for root in package.roots(path, "comments"):
        yield from beside("comments", _comments(root, authors), blocks)


def _comments(root: Any, authors: dict[str, str]) -> Iterator[str]:
    for each in root.iter("{*}cm", "{*}reply"):
        paragraphs = map(inside, each.iterfind("{*}txBody//{*}p"))
        text = each.findtext("{*}text") or " ".join(paragraphs)
        author = authors.get(value_of(each, "authorId"), "")
        yield f"{author}: {text}" if author and text else text


def _shapes(node: Any, feet: list[str]) -> Iterator[str]:
    counts: dict[int, int] = {}
    for child in node:
        tag = tag_of(child)
        place = child.find("{*}nvSpPr/{*}nvPr/{*}ph") if tag == "sp" else None
        kind = value_of(place, "type")
        if tag == "tbl":
            yield from _table(child)
        elif tag == "p":
            if text := inside(child).strip():
                yield _number(child, counts) + text
        elif kind == "ftr":
            feet += _shapes(child, [])
        elif kind not in _FURNITURE and tag not in ("Fallback", "hdr"):
            blocks = list(_shapes(child, feet))
            yield from (
                ["# " + " ".join(blocks)] if kind in ("title", "ctrTitle") and blocks else blocks
            )


def _number(node: Any, counts: dict[int, int]) -> str:
    """The number of a paragraph in a list that counts by itself, by how many each level has."""
    level = int(value_of(node.find("{*}pPr"), "lvl") or 0)
    for deeper in [each for each in counts if each > level]:
        del counts[deeper]
    numbered = node.find("{*}pPr/{*}buAutoNum")
    if numbered is None:
        counts.pop(level, None)
        return ""
    counts[level] = counts.get(level, int(value_of(numbered, "startAt") or 1) - 1) + 1
    form, sign = value_of(numbered, "type"), "." if "Period" in value_of(numbered, "type") else ")"
    names = {"alphaLc": "a", "alphaUc": "A", "romanLc": "i", "romanUc": "I"}
    kind = next((kind for name, kind in names.items() if form.startswith(name)), "1")
    return f"{numeral(counts[level], kind)}{'' if form.endswith('Plain') else sign} "


def _table(node: Any) -> Iterator[str]:
    grid, _ = spread(
        [
            Cell(" ".join(_shapes(cell, [])), count_of(cell, "gridSpan"), count_of(cell, "rowSpan"))
            for cell in row.findall("{*}tc")
            if not {"1", "true"} & {value_of(cell, "hMerge"), value_of(cell, "vMerge")}
        ]
        for row in node.iter("{*}tr")
    )
    named = value_of(node.find("{*}tblPr"), "firstRow") == "1"
    yield from table(
        grid, head=1 if named and len(grid) > 1 and len(grid[0]) > 1 else None, sure=False
    )
