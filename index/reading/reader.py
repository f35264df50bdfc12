"""Reading of files that may be made to harm: in a process of its own, killed past its limits."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Self

from index.documents import (
    KINDS,
    Document,
    Unread,
    clean_name,
    clean_text,
    decode,
    is_text,
    make,
    name_of,
    readable,
)  # fmt: skip
from index.errors import UserError
from index.reading.kinds import KINDS as READERS
from index.reading.kinds import kind_of_name
from index.reading.legacy import converted
from index.reading.limits import Budget, Limits, Source, shown
from index.reading.ocr import engines

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_FACT = 300
_TRIES = 4  # of a file of which members stop the process, each without those found so far

Progress = Callable[[str, int, int], None]
"""Told the document, the page at work and how many pages there are, while pages are recognised."""


def readers_mark() -> str:
    """Changes where files should be read again: those that could not be, or are now read better.

    What they say as before isn't embedded again.
    """
    return "+".join(["7", *engines()])


def read_text(path: Path, root: Path) -> Iterator[Document | UserError]:
    """The documents of a file of text; in a .jsonl file a bad line is an error among good
    documents.

    Args:
        path: the file.
        root: the library; names are relative to it.

    Raises:
        UserError: `document_unreadable`, `document_binary`, `document_large`.
    """
    data = decode(path).encode("utf-8", "surrogatepass")
    module, function = READERS[kind_of_name(path)].split(".")
    source = Source(path.name, data, Budget(Limits()))
    for found in getattr(import_module(f"index.reading.{module}"), function)(source):
        if isinstance(found, UserError):
            yield UserError(found.code, **found.values, file=path)
        else:
            yield _document(asdict(found if found.name else shown(found)), name_of(path, root))


def _document(read: dict[str, Any], name: str) -> Document:
    """A document from what a reader gives."""
    titled = not read["name"]  # a line says its own title
    facts = {key: clean_name(read[key])[:_LONGEST_FACT] for key in ("author", "date")}
    pages = tuple((start, end) for start, end in read["pages"])
    notes = tuple(Unread(each["code"], each["values"]) for each in read["unread"])
    text, title = clean_text(read["text"]), clean_name(read["title"])
    return make(
        read["name"] or name, title, text, titled=titled, pages=pages, unread=notes, **facts
    )


class Reader:
    """Reads files; those that aren't plain text in another process, started for the first of them.
    Close it after.

    Args:
        limits: past which a file is given up.
        progress: told of each page that is recognised.
    """

    def __init__(self, limits: Limits | None = None, progress: Progress | None = None) -> None:
        self._limits = limits or Limits()
        self._progress = progress
        self._child: subprocess.Popen[bytes] | None = None

    def read(self, path: Path, root: Path) -> Iterator[Document | UserError]:
        """The documents of a file and the errors of its parts.

        Args:
            path: the file.
            root: the library; names are relative to it.

        Raises:
            UserError: the file can't be read at all; `document_kind`, `document_unreadable`,
                `document_large`, ….
        """
        found = None
        for found in self._found(path, root):
            yield found
            if isinstance(found, Document) and not found.text.strip():
                yield UserError("document_empty", file=path, name=found.name)
        if found is None:
            yield UserError("document_empty", file=path, name=name_of(path, root))

    def _found(self, path: Path, root: Path) -> Iterator[Document | UserError]:
        if kind_of_name(path) not in KINDS and not readable(path):
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
        yield from self._read(path, name_of(path, root), path)

    def _read(self, path: Path, name: str, known: Path) -> Iterator[Document | UserError]:
        """The same of a file that is of a kind that is read, under the name and path that its user
        knows."""
        skip: list[str] = []
        stopped: list[UserError] = []
        answers = _Answers(known, name)
        for _ in range(_TRIES):
            answers = _Answers(known, name)
            culprit = self._ask(path, answers, skip)
            if culprit is None:
                break
            stopped.append(culprit[1])
            skip.append(culprit[0])
            if culprit[0] == name:
                break
        yield from answers.found
        yield from stopped
        for inner, ending, data in answers.to_convert:
            yield from self._converted(inner, ending, data, known, name)

    def _converted(
        self, inner: str, ending: str, data: bytes, known: Path, name: str
    ) -> Iterator[Document | UserError]:
        """The documents of a file that another program must turn into a kind that is read."""
        try:
            with converted(data, ending, self._limits.seconds) as made:
                yield from self._read(made, inner, known)
        except UserError as error:
            yield UserError(error.code, **{**error.values, "file": _file(known, name, inner)})

    def picture(self, path: Path, page: int, said: str) -> bytes | None:
        """A page of a PDF (from 1) as a PNG with the words of a text marked; None where it can't be
        drawn within the limits."""
        if path.stat().st_size > self._limits.bytes:
            return None
        child = self._child = self._child or self._start()
        watch = _Watch(child, self._limits.seconds, self._limits.memory)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self, path: Path, answers: "_Answers", skip: list[str]
    ) -> tuple[str, UserError] | None:
        """Have the process read a file; where it was stopped, the member at which it was and the
        reason."""
        child = self._child = self._child or self._start()
        watch = _Watch(child, 5 * self._limits.seconds, self._limits.memory)
        try:
            lines = _send(child, {"path": str(path.absolute()), "name": answers.name, "skip": skip})
            while line := lines.readline(8 * self._limits.characters):
                answer: dict[str, Any] = json.loads(line)
                watch.alive()
                if "end" in answer:
                    return None
                if self._progress and answer.get("page"):
                    self._progress(answers.at, answer["page"], answer["pages"])
                answers.take(answer)
        except (OSError, ValueError, KeyError, TypeError):
            child.kill()  # it is gone, or says what no reader says
        finally:
            watch.end()
        # It is killed here by the clock, or by the system at its limit of processor time.
        late = watch.late or child.wait() == -getattr(signal, "SIGXCPU", 0)
        self.close()
        file = _file(answers.path, answers.name, answers.at)
        if late:
            seconds = round(self._limits.seconds)
            return answers.at, UserError("document_time", file=file, seconds=seconds)
        return answers.at, UserError("document_stopped", file=file, most=self._limits.memory)

    def _start(self) -> subprocess.Popen[bytes]:
        told = (pair for pair in os.environ.items() if not pair[0].startswith("COCORICO_"))
        return subprocess.Popen(  # noqa: S603 - this program's own module
            [sys.executable, "-m", "index.reading.child", json.dumps(asdict(self._limits))],
            cwd=_ROOT,
            env=dict(told),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


class _Answers:
    """What the process has said of a file so far."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.at = name
        self.found: list[Document | UserError] = []
        self.to_convert: list[tuple[str, str, bytes]] = []

    def take(self, answer: dict[str, Any]) -> None:
        """Take in an answer. Raises KeyError, TypeError or ValueError where no reader says such a
        thing."""
        name = answer.get("name", self.at)
        if "begin" in answer:
            self.at = name
        elif "error" in answer:
            values = {"kinds": ", ".join(KINDS)} if answer["error"] == "document_kind" else {}
            file = _file(self.path, self.name, name)
            values |= {**answer["values"], "file": file, "name": name}
            self.found.append(UserError(answer["error"], **values))
        elif "read" in answer:
            self.found.append(_document(answer["read"], name))
        elif "convert" in answer:
            self.to_convert.append((name, answer["convert"], b64decode(answer["data"])))
        elif "unread" in answer:
            self._note(Unread(answer["unread"]["code"], answer["unread"]["values"]), name)

    def _note(self, note: Unread, name: str) -> None:
        """Say of the last document what was not read beside it; an error where there is none."""
        last = self.found[-1] if self.found else None
        if isinstance(last, Document):
            self.found[-1] = replace(last, unread=(*last.unread, note))
        else:
            file = _file(self.path, self.name, name)
            self.found.append(UserError(note.code, **note.values, file=file))


class _Watch:
    """Kills a process that gives no sign for so many seconds, isn't done in ten times as many, or
    grows too large."""

    def __init__(self, child: subprocess.Popen[bytes], seconds: float, memory: int) -> None:
        self.late = False
        self._child = child
        self._seconds = seconds
        self._memory = memory
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
        import psutil

        with suppress(psutil.Error):
            process = psutil.Process(self._child.pid)
            while not self._done.wait(min(self._seconds / 50, 0.2)):
                now = time.monotonic()
                self.late = now > min(self._last + self._seconds, self._first + 10 * self._seconds)
                # The system's own limit (child.confine) holds on Linux alone.
                if self.late or process.memory_info().rss > self._memory:
                    self._child.kill()
                    return


def _send(child: subprocess.Popen[bytes], request: dict[str, Any]) -> IO[bytes]:
    """Hand the process a request; gives what its answers are read from."""
    assert child.stdin is not None and child.stdout is not None  # noqa: S101 - for types
    child.stdin.write(json.dumps(request).encode() + b"\n")
    child.stdin.flush()
    return child.stdout


def _file(path: Path, name: str, at: str) -> str:
    """The file as the user knows it, and the member of it."""
    if not at.startswith(f"{name}/"):
        return str(path)
    return f"{clean_name(str(path))}/{at.removeprefix(f'{name}/')}"
