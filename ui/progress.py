"""Progress on standard error: a bar for each file that is fetched, and one for indexing."""

import sys
import threading
from typing import TYPE_CHECKING, Any

from rag.i18n import explain, say, terminal_language

if TYPE_CHECKING:
    from rag.engine import State


class Bars:
    """Call it with what is done, how much of it and of how much."""

    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}
        self._lock = threading.Lock()  # models are fetched while documents are indexed

    def __call__(self, what: str, done: int, total: int) -> None:
        with self._lock:
            if what not in self._bars and done < total:
                self._bars[what] = self._begin(what, total)
            if bar := self._bars.get(what):
                bar.total = total
                bar.update(done - bar.n)
                if done >= total:
                    self._bars.pop(what).close()

    def state(self, state: "State") -> None:
        """The same for the states of a service."""
        if state.error:
            self.close()
            print(f"cocorico: {explain(state.error, terminal_language())}", file=sys.stderr)
        elif state.total:
            self(state.what or state.stage, state.done, state.total)

    def close(self) -> None:
        """End all bars."""
        with self._lock:
            while self._bars:
                self._bars.popitem()[1].close()

    def _begin(self, what: str, total: int) -> Any:
        from tqdm import tqdm  # type: ignore[import-untyped]

        fetched = what != "index" and total > 1_000_000
        return tqdm(
            total=total,
            desc=say("indexing", terminal_language()) if what == "index" else what,
            unit="B" if fetched else "",
            unit_scale=fetched,
            mininterval=0.5 if sys.stderr.isatty() else 10,
            disable=False if fetched else None,  # a log shows fetches now and then, and no more
        )
