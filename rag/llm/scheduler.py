"""One thread that owns a llama.cpp context and serves several askers with it.

A model that writes spends its time on fetching its weights from memory, and one fetch serves a
token of each answer: so answers are written together. Prompts are read between, one after the
other.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Literal

import numpy as np
from cyllama.llama import llama_cpp as lc

from rag.llm.base import Stop
from rag.llm.sequences import MOST, Sequences
from rag.llm.streaming import received

_AT_ONCE = 4  # askers served together
_READ = 256  # tokens of a prompt read in one run of the model
_READ_BESIDE = 32  # the same while answers are written, which wait for it


def open_context(model: Any, cells: int, threads: int) -> Any:
    """A context of the wheel's model with room for `cells` tokens of all sequences together."""
    parameters = lc.LlamaContextParams()
    parameters.n_ctx = cells
    parameters.n_batch = parameters.n_ubatch = _READ + _AT_ONCE
    parameters.n_seq_max = MOST + _AT_ONCE + 1
    parameters.kv_unified = True
    # Flash attention skips other sequences' cells: twice as fast in a full context.
    parameters.flash_attn_type = 1
    parameters.n_threads = parameters.n_threads_batch = threads
    return lc.LlamaContext(model, parameters, verbose=False)


@dataclass(eq=False)
class Job:
    """A prompt, and what is wanted after it: its state, the logits, or up to `most` tokens."""

    prompt: list[int]
    wants: Literal["state", "logits", "tokens"]
    most: int = 0
    stop: Stop = None
    on_disk: bool = False  # a state that lies on disk needn't be loaded
    results: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    left: bool = False  # nobody waits for results any more
    sequence: int = -1
    position: int = 0  # tokens that the sequence holds
    token: int | None = None  # written last, not yet run
    written: int = 0

    @property
    def stopped(self) -> bool:
        return self.left or (self.stop is not None and self.stop.is_set())


class Scheduler:
    """Serves jobs from a context of `open_context`, which only its thread may use from now on."""

    def __init__(self, context: Any, sequences: Sequences, vocab: Any) -> None:
        self._context = context
        self._context.set_abort_callback(lambda: any(job.stopped for job in self._running))
        self._sequences = sequences
        self._vocab = vocab
        self._greedy = lc.LlamaSampler()
        self._greedy.add_greedy()
        self._inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._active: list[Job] = []
        self._running: Sequence[Job] = ()  # those in the run of the model that is under way
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="cocorico-model", daemon=True)
        self._thread.start()

    def ask(self, job: Job) -> Iterator[Any]:
        """What comes of a job: nothing, the logits ((vocabulary,) float64), or token after token.

        Closing the iterator stops the job.
        """
        self._inbox.put(job)
        try:
            yield from received(job.results, lambda: job.stopped or self._closed)
        finally:
            job.left = True

    def close(self) -> None:
        """Stop serving and free the context; those who still ask get no more."""
        if not self._closed:
            self._closed = True
            self._inbox.put(None)
            self._thread.join()
            self._context.close()

    def _serve(self) -> None:
        while self._collect():
            try:
                self._go_on()
            except Exception as error:  # a bug: those who ask now get it, the next are served
                for job in [*self._active]:
                    self._finish(job, error)
                while self._waiting:
                    self._waiting.popleft().results.put(error)

    def _collect(self) -> bool:
        """Take in new jobs, and wait for one where there is nothing to do; False once closed."""
        with suppress(Empty):
            while True:
                job = self._inbox.get(block=not (self._active or self._waiting))
                if job is None:
                    return False
                self._waiting.append(job)
        return True

    def _go_on(self) -> None:
        """Drop jobs that were stopped, begin those for which there is room, run the model once."""
        for job in [job for job in self._active if job.stopped]:
            self._finish(job)
        while self._waiting and len(self._active) < _AT_ONCE and self._begin(self._waiting[0]):
            self._waiting.popleft()
        if self._active:
            self._step()

    def _begin(self, job: Job) -> bool:
        """Activate a job, or end it where nothing is left to do; False where it has to wait."""
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
        """Run the next token of each answer, and some tokens of the first prompt to be read."""
        writing = [job for job in self._active if job.token is not None]
        reading = next((job for job in self._active if job.token is None), None)
        batch = lc.LlamaBatch(n_tokens=_READ + _AT_ONCE, embd=0, n_seq_max=1)
        for job in writing:
            batch.add(job.token, job.position, [job.sequence], True)
        part: list[int] = []
        if reading:
            part = reading.prompt[reading.position :][: _READ_BESIDE if writing else _READ]
            for position, token in enumerate(part, reading.position):
                logits = position == len(reading.prompt) - 1 and reading.wants != "state"
                batch.add(token, position, [reading.sequence], logits)
        if not self._run(batch, [*writing, *([reading] if reading else [])]):
            return
        for place, job in enumerate(writing):
            job.position += 1
            self._take(job, place)
        if reading:
            reading.position += len(part)
            self._sequences.extend(reading.sequence, part)
            if reading.position == len(reading.prompt):
                self._take(reading, len(writing) + len(part) - 1)

    def _run(self, batch: Any, jobs: Sequence[Job]) -> bool:
        """Run the tokens of these jobs; False where that failed or one of them was stopped."""
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

    def _take(self, job: Job, place: int) -> None:
        """Take what the model computed at this place of the batch."""
        if job.wants == "state":
            self._sequences.keep(job.sequence)
        elif job.wants == "logits":
            job.results.put(np.array(self._context.get_logits_ith(place), np.float64))
        else:
            job.token = self._greedy.sample(self._context, place)
            if not self._vocab.is_eog(job.token):
                job.results.put(job.token)
                job.written += 1
                if job.written < job.most:
                    return
        self._finish(job)

    def _finish(self, job: Job, error: Exception | None = None) -> None:
        """End a job. What it wrote is dropped: read as a prompt it would have other sums."""
        self._active.remove(job)
        self._sequences.finish(job.sequence, min(job.position, len(job.prompt)))
        job.results.put(error)
