"""How likely it is that the documents answer: from the search and from the model's own reading of an excerpt."""

from dataclasses import dataclass
from math import exp, log

# A logistic function over `features`, for the default model: two of them, fitted to 112 questions of NoMIRACL in both languages.
# The threshold is set by hand, lower than those questions alone would have it: see docs/QUALITY.md. `python -m bench.answerable`
# fits all features.
_WEIGHTS = (-1.685, 0.278, 0.0, 0.0, 0.0, 0.72)
THRESHOLD = 0.13
# The same over the search's and the model's probability alone, fitted to which of the excerpts that are read of PIAF's passages
# holds the answer. It is too sure of questions that nothing answers to decline by, and better at telling excerpts apart.
_HERE = (-0.345, 1.088, 0.746)


@dataclass(frozen=True)
class Evidence:
    """What is known of a question and an excerpt that was found for it, all 0..1.

    `score`, `vector` and `late` are the passage's (see `rag.retriever.Hit`); `sentence` is the likeness of the excerpt's best
    sentence to the question; `read` is the model's probability of beginning its answer with "yes"; `support` is how surely the
    sources hold the best sentence of the answer, 0 before there is one.
    """

    score: float
    vector: float
    late: float
    sentence: float
    read: float
    support: float = 0.0


def features(evidence: Evidence) -> tuple[float, ...]:
    """What the regression weighs, the first for the bias."""
    return (1.0, _logit(evidence.score), evidence.vector, evidence.late, evidence.sentence, _logit(evidence.read))


def probability(evidence: Evidence) -> float:
    """How likely it is that the excerpt answers."""
    return _logistic(sum(weight * value for weight, value in zip(_WEIGHTS, features(evidence), strict=True)))


def here(evidence: Evidence) -> float:
    """How likely the excerpt is to be the one that answers, of those that were found, where the documents do."""
    bias, score, read = _HERE
    return _logistic(bias + score * _logit(evidence.score) + read * _logit(evidence.read))


def _logistic(value: float) -> float:
    return 1 / (1 + exp(-value))


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return log(bounded / (1 - bounded))
