"""How likely it is that the documents answer: from the search and from the model's own reading of an excerpt."""

from dataclasses import dataclass
from math import exp, log

# Logistic functions over `features`, for the default model. The first tells whether to answer, fitted to 112 questions of NoMIRACL;
# the threshold is set by hand, lower than those would have it (docs/QUALITY.md). The second tells how likely an answer that was
# given is to be right, fitted by `python -m bench.answerable`; below `DOUBTFUL` it is shown as unsure.
_WEIGHTS, THRESHOLD = (-1.685, 0.278, 0.72, 0.0), 0.13
_RIGHT, DOUBTFUL = (0.295, 0.445, 0.212, 1.423), 0.55
# The same over the search's and the model's probability alone, fitted to which of the excerpts that are read of PIAF's passages
# holds the answer. It is too sure of questions that nothing answers to decline by, and better at telling excerpts apart.
_HERE = (-0.345, 1.088, 0.746, 0.0)


@dataclass(frozen=True)
class Evidence:
    """What is known of a question and an excerpt that was found for it, all 0..1.

    `score`, `vector` and `late` are the passage's (see `rag.retriever.Hit`); `sentence` is the likeness of the excerpt's best
    sentence to the question; `read` is the model's probability of beginning its answer with "yes"; `support` is how surely the
    sources hold the best sentence of the answer, 0 before there is one. `foreign` tells that the passage is in another language
    than the question, which lowers its score.
    """

    score: float
    vector: float
    late: float
    sentence: float
    read: float
    support: float = 0.0
    foreign: bool = False


def features(evidence: Evidence) -> tuple[float, ...]:
    """What the regression weighs: a constant, the logits of `score` and `read`, and `foreign`."""
    return (1.0, _logit(evidence.score), _logit(evidence.read), float(evidence.foreign))


def probability(evidence: Evidence) -> float:
    """How likely it is that the excerpt answers."""
    return _logistic(_WEIGHTS, evidence)


def here(evidence: Evidence) -> float:
    """How likely the excerpt is to be the one that answers, of those that were found, where the documents do."""
    return _logistic(_HERE, evidence)


def right(evidence: Evidence) -> float:
    """How likely it is that an answer which was written from the excerpt, and stood up to the checks, is right."""
    return _logistic(_RIGHT, evidence)


def _logistic(weights: tuple[float, ...], evidence: Evidence) -> float:
    return 1 / (
        1
        + exp(
            -sum(weight * value for weight, value in zip(weights, features(evidence), strict=True))
        )
    )


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return log(bounded / (1 - bounded))
