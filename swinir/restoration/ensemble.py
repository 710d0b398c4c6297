"""Self-ensemble: the mean over the eight flips and turns of a square (EDSR paper, section 3.4)."""

from collections.abc import Callable

import torch
from torch import Tensor

SYMMETRIES = 8


def ensemble(run: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Make a function of images ``(B, C, H, W)`` independent of how they are turned.

    Eight times the work, with two results in memory at a time.
    """

    def mean(image: Tensor) -> Tensor:
        total = torch.zeros(())
        for symmetry in range(SYMMETRIES):
            total = total + _undo(run(_turn(image, symmetry)), symmetry)
        return total / SYMMETRIES

    return mean


def _turn(image: Tensor, symmetry: int) -> Tensor:
    turns, flipped = divmod(symmetry, 2)
    return torch.rot90(image.flip(-1) if flipped else image, turns, (-2, -1))


def _undo(image: Tensor, symmetry: int) -> Tensor:
    turns, flipped = divmod(symmetry, 2)
    image = torch.rot90(image, -turns, (-2, -1))
    return image.flip(-1) if flipped else image
