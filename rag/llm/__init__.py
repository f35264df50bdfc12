"""The language models that write answers: one contract, one file a backend."""
