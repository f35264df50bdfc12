"""How far our readers and independent tools agree on the words and cells of the same files.

    python -m bench.readers                     the samples in tests/samples
    python -m bench.readers FOLDER...           all files below these folders
    python -m bench.readers --large             a thousand pages of PDF, a million cells
    python -m bench.readers --tool markitdown   compare with that program, or docling, on the path
    python -m bench.readers --half report FOLDER   only the half that nothing was tried on

The other tools are pdftotext (PDF), pandoc (DOCX, ODT, EPUB, HTML) and LibreOffice (PPTX, ODP, RTF,
spreadsheets); a kind whose tool isn't installed is left out. `found` is the share of the tool's
words that ours has too, `own` the share of ours that the tool has, `order` the share of the tool's
pairs of neighbours that are neighbours in ours, `cells` the share of the cells of sheets that
stand in one line of ours with the cell to their left, in that order. Menus (HTML) and repeated
headers (PDF), which we leave out, lower `found`; names of columns, which each row repeats, lower
`own`.
"""

import argparse
import csv
import io
import json
import re
import resource
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from bench.split import reporting
from index.documents import Document
from index.errors import UserError
from index.reading.reader import Reader

ROOT = Path(__file__).resolve().parent.parent
_SHEETS = "csv:Text - txt - csv (StarCalc):9,34,76,1,,0,false,true,true,false,false,-1"
_OFFICE = {  # what LibreOffice turns a kind into
    **dict.fromkeys((".pptx", ".odp"), "pdf"),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), _SHEETS),
    ".rtf": "txt:Text (encoded):UTF8",
}


def main() -> None:
    """Read, compare, print a line a kind and keep the figures of every file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "tests" / "samples"])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--tool", default="")
    parser.add_argument("--half", choices=("work", "report"))
    options = parser.parse_args()
    if options.large:
        print(json.dumps(kept := large(), indent=1))
        save("readers-large", kept)
        return
    results = []
    with Reader() as reader:
        for path in sorted(each for folder in options.folders for each in folder.rglob("*.*")):
            if options.half and reporting(path.name) != (options.half == "report"):
                continue
            theirs = tool(options.tool, path) if options.tool else other(path)
            if words(theirs):
                began = time.perf_counter()
                ours = read(reader, path)
                row = {"file": path.name, "kind": path.suffix}
                row["seconds"] = round(time.perf_counter() - began, 3)
                row |= agreement(words(ours), words(theirs))
                if not options.tool and path.suffix in (".xlsx", ".xls", ".ods"):
                    row["cells"] = in_column(ours, theirs)
                results.append(row)
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
    if cells := [each["cells"] for each in results if "cells" in each]:
        print(f"cells in their column: {mean(cells):.4f} of {len(cells)} sheets")
    command = f"python -m bench.readers --tool {options.tool}".removesuffix(" --tool ")
    kept = {"command": command, "kinds": kinds, "files": results}
    save(f"readers-{options.tool}".removesuffix("-"), kept)


def save(name: str, kept: dict[str, Any]) -> None:
    """Keep figures in `bench/results/`."""
    text = json.dumps(kept, ensure_ascii=False, indent=1) + "\n"
    (ROOT / "bench" / "results" / f"{name}.json").write_text(text, encoding="utf-8")


def read(reader: Reader, path: Path) -> str:
    """Our text of a file."""
    found = reader.read(path, path.parent)
    return "\n".join(each.text for each in found if isinstance(each, Document))


def cost(path: Path) -> dict[str, float]:
    """What a process of its own takes to read a file: seconds of processor, megabytes at most."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Reader() as reader:
        text = read(reader, path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    spent = {"seconds": round(seconds, 2), "megabytes": after.ru_maxrss // 1024}
    return {"characters": len(text), "bytes": path.stat().st_size, **spent}


def in_column(ours: str, theirs: str) -> float:
    """The share of the cells of a sheet, as CSV, that stand in a line of ours with the cell to
    their left, in that order, however a number or a date is written."""
    lines = [" ".join(words(line)) for line in ours.split("\n")]
    rows = (
        [" ".join(words(_dated(cell))) for cell in row]
        for row in csv.reader(io.StringIO(theirs), delimiter="\t")
    )
    pairs = [pair for row in rows for pair in pairwise(row) if all(pair)][:2000]
    kept = sum(any(0 <= line.find(a) < line.rfind(b) for line in lines) for a, b in pairs)
    return round(kept / len(pairs), 4) if pairs else 1.0


def _dated(cell: str) -> str:
    """A cell of LibreOffice's with its date as ours has it."""
    try:
        return datetime.strptime(cell, "%m/%d/%Y").date().isoformat()
    except ValueError:
        return cell


def large() -> dict[str, Any]:
    """What a PDF of a thousand pages and a sheet of a million cells cost."""
    found: dict[str, Any] = {"command": "python -m bench.readers --large"}
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder, "cells.xlsx")
        rows = "".join(
            f"<row>{''.join(f'<c><v>{10 * n + column}</v></c>' for column in range(10))}</row>"
            for n in range(100_000)
        )
        relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        with zipfile.ZipFile(sheet, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("[Content_Types].xml", "")
            file.writestr(
                "xl/workbook.xml", f'<w xmlns:r="{relations}"><sheet name="A" r:id="a"/></w>'
            )
            file.writestr(
                "xl/_rels/workbook.xml.rels",
                f'<r xmlns="{package}"><e Id="a" Type="x/worksheet" Target="s.xml"/></r>',
            )
            file.writestr("xl/s.xml", f'<s xmlns="m"><d>{rows}</d></s>')
        pages = Path(folder, "pages.pdf")
        pages.write_bytes(_thousand_pages())
        return found | {path.name: cost(path) for path in (pages, sheet)}


def _thousand_pages() -> bytes:
    """A PDF whose pages have fifty lines each."""
    import pypdfium2

    pdf = pypdfium2.PdfDocument(ROOT / "tests" / "samples" / "project-history.fr.pdf")
    whole = pypdfium2.PdfDocument.new()
    while len(whole) < 1000:
        whole.import_pages(pdf, list(range(min(len(pdf), 1000 - len(whole)))))
    buffer = io.BytesIO()
    whole.save(buffer)
    return buffer.getvalue()


def tool(name: str, path: Path) -> str:
    """What a program prints that is given a file's name; empty where it fails."""
    try:
        if name == "docling":  # it writes files
            with tempfile.TemporaryDirectory() as folder:
                _run(
                    name,
                    str(path),
                    "--to",
                    "md",
                    "--image-export-mode",
                    "placeholder",
                    "--output",
                    folder,
                )
                return "".join(made.read_text("utf-8") for made in Path(folder).glob("*.md"))
        return _run(name, str(path))
    except (OSError, subprocess.SubprocessError):
        return ""


def other(path: Path) -> str:
    """What the independent tool reads; empty where there is none for this kind, or it fails."""
    kind = path.suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        try:
            if kind == ".pdf":
                return _run("pdftotext", str(path), "-")
            if kind in (".docx", ".odt", ".epub", ".html"):
                return _run("pandoc", "-t", "plain", "--wrap=none", str(path))
            if kind in _OFFICE:
                into = ("--convert-to", _OFFICE[kind], "--outdir", folder)
                _run("soffice", "--headless", *into, str(path))
                return "".join(
                    _run("pdftotext", str(made), "-")
                    if made.suffix == ".pdf"
                    else made.read_text(encoding="utf-8-sig")
                    for made in sorted(Path(folder).iterdir())
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
