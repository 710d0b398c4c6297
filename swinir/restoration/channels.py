"""Pictures whose channels are not the network's: grey, colour and transparency, tile by tile.

Each function wraps one that restores ``(B, C, h, w) -> (B, C, h*s, w*s)``.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from swinir.images.colour import LUMA
from swinir.images.resize import resize

Run = Callable[[Tensor], Tensor]


def for_channels(run: Run, image: int, network: int, scale: int) -> Run:
    """Let a network of ``network`` channels restore images of ``image`` channels (1 or 3).

    Raises:
        ValueError: an image of another number of channels.
    """
    if image not in (1, 3):
        raise ValueError(f"an image has 1 channel (grey) or 3 (RGB), got {image}")
    if image == network:
        return run
    return grey_through_colour(run) if image == 1 else colour_through_grey(run, scale)


def grey_through_colour(run: Run) -> Run:
    """Three equal channels through a colour network; their mean is the grey result."""

    def restore(image: Tensor) -> Tensor:
        return run(image.expand(-1, 3, -1, -1)).mean(1, keepdim=True)

    return restore


def colour_through_grey(run: Run, scale: int) -> Run:
    """Luminance through a grey network, chroma as it was or enlarged by bicubic.

    Eyes and pictures hold detail in the luminance. Channel by channel would take three times as
    long, and three independent results leave coloured fringes.
    """

    def restore(image: Tensor) -> Tensor:
        luma = (image * image.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        restored = run(luma)
        if scale > 1:
            image, luma = resize(image, scale), resize(luma, scale)
        # With Cb and Cr kept, R, G and B all change by what Y does.
        return image + (restored - luma)

    return restore


def weakened(run: Run, strength: float, scale: int) -> Run:
    """Blend what comes out with the input, enlarged by bicubic if need be.

    ``strength`` in [0, 1] is the part of the restoration.
    """
    if strength == 1:
        return run

    def restore(image: Tensor) -> Tensor:
        plain = resize(image, scale) if scale > 1 else image
        return plain.clamp(0, 1).lerp(run(image).clamp(0, 1), strength)

    return restore


def for_alpha(run: Run, scale: int, skip: Callable[[], None]) -> Run:
    """Transparency ``(1, 1, h, w)`` through a network, without inventing any.

    A result stays between the least and the greatest of the 3x3 input pixels around it, so that
    what is opaque stays exactly opaque. ``skip`` is called where all of a tile is equal and the
    network is spared.
    """

    def restore(alpha: Tensor) -> Tensor:
        high = F.max_pool2d(alpha, 3, stride=1, padding=1)
        low = -F.max_pool2d(-alpha, 3, stride=1, padding=1)
        low, high = (
            F.interpolate(each, scale_factor=scale, mode="nearest") for each in (low, high)
        )
        if torch.equal(low, high):
            skip()
            return low
        return run(alpha).clamp(low, high)

    return restore
