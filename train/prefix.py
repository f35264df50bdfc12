"""The keys and values of the instruction: as the untrained model makes them, and as they are
trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from train.model import Model, Pack, Weights

_UNLIKE = 16  # the first tokens, whose activations are huge and like no others
_OUTLIERS = 0.004  # the share of a matrix's input channels that are multiplied in float32


@dataclass(frozen=True)
class Untrained:
    """What the untrained model makes of the instruction.

    `keys` and `values` are (layers, kv_heads, tokens, width) float32, keys with their positions;
    `outliers` tells for each layer and kind of matrix the input channels that are far larger than
    the others, (channels,) int64.
    """

    tokens: list[int]
    keys: Tensor
    values: Tensor
    outliers: list[dict[str, Tensor]]


def untrained(source: Weights, tokens: Sequence[int], work: Path) -> Untrained:
    """Read the instruction once in float32, a layer at a time, and keep the result in the work
    folder.

    Args:
        source: the model's file.
        tokens: of the instruction.
        work: the folder.
    """
    file = work / f"untrained-{source.name}.pt"
    if file.exists():
        kept = torch.load(file)
        if kept["tokens"] == list(tokens):
            return Untrained(**kept)
    ids = torch.tensor(tokens)
    pack = Pack(ids, torch.arange(len(ids)), torch.ones(len(ids), len(ids)).tril().bool())
    made: list[tuple[Tensor, Tensor]] = []
    outliers: list[dict[str, Tensor]] = []

    def watch(number: int, kind: str, inputs: Tensor) -> None:
        peaks = inputs[_UNLIKE:].abs().amax(0)
        most = max(4, int(_OUTLIERS * len(peaks)))
        outliers[number][kind] = peaks.topk(most).indices.sort().values

    hidden = None
    with torch.no_grad():
        for number in range(source.shape.layers):
            model = Model(source, layers=range(number, number + 1))
            hidden = model.embedded(ids) if hidden is None else hidden
            outliers.append({})
            hidden = model.run(
                hidden, pack, None, range(number, number + 1), kept=made, watch=watch
            )
    keys, values = (torch.stack([pair[place] for pair in made]) for place in (0, 1))
    result = Untrained(list(tokens), keys, values, outliers)
    work.mkdir(parents=True, exist_ok=True)
    torch.save(vars(result), file)
    return result


class Prefix(nn.Module):
    """The instruction's keys and values, with a trained difference from `first` on, in units of
    each layer's spread.

    Args:
        start: the untrained ones.
        first: the first layer that is trained.
    """

    def __init__(self, start: Untrained, first: int) -> None:
        super().__init__()
        self.first, self._layers = first, len(start.keys)
        for name, made in (("keys", start.keys), ("values", start.values)):
            self.register_buffer(name, made, persistent=False)
            spread = made.std(dim=(1, 2), keepdim=True)
            self.register_buffer(f"{name}_spread", spread, persistent=False)
            setattr(self, f"{name}_moved", nn.Parameter(torch.zeros_like(made[first:])))

    def layer(self, number: int) -> tuple[Tensor, Tensor]:
        """Keys and values of a layer, (kv_heads, tokens, width) each."""
        return self._now("keys", number), self._now("values", number)

    def take(self, keys: Tensor, values: Tensor) -> None:
        """Begin from a prefix that was trained before, (layers, tokens, kv_heads x width) each."""
        for name, flat in (("keys", keys), ("values", values)):
            base: Tensor = getattr(self, name)
            heads, width = base.shape[1], base.shape[3]
            made = flat.float().unflatten(2, (heads, width)).transpose(1, 2)
            spread: Tensor = getattr(self, f"{name}_spread")
            moved: nn.Parameter = getattr(self, f"{name}_moved")
            moved.data.copy_(((made - base.cpu()) / spread.cpu())[self.first :])

    def all(self) -> tuple[Tensor, Tensor]:
        """Keys and values of all layers, (layers, kv_heads, tokens, width) each."""
        pairs = [self.layer(number) for number in range(self._layers)]
        return torch.stack([keys for keys, _ in pairs]), torch.stack([each for _, each in pairs])

    def _now(self, name: str, number: int) -> Tensor:
        base: Tensor = getattr(self, name)[number]
        if number < self.first:
            return base
        spread: Any = getattr(self, f"{name}_spread")[number]
        return base + spread * getattr(self, f"{name}_moved")[number - self.first]
