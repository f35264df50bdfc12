"""How likely the documents are to answer, from the search and the model's reading; thresholds."""

from dataclasses import dataclass
from math import exp, log

# Logistic functions over `features`, for the default model. They were fitted to the plain model's
# odds: the first to 112 questions of NoMIRACL, the second to which of PIAF's excerpts holds the
# answer (`python -m bench.excerpts`), the third to which answers were right
# (`python -m bench.answerable`). The constant and the weight of what is read, in the first two, lie
# half-way to those fitted to the trained model's odds (`python -m train.evaluate`).
_ANSWERABLE = (-1.4, 0.278, 1.0, 0.0)
_RELEVANT = (-0.6, 1.088, 1.0, 0.0)
_CORRECT = (0.295, 0.445, 0.212, 1.423)


@dataclass(frozen=True)
class Evidence:
    """What is known of a question and an excerpt that was found for it."""

    score: float = 0.0  # how likely the excerpt's chunk is to answer, see `rag.retriever.Hit`
    read: float = 0.0  # the model's probability of beginning its answer with "yes"; 0 unread
    foreign: bool = False  # in another language than the question, which lowers `score`


@dataclass(frozen=True)
class Thresholds:
    """Where a probability or a support (0..1) becomes a decision."""

    excerpts: int = 3  # how many are read at most
    # The relevance from which on an excerpt is written from before others are read
    relevant: float = 0.5
    # The odds of "yes" from which on no other excerpt is read, though what was written fails
    sure: float = 0.95
    # The least probability to write an answer at; set by hand, lower than NoMIRACL would have it
    answerable: float = 0.13
    # The correctness below which an answer is shown as unsure
    doubtful: float = 0.55
    # The probability from which on a sentence of another language is quoted that the model put too
    # freely to be verified, and the closest sentence where its words rest on nothing
    paraphrased: float = 0.15
    closest: float = 0.25
    # The odds of "yes" of such a sentence read alone from which on it is quoted, and from which on
    # it is quoted with a likelier one that it stands beside; what is written from an excerpt that
    # is less likely to answer than `doubted` must rest on such a one too
    told: float = 0.1
    doubted: float = 0.5
    told_beside: float = 0.5
    # The model's probability that a source of another language, or one whose words the sentence
    # adds to, states it, for it to be supported, whatever the likeness of their words; the most it
    # is supported then, as one in ten isn't quite what its source says
    stated: float = 0.8
    foreign_support: float = 0.7
    # The support from which on a foreign sentence is quoted for one that it doesn't hold surely;
    # the odds of "yes" from which on no other excerpt is read then
    nearly: float = 0.4
    understood: float = 0.9
    # The support from which on a translation of a quotation is shown, and what it is shown with:
    # not as supported, for a word may be wrong
    translated: float = 0.9
    translated_support: float = 0.4
    # The most that a sentence is supported which isn't verified, or points back to such a one
    unstated_support: float = 0.3


THRESHOLDS = Thresholds()


def answerable(evidence: Evidence) -> float:
    """The probability that the excerpt answers."""
    return _logistic(_ANSWERABLE, evidence)


def relevance(evidence: Evidence) -> float:
    """The probability that, of the excerpts found, this one answers, where any does.

    It tells excerpts apart better than `answerable`, and is too sure where none answers.
    """
    return _logistic(_RELEVANT, evidence)


def correctness(evidence: Evidence) -> float:
    """The probability that a verified answer which was written from the excerpt is right."""
    return _logistic(_CORRECT, evidence)


def features(evidence: Evidence) -> tuple[float, ...]:
    """What the regressions weigh: a constant, the logits of `score` and `read`, and `foreign`."""
    return (1.0, _logit(evidence.score), _logit(evidence.read), float(evidence.foreign))


def _logistic(weights: tuple[float, ...], evidence: Evidence) -> float:
    values = zip(weights, features(evidence), strict=True)
    return 1 / (1 + exp(-sum(weight * value for weight, value in values)))


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return log(bounded / (1 - bounded))
