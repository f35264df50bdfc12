"""Questions to generators, and what counts the tokens that they read."""

from pathlib import Path

import pytest

from index.models.catalogue import SMALL_GENERATOR
from rag.llm.base import Generator, Message
from rag.llm.llama_cpp import LlamaCpp

CAPITAL = [Message("user", "What is the capital of France? Answer with the name only.")]
COUNT = [Message("user", "Count from 1 to 200, one number a line, without stopping.")]
YES_NO = [Message("user", "Is Paris the capital of France? Answer yes or no.")]
LONG = [Message("user", "Il était une fois un port en Bretagne. " * 250)]


def small_model(home: Path) -> Path:
    """The file of the 0.5B model."""
    return home / "weights" / SMALL_GENERATOR.name


def tokens_read(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the number of tokens of each run of the model."""
    read: list[int] = []
    if isinstance(generator, LlamaCpp):
        run = generator._scheduler._run
        monkeypatch.setattr(
            generator._scheduler,
            "_run",
            lambda batch, jobs: (read.append(batch.n_tokens), run(batch, jobs))[1],
        )
    else:
        forward = generator._model.forward
        monkeypatch.setattr(
            generator._model,
            "forward",
            lambda input_ids, **k: (
                read.append(input_ids.shape[1]),
                forward(input_ids=input_ids, **k),
            )[1],
        )
    return read
