"""JPEG's losses without a file: OpenCV's encoder and decoder, as in the published test script."""

import cv2
import numpy as np
from numpy.typing import NDArray

from swinir.images.samples import to_floats, to_samples

MAX_SIDE = 65500
"""Pixels a side that the JPEG library takes."""


def compress(image: NDArray[np.floating], quality: int) -> NDArray[np.float32]:
    """What is left of an image after JPEG: ``(H, W, C)`` grey or RGB in [0, 1], the same back.

    The image is rounded to 8 bits first. Colours are stored with OpenCV's default subsampling,
    one chroma sample for 2x2 pixels.

    Raises:
        ValueError: a quality outside 1 to 100, or an image that JPEG cannot hold.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is in 1 to 100, got {quality}")
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"JPEG holds (H, W, 1) or (H, W, 3), got shape {image.shape}")
    height, width = image.shape[:2]
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ValueError(f"JPEG holds 1 to {MAX_SIDE} pixels a side, got {width}x{height}")
    colour = image.shape[2] == 3
    levels = to_samples(image.astype(np.float32), None, 8)
    # OpenCV orders colours BGR.
    _, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(levels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE)
    return to_floats(np.asarray(decoded, np.uint8).reshape(image.shape)[..., ::-1])[0]
