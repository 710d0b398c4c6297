"""The U-Net discriminator with spectral norm (Real-ESRGAN, arXiv 2107.10833, section 3.4)."""

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.2


def _normed(entering: int, leaving: int, kernel: int = 3, stride: int = 1) -> nn.Module:
    layer = nn.Conv2d(entering, leaving, kernel, stride, padding=1, bias=False)
    return spectral_norm(layer)


class UNetDiscriminator(nn.Module):
    """Says of every pixel how real it looks: ``(B, C, H, W) -> (B, 1, H, W)``, unbounded.

    Sides are multiples of 8.
    """

    def __init__(self, channels: int = 3, width: int = 64) -> None:
        """``width`` channels at full size, doubled with each halving of the sides."""
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList(
            _normed(width * 2**step, width * 2 ** (step + 1), 4, 2) for step in range(3)
        )
        self.up = nn.ModuleList(
            _normed(width * 2 ** (step + 1), width * 2**step) for step in reversed(range(3))
        )
        self.last = nn.Sequential(
            _normed(width, width),
            nn.LeakyReLU(SLOPE),
            _normed(width, width),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """One logit for every pixel; above zero is real."""
        features = [F.leaky_relu(self.first(image), SLOPE)]
        for layer in self.down:
            features.append(F.leaky_relu(layer(features[-1]), SLOPE))
        deep = features.pop()
        for layer in self.up:
            larger = F.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=False)
            deep = F.leaky_relu(layer(larger), SLOPE) + features.pop()
        return self.last(deep)


def realness_loss(logits: Tensor, *, real: bool) -> Tensor:
    """Binary cross-entropy of logits against all real or all false (the original GAN loss)."""
    wanted = logits.new_full((), float(real)).expand_as(logits)
    return F.binary_cross_entropy_with_logits(logits, wanted)
