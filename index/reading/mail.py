"""Mail: the body as its reader sees it, whichever of its parts holds it, and the attachments as
files."""

import email.policy
import email.utils
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from functools import partial
from mimetypes import guess_extension
from pathlib import PurePosixPath
from typing import Any

from index.documents import clean_name, wanted
from index.reading.encoding import decode_bytes
from index.reading.kinds import begins_known
from index.reading.limits import Part, Read, Reading, Source, unread
from index.reading.marks import beside, is_folio
from index.reading.page_flow import flow, parsed, texts_of
from index.reading.web import read_html

_ENCRYPTED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature")
_TEXTS = ("text/plain", "text/html", "text/rfc822-headers")
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError)  # what bad headers raise
_DEEPEST = 50
_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_ENOUGH = 0.7  # share of the letters of the longest form with which the richest one is preferred


@dataclass
class _Mail:
    """What a message holds: the texts of its body in order, its attachments, what isn't read."""

    body: list[str] = field(default_factory=list)
    attached: list[Part] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def read_eml(source: Source) -> Reading:
    """A message, then its attachments."""
    data = source.data.lstrip(b"\r\n")
    ending = b"\r\n\r\n" if b"\r\n\r\n" in data.partition(b"\n\n")[0] else b"\n\n"
    head, blank, body = data.partition(ending)
    if not head.isascii():  # letters that a program left as they were
        head = decode_bytes(head).encode()
    message: Any = email.message_from_bytes(head + blank + body, policy=email.policy.default)
    mail = _Mail()
    _walk(message, mail, 0)
    headers = {name: value for name in _HEADERS if (value := _header(message, name))}
    yield from message_found(headers, "\n\n".join(filter(None, mail.body)), mail.attached, mail)


def message_found(
    headers: dict[str, str], body: str, attached: list[Part], mail: _Mail | None = None
) -> Reading:
    """A message of any format as a text under its headers, then its attachments that are read."""
    mail = mail or _Mail()
    kept: list[Part] = []
    for part in attached:
        name = PurePosixPath(clean_name(part.name.replace("\\", "/"))).name or "1"
        if wanted(PurePosixPath(name)) or begins_known(part.read()[:64]):
            kept.append(Part(name, part.read))
        else:
            mail.passed.append(name)
    sent = ""
    with suppress(*_MALFORMED):
        sent = email.utils.parsedate_to_datetime(headers.get("Date", "")).date().isoformat()
    head = "\n".join(f"{name}: {value}" for name, value in headers.items())
    notes = (
        *unread("unread_attachments", members=", ".join(mail.passed[:20])),
        *unread("unread_encrypted", count=mail.counts["encrypted"]),
        *unread("unread_pictures", count=mail.counts["pictures"]),
    )
    text = f"{head}\n\n{body}"
    yield Read(text, headers.get("Subject", ""), headers.get("From", ""), sent, unread=notes)
    yield from kept


def _walk(part: Any, mail: _Mail, depth: int) -> None:
    """Take in a part of a message and those in it."""
    kind = part.get_content_type()
    if kind == "message/rfc822":
        inner = part.get_payload()
        if isinstance(inner, list) and inner and isinstance(inner[0], EmailMessage):
            name = _file_name(part) or f"{len(mail.attached) + 1}.eml"
            data = inner[0].as_bytes
            if _is_base64(part):  # against the norm
                data = partial(_of_base64, str(inner[0].get_payload()))
            mail.attached.append(Part(name if wanted(PurePosixPath(name)) else f"{name}.eml", data))
    elif kind == "message/delivery-status":
        blocks = [block.items() for block in part.walk() if block is not part]
        mail.body += ["\n".join(f"{name}: {value}" for name, value in each) for each in blocks]
    elif kind in _ENCRYPTED:
        mail.counts["encrypted"] += 1
    elif part.is_multipart() and depth <= _DEEPEST:
        parts = [each for each in part.get_payload() if isinstance(each, EmailMessage)]
        if kind == "multipart/alternative":
            _alternative(parts, mail, depth)
        else:
            for each in parts:
                _walk(each, mail, depth + 1)
    elif kind.startswith("multipart/") and depth < _DEEPEST and "--" in part.get_payload():
        text = part.get_payload()  # the boundary is another than was said
        edges = (line[2:].strip() for line in text.split("\n") if line.startswith("--"))
        whole = f'Content-Type: {kind}; boundary="{next(edges, "")}"\n\n{text}'
        _walk(email.message_from_string(whole, policy=email.policy.default), mail, _DEEPEST)
    else:
        _leaf(part, mail, kind)


def _leaf(part: Any, mail: _Mail, kind: str) -> None:
    """A text of the body, a picture in it, or an attachment."""
    name, attached = _file_name(part), part.get_content_disposition() == "attachment"
    content = partial(_content, part)
    if kind in _TEXTS and not attached and not (name and kind == "text/html"):
        text, encrypted = _unarmoured(_text(part, kind))
        mail.body.append(text.strip())
        mail.counts["encrypted"] += encrypted
    elif name.lower() == "winmail.dat" or kind == "application/ms-tnef":
        mail.attached.append(Part("winmail.tnef", content))
    elif kind.startswith("image/") and not attached:
        mail.counts["pictures"] += 1
    elif kind not in _SIGNATURES:
        number = len(mail.attached) + 1
        mail.attached.append(Part(name or f"{number}{guess_extension(kind) or ''}", content))


def _content(part: Any) -> bytes:
    data = part.get_payload(decode=True) or b""
    if _is_base64(part) and data.strip() == str(part.get_payload()).strip().encode():  # cut short
        return _of_base64(data.decode("latin-1"))
    return bytes(data)


def _is_base64(part: Any) -> bool:
    return str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64"


def _of_base64(text: str) -> bytes:
    """Bytes from base64, as far as it is whole."""
    kept = "".join(text.split()).rstrip("=")
    kept = kept[:-1] if len(kept) % 4 == 1 else kept
    return b64decode(kept + "=" * (-len(kept) % 4))


def _alternative(parts: list[Any], mail: _Mail, depth: int) -> None:
    """Of several forms of one text the last, which is the richest, unless another says much
    more."""
    forms: list[_Mail] = []
    for part in parts:
        form = replace(mail, body=[])
        _walk(part, form, depth + 1)
        forms.append(form)
    best = max(forms, key=_letters, default=_Mail())
    if forms and _letters(forms[-1]) > _ENOUGH * _letters(best):
        best = forms[-1]
    mail.body += best.body


def _letters(mail: _Mail) -> int:
    """How much a body says, addresses of pages apart."""
    return sum(len(word) for text in mail.body for word in text.split() if "://" not in word)


def _text(part: Any, kind: str) -> str:
    raw, charset = _content(part), part.get_content_charset()
    if kind == "text/html":
        return "\n\n".join(texts_of(raw, charset))
    text = decode_bytes(raw, charset).strip()
    flowed = part.get_param("format") == "flowed"
    return _flowed(text, part.get_param("delsp") == "yes") if flowed else text


def _flowed(text: str, bare: bool) -> str:
    """A text of which a line that ends in a blank goes on in the next one that is quoted as deep
    (RFC 3676); `bare` says that the blank is no part of it."""
    lines: list[str] = []
    before = None
    for line in text.split("\n"):
        inner = line.lstrip(">")
        marks, inner = line[: len(line) - len(inner)], inner.removeprefix(" ")
        signature = inner == "-- "
        if marks != before or signature:
            lines.append(marks + " " * bool(marks))
        before = marks if inner.endswith(" ") and not signature else None
        lines[-1] += inner if before is None or not bare else inner[:-1]
    return "\n".join(lines)


def _unarmoured(text: str) -> tuple[str, int]:
    """A text without the blocks of letters that PGP packs into it (keys, signatures, what is
    encrypted), and how many are encrypted."""
    first, *others = text.split("-----BEGIN PGP ")
    encrypted = 0
    for other in others:
        kind, _, inside = other.partition("-----")
        after = inside.partition("-----END PGP ")[2]
        if kind == "SIGNED MESSAGE":
            first += inside.partition("\n\n")[2]  # after what it is signed with
        else:
            first += after.partition("-----")[2] if after else f"-----BEGIN PGP {other}"
            encrypted += kind == "MESSAGE"
    return first, encrypted


def _file_name(part: Any) -> str:
    with suppress(*_MALFORMED):
        return str(part.get_filename() or "")
    return ""


def _header(message: Any, name: str) -> str:
    with suppress(*_MALFORMED):
        return " ".join(str(message[name] or "").split())
    return ""


def read_mhtml(source: Source) -> Reading:
    """The page of a web archive, then what else it shows: frames, the heads and feet that Word
    keeps in a part of their own."""
    message: Any = email.message_from_bytes(source.data, policy=email.policy.default)
    pages: list[bytes] = []
    for part in message.walk():
        if part.get_content_type() in ("text/html", "application/xhtml+xml"):
            data, charset = _content(part), part.get_content_charset()
            pages.append(decode_bytes(data, charset).encode() if charset else data)
    if not pages:
        yield from read_eml(source)
    for found in read_html(Source(source.name, pages[0], source.budget)) if pages else ():
        yield _with_others(found, pages[1:]) if isinstance(found, Read) else found


def _with_others(found: Read, others: list[bytes]) -> Read:
    frames = (page for page in others if b"mso-element" not in page)
    texts = [found.text, *(text for page in frames for text in texts_of(page))]
    for kind in ("header", "footer"):
        texts += beside(kind, _heads(others, kind), texts)
    return replace(found, text="\n\n".join(texts))


def _heads(pages: list[bytes], kind: str) -> Iterator[str]:
    """What stands above or below each page of a text of Word."""
    for root in map(parsed, (page for page in pages if b"mso-element" in page)):
        for node in root.iter("div") if root is not None else ():
            if f"mso-element:{kind}" in node.get("style", "").replace(" ", "").split(";"):
                lines = (block.text for block in flow(node, menus=True)[0])
                yield from (line for line in lines if not is_folio(line))


def read_mbox(source: Source) -> Reading:
    """The messages of a mailbox, each a file of its own."""
    for number, message in enumerate(filter(bytes.strip, _messages(source.data)), 1):
        yield Part(f"{number:04}.eml", partial(bytes, message))


def _messages(data: bytes) -> Iterator[bytes]:
    lines: list[bytes] = []
    before = b""
    for line in data.replace(b"\r\n", b"\n").split(b"\n"):
        # From ada@example.org Tue Mar  5 10:00:00 2024: a line of text has no such end.
        words = line.split()
        if words[:1] == [b"From"] and not before and len(words) > 5 and b":" in b"".join(words[2:]):
            yield b"\n".join(lines)
            lines = []
        else:
            quoted = line[:1] == b">" and line.lstrip(b">").startswith(b"From ")
            lines.append(line[1:] if quoted else line)
        before = line
    yield b"\n".join(lines)
