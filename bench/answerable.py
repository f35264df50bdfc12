"""Fit how likely an answer is to be right (rag/confidence.py) to what became of the questions of
`python -m bench.answers`.

    python -m bench.answerable

Takes the rows that are kept in bench/results/ for the five sets. Of NoMIRACL people said whether
the passages answer; elsewhere an answer that was right, or for English questions on French text
cites what was expected, counts as one. First the probability that passages answer at all, fitted to
NoMIRACL, with what thresholds would give. Then the one that an answer which was given is right, all
sets alike in weight, and how many wrong and right answers lie below a threshold. Both on questions
that they weren't fitted to (five parts in turn). Draws how often answers are right beside how
likely that was said to be.
"""

import sys
import warnings
from dataclasses import fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.answers import Row, lines
from bench.report import RESULTS, heading
from rag import confidence
from rag.confidence import Evidence
from rag.settings import ROOT

SETS = ("article", "piaf_fr", "piaf_en", "nomiracl-fr", "nomiracl-en")
_THRESHOLDS = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
_REPEATED = 4


def main() -> int:
    """Fit, print, draw."""
    print(heading())
    rows = [
        (name, row)
        for name in SETS
        for row in lines(RESULTS / f"answers-{name}.jsonl")
        if row["evidence"]["score"]
    ]
    names = [field.name for field in fields(Evidence)]
    evidence = [Evidence(**{name: row["evidence"][name] for name in names}) for _, row in rows]
    x = np.array([confidence.features(each)[1:] for each in evidence])
    sets = np.array([name for name, _ in rows])
    good = np.array([_good(name, row) for name, row in rows])
    given = np.array([not row["refused"] for _, row in rows])
    people = np.char.startswith(sets, "nomiracl")
    now = np.array([confidence.answerable(each) for each in evidence])
    fitted = np.zeros(len(rows))
    fitted[people] = _fit("_ANSWERABLE", x[people, :2], sets[people], good[people])
    for name in SETS[3:]:
        part = sets == name
        print(
            f"{name}: area under the curve {_area(now, part, good)} as it is, "
            f"{_area(fitted, part, good)} fitted anew;",
            end="",
        )
        print(" answers what it can't / declines what it can, %, as it is and anew, at", end="")
        for threshold in _THRESHOLDS:
            rates = [_rates((values >= threshold) & given, part, good) for values in (now, fitted)]
            print(f"  {threshold}: {', '.join(rates)}", end="")
        print()
    held_out = _fit("_CORRECT", x[given], sets[given], good[given])
    sets, good = sets[given], good[given]
    for name in SETS:
        part = sets == name
        print(
            f"{name}: {part.sum()} answers, {good[part].sum()} right; "
            f"area under the curve {_area(held_out, part, good)}",
            end="",
        )
        print("; wrong, right ones below", end="")
        for threshold in _THRESHOLDS:
            below = held_out < threshold
            print(
                f"  {threshold}: {(below & part & ~good).sum()}, {(below & part & good).sum()}",
                end="",
            )
        print()
    _draw(held_out, sets, good)
    return 0


def _good(name: str, row: Row) -> bool:
    if name.startswith("nomiracl"):
        return bool(row["kind"] == "answerable")
    return row["kind"] != "unanswerable" and bool(
        row["cited"] if name == "piaf_en" else row["right"]
    )


def _fit(
    name: str, x: NDArray[np.float64], sets: NDArray[np.str_], good: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Print the constants; give the probabilities (n,) on questions that they weren't fitted to."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.model_selection import StratifiedKFold  # type: ignore[import-untyped]

    weights = np.array([len(sets) / (sets == each).sum() for each in sets]) / len(set(sets))
    model = LogisticRegression(C=1.0).fit(x, good, sample_weight=weights)
    print(
        name, "=", tuple(round(float(value), 3) for value in (model.intercept_[0], *model.coef_[0]))
    )
    held_out = np.zeros(len(good))
    strata = np.array([f"{each} {label}" for each, label in zip(sets, good, strict=True)])
    for seed in range(_REPEATED):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # some strata are smaller than five
            parts = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(x, strata))
        for rest, part in parts:
            model.fit(x[rest], good[rest], sample_weight=weights[rest])
            held_out[part] += model.predict_proba(x[part])[:, 1] / _REPEATED
    return held_out


def _area(
    probability: NDArray[np.float64], part: NDArray[np.bool_], good: NDArray[np.bool_]
) -> str:
    from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]

    return f"{roc_auc_score(good[part], probability[part]):.3f}"


def _rates(answered: NDArray[np.bool_], part: NDArray[np.bool_], good: NDArray[np.bool_]) -> str:
    return f"{100 * answered[part & ~good].mean():.0f}/{100 * (~answered[part & good]).mean():.0f}"


def _draw(
    probability: NDArray[np.float64], sets: NDArray[np.str_], good: NDArray[np.bool_]
) -> None:
    """How often answers are right, by how likely it was said to be; every set and all together."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="gray", linewidth=0.8)
    for name in (*SETS, "all"):
        part = (sets == name) | (name == "all")
        places = [
            part & (probability >= low) & (probability < high)
            for low, high in pairwise(np.linspace(0, 1, 9))
        ]
        known = [
            (probability[place].mean(), good[place].mean()) for place in places if place.sum() >= 8
        ]
        axes.plot(
            *zip(*known, strict=True), marker="o", label=name, linewidth=3 if name == "all" else 1
        )
    axes.set_xlabel("probability of a right answer, on questions that it wasn't fitted to")
    axes.set_ylabel("share of right answers")
    axes.legend()
    path = RESULTS / "answerable.png"
    figure.savefig(path, dpi=110)
    print("drawn in", path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
