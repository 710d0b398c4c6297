"""PSNR-B, which counts visible block edges as errors (Yim and Bovik 2011)."""

from math import log2, log10

import numpy as np
from numpy.typing import NDArray

from swinir.images.colour import rgb_to_y
from swinir.metrics.levels import comparable

BLOCK = 8
"""Side of JPEG's blocks in pixels."""


def psnrb(restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0) -> float:
    """PSNR-B in dB of two images ``(H, W, C)`` in [0, 1], channel by channel and averaged.

    The blocking effect is that of the restored image and adds to the squared error; infinite
    where the images are equal and have none. Both images are rounded to 8-bit levels first. Blocks
    are counted from the corner of what ``border`` leaves: only multiples of 8 keep to JPEG's.

    An image lower or narrower than a block, or without two whole blocks beside each other, has no
    blocking effect: its PSNR-B is its PSNR.

    Raises:
        ValueError: the shapes differ, or the border leaves nothing.
    """
    return _mean_decibels(*comparable(restored, truth, border))


def psnrb_y(
    restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0
) -> float:
    """PSNR-B in dB of the luma of two RGB images ``(H, W, 3)`` in [0, 1]; see `psnrb`.

    Both are rounded to 8-bit levels before the luma is taken, the luma is not.

    Raises:
        ValueError: the shapes differ, are not RGB, or the border leaves nothing.
    """
    ours, theirs = comparable(restored, truth, border)
    return _mean_decibels(rgb_to_y(ours)[..., None], rgb_to_y(theirs)[..., None])


def _mean_decibels(ours: NDArray[np.floating], theirs: NDArray[np.floating]) -> float:
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
