"""Questions that are answered by a yes or a no: how often the model says yes to what isn't so.

    python -m bench.closed [--limit N]

Questions of our own on texts of our own (`train/data/windows`), as many whose answer is no as yes,
each asked of its text alone: as any other question is asked (`prompts.answering`), and as one for a
yes or a no is (`prompts.deciding`). What is written affirms the question where it only turns it
round. Of the half of the questions that is only scored, by the SHA-1 of their ids.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from bench.report import heading, keep
from bench.split import reporting, share
from index.contract import StoredChunk
from rag import prompts
from rag.excerpts import Excerpt
from rag.library import open_library
from rag.llm.base import Generator
from rag.settings import ROOT, from_environment
from rag.verifier.expected import closed, echoes

_ANSWERS = {"Oui": "yes", "Yes": "yes", "Non": "no", "No": "no"}
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, count, print the table, keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench.closed")
    parser.add_argument("--limit", type=int, default=40, help="questions of each answer")
    given = parser.parse_args(arguments)
    print(heading(), flush=True)
    rows = sorted(_questions(), key=lambda row: share(row["id"]))
    rows = [
        row
        for answer in ("no", "yes")
        for row in [row for row in rows if row["gold"] == answer][: given.limit]
    ]
    count: Counter[str] = Counter()
    with open_library(from_environment()) as library:
        generator = library.assistant().generator
        for row in rows:
            count[f"answer {row['gold']}"] += 1
            for way in ("as any other", "as a yes or a no"):
                opening, text = _written(generator, row, way)
                affirmed = echoes(row["text"], text, row["language"])
                count[f"answer {row['gold']}, {way}: affirmed"] += affirmed
                count[f"answer {row['gold']}, {way}: begins so"] += opening == row["gold"]
    table = dict(sorted(count.items()))
    print("\n".join(f"{name:46} {number:3}" for name, number in table.items()))
    print("kept in", keep("closed", {"table": table}).relative_to(ROOT))
    return 0


def _questions() -> Iterator[Row]:
    """Questions for a yes or a no, each with its text and its answer."""
    for file in sorted((ROOT / "train" / "data" / "windows").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            window = json.loads(line)
            for row in window["questions"]:
                gold = _ANSWERS.get((row["answer"] or "").split(",")[0])
                if gold and closed(row["text"]) and reporting(row["id"]):
                    yield {**row, "gold": gold, "window": window}


def _written(generator: Generator, row: Row, way: str) -> tuple[str, str]:
    """The answer that the model begins with, and what it writes then."""
    window, language = row["window"], row["language"]
    text = window["text"]
    span = (0, len(text))
    chunk = StoredChunk(0, "", window["title"], window["language"], 0, *span, text, (span,))
    openings = prompts.OPENINGS[language]
    if way == "as any other":
        asking, place = prompts.answering(row["text"], Excerpt(chunk, text), language), 0
    else:
        asking = prompts.deciding(row["text"], Excerpt(chunk, text), language)
        odds = generator.choose(asking, openings)
        place = odds.index(max(odds))
    written = generator.stream(asking, begin=openings[place], max_tokens=64)
    return ("yes", "no")[place], "".join(written).strip()


if __name__ == "__main__":
    sys.exit(main())
