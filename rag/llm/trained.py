"""Trained prefixes: keys and values in place of an instruction's own, for one model and its tokens.

A prefix is a safetensors file with two tensors of shape (layers, tokens, width), `keys` and
`values`: what llama.cpp would keep in its cache after reading the tokens. Keys are rotated, and
`width` is all key/value heads of a token side by side. They are float16, or uint8 with two more
float32 tensors each, `keys_scale`, `keys_offset`, `values_scale`, `values_offset`, that broadcast
to the shape: number = byte x scale + offset. Its metadata, all strings, are

    format    "cocorico-prefix-1"
    model     the SHA-256 of the GGUF file, in hexadecimal digits
    tokens    a JSON list of token ids, as `LlamaCpp.prefix(prompts.instruction())` gives them

A file is taken up from `FOLDER` if SHA256SUMS there (as `sha256sum *.safetensors` prints it) has
its checksum. One that is damaged is ignored with a warning, one for another model silently. A
prompt that begins with the tokens then starts after these keys and values; the tokens are never
read. Any other prompt is read as it is.
"""

import hashlib
import json
import logging
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.llm.prefix_cache import GROUP

FORMAT = "cocorico-prefix-1"
FOLDER = Path(__file__).parent / "prefixes"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class TrainedPrefix:
    """Keys and values, (layers, tokens, width) float16, for `tokens`; `sha256` is the file's."""

    tokens: list[int]
    keys: NDArray[np.float16]
    values: NDArray[np.float16]
    sha256: str

    def state(self) -> bytes:
        """The prefix as a sequence state of llama.cpp b9190 (flash attention, float16 cache).

        Source: `state_seq_write_data` in llama-context.cpp, `state_write` in llama-kv-cache.cpp.
        llama.cpp refuses a state whose magic number, type or counts aren't its own.
        """
        layers, count, width = self.keys.shape
        cells = np.array([(position, 1, 0) for position in range(count)], "<i4")
        parts = [struct.pack("<IiII", 0xAF143CD8, 0, 1, count), cells.tobytes()]
        parts.append(struct.pack("<II", 0, layers))
        for layer in (*self.keys, *self.values):
            parts += [struct.pack("<iQ", 1, 2 * width), layer.astype("<f2").tobytes()]
        return b"".join(parts)


def load(folder: Path, model: str) -> list[TrainedPrefix]:
    """The prefixes in a folder for the model with this SHA-256."""
    sums = folder / "SHA256SUMS"
    listed = sums.read_text(encoding="utf-8").splitlines() if sums.is_file() else []
    prefixes = []
    for digest, name in (line.split() for line in listed):
        try:
            prefix = _read(folder / name.removeprefix("*"), digest, model)
        except Exception as error:  # whatever damage leads to, the model runs without the prefix
            _log.warning("The trained prefix %s is ignored: %s", folder / name, error)
            continue
        if prefix:
            prefixes.append(prefix)
    return prefixes


def _read(path: Path, digest: str, model: str) -> TrainedPrefix | None:
    """The prefix in a file, or None where it is for another model."""
    from safetensors import safe_open

    with path.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != digest:
        raise ValueError(f"SHA-256 {actual} instead of {digest}")
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        if metadata["format"] != FORMAT:
            raise ValueError(f"format {metadata['format']} instead of {FORMAT}")
        if metadata["model"] != model:
            return None
        tokens = [int(token) for token in json.loads(metadata["tokens"])]
        keys, values = _numbers(file, "keys"), _numbers(file, "values")
    if keys.shape != values.shape or keys.shape[1] != len(tokens) or len(tokens) % GROUP:
        raise ValueError(f"keys {keys.shape}, values {values.shape} for {len(tokens)} tokens")
    return TrainedPrefix(tokens, keys, values, digest)


def _numbers(file: Any, name: str) -> NDArray[np.float16]:
    numbers = file.get_tensor(name)
    if numbers.dtype == np.uint8:
        numbers = numbers * file.get_tensor(f"{name}_scale") + file.get_tensor(f"{name}_offset")
    return np.asarray(numbers, np.float16)
