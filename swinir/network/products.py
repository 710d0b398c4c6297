"""Products with weights that never change, laid out once for the processor."""

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from swinir.network.folded import Dense

ROWS = 4096
"""Rows of a usual factor, for which weights are laid out; any other number gives the same."""


class Product(Protocol):
    """``x @ weight + bias`` for a fixed weight: ``(M, I) -> (M, O)``."""

    def __call__(self, x: Tensor) -> Tensor:
        """The product."""
        ...

    def gelu(self, x: Tensor) -> Tensor:
        """GELU of the product."""
        ...


class Plain:
    """By torch's own product."""

    def __init__(self, layer: Dense) -> None:
        """Use the weights as they are."""
        self._layer = layer

    def __call__(self, x: Tensor) -> Tensor:
        """See `Product`."""
        return torch.addmm(self._layer.bias, x, self._layer.weight)

    def gelu(self, x: Tensor) -> Tensor:
        """See `Product.gelu`."""
        return F.gelu(self(x))


class Packed:
    """By oneDNN, with weights in the order in which its kernels read them, and GELU on the way.

    These are the steps to which torch.compile turns a linear layer on a CPU.
    """

    def __init__(self, layer: Dense) -> None:
        """Lay out the weights."""
        pack: Callable[[Tensor, int], Tensor] = torch.ops.mkldnn._reorder_linear_weight
        self._multiply: Callable[..., Tensor] = torch.ops.mkldnn._linear_pointwise
        self._weight = pack(layer.weight.t().contiguous(), ROWS)
        self._bias = layer.bias

    def __call__(self, x: Tensor) -> Tensor:
        """See `Product`."""
        return self._multiply(x, self._weight, self._bias, "none", [], "")

    def gelu(self, x: Tensor) -> Tensor:
        """See `Product.gelu`."""
        return self._multiply(x, self._weight, self._bias, "gelu", [], "none")


def product(layer: Dense, dtype: torch.dtype) -> Product:
    """What multiplies with ``layer`` in ``dtype`` fastest."""
    rounded = Dense(layer.weight.to(dtype), layer.bias.to(dtype))
    here = torch.backends.mkldnn.is_available() and layer.weight.device.type == "cpu"
    return Packed(rounded) if here and packs(dtype) else Plain(rounded)


@cache
def packs(dtype: torch.dtype) -> bool:
    """Whether this torch, on this processor, multiplies with packed weights of such a type."""
    steps: Any = torch.ops.mkldnn
    known = hasattr(steps, "_reorder_linear_weight") and hasattr(steps, "_linear_pointwise")
    if not known or dtype not in (torch.float32, torch.bfloat16):
        return False
    trial = Dense(torch.ones(16, 16, dtype=dtype), torch.ones(16, dtype=dtype))
    try:
        Packed(trial).gelu(trial.weight)
    except RuntimeError:
        return False
    return True
