"""What is asked, what is answered, and the events in between."""

from dataclasses import dataclass

from rag.confidence import THRESHOLDS, Evidence, correctness
from rag.retriever import Hit
from rag.verifier import Sentence


@dataclass(frozen=True)
class Turn:
    """One earlier exchange.

    `answer` may be empty where only the questions are known, `sentences` with their citations where
    only its text is.
    """

    question: str
    answer: str = ""
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True)
class Timings:
    """Seconds from the question to the end of retrieval, to the first word and to the end."""

    retrieval: float
    first_token: float
    total: float
    tokens: int  # that the model wrote


_UNKNOWN = Evidence()


@dataclass(frozen=True)
class Answer:
    """The whole answer."""

    question: str
    answer: str
    language: str  # "fr" or "en", of the answer
    answerable: float  # the probability (0..1) that the documents hold one
    refused: bool  # whether it says that they don't
    sentences: tuple[Sentence, ...]
    passages: tuple[Hit, ...]  # that were read, best first
    timings: Timings
    evidence: Evidence = _UNKNOWN  # of the excerpt that it was written from

    @property
    def doubtful(self) -> bool:
        """Whether the documents may well not answer, though some words of theirs are shown."""
        written = self.evidence.read > 0 and not self.refused
        return written and correctness(self.evidence) < THRESHOLDS.doubtful


@dataclass(frozen=True)
class Searching:
    """The question is understood and the search begins."""

    language: str


@dataclass(frozen=True)
class Found:
    """What the search found, best first."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Reading:
    """An excerpt is being read, of so many that an answer over several rests on."""

    number: int
    count: int


@dataclass(frozen=True)
class Redrafting:
    """What was written so far is dropped; the text begins anew."""


@dataclass(frozen=True)
class Delta:
    """A piece of the text as it is written."""

    text: str


@dataclass(frozen=True)
class Grounded:
    """A finished sentence with what supports it."""

    sentence: Sentence


@dataclass(frozen=True)
class Finished:
    """The answer as it stands; its text may differ from the deltas where a repair was needed."""

    answer: Answer


Event = Searching | Found | Reading | Redrafting | Delta | Grounded | Finished
