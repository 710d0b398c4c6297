"""Photographs in memory, as pairs of a degraded image and its truth."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from swinir.data.degradations import crop_to_multiple, shrink
from swinir.images.files import UnreadableImage, find_images, read

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pair:
    """One photograph: ``truth`` (3, H, W) and ``degraded`` (3, H/scale, W/scale), uint8."""

    name: str
    truth: Tensor
    degraded: Tensor


def load_levels(path: Path) -> Tensor:
    """Read an RGB image as (3, H, W) uint8; a grey one gets three equal channels.

    Raises:
        UnreadableImage: not an image.
    """
    pixels = read(path).pixels
    levels = torch.from_numpy(np.round(pixels * 255).astype(np.uint8)).permute(2, 0, 1)
    return levels.expand(3, -1, -1).contiguous()


def load_pairs(
    folder: Path,
    scale: int,
    *,
    smallest: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Pair]:
    """Read every photograph of a folder and make its low-resolution image.

    Smaller ones are left out, and so are unreadable ones, with a warning. ``smallest`` is the least
    side of a degraded image; ``progress`` is called with the number of files done and in all.

    Raises:
        ValueError: the folder holds no photograph large enough.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: a folder of photographs is needed, there is none")
    pairs: list[Pair] = []
    unreadable: list[UnreadableImage] = []
    files = find_images(folder)
    for done, path in enumerate(files, 1):
        try:
            levels = load_levels(path)
            if min(levels.shape[1:]) >= smallest * scale:
                truth = crop_to_multiple(levels, scale).contiguous()
                pairs.append(Pair(path.stem, truth, shrink(truth, scale)))
        except UnreadableImage as error:
            unreadable.append(error)
        if progress:
            progress(done, len(files))
    # After the last call of progress, whose line they would break.
    for error in unreadable:
        log.warning("skipped: %s", error)
    if not pairs:
        side = smallest * scale
        raise ValueError(
            f"{folder}: needs photographs of at least {side}x{side} pixels, "
            f"found none among {len(files)} image files"
        )
    return pairs
