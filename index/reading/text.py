"""Plain text, Markdown, subtitles."""

import re
from html import unescape
from itertools import groupby
from pathlib import PurePath

from index.documents import fence_after
from index.reading import marked_up
from index.reading.encoding import decode_bytes
from index.reading.equations import raised
from index.reading.limits import Read, Reading, Source, iso_date, unread
from index.reading.sheets import csv_rows, separator_of
from index.reading.tables import table
from index.reading.text_tables import with_rows

# What a program tells its terminal: colours and moves, the window's title, sets of letters; letters
# that others are printed over, as in bold and underlined text.
_TERMINAL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[()*+][0-9A-B]|[=>78cDEHMNOZ])"
    r"|[^\n]\x08"
)


_TAG = re.compile(r"<[^<>]*>|\{[^{}]*\}")
_NAMED = re.compile(r"&#?[^\W_]+;")  # &nbsp; &#8217;, and not &section= in an address
_MOVED = (("<sup>", "</sup>"), ("<sub>", "</sub>"), (r"\ :sup:`", "`"), (r"\ :sub:`", "`"))
"""What begins and ends a text that is set higher or lower."""


def read_text(source: Source) -> Reading:
    """Text as it stands, without what programs tell their terminal in logs."""
    text = decode_bytes(source.data)
    text = _TERMINAL.sub("", text) if "\x1b" in text or "\b" in text else text
    if separator := separator_of(text):  # a table of a program that calls it a text
        yield Read("\n\n".join(table(csv_rows(text, separator))))
        return
    yield Read("\n".join(with_rows(text.split("\n"), plain=True)))


def read_subtitles(source: Source) -> Reading:
    """What is said, without the numbers and times of the cues."""
    lines = [line.strip() for line in decode_bytes(source.data).split("\n")]
    said: list[str] = []
    note = False
    for n, line in enumerate(lines):
        timed = "-->" in line or (":" in line and not line.strip(":.,0123456789"))
        if timed and n and said[-1:] == [lines[n - 1]]:
            number = lines[n - 1].isdecimal() or n < 2 or not lines[n - 2]
            said = said[:-1] if number else said  # the number or name of the cue
        note = bool(line) and (note or line.startswith(("WEBVTT", "NOTE", "STYLE", "REGION")))
        if line and not timed and not note:
            said.append(line)
    shown = [unescape(_TAG.sub("", line).strip()) for line in said]  # without <i>, {\an8}
    once = [line for line, _ in groupby(filter(None, shown))]
    yield Read("".join(map(_after, once, ["", *once])).lstrip())


def _after(line: str, before: str) -> str:
    """A line of what is said, in the same paragraph where the one before it goes on."""
    return f"{' ' if line[0].islower() and before[-1:].isalnum() else chr(10)}{line}"


def read_markdown(source: Source) -> Reading:
    """Markdown with its tables row by row, without pictures, comments and the lines of its front
    matter."""
    text = marked_up.shown(decode_bytes(source.data), PurePath(source.name).suffix.lower())
    facts, lines = _front(_level(text).split("\n"))
    kept: list[str] = []
    fence, comment, pictures = "", False, 0
    for raw in lines:
        line, bare = raw, 0
        fence = fence if comment else fence_after(raw, fence)
        if not fence:
            line, comment = _uncommented(raw, comment)
            line = _NAMED.sub(lambda found: unescape(found[0]), line)
            line, bare = _unpictured(_shifted(line))
        pictures += bare
        kept.append(line)
    date, notes = iso_date(facts.get("date", "")), unread("unread_pictures", count=pictures)
    text = "\n".join(with_rows(kept)).strip("\n")
    yield Read(text, facts.get("title", ""), facts.get("author", ""), date, unread=notes)


def _level(text: str) -> str:
    """The text with each tag of a picture on one line."""
    first, *others = text.split("<img")
    tags = (other.partition(">") for other in others)
    return first + "".join(f"<img {' '.join(tag.split())}{end}{rest}" for tag, end, rest in tags)


def _shifted(line: str) -> str:
    """A line with what it sets higher or lower as such: 10<sup>6</sup>, H\\ :sub:`2`\\ O."""
    for start, end in _MOVED:
        first, *others = line.split(start)
        for other in others:
            inner, _, rest = other.partition(end)
            first += raised(inner, down="sub" in start) + rest.removeprefix("\\ ")
        line = first
    return line


def _front(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """What the front matter says, and the lines after it; its lines stay where they hold more than
    such facts."""
    if lines and lines[0].startswith("#+") and ":" in lines[0]:  # Org
        pairs = [line[2:].partition(":") for line in lines[:20] if line.startswith("#+")]
        return {key.lower(): value.strip() for key, _, value in pairs}, lines
    if not lines or lines[0].strip() not in ("---", "+++"):
        return {}, lines
    mark = lines[0].strip()
    end = next((n for n, line in enumerate(lines[1:100], 1) if line.strip() in (mark, "...")), 0)
    facts = _facts(lines[1:end], ":" if mark == "---" else "=")
    if not any(facts.values()):
        return {}, lines
    facts["title"] = facts.get("title") or facts.get("titre", "")
    return facts, [*(line for line in lines[1:end] if line.strip()), "", *lines[end + 1 :]]


def _facts(lines: list[str], sign: str) -> dict[str, str]:
    """The values of front matter by their names; those over several lines in one, the items of a
    list with commas between them."""
    facts: dict[str, str] = {}
    last = ""
    for line in lines:
        key, mark, value = line.partition(sign)
        if last and line[:1] in (" ", "\t", "-"):  # it goes on
            item, text = line.strip().startswith("- "), line.strip().removeprefix("- ")
            between = ", " if item and facts[last] else " "
            facts[last] = (facts[last] + between + text.removeprefix("name: ").strip("\"'")).strip()
        elif mark:
            last = key.strip().lower()
            facts[last] = "" if value.strip(" >|-+") == "" else value.strip().strip("\"'")
    return facts


def _uncommented(line: str, inside: bool) -> tuple[str, bool]:
    """A line without <!-- comments -->, and whether one goes on after it."""
    kept, rest = "", line
    while rest:
        before, mark, rest = rest.partition("-->" if inside else "<!--")
        kept += "" if inside else before
        inside = inside != bool(mark)
    return kept, inside


def _unpictured(line: str) -> tuple[str, int]:
    """The line with the description of each picture in its place, and how many have none."""
    label, mark, target = line.strip().partition("]:")
    if mark and label.startswith("[") and target.strip(" <").startswith("data:"):
        return "", 0  # where a picture is: [image1]: data:image/png;base64,…
    first, *others = line.replace("<img", "![<").split("![")
    bare = 0
    for other in others:
        if other.startswith("<"):
            tag, _, rest = other.partition(">")
            quote = tag.partition("alt=")[2][:1]
            description = tag.partition(f"alt={quote}")[2].partition(quote)[0] if quote else ""
        else:
            description, _, rest = other.partition("]")
            if closing := {"(": ")", "[": "]"}.get(rest[:1]):
                rest = rest.partition(closing)[2]
        first += description + rest
        bare += not description
    return first, bare
