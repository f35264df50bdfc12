"""PowerPoint files: the slides in their order, each with its tables, charts, diagrams, notes and
comments, as pages."""

from collections.abc import Iterator
from typing import Any

from index.reading.archive import Archive, open_zip
from index.reading.limits import Read, Reading, Source, in_pages, unread
from index.reading.marks import beside
from index.reading.numbering import numeral
from index.reading.ooxml import (
    chart,
    count_of,
    embedded,
    facts_of,
    inside,
    main_part,
    parse_xml,
    part_named,
    parts_of,
    tag_of,
    value_of,
)
from index.reading.tables import Cell, spread, table

_FURNITURE = ("sldNum", "dt")


def read_pptx(source: Source) -> Reading:
    """The slides, as pages; what stands at the foot of each is said once, on the last."""
    archive = open_zip(source.data, source.budget)
    path = main_part(archive, "ppt/presentation.xml")
    parts = parts_of(archive, path)
    slides: list[str] = []
    for each in parse_xml(archive.read(path)).iter("{*}sldId"):
        name = next((value for key, value in each.items() if key.endswith("}id")), "")
        slides.append(parts.get(name, ("", ""))[1])
    authors = _authors(archive, parts)
    feet = list(_masters(archive, slides))
    pages = [
        "\n\n".join(_page(archive, slide, authors, feet)) if slide in archive.names else ""
        for slide in slides
    ]
    if feet and pages:
        pages[-1] = "\n\n".join([pages[-1], *beside("footer", feet, pages)])
    text, spans = in_pages(pages, prose=False)
    roots = [parse_xml(archive.read(slide)) for slide in slides if slide in archive.names]
    strikes = (value_of(run, "strike") for root in roots for run in root.iter("{*}rPr"))
    notes = (
        *unread("unread_deleted", count=sum(each[:3] in ("sng", "dbl") for each in strikes)),
        *unread("unread_pictures", count=archive.count("ppt/media/")),
        *unread("read_hidden", count=sum(value_of(root, "show") == "0" for root in roots)),
    )
    yield Read(text, *facts_of(archive, "docProps/core.xml"), spans, notes)
    yield from embedded(archive, *slides)


def _masters(archive: Archive, slides: list[str]) -> Iterator[str]:
    """What every slide of a kind shows: the texts of its layout and master that hold no place."""
    layouts = [each for slide in slides for each in part_named(archive, slide, "slideLayout")]
    masters = [each for layout in layouts for each in part_named(archive, layout, "slideMaster")]
    for part in dict.fromkeys([*layouts, *masters]):
        for shape in parse_xml(archive.read(part)).iterfind("{*}cSld/{*}spTree/*"):
            if shape.find("{*}nvSpPr/{*}nvPr/{*}ph") is None:
                yield from _shapes([shape], [])


def _page(archive: Archive, path: str, authors: dict[str, str], feet: list[str]) -> Iterator[str]:
    parts = parts_of(archive, path)
    root = parse_xml(archive.read(path))
    blocks = sorted(_shapes(root, feet), key=lambda block: not block.startswith("# "))
    for kind, part in parts.values():
        if part not in archive.names:
            continue
        if kind in ("chart", "chartEx"):
            blocks += chart(parse_xml(archive.read(part)))
        elif kind == "diagramData":
            blocks += _shapes(parse_xml(archive.read(part)), [])
    yield from blocks
    for kind, part in parts.values():
        if kind == "notesSlide" and part in archive.names:
            yield from beside("speaker", _shapes(parse_xml(archive.read(part)), feet), blocks)
        elif kind == "comments" and part in archive.names:
            yield from beside("comments", _comments(parse_xml(archive.read(part)), authors), blocks)


def _authors(archive: Archive, parts: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Who comments are by: names by id."""
    return {
        value_of(node, "id"): value_of(node, "name")
        for kind, part in parts.values()
        if kind in ("commentAuthors", "authors") and part in archive.names
        for node in parse_xml(archive.read(part))
    }


def _comments(root: Any, authors: dict[str, str]) -> Iterator[str]:
    for each in root.iter("{*}cm", "{*}reply"):
        own = each.find("{*}text")
        body = each.find("{*}txBody")
        text = (
            (own.text or "")
            if own is not None
            else " ".join(map(inside, body.iter("{*}p")))
            if body is not None
            else ""
        )
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
