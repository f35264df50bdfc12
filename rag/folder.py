"""The library's folder, changed by the page: files are put in, taken out and put back."""

import os
import shutil
import threading
import time
import unicodedata
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from secrets import token_hex

from index.documents import KINDS, readable
from index.errors import UserError

MOST_BYTES = 200_000_000  # of one file; index.documents reads no larger ones
MOST_TOTAL = 20_000_000_000  # bytes of the library and of what was taken out, for uploads
RESERVE = 1_000_000_000  # bytes of the disk that uploads leave free
_UNDO = 86_400  # seconds for which a file taken out can be put back
_DEEPEST = 6
_LONGEST = 100  # characters of each part of a name
# Names that Windows keeps for devices, whatever their ending.
_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{name}{n}" for name in ("com", "lpt") for n in range(10)
}


class Folder:
    """Changes a library, and nothing beyond its folder. Safe to use from several threads.

    Args:
        library: a folder; where it is one file, nothing can be put in or taken out.
        aside: where what is taken out waits for a day.
    """

    def __init__(self, library: Path, aside: Path) -> None:
        self.library = library
        self._aside = aside
        self._lock = threading.RLock()  # held while names are looked up and files are moved
        self._reserved: set[Path] = set()  # names of files that are being written
        self._total: int | None = None  # bytes of the library and of what was taken out, at most
        self.purge()

    async def put(
        self, name: str, data: AsyncIterable[bytes], *, replace: bool = False
    ) -> tuple[str, str]:
        """Write a file whole, or not at all.

        Args:
            name: as on the user's machine, perhaps with folders; made safe. Where it is taken, by a
                file or by another upload, it gets a number.
            data: its bytes.
            replace: take the place of the file of just this name, which can then be put back.

        Returns:
            the file's name below the library, and what `put_back` needs to restore the one
            replaced, or "".

        Raises:
            UserError: `library_closed`, `document_kind`, `document_absent`, `upload_large`,
                `library_full`, `upload_failed`.
        """
        with self._target(name, replace) as reserved:
            target = reserved
            part = target.with_name(f".{token_hex(8)}.part")  # hidden: the index passes it over
            try:
                part.parent.mkdir(parents=True, exist_ok=True)
                size = 0
                with part.open("xb") as file:
                    async for piece in data:
                        size += len(piece)
                        if size > MOST_BYTES:
                            raise UserError("upload_large", file=target.name, most=MOST_BYTES)
                        self._claim(len(piece), target.name)
                        file.write(piece)
                with self._lock:
                    kept = self.take_out(name) if replace else ""
                    if target.exists():  # put there by another program meanwhile
                        target = self._free(safe_name(name))
                    part.replace(target)
            except OSError as error:
                raise UserError("upload_failed", file=target.name, reason=error.strerror) from error
            finally:
                part.unlink(missing_ok=True)
        return target.relative_to(self.library).as_posix(), kept

    def take_out(self, name: str) -> str:
        """Move a file out of the library; gives what `put_back` needs to restore it.

        Raises:
            UserError: `library_closed`, `document_absent`, `upload_failed`.
        """
        kept = token_hex(8)
        with self._lock, _failing(name):
            source, target = self._existing(name), self._aside / kept / name
            target.parent.mkdir(parents=True)
            shutil.move(source, target)
            os.utime(self._aside / kept)
        return kept

    def put_back(self, kept: str) -> str:
        """Restore what was taken out, over what may have taken its place; gives its name.

        Raises:
            UserError: `document_absent`, `upload_failed`.
        """
        place = self._aside / kept
        known = kept in {path.name for path in self._aside.glob("*")}
        found = [path for path in place.rglob("*") if path.is_file()] if known else []
        if len(found) != 1:
            raise UserError("document_absent", name=kept)
        name = found[0].relative_to(place).as_posix()
        with self._lock, _failing(name):
            target = self._inside(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(found[0], target)
            shutil.rmtree(place, ignore_errors=True)
        return name

    def purge(self) -> None:
        """Remove for good what was taken out more than a day ago."""
        for old in self._aside.glob("*"):
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > _UNDO:
                    shutil.rmtree(old)

    @contextmanager
    def _target(self, name: str, replace: bool) -> Iterator[Path]:
        """The path to write, which no other upload gets meanwhile."""
        with self._lock:
            target = self._existing(name) if replace else self._free(safe_name(name))
            self._reserved.add(target)
        try:
            yield target
        finally:
            self._reserved.discard(target)

    def _claim(self, size: int, file: str) -> None:
        """Count bytes before they are written; raises UserError `library_full`."""
        if self._total is None or self._total + size > MOST_TOTAL:
            self._total = 0
            for path in (*self.library.rglob("*"), *self._aside.rglob("*")):
                with suppress(OSError):  # gone meanwhile
                    self._total += path.lstat().st_size
        self._total += size
        if self._total > MOST_TOTAL or shutil.disk_usage(self.library).free < RESERVE + size:
            raise UserError("library_full", file=file, most=MOST_TOTAL, reserve=RESERVE)

    def _inside(self, name: str) -> Path:
        """The path of a name, which neither dots nor links may lead out of the library."""
        if not self.library.is_dir():
            raise UserError("library_closed", library=self.library)
        path = self.library / name
        if not path.resolve().is_relative_to(self.library.resolve()) or path.is_symlink():
            raise UserError("document_absent", name=name)
        return path

    def _existing(self, name: str) -> Path:
        path = self._inside(name)
        if not path.is_file() or not readable(path):
            raise UserError("document_absent", name=name)
        return path

    def _free(self, name: str) -> Path:
        """The path of a name, with a number where it is taken."""
        path, number = self._inside(name), 1
        while path.exists() or path in self._reserved:
            number += 1
            plain = PurePosixPath(name)
            path = self._inside(plain.with_stem(f"{plain.stem}-{number}").as_posix())
        return path


def safe_name(name: str) -> str:
    """A name for a file below a folder that is good on every system and read by the index.

    Raises:
        UserError: `document_kind`.
    """
    given = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    parts = [part for part in map(_safe, given) if part][-_DEEPEST:]
    last = PurePosixPath(parts[-1] if parts else "")
    if last.suffix.lower() not in KINDS:
        raise UserError("document_kind", file=name[-_LONGEST:], kinds=", ".join(KINDS))
    # The index passes READMEs over.
    stem = "_readme" if last.stem.lower() == "readme" else last.stem[:_LONGEST].rstrip()
    return "/".join([*(part[:_LONGEST].rstrip(". ") for part in parts[:-1]), stem + last.suffix])


def _safe(part: str) -> str:
    refused = '<>:"|?*'
    kept = (sign if sign.isprintable() and sign not in refused else "-" for sign in part)
    bare = "".join(kept).strip(". ")
    return f"_{bare}" if bare.lower().partition(".")[0] in _DEVICES else bare


@contextmanager
def _failing(name: str) -> Iterator[None]:
    """Raises UserError `upload_failed` where a file can't be moved."""
    try:
        yield
    except OSError as error:
        raise UserError("upload_failed", file=name, reason=error.strerror) from error
