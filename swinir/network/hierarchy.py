"""What stands between the residual groups of a U: down to half the size, and up again.

The way down is the patch merging of the Swin Transformer (arXiv 2103.14030, section 3.1).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PatchMerging(nn.Module):
    """From one level to the next lower one: half the size, twice the channels."""

    def __init__(self, dim: int) -> None:
        """``dim`` channels become twice as many."""
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, H, W, C) -> (B, H/2, W/2, 2*C)``; ``H`` and ``W`` are even."""
        pairs = torch.cat([x[:, 0::2], x[:, 1::2]], -1)
        fours = torch.cat([pairs[:, :, 0::2], pairs[:, :, 1::2]], -1)
        # Under autocast a linear layer gives 16 bits, too few for the sum of many branches.
        return self.reduction(self.norm(fours)).to(x.dtype)


class PatchExpanding(nn.Module):
    """Back from one level to the next higher one, and together with what the encoder had there."""

    def __init__(self, dim: int) -> None:
        """Twice ``dim`` channels become ``dim``."""
        super().__init__()
        self.expansion = nn.Linear(2 * dim, 4 * dim)
        self.fusion = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """``(B, H, W, 2*C)`` and ``skip`` of ``(B, 2*H, 2*W, C)`` -> ``(B, 2*H, 2*W, C)``."""
        expanded = F.pixel_shuffle(self.expansion(x).permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        return self.fusion(torch.cat([expanded, skip], -1)).to(x.dtype)
