"""A store's SQLite file: opening, migrations, transactions, shrinking, errors as user errors."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from index.errors import UserError

DATABASE = "library.sqlite"
# The schema, as one file after another changes it. A file that was released never changes.
_MIGRATIONS = sorted((Path(__file__).parent / "migrations").glob("*.sql"))
_DAMAGED = "damaged"  # marks a file with a page that couldn't be read: opening may not notice
_PRAGMAS = (
    # Of a new file. A chunk's token vectors fill five such pages, eighteen of the usual size.
    "page_size = 16384",
    "auto_vacuum = INCREMENTAL",
    "cache_size = -65536",
    "mmap_size = 2147418112",  # SQLite's most: reading copies once, not twice
    # WAL lets readers go on while one writes; FULL makes each commit outlive a power cut.
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
)
_FREE = 0.25  # the part of the file that may be free before it is made smaller
_AT_ONCE = 1000  # pages given back in one transaction
_SMALL = 1 << 16  # pages in use up to which a file without incremental vacuum is written anew
_CODES = {
    "full": "store_disk_full",
    "readonly": "store_unwritable",
    "unable to open": "store_unwritable",
    "locked": "store_busy",
}  # by a part of what SQLite says


class Database:
    """One connection for all threads, which take turns; other processes wait by SQLite's own locks.

    Args:
        folder: made where it isn't there.

    Raises:
        UserError: `store_too_new`, `store_damaged`, `store_unwritable`; from any method also
            `store_disk_full`, `store_busy`, `store_disk_error`.
    """

    def __init__(self, folder: Path) -> None:
        self.lock = threading.RLock()
        self._folder = folder
        if (folder / _DAMAGED).exists():
            raise UserError("store_damaged", folder=folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                folder / DATABASE, timeout=60, check_same_thread=False, isolation_level=None
            )
        except (OSError, sqlite3.OperationalError) as error:
            raise UserError("store_unwritable", folder=folder) from error
        try:
            # One process after another: SQLite doesn't wait while a new file is turned to WAL.
            with FileLock(folder / "open.lock"):
                for pragma in _PRAGMAS:
                    self.rows(f"PRAGMA {pragma}")
                with self.transaction():
                    self._migrate()
        except BaseException:
            self.close()
            raise

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows that a query gives."""
        try:
            with self.lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._user_error(error) from error

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement in a `transaction`; the number of the row that it inserted."""
        return self._connection.execute(statement, values).lastrowid or 0

    def run_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row of values in a `transaction`."""
        self._connection.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, also when killed."""
        with self.lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                self._roll_back()
                raise self._user_error(error) from error
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several queries that see the same state, whatever other processes write meanwhile."""
        with self.lock:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._roll_back()

    def shrink(self) -> None:
        """Give free pages back to the file system, a few at a time so that others can write."""
        while self._pragma("freelist_count") > _FREE * self._pragma("page_count"):
            if self._pragma("auto_vacuum"):
                self.rows(f"PRAGMA incremental_vacuum({_AT_ONCE})")
            elif self._pragma("page_count") - self._pragma("freelist_count") < _SMALL:
                self.rows("VACUUM")
            else:
                break
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            self._connection.close()

    def _migrate(self) -> None:
        version, known = self._pragma("user_version"), len(_MIGRATIONS)
        if version > known:
            raise UserError("store_too_new", folder=self._folder, version=version, known=known)
        for path in _MIGRATIONS[version:]:
            for statement in path.read_text(encoding="utf-8").split(";\n"):
                self.run(statement)
        self.run(f"PRAGMA user_version = {known}")

    def _pragma(self, name: str) -> int:
        return int(self.rows(f"PRAGMA {name}")[0][0])

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # SQLite itself ends it where the disk is full
            self._connection.execute("ROLLBACK")

    def _user_error(self, error: sqlite3.DatabaseError) -> UserError:
        """What to tell the user; an error that is a mistake of ours is raised as it is."""
        text, code = str(error), getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            with suppress(OSError):
                (self._folder / _DAMAGED).touch()
            return UserError("store_damaged", folder=self._folder)
        for part, known in _CODES.items():
            if part in text:
                return UserError(known, folder=self._folder)
        if code == sqlite3.SQLITE_IOERR:
            return UserError("store_disk_error", folder=self._folder, reason=text)
        raise error
