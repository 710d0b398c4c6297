"""From a recipe to what is learned from: degradations, crops, validation pictures."""

from collections.abc import Callable

from swinir.data import onthefly
from swinir.data.crops import TexturedCrops
from swinir.data.datasets import Pair, load_pairs
from swinir.data.onthefly import OnTheFly
from swinir.data.realworld import bsrgan, real_esrgan
from swinir.training.recipe import (
    BicubicRecipe,
    Degradation,
    JpegRecipe,
    NoiseRecipe,
    RealWorldRecipe,
    Recipe,
)

Progress = Callable[[int, int], None]

SMALLEST_VALIDATION = 3
"""Side of a degraded image: of smaller ones nothing is left when the border is shaved."""

PIPELINES = {"bsrgan": bsrgan, "real-esrgan": real_esrgan}


def on_the_fly(degradation: Degradation, scale: int) -> OnTheFly | None:
    """What is done to each crop; None where whole photographs are shrunk beforehand."""
    match degradation:
        case BicubicRecipe():
            return None
        case NoiseRecipe():
            return onthefly.noise(*degradation.range)
        case JpegRecipe():
            return onthefly.jpeg(*degradation.range)
        case RealWorldRecipe(kind=kind):
            return onthefly.pipeline(PIPELINES[kind], scale)


def load_crops(
    recipe: Recipe,
    *,
    most: int | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> TexturedCrops:
    """The crops that a run learns from, of all photographs or of ``most``; see `load_pairs`.

    Raises:
        ValueError: the photographs do not fit the recipe.
        Stopped: ``stop`` said so.
    """
    network, data = recipe.network, recipe.data
    fly = on_the_fly(data.degradation, network.scale)
    pairs = load_pairs(
        data.train,
        network.scale,
        channels=network.channels,
        smallest=data.patch + (fly.margin if fly else 0),
        most=most,
        progress=progress,
        stop=stop,
    )
    return TexturedCrops(
        pairs, patch=data.patch, scale=network.scale, seed=recipe.seed, on_the_fly=fly
    )


def load_validation(
    recipe: Recipe,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Pair]:
    """The pictures that a run is scored on; none where the recipe names no folder.

    Raises:
        ValueError: the folder holds none.
        Stopped: ``stop`` said so.
    """
    data = recipe.data
    if data.validation is None:
        return []
    return load_pairs(
        data.validation,
        recipe.network.scale,
        channels=recipe.network.channels,
        smallest=SMALLEST_VALIDATION,
        side=data.validation_side,
        progress=progress,
        stop=stop,
    )
