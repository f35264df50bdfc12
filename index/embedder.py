"""Texts to vectors: one a text, and one a token, from a single run of any sentence-transformers model."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import UserError

_TOKENS_AT_ONCE = (
    1024  # padded tokens in a batch: larger ones fall out of the cache of small processors
)
_MOST_TOKENS = 512
_ALONE = 64  # padded tokens up to which one core is as quick as two that wait for each other, and leaves the other one free


@dataclass(frozen=True)
class Encoded:
    """What the model makes of one text.

    `vector` is (d,) float32 of unit length; `tokens` (t, d) float32, the last layer at the text's own tokens (the
    prefix and the markers left out); `spans` (t, 2) int32, their code points in the text. A text longer than the model
    reads ends early: `spans[-1, 1] < len(text)`.
    """

    vector: NDArray[np.float32]
    tokens: NDArray[np.float32]
    spans: NDArray[np.int32]


class Embedder:
    """A sentence-transformers model by folder or Hub id, told queries from passages.

    Prefixes come from the model's own prompts ("query", "passage" or "document"); the E5 family has them by name.
    Safe to use from several threads: one batch goes through at a time.

    Args:
        model: a folder, or the id of a model on the Hub.
        threads: for the processor; torch's choice where None.

    Raises:
        UserError: `embedder_unusable`, no such model, or no sentence-transformers model.
    """

    def __init__(self, model: str, *, threads: int | None = None) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        if threads:
            torch.set_num_threads(threads)
        local = Path(model).is_dir()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self._model: Any = SentenceTransformer(
                model, device=device, trust_remote_code=False, local_files_only=local
            )
        except (OSError, ValueError) as error:
            raise UserError(
                "embedder_unusable", model=model, reason=str(error).splitlines()[0]
            ) from error
        self._torch = torch
        self._threads: int = torch.get_num_threads()
        self._lock = threading.Lock()
        self._tokenizing = threading.Lock()  # truncation and padding are state of the tokenizer
        prompts = dict(self._model.prompts)
        is_e5 = "e5" in Path(model).name.lower()
        self._query = prompts.get("query") or ("query: " if is_e5 else "")
        self._passage = (
            prompts.get("passage") or prompts.get("document") or ("passage: " if is_e5 else "")
        )
        self._most = min(self._model.max_seq_length or _MOST_TOKENS, 8192)
        self._half = self._wants_half()
        self.dimension: int = self._model.get_embedding_dimension()
        name = f"{Path(model).name}:{_digest(Path(model))}" if local else model
        self.fingerprint = f"{name}|{self._query}|{self._passage}|{self._most}"

    def embed_queries(self, texts: Sequence[str]) -> list[Encoded]:
        """Questions and other texts that search. See `embed_chunks`."""
        return self._encode(texts, self._query, None)

    def embed_chunks(
        self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None
    ) -> list[Encoded]:
        """Texts that are searched, in the order given. `progress` is told (texts done, texts in all)."""
        return self._encode(texts, self._passage, progress)

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, prefix and markers left out."""
        if not texts:
            return []
        tokenizer = self._model.tokenizer
        with self._tokenizing:
            encoded = tokenizer(
                [_whole(text) for text in texts],
                add_special_tokens=False,
                truncation=False,
                verbose=False,
            )
        return [len(ids) for ids in encoded["input_ids"]]

    def _wants_half(self) -> bool:
        """Whether the processor multiplies bfloat16 natively: twice as fast, cosine to float32 above 0.999."""
        if self._model.device.type != "cpu":
            return True
        capability = getattr(self._torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        return bool(capability())

    def _encode(
        self, texts: Sequence[str], prefix: str, progress: Callable[[int, int], None] | None
    ) -> list[Encoded]:
        if not texts:
            return []
        torch = self._torch
        batches = self._batches(texts)
        encoded: dict[int, Encoded] = {}
        for numbers in batches:
            with self._tokenizing:
                inputs = self._model.tokenizer(
                    [prefix + _whole(texts[number]) for number in numbers],
                    padding=True,
                    truncation=True,
                    max_length=self._most,
                    return_offsets_mapping=True,
                    return_special_tokens_mask=True,
                    return_tensors="pt",
                )
            offsets = inputs.pop("offset_mapping").numpy()
            special = inputs.pop("special_tokens_mask").numpy().astype(bool)
            features = {name: value.to(self._model.device) for name, value in inputs.items()}
            with (
                self._lock,
                self._cores(special.size),
                torch.inference_mode(),
                torch.autocast(self._model.device.type, torch.bfloat16, enabled=self._half),
            ):
                out = self._model(features)
            vectors = out["sentence_embedding"].float().cpu().numpy()
            tokens = out["token_embeddings"].float().cpu().numpy()
            for row, number in enumerate(numbers):
                own = ~special[row] & (offsets[row, :, 1] > len(prefix))
                spans = np.clip(offsets[row][own] - len(prefix), 0, None).astype(np.int32)
                vector = vectors[row] / max(float(np.linalg.norm(vectors[row])), 1e-12)
                encoded[number] = Encoded(
                    vector.astype(np.float32),
                    tokens[row][own].astype(np.float32, copy=False),
                    spans,
                )
            if progress:
                progress(len(encoded), len(texts))
        return [encoded[number] for number in range(len(texts))]

    @contextmanager
    def _cores(self, tokens: int) -> Iterator[None]:
        """One core for a batch as short as a question, all for others."""
        if tokens > _ALONE:
            yield
            return
        self._torch.set_num_threads(1)
        try:
            yield
        finally:
            self._torch.set_num_threads(self._threads)

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        """Numbers of the texts in batches of like length, so that little is padding."""
        lengths = [min(count + 8, self._most) for count in self.count(texts)]
        batches: list[list[int]] = []
        for number in sorted(range(len(texts)), key=lengths.__getitem__, reverse=True):
            if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= _TOKENS_AT_ONCE:
                batches[-1].append(number)
            else:
                batches.append([number])
        return batches


def _whole(text: str) -> str:
    """The text with half characters (lone surrogates, which no tokenizer takes) as question marks, spans unchanged."""
    return text.encode("utf-8", "replace").decode()


def _digest(folder: Path) -> str:
    """Tells two models of the same name apart: their configuration and the size of their weights."""
    facts = hashlib.sha256()
    for path in sorted(folder.glob("*.json")):
        if path.name != "tokenizer.json":
            facts.update(path.read_bytes())
    facts.update(
        "".join(
            f"{path.name}{path.stat().st_size}" for path in sorted(folder.glob("*.safetensors"))
        ).encode()
    )
    return facts.hexdigest()[:12]
