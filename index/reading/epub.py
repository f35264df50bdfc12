"""EPUB books, chapter by chapter."""

import posixpath
from urllib.parse import unquote

from index.errors import UserError
from index.reading.archive import Archive
from index.reading.limits import Read, Reading, Source, iso_date, unread
from index.reading.ooxml import facts_of
from index.reading.page_flow import texts_of


def read_epub(source: Source) -> Reading:
    """The chapters of a book in the order of its spine."""
    archive = Archive(source.data, source.budget)
    if "META-INF/container.xml" not in archive.names:
        raise UserError("document_damaged", reason="META-INF/container.xml")
    rootfile = archive.xml("META-INF/container.xml").find(".//{*}rootfile")
    path = rootfile.get("full-path", "") if rootfile is not None else ""
    package = archive.xml(path)
    parts = {
        item.get("id"): (item.get("href", "").partition("#")[0], item.get("properties") or "")
        for item in package.iter("{*}item")
    }
    blocks: list[str] = []
    absent: list[str] = []
    locked = _locked(archive)
    for item in package.iter("{*}itemref"):
        href, properties = parts.get(item.get("idref"), ("", ""))
        name = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(href)))
        if "nav" in properties.split():
            continue
        if name in locked:
            raise UserError("document_locked", reason=name)
        if name not in archive.names:
            absent.append(name)
            continue
        chapter = archive.read(name)
        if b"<!ENTITY" in chapter:
            raise UserError("document_entities", reason=name)
        blocks += texts_of(chapter)
    title, author, _ = facts_of(archive, path)
    date = package.findtext(".//{*}metadata/{*}date") or ""
    pictures = package.findall(".//{*}item[@media-type]")
    count = sum(each.get("media-type").startswith("image/") for each in pictures)
    notes = (
        *unread("unread_members", members=", ".join(absent)),
        *unread("unread_pictures", count=count),
    )
    yield Read("\n\n".join(blocks), title, author, iso_date(date), unread=notes)


def _locked(archive: Archive) -> set[str]:
    """The members that only a reader with a key opens."""
    path = "META-INF/encryption.xml"
    cited = archive.xml(path).iter("{*}CipherReference") if path in archive.names else ()
    return {unquote(each.get("URI", "")) for each in cited}
