"""What every benchmark says of itself: the machine, the versions and the command; raw results kept
as JSON."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
_PACKAGES = ("torch", "transformers", "sentence-transformers", "faiss-cpu", "cyllama", "gradio")


def circumstances() -> dict[str, Any]:
    """Machine, versions and command of this run."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "command": " ".join(
            [
                "python",
                "-m",
                getattr(sys.modules["__main__"].__spec__, "name", sys.argv[0]),
                *sys.argv[1:],
            ]
        ),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{_processor()}, {cores()} cores, "
        f"{_memory_gib():.0f} GiB, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2


def keep(name: str, results: dict[str, Any]) -> Path:
    """Write `results` with the circumstances to bench/results/<name>.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(
        json.dumps({**circumstances(), **results}, ensure_ascii=False, indent=1) + "\n",
        encoding="utf-8",
    )
    return path


def heading() -> str:
    """The first lines of a benchmark's output."""
    about = circumstances()
    packages = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return f"$ {about['command']}\n{about['machine']}; Python {about['python']}; {packages}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "")
    name = names[0] if names else platform.machine()
    return f"{name}{' with AVX-512' if 'avx512f' in flags else ''}"


def _memory_gib() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, AttributeError, OSError):
        return 0.0
