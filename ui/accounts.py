"""Who may use a page that several people reach: accounts with hashed passwords, or the name that a proxy vouches for."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path

from index.errors import UserError
from rag.settings import Settings

OWNER = "owner"  # who everybody is where there are no accounts
LEAST = 10  # characters of a password


class Accounts:
    """The accounts of one page, in a file that only its user may read.

    Args:
        path: the file; none need be there.
        header: of requests, in which a trusted proxy names the user; "" where there is no such proxy.
    """

    def __init__(self, path: Path, header: str = "") -> None:
        self._path = path
        self._header = header.lower()
        self._known: set[bytes] = (
            set()
        )  # what was verified in this run, by a keyed digest: hashing is slow on purpose
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()

    @property
    def needed(self) -> bool:
        """Whether a request must name a user."""
        return bool(self._header or self.names())

    def names(self) -> list[str]:
        """Who has an account."""
        return sorted(self._read())

    def add(self, name: str, password: str) -> None:
        """Make an account, or give it another password.

        Raises:
            UserError: `account_name` (name), `account_password` (least).
        """
        if not name or ":" in name or not name.isprintable() or len(name) > 64:
            raise UserError("account_name", name=name)
        if len(password) < LEAST:
            raise UserError("account_password", least=LEAST)
        salt = secrets.token_bytes(16)
        self._write({**self._read(), name: [salt.hex(), _hash(password, salt).hex()]})

    def remove(self, name: str) -> None:
        """Close an account; its conversations stay.

        Raises:
            UserError: `account_unknown` (name).
        """
        known = self._read()
        if known.pop(name, None) is None:
            raise UserError("account_unknown", name=name)
        self._write(known)

    def user(self, headers: Mapping[str, str]) -> str | None:
        """The user whom a request's headers (lower case) prove, `OWNER` where nobody need be; None where they prove nobody."""
        if self._header:
            return headers.get(self._header) or None
        known = self._read()
        if not known:
            return OWNER
        kind, _, coded = headers.get("authorization", "").partition(" ")
        try:
            name, _, password = (
                base64.b64decode(coded, validate=True).decode("utf-8").partition(":")
            )
        except ValueError:
            return None
        salt, kept = known.get(
            name, ("00" * 16, "00" * 32)
        )  # who isn't there takes as long as who is
        seen = hmac.digest(self._key, f"{name}:{password}:{kept}".encode(), "sha256")
        if kind.lower() != "basic":
            return None
        with self._lock:
            if seen not in self._known and not hmac.compare_digest(
                _hash(password, bytes.fromhex(salt)).hex(), kept
            ):
                return None
            self._known.add(seen)
        return name

    def _read(self) -> dict[str, list[str]]:
        try:
            found: dict[str, list[str]] = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UserError("accounts_unreadable", path=self._path, reason=error) from error
        return found

    def _write(self, accounts: dict[str, list[str]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump(accounts, file)
        part.replace(self._path)


def accounts_of(settings: Settings) -> Accounts:
    """The accounts of the page with these settings."""
    return Accounts(settings.accounts, settings.proxy_user)


def _hash(password: str, salt: bytes) -> bytes:
    # The cost that OWASP's password storage sheet has for scrypt.
    return hashlib.scrypt(password.encode(), salt=salt, n=2**15, r=8, p=3, maxmem=2**26, dklen=32)
