"""The `doctor` command: what keeps Cocorico from working, and what to do. It asks no network."""

import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import psutil

from index.errors import UserError
from rag import models
from rag.i18n import explain
from rag.settings import ROOT, Settings, expanded

_MEMORY = 3_000_000_000  # the default models, their states and the page
_SPARE = 200_000_000
_TRIED = 20  # documents that are read; indexing tells of the others


@dataclass(frozen=True)
class Finding:
    """One thing looked at: a code of `rag.i18n` with its values, or an error."""

    good: bool
    code: str
    values: dict[str, Any] = field(default_factory=dict)

    def line(self, language: str) -> str:
        """For the terminal; a failing one says what to do."""
        text = explain(UserError(self.code, **self.values), language)
        return f"{'✓' if self.good else '✗'} {text}"


Findings = Iterator[Finding]


def examine(settings: Settings) -> list[Finding]:
    """Look at everything. Never raises: what goes wrong on the way is a finding too."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings += check(settings)
        except UserError as error:
            findings.append(Finding(False, error.code, error.values))
        except Exception as error:  # the doctor is for broken set-ups: it goes on whatever breaks
            detail = f"{check.__name__.strip('_')}: {type(error).__name__}: {error}"
            findings.append(Finding(False, "unexpected", {"detail": detail}))
    return findings


def _found(good: bool, code: str, **values: Any) -> Finding:
    """A finding whose code ends in "_bad" where it isn't good."""
    return Finding(good, code if good else f"{code}_bad", values)


def _python(_: Settings) -> Findings:
    good = sys.version_info[:2] >= (3, 11)
    yield _found(good, "doctor_python", version=sys.version.split()[0], needed="3.11")


def _packages(_: Settings) -> Findings:
    wrong, kept = [], ROOT / "requirements.txt"
    listed = kept.read_text().splitlines() if kept.exists() else requires("cocorico") or ()
    pins = [line.split("==") for line in listed if "==" in line and line[0] != "#"]
    for name, pinned in pins:
        try:
            there = version(name).split("+")[0]  # torch adds "+cpu"
        except PackageNotFoundError:
            there = ""
        if there != pinned.strip():
            wrong.append(f"{name}=={pinned.strip()}" + (f" ({there})" if there else ""))
    yield _found(not wrong, "doctor_packages", wrong=", ".join(wrong), count=len(pins))


def _weights(settings: Settings) -> Findings:
    from index.models.fetch import status

    for one in status(settings.home):
        if one.file in models.needed(settings):
            good = one.state == "verified"
            code = "doctor_weights" if good else f"doctor_weights_{one.state}"
            yield Finding(good, code, {"file": one.file.name, "size": one.file.size})


def _model(settings: Settings) -> Findings:
    """Whether the name resolves without the network; a server is only asked when it is used."""
    spec = settings.model
    name = spec.removeprefix("transformers:")
    if spec in ("", "small") or spec.startswith(("http://", "https://")):
        good = True
    elif name.lower().endswith(".gguf"):
        good = expanded(name).is_file()
    else:
        good = expanded(name).is_dir() or _in_hub_cache(name)
    named = spec or next(file.name for file in models.needed(settings) if file.purpose == "answers")
    yield Finding(good, "doctor_model" if good else "model_absent", {"model": named})


def _in_hub_cache(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return name.count("/") == 1 and isinstance(try_to_load_from_cache(name, "config.json"), str)


def _home(settings: Settings) -> Findings:
    probe = settings.home / f".doctor-{os.getpid()}"
    reason = ""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        reason = str(error.strerror)
    yield _found(not reason, "doctor_home", path=settings.home, reason=reason)


def _disk(settings: Settings) -> Findings:
    home = settings.home.absolute()
    folder = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    absent = [
        file.size for file in models.needed(settings) if not (home / "weights" / file.name).exists()
    ]
    # While a file is joined from its parts it lies there twice.
    needed = sum(absent) + max(absent, default=0) + _SPARE
    yield _found(free >= needed, "doctor_disk", free=free, needed=needed, path=folder)


def _memory(settings: Settings) -> Findings:
    free = _free_memory()
    good = free >= _MEMORY or settings.model == "small" or settings.model.startswith("http")
    yield _found(good, "doctor_memory", free=free, needed=_MEMORY)


def _free_memory() -> int:
    """Bytes that a new program may use: what the machine has, or the container's limit leaves."""
    free: int = psutil.virtual_memory().available
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and (most := limit.read_text().strip()).isdecimal():
        free = min(free, int(most) - int(used.read_text()))
    return free


def _cores(settings: Settings) -> Findings:
    affine = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if affine else os.cpu_count() or 1
    good = (settings.threads or 1) <= cores
    yield _found(good, "doctor_cores", cores=cores, threads=settings.threads)


def _gpu(_: Settings) -> Findings:
    import torch

    if torch.cuda.is_available():
        yield Finding(True, "doctor_gpu", {"name": torch.cuda.get_device_name()})
    else:
        yield Finding(True, "doctor_gpu_none")


def _library(settings: Settings) -> Findings:
    """Counts the files and reads the first ones."""
    from index.documents import walk
    from index.reading.reader import Reader

    files = list(walk(settings.library))
    failures: list[UserError] = []
    with Reader() as reader:
        for path in files[:_TRIED]:
            try:
                documents = reader.read(path, settings.library)
                failures += [each for each in documents if isinstance(each, UserError)]
            except UserError as error:
                failures.append(error)
    if not files:
        yield Finding(False, "doctor_library_empty", {"path": settings.library})
        return
    values = {"path": settings.library, "count": len(files), "failed": len(failures)}
    yield _found(not failures, "doctor_library", **values)
    yield from (Finding(False, error.code, error.values) for error in failures[:1])


def _store(settings: Settings) -> Findings:
    """Read the index without writing to it; one that can't be used is rebuilt at the next start."""
    from index.store import DATABASE

    if settings.store:
        from index.milvus import connect

        address = settings.store.partition("#")[0]
        with closing(connect(address, settings.store_token)) as client:
            values = {"address": address, "version": client.get_server_version()}
        yield Finding(True, "doctor_store_remote", values)
        return
    path = settings.store_folder / DATABASE
    if not path.exists():
        yield Finding(True, "doctor_store_none")
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as store:
            fact = "SELECT value FROM facts WHERE name = 'embedder'"
            made_by = store.execute(fact).fetchone()[0].split("|")[0]
            documents = store.execute("SELECT count(*) FROM documents").fetchone()[0]
            chunks = store.execute("SELECT count(*) FROM passages").fetchone()[0]
    except (sqlite3.DatabaseError, TypeError):
        yield Finding(False, "store_damaged", {"folder": settings.store_folder})
        return
    asked = _model_names(settings)
    if asked and made_by not in asked:
        values = {"folder": settings.store_folder, "made_by": made_by, "asked": asked[0]}
        yield Finding(False, "index_other_model", values)
    else:
        yield Finding(True, "doctor_store", {"documents": documents, "passages": chunks})


def _model_names(settings: Settings) -> list[str]:
    """What an index may note of the vector model; nothing where the default isn't there yet."""
    from index.embedder import names_of

    default = settings.home / "weights" / "multilingual-e5-small"
    if not settings.embedder and not default.is_dir():
        return []
    return names_of(settings.embedder or str(default))


def _port(settings: Settings) -> Findings:
    reason = ""
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as listening:
        try:
            if os.name == "posix":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((settings.host, settings.port))
            listening.listen()
        except OSError as error:
            reason = error.strerror or str(error)
    values = {"host": settings.host, "port": settings.port}
    yield _found(not reason, "doctor_port", **values, reason=reason)


CHECKS: tuple[Callable[[Settings], Findings], ...] = (
    _python, _packages, _weights, _model, _home, _disk,
    _memory, _cores, _gpu, _library, _store, _port,
)  # fmt: skip
