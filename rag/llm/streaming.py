"""Results that another thread makes, as iterators."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from rag.llm.base import Stop


def received(results: SimpleQueue[Any], stopped: Callable[[], bool]) -> Iterator[Any]:
    """What another thread puts, until None or until `stopped`; an exception among it is raised."""
    while not stopped():
        with suppress(Empty):
            result = results.get(timeout=0.1)
            if result is None:
                return
            if isinstance(result, Exception):
                raise result
            yield result


def pieces(tokens: Iterator[int], text_of: Callable[[list[int]], str], stop: Stop) -> Iterator[str]:
    """The text of tokens as they come, in whole code points."""
    written: list[int] = []
    text, shown = "", 0
    for token in tokens:
        written.append(token)
        text = text_of(written)
        # The last code point may still lack bytes, which the next token brings.
        whole = len(text) - 1 if text.endswith("\ufffd") else len(text)
        if whole > shown:
            yield text[shown:whole]
            shown = whole
    if len(text) > shown and not (stop and stop.is_set()):
        yield text[shown:]
