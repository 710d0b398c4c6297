"""Structural similarity by the papers' protocol (Wang et al. 2004, and their MATLAB script)."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from swinir.metrics.levels import Pair, bands, check_same_shape, luma_bands, shave

WINDOW = 11
"""Side of the Gaussian window in pixels; scikit-image's, too, for this sigma."""

SIGMA = 1.5
"""Standard deviation of the window in pixels."""


def ssim(restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0) -> float:
    """SSIM of two images ``(H, W, C)`` in [0, 1], channel by channel and averaged; at most 1.

    Both are rounded to 8-bit levels first. The mean is over windows that lie wholly inside, as
    MATLAB's script takes it.

    Raises:
        ValueError: the shapes differ, or the border leaves less than a window of 11x11 pixels.
    """
    return _similarity(restored, truth, border, bands)


def ssim_y(
    restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0
) -> float:
    """SSIM of the luma of two RGB images ``(H, W, 3)`` in [0, 1], the figure of SR tables.

    Both are rounded to 8-bit levels before the luma is taken, the luma is not.

    Raises:
        ValueError: the shapes differ, are not RGB, or the border leaves less than a window.
    """
    return _similarity(restored, truth, border, luma_bands)


def _similarity(
    restored: NDArray[np.floating],
    truth: NDArray[np.floating],
    border: int,
    cut: Callable[..., Iterator[Pair]],
) -> float:
    check_same_shape(restored, truth)
    height, width = shave(restored, border).shape[:2]
    if min(height, width) < WINDOW:
        raise ValueError(
            f"SSIM needs {WINDOW} pixels a side inside the border, got {width}x{height}"
        )
    total, rows = 0.0, 0
    for ours, theirs in cut(restored, truth, border, shared=WINDOW - 1):
        # Rows of windows that lie wholly inside; each is in one band alone.
        inside = len(ours) - (WINDOW - 1)
        total += inside * _mean(ours, theirs)
        rows += inside
    return total / rows


def _mean(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    # The defaults are another metric: a flat 7x7 window and covariances over n - 1.
    mean: Any = structural_similarity(
        theirs,
        ours,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=2,
    )
    return float(mean)
