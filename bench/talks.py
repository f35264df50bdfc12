"""Sixty conversations of our own, of five to seven turns each, on ten small libraries.

    python -m bench.talks                  the reporting half, counted only
    python -m bench.talks --half working   the other half, turn by turn

Each turn is put with the questions and answers before it, as the page does. The conversations are
cut in two by the SHA-1 of their names (`bench.split`); the rows of the reporting half are neither
shown nor kept. A turn is right where its answer has what it must, in any wording the row allows,
and nothing that it mustn't, or where it declines as it must. For lists, comparisons, timelines and
summaries the seconds to the first item count from the question.
"""

import argparse
import json
import re
import statistics
import sys
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.report import RESULTS, heading, keep
from bench.split import reporting, share
from index.text.language import is_language
from rag.events import Answer, Delta, Finished, Turn
from rag.library import Library, open_library
from rag.settings import ROOT, from_environment
from rag.verifier import SUPPORTED

TALKS = Path(__file__).resolve().parent / "questions" / "talks"

_MANY = {"list", "compare", "timeline", "summary"}
_WITHOUT_SOURCE = {"library", "thanks", "count"}  # what the program says of itself or works out

Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold the conversations, count, print the table, keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench.talks")
    parser.add_argument("--half", choices=("working", "reporting"), default="reporting")
    parser.add_argument("--only", default="", help="conversations whose name begins so")
    parser.add_argument("--limit", type=int, help="only so many, in the order of their SHA-1")
    options = parser.parse_args(arguments)
    print(heading(), flush=True)
    count: Counter[str] = Counter()
    seconds: dict[str, list[float]] = defaultdict(list)
    shown: list[Row] = []
    for name, rows in _libraries(options.half, options.only, options.limit):
        settings = replace(from_environment(), library=TALKS / "libraries" / name, store="")
        with open_library(settings) as library:
            for row, answer, first in _held(library, rows):
                count.update(_judged(row, answer))
                seconds["a turn"].append(answer.timings.total)
                if row["kind"] in _MANY and not answer.refused:
                    seconds["first item"].append(first)
                if options.half == "working":
                    shown.append(_shown(row, answer, first))
        print(f"{name}: {count['asked']} turns so far, {count['right']} right", flush=True)
    if shown and not options.only:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in shown)
        (RESULTS / "talks.jsonl").write_text(text, encoding="utf-8")
    table = _table(count, seconds)
    print("\n".join(f"{line:28} {value}" for line, value in table.items()))
    if not options.only:
        kept = keep(f"talks-{options.half}", {"table": table})
        print("kept in", kept.relative_to(ROOT))
    return 0


def _libraries(half: str, only: str, limit: int | None) -> Iterator[tuple[str, list[Row]]]:
    """The turns of each library's conversations, in order."""
    lines = (
        path.read_text(encoding="utf-8").splitlines() for path in sorted(TALKS.glob("*.jsonl"))
    )
    rows = [json.loads(line) for own in lines for line in own]
    names = {row["conversation"] for row in rows}
    chosen = [name for name in names if reporting(name) == (half == "reporting")]
    chosen = sorted((name for name in chosen if name.startswith(only)), key=share)[:limit]
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["conversation"] in chosen:
            found[row["library"]].append(row)
    yield from found.items()


def _held(library: Library, rows: Sequence[Row]) -> Iterator[tuple[Row, Answer, float]]:
    """Each turn's answer, and the seconds to its first piece of text that stayed."""
    turns: dict[str, list[Turn]] = defaultdict(list)
    for row in rows:
        earlier = turns[row["conversation"]]
        began, first = time.perf_counter(), 0.0
        for event in library.assistant().ask(row["text"], earlier):
            if isinstance(event, Delta) and not first:
                first = time.perf_counter() - began
            if isinstance(event, Finished):
                answer = event.answer
        earlier.append(Turn(row["text"], answer.answer, answer.sentences))
        yield row, answer, first


def right(row: Row, answer: Answer) -> bool:
    """Whether a turn was answered, or declined, as its row says."""
    if row.get("declined"):
        return answer.refused
    text = _plain(answer.answer)
    has = all(_holds(want, text) for want in row["must"])
    return has and not answer.refused and not any(_holds(bad, text) for bad in row["must_not"])


def _holds(want: str, text: str) -> bool:
    if want.startswith("re:"):
        return bool(re.search(want.removeprefix("re:"), text))
    return _plain(want).casefold() in text.casefold()


def _plain(text: str) -> str:
    return re.sub(r"\s", " ", unicodedata.normalize("NFKC", text))


def _judged(row: Row, answer: Answer) -> Iterator[str]:
    """Names of what there was and of what was right."""
    yield "asked"
    yield f"{row['kind']}: asked"
    if right(row, answer):
        yield "right"
        yield f"{row['kind']}: right"
    if is_language(answer.answer, row["language"]):
        yield "language"
    if answer.refused and not row.get("declined"):
        yield "wrongly declined"
    if not answer.refused and row["kind"] not in _WITHOUT_SOURCE:
        yield from ["sentences"] * len(answer.sentences)
        supported = sum(each.support >= SUPPORTED for each in answer.sentences)
        yield from ["supported"] * supported


def _table(count: Counter[str], seconds: dict[str, list[float]]) -> dict[str, str]:
    def share(part: str, whole: str) -> str:
        return f"{count[part]}/{count[whole]} ({100 * count[part] / max(count[whole], 1):.0f} %)"

    kinds = sorted(name.removesuffix(": asked") for name in count if name.endswith(": asked"))
    lines = {
        "turns right": share("right", "asked"),
        "wrongly declined": share("wrongly declined", "asked"),
        "in the right language": share("language", "asked"),
        "sentences supported": share("supported", "sentences"),
        **{kind: share(f"{kind}: right", f"{kind}: asked") for kind in kinds},
    }
    for name, some in seconds.items():
        middle, most = statistics.median(some), max(some)
        lines[f"seconds, {name}"] = f"{middle:.1f} in the median, {most:.1f} at most"
    return lines


def _shown(row: Row, answer: Answer, first: float) -> Row:
    good = right(row, answer)
    times = f"{first:.1f}/{answer.timings.total:.1f} s"
    print(f"{'ok   ' if good else 'WRONG'} {row['_id']} {row['kind']} {times} {row['text']}")
    if not good:
        print(f"      must {row['must']} mustn't {row['must_not']} {row.get('declined', False)}")
    print(f"      {answer.answer.replace(chr(10), chr(10) + '      ')}", flush=True)
    return {**row, "right": good, "answer": answer.answer, "refused": answer.refused}


if __name__ == "__main__":
    sys.exit(main())
