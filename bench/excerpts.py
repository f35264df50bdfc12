"""Fit which excerpt to write from first (`relevance` in rag/confidence.py) to PIAF's questions.

    python -m bench.excerpts --minutes 20   let the model read on where it ended, then fit
    python -m bench.excerpts                only fit, to what was read before

An excerpt counts as the one where it has the answer's words and lies in the passage that the
question was asked on, and as another where it lacks them; what has the words elsewhere is left out.
An excerpt is read once for all questions that it was found for. Prints the constants, and how good
they are on questions that they were not fitted to (five parts in turn).
"""

import argparse
import hashlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.answers import DATA, fold, lines
from bench.report import RESULTS, heading
from bench.retrieval import indexed
from rag import confidence
from rag.answerer import Answerer
from rag.confidence import Evidence
from rag.excerpts import Excerpt
from rag.library import open_library
from rag.settings import from_environment

KEPT = RESULTS / "excerpts.jsonl"
_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)

Row = dict[str, Any]


def main() -> int:
    """Read, fit, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.excerpts", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=0.0,
        help="how long to let the model read, at about 15 pairs a minute",
    )
    options = parser.parse_args()
    print(heading(), flush=True)
    rows = lines(KEPT) if KEPT.exists() else []
    if options.minutes and not DATA.is_dir():
        print(
            f"{DATA}: no such folder. The public sets aren't part of the repository; "
            "nothing more was read."
        )
    elif options.minutes:
        until = time.monotonic() + 60 * options.minutes
        with (
            open_library(from_environment()) as library,
            indexed(DATA / "piaf" / "corpus.jsonl", library.embedder) as store,
            KEPT.open("a", encoding="utf-8") as kept,
        ):
            for row in _read(
                library.assistant(store), {(row["question"], row["place"]) for row in rows}
            ):
                rows.append(row)
                kept.write(json.dumps(row) + "\n")
                kept.flush()
                if time.monotonic() > until:
                    break
    fit(rows)
    return 0


def _read(assistant: Answerer, known: set[tuple[str, int]]) -> Iterator[Row]:
    """Each question with each excerpt that would be read for it, by excerpt."""
    found: dict[str, list[tuple[Row, int, Excerpt]]] = defaultdict(list)
    for number, question in enumerate(lines(DATA / "piaf" / "queries.fr.jsonl")):
        for place, excerpt in enumerate(assistant.find(question["text"], "fr", None)[1]):
            key = hashlib.sha1(f"{excerpt.chunk.document}|{excerpt.text}".encode()).hexdigest()
            found[key].append((question, place, excerpt))
        if number % 200 == 0:
            print(f"{number} questions searched for", flush=True)
    for number, key in enumerate(sorted(found)):
        for question, place, excerpt in found[key]:
            words = any(fold(answer) in fold(excerpt.text) for answer in question["answers"])
            if (question["_id"], place) in known or (
                words and excerpt.chunk.document != question["passage"]
            ):
                continue
            evidence = assistant.read(question["text"], "fr", excerpt)
            yield {
                "question": question["_id"],
                "place": place,
                "holds": words,
                "score": round(evidence.score, 6),
                "read": round(evidence.read, 6),
            }
        if number % 10 == 0:
            print(f"{number}/{len(found)} excerpts read", flush=True)


def fit(rows: list[Row]) -> None:
    """A logistic regression from an excerpt's evidence to whether it is the one."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
    from sklearn.model_selection import GroupKFold, cross_val_predict  # type: ignore[import-untyped]

    # a constant, score, read, foreign: only the search's and the model's probability are kept
    x = np.array([confidence.features(Evidence(row["score"], row["read"])) for row in rows])[:, 1:3]
    holds, places = (
        np.array([row["holds"] for row in rows]),
        np.array([row["place"] for row in rows]),
    )
    model = LogisticRegression(C=1.0)
    parts = GroupKFold(5)
    groups = [row["question"] for row in rows]
    held_out = cross_val_predict(model, x, holds, cv=parts, groups=groups, method="predict_proba")[
        :, 1
    ]
    model.fit(x, holds)
    print(
        f"{len(rows)} pairs of {len(set(groups))} questions; the excerpt holds the answer in",
        end="",
    )
    print(
        "".join(f" {100 * holds[places == place].mean():.0f} %" for place in sorted(set(places))),
        "by its place",
    )
    print(
        "_RELEVANT =",
        tuple(round(float(value), 3) for value in (model.intercept_[0], *model.coef_[0])),
    )
    for name, values in (("search", x[:, 0]), ("model", x[:, 1]), ("both, held out", held_out)):
        print(f"  area under the curve, {name:15} {roc_auc_score(holds, values):.3f}")
    old = np.array([confidence.answerable(Evidence(row["score"], row["read"])) for row in rows])
    first = places == 0
    for threshold in _THRESHOLDS:
        print(
            f"  first excerpt written from at once from {threshold}: "
            f"{_passing(held_out, threshold, first, holds)}",
            end="",
        )
        print(f"; by the probability that declines: {_passing(old, threshold, first, holds)}")


def _passing(
    values: NDArray[np.float64],
    threshold: float,
    among: NDArray[np.bool_],
    holds: NDArray[np.bool_],
) -> str:
    passing = values >= threshold
    right, wrong = passing[among & holds].mean(), passing[among & ~holds].mean()
    return f"{100 * right:.0f} % of right, {100 * wrong:.0f} % of wrong"


if __name__ == "__main__":
    sys.exit(main())
