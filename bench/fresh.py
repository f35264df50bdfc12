"""Two hundred questions that nobody tuned to, on twenty documents of our own: letters, minutes,
contracts, manuals, reports, tables.

    python -m bench.fresh                  ask all of them, about twelve seconds each on two cores
    python -m bench.fresh --half working   only those that may be looked at
    python -m bench.fresh --search         only search: where the passage lies that answers

Half of the questions are in English, and half in the other language than their document; fifty are
answered by no document though they are on its subject; thirty follow another question. They are
cut in two by the SHA-1 of their ids (`bench.split`). What became of the working half is shown and
kept in bench/results/fresh.jsonl. The reporting half is only counted: its rows are neither shown
nor kept, so that nobody fits the program to them.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.answers import fold
from bench.report import RESULTS, heading, keep
from bench.split import reporting
from index.text.language import is_language, unquoted
from rag.events import Answer, Turn
from rag.library import Library, open_library
from rag.settings import ROOT, Settings, from_environment

QUESTIONS = Path(__file__).resolve().parent / "questions" / "fresh"

_PASSAGES = 5  # that are searched for a question

Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, count, print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.fresh")
    parser.add_argument("--half", choices=("working", "reporting"), help="only one of them")
    parser.add_argument("--limit", type=int, help="only so many questions")
    parser.add_argument("--search", action="store_true", help="ask no model")
    parser.add_argument("--model", default="", help="as `python -m rag ask --model`")
    options = parser.parse_args(arguments)
    print(heading(), flush=True)
    settings = replace(
        from_environment(), library=QUESTIONS / "documents", model=options.model, store=""
    )
    if options.search:
        return _search(settings, options.half)
    counts: dict[str, Counter[str]] = {"working": Counter(), "reporting": Counter()}
    shown: list[Row] = []
    with open_library(settings) as library:
        for row in list(_questions(options.half))[: options.limit]:
            half = "reporting" if reporting(row["_id"]) else "working"
            answer = _ask(library, row)
            counts[half].update(judged(row, answer))
            if half == "working":
                shown.append(_shown(row, answer))
            elif counts[half]["asked"] % 10 == 0:
                print(f"{counts[half]['asked']} of the reporting half asked", flush=True)
    if shown:
        _keep(shown)
    tables = {half: table(count) for half, count in counts.items() if count}
    for half, lines in tables.items():
        print(f"\n{half} half")
        print("\n".join(f"{line:44} {value}" for line, value in lines.items()))
    print("kept in", keep("fresh", {"tables": tables}).relative_to(ROOT))
    return 0


def _search(settings: Settings, half: str | None) -> int:
    """Count where among the passages found the one lies that answers."""
    places: dict[str, list[int]] = defaultdict(list)
    with open_library(settings, model=False) as library:
        for row in _questions(half):
            if row["kind"] == "answerable":
                wanted, found = fold(row["evidence"]), library.search(row["text"], k=_PASSAGES)
                texts = [fold(hit.chunk.text) for hit in found]
                place = next((n for n, text in enumerate(texts) if wanted in text), _PASSAGES)
                crossed = "in the other language" if row["crossed"] else "in the same language"
                name = "reporting" if reporting(row["_id"]) else "working"
                places[f"{name} half, {crossed}"].append(place)
    table = {}
    for name, some in sorted(places.items()):
        shares = (sum(place < best for place in some) for best in (1, 3, _PASSAGES))
        table[name] = "{} first, {} of three, {} of five".format(*shares) + f" ({len(some)} asked)"
        print(f"{name:40} {table[name]}")
    keep("fresh-search", {"table": table})
    return 0


def judged(row: Row, answer: Answer) -> Iterator[str]:
    """What a question counts for: names of what there was and of what was right, each with its
    kind.

    Args:
        row: a question.
        answer: what the program said.
    """
    kind, language = row["kind"], row["language"]
    crossed = "crossed" if row["crossed"] else "same language"
    yield "asked"
    if answer.language == language and is_language(answer.answer, language):
        yield "language"
    good = answer.refused if kind == "unanswerable" else right(row, answer)
    for group in (kind, f"{kind}, {language}", *([crossed] if kind != "unanswerable" else [])):
        yield f"{group}|asked"
        if good:
            yield f"{group}|right"
        if answer.refused:
            yield f"{group}|refused"
    if kind != "unanswerable" and not answer.refused:
        yield "answered"
        if len(unquoted(answer.answer)) < len(answer.answer) / 2:
            yield "quoted"
        if good or _cites(row, answer):
            yield "in the answer or its source"


def right(row: Row, answer: Answer) -> bool:
    """Whether an answer has a form of each group of the expected words; a form that ends with * is
    the beginning of a word.
    """
    text = fold(answer.answer)
    return not answer.refused and all(
        any(_pattern(form).search(text) for form in group) for group in row["gold"]
    )


def table(count: Counter[str]) -> dict[str, str]:
    """The shares that are reported."""

    def share(part: str, whole: str) -> str:
        return f"{count[part]}/{count[whole]} ({100 * count[part] / max(count[whole], 1):.0f} %)"

    lines = {}
    for kind in ("answerable", "followup"):
        for group in (kind, f"{kind}, fr", f"{kind}, en"):
            lines[f"{group}: right"] = share(f"{group}|right", f"{group}|asked")
    for group in ("same language", "crossed"):
        lines[f"{group}: right"] = share(f"{group}|right", f"{group}|asked")
    for group in ("unanswerable", "unanswerable, fr", "unanswerable, en"):
        lines[f"{group}: declined"] = share(f"{group}|refused", f"{group}|asked")
    count["to be answered"] = count["answerable|asked"] + count["followup|asked"]
    count["wrongly declined"] = count["answerable|refused"] + count["followup|refused"]
    for part in ("wrongly declined", "in the answer or its source"):
        lines[part] = share(part, "to be answered")
    lines["quotations among answers"] = share("quoted", "answered")
    lines["in the right language"] = share("language", "asked")
    return lines


def _questions(half: str | None) -> Iterator[Row]:
    text = (QUESTIONS / "questions.jsonl").read_text(encoding="utf-8")
    for row in map(json.loads, text.splitlines()):
        if half is None or reporting(row["_id"]) == (half == "reporting"):
            yield row


def _ask(library: Library, row: Row) -> Answer:
    history = [Turn(question) for question in row.get("history", ())]
    return library.ask(row["text"], history=history)


def _cites(row: Row, answer: Answer) -> bool:
    """Whether a sentence that is cited holds the words of the document that answer, or lies within
    them.
    """
    wanted = fold(row["evidence"])
    cited = [fold(each.text) for sentence in answer.sentences for each in sentence.citations]
    return any(wanted in text or text in wanted for text in cited)


def _pattern(form: str) -> re.Pattern[str]:
    end = "" if form.endswith("*") else r"(?!\w)"
    return re.compile(rf"(?<![\w.,]){re.escape(fold(form.rstrip('*')))}{end}")


def _shown(row: Row, answer: Answer) -> Row:
    good = answer.refused if row["kind"] == "unanswerable" else right(row, answer)
    mark = "ok   " if good else "WRONG"
    print(f"{mark} {answer.answerable:.2f} {row['text']}\n           {answer.answer}", flush=True)
    kept = {"right": good, "answer": answer.answer, "answerable": answer.answerable}
    return row | kept | {"refused": answer.refused}


def _keep(rows: Sequence[Row]) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (RESULTS / "fresh.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
