"""One llama.cpp context for everybody who asks.

What was read once isn't read again: the states of recent prompts stay in the context, and a new prompt starts after the longest
beginning that it shares with one of them.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from rag.llm.base import shared_beginning
from rag.llm.prefix_cache import States
from rag.llm.scheduler import Job, Serving

_AT_ONCE = 256  # tokens read in one run of the model
_BESIDE = 32  # the same while others write, who wait for it
_MOST_KEPT = 96  # beginnings whose states stay
# A shared beginning is taken over in whole groups of this many tokens, as the matrix kernels work on groups of rows. Flash
# attention may still sum in another order where the context holds other things, and so may the kernels where several ask at
# once: scores can differ in their last digits.
GROUP = 16


@dataclass
class _Kept:
    """The tokens whose states a sequence of the context holds. The first `shared` of them are those of `parent`, held once."""

    tokens: list[int]
    parent: int | None = None
    shared: int = 0
    lasting: bool = False


class Batches(Serving):
    """Serves jobs from one context. The logits are (v,) float64.

    Args:
        lc: the wheel's module.
        model: the loaded model.
        cells: tokens that the context has room for.
        threads: processor cores.
        states: where the states of what was prepared are kept from one start to the next; none is written where None.
    """

    def __init__(
        self, lc: Any, model: Any, *, cells: int, threads: int, states: States | None
    ) -> None:
        super().__init__()
        self._lc = lc
        parameters = lc.LlamaContextParams()
        parameters.n_ctx = cells
        parameters.n_batch = parameters.n_ubatch = _AT_ONCE + self.slots
        parameters.n_seq_max = _MOST_KEPT + self.slots + 1
        parameters.kv_unified = True
        parameters.flash_attn_type = 1  # passes over what other sequences hold, which would double the time in a full context
        parameters.n_threads = parameters.n_threads_batch = threads
        self._context = lc.LlamaContext(model, parameters, verbose=False)
        self._vocab = model.get_vocab()
        self._greedy = lc.LlamaSampler()
        self._greedy.add_greedy()
        self._cells = cells
        self._states = states
        self._kept: OrderedDict[int, _Kept] = (
            OrderedDict()
        )  # by sequence number, least recently used first
        self._running: Sequence[Job] = ()
        self._context.set_abort_callback(self._in_vain)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the context."""
        if not self._closed:
            super().close()
            self._context.close()

    def _begin(self, job: Job) -> bool:
        """Give a job a sequence that holds all that some kept one shares with its prompt; False where it must wait for room."""
        if job.stopped:
            return True
        if job.wants == "state" and self._known(job):
            job.out.put(None)
            return True
        best, length = self._nearest(job.prompt)
        length = (
            min(length, len(job.prompt) - 1) // GROUP * GROUP
        )  # the last token is always run: its logits are wanted
        best = best if length else None
        if best is not None and self._as_good(best, job, length):
            if not self._make_room(job.most + GROUP, keep=best):
                return False
            self._context.memory_seq_rm(best, length, -1)
            job.sequence = best
        else:
            if not self._make_room(len(job.prompt) - length + job.most, keep=best):
                return False
            job.sequence = self._free()
            self._kept[job.sequence] = _Kept([], best, length)
            if best is not None:
                self._context.memory_seq_cp(best, job.sequence, 0, length)
                self._kept.move_to_end(best)
        self._kept[job.sequence].tokens = job.prompt[:length]
        self._kept.move_to_end(job.sequence)
        job.position = length
        self._active.append(job)
        return True

    def _known(self, job: Job) -> bool:
        """Whether the state that is wanted is there, or is taken from disk."""
        best, _ = self._nearest(job.prompt)
        if best is not None and self._kept[best].lasting and self._kept[best].tokens == job.prompt:
            self._kept.move_to_end(best)
            return True
        if self._states is None:
            return False
        return (job.ahead and self._states.has(job.prompt)) or self._take_up(
            job.prompt, self._states
        )

    def _nearest(self, prompt: list[int]) -> tuple[int | None, int]:
        """The kept sequence that shares the longest beginning with a prompt, and how long that is."""
        best, length = None, 0
        for sequence, kept in self._kept.items():
            if (common := shared_beginning(kept.tokens, prompt)) > length:
                best, length = sequence, common
        return best, length

    def _free(self) -> int:
        """A sequence that holds nothing; there is always one more than may be kept."""
        return next(number for number in count() if number not in self._kept)

    def _as_good(self, sequence: int, job: Job, length: int) -> bool:
        """Whether a kept prompt is as good as the job's: then its end is read again in its place."""
        kept = self._kept[sequence]
        near = len(job.prompt) - length <= GROUP and len(kept.tokens) - length <= GROUP
        free = all(active.sequence != sequence for active in self._active)
        return near and free and not kept.lasting and length >= kept.shared

    def _make_room(self, wanted: int, *, keep: int | None) -> bool:
        """Make room for `wanted` cells and a sequence; False where those being served must end first.

        What was asked goes before what was prepared, the least recently used first, and nothing on which another rests.
        """
        reserved = sum(
            len(job.prompt) + job.most - len(self._kept[job.sequence].tokens)
            for job in self._active
        )
        while self._kept:
            cells = sum(len(kept.tokens) - kept.shared for kept in self._kept.values())
            if len(self._kept) <= _MOST_KEPT and cells + reserved + wanted <= self._cells:
                break
            needed = (
                {kept.parent for kept in self._kept.values()}
                | {job.sequence for job in self._active}
                | {keep}
            )
            leaves = [number for number in self._kept if number not in needed]
            if not leaves:
                return not self._active
            oldest = min(
                leaves, key=lambda number: self._kept[number].lasting
            )  # the first of those alike
            self._context.memory_seq_rm(oldest, -1, -1)
            del self._kept[oldest]
        return True

    def _step(self) -> None:
        """Run the model once: a token of each answer that is being written, and some of the first prompt that isn't read."""
        writing = [job for job in self._active if job.token is not None]
        reading = next((job for job in self._active if job.token is None), None)
        entries = [(job.token or 0, job.position, job.sequence, True) for job in writing]
        part = (
            reading.prompt[reading.position :][: _BESIDE if writing else _AT_ONCE]
            if reading
            else []
        )
        whole = reading is not None and reading.position + len(part) == len(reading.prompt)
        if reading:
            entries += [
                (token, reading.position + place, reading.sequence, False)
                for place, token in enumerate(part)
            ]
            if whole and reading.wants != "state":
                entries[-1] = (*entries[-1][:3], True)
        if not self._run(entries, [*writing, *([reading] if reading else [])]):
            return
        for number, job in enumerate(writing):
            job.position += 1
            self._take(job, number)
        if reading:
            reading.position += len(part)
            self._kept[reading.sequence].tokens = reading.prompt[: reading.position]
            if whole and reading.wants == "state":
                self._kept[reading.sequence].lasting = True
                self._write(reading.sequence)
                self._finish(reading)
            elif whole:
                self._take(reading, len(entries) - 1)

    def _run(self, entries: Sequence[tuple[int, int, int, bool]], jobs: Sequence[Job]) -> bool:
        """Run tokens (token, position, sequence, whether its logits are wanted) of these jobs; False where it came to nothing."""
        batch = self._lc.LlamaBatch(n_tokens=len(entries), embd=0, n_seq_max=1)
        for token, position, sequence, wanted in entries:
            batch.add(token, position, [sequence], wanted)
        self._running = jobs
        try:
            self._context.decode(batch)
        except Exception as error:
            for job in jobs:
                self._context.memory_seq_rm(job.sequence, job.position, -1)
            if not any(
                job.stopped for job in jobs
            ):  # else those that go on are run again without those that don't
                for job in jobs:
                    self._finish(job, error)
            return False
        finally:
            self._running = ()
        return True

    def _in_vain(self) -> bool:
        """Whether the run that is under way is to be broken off."""
        return any(job.stopped for job in self._running)

    def _take(self, job: Job, place: int) -> None:
        """Hand over what the model made after the batch's token at this place."""
        if job.wants == "logits":
            job.out.put(np.array(self._context.get_logits_ith(place), np.float64))
            self._finish(job)
            return
        token = self._greedy.sample(self._context, place)
        if not job.write(token, ends=self._vocab.is_eog(token)):
            self._finish(job)

    def _finish(self, job: Job, error: Exception | None = None) -> None:
        """What was written one by one is not kept: read as a prompt its sums would differ."""
        self._active.remove(job)
        if job.position > len(job.prompt):
            self._context.memory_seq_rm(job.sequence, len(job.prompt), -1)
        job.out.put(error)

    def _write(self, sequence: int) -> None:
        """Keep the state of a prompt on disk, without the beginning that it shares with the first of those that it rests on."""
        root = kept = self._kept[sequence]
        if not self._states:
            return
        while root.parent is not None:
            root = self._kept[root.parent]
        first = 0 if root is kept else shared_beginning(kept.tokens, root.tokens) // GROUP * GROUP
        if first == len(kept.tokens):
            return
        apart = self._free()
        self._context.memory_seq_cp(sequence, apart, first, len(kept.tokens))
        self._states.write(kept.tokens, first, self._context.get_state_seq_data(apart))
        self._context.memory_seq_rm(apart, -1, -1)

    def _take_up(self, prompt: list[int], states: States) -> bool:
        """Put a state from disk into the context; False where there is none, or what it begins with isn't there."""
        found = states.read(prompt)
        if not found:
            return False
        first, state = found
        parent, length = self._nearest(prompt) if first else (None, 0)
        if length < first or not self._make_room(len(prompt) - first, keep=parent):
            return False
        sequence = self._free()
        try:
            self._context.set_state_seq_data(state, sequence)
        except (ValueError, RuntimeError):  # no room in one piece
            self._context.memory_seq_rm(sequence, -1, -1)
            return False
        if parent is not None:
            self._context.memory_seq_cp(parent, sequence, 0, first)
        self._kept[sequence] = _Kept(prompt, parent, first, lasting=True)
        return True
