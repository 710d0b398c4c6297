"""Our own loops for the steps of a block, where Numba is there to compile them."""

import importlib
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from swinir.network.inference import Kernels

LARGEST_HEAD = 12
"""Channels of a head up to which our attention is quicker than torch's.

Beyond, torch's is helped by units for products of matrices.
"""

EIGHT = 8
"""Tokens that are taken at once; windows of other numbers are left to torch."""


def numba_installed() -> bool:
    """Whether loops can be compiled."""
    return find_spec("numba") is not None


class Loops(Kernels):
    """Numba's; each is compiled when it is first called, and kept on the disk for later."""

    def __init__(self) -> None:
        """Load Numba, which takes a part of a second."""
        self._loops: Any = importlib.import_module("swinir.restoration.backends.loops")

    def attention(self, qkv: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor | None:
        """See `Kernels.attention`."""
        heads, tokens, _ = bias.shape
        channels = qkv.shape[1] // 3
        dim = channels // heads
        if tokens % EIGHT or dim > LARGEST_HEAD:
            return None
        out = qkv.new_empty(len(qkv), channels)
        masks = bias[:0] if mask is None else mask
        self._loops.attention(tokens, heads, dim)(
            _array(qkv), _array(bias), _array(masks), _array(out), self._loops.f32(dim**-0.5)
        )
        return out

    def normal(self, x: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        """See `Kernels.normal`."""
        out = torch.empty_like(x, dtype=dtype)
        self._loops.normal(x.shape[1])(_array(x), _array(out), self._loops.f32(epsilon))
        return out

    def add_and_normal(self, x: Tensor, more: Tensor, epsilon: float) -> Tensor:
        """See `Kernels.add_and_normal`."""
        out = torch.empty_like(more)
        self._loops.add_and_normal(x.shape[1])(
            _array(x), _array(more), _array(out), self._loops.f32(epsilon)
        )
        return out


@cache
def loops() -> Loops:
    """Those of this process; loaded when they are first asked for."""
    return Loops()


def _array(tensor: Tensor) -> Any:
    """The same memory; bfloat16 as its bits."""
    low = tensor.dtype is not torch.float32
    return tensor.view(torch.uint16).numpy() if low else tensor.numpy()
