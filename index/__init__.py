"""From documents to passages, vectors and words in one store."""
