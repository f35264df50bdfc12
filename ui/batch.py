"""What `ask`, `search` and `check` print: a result, or a JSON object a line."""

import json
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from itertools import chain
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, StringConstraints, ValidationError

from index.documents import make
from index.errors import UserError
from rag.i18n import explain, terminal_language
from rag.library import Library, Turn, open_library
from rag.read import documents_of
from rag.results import checked_json, checked_text, turn_of
from rag.scope import chosen
from rag.settings import Settings, expanded
from ui.progress import Bars

History = Sequence[str | Turn]
Documents = Collection[str] | None
Result = TypeVar("Result")


class Row(BaseModel):
    """What a line asks; rows of the same `conversation` are the turns of one."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    history: list[str] | None = None
    conversation: str | int | None = None
    language: Literal["fr", "en"] | None = None
    passages: list[dict[str, Any]] | None = None


def print_results(
    settings: Settings,
    question: str | None,
    batch: str | None,
    work: Callable[[Library, Row, History, Documents], Result],
    *,
    as_json: Callable[[Result], dict[str, Any]],
    as_text: Callable[[Result], str] | None,
    model: bool = True,
    scope: str = "",
) -> int:
    """Open the library, do the work for the question or for each row of the batch.

    Args:
        settings: of the library.
        question: not used with a batch.
        batch: a file of JSON lines, "-" for standard input.
        work: given the library, the row, the turns before it and the documents that may be used.
        as_json: a result for a script.
        as_text: a result for a person; JSON where None.
        model: whether a generator is needed.
        scope: which documents may be used, see `rag.scope`.

    Returns:
        1 if a row failed, else 0.

    Raises:
        UserError: `no_question`, `batch_unreadable`, those of `open_library`.
    """
    if not batch and not (question or "").strip():
        raise UserError("no_question")
    failed = False
    with (
        _opened(batch) as lines,
        closing(Bars()) as bars,
        open_library(settings, progress=bars, model=model) as library,
    ):
        documents = chosen(library.store, None, scope)
        if not batch:
            result = work(library, Row(text=question or ""), (), documents)
            print(as_text(result) if as_text else _dumped(as_json(result)))
        for out in _results(
            lines, batch or "", lambda row, turns: as_json(work(library, row, turns, documents))
        ):
            print(_dumped(out), flush=True)
            failed = failed or "error" in out
    return int(failed)


def print_checked(settings: Settings, file: str, *, as_json: bool, scope: str) -> int:
    """Print each sentence of a file, or of standard input for "-", as it is checked.

    Returns:
        0 where a text was read, else 1.

    Raises:
        UserError: `no_text`, those of `open_library` and `rag.scope`.
    """
    language, texts = terminal_language(), []
    given = [make("-", "", _typed())] if file == "-" else documents_of([expanded(file)])
    for found in given:
        if isinstance(found, UserError):
            print(f"cocorico: {explain(found, language)}", file=sys.stderr)
        else:
            texts.append(found.text)
    if not texts:
        return 1
    with closing(Bars()) as bars, open_library(settings, progress=bars) as library:
        check = partial(library.check, documents=chosen(library.store, None, scope))
        for checked in chain.from_iterable(map(check, texts)):
            line = _dumped(checked_json(checked)) if as_json else checked_text(checked, language)
            print(line, flush=True)
    return 0


def _typed() -> str:
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace")


def _opened(batch: str | None) -> AbstractContextManager[Iterable[bytes]]:
    if not batch or batch == "-":
        return nullcontext(sys.stdin.buffer if batch else ())
    try:
        return expanded(batch).open("rb")
    except OSError as error:
        raise UserError("batch_unreadable", file=batch, reason=error.strerror) from error


def _results(
    lines: Iterable[bytes], source: str, result: Callable[[Row, History], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The result of each line, with its `_id`; `error` where a line fails, and the rest goes on."""
    conversations: dict[str | int, list[Turn]] = defaultdict(list)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        identity = None
        try:
            given = _json(line)
            identity = given.get("_id") if isinstance(given, dict) else None
            row = _row(given, source, number)
            earlier = [] if row.conversation is None else conversations[row.conversation]
            out = result(row, [*(row.history or ()), *earlier])
            if "answer" in out:
                earlier.append(turn_of(row.text, out))
        except Exception as error:  # one line must not cost the others their answers
            known = error if isinstance(error, UserError) else _unexpected(error)
            message = explain(known, terminal_language())
            out = {"error": {"code": known.code, "line": number, "message": message}}
        yield {"_id": identity, **out}


def _json(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except ValueError:
        return None


def _row(given: Any, source: str, number: int) -> Row:
    try:
        return Row.model_validate(given)
    except ValidationError as error:
        raise UserError("batch_line", file=source, line=number) from error


def _dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _unexpected(error: Exception) -> UserError:
    traceback.print_exception(error)
    return UserError("unexpected", detail=f"{type(error).__name__}: {error}")
