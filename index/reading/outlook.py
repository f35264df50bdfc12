"""Outlook's own formats, .msg files and winmail.dat (TNEF): both hold MAPI properties, by
number."""

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

from index.errors import UserError
from index.reading.encoding import decode_bytes
from index.reading.limits import Part, Reading, Source
from index.reading.mail import message_found
from index.reading.page_flow import texts_of
from index.reading.rtf import rtf_text

_SUBJECT, _BODY, _HTML, _RTF, _SENDER = 0x37, 0x1000, 0x1013, 0x1009, 0x0C1A
_ADDRESS, _TO, _CC = 0x0C1F, 0x0E04, 0x0E03
_SMTP, _SENT, _DELIVERED, _DATA, _LONG_NAME, _NAME = 0x5D01, 0x0039, 0x0E06, 0x3701, 0x3707, 0x3704
_DISPLAY = 0x3001
_INNER = "__substg1.0_3701000D"  # where a message attached to one lies
_DEEPEST = 3
_SIZES = {0x02: 2, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 2, 0x14: 8, 0x40: 8}
_SIZES[0x48] = 16
_PREFILL = (  # what the dictionary of compressed RTF holds before the first byte (MS-OXRTFCP)
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)

Properties = dict[int, Any]
"""MAPI properties by number: text, bytes or a time."""


def read_msg(source: Source) -> Reading:
    """A message saved by Outlook, then its attachments."""
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(source.data)) as ole:
            yield from _message(ole, "")
    except (OSError, ValueError, struct.error) as error:
        raise UserError("document_damaged", reason=str(error)) from error


def _message(ole: Any, folder: str, depth: int = 0) -> Reading:
    """A message in a folder of the file, its attachments, and the messages attached to it."""
    attached, inner = [], []
    for *above, name in ole.listdir(streams=False, storages=True):
        if "/".join(above) == folder and name.startswith("__attach_version1.0_#"):
            below = "/".join([*above, name])
            if ole.exists(f"{below}/{_INNER}"):
                inner.append(f"{below}/{_INNER}")
            else:
                attached.append(_part(_stored(ole, below)))
    yield from _found(_stored(ole, folder), attached)
    for each in inner if depth < _DEEPEST else ():
        yield from _message(ole, each, depth + 1)


def _stored(ole: Any, folder: str) -> Properties:
    """The properties of a message or an attachment: long ones are streams, times stand in one of
    their own."""
    found: Properties = {}
    for *above, name in ole.listdir():
        if "/".join(above) == folder and name.startswith("__substg1.0_") and len(name) == 20:
            data = ole.openstream([*above, name]).read()
            found[int(name[12:16], 16)] = _value(int(name[16:], 16), data)
    fixed = f"{folder}/__properties_version1.0".strip("/")
    if ole.exists(fixed):
        data = ole.openstream(fixed).read()
        for at in range(len(data) % 16, len(data) - 15, 16):
            tag, _, value = struct.unpack("<IIQ", data[at : at + 16])
            if tag & 0xFFFF == 0x40:
                found[tag >> 16] = value
    return found


def read_tnef(source: Source) -> Reading:
    """What Outlook packs into winmail.dat: the text of the message with its format, and the
    attachments."""
    message: Properties = {}
    attachments: list[Properties] = []
    for level, name, data in _attributes(source.data):
        if level == 2 and (name == 0x9002 or not attachments):
            attachments.append({})
        own = attachments[-1] if level == 2 else message
        if name in (0x9003, 0x9005):
            own |= {number: value for number, value in _mapi(data) if value}
        elif name == 0x8004:
            own.setdefault(_SUBJECT, _narrow(data))
        elif name == 0x800C:
            own.setdefault(_BODY, _narrow(data))
        elif name == 0x8010:
            own.setdefault(_NAME, _narrow(data))
        elif name == 0x800F:
            own[_DATA] = data
    yield from _found(message, [_part(each) for each in attachments if each])


def _attributes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The attributes of a TNEF stream: level, number, content."""
    at = 6
    while at + 9 <= len(data):
        level, tag, size = struct.unpack("<BII", data[at : at + 9])
        yield level, tag & 0xFFFF, data[at + 9 : at + 9 + size]
        at += 9 + size + 2


def _mapi(data: bytes) -> Iterator[tuple[int, Any]]:
    """The properties of an attribute that holds some: number and value."""
    view = io.BytesIO(data)

    def number() -> int:
        raw = view.read(4)
        return struct.unpack("<I", raw)[0] if len(raw) == 4 else -1

    for _ in range(max(number(), 0)):
        tag = number()
        if tag < 0:
            return
        kind, name = tag & 0xFFFF, tag >> 16
        if name >= 0x8000:  # a property with a name of its own, which comes before its value
            view.read(16)
            if number() == 0:
                number()
            else:
                size = number()
                view.read(max(size, 0) + -size % 4)
        several = kind & 0x1000
        kind &= 0x0FFF
        for _ in range(max(number(), 0) if several or kind not in _SIZES else 1):
            if kind in _SIZES:
                raw = view.read(_SIZES[kind] + -_SIZES[kind] % 4)
                yield name, struct.unpack("<Q", raw)[0] if kind == 0x40 and len(raw) == 8 else None
                continue
            size = number()
            if size < 0:
                return
            raw = view.read(size)
            view.read(-size % 4)
            yield name, _value(kind, raw[16:] if kind == 0x0D else raw)


def _value(kind: int, data: bytes) -> str | bytes:
    """The value of a property of a kind that isn't a number."""
    if kind == 0x1F:
        return data.decode("utf-16-le", "replace").rstrip("\0")
    return _narrow(data) if kind == 0x1E else data


def _narrow(data: bytes) -> str:
    """A text of one byte a letter, which zeros may end."""
    return decode_bytes(data.replace(b"\0", b""))


def _part(properties: Properties) -> Part:
    """An attachment."""
    name = properties.get(_LONG_NAME) or properties.get(_NAME) or properties.get(_DISPLAY)
    called = name.strip("\0") if isinstance(name, str) else ""
    return Part(called or "1", partial(bytes, properties.get(_DATA) or b""))


def _found(properties: Properties, attached: list[Part]) -> Reading:
    """A message and its attachments from its properties."""

    def text(number: int) -> str:
        value = properties.get(number)
        return value.strip("\0 \r\n") if isinstance(value, str) else ""

    address = text(_SMTP) or (text(_ADDRESS) if "@" in text(_ADDRESS) else "")
    both = text(_SENDER) and address
    headers = {
        "From": f"{text(_SENDER)} <{address}>" if both else text(_SENDER) or address,
        "To": text(_TO),
        "Cc": text(_CC),
    }
    ticks = properties.get(_SENT) or properties.get(_DELIVERED)
    if isinstance(ticks, int) and ticks > 0:
        with suppress(OverflowError):
            sent = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
            headers["Date"] = format_datetime(sent)
    headers["Subject"] = text(_SUBJECT)
    said = {name: value for name, value in headers.items() if value}
    yield from message_found(said, _body(properties), attached)


def _body(properties: Properties) -> str:
    """The richest form of the text: the page, else the plain one, else RTF."""
    plain, page, rtf = (properties.get(number) for number in (_BODY, _HTML, _RTF))
    if isinstance(page, str):
        page = page.encode()
    text = "\n\n".join(texts_of(page.replace(b"\0", b""))) if page else ""
    if isinstance(plain, str) and len(plain) > 1.5 * len(text):
        return plain.replace("\r\n", "\n").strip()
    if text or not isinstance(rtf, bytes) or len(rtf) < 16:
        return text
    return rtf_text(_decompressed(rtf)).text


def _decompressed(data: bytes) -> bytes:
    """Compressed RTF (MS-OXRTFCP): letters, and runs of the last 4,096 bytes by their place."""
    size, kind = struct.unpack("<4xI4s4x", data[:16])
    if kind == b"MELA":
        return data[16 : 16 + size]
    out, at = bytearray(4096) + _PREFILL, 16
    first = len(out)
    while at < len(data) and len(out) < first + size:
        flags, at = data[at], at + 1
        for bit in range(8):
            if not flags >> bit & 1:
                out += data[at : at + 1]
                at += 1
                continue
            pair, at = int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big"), at + 2
            back = (len(out) - (pair >> 4)) % 4096
            if back == 0:
                return bytes(out[first:])
            for _ in range((pair & 15) + 2):
                out.append(out[-back])
    return bytes(out[first:])
