"""Use a page for a long while as many people would, and see whether memory, open files or disk grow.

    python -m tests.faults.soak --minutes 20

A page runs as a process of its own, on a home of its own and the small model. Asked over HTTP: searches, questions with their
conversation, documents put in, replaced and taken out. Every ten seconds its memory, open files, threads and disk are noted; the
second quarter of the time is compared with the last. Growth past a tenth (and 50 MB, 5 files, 5 threads) is a finding; what was
taken out and can be put back for a day is left out of the disk. Keeps the numbers in bench/results/soak.json and draws them.
"""

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx

from bench.report import RESULTS, keep
from rag.settings import ROOT, default_home

_EVERY = 10.0  # seconds
_PAUSE = 0.06  # seconds between requests: the page slows down who sends more than twenty a second
_SLACK = {"memory MB": 50.0, "files": 5.0, "threads": 5.0, "disk MB": 20.0}
_WORDS = "phare port bateau musée clocher rivière pont moulin verger halle marché château forêt lac sentier gare école théâtre".split()


def main() -> int:
    """Use, look, tell; 1 where something grows or a request fails."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.soak", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cocorico-soak-") as work:
        home, library = Path(work, "home"), Path(work, "library")
        home.mkdir()
        (home / "weights").symlink_to(default_home() / "weights", target_is_directory=True)
        library.mkdir()
        (library / "port.md").write_text(_text(random.Random(0), 0), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "rag",
            "serve",
            "--library",
            str(library),
            "--model",
            "small",
            "--port",
            "0",
            "--no-browser",
        ]
        environment = {**os.environ, "COCORICO_HOME": str(home)}
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        ) as page:
            try:
                assert page.stdout
                found = next(
                    found for line in page.stdout if (found := re.search(r"http://\S+", line))
                )
                seen, done, failed = _use(
                    found[0],
                    page.pid,
                    Path(work),
                    options.minutes * 60,
                    random.Random(options.seed),
                )
            finally:
                page.terminate()
    findings = [f"{what}: {count} requests failed" for what, count in failed.items()]
    quarter = len(seen) // 4
    for what, slack in _SLACK.items():
        early = statistics.median(each[what] for each in seen[quarter : 2 * quarter])
        late = statistics.median(each[what] for each in seen[3 * quarter :])
        print(f"{what:12} second quarter {early:8.1f}, last {late:8.1f}")
        if late > max(1.1 * early, early + slack):
            findings.append(f"{what} grows from {early:.1f} to {late:.1f}")
    print(
        f"{options.minutes:g} minutes: "
        + ", ".join(f"{count} {what}" for what, count in done.items())
    )
    keep(
        "soak",
        {
            "minutes": options.minutes,
            "done": done,
            "failed": failed,
            "seen": seen,
            "findings": findings,
        },
    )
    _draw(seen)
    print(f"{len(findings)} findings" + "".join(f"\n{each}" for each in findings))
    return bool(findings)


def _use(
    address: str, process: int, work: Path, seconds: float, chance: random.Random
) -> tuple[list[dict[str, float]], dict[str, int], dict[str, int]]:
    done: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    seen: list[dict[str, float]] = []
    with httpx.Client(
        base_url=address, timeout=120, limits=httpx.Limits(max_keepalive_connections=0)
    ) as client:
        until = time.monotonic() + 300
        while client.get("health").status_code != 200 and time.monotonic() < until:
            time.sleep(0.5)
        began = looked = time.monotonic()
        texts: list[str] = []
        while time.monotonic() < began + seconds:
            what = chance.choices(
                (
                    "searches",
                    "questions",
                    "documents put in",
                    "documents replaced",
                    "documents taken out",
                ),
                (30, 6, 1, 1, 1),
            )[0]
            word = chance.choice(_WORDS)
            name = f"d{chance.randrange(12)}.md"
            if what == "searches":
                answer = client.post(
                    "v1/search",
                    json={"query": f"Où est le {word} {chance.randrange(99)} ?", "k": 5},
                )
            elif what == "questions":
                texts = [*texts[-4:], f"Quelle est la hauteur du {word} {chance.randrange(99)} ?"]
                messages = [{"role": "user", "content": text} for text in texts]
                answer = client.post("v1/chat/completions", json={"messages": messages})
            elif what == "documents taken out":
                with suppress(OSError):
                    (work / "library" / name).unlink()
                answer = client.put(
                    "cocorico/library/last.md?replace=true",
                    content=_text(chance, chance.randrange(99)).encode(),
                )
            else:
                replace = "true" if what == "documents replaced" else "false"
                answer = client.put(
                    f"cocorico/library/{name}?replace={replace}",
                    content=_text(chance, chance.randrange(99)).encode(),
                )
                for left in sorted((work / "library").glob("*.md"))[12:]:
                    left.unlink(missing_ok=True)
            time.sleep(_PAUSE)
            done[what] += 1
            failed[what] += answer.status_code != 200
            if time.monotonic() > looked + _EVERY:
                looked = time.monotonic()
                seen.append({"minute": (looked - began) / 60, **_look(process, work)})
                if len(seen) % 6 == 0:
                    print(
                        " ".join(f"{key} {value:.1f}" for key, value in seen[-1].items()),
                        dict(done),
                        flush=True,
                    )
    return seen, dict(done), {what: count for what, count in failed.items() if count}


def _text(chance: random.Random, number: int) -> str:
    lines = [
        f"Le {chance.choice(_WORDS)} {chance.randrange(99)} mesure {chance.randrange(200)} mètres, dit le guide."
        for _ in range(40)
    ]
    return f"# Guide {number}\n\n" + "\n".join(lines)


def _look(process: int, work: Path) -> dict[str, float]:
    """Of the page's process: memory that is its own, open files, threads; of its home and library: bytes on disk."""
    status = Path(f"/proc/{process}/status").read_text()
    memory = int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1000  # type: ignore[index]
    threads = int(re.search(r"Threads:\s+(\d+)", status)[1])  # type: ignore[index]
    disk = sum(_size(file) for file in work.rglob("*") if "aside" not in file.parts)
    return {
        "memory MB": memory,
        "files": len(list(Path(f"/proc/{process}/fd").iterdir())),
        "threads": threads,
        "disk MB": disk / 1e6,
    }


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:  # gone since
        return 0


def _draw(seen: list[dict[str, float]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(_SLACK), figsize=(13, 3))
    for axis, what in zip(axes, _SLACK, strict=True):
        axis.plot([each["minute"] for each in seen], [each[what] for each in seen], color="#a8321d")
        axis.set(title=what, xlabel="minutes", ylim=(0, None))
    figure.tight_layout()
    figure.savefig(RESULTS / "soak.png", dpi=80)


if __name__ == "__main__":
    sys.exit(main())
