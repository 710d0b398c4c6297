"""Peak signal-to-noise ratio by the papers' protocol."""

from collections.abc import Iterable
from math import log10

import numpy as np
from numpy.typing import NDArray

from swinir.images.colour import rgb_to_y
from swinir.metrics.levels import bands


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
    pairs = bands(restored, truth, border)
    return _decibels((rgb_to_y(ours), rgb_to_y(theirs)) for ours, theirs in pairs)


def _decibels(pairs: Iterable[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
    # scikit-image's would need both images whole, and in doubles.
    total, count = 0.0, 0
    for ours, theirs in pairs:
        total += float(np.square(ours - theirs).sum())
        count += ours.size
    return -10 * log10(total / count) if total > 0 else float("inf")
