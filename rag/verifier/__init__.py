"""Whether a sentence of an answer stands up to its sources."""
