"""Where the tokens of a feature map are while windows are shifted to and fro."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from swinir.network.windows import partition, shift_mask


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the tokens of a feature map are, by rows: pixels, windows, shifted windows.

    Attributes:
        enter: the row among the pixels of each token of the windows, ``(B*H*W,)``.
        shift: the row among the windows of each token of the shifted windows.
        unshift: the reverse.
        leave: the row among the windows of each pixel.
        leave_shifted: the row among the shifted windows of each pixel.
        plain: shifted windows that need no mask, which come first.
        mask: of the others, ``(N, T, T)``.
    """

    enter: Tensor
    shift: Tensor
    unshift: Tensor
    leave: Tensor
    leave_shifted: Tensor
    plain: int
    mask: Tensor

    def rows(self, *, before: bool, after: bool) -> Tensor | None:
        """What to gather between windows that are shifted or not; None where that stays."""
        if before == after:
            return None
        return self.shift if after else self.unshift


@lru_cache(maxsize=12)
def geometry(
    count: int, height: int, width: int, side: int, dtype: torch.dtype, device: torch.device
) -> Geometry:
    """Of ``count`` images; windows of ``side`` pixels run by place, then by image."""
    pixels = torch.arange(height * width, device=device).view(1, height, width, 1)
    half = side // 2
    mask = shift_mask(height, width, side, dtype=dtype, device=device)
    wrapped = (mask != 0).flatten(1).any(1)
    order = torch.argsort(wrapped.int(), stable=True)
    images = torch.arange(count, device=device).view(1, -1, 1) * height * width

    def rows(tokens: Tensor) -> Tensor:
        return (tokens.squeeze(-1)[:, None] + images).flatten()

    windows = rows(partition(pixels, side))
    shifted = rows(partition(torch.roll(pixels, (-half, -half), (1, 2)), side)[order])
    leave, leave_shifted = torch.argsort(windows), torch.argsort(shifted)
    plain = int((~wrapped).sum())
    return Geometry(
        enter=windows,
        shift=leave[shifted],
        unshift=leave_shifted[windows],
        leave=leave,
        leave_shifted=leave_shifted,
        plain=plain * count,
        mask=mask[order][plain:].repeat_interleave(count, 0),
    )
