"""What is read in browsers and mail programs: HTML without its menus, EPUB, EML."""

import email.policy
import email.utils
import posixpath
import re
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote

from index.documents import decode_bytes
from index.errors import UserError
from index.reading.archive import Budget
from index.reading.limits import Read, iso_date
from index.reading.office import parse_xml

_BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3"
    " h4 h5 h6 header hr html li main nav ol p pre section summary table tbody tfoot thead title tr ul".split()
)
_SILENT = frozenset(
    "head script style template noscript iframe object svg math select button input textarea".split()
)
_MENUS = frozenset("nav footer aside".split())
_MENU_ROLES = frozenset("navigation banner contentinfo search menu menubar".split())
_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]{0,100}encoding=["']([\w.:-]+)""",
    re.IGNORECASE,
)


def read_html(data: bytes) -> Read:
    """The main text of a page, its title, author and date; of a page that has no such text, all but its menus."""
    import trafilatura

    root = _parsed(data)
    if root is None:
        return Read("")
    whole = "\n\n".join(_flow(root, _SILENT | _MENUS))
    title = root.findtext(".//title") or ""
    # Recall first: a menu too many is found by nobody, a paragraph too few is lost. Dates are what the page declares.
    found = trafilatura.extract_with_metadata(
        root,
        output_format="html",
        include_comments=False,
        favor_recall=True,
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    main = _parsed((found.text or "").encode()) if found else None
    text = "" if main is None else "\n\n".join(_flow(main, _SILENT))
    if found is None or len(text) < 0.1 * len(whole):
        return Read(whole, title)
    return Read(
        text, (found.title or title).strip("¶"), found.author or "", iso_date(found.date or "")
    )


def read_epub(data: bytes, budget: Budget) -> Read:
    """The chapters of a book in the order of its spine."""
    archive = budget.open(data)
    if "META-INF/container.xml" not in archive.names:
        raise UserError("document_damaged", reason="META-INF/container.xml")
    rootfile = parse_xml(archive.read("META-INF/container.xml")).find(".//{*}rootfile")
    path = rootfile.get("full-path", "") if rootfile is not None else ""
    package = parse_xml(archive.read(path))
    parts = {
        item.get("id"): (item.get("href", ""), item.get("properties") or "")
        for item in package.iter("{*}item")
    }
    blocks: list[str] = []
    for item in package.iter("{*}itemref"):
        href, properties = parts.get(item.get("idref"), ("", ""))
        name = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(href)))
        if name in archive.names and "nav" not in properties.split():
            chapter = archive.read(name)
            if b"<!ENTITY" in chapter:
                raise UserError("document_entities", reason=name)
            if (root := _parsed(chapter)) is not None:
                blocks += _flow(root, _SILENT)
    title, author, date = (
        package.findtext(f".//{{*}}metadata/{{*}}{tag}") or ""
        for tag in ("title", "creator", "date")
    )
    return Read("\n\n".join(blocks), title, author, iso_date(date))


def read_eml(data: bytes) -> Iterator[Read | tuple[str, bytes]]:
    """A message, then its attachments as (name, content)."""
    message: Any = email.message_from_bytes(data, policy=email.policy.default)
    body = message.get_body(("plain", "html"))
    text = ""
    if body is not None:
        raw = body.get_payload(decode=True) or b""
        charset = body.get_content_charset("utf-8")
        if body.get_content_subtype() == "html":
            root = _parsed(raw, charset)
            text = "" if root is None else "\n\n".join(_flow(root, _SILENT))
        else:
            text = decode_bytes(raw, charset)
    sender, date = _header(message, "from"), _header(message, "date")
    head = "\n".join(
        f"{name}: {value}"
        for name in ("From", "To", "Cc", "Date", "Subject")
        if (value := _header(message, name))
    )
    try:
        sent = email.utils.parsedate_to_datetime(date).date().isoformat() if date else ""
    except (ValueError, TypeError):
        sent = ""
    yield Read(f"{head}\n\n{text}", _header(message, "subject"), sender, sent)
    for number, part in enumerate(message.walk() if message.is_multipart() else (), 1):
        if part is body or (part.is_multipart() and part.get_content_type() != "message/rfc822"):
            continue
        name = part.get_filename()
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            if inner and isinstance(inner[0], EmailMessage):
                yield name or f"{number}.eml", inner[0].as_bytes()
        elif name:
            yield name, part.get_payload(decode=True) or b""


def _header(message: Any, name: str) -> str:
    try:
        return " ".join(str(message[name] or "").split())
    except (
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
    ):  # what the parser of a malformed header may raise
        return ""


def _parsed(data: bytes, charset: str | None = None) -> Any:
    """The root of an HTML or XHTML page; None where there is none."""
    from lxml import etree, html

    declared = _CHARSET.search(data[:2048])
    named = charset or (
        (declared[1] or declared[2]).decode("ascii", "replace") if declared else None
    )
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", decode_bytes(data, named))
    try:
        return (
            html.document_fromstring(text, parser=html.HTMLParser(huge_tree=False))
            if text.strip()
            else None
        )
    except (etree.ParserError, ValueError):
        return None


def _mark(tag: str, mark: str) -> str:
    """What stands before a block; a paragraph keeps the mark of the item that it opens."""
    if re.fullmatch("h[1-6]", tag):
        return "#" * int(tag[1]) + " "
    return "- " if tag == "li" else mark if tag == "p" else ""


def _flow(root: Any, skipped: frozenset[str]) -> Iterator[str]:
    """The blocks of a page in order: headings and items marked, cells of a row together, blanks as a browser shows them."""
    from lxml import etree

    parts: list[str] = []
    depth = 0
    mark = ""

    def ended() -> Iterator[str]:
        text = " ".join("".join(parts).split()).strip(" |¶")
        parts.clear()
        if text:
            yield mark + text

    for event, node in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        tag = node.tag if isinstance(node.tag, str) else ""
        hidden = (
            tag in skipped
            or not tag
            or (skipped is not _SILENT and node.get("role") in _MENU_ROLES)
        )
        if event == "start":
            depth += hidden
            if depth == 0:
                if tag in _BLOCKS:
                    yield from ended()
                    mark = _mark(tag, mark)
                parts.append(node.text or "")
        else:
            if event == "end":
                depth -= hidden
                if depth == 0 and tag in _BLOCKS:
                    yield from ended()
                    mark = ""
                if depth == 0 and tag in ("td", "th"):
                    parts.append(" | ")
            if depth == 0:
                parts.append(node.tail or "")
    yield from ended()
