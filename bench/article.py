"""Ask our own questions about the article in seeds/ and count what a reader would: right, in the right language, refused
where it must be, and each citation on a sentence of the source.

    python -m bench.article [--core] [--model SPEC]
"""

import argparse
import json
import re
import statistics
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.report import heading, keep
from rag.assistant import Answer
from rag.language import is_language
from rag.library import Library, open_library
from rag.results import answer_json
from rag.settings import from_environment

QUESTIONS = Path(__file__).resolve().parent / "questions" / "article.jsonl"


def fold(text: str) -> str:
    """Lower case, no accents, plain spaces, apostrophes and hyphens: how answers are compared with what is expected."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return re.sub(r"\s+", " ", "".join(c for c in decomposed if not unicodedata.combining(c)))


def right(question: dict[str, Any], answer: Answer) -> bool:
    """An answerable question needs one form of each gold group and no wrong one; an unanswerable one a refusal."""
    if question["kind"] == "unanswerable":
        return answer.refused
    text = fold(answer.answer)
    groups = all(any(re.search(fold(form), text) for form in group) for group in question["gold"])
    return not answer.refused and groups and not any(re.search(fold(form), text) for form in question.get("wrong", ()))


def cited(question: dict[str, Any], answer: Answer, library: Library) -> bool | None:
    """Whether some citation lies on the evidence; None where there is none to lie on."""
    if not question.get("evidence") or answer.refused:
        return None
    for sentence in answer.sentences:
        for citation in sentence.citations:
            text = library.store.document(citation.document).text
            for evidence in question["evidence"]:
                at = text.find(evidence)
                if at >= 0 and at < citation.end and citation.start < at + len(evidence):
                    return True
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the table, keep the answers."""
    parser = argparse.ArgumentParser(prog="python -m bench.article", description=__doc__)
    parser.add_argument("--core", action="store_true", help="the 20 core questions only")
    parser.add_argument("--model", default="")
    options = parser.parse_args(arguments)
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    if options.core:
        questions = [question for question in questions if question.get("core")]
    print(heading(), flush=True)
    rows = []
    with open_library(replace(from_environment(), model=options.model)) as library:
        for number, question in enumerate(questions, 1):
            answer = library.ask(question["text"], history=question.get("history", ()))
            row = {
                "_id": question["_id"],
                "kind": question["kind"],
                "language": question["language"],
                "question": question["text"],
                "right": right(question, answer),
                "right_language": answer.language == question["language"] and is_language(answer.answer, answer.language),
                "cited": cited(question, answer, library),
                **answer_json(answer),
            }
            rows.append(row)
            mark = "ok   " if row["right"] else "WRONG"
            print(f"{number:3} {mark} {answer.answerable:.2f} {question['text']}\n          {answer.answer}", flush=True)
    table = summary(rows)
    print("\n" + "\n".join(f"{name:34} {value}" for name, value in table.items()))
    suffix = f"-{re.sub(r'[^a-z0-9.]+', '-', options.model.lower())}" if options.model else ""
    print("kept in", keep(f"article{'-core' if options.core else ''}{suffix}", {"table": table, "answers": rows}))
    return 0


def summary(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The table: shares of the questions that each line speaks of."""

    def share(part: list[dict[str, Any]], key: str) -> str:
        known = [row[key] for row in part if row[key] is not None]
        return f"{sum(known)}/{len(known)}" if known else "-"

    table = {}
    for kind in ("answerable", "followup", "unanswerable"):
        part = [row for row in rows if row["kind"] == kind]
        table[f"{kind}: right"] = share(part, "right")
        for language in ("fr", "en"):
            table[f"{kind}: right, {language}"] = share([row for row in part if row["language"] == language], "right")
    answerable = [row for row in rows if row["kind"] != "unanswerable"]
    sentences = [s for row in answerable if not row["refused"] for s in row["sentences"]]
    table["in the right language"] = share(rows, "right_language")
    table["refused where it must not"] = f"{sum(row['refused'] for row in answerable)}/{len(answerable)}"
    table["a citation on the evidence"] = share(answerable, "cited")
    table["sentences with a citation"] = f"{sum(bool(s['citations']) for s in sentences)}/{len(sentences)}"
    written = [row for row in rows if row["tokens"] > 1]
    if written:
        firsts = [row["timings"]["first_token"] for row in written]
        speeds = [row["tokens"] / max(row["timings"]["total"] - row["timings"]["first_token"], 1e-9) for row in written]
        table["seconds to the first word, median"] = f"{statistics.median(firsts):.2f} ({min(firsts):.2f}-{max(firsts):.2f})"
        table["tokens a second, median"] = f"{statistics.median(speeds):.1f} ({min(speeds):.1f}-{max(speeds):.1f})"
    peak = peak_memory_gb()
    if peak:
        table["peak memory, GB"] = f"{peak:.2f}"
    return table


def peak_memory_gb() -> float | None:
    """The most memory this process ever had, where the system tells."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


if __name__ == "__main__":
    sys.exit(main())
