"""SwinIR: shallow features -> deep features -> head (arXiv 2108.10257, figure 2).

Swin2SR (arXiv 2209.11345) is a configuration of it, and so is a U of several levels.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from swinir.network.blocks import RSTB, PatchEmbed, convolve, group_conv
from swinir.network.config import SwinIRConfig
from swinir.network.heads import HEADS
from swinir.network.hierarchy import PatchExpanding, PatchMerging
from swinir.network.windows import shift_mask

RGB_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean colour of DIV2K, subtracted from three-channel images in every published model."""


def mirror_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Extend at the bottom and the right to a multiple: ``(B, C, H, W) -> (B, C, H', W')``.

    The border row is not repeated. An image smaller than its extension is mirrored to and fro, so
    that any size from 1x1 works.
    """
    for dim in (2, 3):
        size = x.shape[dim]
        target = -(-size // multiple) * multiple
        if target != size:
            period = max(2 * (size - 1), 1)
            at = torch.arange(target, device=x.device) % period
            x = x.index_select(dim, torch.minimum(at, period - at).clamp(max=size - 1))
    return x


class SwinIR(nn.Module):
    """Image restoration using the Swin transformer.

    Parameters carry the published names. Geometry (shift masks, position indices) is computed and
    never stored.
    """

    mean: Tensor
    head: nn.Module

    def __init__(self, config: SwinIRConfig) -> None:
        """The network that ``config`` describes, with fresh weights."""
        super().__init__()
        self.config = config
        dim = config.embed_dim
        blocks = sum(config.depths)
        drop = [config.drop_path * number / max(blocks - 1, 1) for number in range(blocks)]
        self.conv_first = nn.Conv2d(config.channels, dim, 3, padding=1)
        self.patch_embed = PatchEmbed(dim, projection=config.projection, norm=True)
        self.layers = nn.ModuleList(
            RSTB(config, index, drop[sum(config.depths[:index]) :])
            for index in range(len(config.depths))
        )
        between = range(config.levels - 1)
        self.merges = nn.ModuleList(PatchMerging(dim * 2**level) for level in between)
        self.expands = nn.ModuleList(PatchExpanding(dim * 2**level) for level in between)
        self.norm = nn.LayerNorm(dim)
        self.conv_after_body = group_conv(config.group_conv, dim)
        head = HEADS[config.head](config)
        for name, layer in head.named_children():
            self.add_module(name, layer)
        # Not a submodule: its layers are registered above, where published files keep them.
        object.__setattr__(self, "head", head)
        mean = RGB_MEAN if config.channels == 3 else (0.0,)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.apply(_init_linear)

    def features(self, x: Tensor) -> Tensor:
        """Deep features of shallow ones: ``(B, H, W, C) -> (B, H, W, C)``.

        Sides are multiples of `SwinIRConfig.multiple`.
        """
        (_, height, width, _), side = x.shape, self.config.window
        masks = [
            shift_mask(height >> level, width >> level, side, dtype=x.dtype, device=x.device)
            for level in range(self.config.levels)
        ]

        def group(index: int, x: Tensor) -> Tensor:
            return self.layers[index](x, masks[self.config.level(index)])

        return self.norm(self.through(group, self.patch_embed(x)))

    def through(self, group: Callable[[int, Tensor], Tensor], x: Tensor) -> Tensor:
        """Pass all residual groups: ``(B, H, W, C) -> (B, H, W, C)``.

        ``group`` computes the one of a number on maps of its level, ``(B, h, w, c)``.
        """
        skips: list[Tensor] = []
        level = 0
        for index in range(len(self.layers)):
            before, level = level, self.config.level(index)
            if level > before:
                skips.append(x)
                x = self.merges[before](x)
            elif level < before:
                x = self.expands[level](x, skips.pop())
            x = group(index, x)
        return x

    def deep(self, x: Tensor) -> Tensor:
        """What deep features add to shallow ones: ``(B, H, W, C) -> (B, H, W, C)``."""
        return convolve(self.conv_after_body, self.features(x))

    def forward(self, image: Tensor) -> Tensor:
        """Restore images: ``(B, channels, H, W) -> (B, channels, H*scale, W*scale)``.

        Values are in [0, 1]; the output is not clipped. Any size from 1x1: the image is mirrored
        up to whole windows (of a U at its lowest level) and the result cropped.
        """
        return self.around(self.deep, self.head, image)

    def around(
        self,
        deep: Callable[[Tensor], Tensor],
        head: Callable[[Tensor, Tensor], Tensor],
        image: Tensor,
    ) -> Tensor:
        """As `forward`, with ``deep`` and ``head`` in the place of those of this network."""
        height, width = image.shape[-2:]
        scale, reach = self.config.scale, self.config.img_range
        x = (mirror_to_multiple(image, self.config.multiple) - self.mean) * reach
        shallow = self.conv_first(x)
        # In the layout of the first: channels last, in which the head's convolutions are quicker.
        features = deep(shallow.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) + shallow
        out = head(features, x) / reach + self.mean
        return out[:, :, : height * scale, : width * scale]


def _init_linear(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        bias = cast("Tensor | None", module.bias)
        if bias is not None:
            nn.init.zeros_(bias)
