"""Transparency: colours under it before restoration, and pictures laid on a background."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def bleed(pixels: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give fully transparent pixels the colour of the nearest visible one.

    What a file holds under transparency is arbitrary, often black; a network would smear it into
    the visible edge. ``(H, W, C)`` and ``(H, W) -> (H, W, C)``, all in [0, 1]. Pixels with any
    opacity keep their exact colour. The input itself comes back where nothing is transparent, or
    nothing visible.
    """
    hidden = alpha <= 0
    if not hidden.any() or hidden.all():
        return pixels
    nearest = ndimage.distance_transform_edt(hidden, return_distances=False, return_indices=True)
    rows, columns = np.asarray(nearest)[:, hidden]
    spread = pixels.copy()
    spread[hidden] = pixels[rows, columns]
    return spread


def on_white(pixels: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay a picture on white: ``(H, W, C)`` and ``(H, W) -> (H, W, C)``, all in [0, 1]."""
    opacity = np.clip(alpha, 0, 1)[..., None]
    return pixels * opacity + (1 - opacity)
