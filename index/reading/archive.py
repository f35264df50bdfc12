"""Archives, and files that are archives inside, read in memory and never unpacked to disk."""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath

from index.errors import UserError
from index.reading.limits import Limits


class Budget:
    """What one file may still unpack to; shared by all archives inside it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._bytes = limits.expanded
        self._members = limits.members

    def open(self, data: bytes) -> "Archive":
        """An archive whose members count.

        Raises:
            UserError: `document_damaged`, `document_many`, `document_expands`.
        """
        try:
            archive = zipfile.ZipFile(BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise UserError("document_damaged", reason=str(error)) from error
        infos = archive.infolist()
        self._members -= len(infos)
        if self._members < 0:
            raise UserError("document_many", most=self.limits.members)
        # Programs that unpack for themselves are told the truth or fail: the size declared is the most they read.
        if sum(info.file_size for info in infos) > self.limits.expanded:
            raise UserError("document_expands", most=self.limits.expanded)
        return Archive(archive, self)

    def spend(self, count: int) -> None:
        """Count bytes that came out of an archive. Raises UserError `document_expands`."""
        self._bytes -= count
        if self._bytes < 0:
            raise UserError("document_expands", most=self.limits.expanded)


class Archive:
    """A ZIP file in memory."""

    def __init__(self, archive: zipfile.ZipFile, budget: Budget) -> None:
        self._zip = archive
        self._budget = budget
        self.names = set(archive.namelist())

    def read(self, member: str | zipfile.ZipInfo) -> bytes:
        """A member, whole. Raises UserError `document_damaged`, `document_locked`, `document_expands`."""
        try:
            info = self._zip.getinfo(member) if isinstance(member, str) else member
            self._budget.spend(info.file_size)
            with self._zip.open(info) as file:
                return file.read(info.file_size)
        except RuntimeError as error:
            raise UserError("document_locked", reason=str(error)) from error
        except (
            KeyError,
            zipfile.BadZipFile,
            NotImplementedError,
            ValueError,
            OSError,
            EOFError,
            zlib.error,
        ) as error:
            raise UserError("document_damaged", reason=str(error)) from error

    def files(self) -> Iterator[tuple[str, zipfile.ZipInfo | None]]:
        """The members that are files, by name; None where one is a link, a device, named twice or out of the archive."""
        seen: set[str] = set()
        for info in self._zip.infolist():
            name = info.filename.replace("\\", "/")
            if info.is_dir():
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)
            parts = PurePosixPath(name).parts
            outside = (
                name.startswith("/")
                or ".." in parts
                or (len(name) > 1 and name[1] == ":")
                or not parts
            )
            long = any(len(part.encode("utf-8", "replace")) > 255 for part in parts)
            good = kind in (0, stat.S_IFREG) and not outside and not long and name not in seen
            seen.add(name)
            yield name, info if good else None
