"""RGB <-> YCbCr of ITU-R BT.601, as the papers' MATLAB scripts define it, and full-range luma."""

import numpy as np
from numpy.typing import NDArray

# MATLAB's rgb2ycbcr: rows Y, Cb, Cr for RGB in [0, 1], giving levels of [0, 255].
_LEVELS = np.array(
    [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
)
_OFFSET = np.array([16.0, 128.0, 128.0])

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in the luma over the full range: of JPEG files, and of colour files that
OpenCV is asked to read as grey."""


def rgb_to_y(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Luma of an RGB image: ``(H, W, 3)`` in [0, 1] -> ``(H, W)`` in [16/255, 235/255], unrounded.

    Raises:
        ValueError: the image does not have three channels.
    """
    if image.shape[-1] != 3:
        raise ValueError(f"luma is taken of an RGB image (H, W, 3), got shape {image.shape}")
    return (image.astype(np.float64) @ _LEVELS[0] + _OFFSET[0]) / 255


def rgb_to_ycbcr(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """``(H, W, 3)`` in [0, 1] -> Y in [16/255, 235/255], Cb and Cr in [16/255, 240/255]."""
    return (image.astype(np.float64) @ _LEVELS.T + _OFFSET) / 255


def ycbcr_to_rgb(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """The inverse of `rgb_to_ycbcr`, not clipped."""
    return (image.astype(np.float64) * 255 - _OFFSET) @ np.linalg.inv(_LEVELS).T
