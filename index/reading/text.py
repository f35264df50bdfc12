"""Plain text, Markdown, subtitles and JSON lines."""

import json
from collections.abc import Iterator

from index.documents import clean_text
from index.errors import UserError
from index.reading.encoding import decode_bytes
from index.reading.limits import Read, Reading, Source, iso_date, unread
from index.reading.tables import table


def read_text(source: Source) -> Reading:
    """Text as it stands."""
    yield Read(decode_bytes(source.data))


def read_subtitles(source: Source) -> Reading:
    """What is said, without the numbers and times of the cues."""
    said: list[str] = []
    for block in decode_bytes(source.data).split("\n\n"):
        lines = block.strip().split("\n")
        timed = next((n for n, line in enumerate(lines) if "-->" in line), None)
        if timed is None:  # .sbv has its times before the text, WebVTT its notes and styles
            times = lines[0].replace(",", "").replace(":", "").replace(".", "").isdigit()
            kept = lines[1:] if times else []
        else:
            kept = lines[timed + 1 :]
        said += [line for line in map(_untagged, kept) if line and line != (said or [""])[-1]]
    yield Read("\n".join(said))


def _untagged(line: str) -> str:
    """A line of a subtitle without <i> and {\\an8}."""
    for opening, closing in ("<>", "{}"):
        pieces = line.split(opening)
        line = pieces[0] + "".join(piece.partition(closing)[2] for piece in pieces[1:])
    return line.strip()


def read_lines(source: Source) -> Reading:
    """One document a line, `{"_id", "title", "text"}`, where a bad line is an error; else each line
    a row of values."""
    text = decode_bytes(source.data)
    values = [value for line in text.split("\n", 200) if (value := _loaded(line)) is not None]
    if values and not any(
        isinstance(value, dict) and "_id" in value and "text" in value for value in values
    ):
        from index.reading.data import rows_of

        every = [value for line in text.split("\n") if (value := _loaded(line)) is not None]
        if all(isinstance(value, dict) for value in every):
            yield Read("\n\n".join(rows_of(every)))
            return
    yield from _documents(text)


def _loaded(line: str) -> object:
    try:
        return json.loads(line) if line.strip() else None
    except (ValueError, RecursionError):
        return None


def _documents(text: str) -> Iterator[Read | UserError]:
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            name, body = str(value["_id"]), value["text"]
            title = value.get("title") or ""
            if not isinstance(body, str) or not isinstance(title, str):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield UserError("document_line", line=number)
            continue
        if name in seen:
            yield UserError("document_twice", line=number, name=name, first=seen[name])
            continue
        seen[name] = number
        # JSON can hold halves of a code point (\ud83d alone), which no file or database can.
        name, title, body = map(clean_text, (name, title, body))
        yield Read(body, title.strip()[:200], name=name)


def read_markdown(source: Source) -> Reading:
    """Markdown with its tables row by row, without pictures, comments and the lines of its front
    matter."""
    lines = decode_bytes(source.data).split("\n")
    facts, lines = _front(lines)
    kept: list[str] = []
    rows: list[str] = []
    fence, pictures = "", 0
    for line in [*_uncommented(lines), ""]:
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~") and fence in ("", mark):
            fence = "" if fence else mark
        if (
            not fence
            and "|" in line
            and (line.lstrip().startswith("|") or rows or "|" in line.strip("|"))
        ):
            rows.append(line)
            continue
        kept += _rows(rows)
        rows = []
        if not fence and _is_picture_link(line):
            continue
        shown, bare = (line, 0) if fence else _unpictured(line)
        pictures += bare
        kept.append(shown)
    text = "\n".join(kept).strip("\n")
    date = iso_date(facts.get("date", ""))
    yield Read(
        text,
        facts.get("title", ""),
        facts.get("author", ""),
        date,
        unread=unread("unread_pictures", count=pictures),
    )


def _front(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """What the front matter says, and the lines after it; its lines stay where they hold more than
    such facts."""
    if not lines or lines[0].strip() not in ("---", "+++"):
        return {}, lines
    end = next(
        (n for n, line in enumerate(lines[1:100], 1) if line.strip() in (lines[0].strip(), "...")),
        0,
    )
    facts = {}
    for line in lines[1:end]:
        key, mark, value = line.partition(":" if lines[0].strip() == "---" else "=")
        if mark and value.strip():
            facts[key.strip().lower()] = value.strip().strip("\"'")
    if not facts:
        return {}, lines
    facts["title"] = facts.get("title") or facts.get("titre", "")
    return facts, [*(line for line in lines[1:end] if line.strip()), "", *lines[end + 1 :]]


def _uncommented(lines: list[str]) -> Iterator[str]:
    """The lines without <!-- comments -->."""
    inside = False
    for line in lines:
        kept = ""
        rest = line
        while rest:
            before, mark, rest = rest.partition("-->" if inside else "<!--")
            kept += "" if inside else before
            inside = inside != bool(mark)
        yield kept


def _is_picture_link(line: str) -> bool:
    """Whether a line says where a picture is: [image1]: data:image/png;base64,…"""
    label, mark, target = line.strip().partition("]:")
    return bool(mark) and label.startswith("[") and target.strip(" <").startswith("data:")


def _unpictured(line: str) -> tuple[str, int]:
    """The line with the description of each picture in its place, and how many have none."""
    first, *others = line.split("![")
    bare = 0
    for other in others:
        description, _, rest = other.partition("]")
        if rest[:1] in ("(", "["):
            _, _, rest = rest.partition(")" if rest[0] == "(" else "]")
        first += description + rest
        bare += not description
    return first, bare


def _rows(lines: list[str]) -> Iterator[str]:
    """The rows of a pipe table, each with the names of its columns; other lines as they are."""
    if len(lines) < 2 or not lines[1].strip() or lines[1].strip().strip("|:- \t"):
        yield from lines
        return
    cells = []
    for line in lines[:1] + lines[2:]:
        inner = line.strip().replace("\\|", "\0").removeprefix("|").removesuffix("|")
        cells.append([cell.strip().replace("\0", "|") for cell in inner.split("|")])
    yield "\n\n".join(["", *table(cells, head=1), ""])
