"""What every score of two images does first: one shape, 8-bit levels, no border, perhaps luma."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from swinir.images.colour import rgb_to_y

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]

BAND = 1 << 14
"""Pixels of a band that is scored at a time."""


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


def bands(
    restored: NDArray[np.floating],
    truth: NDArray[np.floating],
    border: int,
    *,
    shared: int = 0,
) -> Iterator[Pair]:
    """Both images ``(H, W, C)`` at 8-bit levels in [0, 1] with ``border`` pixels shaved, in bands.

    Bands of rows ``(h, W, C)`` follow each other from the top, so that a score of large images
    takes little memory beside them. Neighbouring bands have ``shared`` rows in common.

    Raises:
        ValueError: the shapes differ or are not ``(H, W, C)``, or the border leaves nothing.
    """
    check_same_shape(restored, truth)
    ours, theirs = shave(restored, border), shave(truth, border)
    height, width = ours.shape[:2]
    # With fewer rows of their own most of the work would be done twice.
    step = max(1, 4 * shared, BAND // width)
    for row in range(0, max(1, height - shared), step):
        band = slice(row, row + step + shared)
        yield round_to_levels(ours[band]), round_to_levels(theirs[band])


def luma_bands(
    restored: NDArray[np.floating],
    truth: NDArray[np.floating],
    border: int,
    *,
    shared: int = 0,
) -> Iterator[Pair]:
    """As `bands`, of the luma ``(h, W, 1)`` of RGB images, which is not rounded itself.

    Raises:
        ValueError: as `bands`, or the images are not RGB.
    """
    for ours, theirs in bands(restored, truth, border, shared=shared):
        yield rgb_to_y(ours)[..., None], rgb_to_y(theirs)[..., None]
