"""Whether a sentence of an answer stands up to its sources."""

from rag.verifier.support import SUPPORTED, Citation, Sentence, Sources, Verdict, Verifier, cite

__all__ = ["SUPPORTED", "Citation", "Sentence", "Sources", "Verdict", "Verifier", "cite"]
