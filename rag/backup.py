"""One file with a library's documents, index, conversations and their files, and accounts.

It can be made while the page runs.

The databases are SQLite's own snapshots, each as of one moment. The index is taken first: a
document that changes meanwhile is read again at the next start. Models, which can be fetched
again, and an index on Milvus are not in it.
"""

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from contextlib import closing, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from index.documents import name_of, walk
from index.errors import UserError
from index.store import DATABASE
from rag.settings import Settings

_FORMAT = 1
_ABOUT = "cocorico.json"
_UNREADABLE = (  # what zipfile and json raise for files that are damaged or made to harm
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def back_up(settings: Settings, file: Path) -> tuple[int, int]:
    """Write a library and what belongs to it to a private ZIP file, whole or not at all.

    Returns:
        how many documents' files are in it, and its size in bytes.

    Raises:
        UserError: `library_absent`, `backup_unwritable`.
    """
    documents = {name_of(path, settings.library): path for path in walk(settings.library)}
    part = file.with_name(f".{file.name}.part")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="cocorico-") as work,
            _private(part) as target,
            zipfile.ZipFile(
                target, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
            ) as archive,
        ):
            for name, database in _databases(settings).items():
                if database.exists():
                    _snapshot(database, Path(work, "copy"))
                    archive.write(Path(work, "copy"), name)
            for path in settings.attached.glob("*/files/*"):
                with suppress(FileNotFoundError):  # removed meanwhile
                    archive.write(path, path.relative_to(settings.home).as_posix())
            if settings.accounts.exists():
                archive.write(settings.accounts, settings.accounts.name)
            dates = {}
            for name, path in documents.items():
                with suppress(FileNotFoundError):  # removed meanwhile
                    date = path.stat().st_mtime_ns
                    archive.write(path, f"documents/{name}")
                    dates[name] = date
            about = {"format": _FORMAT, "folder": settings.library.is_dir(), "dates": dates}
            archive.writestr(_ABOUT, json.dumps(about, ensure_ascii=False))
        part.replace(file)
    except (OSError, sqlite3.Error) as error:
        raise UserError("backup_unwritable", file=file, reason=_reason(error)) from error
    finally:
        part.unlink(missing_ok=True)
    return len(dates), file.stat().st_size


def restore(settings: Settings, file: Path) -> int:
    """Put back what `back_up` wrote, where nothing is that it could harm.

    Args:
        settings: where to; the library, its index, conversations and accounts must be absent.
        file: what `back_up` wrote.

    Returns:
        how many documents' files were put back.

    Raises:
        UserError: `backup_unreadable`, `backup_occupied`, `backup_unwritable`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            about = json.loads(archive.read(_ABOUT))
            if about["format"] != _FORMAT:
                raise ValueError(f"format {about['format']}")
            dates = {_safe(name): int(date) for name, date in about["dates"].items()}
            if damaged := archive.testzip():
                raise ValueError(damaged)
            places = _places(settings, set(archive.namelist()), dates, folder=bool(about["folder"]))
            for place in [settings.library, settings.store_folder, *places.values()]:
                if place.is_file() or (place.is_dir() and any(place.iterdir())):
                    raise UserError("backup_occupied", path=place)
            try:
                _unpack(archive, places, dates)
            except OSError as error:
                raise UserError(
                    "backup_unwritable", file=settings.home, reason=_reason(error)
                ) from error
    except _UNREADABLE as error:
        raise UserError("backup_unreadable", file=file, reason=_reason(error)) from error
    return len(dates)


def _databases(settings: Settings) -> dict[str, Path]:
    """What each database is called in the file, and where it lies."""
    return {path.name: path for path in (settings.store_folder / DATABASE, settings.conversations)}


def _places(
    settings: Settings, names: set[str], dates: dict[str, int], *, folder: bool
) -> dict[str, Path]:
    """Where each file goes; what isn't known stays in the archive."""
    places = {**_databases(settings), settings.accounts.name: settings.accounts}
    places |= {
        f"documents/{name}": settings.library / name if folder else settings.library
        for name in dates
    }
    attached = f"{settings.attached.name}/"
    places |= {name: settings.home / _safe(name) for name in names if name.startswith(attached)}
    if absent := {f"documents/{name}" for name in dates} - names:
        raise ValueError(min(absent))
    return {name: place for name, place in places.items() if name in names}


def _unpack(archive: zipfile.ZipFile, places: dict[str, Path], dates: dict[str, int]) -> None:
    """Write each file beside its place first: what is there under its own name is whole."""
    for name, place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".{place.name}.part")
        with archive.open(name) as source, _private(part) as target:
            shutil.copyfileobj(source, target)
        if date := dates.get(name.removeprefix("documents/")):
            part.chmod(0o644)
            os.utime(part, ns=(date, date))
        part.replace(place)


def _private(path: Path) -> IO[bytes]:
    """A new file to write that only its owner may read: conversations are in it."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _snapshot(database: Path, copy: Path) -> None:
    """A copy of a database that others may be writing to, as of one moment."""
    copy.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(database, timeout=60)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def _safe(name: str) -> str:
    """A document's name, if it stays below its folder."""
    path = PurePosixPath(name)
    inside = path.parts and not path.is_absolute() and ".." not in path.parts
    if not inside or "\\" in name or ":" in path.parts[0]:
        raise ValueError(name)
    return name


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
