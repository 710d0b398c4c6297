"""Peak signal-to-noise ratio by the papers' protocol."""

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from swinir.images.colour import rgb_to_y


def shave(image: NDArray[np.floating], border: int) -> NDArray[np.floating]:
    """Cut ``border`` pixels off every side: ``(H, W, ...)``.

    Raises:
        ValueError: nothing would be left.
    """
    height, width = image.shape[:2]
    if min(height, width) <= 2 * border:
        raise ValueError(f"an image of {width}x{height} has nothing inside a border of {border}")
    return image[border : height - border, border : width - border]


def round_to_levels(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Clip to [0, 1] and round to the 256 levels of an 8-bit file, as a score is taken of one."""
    return np.round(np.clip(image, 0, 1).astype(np.float64) * 255) / 255


def psnr(restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0) -> float:
    """PSNR in dB of two images of the same shape in [0, 1]; infinite where they are equal.

    Both are rounded to 8-bit levels first, as files hold them.

    Raises:
        ValueError: the shapes differ, or the border leaves nothing.
    """
    if restored.shape != truth.shape:
        raise ValueError(
            f"images to compare have one shape, got {restored.shape} and {truth.shape}"
        )
    ours = shave(round_to_levels(restored), border)
    theirs = shave(round_to_levels(truth), border)
    if np.array_equal(ours, theirs):
        return float("inf")
    return float(peak_signal_noise_ratio(theirs, ours, data_range=1))


def psnr_y(
    restored: NDArray[np.floating], truth: NDArray[np.floating], *, border: int = 0
) -> float:
    """PSNR in dB of the luma of two RGB images ``(H, W, 3)`` in [0, 1], the figure of SR tables.

    Both are rounded to 8-bit levels before the luma is taken, the luma is not.

    Raises:
        ValueError: the shapes differ, are not RGB, or the border leaves nothing.
    """
    if restored.shape != truth.shape:
        raise ValueError(
            f"images to compare have one shape, got {restored.shape} and {truth.shape}"
        )
    ours = shave(rgb_to_y(round_to_levels(restored)), border)
    theirs = shave(rgb_to_y(round_to_levels(truth)), border)
    if np.array_equal(ours, theirs):
        return float("inf")
    return float(peak_signal_noise_ratio(theirs, ours, data_range=1))
