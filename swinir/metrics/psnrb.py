"""PSNR-B, which counts visible block edges as errors (Yim and Bovik 2011)."""

from math import log2, log10

import numpy as np
from numpy.typing import NDArray

from swinir.metrics.levels import comparable

BLOCK = 8
"""Side of JPEG's blocks in pixels."""


def psnrb(restored: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """PSNR-B in dB of two images ``(H, W, C)`` in [0, 1], channel by channel and averaged.

    The blocking effect is that of the restored image and adds to the squared error; infinite
    where the images are equal and have none. Blocks begin at the upper left corner, so nothing is
    shaved. Both images are rounded to 8-bit levels first.

    An image lower or narrower than a block, or without two whole blocks beside each other, has no
    blocking effect: its PSNR-B is its PSNR.

    Raises:
        ValueError: the shapes differ.
    """
    ours, theirs = comparable(restored, truth, 0)
    errors = np.square(ours - theirs).mean((0, 1))
    return float(
        np.mean(
            [
                _decibels(error + blocking_effect(ours[..., channel]))
                for channel, error in enumerate(errors)
            ]
        )
    )


def blocking_effect(channel: NDArray[np.floating]) -> float:
    """Blocking effect factor of one channel ``(H, W)`` in [0, 1] (Yim and Bovik 2011).

    How much larger the mean squared step across block edges is than elsewhere; 0 where it is not.
    """
    height, width = channel.shape
    # As the published script counts: of a last block that is cut off, the edge adds to the sum but
    # not to the number of steps. Counting it would raise the figure of 481x321 pixels by 0.1 dB.
    edges = height * (width // BLOCK - 1) + width * (height // BLOCK - 1)
    if min(height, width) < BLOCK or edges == 0:
        return 0.0
    others = height * (width - 1) + width * (height - 1) - edges
    across, down = np.square(np.diff(channel, axis=1)), np.square(np.diff(channel, axis=0))
    at_edges = across[:, BLOCK - 1 :: BLOCK].sum() + down[BLOCK - 1 :: BLOCK].sum()
    elsewhere = across.sum() + down.sum() - at_edges
    excess = at_edges / edges - elsewhere / others
    return max(0.0, float(excess)) * log2(BLOCK) / log2(min(height, width))


def _decibels(error: float) -> float:
    return -10 * log10(error) if error > 0 else float("inf")
