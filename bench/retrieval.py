"""How often the right passage comes first, on public sets that lie beside the repository in
../shared/data.

    python -m bench.retrieval            all sets but the large one
    python -m bench.retrieval --large    with 6,792 passages of Wikipedia, too
    python -m bench.retrieval --fit      and find the retriever's constants again, which then score

The real store, embedder and retriever do the work; indexes are kept in the app's home, so a second
run only asks. Questions are cut in two by the SHA-1 of what they ask about: constants come from the
development half, and the validation half shows what they are worth on other questions. Measures are
ranx's.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import report
from index.contract import Store
from index.embedder import Embedder
from index.models.convert import ensure_embedder
from index.store import LocalStore
from index.sync import sync
from index.text.words import terms
from rag import retriever
from rag.retriever import Retriever, Signals
from rag.settings import ROOT, default_home

DATA = ROOT.parent / "shared" / "data"
FOLDERS = [
    f"{name}_{way}" for name in ("faq", "medqa", "news") for way in ("fr2fr", "en2fr", "fr2en")
]
LARGE = "frwiki_afriqa_fr2fr"
MEASURES = ["ndcg@10", "recall@1", "recall@5"]
DEPTH = 100  # passages asked of each search alone
ORDER = list(retriever._ORDER)
SCORE = [name for name in retriever._SCORE if name not in ("bias", "lead")]

Scores = dict[str, float]  # of documents, by name
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Question:
    """A question and the documents that answer it."""

    id: str
    text: str
    language: str
    answers: frozenset[str]
    development: bool
    bilingual: bool


@dataclass(frozen=True)
class Asked:
    """What each system found: the searches alone, then the retriever's candidates (`names` are
    their documents).

    `without` are the candidates' signals once the documents that answer are taken out, asked of
    every other question: a score must also tell that nothing answers. Times are in seconds.
    """

    question: Question
    vectors: Scores
    words: Scores
    names: list[str]
    signals: Signals
    without: Signals | None
    embedding: float
    whole: float

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,) which candidates answer."""
        return np.array([name in self.question.answers for name in self.names], bool)


def main() -> int:
    """Ask every question of every set, print the tables, keep the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--large",
        action="store_true",
        help="also the set of 6,792 passages (embedding it takes long)",
    )
    parser.add_argument(
        "--fit", action="store_true", help="print the constants that fit the development half best"
    )
    options = parser.parse_args()
    if not DATA.is_dir():
        print(
            f"{DATA}: no such folder. The public sets aren't part of the repository; "
            "nothing was measured."
        )
        return 0
    print(report.heading(), flush=True)
    embedder = Embedder(str(ensure_embedder(default_home())))
    asked = {
        name: _ask(name, corpus, questions, embedder)
        for name, corpus, questions in _sets(options.large)
    }
    everything = [found for of_set in asked.values() for found in of_set]
    validation = [found for found in everything if not found.question.development]
    if options.fit:
        _fit(
            {
                name: [found for found in of_set if found.question.development]
                for name, of_set in asked.items()
            }
        )
    table = {
        name: {system: _measure(of_set, system) for system in SYSTEMS}
        for name, of_set in asked.items()
    }
    halves = _halves(asked)
    crossing = _crossing(asked)
    calibration = _calibration(validation)
    across = _calibration([found for found in validation if found.signals.foreign.any()])
    embedding, whole = np.median([(found.embedding, found.whole) for found in everything], axis=0)
    _print(table, halves)
    print(
        "\ncost of crossing languages, nDCG@10:",
        ", ".join(f"{name} {cost:+.3f}" for name, cost in crossing.items()),
    )
    print(
        f"calibration error of the score: {calibration['error']:.3f} "
        f"(validation half, some answers taken out), "
        f"{across['error']:.3f} across languages"
    )
    print(
        f"a question takes {1000 * whole:.0f} ms, "
        f"of them {1000 * embedding:.0f} ms for its vectors (medians)"
    )
    kept = report.keep(
        "retrieval",
        {
            "measures": MEASURES,
            "sets": table,
            "halves": halves,
            "crossing": crossing,
            "calibration": calibration,
            "calibration across languages": across,
            "seconds": {"embedding": float(embedding), "whole": float(whole)},
        },
    )
    _plot(table, calibration, kept.with_suffix(".png"))
    print(f"kept in {kept.relative_to(ROOT)}")
    return 0


def _sets(large: bool) -> Iterator[tuple[str, Path, list[Question]]]:
    """Each set's name, documents and questions."""
    for language in ("fr", "en"):
        rows = _lines(DATA / "piaf" / f"queries.{language}.jsonl")
        yield (
            f"piaf_{language}2fr",
            DATA / "piaf" / "corpus.jsonl",
            [_question(row, {row["passage"]}) for row in rows],
        )
    for name in [*FOLDERS, *([LARGE] if large else [])]:
        answers: dict[str, set[str]] = {}
        for line in (
            (DATA / "retrieval" / name / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]
        ):
            question, document, _ = line.split("\t")
            answers.setdefault(question, set()).add(document)
        rows = _lines(DATA / "retrieval" / name / "queries.jsonl")
        yield (
            name,
            DATA / "retrieval" / name / "corpus.jsonl",
            [_question(row, answers[row["_id"]]) for row in rows],
        )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
    ]


def _question(row: dict[str, Any], answers: set[str]) -> Question:
    base = row.get("base") or row["_id"].removesuffix(
        "-en"
    )  # the same for a question and its twin in the other language
    development = int(hashlib.sha1(f"F{base}".encode()).hexdigest(), 16) % 2 == 0
    return Question(
        row["_id"],
        row["text"],
        row["lang"],
        frozenset(answers),
        development,
        bool(row.get("bilingual")),
    )


def indexed(corpus: Path, embedder: Embedder) -> Store:
    """A store of these documents, kept in the app's home."""
    digest = hashlib.sha256(corpus.read_bytes() + embedder.fingerprint.encode()).hexdigest()[:16]
    store = LocalStore(default_home() / "bench" / digest, embedder.fingerprint, embedder.dimension)
    sync(corpus, store, embedder)
    return store


def _ask(name: str, corpus: Path, questions: Sequence[Question], embedder: Embedder) -> list[Asked]:
    """Index the documents where they aren't yet, and ask every question."""
    began = time.perf_counter()
    with indexed(corpus, embedder) as store:
        ready = time.perf_counter()
        documents = frozenset(info.name for info in store.documents())
        found = [
            _ask_one(question, number, documents, store, embedder)
            for number, question in enumerate(questions)
        ]
    took = time.perf_counter() - ready
    print(
        f"{name}: indexed in {ready - began:.0f} s, {len(questions)} questions in {took:.0f} s",
        flush=True,
    )
    return found


def _ask_one(
    question: Question, number: int, documents: frozenset[str], store: Store, embedder: Embedder
) -> Asked:
    search = Retriever(store, embedder)
    began = time.perf_counter()
    vector = embedder.embed_queries([question.text])[0].vector
    embedding = time.perf_counter() - began
    began = time.perf_counter()
    passages, signals = search.candidates(question.text, question.language)
    whole = time.perf_counter() - began
    without = None
    if number % 2:
        _, without = search.candidates(
            question.text, question.language, documents - question.answers
        )
    vectors, words = (
        _best_by_document(
            [passage.document for passage in store.chunks([number for number, _ in found])], found
        )
        for found in (
            store.search_vectors(vector, DEPTH),
            store.search_words(terms(question.text, question.language), DEPTH),
        )
    )
    names = [passage.document for passage in passages]
    return Asked(question, vectors, words, names, signals, without, embedding, whole)


def _best_by_document(names: Sequence[str], found: Sequence[tuple[int, float]]) -> Scores:
    """A document counts as its best passage."""
    best: Scores = {}
    for name, (_, score) in zip(names, found, strict=True):
        best[name] = max(float(score), best.get(name, -np.inf))
    return best


def _by_order(found: Asked, order: Floats) -> Scores:
    return _best_by_document(found.names, list(enumerate(order)))


def _combined(signals: Signals, weights: dict[str, float]) -> Floats:
    return np.sum([weight * getattr(signals, name) for name, weight in weights.items()], axis=0)


def _fused(found: Asked) -> Scores:
    """Reciprocal rank fusion of both searches, with its usual constant (Cormack and others, SIGIR
    2009)."""
    fused: Scores = {}
    for alone in (found.vectors, found.words):
        for rank, name in enumerate(sorted(alone, key=lambda name: -alone[name]), 1):
            fused[name] = fused.get(name, 0) + 1 / (60 + rank)
    return fused


def _without(left_out: str) -> Callable[[Asked], Scores]:
    weights = {name: weight for name, weight in retriever._ORDER.items() if name != left_out}
    return lambda found: _by_order(found, _combined(found.signals, weights))


SYSTEMS: dict[str, Callable[[Asked], Scores]] = {
    "vectors": lambda found: found.vectors,
    "BM25": lambda found: found.words,
    "rank fusion": _fused,
    "ours": lambda found: _by_order(found, found.signals.order),
    "late interaction alone": lambda found: _by_order(found, found.signals.late),
    "contrast alone": lambda found: _by_order(found, found.signals.contrast),
    "spread alone": lambda found: _by_order(found, found.signals.spread),
    **{f"ours without {name}": _without(name) for name in ORDER},
    "best possible of the candidates": lambda found: _by_order(
        found, found.right.astype(np.float32)
    ),
}
MAIN = list(SYSTEMS)[:4]


def _measure(asked: Sequence[Asked], system: str) -> list[float]:
    """`MEASURES` of a system over the questions."""
    from ranx import Qrels, Run, evaluate  # type: ignore[import-untyped]

    relevant = Qrels(
        {found.question.id: dict.fromkeys(found.question.answers, 1) for found in asked}
    )
    # A question that a search finds nothing for still counts.
    run = Run({found.question.id: SYSTEMS[system](found) or {"": 0.0} for found in asked})
    measured = evaluate(relevant, run, MEASURES)
    return [float(measured[name]) for name in MEASURES]


def _halves(asked: dict[str, list[Asked]]) -> dict[str, list[float]]:
    """Of each system the mean nDCG@10 of the sets, in the development and the validation half."""
    halves: dict[str, list[float]] = {}
    for system in SYSTEMS:
        for half in (True, False):
            parts = [
                [found for found in of_set if found.question.development == half]
                for of_set in asked.values()
            ]
            mean = float(np.mean([_measure(part, system)[0] for part in parts if part]))
            halves.setdefault(system, []).append(mean)
    return halves


def _crossing(asked: dict[str, list[Asked]]) -> dict[str, float]:
    """How much nDCG@10 is lost by asking in English what French documents answer, on questions
    asked in both."""
    costs = {}
    for name in ("medqa", "faq"):
        within, across = (
            [
                found
                for found in asked[f"{name}_{way}"]
                if name == "medqa" or found.question.bilingual
            ]
            for way in ("fr2fr", "en2fr")
        )
        for system in ("vectors", "ours"):
            costs[f"{name}, {system}"] = _measure(within, system)[0] - _measure(across, system)[0]
    return costs


def _scored(found: Asked) -> tuple[Signals, NDArray[np.bool_]]:
    """The signals to score, and which passages answer: none where the documents that do were taken
    out."""
    if found.without is None:
        return found.signals, found.right
    return found.without, np.zeros(len(found.without.vector), bool)


def _calibration(asked: Sequence[Asked]) -> dict[str, Any]:
    """Of the best passage of each question: the score against how often it answers, in ten bins of
    equal size."""
    pairs = []
    for found in asked:
        signals, right = _scored(found)
        first = int(signals.order.argmax())
        pairs.append((float(signals.probability()[first]), float(right[first])))
    bins = [part.mean(axis=0).tolist() for part in np.array_split(np.array(sorted(pairs)), 10)]
    return {"error": float(np.mean([abs(score - right) for score, right in bins])), "bins": bins}


def _fit(asked: dict[str, list[Asked]]) -> None:
    """Print `_ORDER` and `_SCORE` as the development half has them, every set counting by the root
    of its size."""
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    lists = []
    for of_set in asked.values():
        for found in of_set:
            if found.right.any():
                features = np.stack(
                    [getattr(found.signals, name) for name in ORDER], axis=1
                ).astype(float)
                lists.append((features, found.right / found.right.sum(), len(of_set) ** -0.5))

    def listwise(weights: Floats) -> float:
        """Cross entropy of the softmax over the candidates."""
        loss = 0.0
        for features, target, weight in lists:
            logits = features @ weights
            loss -= weight * float(target @ (logits - np.logaddexp.reduce(logits)))
        return loss

    order = minimize(listwise, list(retriever._ORDER.values()), method="L-BFGS-B").x
    print("_ORDER =", dict(zip(ORDER, np.round(order, 2).tolist(), strict=True)))
    rows, labels, weights = [], [], []
    for of_set in asked.values():
        for found in of_set:
            signals, right = _scored(found)
            ranks, lead = signals.order, signals.lead()
            for i in np.argsort(-ranks)[:5]:
                rows.append(
                    [1.0, *(float(getattr(signals, name)[i]) for name in SCORE), float(lead[i])]
                )
                labels.append(float(right[i]))
                weights.append(len(of_set) ** -0.5)
    x, y, w = np.array(rows), np.array(labels), np.array(weights)

    def logistic(constants: Floats) -> float:
        logits = x @ constants
        return float(
            (w * (np.logaddexp(0, logits) - y * logits)).sum() + 1e-4 * (constants[1:] ** 2).sum()
        )

    score = minimize(logistic, list(retriever._SCORE.values()), method="L-BFGS-B").x
    retriever._SCORE.update(
        zip(retriever._SCORE, np.round(score, 2).tolist(), strict=True)
    )  # what is measured from here on
    print("_SCORE =", retriever._SCORE)


def _print(table: dict[str, dict[str, list[float]]], halves: dict[str, list[float]]) -> None:
    print(f"\n{'nDCG@10, R@1, R@5':20}" + "".join(f"{system:>22}" for system in MAIN))
    for name, systems in table.items():
        print(
            f"{name:20}"
            + "".join(f"{'  '.join(f'{x:.3f}' for x in systems[system]):>22}" for system in MAIN)
        )
    print(f"\n{'mean nDCG@10 of the sets':36}{'development':>13}{'validation':>13}")
    for system, (development, validation) in halves.items():
        print(f"{system:36}{development:13.3f}{validation:13.3f}")


def _plot(
    table: dict[str, dict[str, list[float]]], calibration: dict[str, Any], path: Path
) -> None:
    """nDCG@10 of each set beside the reliability curve of the score."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    bars, curve = figure.subplots(1, 2, width_ratios=[2, 1])
    for number, system in enumerate(MAIN):
        places = np.arange(len(table)) + (number - 1.5) * 0.2
        bars.bar(places, [systems[system][0] for systems in table.values()], 0.2, label=system)
    bars.set_xticks(range(len(table)), list(table), rotation=35, ha="right")
    bars.set_ylabel("nDCG@10")
    bars.legend(loc="lower right")
    curve.plot([0, 1], [0, 1], color="gray", linestyle="--")
    curve.plot(*zip(*calibration["bins"], strict=True), marker="o")
    curve.set_xlabel("score of the best passage")
    curve.set_ylabel("how often it answers")
    curve.set_title(f"mean error {calibration['error']:.3f}")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    sys.exit(main())
