"""What a model has read, on disk: one file for the state of each prompt's own part, the least recently used first to go."""

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_MOST = (
    1 << 30
)  # bytes that all files together may take, while no more than a quarter of what is free
_DAYS = 30  # after which a file that wasn't used goes
_DIGEST = 32


class States:
    """A folder of states. A file that is damaged, or of another model, is as good as none.

    Args:
        folder: made where it is missing; only its owner can read the files, as they hold the words of documents.
        made_by: what the states depend on besides the tokens.
    """

    def __init__(self, folder: Path, made_by: str) -> None:
        self._folder, self._made_by = folder, made_by
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            old = time.time() - _DAYS * 86400
            for path in folder.iterdir():
                if (
                    path.stat().st_mtime < old or path.suffix != ".state"
                ):  # also what a process left that was killed
                    path.unlink()

    @property
    def room(self) -> int:
        """Bytes that the files may take."""
        try:
            return self._room(sum(size for _, size, _ in self._files()))
        except OSError:
            return 0

    def has(self, tokens: Sequence[int]) -> bool:
        """Whether there is a file for a prompt; if so, it counts as used."""
        try:
            os.utime(self._path(tokens))
        except OSError:
            return False
        return True

    def read(self, tokens: Sequence[int]) -> tuple[int, bytes] | None:
        """The state after reading a prompt, and how many tokens at its beginning are left out of it."""
        path = self._path(tokens)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        if sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
            return None
        return int.from_bytes(data[_DIGEST : _DIGEST + 4], "little"), data[_DIGEST + 4 :]

    def write(self, tokens: Sequence[int], first: int, state: bytes) -> None:
        """Keep the state of a prompt's tokens from `first` on. A full disk costs the next reading a few seconds, nothing else."""
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
        files = self._files()
        taken = sum(size for _, size, _ in files)
        room = self._room(taken)
        for _, size, path in files:
            if taken + wanted <= room:
                break
            path.unlink(missing_ok=True)
            taken -= size
        return wanted <= room

    def _room(self, taken: int) -> int:
        return min(_MOST, shutil.disk_usage(self._folder).free // 4 + taken)

    def _files(self) -> list[tuple[float, int, Path]]:
        """When each was last used, its size in bytes, and its path; the one used longest ago first."""
        found = [(path, path.stat()) for path in self._folder.glob("*.state")]
        return sorted((facts.st_mtime, facts.st_size, path) for path, facts in found)

    def _path(self, tokens: Sequence[int]) -> Path:
        return (
            self._folder
            / f"{sha256(f'{self._made_by}|{list(tokens)}'.encode()).hexdigest()[:32]}.state"
        )
