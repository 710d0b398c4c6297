"""Peak signal-to-noise ratio by the papers' protocol."""

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from swinir.images.colour import rgb_to_y
from swinir.metrics.levels import comparable


def psnr(restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0) -> float:
    """PSNR in dB of two images ``(H, W, C)`` in [0, 1]; infinite where they are equal.

    Both are rounded to 8-bit levels first, as files hold them.

    Raises:
        ValueError: the shapes differ, or the border leaves nothing.
    """
    return _decibels(*comparable(restored, truth, border))


def psnr_y(
    restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0
) -> float:
    """PSNR in dB of the luma of two RGB images ``(H, W, 3)`` in [0, 1], the figure of SR tables.

    Both are rounded to 8-bit levels before the luma is taken, the luma is not.

    Raises:
        ValueError: the shapes differ, are not RGB, or the border leaves nothing.
    """
    ours, theirs = comparable(restored, truth, border)
    return _decibels(rgb_to_y(ours), rgb_to_y(theirs))


def _decibels(ours: NDArray[np.floating], theirs: NDArray[np.floating]) -> float:
    if np.array_equal(ours, theirs):
        return float("inf")
    return float(peak_signal_noise_ratio(theirs, ours, data_range=1))
