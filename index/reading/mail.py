"""Mail: the body as its reader sees it, whichever of its parts holds it, and the attachments as files."""

import email.policy
import email.utils
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from mimetypes import guess_extension
from pathlib import PurePosixPath
from typing import Any

from index.documents import clean_name, wanted
from index.reading.encoding import decode_bytes
from index.reading.limits import Part, Read, Reading, Source, unread
from index.reading.web import read_html, texts_of

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_ENOUGH = 0.7  # share of the letters of the longest form with which the richest one is preferred


@dataclass
class _Mail:
    """What a message holds: the texts of its body in order, its attachments, what isn't read."""

    body: list[str] = field(default_factory=list)
    attached: list[Part] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    encrypted: int = 0
    pictures: int = 0


def read_eml(source: Source) -> Reading:
    """A message, then its attachments."""
    message: Any = email.message_from_bytes(source.data, policy=email.policy.default)
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
        if wanted(PurePosixPath(name)):
            kept.append(Part(name, part.read))
        else:
            mail.passed.append(name)
    try:
        sent = email.utils.parsedate_to_datetime(headers.get("Date", "")).date().isoformat()
    except (ValueError, TypeError, IndexError):
        sent = ""
    head = "\n".join(f"{name}: {value}" for name, value in headers.items())
    notes = (
        *unread("unread_attachments", members=", ".join(mail.passed[:20])),
        *unread("unread_encrypted", count=mail.encrypted),
        *unread("unread_pictures", count=mail.pictures),
    )
    text = f"{head}\n\n{body}"
    yield Read(text, headers.get("Subject", ""), headers.get("From", ""), sent, unread=notes)
    yield from kept


def _walk(part: Any, mail: _Mail, depth: int) -> None:
    """Take in a part of a message and those in it."""
    kind, main = part.get_content_type(), part.get_content_maintype()
    name, attachment = _file_name(part), part.get_content_disposition() == "attachment"
    if kind == "message/rfc822":
        inner = part.get_payload()
        if inner and isinstance(inner, list) and isinstance(inner[0], EmailMessage):
            mail.attached.append(Part(name or f"{len(mail.attached) + 1}.eml", inner[0].as_bytes))
    elif kind in ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"):
        mail.encrypted += 1
    elif part.is_multipart() and depth < 50:
        parts = (
            [each for each in part.iter_parts() if isinstance(each, EmailMessage)]
            if main == "multipart"
            else part.get_payload()
        )
        if kind == "multipart/alternative":
            _alternative(parts, mail, depth)
        elif kind == "multipart/digest":
            for each in parts:
                _walk(each, mail, depth + 1)
        else:
            for each in parts:
                _walk(each, mail, depth + 1)
    elif (
        main == "text"
        and not attachment
        and not (name and kind != "text/plain")
        and kind in ("text/plain", "text/html")
    ):
        mail.body.append(_text(part, kind))
    elif (
        name and PurePosixPath(name).name.lower() == "winmail.dat"
    ) or kind == "application/ms-tnef":
        mail.attached.append(Part("winmail.tnef", lambda: part.get_payload(decode=True) or b""))
    elif main == "image" and not attachment:
        mail.pictures += 1
    elif kind not in (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "text/rfc822-headers",
    ):
        ending = "" if name else guess_extension(kind) or ""
        mail.attached.append(
            Part(
                name or f"{len(mail.attached) + 1}{ending}",
                lambda: part.get_payload(decode=True) or b"",
            )
        )


def _alternative(parts: list[Any], mail: _Mail, depth: int) -> None:
    """Of several forms of one text the last, which is the richest, unless another says much more."""
    forms: list[_Mail] = []
    for part in parts:
        form = _Mail()
        _walk(part, form, depth + 1)
        forms.append(form)
    best = max(forms, key=_letters, default=_Mail())
    if forms and _letters(forms[-1]) > _ENOUGH * _letters(best):
        best = forms[-1]
    for form in forms:
        mail.attached += form.attached
        mail.passed += form.passed
        mail.encrypted += form.encrypted
        mail.pictures += form.pictures
    mail.body += best.body


def _letters(mail: _Mail) -> int:
    """How much a body says, addresses of pages apart."""
    return sum(len(word) for text in mail.body for word in text.split() if "://" not in word)


def _text(part: Any, kind: str) -> str:
    raw = part.get_payload(decode=True) or b""
    charset = part.get_content_charset()
    return (
        "\n\n".join(texts_of(raw, charset))
        if kind == "text/html"
        else decode_bytes(raw, charset).strip()
    )


def _file_name(part: Any) -> str:
    try:
        return str(part.get_filename() or "")
    except (ValueError, TypeError, IndexError, AttributeError, LookupError):
        return ""


def _header(message: Any, name: str) -> str:
    try:
        return " ".join(str(message[name] or "").split())
    except (ValueError, TypeError, IndexError, AttributeError, LookupError):  # of malformed headers
        return ""


def read_mhtml(source: Source) -> Reading:
    """The page of a web archive."""
    message: Any = email.message_from_bytes(source.data, policy=email.policy.default)
    for part in message.walk():
        if part.get_content_type() in ("text/html", "application/xhtml+xml"):
            data = part.get_payload(decode=True) or b""
            charset = part.get_content_charset()
            text = decode_bytes(data, charset).encode() if charset else data
            yield from read_html(Source(source.name, text, source.budget))
            return
    yield from read_eml(source)


def read_mbox(source: Source) -> Reading:
    """The messages of a mailbox, each a file of its own."""
    for number, message in enumerate(_messages(source.data), 1):
        yield Part(f"{number:04}.eml", lambda message=message: message)  # type: ignore[misc]


def _messages(data: bytes) -> Iterator[bytes]:
    data = data.replace(b"\r\n", b"\n")
    at = 0 if data.startswith(b"From ") else data.find(b"\nFrom ") + 1
    while at >= 0 and at < len(data):
        following = data.find(b"\n\nFrom ", at)
        end = following + 1 if following >= 0 else len(data)
        body = data[at:end].partition(b"\n")[2]
        yield body.replace(b"\n>From ", b"\nFrom ")
        at = following + 2 if following >= 0 else -1
