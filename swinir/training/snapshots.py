"""What validation looks like: a crop of input, result and truth side by side."""

import numpy as np

from swinir.images.sheet import busiest_corner
from swinir.images.tensors import Image

GAP = 4
"""White pixels between the crops."""


def snapshot(degraded: Image, restored: Image, truth: Image, side: int) -> Image:
    """The busiest crop of a validation image as a strip: input | restored | truth.

    Args:
        degraded: the input ``(h, w, C)``; in the strip each of its pixels is a square of
            ``scale`` pixels.
        restored: what the network made of it, ``(h*scale, w*scale, C)``; clipped to [0, 1].
        truth: what it should be, of the same shape.
        side: pixels of the truth that a crop has a side, rounded down to a multiple of ``scale``;
            of a smaller image all is shown.

    Raises:
        ValueError: the shapes do not belong together, or ``side`` is less than ``scale``.
    """
    scale = _scale(degraded, restored, truth)
    if side < scale:
        raise ValueError(f"side is at least the scale, {scale} pixels, got {side}")
    side -= side % scale
    # The corner lies where a pixel of the input begins, so that the three crops cover the same.
    top, left = (at // scale for at in busiest_corner(truth, side))
    cut = side // scale
    small = degraded[top : top + cut, left : left + cut].repeat(scale, 0).repeat(scale, 1)
    window = np.s_[top * scale : top * scale + side, left * scale : left * scale + side]
    gap = np.ones((small.shape[0], GAP, small.shape[2]), np.float32)
    strip = np.concatenate((small, gap, restored[window], gap, truth[window]), axis=1)
    return strip.clip(0, 1).astype(np.float32, copy=False)


def _scale(degraded: Image, restored: Image, truth: Image) -> int:
    scale = max(1, truth.shape[0] // degraded.shape[0])
    high, wide, channels = degraded.shape
    if restored.shape != truth.shape or truth.shape != (high * scale, wide * scale, channels):
        raise ValueError(
            "restored and truth have the shape of the input, enlarged by a whole number, got "
            f"{degraded.shape}, {restored.shape} and {truth.shape}"
        )
    return scale
