"""The library's folder, changed from outside: files are put in, taken out and put back, and never anything beyond it."""

import os
import re
import shutil
import time
import unicodedata
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from secrets import token_hex

from index.documents import KINDS
from index.errors import UserError

MOST_BYTES = 200_000_000  # of one file; index.documents reads no larger ones
_UNDO = 86_400  # seconds for which a file taken out can be put back
_DEEPEST = 6
_LONGEST = 100  # characters of each part of a name
_DEVICES = re.compile(
    r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE
)  # Windows has no files of these names


class Folder:
    """Puts files in a library.

    Args:
        library: a folder; where it is one file, nothing can be put in or taken out.
        aside: where what is taken out waits for a day.
    """

    def __init__(self, library: Path, aside: Path) -> None:
        self.library = library
        self._aside = aside
        self.purge()

    def purge(self) -> None:
        """Remove for good what was taken out more than a day ago."""
        for old in self._aside.glob("*"):
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > _UNDO:
                    shutil.rmtree(old)

    async def put(
        self, name: str, data: AsyncIterable[bytes], *, replace: bool = False
    ) -> tuple[str, str]:
        """Write a file whole, or not at all.

        Args:
            name: as the person's machine calls it, perhaps with folders; made safe. A name that is taken gets a number.
            data: its bytes.
            replace: take the place of the file of just this name, which can then be put back.

        Returns:
            the file's name below the library, and what `put_back` needs to restore the one replaced, or "".

        Raises:
            UserError: `library_closed`, `document_kind`, `upload_large`, `upload_failed`.
        """
        target = self._existing(name) if replace else self._free(safe_name(name))
        part = target.with_name(
            f".{token_hex(8)}.part"
        )  # hidden: no index run reads it half written
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            size = 0
            with part.open("xb") as file:
                async for piece in data:
                    size += len(piece)
                    if size > MOST_BYTES:
                        raise UserError("upload_large", file=target.name, most=MOST_BYTES)
                    file.write(piece)
            kept = self.take_out(name) if replace else ""
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
        source, kept = self._existing(name), token_hex(8)
        try:
            target = self._aside / kept / name
            target.parent.mkdir(parents=True)
            shutil.move(source, target)
            os.utime(self._aside / kept)
        except OSError as error:
            raise UserError("upload_failed", file=name, reason=error.strerror) from error
        return kept

    def put_back(self, kept: str) -> str:
        """Restore what was taken out, over what may have taken its place; gives its name.

        Raises:
            UserError: `document_absent`, `upload_failed`.
        """
        place = self._aside / kept
        found = (
            [path for path in place.rglob("*") if path.is_file()]
            if re.fullmatch(r"[0-9a-f]{16}", kept)
            else []
        )
        if len(found) != 1:
            raise UserError("document_absent", name=kept)
        name = found[0].relative_to(place).as_posix()
        try:
            target = self._inside(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(found[0], target)
            shutil.rmtree(place, ignore_errors=True)
        except OSError as error:
            raise UserError("upload_failed", file=name, reason=error.strerror) from error
        return name

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
        if not path.is_file() or path.suffix.lower() not in KINDS:
            raise UserError("document_absent", name=name)
        return path

    def _free(self, name: str) -> Path:
        """The path of a name, with a number where it is taken."""
        path = self._inside(name)
        number = 1
        while path.exists():
            number += 1
            path = self._inside(
                PurePosixPath(name).with_stem(f"{PurePosixPath(name).stem}-{number}").as_posix()
            )
        return path


def safe_name(name: str) -> str:
    """A name for a file below a folder, good on every system and read by the index, whatever was given.

    Raises:
        UserError: `document_kind`.
    """
    parts = [_safe(part) for part in re.split(r"[/\\]", unicodedata.normalize("NFC", name))]
    parts = [part for part in parts if part][-_DEEPEST:]
    last = PurePosixPath(parts[-1] if parts else "")
    if last.suffix.lower() not in KINDS:
        raise UserError("document_kind", file=name[-_LONGEST:], kinds=", ".join(KINDS))
    stem = (
        "_readme" if last.stem.lower() == "readme" else last.stem[:_LONGEST].rstrip()
    )  # the index passes READMEs over
    return "/".join([*(part[:_LONGEST].rstrip(". ") for part in parts[:-1]), stem + last.suffix])


def _safe(part: str) -> str:
    printable = "".join(
        character if character.isprintable() and character not in '<>:"|?*' else "-"
        for character in part
    )
    bare = printable.strip(". ")
    return f"_{bare}" if _DEVICES.match(bare) else bare
