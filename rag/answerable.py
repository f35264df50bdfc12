"""How likely it is that the documents answer: from the search, the model's own reading of the passages, and what was written."""

from math import exp, log

# Logistic regression on the signals below; see bench/train_answerable.py for the data and the fit.
_BEFORE = (0.0, 1.0, 1.0)
THRESHOLD = 0.3


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return log(bounded / (1 - bounded))


def before(score: float, read: float) -> float:
    """Probability that the passages answer, known before the answer is written.

    Args:
        score: the retriever's probability that its best passage answers, 0..1.
        read: the model's probability of "yes" when asked whether the passages hold the answer, 0..1.
    """
    bias, of_score, of_read = _BEFORE
    return 1 / (1 + exp(-(bias + of_score * _logit(score) + of_read * _logit(read))))


def after(likely: float, support: float) -> float:
    """The same once the answer is written, with how surely the sources hold its best sentence (0..1)."""
    return 1 / (1 + exp(-(_logit(likely) + 0.5 * _logit(support))))
