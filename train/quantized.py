"""A frozen linear layer in 8-bit arithmetic, forwards and backwards: twice as fast as float32 on
processors with AVX2 alone.
"""

from typing import Any

import torch
from torch import Tensor

_ENGINE = "fbgemm"
_MOST = 127.0


class Int8Linear:
    """`x @ weight.T + bias` with int8 weights (a scale a row) and activations (a scale a token,
    seven bits).

    The channels of the input that are far larger than the others are multiplied apart, in float32:
    at one scale with them the others would be rounded to nothing (LLM.int8(), arXiv 2208.07339).

    Args:
        weight: (outputs, inputs) float32, not kept.
        bias: (outputs,) float32.
        outliers: the input channels that are multiplied apart.
        backward: whether gradients with respect to the input are needed; they take as much memory
            again.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, outliers: Tensor, *, backward: bool
    ) -> None:
        self.bias, self.outliers = bias, outliers
        self.apart = weight[:, outliers].clone()
        rest = weight.clone()
        rest[:, outliers] = 0
        self.forwards = _packed(rest)
        self.backwards = _packed(weight.t().contiguous()) if backward else None

    def __call__(self, x: Tensor) -> Tensor:
        """(tokens, inputs) float32 to (tokens, outputs) float32."""
        y: Tensor = _Product.apply(x, self)  # type: ignore[no-untyped-call]
        return y if self.bias is None else y + self.bias


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, layer: Int8Linear) -> Tensor:
        context.layer = layer
        rest = x.index_fill(1, layer.outliers, 0)
        return _multiplied(rest, layer.forwards).addmm_(x[:, layer.outliers], layer.apart.t())

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _multiplied(gradient, context.layer.backwards), None


def _packed(weight: Tensor) -> Any:
    torch.backends.quantized.engine = _ENGINE
    scales = (weight.abs().amax(1) / _MOST).clamp_min(1e-12).double()
    rows = torch.quantize_per_channel(
        weight, scales, torch.zeros(len(weight), dtype=torch.int64), 0, torch.qint8
    )
    return torch.ops.quantized.linear_prepack(rows, None)


def _multiplied(x: Tensor, packed: Any) -> Tensor:
    """The product with rows of one size each, so that one scale for all is a scale a token."""
    size = x.abs().amax(1, keepdim=True).clamp_min(1e-30)
    product: Tensor = torch.ops.quantized.linear_dynamic(x / size, packed, True)
    return product.mul_(size)
