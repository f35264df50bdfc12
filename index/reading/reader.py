"""Reading of files that may be made to harm: in a process of its own, killed past its limits."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from index.documents import (
    KINDS,
    Document,
    clean_name,
    clean_text,
    is_text,
    make,
    name_of,
    read_text,
)
from index.errors import UserError
from index.reading.limits import Limits

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_FACT = 300
_TRIES = 4  # of a file of which members stop the process, each without those found so far


def readers_mark() -> str:
    """Changes where files that could not be read should be tried again."""
    return "1+ocr" if find_spec("rapidocr") and find_spec("onnxruntime") else "1"


class Reader:
    """Reads files; those that aren't plain text in another process, started for the first of them. Close it after.

    Args:
        limits: past which a file is given up.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._child: subprocess.Popen[bytes] | None = None

    def read(self, path: Path, root: Path) -> Iterator[Document | UserError]:
        """The documents of a file and the errors of its parts.

        Args:
            path: the file.
            root: the library; names are relative to it.

        Raises:
            UserError: the file can't be read at all; `document_kind`, `document_unreadable`, `document_large`, ....
        """
        if path.suffix.lower() not in KINDS:
            raise UserError("document_kind", file=path, kinds=", ".join(KINDS))
        if is_text(path):
            yield from read_text(path, root)
            return
        try:
            size = path.stat().st_size
        except OSError as error:
            raise UserError("document_unreadable", file=path, reason=error.strerror) from error
        if size > self._limits.bytes:
            raise UserError("document_large", file=path, size=size, most=self._limits.bytes)
        name = name_of(path, root)
        skip: list[str] = []
        stopped: list[UserError] = []
        for _ in range(_TRIES):
            found, culprit = self._ask(path, name, skip)
            if culprit is None:
                break
            stopped.append(culprit[1])
            skip.append(culprit[0])
            if culprit[0] == name:
                break
        yield from found
        yield from stopped

    def picture(self, path: Path, page: int, said: str) -> bytes | None:
        """A page of a PDF (from 1) as a PNG with the words of a text marked; None where it can't be drawn within the limits."""
        if path.stat().st_size > self._limits.bytes:
            return None
        child = self._child = self._child or self._start()
        watch = _Watch(child, self._limits.seconds)
        try:
            answers = _send(child, {"path": str(path.absolute()), "page": page, "said": said})
            return b64decode(json.loads(answers.readline(8 * self._limits.characters))["picture"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        finally:
            watch.end()
            self.close()

    def close(self) -> None:
        """End the process."""
        if self._child:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe:
                    pipe.close()
        self._child = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(
        self, path: Path, name: str, skip: list[str]
    ) -> tuple[list[Document | UserError], tuple[str, UserError] | None]:
        """What a file holds but for the members to skip; and if the process was stopped, over which and why."""
        fresh = self._child is None
        found, culprit = self._once(path, name, skip)
        if culprit and not fresh and culprit[1].code != "document_time":
            return self._once(
                path, name, skip
            )  # what was read before may have left the process short of memory
        return found, culprit

    def _once(
        self, path: Path, name: str, skip: list[str]
    ) -> tuple[list[Document | UserError], tuple[str, UserError] | None]:
        child = self._child = self._child or self._start()
        found: list[Document | UserError] = []
        at = name
        watch = _Watch(child, 5 * self._limits.seconds)
        try:
            answers = _send(child, {"path": str(path.absolute()), "name": name, "skip": skip})
            while line := answers.readline(8 * self._limits.characters):
                answer: dict[str, Any] = json.loads(line)
                watch.alive()
                if "end" in answer:
                    return found, None
                at = answer.get("name", at)
                if "error" in answer:
                    found.append(self._error(path, name, answer))
                elif "text" in answer:
                    text, title = clean_text(answer["text"]), clean_name(answer["title"])
                    pages = tuple((start, end) for start, end in answer["pages"])
                    facts = {
                        key: clean_name(answer[key])[:_LONGEST_FACT] for key in ("author", "date")
                    }
                    found.append(make(at, title, text, titled=True, pages=pages, **facts))
        except (OSError, ValueError, KeyError, TypeError):
            child.kill()  # it is gone, or says what no reader says
        finally:
            watch.end()
        # It is killed here by the clock, or by the system at its limit of processor time.
        late = watch.late or child.wait() == -getattr(signal, "SIGXCPU", 0)
        self.close()
        file = _file(path, name, at)
        if late:
            return found, (
                at,
                UserError("document_time", file=file, seconds=round(self._limits.seconds)),
            )
        return found, (at, UserError("document_stopped", file=file, most=self._limits.memory))

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("COCORICO_")
        }
        return subprocess.Popen(
            [sys.executable, "-m", "index.reading.child", json.dumps(asdict(self._limits))],
            cwd=_ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _error(self, path: Path, name: str, answer: dict[str, Any]) -> UserError:
        values = {"kinds": ", ".join(KINDS)} if answer["error"] == "document_kind" else {}
        return UserError(
            answer["error"],
            **{**values, **answer["values"], "file": _file(path, name, answer["name"])},
        )


class _Watch:
    """Kills a process that gives no sign for so many seconds, or isn't done in ten times as many."""

    def __init__(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        self.late = False
        self._child = child
        self._seconds = seconds
        self._last = self._first = time.monotonic()
        self._done = threading.Event()
        threading.Thread(target=self._run, name="cocorico-reading", daemon=True).start()

    def alive(self) -> None:
        """It gave a sign."""
        self._last = time.monotonic()

    def end(self) -> None:
        """It is done with the file."""
        self._done.set()

    def _run(self) -> None:
        while not self._done.wait(self._seconds / 50):
            now = time.monotonic()
            if now > self._last + self._seconds or now > self._first + 10 * self._seconds:
                self.late = True
                self._child.kill()
                return


def _send(child: subprocess.Popen[bytes], request: dict[str, Any]) -> IO[bytes]:
    """Hand the process a request; gives what its answers are read from."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(request).encode() + b"\n")
    child.stdin.flush()
    return child.stdout


def _file(path: Path, name: str, at: str) -> str:
    """The file as the user knows it, and the member of it."""
    return (
        str(path)
        if not at.startswith(f"{name}/")
        else f"{clean_name(str(path))}/{at.removeprefix(f'{name}/')}"
    )
