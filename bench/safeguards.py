"""What each safeguard of an answer costs: the seconds spent in it, a question.

    python -m bench.safeguards            our questions on the article in seeds/, read ahead
    python -m bench.safeguards piaf_fr    another set of bench.answers; --limit 30 for fewer

The program runs as it is; its parts are timed from outside. Nothing else should run.
"""

import argparse
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np

from bench.answers import SETS, questions_of
from bench.report import heading, keep
from bench.retrieval import indexed
from rag import answerer, writer
from rag.answerer import Answerer
from rag.events import Turn
from rag.library import open_library
from rag.settings import ROOT, from_environment
from rag.verifier import Sources

# What is timed: where it stands, and what it is for.
SAFEGUARDS: tuple[tuple[Any, str, str], ...] = (
    (answerer, "detect", "the question's language"),
    (answerer, "readings", "follow-ups put as they would stand alone"),
    (Answerer, "find", "search, and which sentences matter"),
    (Answerer, "read", "does the excerpt answer? (reads it where it must)"),
    (Sources, "verify", "each sentence against its sources"),
    (writer, "states", "the model's second look, across languages"),
    (writer, "quotation", "the sentence to quote instead"),
    (writer, "is_language", "the answer's language"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print the seconds a question of each safeguard, keep them."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.safeguards", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("set", nargs="?", choices=SETS, default="article")
    parser.add_argument("--limit", type=int, help="only so many questions")
    options = parser.parse_args(arguments)
    print(heading(), flush=True)
    questions, corpus = questions_of(options.set, options.limit)
    spent: dict[str, list[float]] = defaultdict(
        list
    )  # seconds in each safeguard, one number a question
    whole: list[float] = []
    with ExitStack() as stack:
        library = stack.enter_context(open_library(from_environment()))
        assistant = library.assistant(
            stack.enter_context(indexed(corpus, library.embedder)) if corpus else None
        )
        if corpus is None:
            assistant.prepare(threading.Event())
        for place, name, purpose in SAFEGUARDS:
            stack.enter_context(
                patch.object(place, name, _timed(getattr(place, name), spent[purpose]))
            )
        for number, question in enumerate(questions, 1):
            for seconds in spent.values():
                seconds.append(0.0)
            began = time.perf_counter()
            assistant.answer(
                question.text,
                [Turn(text) for text in question.history],
                documents=question.documents,
            )
            whole.append(time.perf_counter() - began)
            print(f"{number}/{len(questions)} {question.text}", flush=True)
    table = {}
    for purpose, seconds in {**spent, "the whole answer": whole}.items():
        used = [each for each in seconds if each]
        median = float(np.median(used)) if used else 0.0
        table[purpose] = {
            "mean, s": float(np.mean(seconds)),
            "questions with it": len(used),
            "median of these, s": median,
        }
        share = f"{len(used):3} of {len(seconds)}"
        print(f"{purpose:52} mean {np.mean(seconds):6.3f} s; in {share}, median {median:6.3f} s")
    kept = keep(f"safeguards-{options.set}", {"questions": len(questions), "table": table})
    print("kept in", kept.relative_to(ROOT))
    return 0


def _timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """The same function, adding the time it takes to the last of these."""

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            if seconds:
                seconds[-1] += time.perf_counter() - began

    return timed


if __name__ == "__main__":
    sys.exit(main())
