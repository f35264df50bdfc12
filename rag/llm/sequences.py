"""The sequences of a llama.cpp context: a new prompt starts after what it shares with one of them.

Shared cells are held once. When cells are needed, prompts that were asked leave before prefixes
that were prepared, the least recently used first, and none that another one rests on.
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
    tokens: list[int]  # whose keys and values it holds
    parent: int | None = None
    shared: int = 0  # of its first tokens, those that are the parent's cells
    trained: int = 0  # of its first tokens, those of a trained prefix: all are shared, or none
    reserved: int = 0  # tokens that it will hold at most, while it is in use
    prepared: bool = False

    @property
    def cells(self) -> int:
        return max(self.reserved, len(self.tokens)) - self.shared


class Sequences:
    """The sequences of one context. Only the thread that runs the context may call this.

    Args:
        context: the wheel's context.
        cells: tokens that it has room for.
        cache: states on disk; none where None.
        trained: prefixes to take up wherever a prompt begins with their tokens.
    """

    def __init__(
        self, context: Any, cells: int, cache: PrefixCache | None, trained: list[TrainedPrefix]
    ) -> None:
        self._context = context
        self._cells = cells
        self._cache = cache
        self._trained = trained
        self._held: OrderedDict[int, _Sequence] = OrderedDict()  # least recently used first

    def start(self, prompt: list[int], most: int) -> tuple[int, int] | None:
        """A new sequence for a prompt and up to `most` tokens after it.

        Returns:
            Its number and how many tokens of the prompt it holds already; None where it has to
            wait until others are finished.
        """
        if not self._take_trained(prompt):
            return None
        # The last token is always read: what follows it is wanted.
        parent, shared = self._nearest(prompt, len(prompt) - 1)
        if not self._make_room(len(prompt) + most - shared, keep=parent):
            return None
        number = self._hold(prompt[:shared], parent, shared)
        self._held[number].reserved = len(prompt) + most
        return number, shared

    def extend(self, number: int, tokens: Sequence[int]) -> None:
        """Note that a sequence holds these tokens of its prompt too."""
        self._held[number].tokens += tokens

    def finish(self, number: int, length: int) -> None:
        """Note that a sequence is no longer in use; it keeps its first `length` tokens."""
        self._held[number].reserved = 0
        self._context.memory_seq_rm(number, length, -1)

    def prepared(self, prefix: list[int], *, on_disk: bool) -> bool:
        """Whether a prefix is held, or loaded from disk now; with `on_disk` lying there will do."""
        if not self._take_trained(prefix):
            return False
        for number, sequence in self._held.items():
            if sequence.prepared and sequence.tokens == prefix:
                self._held.move_to_end(number)
                return True
        if self._cache is None:
            return False
        return (on_disk and self._cache.has(prefix)) or self._take_kept(prefix, self._cache)

    def keep(self, number: int) -> None:
        """Keep a sequence as a prepared prefix, and its state on disk.

        What it shares with the first of those that it rests on is left out of the file.
        """
        sequence = root = self._held[number]
        sequence.prepared = True
        while root.parent is not None:
            root = self._held[root.parent]
        first = 0 if root is sequence else _in_groups(common_prefix(sequence.tokens, root.tokens))
        if self._cache and first < len(sequence.tokens):
            part = self._free()
            self._context.memory_seq_cp(number, part, first, len(sequence.tokens))
            self._cache.write(sequence.tokens, first, self._context.get_state_seq_data(part))
            self._context.memory_seq_rm(part, -1, -1)

    def _take_kept(self, prefix: list[int], cache: PrefixCache) -> bool:
        """Load the state of a prefix from disk, unless it isn't there or rests on what isn't."""
        found = cache.read(prefix)
        if not found:
            return False
        first, state = found
        parent, shared = self._nearest(prefix, first)
        if shared < first or not self._make_room(len(prefix) - first, keep=parent):
            return False
        return self._load(state, prefix, parent, first) is not None

    def _take_trained(self, prompt: list[int]) -> bool:
        """Load the trained prefix that a prompt begins with; False where that has to wait."""
        for prefix in self._trained:
            length = len(prefix.tokens)
            if prompt[:length] != prefix.tokens or self._nearest(prompt, length)[1] == length:
                continue
            if not self._make_room(length, keep=None):
                return False
            number = self._load(prefix.state(), prefix.tokens, None, 0)
            if number is None:
                _log.warning("llama.cpp refuses the trained prefix %s", prefix.sha256)
                self._trained.remove(prefix)
            else:
                self._held[number].trained = length
            break
        return True

    def _load(self, state: bytes, tokens: list[int], parent: int | None, shared: int) -> int | None:
        """Hold a prepared prefix whose state lacks its first `shared` tokens."""
        number = self._free()
        try:
            self._context.set_state_seq_data(state, number)
        except (ValueError, RuntimeError):
            self._context.memory_seq_rm(number, -1, -1)
            return None
        number = self._hold(tokens, parent, shared)
        self._held[number].prepared = True
        return number

    def _hold(self, tokens: list[int], parent: int | None, shared: int) -> int:
        """A new sequence for tokens, the first `shared` of which are the parent's cells."""
        number = self._free()
        self._held[number] = _Sequence([*tokens], parent, shared)
        if parent is not None:
            self._context.memory_seq_cp(parent, number, 0, shared)
            self._held[number].trained = self._held[parent].trained
            self._held.move_to_end(parent)
            self._held.move_to_end(number)
        return number

    def _nearest(self, prompt: list[int], most: int) -> tuple[int | None, int]:
        """The sequence that shares most of a prompt's first `most` tokens, and how many."""
        best, length = None, 0
        for number, sequence in self._held.items():
            common = _in_groups(min(common_prefix(sequence.tokens, prompt), most))
            if common > length and common >= sequence.trained:
                best, length = number, common
        return best, length

    def _make_room(self, wanted: int, *, keep: int | None) -> bool:
        """Make room for `wanted` cells and a sequence; False where that has to wait."""
        while self._held:
            taken = sum(sequence.cells for sequence in self._held.values())
            if len(self._held) <= MOST and taken + wanted <= self._cells:
                break
            in_use = {number for number, sequence in self._held.items() if sequence.reserved}
            needed = {sequence.parent for sequence in self._held.values()} | in_use | {keep}
            leaves = [number for number in self._held if number not in needed]
            if not leaves:
                return not in_use
            # `min` gives the first of equals: the least recently used.
            oldest = min(leaves, key=lambda number: self._held[number].prepared)
            self._context.memory_seq_rm(oldest, -1, -1)
            del self._held[oldest]
        return True

    def _free(self) -> int:
        """The number of a sequence that holds nothing."""
        return next(number for number in count() if number not in self._held)


def _in_groups(tokens: int) -> int:
    return tokens // GROUP * GROUP
