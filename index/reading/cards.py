"""Records whose fields are lines: appointments, addresses, movements of an account."""

from collections.abc import Iterator
from itertools import groupby
from quopri import decodestring

from index.reading.encoding import decode_bytes
from index.reading.limits import Read, Reading, Source
from index.reading.tables import records

_OF_PROGRAMS = frozenset(
    "BEGIN VERSION PRODID UID DTSTAMP SEQUENCE REV CALSCALE METHOD PHOTO".split()
)
_TOLD = ("", "TYPE", "CN", "ENCODING")  # parameters of a field that are looked at
_CALLED = ("SUMMARY", "FN", "X-WR-CALNAME")
_QUICKEN = dict(
    D="Date", T="Amount", P="Payee", M="Memo", L="Category", N="Number", A="Address",
    S="Part", E="Part memo", **{"$": "Part amount"},
)  # fmt: skip
_CODES = frozenset("QUOTED-PRINTABLE BASE64 B 7BIT 8BIT".split())


def read_cards(source: Source) -> Reading:
    """Appointments (.ics) and addresses (.vcf): a line each event or person, by its name; what is
    in it, as a reminder, on a line of its own."""
    text = decode_bytes(source.data)
    if "QUOTED-PRINTABLE" in text.upper():
        text = text.replace("=\n ", "=\n").replace("=\n", "")
    text = text.replace("\n ", "").replace("\n\t", "")
    first, *others = text.split("BEGIN:VTIMEZONE")  # when clocks change
    text = first + "".join(other.partition("END:VTIMEZONE")[2] for other in others)
    found: list[dict[str, str]] = [{}]
    open_ = [found[0]]
    for line in text.split("\n"):
        name, said, value = _field(line)
        codes = {each.upper() for each in said} & _CODES
        if "QUOTED-PRINTABLE" in codes:
            value = decode_bytes(decodestring(value.encode()))
        if name == "BEGIN":
            found.append({})
            open_.append(found[-1])
        elif name == "END":
            open_ = open_[:-1] or open_
        elif value.strip() and name not in _OF_PROGRAMS and not codes & {"B", "BASE64"}:
            value = value.replace("\\,", ",").replace("\\;", ";").replace("\\n", " ")
            value = value.removeprefix("_$!<").removesuffix(">!$_")  # Apple's own labels
            told = ", ".join(each for each in said if each.upper() not in codes)
            value = f"{_moment(value)} ({told})".removesuffix(" ()")
            record = open_[-1]
            record[name] = f"{record[name]}, {value}" if name in record else value
    yield Read("\n\n".join(_said(found)))


def _said(found: list[dict[str, str]]) -> Iterator[str]:
    """Records with what they are called first; those of one kind together."""
    named = [
        [(key, each[key]) for key in sorted(each, key=lambda key: key not in _CALLED)]
        for each in found
        if each
    ]
    for _, run in groupby(named, lambda fields: fields[0][0]):
        yield from records([*run])


def _field(line: str) -> tuple[str, list[str], str]:
    """The name of a field, of what kind it is or who is meant, and its value; a colon between
    quotation marks parts nothing."""
    pieces = line.split('"')
    pieces[1::2] = (piece.replace(":", "\0") for piece in pieces[1::2])
    head, _, value = '"'.join(pieces).partition(":")
    name, *given = head.split(";")
    said = (each.replace("\0", ":").rpartition("=") for each in given)  # a bare one in old files
    told = [each.strip('"') for key, _, each in said if key.upper() in _TOLD]
    return name.rpartition(".")[2], told, value.replace("\0", ":")


def _moment(value: str) -> str:
    """20240321T183000Z as 2024-03-21 18:30 UTC; other values as they are."""
    day, mark, time = value.rstrip("Z").partition("T")
    if len(day) != 8 or not day.isdecimal() or (mark and not time.isdecimal()):
        return value
    moment = f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}".rstrip(" :")
    return f"{moment} UTC" if value.endswith("Z") else moment


def read_qif(source: Source) -> Reading:
    """Movements of an account as Quicken writes them: a letter for each field."""
    found: list[list[tuple[str, str]]] = [[]]
    for line in decode_bytes(source.data).split("\n"):
        if line[:1] in ("!", "^"):
            found.append([])
        elif name := _QUICKEN.get(line[:1], ""):
            found[-1].append((name, line[1:].strip()))
    yield Read("\n\n".join(records([[pair for pair in each if pair[1]] for each in found if each])))
