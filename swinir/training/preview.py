"""What a network will learn from: a sheet of crops to look at before spending a day."""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from swinir.images.sheet import Panel, compose
from swinir.training.material import load_crops
from swinir.training.recipe import Recipe

PHOTOGRAPHS, ROWS, PAIRS = 24, 6, 3
SIDE = 192
"""Least side in pixels at which a crop is shown."""


def preview(recipe: Recipe, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
    """The first crops of a run, each beside its truth: ``(H, W, 3)`` in [0, 1].

    They are drawn from some of the photographs only, so not those of the run itself.

    Raises:
        ValueError: the photographs do not fit the recipe.
    """
    crops = load_crops(recipe, most=PHOTOGRAPHS, progress=progress)
    patch, scale = recipe.data.patch, recipe.network.scale
    drawn = [crops.crop(number, 0) for number in range(ROWS * PAIRS)]
    zoom = max(1, -(-SIDE // (patch * scale)))

    def panel(caption: str, crop: Tensor, factor: int) -> Panel:
        pixels = crop.permute(1, 2, 0).clamp(0, 1).numpy()
        return Panel(caption, pixels.repeat(factor, 0).repeat(factor, 1))

    rows = [
        [
            panel(caption, crop, factor)
            for degraded, truth in drawn[row * PAIRS : (row + 1) * PAIRS]
            for caption, crop, factor in (
                ("input", degraded, zoom * scale),
                ("truth", truth, zoom),
            )
        ]
        for row in range(ROWS)
    ]
    return compose(rows)
