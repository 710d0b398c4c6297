"""How a clean image becomes the network's input: one function per degradation of `tasks`."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from swinir.images.resize import resize_levels


def crop_to_multiple(levels: torch.Tensor, multiple: int) -> torch.Tensor:
    """Cut the bottom and right edges: ``(C, H, W)`` to sides that are multiples of ``multiple``.

    Nothing is left of a side that is shorter.
    """
    height, width = levels.shape[-2:]
    return levels[..., : height // multiple * multiple, : width // multiple * multiple]


def shrink(levels: torch.Tensor, scale: int) -> torch.Tensor:
    """The low-resolution image of the SR benchmarks: ``(C, H, W) -> (C, H/scale, W/scale)``, uint8.

    Both sides must be multiples of ``scale``; see `crop_to_multiple`.
    """
    return resize_levels(levels[None], 1 / scale)[0]


def add_noise(
    image: NDArray[np.floating],
    sigma: float,
    *,
    seed: int = 0,
    order: Literal["bgr", "rgb"] = "bgr",
) -> NDArray[np.float32]:
    """The noisy image of the denoising benchmarks: ``(H, W, C)`` grey or RGB, neither clipped.

    Gaussian noise as the official test script draws it (``main_test_swinir.py``): from numpy's
    Mersenne Twister, seeded anew for every image, in float64, in the memory order of an image that
    OpenCV has read, so that channels come blue, green, red.

    Args:
        image: in [0, 1].
        sigma: standard deviation in levels of 255.
        seed: of the generator; the tables have 0.
        order: of the channels in which noise is drawn; ``rgb`` gives other figures than the tables.

    Raises:
        ValueError: a shape that is neither grey nor RGB, a negative ``sigma``, another order.
    """
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"noise is added to (H, W, 1) or (H, W, 3), got shape {image.shape}")
    if sigma < 0:
        raise ValueError(f"sigma is at least 0, got {sigma}")
    if order not in ("bgr", "rgb"):
        raise ValueError(f"the order of channels is bgr or rgb, got {order!r}")
    # A generator of our own: numpy's global one is for the caller.
    noise = np.random.RandomState(seed).normal(0, sigma / 255, image.shape)
    return (image + (noise[..., ::-1] if order == "bgr" else noise)).astype(np.float32)
