"""How likely it is that the documents answer: from the search, the model's own reading of the passages, and what was written."""

from dataclasses import dataclass
from math import exp, log

# Logistic regressions over `features`, from `python -m bench.answers --fit`: before the answer is written, and after.
_BEFORE = (0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_AFTER = (0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.5)
THRESHOLD = 0.3


@dataclass(frozen=True)
class Evidence:
    """What is known of a question and what was found for it, all 0..1.

    `score`, `vector` and `late` are the best passage's (see `rag.retriever.Hit`); `sentence` is the likeness of the best
    sentence to the question; `read` is the model's probability of "yes" when asked whether the passages hold the answer;
    `support` is how surely the sources hold the best sentence of the answer, 0 before there is one.
    """

    score: float
    vector: float
    late: float
    sentence: float
    read: float
    support: float = 0.0


def features(evidence: Evidence, *, whole: bool) -> tuple[float, ...]:
    """What the regressions weigh, the first for the bias; `whole` once the answer is written."""
    before = (1.0, _logit(evidence.score), evidence.vector, evidence.late, evidence.sentence, _logit(evidence.read))
    return (*before, _logit(evidence.support)) if whole else before


def before(evidence: Evidence) -> float:
    """Probability that the passages answer, known before the answer is written."""
    return _weighed(features(evidence, whole=False), _BEFORE)


def after(evidence: Evidence) -> float:
    """The same once the answer is written."""
    return _weighed(features(evidence, whole=True), _AFTER)


def _weighed(known: tuple[float, ...], constants: tuple[float, ...]) -> float:
    return 1 / (1 + exp(-sum(constant * value for constant, value in zip(constants, known, strict=True))))


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return log(bounded / (1 - bounded))
