"""One thread that owns a llama.cpp context and serves several askers with it.

A model that writes spends its time on fetching its weights from memory, and one fetch serves a token of each answer: so
answers are written together, and prompts are read between them, one after the other in the order of arrival.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Literal

import numpy as np

from rag.llm.base import Stop
from rag.llm.prefix_cache import PrefixCache
from rag.llm.sequences import MOST, Sequences
from rag.llm.streaming import received
from rag.llm.trained import TrainedPrefix

_AT_ONCE = 4  # askers served at the same time
_READ = 256  # tokens of a prompt read in one run of the model
_READ_BESIDE = 32  # the same while answers are written, which wait for it


@dataclass(eq=False)
class Job:
    """A prompt, and what is wanted: its state kept, the logits after it, or up to `most` tokens written after it."""

    prompt: list[int]
    wants: Literal["state", "logits", "tokens"]
    most: int = 0
    stop: Stop = None
    on_disk: bool = False  # a state that lies on disk needn't be loaded
    results: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    left: bool = False  # nobody listens any more
    sequence: int = -1
    position: int = 0  # tokens that the sequence holds
    token: int | None = None  # written last, not yet run
    written: int = 0

    @property
    def stopped(self) -> bool:
        """Whether nobody wants the result any more."""
        return self.left or (self.stop is not None and self.stop.is_set())


class Scheduler:
    """Serves jobs from one context.

    Args:
        lc: the wheel's module.
        model: the loaded model.
        cells: tokens that the context has room for.
        threads: processor cores.
        cache: the states of prepared prefixes on disk; none is written where None.
        trained: prefixes that stand in for the tokens that a prompt begins with.
    """

    def __init__(
        self,
        lc: Any,
        model: Any,
        *,
        cells: int,
        threads: int,
        cache: PrefixCache | None,
        trained: Sequence[TrainedPrefix],
    ) -> None:
        self._lc = lc
        parameters = lc.LlamaContextParams()
        parameters.n_ctx = cells
        parameters.n_batch = parameters.n_ubatch = _READ + _AT_ONCE
        parameters.n_seq_max = MOST + _AT_ONCE + 1
        parameters.kv_unified = True
        # Flash attention skips the cells of other sequences, which would double the time in a full context.
        parameters.flash_attn_type = 1
        parameters.n_threads = parameters.n_threads_batch = threads
        self._context = lc.LlamaContext(model, parameters, verbose=False)
        self._context.set_abort_callback(self._useless)
        self._sequences = Sequences(self._context, cells=cells, cache=cache, trained=trained)
        self._vocab = model.get_vocab()
        self._greedy = lc.LlamaSampler()
        self._greedy.add_greedy()
        self._inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._active: list[Job] = []
        self._running: Sequence[Job] = ()  # those of the run that is under way
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="cocorico-model", daemon=True)
        self._thread.start()

    def ask(self, job: Job) -> Iterator[Any]:
        """The results of a job as they come: nothing, the logits ((vocabulary,) float64), or token after token.

        Closing the iterator stops the job.
        """
        self._inbox.put(job)
        try:
            yield from received(job.results, lambda: job.stopped or self._closed)
        finally:
            job.left = True

    def close(self) -> None:
        """Stop serving and free the context; whoever still asks gets no more."""
        if not self._closed:
            self._closed = True
            self._inbox.put(None)
            self._thread.join()
            self._context.close()

    def _serve(self) -> None:
        while self._collect():
            try:
                for job in [job for job in self._active if job.stopped]:
                    self._finish(job)
                while self._waiting and len(self._active) < _AT_ONCE:
                    if not self._begin(self._waiting[0]):
                        break
                    self._waiting.popleft()
                if self._active:
                    self._step()
            except Exception as error:  # a bug: those who ask now get it, the next ones are served
                for job in [*self._active]:
                    self._finish(job, error)
                for job in self._waiting:
                    job.results.put(error)
                self._waiting.clear()

    def _collect(self) -> bool:
        """Take in new jobs, waiting for one while there is nothing to do; False once closed."""
        with suppress(Empty):
            while True:
                job = self._inbox.get(block=not (self._active or self._waiting))
                if job is None:
                    return False
                self._waiting.append(job)
        return True

    def _begin(self, job: Job) -> bool:
        """Give a job a sequence, or its result where there is nothing to read; False where it must wait for room."""
        if job.stopped:
            return True
        if job.wants == "state" and self._sequences.prepared(job.prompt, on_disk=job.on_disk):
            job.results.put(None)
            return True
        started = self._sequences.start(job.prompt, job.most)
        if started is None:
            return False
        job.sequence, job.position = started
        self._active.append(job)
        return True

    def _step(self) -> None:
        """Run the model once: a token of each answer that is written, and some of the first prompt that isn't read."""
        writing = [job for job in self._active if job.token is not None]
        reading = next((job for job in self._active if job.token is None), None)
        batch = self._lc.LlamaBatch(n_tokens=_READ + _AT_ONCE, embd=0, n_seq_max=1)
        for job in writing:
            batch.add(job.token, job.position, [job.sequence], True)
        part: list[int] = []
        if reading:
            limit = _READ_BESIDE if writing else _READ
            part = reading.prompt[reading.position : reading.position + limit]
            for place, token in enumerate(part, reading.position):
                wanted = place == len(reading.prompt) - 1 and reading.wants != "state"
                batch.add(token, place, [reading.sequence], wanted)
        if not self._run(batch, [*writing, *([reading] if reading else [])]):
            return
        for number, job in enumerate(writing):
            job.position += 1
            self._take(job, number)
        if reading:
            reading.position += len(part)
            self._sequences.extend(reading.sequence, part)
            if reading.position == len(reading.prompt):
                self._take(reading, len(writing) + len(part) - 1)

    def _run(self, batch: Any, jobs: Sequence[Job]) -> bool:
        """Run a batch with tokens of these jobs; False where that failed, or was broken off for one that was stopped."""
        self._running = jobs
        try:
            self._context.decode(batch)
        except Exception as error:
            for job in jobs:
                self._context.memory_seq_rm(job.sequence, job.position, -1)
            # Where one was stopped, the others are run again without it.
            if not any(job.stopped for job in jobs):
                for job in jobs:
                    self._finish(job, error)
            return False
        finally:
            self._running = ()
        return True

    def _useless(self) -> bool:
        """Whether llama.cpp is to break off the run that is under way."""
        return any(job.stopped for job in self._running)

    def _take(self, job: Job, place: int) -> None:
        """Hand over what the model made after the batch's token at this place."""
        if job.wants == "state":
            self._sequences.keep(job.sequence)
            self._finish(job)
        elif job.wants == "logits":
            job.results.put(np.array(self._context.get_logits_ith(place), np.float64))
            self._finish(job)
        else:
            job.token = self._greedy.sample(self._context, place)
            ended = self._vocab.is_eog(job.token)
            if not ended:
                job.results.put(job.token)
                job.written += 1
            if ended or job.written >= job.most:
                self._finish(job)

    def _finish(self, job: Job, error: Exception | None = None) -> None:
        """Let go of a job; what was written token by token is dropped, as reading it in a prompt gives other sums."""
        self._active.remove(job)
        self._sequences.finish(job.sequence, min(job.position, len(job.prompt)))
        job.results.put(error)
