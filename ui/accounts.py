"""Who may use a page that several people reach: accounts, or the name that a proxy gives."""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from index.errors import UserError
from rag.settings import Settings

OWNER = "owner"  # the user of a page without accounts
LEAST = 10  # characters of a password


class Accounts:
    """The accounts of one page, in a JSON file that only its owner may read: {name: [salt, hash]}.

    Args:
        path: the file; without it there are no accounts.
        header: the request header in which a trusted proxy names the user; "" without a proxy.
    """

    def __init__(self, path: Path, header: str = "") -> None:
        self._path = path
        self._header = header.lower()
        # Keyed digests of the passwords verified in this run, since hashing is slow on purpose.
        self._verified: set[bytes] = set()
        self._key = secrets.token_bytes(32)

    @property
    def needed(self) -> bool:
        """Whether a request must name a user."""
        return bool(self._header or self.names())

    def names(self) -> list[str]:
        """The names of all accounts."""
        return sorted(self._read())

    def add(self, name: str, password: str) -> None:
        """Make an account, or change its password.

        Raises:
            UserError: `account_name` (name), `account_password` (least).
        """
        if not name or ":" in name or not name.isprintable() or len(name) > 64:
            raise UserError("account_name", name=name)
        if len(password) < LEAST:
            raise UserError("account_password", least=LEAST)
        salt = secrets.token_bytes(16)
        entry = [salt.hex(), _hash(password, salt).hex()]
        with self._locked():
            self._write({**self._read(), name: entry})

    def remove(self, name: str) -> None:
        """Close an account; its conversations stay.

        Raises:
            UserError: `account_unknown` (name).
        """
        with self._locked():
            known = self._read()
            if known.pop(name, None) is None:
                raise UserError("account_unknown", name=name)
            self._write(known)

    def known_user(self, headers: Mapping[str, str]) -> str | None:
        """The user whom these request headers (lower case) prove; None where they prove nobody.

        Nothing is hashed, which takes a quarter of a second: a password counts once verified.
        """
        if self._header:
            return headers.get(self._header) or None
        known = self._read()
        if not known:
            return OWNER
        name, password = credentials(headers)
        kept = known.get(name)
        return name if kept and self._digest(name, password, kept[1]) in self._verified else None

    def verify(self, name: str, password: str) -> bool:
        """Whether this is the account's password; never where a proxy names the users.

        An unknown name takes as long as a known one.
        """
        if self._header:
            return False
        salt, kept = self._read().get(name, ("00" * 16, "00" * 32))
        right = hmac.compare_digest(_hash(password, bytes.fromhex(salt)).hex(), kept)
        if right:
            self._verified.add(self._digest(name, password, kept))
        return right

    def _digest(self, name: str, password: str, kept: str) -> bytes:
        return hmac.digest(self._key, f"{name}:{password}:{kept}".encode(), "sha256")

    def _locked(self) -> FileLock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self._path.with_suffix(".lock"))

    def _read(self) -> dict[str, list[str]]:
        try:
            found: dict[str, list[str]] = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UserError("accounts_unreadable", path=self._path, reason=error) from error
        return found

    def _write(self, accounts: dict[str, list[str]]) -> None:
        part = self._path.with_suffix(".part")
        part.unlink(missing_ok=True)
        opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8") as file:
            json.dump(accounts, file)
        part.replace(self._path)


def accounts_of(settings: Settings) -> Accounts:
    """The accounts of the page with these settings."""
    return Accounts(settings.accounts, settings.proxy_user)


def credentials(headers: Mapping[str, str]) -> tuple[str, str]:
    """The name and password of HTTP Basic (RFC 7617); both "" where there are none."""
    kind, _, coded = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        decoded = base64.b64decode(coded, validate=True).decode("utf-8")
    except ValueError:
        return "", ""
    name, _, password = decoded.partition(":")
    return name, password


def _hash(password: str, salt: bytes) -> bytes:
    # The cost that OWASP's password storage cheat sheet gives for scrypt.
    return hashlib.scrypt(password.encode(), salt=salt, n=2**15, r=8, p=3, maxmem=2**26, dklen=32)
