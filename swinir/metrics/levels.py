"""What every score of two images does first: one shape, 8-bit levels, no border."""

import numpy as np
from numpy.typing import NDArray


def shave(image: NDArray[np.floating], border: int) -> NDArray[np.floating]:
    """Cut ``border`` pixels off every side: ``(H, W, ...)``.

    Raises:
        ValueError: nothing would be left, or ``border`` is negative.
    """
    height, width = image.shape[:2]
    if border < 0:
        raise ValueError(f"a border is at least 0 pixels wide, got {border}")
    if min(height, width) <= 2 * border:
        raise ValueError(f"an image of {width}x{height} has nothing inside a border of {border}")
    return image[border : height - border, border : width - border]


def round_to_levels(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Clip to [0, 1] and round to the 256 levels of an 8-bit file, as a score is taken of one."""
    return np.round(np.clip(image, 0, 1).astype(np.float64) * 255) / 255


def check_same_shape(restored: NDArray[np.floating], truth: NDArray[np.floating]) -> None:
    """Refuse what cannot be compared pixel by pixel.

    Raises:
        ValueError: the shapes differ, or are not ``(H, W, C)``.
    """
    if restored.shape != truth.shape:
        raise ValueError(
            f"images to compare have one shape, got {restored.shape} and {truth.shape}"
        )
    if restored.ndim != 3:
        raise ValueError(f"an image is (H, W, C), a grey one (H, W, 1), got shape {restored.shape}")


def comparable(
    restored: NDArray[np.floating], truth: NDArray[np.floating], border: int
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Both images ``(H, W, C)`` at 8-bit levels in [0, 1] with ``border`` pixels shaved.

    Raises:
        ValueError: the shapes differ or are not ``(H, W, C)``, or the border leaves nothing.
    """
    check_same_shape(restored, truth)
    return shave(round_to_levels(restored), border), shave(round_to_levels(truth), border)
