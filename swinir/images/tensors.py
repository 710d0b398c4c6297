"""Images as arrays ``(H, W, C)``, as tensors ``(1, C, H, W)`` and as 8-bit levels ``(C, H, W)``."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Image = NDArray[np.float32]
"""``(H, W, C)`` in [0, 1], grey or RGB."""


def to_tensor(image: NDArray[np.floating]) -> Tensor:
    """``(H, W, C) -> (1, C, H, W)`` float32, values unchanged.

    The tensor shares the memory of a writable, contiguous float32 array and copies any other.

    Raises:
        ValueError: the array has not three axes.
    """
    if image.ndim != 3:
        raise ValueError(f"an image has the axes (H, W, C), got shape {image.shape}")
    array = np.require(image, np.float32, ["C_CONTIGUOUS", "WRITEABLE"])
    return torch.from_numpy(array).permute(2, 0, 1)[None]


def to_image(tensor: Tensor) -> NDArray[np.float32]:
    """``(1, C, H, W)`` on any device ``-> (H, W, C)``, values unchanged.

    The array shares the memory of a float32 tensor of the CPU that lies channels last.

    Raises:
        ValueError: the tensor is not a single image.
    """
    if tensor.ndim != 4 or tensor.shape[0] != 1:
        raise ValueError(f"one image is (1, C, H, W), got shape {tuple(tensor.shape)}")
    rows = tensor.detach()[0].permute(1, 2, 0)
    return rows.to("cpu", torch.float32).contiguous().numpy()


def to_levels(image: Image) -> Tensor:
    """``(H, W, C)`` in [0, 1] ``-> (C, H, W)`` uint8, rounded; what is outside is clipped."""
    levels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return torch.from_numpy(levels).permute(2, 0, 1)


def from_levels(levels: Tensor) -> Image:
    """``(C, H, W)`` uint8 ``-> (H, W, C)`` in [0, 1]."""
    return levels.permute(1, 2, 0).numpy().astype(np.float32) / np.float32(255)
