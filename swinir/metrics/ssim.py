"""Structural similarity by the papers' protocol (Wang et al. 2004, and their MATLAB script)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from swinir.images.colour import rgb_to_y
from swinir.metrics.levels import comparable

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
    return _similarity(*comparable(restored, truth, border))


def ssim_y(
    restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0
) -> float:
    """SSIM of the luma of two RGB images ``(H, W, 3)`` in [0, 1], the figure of SR tables.

    Both are rounded to 8-bit levels before the luma is taken, the luma is not.

    Raises:
        ValueError: the shapes differ, are not RGB, or the border leaves less than a window.
    """
    ours, theirs = comparable(restored, truth, border)
    return _similarity(rgb_to_y(ours)[..., None], rgb_to_y(theirs)[..., None])


def _similarity(ours: NDArray[np.floating], theirs: NDArray[np.floating]) -> float:
    height, width = ours.shape[:2]
    if min(height, width) < WINDOW:
        raise ValueError(
            f"SSIM needs {WINDOW} pixels a side inside the border, got {width}x{height}"
        )
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
