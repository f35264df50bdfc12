"""Qwen2 with frozen weights, read from a GGUF file, whose keys and values of the instruction are
given from outside.

The program's own tokenizer and weights, in plain torch: `transformers` can't stop halfway, leave
out tokens that nobody needs or multiply in 8 bits. `tests/test_train.py` compares the logits with
llama.cpp's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from train.quantized import Int8Linear

Linear = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Shape:
    """The sizes of a model."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    theta: float
    epsilon: float

    @property
    def width(self) -> int:
        """Numbers of a key."""
        return self.hidden // self.heads


@dataclass(frozen=True)
class Pack:
    """Tokens that are read at once, after the prefix.

    `ids` and `positions` are (tokens,) int64, positions counted from the prefix's first token;
    `sees` is (tokens, tokens) bool, which tokens each may attend to.
    """

    ids: Tensor
    positions: Tensor
    sees: Tensor

    def to(self, device: str) -> "Pack":
        """The same on a device."""
        return Pack(self.ids.to(device), self.positions.to(device), self.sees.to(device))


@dataclass(frozen=True)
class Layer:
    """The frozen weights of one layer."""

    norm: Tensor
    qkv: Linear
    output: Linear
    feed_norm: Tensor
    gate_up: Linear
    down: Linear


@dataclass(frozen=True)
class _Given:
    """What is the same for all layers of a run; see `Model.run`. `turn` are cosines and sines."""

    sees: Tensor
    turn: tuple[Tensor, Tensor]
    prefix: Callable[[int], tuple[Tensor, Tensor]] | None
    kept: list[tuple[Tensor, Tensor]] | None
    watch: Callable[[int, str, Tensor], None] | None

    def tell(self, number: int, kind: str, inputs: Tensor) -> None:
        """Tell the watcher, if there is one, of a matrix's inputs."""
        if self.watch:
            self.watch(number, kind, inputs)


class Weights:
    """A GGUF file of a Qwen2 model; see `opened`.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        import gguf

        self.name = path.stem
        self._dequantize = gguf.quants.dequantize
        reader = gguf.GGUFReader(path)
        self._tensors = {tensor.name: tensor for tensor in reader.tensors}
        self.shape = _shape(reader)

    def read(self, name: str) -> Tensor:
        """A tensor in float32."""
        tensor = self._tensors[name]
        return _float32(self._dequantize(tensor.data, tensor.tensor_type))

    def rows(self, name: str, rows: Tensor) -> Tensor:
        """(rows, columns) float32, some rows of a matrix."""
        tensor = self._tensors[name]
        return _float32(self._dequantize(tensor.data[rows.cpu().numpy()], tensor.tensor_type))


@cache
def opened(path: Path) -> Weights:
    """The weights of a file, opened once a process: its list of tokens takes seconds to read."""
    return Weights(path)


class Model:
    """A frozen model on a device.

    Args:
        source: the open file.
        device: where it computes.
        outliers: for each layer and kind of matrix the input channels that are far larger than
            others; where they are given, layers multiply in 8 bits (on the processor only).
        trained_from: the first layer through which gradients go.
        layers: the layers to load; all where None.
    """

    def __init__(
        self,
        source: "Weights",
        *,
        device: str = "cpu",
        outliers: Sequence[dict[str, Tensor]] | None = None,
        trained_from: int = 0,
        layers: range | None = None,
    ) -> None:
        self.device, self._source, self.shape = device, source, source.shape
        self.layers = {
            number: self._layer(
                number, outliers[number] if outliers else None, backward=number >= trained_from
            )
            for number in layers or range(self.shape.layers)
        }
        self._norm = self._read("output_norm.weight")
        size = self.shape.width
        self._frequencies = self.shape.theta ** -(torch.arange(0, size, 2, device=device) / size)

    def embedded(self, ids: Tensor) -> Tensor:
        """(tokens, hidden) of token ids."""
        return self._source.rows("token_embd.weight", ids).to(self.device)

    def output(self, vocabulary: Tensor) -> Tensor:
        """(vocabulary, hidden) the output weights of these tokens."""
        return self._source.rows("output.weight", vocabulary).to(self.device)

    def normed(self, hidden: Tensor) -> Tensor:
        """What the output weights are multiplied with."""
        return F.rms_norm(hidden, (self.shape.hidden,), self._norm, self.shape.epsilon)

    def run(
        self,
        hidden: Tensor,
        pack: Pack,
        prefix: Callable[[int], tuple[Tensor, Tensor]] | None,
        layers: range,
        *,
        wanted: Tensor | None = None,
        kept: list[tuple[Tensor, Tensor]] | None = None,
        watch: Callable[[int, str, Tensor], None] | None = None,
    ) -> Tensor:
        """The hidden states (tokens, hidden) after these layers.

        Args:
            hidden: (tokens, hidden) before the first of them.
            pack: the tokens.
            prefix: gives a layer's keys and values (kv_heads, prefix, width) of the instruction;
                None where there is none.
            layers: which to run.
            wanted: the tokens whose states are needed after the last of them; all where None.
            kept: a list to which each layer's own keys and values (kv_heads, tokens, width) are
                added.
            watch: told each layer's inputs to its matrices, by name.
        """
        angles = pack.positions[:, None] * self._frequencies
        turn = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
        given = _Given(pack.sees, turn, prefix, kept, watch)
        for number in layers:
            only = wanted if number == layers[-1] else None
            hidden = self._run_layer(number, hidden, given, only)
        return hidden

    def _run_layer(
        self, number: int, hidden: Tensor, given: "_Given", wanted: Tensor | None
    ) -> Tensor:
        layer, shape = self.layers[number], self.shape
        x = F.rms_norm(hidden, (shape.hidden,), layer.norm, shape.epsilon)
        given.tell(number, "qkv", x)
        sizes = [shape.hidden, shape.kv_heads * shape.width, shape.kv_heads * shape.width]
        q, k, v = (
            part.view(len(x), -1, shape.width).transpose(0, 1)
            for part in torch.split(layer.qkv(x), sizes, -1)
        )
        q, k = _turned(q, given.turn), _turned(k, given.turn)
        if given.kept is not None:
            given.kept.append((k, v))
        sees = given.sees
        if wanted is not None:
            q, sees, hidden = q[:, wanted], sees[wanted], hidden[wanted]
        if given.prefix:
            before = given.prefix(number)
            k, v = torch.cat([before[0], k], 1), torch.cat([before[1], v], 1)
            sees = F.pad(sees, (before[0].shape[1], 0), value=True)
        mask = torch.zeros(sees.shape, device=sees.device).masked_fill_(~sees, -torch.inf)
        group = shape.heads // shape.kv_heads
        mixed = F.scaled_dot_product_attention(
            q[None],
            k.repeat_interleave(group, 0)[None],
            v.repeat_interleave(group, 0)[None],
            attn_mask=mask,
        )[0]
        mixed = mixed.transpose(0, 1).reshape(len(hidden), -1)
        hidden = hidden + layer.output(mixed)
        x = F.rms_norm(hidden, (shape.hidden,), layer.feed_norm, shape.epsilon)
        gate, up = layer.gate_up(x).chunk(2, -1)
        inner = F.silu(gate) * up
        given.tell(number, "output", mixed)
        given.tell(number, "gate_up", x)
        given.tell(number, "down", inner)
        return hidden + layer.down(inner)

    def _layer(self, number: int, outliers: dict[str, Tensor] | None, *, backward: bool) -> Layer:
        def linear(kind: str, *names: str, bias: bool = False) -> Linear:
            places = [f"blk.{number}.{name}" for name in names]
            weight = torch.cat([self._read(f"{place}.weight") for place in places])
            added = torch.cat([self._read(f"{place}.bias") for place in places]) if bias else None
            if outliers:
                return Int8Linear(weight, added, outliers[kind], backward=backward)
            return lambda x: F.linear(x, weight, added)

        return Layer(
            self._read(f"blk.{number}.attn_norm.weight"),
            linear("qkv", "attn_q", "attn_k", "attn_v", bias=True),
            linear("output", "attn_output"),
            self._read(f"blk.{number}.ffn_norm.weight"),
            linear("gate_up", "ffn_gate", "ffn_up"),
            linear("down", "ffn_down"),
        )

    def _read(self, name: str) -> Tensor:
        return self._source.read(name).to(self.device)


def _float32(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32))


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions: (heads, tokens, width)."""
    first, second = x.chunk(2, -1)
    return x * turn[0] + torch.cat([-second, first], -1) * turn[1]


def _shape(reader: Any) -> Shape:
    def value(name: str) -> Any:
        return reader.fields[f"qwen2.{name}"].contents()

    return Shape(
        value("block_count"),
        value("embedding_length"),
        value("attention.head_count"),
        value("attention.head_count_kv"),
        value("rope.freq_base"),
        value("attention.layer_norm_rms_epsilon"),
    )
