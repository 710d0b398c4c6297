"""PSNR-B, which counts visible block edges as errors (Yim and Bovik 2011)."""

from collections.abc import Iterable
from math import log2, log10

import numpy as np
from numpy.typing import NDArray

from swinir.metrics.levels import Pair, bands, luma_bands

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
    return _mean_decibels(bands(restored, truth, border))


def psnrb_y(
    restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0
) -> float:
    """PSNR-B in dB of the luma of two RGB images ``(H, W, 3)`` in [0, 1]; see `psnrb`.

    Both are rounded to 8-bit levels before the luma is taken, the luma is not.

    Raises:
        ValueError: the shapes differ, are not RGB, or the border leaves nothing.
    """
    return _mean_decibels(luma_bands(restored, truth, border))


def _mean_decibels(pairs: Iterable[Pair]) -> float:
    steps, total = _Steps(), np.zeros(1)
    for ours, theirs in pairs:
        steps.add(ours)
        total = total + np.square(ours - theirs).sum((0, 1))
    errors = total / (steps.height * steps.width) + steps.effects()
    return float(np.mean([_decibels(float(error)) for error in errors]))


def blocking_effect(channel: NDArray[np.floating]) -> float:
    """Blocking effect factor of one channel ``(H, W)`` in [0, 1] (Yim and Bovik 2011).

    How much larger the mean squared step across block edges is than elsewhere; 0 where it is not.
    """
    steps = _Steps()
    steps.add(channel[..., None])
    return float(steps.effects()[0])


class _Steps:
    """Squared steps between neighbours in bands ``(h, W, C)`` that follow each other.

    Attributes:
        height: rows so far.
        width: pixels of a row.
    """

    def __init__(self) -> None:
        self.height = self.width = 0
        self._at_edges = self._all = np.zeros(1)
        self._last: NDArray[np.floating] | None = None

    def add(self, band: NDArray[np.floating]) -> None:
        across = np.square(np.diff(band, axis=1)).sum(0)
        joined = band if self._last is None else np.concatenate([self._last, band])
        down = np.square(np.diff(joined, axis=0)).sum(1)
        # The row below each of these steps, counted from the top of the image.
        below = self.height + len(band) - len(down) + np.arange(len(down))
        self._at_edges = (
            self._at_edges + across[BLOCK - 1 :: BLOCK].sum(0) + down[below % BLOCK == 0].sum(0)
        )
        self._all = self._all + across.sum(0) + down.sum(0)
        self._last = band[-1:]
        self.height, self.width = self.height + len(band), band.shape[1]

    def effects(self) -> NDArray[np.float64]:
        """The blocking effect factor of each channel."""
        height, width = self.height, self.width
        # As the published script counts: of a last block that is cut off, the edge adds to the sum
        # but not to the number of steps. Counting it would raise the figure of 481x321 pixels by
        # 0.1 dB.
        edges = height * (width // BLOCK - 1) + width * (height // BLOCK - 1)
        if min(height, width) < BLOCK or edges == 0:
            return np.zeros_like(self._all)
        others = height * (width - 1) + width * (height - 1) - edges
        excess = self._at_edges / edges - (self._all - self._at_edges) / others
        return np.maximum(excess, 0) * log2(BLOCK) / log2(min(height, width))


def _decibels(error: float) -> float:
    return -10 * log10(error) if error > 0 else float("inf")
