"""Conversations kept in one SQLite file: each has one owner, and is found by its words."""

import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

# Each script brings a database one version further; `PRAGMA user_version` has the version.
_MIGRATIONS = (
    """
    CREATE TABLE conversations (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
        title TEXT NOT NULL, documents TEXT NOT NULL DEFAULT 'null', began REAL NOT NULL,
        changed REAL NOT NULL, deleted REAL
    );
    CREATE INDEX conversations_owner ON conversations (owner, changed);
    CREATE TABLE turns (
        conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
        place INTEGER NOT NULL, id TEXT NOT NULL, question TEXT NOT NULL, view TEXT NOT NULL,
        asked REAL NOT NULL, rating TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (conversation, place)
    ) WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5 (said, tokenize = "unicode61 remove_diacritics 2");
    """,
    "CREATE TABLE dossiers (owner TEXT PRIMARY KEY, content TEXT NOT NULL, changed REAL NOT NULL);",
)
_UNDO = 86_400  # seconds for which a deleted conversation can be restored
_LONGEST_TITLE = 120
_MOST_LISTED = 200
_STOPPED = json.dumps({"stage": "done", "stopped": True})  # until the answer is there

Record = dict[str, Any]


class History:
    """The conversations of all owners; nobody reaches another's. Safe to use from several threads.

    Args:
        path: of the SQLite file, made where it is absent. A damaged one is set aside.

    Raises:
        sqlite3.Error, OSError: nothing can be kept there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _open(path)
            self.purge()
        except sqlite3.DatabaseError as error:
            if "malformed" not in str(error) and "not a database" not in str(error):
                raise
            aside = path.with_name(f"{path.name}.{time.time_ns()}.aside")
            logging.getLogger(__name__).warning("%s is damaged: moved to %s", path, aside.name)
            path.rename(aside)
            for beside in ("-wal", "-shm"):
                path.with_name(path.name + beside).unlink(missing_ok=True)
            self._db = _open(path)

    def begin(
        self,
        owner: str,
        conversation: str,
        turn: str,
        question: str,
        *,
        replaces: str = "",
        documents: Sequence[str] | None = None,
    ) -> tuple[str, list[Record]]:
        """Keep a question at the end of a conversation, or in the place of the turn `replaces` and
        of those after it.

        Returns:
            the conversation's id, new where `conversation` is none of this owner's, and the turns
            before, oldest first.
        """
        now = time.time()
        with self._lock, self._db:
            number: Any = self._number(owner, conversation)
            if number is None:
                conversation = secrets.token_urlsafe(12)
                number = self._one(
                    "INSERT INTO conversations (id, owner, title, began, changed)"
                    " VALUES (?, ?, ?, ?, ?) RETURNING number",
                    (conversation, owner, _title(question), now, now),
                )
            place = self._one(
                "SELECT coalesce((SELECT place FROM turns WHERE conversation = ?1 AND id = ?2),"
                " (SELECT max(place) + 1 FROM turns WHERE conversation = ?1), 0)",
                (number, replaces),
            )
            self._db.execute(
                "DELETE FROM turns WHERE conversation = ? AND place >= ?", (number, place)
            )
            self._db.execute(
                "INSERT INTO turns (conversation, place, id, question, view, asked)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (number, place, turn, question, _STOPPED, now),
            )
            self._db.execute(
                "UPDATE conversations SET documents = ?, changed = ?, deleted = NULL"
                " WHERE number = ?",
                (json.dumps(documents), now, number),
            )
            self._index(number)
            return conversation, self._turns(number)[:-1]

    def start(self, owner: str, title: str) -> str:
        """Keep a conversation without a question yet; gives its id."""
        conversation, now = secrets.token_urlsafe(12), time.time()
        with self._lock, self._db:
            self._db.execute(
                "INSERT INTO conversations (id, owner, title, began, changed)"
                " VALUES (?, ?, ?, ?, ?)",
                (conversation, owner, _title(title), now, now),
            )
        return conversation

    def owns(self, owner: str, conversation: str) -> bool:
        """Whether a conversation is this owner's."""
        with self._lock:
            return self._number(owner, conversation) is not None

    def exists(self, conversation: str) -> bool:
        """Whether a conversation is anybody's, also where it was deleted and isn't purged yet."""
        with self._lock:
            query = "SELECT number FROM conversations WHERE id = ?"
            return self._one(query, (conversation,)) is not None

    def finish(self, owner: str, conversation: str, turn: str, view: Record) -> bool:
        """Keep the answer of a turn; False where its conversation was deleted meanwhile."""
        with self._lock, self._db:
            number = self._number(owner, conversation)
            if number is None:
                return False
            self._db.execute(
                "UPDATE turns SET view = ? WHERE conversation = ? AND id = ?",
                (json.dumps(view, ensure_ascii=False), number, turn),
            )
            self._index(number)
            query = "SELECT deleted IS NULL FROM conversations WHERE number = ?"
            return bool(self._one(query, (number,)))

    def listed(self, owner: str, words: str = "") -> list[Record]:
        """`id`, `title`, `changed` and `turns` (how many) of the conversations that have all these
        words or their beginnings, newest first."""
        query = " ".join(f'"{word}"*' for word in words.replace('"', " ").split())
        with self._lock:
            rows = self._db.execute(
                "SELECT id, title, changed,"
                " (SELECT count(*) FROM turns WHERE conversation = number) AS turns"
                " FROM conversations WHERE owner = ?1 AND deleted IS NULL AND"
                " (?2 = '' OR number IN (SELECT rowid FROM words WHERE words MATCH ?2))"
                " ORDER BY changed DESC LIMIT ?3",
                (owner, query, _MOST_LISTED),
            )
            return [dict(row) for row in rows]

    def read(self, owner: str, conversation: str) -> Record | None:
        """A conversation: `id`, `title`, `documents`, `began`, `changed`, `turns`; None where this
        owner has none of this id."""
        with self._lock:
            row = self._db.execute(
                "SELECT number, id, title, documents, began, changed FROM conversations"
                " WHERE id = ? AND owner = ? AND deleted IS NULL",
                (conversation, owner),
            ).fetchone()
            if row is None:
                return None
            found = dict(row)
            turns = self._turns(found.pop("number"))
        return {**found, "documents": json.loads(found["documents"]), "turns": turns}

    def rename(self, owner: str, conversation: str, title: str) -> bool:
        """Give another title; False without such a conversation, or where the title is blank."""
        with self._lock, self._db:
            number, title = self._number(owner, conversation), _title(title)
            if number is None or not title:
                return False
            self._db.execute("UPDATE conversations SET title = ? WHERE number = ?", (title, number))
            self._index(number)
            return True

    def delete(self, owner: str, conversation: str, *, undo: bool = False) -> None:
        """Take a conversation off the list, or put it back; `purge` removes it a day later."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE conversations SET deleted = ? WHERE id = ? AND owner = ?",
                (None if undo else time.time(), conversation, owner),
            )

    def rate(self, owner: str, conversation: str, turn: str, rating: str, reason: str) -> None:
        """Keep what a person thinks of an answer ("good", "bad" or "") and why."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE turns SET rating = ?, reason = ? WHERE conversation = ? AND id = ?",
                (rating, reason, self._number(owner, conversation), turn),
            )

    def dossier(self, owner: str) -> Record | None:
        """What `keep_dossier` kept for this owner; None where there is nothing."""
        with self._lock:
            kept = self._one("SELECT content FROM dossiers WHERE owner = ?", (owner,))
        return json.loads(kept) if kept else None

    def keep_dossier(self, owner: str, dossier: Record) -> None:
        """Keep an owner's dossier in the place of the one before."""
        with self._lock, self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO dossiers VALUES (?, ?, ?)",
                (owner, json.dumps(dossier, ensure_ascii=False), time.time()),
            )

    def purge(self) -> None:
        """Remove for good the conversations that were deleted more than a day ago."""
        before = (time.time() - _UNDO,)
        with self._lock, self._db:
            self._db.execute(
                "DELETE FROM words WHERE rowid IN"
                " (SELECT number FROM conversations WHERE deleted < ?)",
                before,
            )
            self._db.execute("DELETE FROM conversations WHERE deleted < ?", before)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _one(self, query: str, values: Sequence[Any]) -> Any:
        """The first value of the first row; None where there is none."""
        row = self._db.execute(query, values).fetchone()
        return row[0] if row else None

    def _number(self, owner: str, conversation: str) -> int | None:
        query = "SELECT number FROM conversations WHERE id = ? AND owner = ?"
        return self._one(query, (conversation, owner))

    def _turns(self, number: int) -> list[Record]:
        rows = self._db.execute(
            "SELECT id, question, view, asked, rating, reason FROM turns"
            " WHERE conversation = ? ORDER BY place",
            (number,),
        )
        return [{**dict(row), "view": json.loads(row["view"])} for row in rows]

    def _index(self, number: int) -> None:
        """Bring the search index up to date with a conversation."""
        title = self._one("SELECT title FROM conversations WHERE number = ?", (number,))
        turns = self._turns(number)
        said = [title, *(f"{turn['question']}\n{turn['view'].get('text', '')}" for turn in turns)]
        self._db.execute("DELETE FROM words WHERE rowid = ?", (number,))
        self._db.execute("INSERT INTO words (rowid, said) VALUES (?, ?)", (number, "\n".join(said)))


def _open(path: Path) -> sqlite3.Connection:
    """The database, brought up to date."""
    db = sqlite3.connect(path, timeout=30, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        # SQLite does not wait for its turn while another process turns a new database to WAL.
        with FileLock(path.with_suffix(".lock")):
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA foreign_keys = ON")
            with suppress(OSError):
                path.chmod(0o600)
            version = db.execute("PRAGMA user_version").fetchone()[0]
            for number, script in enumerate(_MIGRATIONS[version:], version + 1):
                done = f"PRAGMA user_version = {number}; COMMIT;"
                db.executescript(f"BEGIN IMMEDIATE; {script} {done}")
    except BaseException:
        db.close()
        raise
    return db


def _title(text: str) -> str:
    """One line that names a conversation."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1].rstrip() + "…"
