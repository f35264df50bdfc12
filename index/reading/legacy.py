"""Kinds that another program must read: LibreOffice, or antiword and catdoc for old Word and
PowerPoint files."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.errors import UserError
from index.reading.limits import Part, Reading, Source

_INTO = {
    **dict.fromkeys((".ppt", ".pps", ".pot", ".sxi", ".key"), "pptx"),
    **dict.fromkeys((".sxc", ".numbers", ".xlsb"), "xlsx"),
}
_PRINT = {
    ".doc": (("antiword", "-m", "UTF-8.txt", "-w", "0"), ("catdoc", "-d", "utf-8", "-w")),
    ".ppt": (("catppt", "-d", "utf-8"),),
}
"""Programs that print the text of a file."""


def read_legacy(source: Source) -> Reading:
    """Hand the file out of the confined process, which may start no program: `converted` takes
    it."""
    yield Part(source.name, lambda: source.data, convert=Path(source.name).suffix.lower() or ".doc")


@contextmanager
def converted(data: bytes, ending: str, seconds: float) -> Iterator[Path]:
    """A file of a kind that is read, made of these bytes; it is gone after the block.

    Raises:
        UserError: `document_converter` where no program is installed, `document_damaged` where
            it can't read the file.
    """
    office = shutil.which("soffice") or shutil.which("libreoffice")
    printers = [command for command in _PRINT.get(ending, ()) if shutil.which(command[0])]
    if not office and not printers:
        raise UserError("document_converter", kind=ending)
    with tempfile.TemporaryDirectory(prefix="cocorico-", ignore_cleanup_errors=True) as folder:
        given = Path(folder, f"document{ending}")
        given.write_bytes(data)
        if office:
            into = _INTO.get(ending, "docx")
            profile = f"-env:UserInstallation={Path(folder, 'profile').as_uri()}"
            safe = f"--headless --norestore --nolockcheck --convert-to {into} --outdir".split()
            _run((office, profile, *safe, folder, str(given)), folder, seconds)
            made = given.with_suffix(f".{into}")
        else:
            made = given.with_suffix(".txt")
            made.write_bytes(_run((*printers[0], str(given)), folder, seconds))
        if not made.exists() or not made.stat().st_size:
            raise UserError("document_damaged", reason=Path(office or printers[0][0]).name)
        yield made


def _run(command: tuple[str, ...], folder: str, seconds: float) -> bytes:
    """What a program prints; it is killed after so many seconds."""
    try:
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True}
        options |= {"cwd": folder, "timeout": seconds}
        done = subprocess.run(command, check=False, **options)  # noqa: S603 - found on the path
        return bytes(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise UserError("document_time", seconds=round(seconds)) from error
    except OSError as error:
        raise UserError("document_damaged", reason=str(error)) from error
