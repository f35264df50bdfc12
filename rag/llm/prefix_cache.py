"""The KV cache states of prefixes on disk, so that they aren't read again at the next start."""

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from index.models import fetch

GROUP = 16
"""Prefixes are shared in groups of this many tokens, as the kernels work on groups of rows."""

_MOST = 1 << 30  # bytes of all files together, and at most a quarter of what is free
_DAYS = 30  # after which a file that wasn't used is deleted
_DIGEST = 32


class PrefixCache:
    """A folder with a file a prefix; the least recently used ones make room for new ones.

    Read and write errors are ignored: the model then reads the prefix again.

    Args:
        folder: made where it is missing. Only its owner can read the files: they hold documents.
        made_by: what the states depend on besides the tokens: model, library, trained prefixes.
    """

    def __init__(self, folder: Path, made_by: str) -> None:
        self._folder, self._made_by = folder, made_by
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            for unfinished in folder.glob("*.part"):
                unfinished.unlink()
            self._make_room(0)

    @property
    def room(self) -> int:
        """Bytes that the files may take."""
        try:
            return self._room(sum(size for _, size, _ in self._files()))
        except OSError:
            return 0

    def has(self, tokens: Sequence[int]) -> bool:
        """Whether there is a file for a prefix; if so, it counts as used."""
        try:
            os.utime(self._path(tokens))
        except OSError:
            return False
        return True

    def read(self, tokens: Sequence[int]) -> tuple[int, bytes] | None:
        """How many first tokens of a prefix are left out of its state, and the state."""
        if not self.has(tokens):
            return None
        try:
            data = self._path(tokens).read_bytes()
        except OSError:
            return None
        if sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
            return None
        return int.from_bytes(data[_DIGEST : _DIGEST + 4], "little"), data[_DIGEST + 4 :]

    def write(self, tokens: Sequence[int], first: int, state: bytes) -> None:
        """Keep the state of a prefix without its `first` tokens."""
        data = first.to_bytes(4, "little") + state
        data = sha256(data).digest() + data
        path = self._path(tokens)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            if self._make_room(len(data)):
                part.touch(mode=0o600)
                part.write_bytes(data)
                part.replace(path)
        except OSError:
            with suppress(OSError):
                part.unlink()

    def _make_room(self, wanted: int) -> bool:
        """Delete old files and as many others as needed; whether `wanted` bytes fit."""
        files = self._files()
        taken = sum(size for _, size, _ in files)
        room = self._room(taken)
        for used, size, path in files:
            if used > time.time() - _DAYS * 86400 and taken + wanted <= room:
                break
            path.unlink(missing_ok=True)
            taken -= size
        return wanted <= room

    def _room(self, taken: int) -> int:
        return min(_MOST, shutil.disk_usage(self._folder).free // 4 + taken)

    def _files(self) -> list[tuple[float, int, Path]]:
        """When each was used, its size and its path; the least recently used first."""
        found = [(path, path.stat()) for path in self._folder.glob("*.state")]
        return sorted((facts.st_mtime, facts.st_size, path) for path, facts in found)

    def _path(self, tokens: Sequence[int]) -> Path:
        key = sha256(f"{self._made_by}|{list(tokens)}".encode()).hexdigest()
        return self._folder / f"{key[:32]}.state"


def model_sha256(path: Path, cache: Path | None) -> str:
    """The SHA-256 of a model file, read once while path, size and time of change stay the same.

    Args:
        path: the file. Its checksum stands beside it where `index.models.fetch` verified it.
        cache: a folder that remembers the checksums of other files; none is written where None.
    """
    facts = path.stat()
    unchanged = f" {facts.st_size} {facts.st_mtime_ns}"
    stamps = [path.with_name(f"{path.name}.verified")]
    if cache:
        stamps.append(cache / f"{sha256(str(path.resolve()).encode()).hexdigest()[:32]}.sha256")
    for stamp in stamps:
        with suppress(OSError):
            if (text := stamp.read_text(encoding="utf-8")).endswith(unchanged):
                return text.removesuffix(unchanged)
    digest = fetch.sha256(path)
    if cache:
        with suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            stamps[1].write_text(digest + unchanged, encoding="utf-8")
    return digest
