"""How noisy a picture is, judged from the picture alone."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SIDE = 7
"""Pixels a side of the patches."""

MOST_PATCHES = 60_000
"""Patches looked at; more change nothing but the time."""

CLIPPED = 2 / 255
"""A patch whose mean is nearer than this to black or white shows no noise there."""


def noise_level(image: NDArray[np.floating]) -> float:
    """Standard deviation of white noise in an image ``(H, W, C)`` in [0, 1], in steps of 1/255.

    Patches of a clean photograph lie in few directions, noise lies in all alike: what is left
    among the small eigenvalues of their covariance once the mean equals the median is noise
    (Chen, Zhu and Heng, ICCV 2015). Each channel is judged, the middle one told; 0 for an image
    without a patch.
    """
    if min(image.shape[:2]) < SIDE:
        return 0.0
    levels = [_of_channel(image[..., channel]) for channel in range(image.shape[2])]
    return 255 * float(np.median(levels))


def _of_channel(plane: NDArray[np.floating]) -> float:
    windows = sliding_window_view(plane, (SIDE, SIDE))
    step = max(1, int(np.ceil(np.sqrt(windows.shape[0] * windows.shape[1] / MOST_PATCHES))))
    patches = windows[::step, ::step].reshape(-1, SIDE * SIDE).astype(np.float64)
    means = patches.mean(1)
    open_ones = patches[(means > CLIPPED) & (means < 1 - CLIPPED)]
    if len(open_ones) < 2 * SIDE * SIDE:
        return 0.0
    values = np.linalg.eigvalsh(np.cov(open_ones, rowvar=False)).clip(min=0)
    # From the largest downwards: what is above the middle is the picture's own.
    for count in range(len(values), 0, -1):
        mean = values[:count].mean()
        if mean <= np.median(values[:count]):
            return float(np.sqrt(mean))
    return float(np.sqrt(values[0]))
