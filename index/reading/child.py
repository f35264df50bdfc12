"""The process that reads: a request a line in, documents and errors a line out, under limits that
it sets itself.

Run as `python -m index.reading.child`, by `index.reading.reader` alone.
"""

import json
import os
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from index.documents import Unread, clean_name
from index.errors import UserError
from index.reading.kinds import KINDS, kind_of, kind_of_name
from index.reading.limits import Budget, Found, Limits, Part, Read, Source, shown

Named = tuple[str, Found | None]
"""The name of a file or of a member, and something found in it; None says that it is begun."""


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
    """Limit this process's memory and let it write no file, where the system can see to it."""
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
    """So many more seconds of processor: an endless parser ends even where nobody is left to kill
    it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        most = min(time.process_time() + limits.seconds, began + 10 * limits.seconds)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(most) + 1, hard))


def _say(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer, default=str).encode() + b"\n")
    answers.flush()


def _answers(asked: dict[str, Any], limits: Limits, answers: BinaryIO) -> Iterator[dict[str, Any]]:
    name, began = asked["name"], time.process_time()

    def tick(page: int, pages: int) -> None:
        _live(limits, began)
        _say(answers, {"alive": True, "page": page, "pages": pages})

    try:
        data = Path(asked["path"]).read_bytes()
        reading = _Reading(Budget(limits), frozenset(asked["skip"]), tick)
        for member, found in reading.documents(name, data, 0):
            yield {"name": member, **_answer(found, limits)}
    except OSError as error:
        yield {"name": name, "error": "document_unreadable", "values": {"reason": error.strerror}}
    except MemoryError:
        os._exit(1)  # the parent says so; what is left of the memory isn't to be relied on


def _answer(found: Found | None, limits: Limits) -> dict[str, Any]:
    """Something found as JSON."""
    if found is None:
        return {"begin": True}
    if isinstance(found, UserError):
        return {"error": found.code, "values": found.values}
    if isinstance(found, Unread):
        return {"unread": asdict(found)}
    if isinstance(found, Part):
        return {"convert": found.convert, "data": b64encode(found.read()).decode()}
    if len(found.text) > limits.characters:
        return {"error": "document_long", "values": {"most": limits.characters}}
    if not found.name:  # the lines of a .jsonl stay as they are
        found = shown(found)
    return {"read": asdict(found)}


def _picture(asked: dict[str, Any], limits: Limits) -> Iterator[dict[str, Any]]:
    """A page of a PDF, where it can be drawn."""
    from index.reading.page_picture import picture

    _live(limits, time.process_time())
    with suppress(Exception):  # the libraries raise what they like on files made to harm
        drawn = picture(Path(asked["path"]).read_bytes(), asked["page"], asked["said"])
        yield {"picture": b64encode(drawn).decode()}


class _Reading:
    """One file being read, with all that it contains."""

    def __init__(
        self, budget: Budget, skip: frozenset[str], tick: Callable[[int, int], None]
    ) -> None:
        self._budget = budget
        self._skip = skip
        self._tick = tick

    def documents(self, name: str, data: bytes, depth: int) -> Iterator[Named]:
        """What a file holds, itself and the files inside it; before each, (name, None) says that it
        is begun."""
        if name in self._skip:
            return
        yield name, None
        self._tick(0, 0)
        try:
            kind = kind_of(data, kind_of_name(name))
            if kind not in KINDS:
                raise UserError("document_kind")
            module, function = KINDS[kind].split(".")
            read = getattr(import_module(f"index.reading.{module}"), function)
            source = Source(
                PurePosixPath(name).with_suffix(kind).as_posix(), data, self._budget, self._tick
            )
            for found in read(source):
                if isinstance(found, Part) and not found.convert:
                    yield from self._part(name, found, depth + 1)
                else:
                    yield found.name if isinstance(found, Read) and found.name else name, found
        except UserError as error:
            yield name, error
        except (MemoryError, GeneratorExit):
            raise
        except BaseException as error:  # on files made to harm; a panic in Rust is no Exception
            reason = f"{type(error).__name__}: {error}"[:200]
            yield name, UserError("document_damaged", reason=reason)

    def _part(self, name: str, part: Part, depth: int) -> Iterator[Named]:
        """What a file inside a file holds; one that can't be had is an error, and the others go
        on."""
        most = self._budget.limits.depth
        if depth > most:
            raise UserError("document_deep", most=most)
        inner = f"{name}/{clean_name(part.name)}"
        try:
            data = part.read()
        except UserError as error:
            yield inner, error
            return
        yield from self.documents(inner, data, depth)


if __name__ == "__main__":
    main()
