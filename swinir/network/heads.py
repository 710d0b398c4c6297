"""The reconstructions: deep features and the network's input -> image (SwinIR paper, section 3.1).

A head owns its layers; `SwinIR` registers them under its own name, because that is where the
published files keep them. Features and images are ``(B, C, H, W)`` here.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from swinir.network.config import Head, SwinIRConfig

FEATURES = 64
"""Channels between the trunk and the last convolution, the same in every published model."""


def upsampler(dim: int, scale: int) -> nn.Sequential:
    """Sub-pixel steps of 2, or one of 3: ``(B, dim, H, W) -> (B, dim, H*scale, W*scale)``."""
    steps = [3] if scale == 3 else [2] * (scale.bit_length() - 1)
    layers: list[nn.Module] = []
    for step in steps:
        layers += [nn.Conv2d(dim, dim * step**2, 3, padding=1), nn.PixelShuffle(step)]
    return nn.Sequential(*layers)


class PixelShuffle(nn.Module):
    """Classical super-resolution."""

    def __init__(self, config: SwinIRConfig) -> None:
        """Layers for ``config.scale``."""
        super().__init__()
        self.conv_before_upsample = nn.Sequential(
            nn.Conv2d(config.embed_dim, FEATURES, 3, padding=1), nn.LeakyReLU()
        )
        self.upsample = upsampler(FEATURES, config.scale)
        self.conv_last = nn.Conv2d(FEATURES, config.channels, 3, padding=1)

    def forward(self, features: Tensor, image: Tensor) -> Tensor:
        """``(B, embed_dim, H, W) -> (B, channels, H*scale, W*scale)``; ignores ``image``."""
        return self.conv_last(self.upsample(self.conv_before_upsample(features)))


class PixelShuffleAux(PixelShuffle):
    """Super-resolution of compressed images (Swin2SR paper, section 3.1).

    The features become a clean image of the input's size first, by which training can judge them
    too; what is made of it and the input enlarged by bicubic give the result.
    """

    def __init__(self, config: SwinIRConfig) -> None:
        """Layers for ``config.scale``."""
        super().__init__(config)
        self.conv_bicubic = nn.Conv2d(config.channels, FEATURES, 3, padding=1)
        self.conv_aux = nn.Conv2d(FEATURES, config.channels, 3, padding=1)
        self.conv_after_aux = nn.Sequential(
            nn.Conv2d(config.channels, FEATURES, 3, padding=1), nn.LeakyReLU()
        )
        self.scale = config.scale

    def auxiliary(self, features: Tensor) -> Tensor:
        """The clean small image: ``(B, embed_dim, H, W) -> (B, channels, H, W)``."""
        return self.conv_aux(self.conv_before_upsample(features))

    def forward(self, features: Tensor, image: Tensor) -> Tensor:
        """``(B, embed_dim, H, W) -> (B, channels, H*scale, W*scale)``."""
        size = [side * self.scale for side in image.shape[-2:]]
        bicubic = self.conv_bicubic(F.interpolate(image, size=size, mode="bicubic"))
        x = self.upsample(self.conv_after_aux(self.auxiliary(features)))
        return self.conv_last(x + bicubic)


class PixelShuffleDirect(nn.Module):
    """Lightweight super-resolution."""

    def __init__(self, config: SwinIRConfig) -> None:
        """One convolution and one shuffle for ``config.scale``."""
        super().__init__()
        self.upsample = nn.Sequential(
            nn.Conv2d(config.embed_dim, config.channels * config.scale**2, 3, padding=1),
            nn.PixelShuffle(config.scale),
        )

    def forward(self, features: Tensor, image: Tensor) -> Tensor:
        """``(B, embed_dim, H, W) -> (B, channels, H*scale, W*scale)``; ignores ``image``."""
        return self.upsample(features)


class NearestConv(nn.Module):
    """Real-world super-resolution: no checkerboard, at the price of convolutions at full size."""

    def __init__(self, config: SwinIRConfig) -> None:
        """Layers for scale 2 or 4."""
        super().__init__()
        self.conv_before_upsample = nn.Sequential(
            nn.Conv2d(config.embed_dim, FEATURES, 3, padding=1), nn.LeakyReLU()
        )
        self.conv_up1 = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        if config.scale == 4:
            self.conv_up2 = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.conv_hr = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.conv_last = nn.Conv2d(FEATURES, config.channels, 3, padding=1)
        self.act = nn.LeakyReLU(0.2)
        self.scale = config.scale

    def forward(self, features: Tensor, image: Tensor) -> Tensor:
        """``(B, embed_dim, H, W) -> (B, channels, H*scale, W*scale)``; ignores ``image``."""
        x = self.conv_before_upsample(features)
        x = self.act(self.conv_up1(F.interpolate(x, scale_factor=2, mode="nearest")))
        if self.scale == 4:
            x = self.act(self.conv_up2(F.interpolate(x, scale_factor=2, mode="nearest")))
        return self.conv_last(self.act(self.conv_hr(x)))


class Residual(nn.Module):
    """Denoising and JPEG-artifact removal."""

    def __init__(self, config: SwinIRConfig) -> None:
        """A single convolution."""
        super().__init__()
        self.conv_last = nn.Conv2d(config.embed_dim, config.channels, 3, padding=1)

    def forward(self, features: Tensor, image: Tensor) -> Tensor:
        """``(B, embed_dim, H, W) -> (B, channels, H, W)``, added to ``image``."""
        return image + self.conv_last(features)


HEADS: dict[Head, type[nn.Module]] = {
    Head.PIXELSHUFFLE: PixelShuffle,
    Head.PIXELSHUFFLE_AUX: PixelShuffleAux,
    Head.PIXELSHUFFLE_DIRECT: PixelShuffleDirect,
    Head.NEAREST_CONV: NearestConv,
    Head.RESIDUAL: Residual,
}
