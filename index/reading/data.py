"""JSON, a record a line too: each record a line of names and values."""

import json
import re
from collections.abc import Iterator
from typing import Any

from index.documents import clean_text
from index.errors import UserError
from index.reading.encoding import decode_bytes
from index.reading.limits import Budget, Limits, Read, Reading, Source, unread
from index.reading.tables import table
from index.reading.text import read_markdown

_DEEP = 40
# What is no JSON: comments, commas before a closing bracket; texts in quotation marks are passed.
_EXTRA = re.compile(r'("(?:[^"\\]|\\.)*"?)|//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/)?|,(?=\s*[}\]])')


def read_json(source: Source) -> Reading:
    """The records of a JSON file; the cells of a notebook as text."""
    text = decode_bytes(source.data)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if _loaded(text.partition("\n")[0]) is not None:  # a record a line
            yield from read_lines(source)
            return
        value = _mended(text, error)
    pictures, places = 0, _without_places(value)
    if isinstance(value, dict) and "nbformat" in value:
        sheets = value.get("worksheets", [value])  # before its fourth format
        cells = [cell for sheet in sheets for cell in sheet.get("cells", ())]
        blocks = [text for cell in cells for text in _cell(cell)]
        pictures = text.count('"image/')
    else:
        blocks = list(rows_of(value))
    title = value.get("title") if isinstance(value, dict) else ""
    notes = *unread("unread_pictures", count=pictures), *unread("unread_places", count=places)
    yield Read("\n\n".join(blocks), title if isinstance(title, str) else "", unread=notes)


def _without_places(value: Any) -> int:
    """Take out the points of lines and areas on a map, as GeoJSON has them, and count them."""
    count, left = 0, [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if _nested(each.get("coordinates")):
                count += str(each.pop("coordinates")).count("], [") + 1
            left += each.values()
        elif isinstance(each, list):
            left += each
    return count


def _mended(text: str, error: Exception) -> Any:
    """What a text says that is JSON but for comments and commas too many; a list of the values
    where several stand one after the other. Raises UserError `document_damaged`."""
    for _ in range(2):  # a comment may follow a comma
        text = _EXTRA.sub(lambda found: found[1] or "", text)
    values: list[Any] = []
    text, at, decoder = text.strip(), 0, json.JSONDecoder()
    try:
        while at < len(text) or not values:
            value, at = decoder.raw_decode(text, at)
            values.append(value)
            at = next((n for n in range(at, len(text)) if not text[n].isspace()), len(text))
    except (ValueError, RecursionError):
        raise UserError("document_damaged", reason=str(error)[:200]) from error
    return values if len(values) > 1 else values[0]


def _cell(cell: Any) -> Iterator[str]:
    """What a cell of a notebook says, and what it gave: tables row by row, what went wrong."""
    from index.reading.page_flow import texts_of

    if isinstance(cell, dict):
        text = "".join(cell.get("source") or cell.get("input", ""))
        if cell.get("cell_type") == "markdown":
            inner = Source("a.md", text.encode("utf-8", "surrogatepass"), Budget(Limits()))
            text = "".join(found.text for found in read_markdown(inner) if isinstance(found, Read))
        yield text
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            page, wrong = "".join(data.get("text/html", "")), output.get("evalue")
            if "<table" in page:
                yield from texts_of(page.encode())
            elif wrong:
                yield f"{output.get('ename')}: {wrong}"
            else:
                yield "".join(output.get("text") or data.get("text/plain", ""))


def rows_of(value: Any, name: str = "", deep: int = 0) -> Iterator[str]:
    """A line for each record: its plain values together, then the lines of the lists in it; a list
    of lists is a table."""
    if _keyed(value) and deep < _DEEP:
        for key, item in value.items():
            yield from rows_of({"" if name in item else name: key, **item}, "", deep + 1)
    elif isinstance(value, dict):
        rows, value = _split(value)
        yield from table(rows, head=1)
        fields = [(key, item) for key, item in _fields(value) if item not in (None, "", [])]
        plain = [f"{key}: {_shown(item)}" for key, item in fields if not _nested(item)]
        if plain:
            yield "; ".join(plain).removeprefix(": ")
        for key, item in fields if deep < _DEEP else ():
            if _nested(item):
                yield from rows_of(item, key, deep + 1)
    elif not isinstance(value, list):
        yield f"{name}: {_shown(value)}" if name else _shown(value or "")
    elif len(value) > 1 and all(isinstance(row, list) and not _nested(row) for row in value):
        yield from table(_grid(value))
    elif _nested(value) or not name:
        for each in value if deep < _DEEP else ():
            yield from rows_of(each, name if isinstance(each, list) else "", deep + 1)
    else:
        yield f"{name}: {_shown(value)}"


def _split(value: dict[str, Any]) -> tuple[list[list[str]], dict[str, Any]]:
    """The table of an object that holds the names of the columns and the rows apart, as pandas
    does ("split"), and what else it holds."""
    lists = {key: item for key, item in value.items() if isinstance(item, list) and item}
    names = {
        key: [each.get("name") if isinstance(each, dict) else each for each in item]
        for key, item in lists.items()
    }
    pairs = (
        (head, key)
        for head, columns in names.items()
        for key, rows in lists.items()
        if all(isinstance(each, str) for each in columns)
        and all(isinstance(row, list) and len(row) == len(columns) for row in rows)
    )
    head, key = next(pairs, ("", ""))
    if not key:
        return [], value
    rows, labels = lists[key], lists.get("index", [])
    others = {name: item for name, item in value.items() if name not in (head, key)}
    if len(labels) == len(rows):
        del others["index"]
        if labels != list(range(len(rows))):
            rows = [["", *names[head]], *([a, *b] for a, b in zip(labels, rows, strict=True))]
            return _grid(rows), others
    return _grid([names[head], *rows]), others


def _grid(rows: list[list[Any]]) -> list[list[str]]:
    return [["" if cell is None else _shown(cell) for cell in row] for row in rows]


def _keyed(value: Any) -> bool:
    """Whether an object is several records of one kind under keys that name them."""
    items = list(value.values()) if isinstance(value, dict) else []
    alike = len(items) > 1 and all(isinstance(each, dict) for each in items)
    return alike and bool(set.intersection(*map(set, items)))


def _fields(value: dict[str, Any], before: str = "", deep: int = 0) -> Iterator[tuple[str, Any]]:
    """The values of an object, those of the objects in it too, under the names on the way."""
    for key, item in value.items():
        if isinstance(item, dict) and deep < _DEEP and not _keyed(item):
            yield from _fields(item, f"{before}{key} ", deep + 1)
        else:
            yield f"{before}{key}", item


def _nested(value: Any) -> bool:
    inner = value if isinstance(value, list) else []
    return _keyed(value) or any(isinstance(each, dict | list) for each in inner)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_lines(source: Source) -> Reading:
    """One document a line, `{"_id", "title", "text"}`, where a bad line is an error; else each line
    a row of values."""
    text = decode_bytes(source.data)
    values = [value for line in text.split("\n", 200) if (value := _loaded(line)) is not None]
    if not values or any(
        isinstance(each, dict) and {"_id", "text"} <= each.keys() for each in values
    ):
        yield from _documents(text)
        return
    every = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    loaded = [(number, _loaded(line)) for number, line in every]
    yield Read("\n\n".join(rows_of([value for _, value in loaded if value is not None])))
    for number, value in loaded:
        if value is None:
            yield UserError("document_line", line=number)


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
