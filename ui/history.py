"""Conversations kept on this machine, in one SQLite file: each belongs to one owner and is found by its words."""

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

_MIGRATIONS = (
    """
    CREATE TABLE conversations (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, title TEXT NOT NULL,
        documents TEXT NOT NULL DEFAULT 'null', began REAL NOT NULL, changed REAL NOT NULL, deleted REAL
    );
    CREATE INDEX conversations_owner ON conversations (owner, changed);
    CREATE TABLE turns (
        conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE, place INTEGER NOT NULL, id TEXT NOT NULL,
        question TEXT NOT NULL, view TEXT NOT NULL, asked REAL NOT NULL, rating TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (conversation, place)
    ) WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5 (said, tokenize = "unicode61 remove_diacritics 2");
    """,
)
_UNDO = 86_400  # seconds for which a deleted conversation can be restored
_LONGEST_TITLE = 120
_MOST_LISTED = 200

Record = dict[str, Any]


class History:
    """The conversations of all owners. Safe to use from several threads. What belongs to another owner isn't there.

    Args:
        path: of the SQLite file; made where it isn't there. A damaged one is set aside and a new one begun.

    Raises:
        sqlite3.Error, OSError: nothing can be kept there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _opened(path)
        except sqlite3.DatabaseError as error:
            if "malformed" not in str(error) and "not a database" not in str(error):
                raise
            aside = path.with_name(f"{path.name}.{time.time_ns()}.aside")
            logging.getLogger(__name__).warning(
                "%s is damaged and was set aside as %s", path, aside.name
            )
            path.rename(aside)
            for beside in ("-wal", "-shm"):
                path.with_name(path.name + beside).unlink(missing_ok=True)
            self._db = _opened(path)

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
        """Note a question at the end of a conversation, or in the place of the turn `replaces` and what follows it.

        Returns:
            the conversation's id, new where `conversation` is none of this owner, and the turns before, oldest first.
        """
        now = time.time()
        with self._lock, self._db:
            number: Any = self._number(owner, conversation)
            if number is None:
                conversation = secrets.token_urlsafe(12)
                number = self._db.execute(
                    "INSERT INTO conversations (id, owner, title, began, changed) VALUES (?, ?, ?, ?, ?) RETURNING number",
                    (conversation, owner, _title(question), now, now),
                ).fetchone()[0]
            place = self._db.execute(
                "SELECT coalesce((SELECT place FROM turns WHERE conversation = ?1 AND id = ?2),"
                " (SELECT max(place) + 1 FROM turns WHERE conversation = ?1), 0)",
                (number, replaces),
            ).fetchone()[0]
            self._db.execute(
                "DELETE FROM turns WHERE conversation = ? AND place >= ?", (number, place)
            )
            self._db.execute(
                "INSERT INTO turns (conversation, place, id, question, view, asked) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    number,
                    place,
                    turn,
                    question,
                    json.dumps({"stage": "done", "stopped": True}),
                    now,
                ),
            )
            self._db.execute(
                "UPDATE conversations SET documents = ?, changed = ?, deleted = NULL WHERE number = ?",
                (json.dumps(documents), now, number),
            )
            self._index(number)
            return conversation, self._turns(number)[:-1]

    def finish(self, owner: str, conversation: str, turn: str, view: Record) -> None:
        """Keep the answer of a turn as it stands."""
        with self._lock, self._db:
            number = self._number(owner, conversation)
            self._db.execute(
                "UPDATE turns SET view = ? WHERE conversation = ? AND id = ?",
                (json.dumps(view, ensure_ascii=False), number, turn),
            )
            if number is not None:
                self._index(number)

    def listed(self, owner: str, words: str = "") -> list[Record]:
        """`id`, `title`, `changed`, `turns` of the conversations that hold all these words or their beginnings, newest first."""
        query = " ".join(f'"{word}"*' for word in words.replace('"', " ").split())
        found = " AND number IN (SELECT rowid FROM words WHERE words MATCH ?)" if query else ""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, title, changed, (SELECT count(*) FROM turns WHERE conversation = number) FROM conversations"
                f" WHERE owner = ? AND deleted IS NULL{found} ORDER BY changed DESC LIMIT {_MOST_LISTED}",
                (owner, query) if query else (owner,),
            ).fetchall()
        return [dict(zip(("id", "title", "changed", "turns"), row, strict=True)) for row in rows]

    def read(self, owner: str, conversation: str) -> Record | None:
        """A whole conversation: `id`, `title`, `documents`, `began`, `changed`, `turns`; None where there is none of this id."""
        with self._lock:
            row = self._db.execute(
                "SELECT number, id, title, documents, began, changed FROM conversations"
                " WHERE id = ? AND owner = ? AND deleted IS NULL",
                (conversation, owner),
            ).fetchone()
            if row is None:
                return None
            number, identity, title, documents, began, changed = row
            turns = self._turns(number)
        return {
            "id": identity, "title": title, "documents": json.loads(documents), "began": began, "changed": changed, "turns": turns,
        }  # fmt: skip

    def rename(self, owner: str, conversation: str, title: str) -> bool:
        """Give another title; False where there is no such conversation or nothing is left of the title."""
        with self._lock, self._db:
            number, title = self._number(owner, conversation), _title(title)
            if number is None or not title:
                return False
            self._db.execute("UPDATE conversations SET title = ? WHERE number = ?", (title, number))
            self._index(number)
            return True

    def delete(self, owner: str, conversation: str, *, undo: bool = False) -> None:
        """Take a conversation off the list, or put it back; a day later it is gone."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE conversations SET deleted = ? WHERE id = ? AND owner = ?",
                (None if undo else time.time(), conversation, owner),
            )

    def rate(self, owner: str, conversation: str, turn: str, rating: str, reason: str) -> None:
        """Note what a person thinks of an answer: "good", "bad" or nothing, and why."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE turns SET rating = ?, reason = ? WHERE conversation = ? AND id = ?",
                (
                    rating if rating in ("good", "bad") else "",
                    reason[:1000],
                    self._number(owner, conversation),
                    turn,
                ),
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _number(self, owner: str, conversation: str) -> int | None:
        query = "SELECT number FROM conversations WHERE id = ? AND owner = ?"
        row: tuple[int] | None = self._db.execute(query, (conversation, owner)).fetchone()
        return row[0] if row else None

    def _turns(self, number: int) -> list[Record]:
        rows = self._db.execute(
            "SELECT id, question, view, asked, rating, reason FROM turns WHERE conversation = ? ORDER BY place",
            (number,),
        )
        names = ("id", "question", "view", "asked", "rating", "reason")
        return [{**dict(zip(names, row, strict=True)), "view": json.loads(row[2])} for row in rows]

    def _index(self, number: int) -> None:
        title = self._db.execute(
            "SELECT title FROM conversations WHERE number = ?", (number,)
        ).fetchone()[0]
        said = [
            f"{turn['question']}\n{turn['view'].get('text', '')}" for turn in self._turns(number)
        ]
        self._db.execute("DELETE FROM words WHERE rowid = ?", (number,))
        self._db.execute(
            "INSERT INTO words (rowid, said) VALUES (?, ?)", (number, "\n".join([title, *said]))
        )


def _opened(path: Path) -> sqlite3.Connection:
    """The database brought up to date, without what was deleted for good."""
    db = sqlite3.connect(path, timeout=30, check_same_thread=False)
    try:
        with FileLock(
            path.with_suffix(".lock")
        ):  # SQLite doesn't wait its turn while a new database is turned to WAL
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA foreign_keys = ON")
            with suppress(OSError):
                path.chmod(0o600)  # what people asked is nobody else's to read
            version = db.execute("PRAGMA user_version").fetchone()[0]
            for number, script in enumerate(_MIGRATIONS[version:], version + 1):
                db.executescript(
                    f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;"
                )
            with db:
                gone = "SELECT number FROM conversations WHERE deleted < ?"
                db.execute(f"DELETE FROM words WHERE rowid IN ({gone})", (time.time() - _UNDO,))
                db.execute("DELETE FROM conversations WHERE deleted < ?", (time.time() - _UNDO,))
    except BaseException:
        db.close()
        raise
    return db


def _title(text: str) -> str:
    """One line that names a conversation."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1].rstrip() + "…"
