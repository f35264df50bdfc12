"""A hundred statements of our own on the documents of `bench.fresh`, checked as `rag check` does.

    python -m bench.check                  the reporting half, counted only
    python -m bench.check --half working   the other half, with the statements that go wrong

Half of them are in the other language than their document. They are cut in two by the SHA-1 of
their ids (`bench.split`). The model is asked where words find nothing; `--words` goes without.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bench.fresh import QUESTIONS
from bench.report import heading, keep
from bench.split import reporting
from rag.library import open_library
from rag.settings import ROOT, from_environment

STATEMENTS = QUESTIONS.parent / "check.jsonl"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, count, print the table, keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench.check")
    parser.add_argument("--half", choices=("working", "reporting"), default="reporting")
    parser.add_argument("--words", action="store_true", help="without the model")
    given = parser.parse_args(arguments)
    half = given.half
    print(heading(), flush=True)
    rows = [json.loads(line) for line in STATEMENTS.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if reporting(row["_id"]) == (half == "reporting")]
    count: Counter[str] = Counter()
    settings = replace(from_environment(), library=QUESTIONS / "documents", store="")
    with open_library(settings, model=not given.words) as library:
        began = time.perf_counter()
        for row in rows:
            found = next(iter(library.check(row["text"])))
            right = found.verdict == row["verdict"]
            count.update({f"{row['kind']}: asked": 1, f"{row['kind']}: right": right})
            count["right"] += right
            count["falsely supported"] += found.verdict == "supported" and not right
            if half == "working" and not right:
                print(row["_id"], row["verdict"], "->", found.verdict, row["text"], flush=True)
        seconds = (time.perf_counter() - began) / len(rows)
    kinds = {
        kind: f"{count[f'{kind}: right']}/{count[f'{kind}: asked']}"
        for kind in sorted({row["kind"] for row in rows})
    }
    table = {
        "right": f"{count['right']}/{len(rows)}",
        "falsely supported": f"{count['falsely supported']}/{len(rows)}",
        "seconds a statement": f"{seconds:.2f}",
        **kinds,
    }
    print("\n".join(f"{name:22} {value}" for name, value in table.items()))
    print(
        "kept in", keep(f"check-{half}{'-words' * given.words}", {"table": table}).relative_to(ROOT)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
