"""BERT from a sentence-transformers folder, by torch alone: the library's imports take ten seconds.

Only what the default vector model and its kin are: BERT, the mean of its tokens, unit length.
`of` says None of every other model, which sentence-transformers runs.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional

_MEAN = ("pooling_mode_mean_tokens", "word_embedding_dimension", "include_prompt")
_ONE = torch.ones(1, 1, dtype=torch.bool)


class Bert:
    """The network; see `of`.

    Attributes:
        most: tokens that it reads of a text.
        prompts: the prefixes that the folder names.
        padding: the token that fills up shorter texts.
    """

    def __init__(self, folder: Path, config: dict[str, Any], device: torch.device) -> None:
        own = _json(folder / "config_sentence_transformers.json")
        self.prompts: dict[str, str] = own.get("prompts") or {}
        most = _json(folder / "sentence_bert_config.json").get("max_seq_length")
        self.most = int(most or config["max_position_embeddings"])
        self.padding = int(config["pad_token_id"])
        self._layers, self._heads = config["num_hidden_layers"], config["num_attention_heads"]
        self._tiny: float = config["layer_norm_eps"]
        tensors = load_file(folder / "model.safetensors")
        self._tensors = {name: tensor.to(device) for name, tensor in tensors.items()}

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The vectors (n, d), not yet of unit length, and tokens (n, t, d) of ids (n, t).

        `mask` (n, t) is True at the texts' own tokens.
        """
        words, places, kinds = (
            self._tensors[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        tokens = self._norm(words[ids] + places[: ids.shape[1]] + kinds[0], "embeddings.LayerNorm")
        for layer in range(self._layers):
            tokens = self._layer(tokens, mask[:, None, None, :], f"encoder.layer.{layer}")
        weights = mask.unsqueeze(-1).to(tokens.dtype)
        return (tokens * weights).sum(1) / weights.sum(1), tokens

    def _layer(self, tokens: torch.Tensor, mask: torch.Tensor, name: str) -> torch.Tensor:
        apart = (*tokens.shape[:2], self._heads, -1)
        query, key, value = (
            self._linear(tokens, f"{name}.attention.self.{part}").view(apart).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        read = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        read = self._linear(read.transpose(1, 2).flatten(2), f"{name}.attention.output.dense")
        tokens = self._norm(tokens + read, f"{name}.attention.output.LayerNorm")
        inner = functional.gelu(self._linear(tokens, f"{name}.intermediate.dense"))
        outer = self._linear(inner, f"{name}.output.dense")
        return self._norm(tokens + outer, f"{name}.output.LayerNorm")

    def _linear(self, tokens: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(tokens, *self._pair(name))

    def _norm(self, tokens: torch.Tensor, name: str) -> torch.Tensor:
        return functional.layer_norm(tokens, tokens.shape[-1:], *self._pair(name), self._tiny)

    def _pair(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        return self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]


def of(folder: Path, device: torch.device) -> Bert | None:
    """The network of a folder, or None where it is another's or can't be read."""
    try:
        config = _json(folder / "config.json")
        if not _is_plain(folder, config):
            return None
        network = Bert(folder, config, device)
        with torch.inference_mode():
            network(torch.zeros(1, 1, dtype=torch.int64, device=device), _ONE.to(device))
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError):
        return None  # sentence-transformers says what is wrong, or can read it
    return network


def _is_plain(folder: Path, config: dict[str, Any]) -> bool:
    modules = [each["type"].rsplit(".", 1)[1] for each in _json(folder / "modules.json")]
    pooling = _json(folder / "1_Pooling" / "config.json")
    set_else = {name for name, value in pooling.items() if value and name not in _MEAN}
    return (
        modules[:2] == ["Transformer", "Pooling"]
        and modules[2:] in ([], ["Normalize"])
        and bool(pooling.get("pooling_mode_mean_tokens"))
        and not set_else
        and config["model_type"] == "bert"
        and config["hidden_act"] == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not _json(folder / "sentence_bert_config.json").get("do_lower_case")
        and (folder / "tokenizer.json").is_file()
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
