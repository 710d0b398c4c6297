"""How a clean image becomes the network's input: one function per degradation of `tasks`."""

import torch

from swinir.images.resize import resize_levels


def crop_to_multiple(levels: torch.Tensor, multiple: int) -> torch.Tensor:
    """Cut the bottom and right edges: ``(C, H, W)`` to sides that are multiples of ``multiple``.

    Raises:
        ValueError: a side is shorter than ``multiple``.
    """
    height, width = levels.shape[-2:]
    if min(height, width) < multiple:
        raise ValueError(f"an image has at least {multiple} pixels a side, got {width}x{height}")
    return levels[..., : height // multiple * multiple, : width // multiple * multiple]


def shrink(levels: torch.Tensor, scale: int) -> torch.Tensor:
    """The low-resolution image of the SR benchmarks: ``(C, H, W) -> (C, H/scale, W/scale)``, uint8.

    Both sides must be multiples of ``scale``; see `crop_to_multiple`.
    """
    return resize_levels(levels[None], 1 / scale)[0]
