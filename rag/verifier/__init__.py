"""Whether a sentence of an answer stands up to its sources."""

from rag.verifier.citations import Citation, Sentence, cite, space_before
from rag.verifier.clauses import reason
from rag.verifier.statements import Outcome
from rag.verifier.support import SUPPORTED, Sources, Verdict, Verifier, is_saying

__all__ = [
    "SUPPORTED",
    "Citation",
    "Outcome",
    "Sentence",
    "Sources",
    "Verdict",
    "Verifier",
    "cite",
    "is_saying",
    "reason",
    "space_before",
]
