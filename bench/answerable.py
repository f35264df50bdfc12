"""Fit when to decline (rag/answerable.py) to public questions that lie beside the repository in ../shared/data.

    python -m bench.answerable                 let the model read, then fit; what was read is kept and gone on with
    python -m bench.answerable --questions 80  so many questions of each set
    python -m bench.answerable --kept          only fit, to what was read before, by whichever version of the program

NoMIRACL's questions come with ten passages each, of which people said whether they answer. Questions of PIAF are asked twice:
of all passages, and of all but the one that they were written for. Prints the constants, and how good they are on questions
that they were not fitted to (five parts in turn).
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.answers import DATA, lines, program
from bench.report import RESULTS, heading
from bench.retrieval import indexed
from index.passages import split_sentences
from rag import answerable, prompts
from rag.answerable import Evidence
from rag.assistant import Assistant
from rag.focus import Excerpt
from rag.grounding import SUPPORTED, Sources
from rag.library import Library, open_library
from rag.settings import from_environment

SETS = ("nomiracl-fr", "nomiracl-en", "piaf-fr", "piaf-en")
_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
KEPT = RESULTS / "answerable.jsonl"

Row = dict[str, Any]


def main() -> int:
    """Read, fit, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.answerable", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--questions", type=int, default=60, help="of each set, chosen by the SHA-1 of their ids")
    parser.add_argument("--kept", action="store_true", help="only fit, to what was read before")
    options = parser.parse_args()
    if options.kept:
        print(heading(), flush=True)
        fit(list(lines(KEPT)))
        return 0
    if not DATA.is_dir():
        print(f"{DATA}: no such folder. The public sets aren't part of the repository; nothing was fitted.")
        return 0
    print(heading(), flush=True)
    known = {row["key"]: row for row in (lines(KEPT) if KEPT.exists() else ()) if row["program"] == program()}
    with open_library(from_environment()) as library, KEPT.open("w", encoding="utf-8") as kept:
        for row in known.values():
            kept.write(json.dumps(row) + "\n")
        for number in range(options.questions):  # a part of each set, so that a run cut short is balanced
            for name in SETS:
                for key, label, row in _rows(name, number, library, known):
                    known[key] = {"key": key, "set": name, "answerable": label, "program": program(), **row}
                    kept.write(json.dumps(known[key]) + "\n")
                    kept.flush()
            print(f"{number + 1}/{options.questions}", flush=True)
    fit(list(known.values()))
    return 0


def _rows(name: str, number: int, library: Library, known: dict[str, Row]) -> Iterator[tuple[str, bool, Row]]:
    """A question of a set, as often as it is asked: its key, whether it can be answered, and what was read."""
    piaf = name.startswith("piaf")
    rows = lines(DATA / "piaf" / f"queries.{name[-2:]}.jsonl" if piaf else DATA / name / "questions.jsonl")
    rows.sort(key=lambda row: hashlib.sha1(row["_id"].encode()).hexdigest())
    if number >= len(rows):
        return
    row = rows[number]
    for label in (True, False) if piaf else (row["answerable"],):
        key = f"{name} {row['_id']} {label}"
        if key in known:
            continue
        with _assistant(library, row) as assistant:
            names = {info.name for info in assistant.store.documents()}
            allowed = names - {row["passage"]} if piaf and not label else None
            hits, excerpts, sources = assistant.find(row["text"], row["lang"], allowed)
            read = [assistant.read(row["text"], row["lang"], hits, excerpt, None) for excerpt in excerpts]
            likeliest = max(range(len(read)), key=lambda place: read[place].read)
            read[likeliest] = replace(read[likeliest], support=_support(assistant, row, excerpts[likeliest], sources))
        yield key, label, {"language": row["lang"], "evidence": [asdict(evidence) for evidence in read]}


def _support(assistant: Assistant, row: Row, excerpt: Excerpt, sources: Sources) -> float:
    """How surely the sources hold the best sentence of an answer from this excerpt."""
    language = row["lang"]
    messages = prompts.answering(row["text"], excerpt, language)
    text = "".join(assistant.generator.stream(messages, begin=prompts.OPENINGS[language][0], max_tokens=80)).strip()
    spans = split_sentences(text, language)
    return max((sources.ground(text[start:end], language)[0] for start, end in spans), default=0.0)


@contextmanager
def _assistant(library: Library, row: Row) -> Iterator[Assistant]:
    if "passages" in row:
        with library.store_of(row["passages"]) as store:
            yield library.assistant(store)
    else:
        with indexed(DATA / "piaf" / "corpus.jsonl", library.embedder) as store:
            yield library.assistant(store)


def fit(rows: list[Row]) -> None:
    """A logistic regression from the best excerpt's evidence to whether the question can be answered."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
    from sklearn.model_selection import cross_val_predict  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    best = [max((Evidence(**one) for one in row["evidence"]), key=lambda evidence: evidence.read) for row in rows]
    labels, sets = np.array([row["answerable"] for row in rows]), np.array([row["set"] for row in rows])
    supported = np.array([evidence.support >= SUPPORTED for evidence in best])
    # Every set counts the same, and in it the two answers do.
    weights = np.array([1 / ((sets == name) & (labels == label)).sum() for name, label in zip(sets, labels, strict=True)])
    weights *= len(rows) / weights.sum()
    scaler = StandardScaler()
    x = scaler.fit_transform(np.array([answerable.features(evidence)[1:] for evidence in best]))
    model = LogisticRegression(C=0.3)
    held_out = cross_val_predict(model, x, labels, cv=5, params={"sample_weight": weights}, method="predict_proba")[:, 1]
    model.fit(x, labels, sample_weight=weights)
    constants = model.coef_[0] / scaler.scale_
    bias = float(model.intercept_[0] - constants @ scaler.mean_)
    print("_WEIGHTS =", (round(bias, 3), *(round(float(constant), 3) for constant in constants)))
    for name in SETS:
        part = sets == name
        if len(set(labels[part])) < 2:
            continue
        print(f"  {name:12} {part.sum():4} asked, area under the curve {roc_auc_score(labels[part], held_out[part]):.3f};", end="")
        print(" answers what it can't / refuses what it can, %, at", end="")
        for threshold in _THRESHOLDS:
            print(f"  {threshold}: {_rates(held_out >= threshold, part, labels)}", end="")
        print("\n" + " " * 15 + "unsupported answers declined as well:", end="")
        for threshold in _THRESHOLDS:
            print(f"  {threshold}: {_rates((held_out >= threshold) & supported, part, labels)}", end="")
        print()


def _rates(answered: NDArray[np.bool_], part: NDArray[np.bool_], labels: NDArray[np.bool_]) -> str:
    return f"{100 * answered[part & ~labels].mean():.0f}/{100 * (~answered[part & labels]).mean():.0f}"


if __name__ == "__main__":
    sys.exit(main())
