"""Bicubic resizing that equals MATLAB's ``imresize``, on which every published table rests.

It differs from OpenCV's, Pillow's and torch's: the kernel (Keys 1981, a = -0.5) widens when
shrinking, borders are mirrored with the edge sample repeated, and sample centres are aligned.
"""

from math import ceil

import torch
from torch import Tensor


def cubic(x: Tensor) -> Tensor:
    """The Keys kernel with a = -0.5, zero outside [-2, 2]; same shape as ``x``."""
    x = x.abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, near, torch.where(x < 2, far, 0.0))


def contributions(length: int, target: int, scale: float) -> tuple[Tensor, Tensor]:
    """Which input samples make each output sample: weights and indices, ``(target, taps)``.

    Weights are float64 and sum to one; indices are in [0, length).
    """
    stretch = min(scale, 1.0)
    taps = ceil(4 / stretch) + 2
    centre = (torch.arange(target, dtype=torch.float64) + 0.5) / scale - 0.5
    first = (centre - 2 / stretch).floor()
    at = first[:, None] + torch.arange(taps, dtype=torch.float64)
    weights = stretch * cubic(stretch * (centre[:, None] - at))
    weights = weights / weights.sum(1, keepdim=True)
    at = at.long() % (2 * length)
    return weights, torch.where(at < length, at, 2 * length - 1 - at)


def _along(image: Tensor, dim: int, target: int, scale: float) -> Tensor:
    weights, index = contributions(image.shape[dim], target, scale)
    weights, index = weights.to(image.device, image.dtype), index.to(image.device)
    shape = [1] * image.ndim
    shape[dim] = target
    out = image.index_select(dim, index[:, 0]) * weights[:, 0].view(shape)
    for tap in range(1, index.shape[1]):
        out.addcmul_(image.index_select(dim, index[:, tap]), weights[:, tap].view(shape))
    return out


def resize(image: Tensor, scale: float) -> Tensor:
    """Enlarge or shrink: ``(B, C, H, W) -> (B, C, ceil(H*scale), ceil(W*scale))``.

    Any value range, floating point, not clipped. Rows are resized before columns, as MATLAB does.

    Raises:
        ValueError: ``scale`` is not positive.
    """
    if scale <= 0:
        raise ValueError(f"scale is positive, got {scale}")
    height, width = image.shape[-2:]
    image = _along(image, -2, ceil(height * scale), scale)
    return _along(image, -1, ceil(width * scale), scale)


def _rounded(levels: Tensor) -> Tensor:
    return (levels + 0.5).floor().clamp(0, 255)


def resize_levels(image: Tensor, scale: float) -> Tensor:
    """`resize` of an 8-bit image: ``(B, C, H, W)`` uint8 in, uint8 out, bit for bit as MATLAB.

    MATLAB keeps the class of its input, so values are rounded half up and clipped to [0, 255]
    after the rows and again after the columns. The published low-resolution images were made so.

    Raises:
        ValueError: ``scale`` is not positive, or the image is not uint8.
    """
    if image.dtype != torch.uint8:
        raise ValueError(f"an 8-bit image is uint8, got {image.dtype}; use resize for floats")
    if scale <= 0:
        raise ValueError(f"scale is positive, got {scale}")
    height, width = image.shape[-2:]
    levels = _rounded(_along(image.double(), -2, ceil(height * scale), scale))
    return _rounded(_along(levels, -1, ceil(width * scale), scale)).to(torch.uint8)
