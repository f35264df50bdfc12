"""How far our readers and independent tools agree on the words of the same files.

    python -m bench.readers                     the samples in tests/samples
    python -m bench.readers FOLDER...           all files below these folders

The other tools are pdftotext (PDF), pandoc (DOCX, ODT, EPUB, HTML) and LibreOffice (PPTX, ODP,
spreadsheets); a kind whose tool isn't installed is left out. `found` is the share of the tool's
words that ours has too, `own` the share of ours that the tool has, `order` the share of the tool's
pairs of neighbours that are neighbours in ours. Menus (HTML) and repeated headers (PDF), which we
leave out, lower `found`; names of columns, which each row repeats, lower `own`.
"""

import argparse
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import mean

from index.documents import Document
from index.errors import UserError
from index.reading.reader import Reader

ROOT = Path(__file__).resolve().parent.parent
_SHEETS = "csv:Text - txt - csv (StarCalc):9,34,76,1,,0,false,true,false,false,false,-1"


def main() -> None:
    """Read, compare, print a line a kind and keep the figures of every file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "tests" / "samples"])
    folders = parser.parse_args().folders
    results = []
    with Reader() as reader:
        for path in sorted(
            path for folder in folders for path in folder.rglob("*") if path.is_file()
        ):
            theirs = words(other(path))
            if not theirs:
                continue
            began = time.perf_counter()
            ours = words(
                "\n".join(
                    part.text
                    for part in reader.read(path, path.parent)
                    if isinstance(part, Document)
                )
            )
            seconds = round(time.perf_counter() - began, 3)
            results.append(
                {
                    "file": path.name,
                    "kind": path.suffix,
                    "seconds": seconds,
                    **agreement(ours, theirs),
                }
            )
    kinds: dict[str, dict[str, float]] = {}
    print(f"{'kind':6} {'files':>5} {'words':>8} {'found':>6} {'own':>6} {'order':>6}")
    for kind in sorted({str(each["kind"]) for each in results}):
        own = [each for each in results if each["kind"] == kind]
        shares = {
            name: round(mean(each[name] for each in own), 4) for name in ("found", "own", "order")
        }
        kinds[kind] = {"files": len(own), "words": sum(each["words"] for each in own), **shares}
        print(
            f"{kind:6} {len(own):5} {kinds[kind]['words']:8}",
            *(f"{share:6.3f}" for share in shares.values()),
        )
    kept = {"command": "python -m bench.readers", "kinds": kinds, "files": results}
    results_file = ROOT / "bench" / "results" / "readers.json"
    results_file.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def other(path: Path) -> str:
    """What the independent tool reads; empty where there is none for this kind, or it fails."""
    kind = path.suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        try:
            if kind == ".pdf":
                return _run("pdftotext", str(path), "-")
            if kind in (".docx", ".odt", ".epub", ".html"):
                return _run("pandoc", "-t", "plain", "--wrap=none", str(path))
            if kind in (".pptx", ".odp"):
                _run("soffice", "--headless", "--convert-to", "pdf", "--outdir", folder, str(path))
                return "".join(
                    _run("pdftotext", str(made), "-") for made in Path(folder).glob("*.pdf")
                )
            if kind in (".xlsx", ".xls", ".ods"):
                _run(
                    "soffice", "--headless", "--convert-to", _SHEETS, "--outdir", folder, str(path)
                )
                return "".join(
                    made.read_text(encoding="utf-8") for made in sorted(Path(folder).glob("*.csv"))
                )
        except (OSError, subprocess.SubprocessError, UserError):
            return ""
    return ""


def _run(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        raise FileNotFoundError(program)
    done = subprocess.run([program, *arguments], capture_output=True, check=True, timeout=300)
    return done.stdout.decode("utf-8", "replace")


def words(text: str) -> list[str]:
    """Words and figures, without case; what a line's end broke is put together."""
    return re.findall(
        r"\w+", re.sub(r"(?<=\w)[-\u2010\xad]\n", "", text.replace("\xad", "")).lower()
    )


def agreement(ours: list[str], theirs: list[str]) -> dict[str, float]:
    """The shares that the head of this file explains, 0..1, and how many words the tool found."""
    common = (Counter(ours) & Counter(theirs)).total()
    pairs = (Counter(pairwise(ours)) & Counter(pairwise(theirs))).total()
    return {
        "words": len(theirs),
        "found": round(common / len(theirs), 4),
        "own": round(common / max(len(ours), 1), 4),
        "order": round(pairs / max(len(theirs) - 1, 1), 4),
    }


if __name__ == "__main__":
    main()
