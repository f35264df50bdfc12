"""The `doctor` command: what keeps Cocorico from working here, and what to do. Needs no network and loads no model."""

import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from index.errors import UserError
from rag import models
from rag.i18n import explain
from rag.settings import ROOT, Settings

_PYTHON = (3, 11)
_MEMORY = 3_000_000_000  # the default models, their states and the page
_SPARE = 200_000_000
_MODULES = (
    "torch", "transformers", "sentence_transformers", "faiss", "gradio", "cyllama", "gguf", "sentencex", "Stemmer",
    "lingua", "text_to_num", "httpx", "tqdm",
)  # fmt: skip


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


def examine(settings: Settings) -> list[Finding]:
    """Look at everything. Never raises: what goes wrong on the way is a finding too."""
    findings: list[Finding] = []
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _python, _packages, _weights, _model, _home, _disk, _memory, _cores, _gpu, _library, _store, _port,
    )  # fmt: skip
    for check in checks:
        try:
            findings += check(settings)
        except UserError as error:
            findings.append(Finding(False, error.code, error.values))
        except Exception as error:  # the doctor is for broken set-ups: it goes on whatever breaks
            name = check.__name__.strip("_")
            findings.append(
                Finding(False, "unexpected", {"detail": f"{name}: {type(error).__name__}: {error}"})
            )
    return findings


def _python(settings: Settings) -> Iterator[Finding]:
    good = sys.version_info[:2] >= _PYTHON
    values = {"version": sys.version.split()[0], "needed": ".".join(map(str, _PYTHON))}
    yield Finding(good, "doctor_python" if good else "doctor_python_bad", values)


def _packages(settings: Settings) -> Iterator[Finding]:
    listed = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line.split("==") for line in listed if "==" in line and line[0] != "#"]
    wrong = []
    for name, pinned in pins:
        try:
            there = version(name)
        except PackageNotFoundError:
            there = ""
        if there.split("+")[0] != pinned.strip():  # torch adds "+cpu"
            wrong.append(f"{name}=={pinned.strip()}" + (f" ({there})" if there else ""))
    code = "doctor_packages_bad" if wrong else "doctor_packages"
    yield Finding(not wrong, code, {"wrong": ", ".join(wrong), "count": len(pins)})
    # A package can be recorded as installed and its files be gone.
    gone = [name for name in _MODULES if find_spec(name) is None]
    if gone and not wrong:
        yield Finding(False, "doctor_packages_bad", {"wrong": ", ".join(gone)})


def _weights(settings: Settings) -> Iterator[Finding]:
    from index.models.fetch import status

    wanted = models.needed(settings)
    for one in status(settings.home):
        if one.file in wanted:
            good = one.state == "verified"
            code = "doctor_weights" if good else f"doctor_weights_{one.state}"
            yield Finding(good, code, {"file": one.file.name, "size": one.file.size})


def _model(settings: Settings) -> Iterator[Finding]:
    """Whether the model's name can be resolved without the network; a server is only asked when it is used."""
    spec = settings.model
    name = spec.removeprefix("transformers:")
    path = Path(name).expanduser()
    if spec in ("", "small") or spec.startswith(("http://", "https://")):
        good = True
    elif name.lower().endswith(".gguf"):
        good = path.is_file()
    else:
        good = path.is_dir() or _in_hub_cache(name)
    named = spec or next(file.name for file in models.needed(settings) if file.purpose == "answers")
    yield Finding(good, "doctor_model" if good else "model_absent", {"model": named})


def _in_hub_cache(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return name.count("/") == 1 and isinstance(try_to_load_from_cache(name, "config.json"), str)


def _home(settings: Settings) -> Iterator[Finding]:
    probe = settings.home / f".doctor-{os.getpid()}"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        yield Finding(False, "doctor_home_bad", {"path": settings.home, "reason": error.strerror})
    else:
        yield Finding(True, "doctor_home", {"path": settings.home})


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = next(
        folder for folder in (settings.home, *settings.home.absolute().parents) if folder.exists()
    )
    free = shutil.disk_usage(folder).free
    absent = [
        file
        for file in models.needed(settings)
        if not (settings.home / "weights" / file.name).exists()
    ]
    # While a file is joined from its parts it lies there twice.
    wanted = (
        sum(file.size for file in absent) + max((file.size for file in absent), default=0) + _SPARE
    )
    good = free >= wanted
    yield Finding(
        good,
        "doctor_disk" if good else "doctor_disk_bad",
        {"free": free, "needed": wanted, "path": folder},
    )


def _memory(settings: Settings) -> Iterator[Finding]:
    free = _free_memory()
    if free is None:
        yield Finding(True, "doctor_memory_unknown")
        return
    good = free >= _MEMORY or settings.model == "small" or settings.model.startswith("http")
    yield Finding(
        good, "doctor_memory" if good else "doctor_memory_bad", {"free": free, "needed": _MEMORY}
    )


def _free_memory() -> int | None:
    """Bytes that a new program may use, the least of what the machine and its container have; None where unknown."""
    bounds = []
    facts = Path("/proc/meminfo")
    if facts.exists():
        lines = dict(line.split(":", 1) for line in facts.read_text().splitlines())
        bounds.append(int(lines["MemAvailable"].split()[0]) * 1024)
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        bounds.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and (most := limit.read_text().strip()).isdecimal():
        bounds.append(int(most) - int(used.read_text()))
    return min(bounds, default=None)


def _cores(settings: Settings) -> Iterator[Finding]:
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    good = (settings.threads or 1) <= cores
    yield Finding(
        good,
        "doctor_cores" if good else "doctor_cores_bad",
        {"cores": cores, "threads": settings.threads},
    )


def _gpu(settings: Settings) -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding(True, "doctor_gpu", {"name": torch.cuda.get_device_name()})
    else:
        yield Finding(True, "doctor_gpu_none")


def _library(settings: Settings) -> Iterator[Finding]:
    from index.documents import walk
    from index.reading.reader import Reader

    documents, failures = 0, []
    with Reader() as reader:
        for path in walk(settings.library):
            try:
                for document in reader.read(path, settings.library):
                    if isinstance(document, UserError):
                        failures.append(document)
                    else:
                        documents += 1
            except UserError as error:
                failures.append(error)
    values = {"path": settings.library, "documents": documents}
    if failures:
        yield Finding(False, "doctor_library_bad", {**values, "failed": len(failures)})
        yield Finding(False, failures[0].code, failures[0].values)
    else:
        yield Finding(
            documents > 0, "doctor_library" if documents else "doctor_library_empty", values
        )


def _store(settings: Settings) -> Iterator[Finding]:
    """Read the index without writing to it; one made by another model or damaged is made anew at the next start."""
    from index.embedder import names_of
    from index.store import DATABASE

    if settings.store:
        from index.milvus import connect

        address = settings.store.partition("#")[0]
        with closing(connect(address, settings.store_token)) as client:
            yield Finding(
                True,
                "doctor_store_remote",
                {"address": address, "version": client.get_server_version()},
            )
        return
    path = settings.store_folder / DATABASE
    if not path.exists():
        yield Finding(True, "doctor_store_none")
        return
    try:
        store = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            made_by = store.execute("SELECT value FROM facts WHERE name = 'embedder'").fetchone()[0]
            documents = store.execute("SELECT count(*) FROM documents").fetchone()[0]
            passages = store.execute("SELECT count(*) FROM passages").fetchone()[0]
        finally:
            store.close()
    except (sqlite3.DatabaseError, TypeError):
        yield Finding(False, "store_damaged", {"folder": settings.store_folder})
        return
    default = settings.home / "weights" / "multilingual-e5-small"
    model = settings.embedder or str(default)
    asked = names_of(model) if settings.embedder or default.is_dir() else []
    if asked and made_by.split("|")[0] not in asked:
        values = {
            "folder": settings.store_folder,
            "made_by": made_by.split("|")[0],
            "asked": asked[0],
        }
        yield Finding(False, "index_other_model", values)
        return
    yield Finding(True, "doctor_store", {"documents": documents, "passages": passages})


def _port(settings: Settings) -> Iterator[Finding]:
    values = {"host": settings.host, "port": settings.port}
    listening = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen()
    except (OSError, OverflowError) as error:
        yield Finding(
            False,
            "doctor_port_bad",
            {**values, "reason": getattr(error, "strerror", None) or error},
        )
    else:
        yield Finding(True, "doctor_port", values)
    finally:
        listening.close()
