"""The process that reads: a request a line in, documents and errors a line out, under limits that it sets itself.

Run as `python -m index.reading.child`, by `index.reading.reader` alone.
"""

import json
import os
import sys
import time
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from index.documents import clean_name, decode_bytes, lines, wanted
from index.errors import UserError
from index.reading.archive import Budget
from index.reading.limits import Limits, Read

_OLE = b"\xd0\xcf\x11\xe0"


def main() -> None:
    """Answer requests until there are no more."""
    limits = Limits(**json.loads(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "wb")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # what libraries print is no answer
    confine(limits)
    for request in sys.stdin:
        asked = json.loads(request)
        for answer in (
            _picture(asked, limits) if "page" in asked else _answers(asked, limits, answers)
        ):
            _say(answers, answer)
        _say(answers, {"end": True})


def confine(limits: Limits) -> None:
    """Let this process have so much memory, write no file and keep few open, where the system can see to it."""
    with suppress(ImportError):
        import resource

        for kind, most in (
            (resource.RLIMIT_AS, limits.memory),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
        ):
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (most, most))


def _live(limits: Limits, began: float) -> None:
    """So many more seconds of processor: an endless parser ends even where nobody is left to kill it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        most = min(time.process_time() + limits.seconds, began + 10 * limits.seconds)
        resource.setrlimit(
            resource.RLIMIT_CPU, (int(most) + 1, resource.getrlimit(resource.RLIMIT_CPU)[1])
        )


def _say(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer, default=str).encode() + b"\n")
    answers.flush()


def _answers(asked: dict[str, Any], limits: Limits, answers: BinaryIO) -> Iterator[dict[str, Any]]:
    name, began = asked["name"], time.process_time()

    def tick() -> None:
        _live(limits, began)
        _say(answers, {"alive": True})

    try:
        data = Path(asked["path"]).read_bytes()
        reading = _Reading(Budget(limits), frozenset(asked["skip"]), tick)
        for member, found in reading.documents(name, data, 0):
            if isinstance(found, UserError):
                yield {"name": member, "error": found.code, "values": found.values}
            elif isinstance(found, str):
                yield {"name": member, "begin": True}
            elif len(found.text) > limits.characters:
                yield {
                    "name": member,
                    "error": "document_long",
                    "values": {"most": limits.characters},
                }
            else:
                yield {"name": member, **asdict(found)}
    except OSError as error:
        yield {"name": name, "error": "document_unreadable", "values": {"reason": error.strerror}}
    except MemoryError:
        os._exit(1)  # the parent says so; what is left of the memory isn't to be relied on


def _picture(asked: dict[str, Any], limits: Limits) -> Iterator[dict[str, Any]]:
    """A page of a PDF, where it can be drawn."""
    from index.reading.pdf import picture

    _live(limits, time.process_time())
    with suppress(Exception):  # the libraries raise what they like on files made to harm
        drawn = picture(Path(asked["path"]).read_bytes(), asked["page"], asked["said"])
        yield {"picture": b64encode(drawn).decode()}


class _Reading:
    """One file being read, with all that it contains."""

    def __init__(self, budget: Budget, skip: frozenset[str], tick: Callable[[], None]) -> None:
        self._budget = budget
        self._skip = skip
        self._tick = tick

    def documents(
        self, name: str, data: bytes, depth: int
    ) -> Iterator[tuple[str, Read | UserError | str]]:
        """What a file holds: (name, text or error); before each, (name, "") says that it is begun."""
        if name in self._skip:
            return
        yield name, ""
        self._tick()
        try:
            kind = kind_of(data, PurePosixPath(name).suffix.lower())
            if kind == ".zip":
                yield from self._members(name, data, depth + 1)
            elif kind == ".eml":
                yield from self._message(name, data, depth + 1)
            elif kind == ".jsonl":
                for found in lines(Path(name), decode_bytes(data)):
                    yield (
                        (name, found)
                        if isinstance(found, UserError)
                        else (found.name, Read(found.text, found.title))
                    )
            else:
                for read in self._texts(kind, data):
                    yield name, read
        except UserError as error:
            yield name, error
        except (MemoryError, GeneratorExit):
            raise
        except BaseException as error:  # the libraries raise what they like on files made to harm: a panic in Rust is no Exception
            yield (
                name,
                UserError("document_damaged", reason=f"{type(error).__name__}: {error}"[:200]),
            )

    def _members(
        self, name: str, data: bytes, depth: int
    ) -> Iterator[tuple[str, Read | UserError | str]]:
        self._deep(depth)
        archive = self._budget.open(data)
        for member, info in archive.files():
            inner = f"{name}/{clean_name(member)}"
            if info is None:
                yield name, UserError("document_member", member=clean_name(member)[:100])
            elif wanted(PurePosixPath(member)):
                yield from self.documents(inner, archive.read(info), depth)

    def _message(
        self, name: str, data: bytes, depth: int
    ) -> Iterator[tuple[str, Read | UserError | str]]:
        from index.reading.web import read_eml

        self._deep(depth)
        for part in read_eml(data):
            if isinstance(part, Read):
                yield name, part
                continue
            inner = PurePosixPath(clean_name(part[0].replace("\\", "/"))).name
            if wanted(PurePosixPath(inner)):
                self._budget.spend(len(part[1]))
                yield from self.documents(f"{name}/{inner}", part[1], depth)

    def _deep(self, depth: int) -> None:
        if depth > self._budget.limits.depth:
            raise UserError("document_deep", most=self._budget.limits.depth)

    def _texts(self, kind: str, data: bytes) -> Iterator[Read | UserError]:
        from index.reading import office, web

        if kind == ".pdf":
            from index.reading.pdf import read_pdf

            yield from read_pdf(data, self._budget.limits, self._tick)
        elif kind in (".html", ".htm", ".xhtml"):
            yield web.read_html(data)
        elif kind == ".epub":
            yield web.read_epub(data, self._budget)
        elif kind == ".docx":
            yield office.read_docx(data, self._budget)
        elif kind == ".pptx":
            yield office.read_pptx(data, self._budget)
        elif kind in (".odt", ".odp"):
            yield office.read_odf(data, self._budget)
        elif kind in (".xlsx", ".xls", ".ods"):
            yield office.read_sheets(data, self._budget)
        elif kind in (".csv", ".tsv"):
            yield office.read_csv(decode_bytes(data))
        else:
            yield Read(decode_bytes(data))


def kind_of(data: bytes, ending: str) -> str:
    """The kind of a file by what it begins with, else by the ending of its name.

    Raises:
        UserError: `document_locked`, `document_kind`.
    """
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return ".pdf"
    if data.startswith(b"PK\x03\x04"):
        return _kind_of_archive(data)
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise UserError("document_locked", reason="EncryptedPackage")
        if ending in (".xls", ".xlsx"):
            return ".xls"
        raise UserError("document_kind")
    return ending


def _kind_of_archive(data: bytes) -> str:
    try:
        archive = zipfile.ZipFile(BytesIO(data))
        with archive.open("mimetype") if "mimetype" in archive.namelist() else BytesIO() as file:
            mimetype = file.read(100).decode("ascii", "replace")
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError):
        return ".zip"
    names = set(archive.namelist())
    for ending, part in (
        (".epub", "META-INF/container.xml"),
        (".docx", "word/document.xml"),
        (".pptx", "ppt/presentation.xml"),
    ):
        if part in names and "opendocument" not in mimetype:
            return ending
    if "[Content_Types].xml" in names and any(name.startswith("xl/workbook.") for name in names):
        return ".xlsx"
    if "opendocument" in mimetype:
        return next(
            (
                ending
                for word, ending in (("spreadsheet", ".ods"), ("presentation", ".odp"))
                if word in mimetype
            ),
            ".odt",
        )
    return ".zip"


if __name__ == "__main__":
    main()
