"""JPEG's losses without a file, and the quality that a file was written with.

Losses are those of OpenCV's encoder and decoder, as in the published test script.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from swinir.images.samples import to_floats, to_samples

MAX_SIDE = 65500
"""Pixels a side that the JPEG library takes."""

STANDARD_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
"""Quantisation of luma at quality 50, row by row (ITU-T T.81, annex K.1)."""


def quality_of(path: Path) -> int | None:
    """The quality, 1 to 100, that a JPEG file was written with; None for any other file.

    The IJG library scales the standard's table by the quality; the one whose table is nearest to
    the file's is told. Tables of a camera's own get the quality that loses as much.
    """
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            tables: dict[int, list[int]] = getattr(image, "quantization", {})
    except Exception:
        # On a stranger's bytes Pillow raises whatever happened to go wrong.
        return None
    if 0 not in tables or len(tables[0]) != len(STANDARD_LUMA):
        return None
    found = np.array(tables[0], float)
    standard = np.array(STANDARD_LUMA, float)
    qualities = np.arange(1, 101)
    percent = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    scaled = np.clip(np.floor((standard * percent[:, None] + 50) / 100), 1, 255)
    return int(qualities[np.abs(np.log(scaled / np.maximum(found, 1))).sum(1).argmin()])


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
