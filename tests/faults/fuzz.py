"""Spoilt files for the readers, spoilt requests for the doors: none may crash, hang or leak.

    python -m tests.faults.fuzz readers --inputs 100000
    python -m tests.faults.fuzz doors --minutes 10

Readers: files of tests/samples, as other programs made them, with bytes changed, cut, doubled and exchanged, in the parts of an
archive too. A reader may give documents or name what is wrong; a process that dies, is stopped by the clock or grows is a finding,
and its file is kept in build/fuzz. Doors: Schemathesis makes requests from the OpenAPI description of a real page on the small
model; odd files are put where the page puts them, and odd values given to its functions. An answer of 500 or above, or none, is a
finding. Schemathesis runs in an environment of its own in build/.
"""

import argparse
import io
import os
import random
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote

import httpx

import ui.page_api
import ui.security
from index.documents import KINDS
from index.errors import UserError
from index.reading.limits import Limits
from index.reading.reader import Reader
from rag.engine import Service
from rag.settings import Settings, default_home

_ROOT = Path(__file__).resolve().parents[2]
_SAMPLES = _ROOT / "tests" / "samples"
_KEPT = _ROOT / "build" / "fuzz"
_SECONDS = 10.0  # of a spoilt file, before it counts as hanging
_GROWN = 600_000_000  # bytes of the reading process that count as a leak; its libraries take about a third of that
_ODD = (
    b"\x00",
    b"\xff" * 4,
    b"-1",
    b"99999999999",
    b"%s%n",
    b"../../",
    b"<",
    b"&#x0;",
    b"]]>",
    b"\xed\xa0\x80",
    b"1e999",
    b"<!--",
)


def spoilt(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """The data with one to six changes: bytes, odd values, pieces cut, doubled, moved or taken from another file."""
    spoiled = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(spoiled) + 1)
        size = min(len(spoiled) - place, int(2 ** chance.uniform(0, 12)))
        act = chance.randrange(7)
        if act == 0 and size:
            spoiled[place] = chance.randrange(256)
        elif act == 1 and size:
            spoiled[place] ^= 1 << chance.randrange(8)
        elif act == 2:
            odd = chance.choice(_ODD)
            spoiled[place : place + len(odd)] = odd
        elif act == 3:
            del spoiled[place : place + size]
        elif act == 4:
            spoiled[place:place] = spoiled[place : place + size] * chance.randint(1, 8)
        elif act == 5:
            other = chance.choice(others)
            start = chance.randrange(len(other) + 1)
            spoiled[place : place + size] = other[start : start + size]
        elif chance.random() < 0.2:
            del spoiled[place:]
    return bytes(spoiled)


def spoilt_within(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """An archive with one or two of its members spoilt; other data is spoilt as it is."""
    if not data.startswith(b"PK\x03\x04") or chance.random() < 0.2:
        return spoilt(chance, data, others)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    aims = set(chance.sample(range(len(members)), min(len(members), chance.randint(1, 2))))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (info, content) in enumerate(members):
            kind = zipfile.ZIP_STORED if info.filename == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(
                info.filename, spoilt(chance, content, others) if number in aims else content, kind
            )
    return made.getvalue()


def readers(inputs: int, seed: int, told: Callable[[str], None] = print) -> list[str]:
    """Let the readers read so many spoilt files; what was found."""
    chance = random.Random(seed)
    samples = {
        path: path.read_bytes()
        for path in sorted(_SAMPLES.iterdir())
        if path.suffix in KINDS and path.name != "README.md"
    }
    # Small files are read sooner, and more of each is changed.
    weights = [1 / (20_000 + len(data)) for data in samples.values()]
    _KEPT.mkdir(parents=True, exist_ok=True)
    ends: Counter[str] = Counter()
    findings: list[str] = []
    began = heard = time.monotonic()
    with Reader(replace(Limits(), seconds=_SECONDS)) as reader:
        for number in range(inputs):
            (sample,) = chance.choices(list(samples), weights)
            data = spoilt_within(chance, samples[sample], list(samples.values()))
            file = _KEPT / f"at-work{sample.suffix}"
            file.write_bytes(data)
            try:
                end = "read"
                for found in reader.read(file, _KEPT):
                    if isinstance(found, UserError):
                        end = found.code
            except UserError as error:
                end = error.code
            ends[end] += 1
            if end in ("document_stopped", "document_time") or _memory(reader) > _GROWN:
                kept = _KEPT / f"{seed}-{number}-{sample.name}"
                file.replace(kept)
                findings.append(f"{kept.relative_to(_ROOT)}: {end}, {_memory(reader) / 1e6:.0f} MB")
                told(findings[-1])
                reader.close()
            if time.monotonic() - heard > 20:
                heard = time.monotonic()
                told(
                    f"{number + 1} files, {(number + 1) / (heard - began):.0f} a second, {len(findings)} findings"
                )
    for left in _KEPT.glob("at-work*"):
        left.unlink()
    told(
        f"{inputs} spoilt files in {time.monotonic() - began:.0f} s, seed {seed}; "
        + ", ".join(f"{n} {end}" for end, n in ends.most_common())
    )
    return findings


def _memory(reader: Reader) -> int:
    """Bytes in memory of the process that reads, where the system tells."""
    child = reader._child
    try:
        return (
            int(Path(f"/proc/{child.pid}/statm").read_text().split()[1])
            * os.sysconf("SC_PAGE_SIZE")
            if child
            else 0
        )
    except OSError:
        return 0


def doors(minutes: float, seed: int) -> list[str]:
    """Let Schemathesis ask the doors for so long; what it found."""
    from tests.page_server import served

    place = _ROOT / "build" / "fuzz-environment"
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (place / ".made").exists():
        print("Making Schemathesis an environment", flush=True)
        venv.create(place, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "-r", _ROOT / "requirements-fuzz.txt"],
            check=True,
        )
        (place / ".made").touch()
    # The functions, not the limit of their requests, are what is tried.
    ui.security._BURST = ui.security._PACE = 10**9
    with tempfile.TemporaryDirectory(prefix="cocorico-fuzz-") as work, ExitStack() as stack:
        home, library = Path(work, "home"), Path(work, "library")
        home.mkdir()
        (home / "weights").symlink_to(default_home() / "weights", target_is_directory=True)
        library.mkdir()
        (library / "port.md").write_text(
            "# Le port\n\nLe phare de Kervalec mesure 47 mètres. Le port compte trois bassins.\n"
        )
        service = Service(Settings(home=home, library=library, model="small")).start()
        stack.callback(service.close)
        address = stack.enter_context(served(service))
        command = [
            python, "-m", "schemathesis.cli", "run", f"{address}v1/openapi.json", "--checks", "not_a_server_error",
            "--mode", "all", "--max-examples", str(round(60 * minutes)),
            "--request-timeout", "20", "--seed", str(seed), "--continue-on-failure", "--suppress-health-check", "all",
        ]  # fmt: skip
        run = subprocess.run([*map(str, command)], cwd=place, check=False)
        page = ui.page_api.router(service, Mock(), Mock(), Mock(), Mock())
        functions = [each.path for each in page.routes if each.path.startswith("/cocorico/api/")]
        return [f"Schemathesis ended with {run.returncode}"] * bool(run.returncode) + _page(
            address, functions, round(500 * minutes), seed
        )


def _page(address: str, paths: list[str], count: int, seed: int) -> list[str]:
    """Documents of odd names and spoilt content, put where the page puts them, and odd values for
    each function of the page."""
    chance = random.Random(seed)
    samples = [path.read_bytes()[:100_000] for path in sorted(_SAMPLES.iterdir()) if path.is_file()]
    ends: Counter[int] = Counter()
    findings = []
    with httpx.Client(base_url=address, timeout=20) as client:
        for number in range(count):
            length = int(2 ** chance.uniform(0, 9))
            name = "".join(
                chr(
                    chance.choice((chance.randrange(32, 127), chance.randrange(0xD800), 0x2E, 0x2F))
                )
                for _ in range(length)
            )
            name += chance.choice(["", ".txt", ".pdf", ".docx", ".jsonl"])
            data = spoilt(chance, chance.choice(samples), samples)
            try:
                answer = client.put(
                    f"cocorico/library/{quote(name, safe='/' if chance.random() < 0.5 else '')}",
                    content=data,
                )
            except (httpx.ReadError, httpx.WriteError):  # refused before it was read
                ends[0] += 1
                continue
            ends[answer.status_code] += 1
            if answer.status_code >= 500:
                findings.append(f"upload {number}, {name!r}: {answer.status_code}")
        for number in range(4 * count):
            path, asked = chance.choice(paths), _odd(chance, 3)
            answer = client.post(path, json=asked)
            ends[answer.status_code] += 1
            if answer.status_code >= 500:
                findings.append(f"call {number}, {path}, {asked}: {answer.status_code}")
    print(
        f"{count} uploads and {4 * count} calls: "
        + ", ".join(f"{n} answered {code or 'by closing'}" for code, n in ends.most_common())
    )
    return findings


def _odd(chance: random.Random, depth: int) -> Any:
    """Any JSON value, with the names that the page's functions look for."""
    kind = chance.randrange(7 if depth else 5)
    if kind == 5:
        return [_odd(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind == 6:
        names = (
            "id",
            "name",
            "digest",
            "title",
            "turn",
            "rating",
            "reason",
            "kind",
            "language",
            "undo",
            "x",
        )
        return {name: _odd(chance, depth - 1) for name in chance.sample(names, chance.randrange(6))}
    texts = (
        "",
        "md",
        "fr",
        "mistral.md",
        "../x",
        "\x00",
        "é" * 5000,
        "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    )
    return (
        None,
        chance.random() < 0.5,
        chance.randrange(-(10**20), 10**20),
        chance.uniform(-1e300, 1e300),
        chance.choice(texts),
    )[kind]


def main() -> int:
    """Run, say what was found; 1 where anything was."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.fuzz", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("what", choices=("readers", "doors"))
    parser.add_argument("--inputs", type=int, default=100_000, help="spoilt files")
    parser.add_argument("--minutes", type=float, default=10.0, help="of requests, about")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if options.what == "readers":
        findings = readers(options.inputs, options.seed, lambda text: print(text, flush=True))
    else:
        findings = doors(options.minutes, options.seed)
    print(f"{len(findings)} findings" + "".join(f"\n{each}" for each in findings))
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
