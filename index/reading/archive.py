"""Archives, and files that are archives inside, read in memory and never unpacked to disk."""

import bz2
import gzip
import lzma
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from index.documents import clean_name, shown, wanted
from index.errors import UserError
from index.reading.encoding import decode_name
from index.reading.limits import Budget, Part, Reading, Source, unread
from index.reading.xml_nodes import parse_xml

Member = tuple[str, bool, Callable[[], bytes]]
"""Its name, whether it is an ordinary file, and what reads it."""

_UNICODE_PATH = 0x7075  # the extra field in which Info-ZIP keeps a name in UTF-8
_OPENERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open,
}  # fmt: skip
_BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
)


class Archive:
    """A ZIP file in memory, whose members count.

    Raises:
        UserError: `document_damaged`, `document_many`, `document_expands`.
    """

    def __init__(self, data: bytes, budget: Budget) -> None:
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except _BROKEN as error:
            raise UserError("document_damaged", reason=str(error)) from error
        infos = self._zip.infolist()
        budget.count(len(infos))
        # The size declared is the most that is read of a member.
        if sum(info.file_size for info in infos) > budget.limits.expanded:
            raise UserError("document_expands", most=budget.limits.expanded)
        self._budget = budget
        self._members = {info.filename.replace("\\", "/"): info for info in infos}
        self.names = set(self._members)

    def count(self, folder: str) -> int:
        """How many members there are below a folder."""
        return sum(name.startswith(folder) for name in self.names)

    def read(self, member: str | zipfile.ZipInfo) -> bytes:
        """A member, whole. Raises UserError `document_damaged`, `document_locked`,
        `document_expands`."""
        try:
            info = self._members[member] if isinstance(member, str) else member
            self._budget.spend(info.file_size)
            with self._zip.open(info) as file:
                return file.read(info.file_size)
        except RuntimeError as error:
            unknown = isinstance(error, NotImplementedError)
            code = "document_damaged" if unknown else "document_locked"
            raise UserError(code, reason=str(error)) from error
        except (KeyError, *_BROKEN) as error:
            raise UserError("document_damaged", reason=str(error)) from error

    def xml(self, member: str) -> Any:
        """The root element of a member."""
        return parse_xml(self.read(member))

    def files(self) -> Iterator[Member]:
        """The members that are no folders."""
        for info in self._zip.infolist():
            if not info.is_dir():
                regular = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
                yield _name(info), regular, partial(self.read, info)


def _name(info: zipfile.ZipInfo) -> str:
    """The name of a member in the encoding of the program that packed it."""
    extra, name = info.extra, info.filename
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == _UNICODE_PATH and size > 5:
            return unicodedata.normalize("NFC", extra[9 : 4 + size].decode("utf-8", "replace"))
        extra = extra[4 + size :]
    if not info.flag_bits & 0x800 and not name.isascii():
        name = decode_name(name.encode("cp437", "replace"))
    return unicodedata.normalize("NFC", name)


def read_zip(source: Source) -> Reading:
    """The members of a ZIP file. One that is encrypted or damaged is named, and the others are
    read; of a file that is cut short those that are whole, and an error."""
    try:
        archive = Archive(source.data, source.budget)
    except UserError as error:
        if error.code == "document_damaged" and source.name.lower().endswith(".zip"):
            whole = _whole_members(source.data, source.budget)
            yield from _members((name, True, partial(bytes, data)) for name, data in whole)
        yield error
        return
    yield from _members(archive.files())


def _whole_members(data: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """The members of a ZIP file whose list at the end is lost, one after the other, as far as they
    are whole."""
    at, view = 0, memoryview(data)
    while data.startswith(b"PK\3\4", at) and at + 30 <= len(data):
        fields = struct.unpack_from("<HH8xIIHH", data, at + 6)
        flags, method, size, _, name_size, extra_size = fields
        raw = data[at + 30 : at + 30 + name_size]
        start = at + 30 + name_size + extra_size
        if method == zipfile.ZIP_DEFLATED:
            unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                content = unpacker.decompress(view[start:], budget.limits.expanded)
            except zlib.error:
                return
            size, whole = len(data) - start - len(unpacker.unused_data), unpacker.eof
        else:
            content = data[start : start + size]
            whole = method == zipfile.ZIP_STORED and not flags & 9 and len(content) == size
        if not whole or flags & 1:
            return
        budget.count(1)
        budget.spend(len(content))
        yield raw.decode("utf-8", "replace") if flags & 0x800 else decode_name(raw), content
        at = start + size
        if flags & 8:  # sizes follow
            at += 16 if data.startswith(b"PK\7\x08", at) else 12


def read_tar(source: Source) -> Reading:
    """The members of a tar file, or the one file in a .gz, .bz2 or .xz; of one that is cut short
    what is whole, and an error."""
    data, cut = _unpacked(source)
    path, infos = PurePosixPath(source.name), []
    try:
        archive = tarfile.TarFile(fileobj=BytesIO(data), mode="r", errors="surrogateescape")
        for info in archive:
            source.budget.count(1)
            infos.append(info)
    except (tarfile.TarError, *_BROKEN) as error:
        if not infos and path.suffix.lower() in (".gz", ".bz2", ".xz"):
            own = path.stem if wanted(PurePosixPath(path.stem)) else _stored_name(source.data)
            yield Part(own or path.stem, lambda: data)
        else:
            cut = cut or str(error)
    yield from _members(
        (
            decode_name(info.name.encode("utf-8", "surrogateescape")),
            info.isfile(),
            partial(_content, archive, info),
        )
        for info in infos
        if not info.isdir()
    )
    if cut:
        yield UserError("document_damaged", reason=cut)


def _unpacked(source: Source) -> tuple[bytes, str]:
    """A file that may be compressed, unpacked, and why no more of it could be had, if so.

    Raises:
        UserError: `document_expands`.
    """
    openers = (opener for magic, opener in _OPENERS.items() if source.data.startswith(magic))
    opener = next(openers, None)
    if opener is None:
        return source.data, ""
    pieces: list[bytes] = []
    file = opener(BytesIO(source.data))
    try:
        while piece := file.read1(1 << 16):
            source.budget.spend(len(piece))
            pieces.append(piece)
    except _BROKEN as error:
        return b"".join(pieces), str(error)
    return b"".join(pieces), ""


def _stored_name(data: bytes) -> str:
    """The name that a .gz has for the file in it; empty where it has none."""
    if not data.startswith(b"\x1f\x8b") or not data[3] & 8:
        return ""
    start = 12 + int.from_bytes(data[10:12], "little") if data[3] & 4 else 10
    return PurePosixPath(decode_name(data[start : start + 256].partition(b"\0")[0])).name


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    try:
        return file.read() if file else b""
    except (tarfile.TarError, *_BROKEN) as error:
        raise UserError("document_damaged", reason=str(error)) from error


def _members(members: Iterable[Member]) -> Reading:
    """The members that are read; an error for one that is a link, a device, named twice or out of
    the archive."""
    seen: set[str] = set()
    passed: list[str] = []
    for raw, regular, content in members:
        name = raw.replace("\\", "/")
        path = PurePosixPath(name)
        outside = name.startswith("/") or ".." in path.parts or name[1:2] == ":" or not path.parts
        long = any(len(part.encode("utf-8", "replace")) > 255 for part in path.parts)
        if not regular or outside or long or name in seen:
            yield UserError("document_member", member=clean_name(name)[:100])
        elif wanted(path) and shown(path):
            yield Part(name, content)
        elif shown(path):
            passed.append(clean_name(path.name))
        seen.add(name)
    yield from unread("unread_members", members=", ".join(passed[:20]))
