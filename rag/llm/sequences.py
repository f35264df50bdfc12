"""The sequences of a llama.cpp context: prompts that were read, so that the next ones start after what they share with them.

Cells of a shared prefix are held once. A sequence leaves when its cells are needed: those of prompts that were asked before
those of prefixes that were prepared, the least recently used first, and none that another one rests on.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from rag.llm.base import common_prefix
from rag.llm.prefix_cache import GROUP, PrefixCache
from rag.llm.trained import TrainedPrefix

MOST = 96
"""Sequences that stay."""

_log = logging.getLogger(__name__)


@dataclass
class _Sequence:
    """Tokens whose keys and values a sequence holds; the first `shared` of them are its parent's cells."""

    tokens: list[int]
    parent: int | None = None
    shared: int = 0
    trained: int = 0  # of its first tokens, those that a trained prefix stands for: shared all together or not at all
    reserved: int = 0  # cells that it will need at most, while it is in use
    prepared: bool = False

    @property
    def cells(self) -> int:
        return max(self.reserved, len(self.tokens)) - self.shared


class Sequences:
    """The sequences of one context, whose thread is the only one that may call this.

    Args:
        context: the wheel's context.
        cells: tokens that it has room for.
        cache: states on disk; none where None.
        trained: prefixes that stand in for their tokens wherever a prompt begins with them.
    """

    def __init__(
        self,
        context: Any,
        *,
        cells: int,
        cache: PrefixCache | None,
        trained: Sequence[TrainedPrefix],
    ) -> None:
        self._context = context
        self._cells = cells
        self._cache = cache
        self._trained = list(trained)
        self._held: OrderedDict[int, _Sequence] = OrderedDict()  # least recently used first

    def start(self, prompt: list[int], most: int) -> tuple[int, int] | None:
        """A new sequence for a prompt and the `most` tokens written after it.

        Returns:
            Its number, and how many tokens of the prompt it holds already; None where those in use leave no room for it.
        """
        if not self._take_trained(prompt):
            return None
        # The last token is always read: what follows it is wanted.
        parent, length = self._nearest(prompt, len(prompt) - 1)
        if not self._make_room(len(prompt) + most - length, keep=parent):
            return None
        number = self._free()
        self._hold(number, prompt[:length], parent, length).reserved = len(prompt) + most
        return number, length

    def extend(self, number: int, tokens: list[int]) -> None:
        """Note that a sequence now holds these tokens too."""
        self._held[number].tokens += tokens

    def finish(self, number: int, length: int) -> None:
        """Note that a sequence is no longer in use, and drop what it holds beyond its first `length` tokens."""
        self._held[number].reserved = 0
        self._context.memory_seq_rm(number, length, -1)

    def prepared(self, prefix: list[int], *, on_disk: bool) -> bool:
        """Whether a prefix is held as a prepared one, taken up from disk if need be; `on_disk`: lying there is enough."""
        if not self._take_trained(prefix):
            return False
        for number, sequence in self._held.items():
            if sequence.prepared and sequence.tokens == prefix:
                self._held.move_to_end(number)
                return True
        if self._cache is None:
            return False
        return (on_disk and self._cache.has(prefix)) or self._take_up(prefix, self._cache)

    def keep(self, number: int) -> None:
        """Keep a sequence as a prepared prefix, here and on disk, there without what it shares with the one it rests on."""
        sequence = root = self._held[number]
        sequence.prepared = True
        while root.parent is not None:
            root = self._held[root.parent]
        first = 0 if root is sequence else _in_groups(common_prefix(sequence.tokens, root.tokens))
        if self._cache is None or first == len(sequence.tokens):
            return
        apart = self._free()
        self._context.memory_seq_cp(number, apart, first, len(sequence.tokens))
        self._cache.write(sequence.tokens, first, self._context.get_state_seq_data(apart))
        self._context.memory_seq_rm(apart, -1, -1)

    def _take_up(self, prefix: list[int], cache: PrefixCache) -> bool:
        """Load the state of a prefix from disk; False where there is none or what it leaves out isn't held."""
        found = cache.read(prefix)
        if not found:
            return False
        first, state = found
        parent, length = self._nearest(prefix, first) if first else (None, 0)
        if length < first or not self._make_room(len(prefix) - first, keep=parent):
            return False
        number = self._free()
        if not self._load(number, state):
            return False
        self._hold(number, prefix, parent, first).prepared = True
        return True

    def _take_trained(self, prompt: list[int]) -> bool:
        """Load the trained prefix that a prompt begins with, if any; False where there is no room for it now."""
        for prefix in self._trained:
            length = len(prefix.tokens)
            if prompt[:length] != prefix.tokens or self._nearest(prompt, length)[1] == length:
                continue
            if not self._make_room(length, keep=None):
                return False
            number = self._free()
            if self._load(number(prefix.keys, prefix.values)):
                sequence = self._hold(number, prefix.tokens, None, 0)
                sequence.prepared, sequence.trained = True, length
            else:
                _log.warning("llama.cpp refuses the trained prefix %s", prefix.sha256)
                self._trained.remove(prefix)
            break
        return True

    def _nearest(self, prompt: list[int], most: int) -> tuple[int | None, int]:
        """The sequence that shares the longest prefix with a prompt, up to `most` tokens in whole groups, and its length."""
        best, length = None, 0
        for number, sequence in self._held.items():
            common = _in_groups(min(common_prefix(sequence.tokens, prompt), most))
            if common > length and common >= sequence.trained:
                best, length = number, common
        return best, length

    def _hold(self, number: int, tokens: list[int], parent: int | None, shared: int) -> _Sequence:
        """Hold these tokens as a sequence, the first `shared` ones in the cells of its parent."""
        trained = 0
        if parent is not None:
            self._context.memory_seq_cp(parent, number, 0, shared)
            self._held.move_to_end(parent)
            trained = self._held[parent].trained
        self._held[number] = _Sequence(list(tokens), parent, shared, trained)
        return self._held[number]

    def _make_room(self, wanted: int, *, keep: int | None) -> bool:
        """Make room for `wanted` cells and a sequence; False where sequences in use must be finished first."""
        while self._held:
            cells = sum(sequence.cells for sequence in self._held.values())
            if len(self._held) <= MOST and cells + wanted <= self._cells:
                break
            used = {number for number, sequence in self._held.items() if sequence.reserved}
            needed = {sequence.parent for sequence in self._held.values()} | used | {keep}
            leaves = [number for number in self._held if number not in needed]
            if not leaves:
                return not used
            # The least recently used one, as `min` gives the first of equals.
            oldest = min(leaves, key=lambda number: self._held[number].prepared)
            self._context.memory_seq_rm(oldest, -1, -1)
            del self._held[oldest]
        return True

    def _load(self, number: int, state: bytes) -> bool:
        try:
            self._context.set_state_seq_data(state, number)
        except (ValueError, RuntimeError):
            self._context.memory_seq_rm(number, -1, -1)
            return False
        return True

    def _free(self) -> int:
        """The number of a sequence that holds nothing."""
        return next(number for number in count() if number not in self._held)


def _in_groups(tokens: int) -> int:
    return tokens // GROUP * GROUP
