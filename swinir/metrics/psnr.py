"""Peak signal-to-noise ratio by the papers' protocol."""

from collections.abc import Iterable
from math import log10

import numpy as np
from numpy.typing import NDArray

from swinir.metrics.levels import Pair, bands, luma_bands


def psnr(restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0) -> float:
    """PSNR in dB of two images ``(H, W, C)`` in [0, 1]; infinite where they are equal.

    Both are rounded to 8-bit levels first, as files hold them.

    Raises:
        ValueError: the shapes differ, or the border leaves nothing.
    """
    return _decibels(bands(restored, truth, border))


def psnr_y(
    restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0
) -> float:
    """PSNR in dB of the luma of two RGB images ``(H, W, 3)`` in [0, 1], the figure of SR tables.

    Both are rounded to 8-bit levels before the luma is taken, the luma is not.

    Raises:
        ValueError: the shapes differ, are not RGB, or the border leaves nothing.
    """
    return _decibels(luma_bands(restored, truth, border))


def _decibels(pairs: Iterable[Pair]) -> float:
    # scikit-image's would need both images whole, and in doubles.
    total, count = 0.0, 0
    for ours, theirs in pairs:
        total += float(np.square(ours - theirs).sum())
        count += ours.size
    return -10 * log10(total / count) if total > 0 else float("inf")
