"""Embedding in several processes, or with Ray on several machines.

Workers only embed. The one process that hands out the work writes alone, so a worker that is killed
takes nothing with it: what it was given is given to another, and each chunk is stored once.
"""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Self

from index.embedder import Embedder, Encoded
from index.errors import UserError
from index.models.convert import ensure_embedder

_JOB = 16  # texts handed out at once
_TRIES = 3  # times that all jobs at work may be lost before the jobs themselves are blamed

Job = tuple[str, Path, int, list[str]]
"""Model (empty for the default one), home of the weights, threads, texts."""


class Workers:
    """Processes that embed; close them, or use them in a `with` block.

    Args:
        model: a folder, a Hub id, or empty for the default model, which each machine fetches.
        home: where the default model's weights lie.
        fingerprint: of the model that the store was made with; a worker with another is refused.
        number: how many; 0 for as many as Ray has processors for.
        threads: for each; this machine's shared out among them where None, one each with Ray.
        ray: the address of a Ray cluster ("auto", "ray://HOST:10001"); empty for processes here.

    Raises:
        UserError: `ray_absent`, `ray_unreachable`.
    """

    def __init__(
        self,
        model: str,
        home: Path,
        fingerprint: str,
        number: int,
        *,
        threads: int | None = None,
        ray: str = "",
    ) -> None:
        self.number = max(number, 1)
        self._fingerprint = fingerprint
        self._pool: ProcessPoolExecutor | None = None
        self._ray: Any = None
        # Raised for a job whose worker died.
        self._lost: tuple[type[Exception], ...] = (BrokenProcessPool,)
        if ray:
            threads = threads or 1
            self.number = number or max(1, self._open_ray(ray, threads) // threads)
        own = max(1, (os.cpu_count() or 1) // self.number)
        self._model = (model, home, threads or own)

    def embed_chunks(
        self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None
    ) -> list[Encoded]:
        """As `Embedder.embed_chunks`, whichever worker dies meanwhile.

        Raises:
            UserError: `workers_died`, `worker_other_model`.
        """
        # Texts of like length go together, the longest first, so that none is alone at the end.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]), reverse=True)
        waiting = [order[at : at + _JOB] for at in range(0, len(order), _JOB)]
        found: dict[int, Encoded] = {}
        tries = 0
        while waiting:
            running = {self._submit([texts[number] for number in job]): job for job in waiting}
            waiting = []
            for future in as_completed(running):
                try:
                    fingerprint, encoded = future.result()
                except self._lost:
                    waiting.append(running[future])
                    continue
                if fingerprint != self._fingerprint:
                    own = self._fingerprint
                    raise UserError("worker_other_model", made_by=own, worker=fingerprint)
                found |= zip(running[future], encoded, strict=True)
                if progress:
                    progress(len(found), len(texts))
            tries = tries + 1 if len(waiting) == len(running) else 0
            if tries == _TRIES:
                raise UserError("workers_died", times=tries)
        return [found[number] for number in range(len(texts))]

    def close(self) -> None:
        """End the workers, or leave the cluster."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        if self._ray:
            self._ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _submit(self, texts: list[str]) -> "Future[tuple[str, list[Encoded]]]":
        job = (*self._model, texts)
        if self._ray:
            return self._remote.remote(job).future()
        if self._pool:
            try:
                return self._pool.submit(_embed, job)
            except BrokenProcessPool:  # one died: Python gives up all of them
                self._pool.shutdown()
        spawn = get_context("spawn")
        self._pool = ProcessPoolExecutor(self.number, mp_context=spawn, initializer=_begin)
        return self._pool.submit(_embed, job)

    def _open_ray(self, address: str, threads: int) -> int:
        """Join the cluster; how many processors it has."""
        try:
            import ray
        except ImportError as error:
            raise UserError("ray_absent", address=address) from error
        package = {"py_modules": [str(Path(__file__).resolve().parent)]}
        options = {"runtime_env": package, "logging_level": "ERROR", "log_to_driver": False}
        try:
            ray.init(address=address, **options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UserError("ray_unreachable", address=address, reason=reason) from error
        self._ray, errors = ray, ray.exceptions
        self._lost = (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
        )
        self._remote = ray.remote(num_cpus=threads, max_retries=_TRIES)(_embed)
        return int(ray.cluster_resources().get("CPU", 1))


def _begin() -> None:
    """In a new process: Ctrl-C is the parent's, and where the parent is killed this one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _embed(job: Job) -> tuple[str, list[Encoded]]:
    """The fingerprint of this worker's model, and what it makes of the texts."""
    model, home, threads, texts = job
    embedder = _embedder(model, home, threads)
    return embedder.fingerprint, embedder.embed_chunks(texts)


@lru_cache(maxsize=1)
def _embedder(model: str, home: Path, threads: int) -> Embedder:
    return Embedder(model or str(ensure_embedder(home)), threads=threads)
