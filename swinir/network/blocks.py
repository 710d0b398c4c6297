"""Swin transformer block and residual Swin transformer block (RSTB; SwinIR paper, figure 2).

The block of Swin V2 is the same one with another attention and its norms elsewhere.
"""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from swinir.network.attention import ATTENTIONS
from swinir.network.config import GroupConv, Norm, SwinIRConfig
from swinir.network.windows import merge, partition


def convolve(conv: nn.Module, x: Tensor) -> Tensor:
    """Apply a BCHW convolution to a feature map: ``(B, H, W, C) -> (B, H, W, C')``."""
    return conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def group_conv(kind: GroupConv, dim: int) -> nn.Module:
    """The convolution that closes a group; ``3conv`` is a bottleneck that saves parameters."""
    if kind is GroupConv.ONE:
        return nn.Conv2d(dim, dim, 3, padding=1)
    return nn.Sequential(
        nn.Conv2d(dim, dim // 4, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(dim // 4, dim // 4, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(dim // 4, dim, 3, padding=1),
    )


class DropPath(nn.Module):
    """Skip a residual branch at random for each image in training (stochastic depth).

    Attributes:
        part: which part of a batch the images are, and how many there are, from as many processes
            with one random state. What is drawn does not depend on how a batch is shared out.
    """

    def __init__(self, chance: float) -> None:
        """Drop with probability ``chance``; the branches that stay are scaled up to match."""
        super().__init__()
        self.chance = chance
        self.part = (0, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, H, W, C) -> (B, H, W, C)``; the identity in evaluation."""
        if not self.training or self.chance == 0:
            return x
        keep = 1 - self.chance
        number, parts = self.part
        whole = (x.shape[0] * parts, 1, 1, 1)
        kept = torch.empty(whole, dtype=x.dtype, device=x.device).bernoulli_(keep)
        return x * kept.chunk(parts)[number] / keep


class Mlp(nn.Module):
    """Two linear layers with a GELU between."""

    def __init__(self, dim: int, hidden: int) -> None:
        """``dim -> hidden -> dim`` channels."""
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., C) -> (..., C)``."""
        return self.fc2(self.act(self.fc1(x)))


class PatchEmbed(nn.Module):
    """What a feature map passes on its way to tokens, under the published name ``patch_embed``.

    A 1x1 convolution, then a norm, each where there is one.
    """

    def __init__(self, dim: int, *, projection: bool, norm: bool) -> None:
        """Layers over ``dim`` channels."""
        super().__init__()
        self.proj = nn.Conv2d(dim, dim, 1) if projection else None
        self.norm = nn.LayerNorm(dim) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        """``(B, H, W, C) -> (B, H, W, C)``."""
        x = x if self.proj is None else convolve(self.proj, x)
        return x if self.norm is None else self.norm(x)


class SwinBlock(nn.Module):
    """Window attention, then an MLP, each on a normalised residual branch."""

    def __init__(self, config: SwinIRConfig, index: int, *, shift: int, drop_path: float) -> None:
        """A block of group ``index`` whose windows are shifted cyclically by ``shift`` pixels."""
        super().__init__()
        dim = config.width(index)
        self.side = config.window
        self.shift = shift
        self.post = config.norm is Norm.POST
        self.norm1 = nn.LayerNorm(dim)
        self.attn = ATTENTIONS[config.attention](dim, config.window, config.num_heads[index])
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def attend(self, x: Tensor, mask: Tensor) -> Tensor:
        """Shift, attend in windows, shift back: ``(B, H, W, C) -> (B, H, W, C)``."""
        _, height, width, _ = x.shape
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), dims=(1, 2))
        x = self.attn(partition(x, self.side), mask if self.shift else None)
        x = merge(x, self.side, height, width)
        return torch.roll(x, (self.shift, self.shift), dims=(1, 2)) if self.shift else x

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``(B, H, W, C) -> (B, H, W, C)``; ``mask`` is `windows.shift_mask` of its size."""
        if self.post:
            x = x + self.drop_path(self.norm1(self.attend(x, mask)))
            return x + self.drop_path(self.norm2(self.mlp(x)))
        x = x + self.drop_path(self.attend(self.norm1(x), mask))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class SwinGroup(nn.Module):
    """The blocks of one RSTB, under the published name ``residual_group``.

    Attributes:
        checkpointing: whether the backward pass computes the blocks again instead of remembering
            what was between their layers (arXiv 1604.06174).
    """

    def __init__(self, config: SwinIRConfig, index: int, drop_path: list[float]) -> None:
        """Group number ``index``; every second block is shifted by half a window."""
        super().__init__()
        self.checkpointing = False
        self.blocks = nn.ModuleList(
            SwinBlock(
                config,
                index,
                shift=config.window // 2 if number % 2 else 0,
                drop_path=drop_path[number],
            )
            for number in range(config.depths[index])
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``(B, H, W, C) -> (B, H, W, C)``."""
        for block in self.blocks:
            if self.checkpointing and self.training:
                x = checkpoint(block, x, mask, use_reentrant=False)
            else:
                x = block(x, mask)
        return x


class RSTB(nn.Module):
    """Residual Swin transformer block: Swin blocks, a convolution, a skip connection."""

    def __init__(self, config: SwinIRConfig, index: int, drop_path: list[float]) -> None:
        """Group number ``index`` with the drop-path chance of each of its blocks."""
        super().__init__()
        self.residual_group = SwinGroup(config, index, drop_path)
        dim = config.width(index)
        self.conv = group_conv(config.group_conv, dim)
        self.patch_embed = (
            PatchEmbed(dim, projection=True, norm=False) if config.projection else None
        )

    def close(self, x: Tensor) -> Tensor:
        """What follows the blocks of the group: ``(B, H, W, C) -> (B, H, W, C)``."""
        x = convolve(self.conv, x)
        return x if self.patch_embed is None else self.patch_embed(x)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``(B, H, W, C) -> (B, H, W, C)``."""
        return x + self.close(self.residual_group(x, mask))
