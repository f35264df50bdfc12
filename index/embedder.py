"""Texts to vectors, one a text and one a token, from one run of a sentence-transformers model.

The default model is run by `index.bert`, every other by the library itself.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import UserError

_TOKENS_AT_ONCE = 1024  # padded tokens in a batch: more fall out of the cache of small processors
_MOST_TOKENS = 512  # of a text, where the model doesn't say
_KEPT = 16  # queries
_ALONE = 64  # padded tokens up to which one core is as quick as two that wait for each other


@dataclass(frozen=True)
class Encoded:
    """What the model makes of one text.

    `vector` is (d,) float32 of unit length; `tokens` (t, d) float32, the last layer at the text's
    own tokens (the prefix and the markers left out); `spans` (t, 2) int32, their code points in the
    text. A text longer than the model reads ends early: `spans[-1, 1] < len(text)`.
    """

    vector: NDArray[np.float32]
    tokens: NDArray[np.float32]
    spans: NDArray[np.int32]


class Embedder:
    """A sentence-transformers model, told queries from documents by the prefix of each.

    Prefixes are the model's own prompts ("query", "passage" or "document"); the E5 family has them
    by name. Safe to use from several threads: one batch goes through at a time.

    Args:
        model: a folder, or the id of a model on the Hub.
        threads: for the processor; torch's choice where None.

    Attributes:
        dimension: of the vectors.
        fingerprint: the same only where all vectors are: the model's name, a hash of its weights
            and configuration, prefixes, and how many tokens of a text are read.
        former: the fingerprints that earlier versions gave this model.

    Raises:
        UserError: `embedder_unusable`, no such model, or no sentence-transformers model.
    """

    def __init__(self, model: str, *, threads: int | None = None) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        with ThreadPoolExecutor(1) as beside:  # hashing takes no longer than the imports
            hashing = beside.submit(names_of, model) if Path(model).is_dir() else None
            self._load(model, threads)
        names = hashing.result() if hashing else names_of(model)
        self._lock = threading.Lock()
        self._asked: dict[str, Encoded] = {}  # the last queries: one is read for several purposes
        self._tokenizing = threading.Lock()  # truncation and padding are state of the tokenizer
        prompts = self._network.prompts
        is_e5 = "e5" in Path(model).name.lower()
        self._query = prompts.get("query") or ("query: " if is_e5 else "")
        document = prompts.get("passage") or prompts.get("document")
        self._document = document or ("passage: " if is_e5 else "")
        self._most = min(self._network.most, 8192)
        self.dimension = self._encode_batch([""], 0)[0].vector.size
        settings = f"{self._query}|{self._document}|{self._most}"
        self.fingerprint, *self.former = [f"{name}|{settings}" for name in names]

    def embed_queries(self, texts: Sequence[str]) -> list[Encoded]:
        """Questions and other texts that search. See `embed_chunks`."""
        known = self._asked
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known = known | dict(zip(new, self._encode(new, self._query, None), strict=True))
        self._asked = dict(list(known.items())[-_KEPT:])
        return [known[text] for text in texts]

    def embed_chunks(
        self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None
    ) -> list[Encoded]:
        """Texts that are searched, in the order given.

        Args:
            texts: of any length.
            progress: called with how many texts are done, and how many there are.
        """
        return self._encode(texts, self._document, progress)

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, prefix and markers left out."""
        if not texts:
            return []
        with self._tokenizing:
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            encoded = self._tokenizer.encode_batch(
                [_whole(text) for text in texts], add_special_tokens=False
            )
        return [len(each.ids) for each in encoded]

    def _load(self, model: str, threads: int | None) -> None:
        import torch
        from tokenizers import Tokenizer

        from index import bert

        if threads:
            torch.set_num_threads(threads)
        self._torch = torch
        self._threads: int = torch.get_num_threads()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network: Any
        if plain := bert.of(Path(model), self._device):
            self._network = plain
            self._tokenizer: Any = Tokenizer.from_file(str(Path(model) / "tokenizer.json"))
        else:
            self._network = _Library(model, self._device.type)
            self._tokenizer = self._network.tokenizer
        # On a processor that multiplies bfloat16: twice as fast, cosine to float32 above 0.999.
        native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        self._half = self._device.type != "cpu" or bool(native())

    def _encode(
        self, texts: Sequence[str], prefix: str, progress: Callable[[int, int], None] | None
    ) -> list[Encoded]:
        encoded: dict[int, Encoded] = {}
        for numbers in self._batches(texts):
            batch = [prefix + _whole(texts[number]) for number in numbers]
            encoded |= zip(numbers, self._encode_batch(batch, len(prefix)), strict=True)
            if progress:
                progress(len(encoded), len(texts))
        return [encoded[number] for number in range(len(texts))]

    def _encode_batch(self, texts: list[str], prefix: int) -> list[Encoded]:
        """What the model makes of texts that begin with a prefix of this length."""
        with self._tokenizing:
            self._tokenizer.enable_truncation(self._most)
            self._tokenizer.enable_padding(pad_id=self._network.padding)
            inputs = self._tokenizer.encode_batch(texts)
        special = np.array([each.special_tokens_mask for each in inputs], bool)
        device, torch = self._device, self._torch
        ids = torch.tensor([each.ids for each in inputs], device=device)
        mask = torch.tensor([each.attention_mask for each in inputs], device=device).bool()
        with (
            self._lock,
            self._cores(special.size),
            torch.inference_mode(),
            torch.autocast(device.type, torch.bfloat16, enabled=self._half),
        ):
            found = self._network(ids, mask)
        vectors, tokens = (each.float().cpu().numpy() for each in found)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        encoded = []
        for row, each in enumerate(inputs):
            offsets = np.array(each.offsets, np.int32)
            own = ~special[row] & (offsets[:, 1] > prefix)
            spans = np.clip(offsets[own] - prefix, 0, None)
            encoded.append(Encoded(vectors[row], tokens[row][own], spans))
        return encoded

    @contextmanager
    def _cores(self, tokens: int) -> Iterator[None]:
        """One core for a batch as short as a question, all for others."""
        self._torch.set_num_threads(1 if tokens <= _ALONE else self._threads)
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


class _Library:
    """Any model, as sentence-transformers runs it; called as `index.bert.Bert` is."""

    def __init__(self, model: str, device: str) -> None:
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        local = Path(model).is_dir()
        try:
            self._model: Any = SentenceTransformer(
                model, device=device, trust_remote_code=False, local_files_only=local
            )
        except (OSError, ValueError, SafetensorError) as error:
            reason = str(error).splitlines()[0]
            raise UserError("embedder_unusable", model=model, reason=reason) from error
        self.tokenizer = self._model.tokenizer.backend_tokenizer
        self.padding = int(self._model.tokenizer.pad_token_id or 0)
        self.prompts = dict(self._model.prompts)
        self.most = int(self._model.max_seq_length or _MOST_TOKENS)

    def __call__(self, ids: Any, mask: Any) -> tuple[Any, Any]:
        out = self._model({"input_ids": ids, "attention_mask": mask.long()})
        return out["sentence_embedding"], out["token_embeddings"]


def names_of(model: str) -> list[str]:
    """What tells a model from every other: its name and a hash; then what earlier versions said."""
    folder = Path(model)
    if folder.is_dir():
        return [f"{folder.name}:{_digest(folder)}", f"{folder.name}:{_former_digest(folder)}"]
    from huggingface_hub import try_to_load_from_cache

    # The snapshots of the Hub's cache are named by what they hold.
    cached = try_to_load_from_cache(model, "config.json")
    return [f"{model}@{Path(cached).parent.name}", model] if isinstance(cached, str) else [model]


def _digest(folder: Path) -> str:
    """A hash of a model's weights and configuration, but for the tokenizer's, whose form varies."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    digest = hashlib.sha256()
    for name in names:
        path = folder / name
        if path.suffix in (".json", ".safetensors", ".bin") and not path.name.startswith("token"):
            with path.open("rb") as file:
                digest.update(f"{name}\n".encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _former_digest(folder: Path) -> str:
    """The hash of version 0.1, of the configuration and of the size of the weights."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.json")):
        if path.name != "tokenizer.json":
            digest.update(path.read_bytes())
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(f"{path.name}{path.stat().st_size}".encode())
    return digest.hexdigest()[:12]


def _whole(text: str) -> str:
    """The text with lone surrogates, which no tokenizer takes, as question marks."""
    return text.encode("utf-8", "replace").decode()
