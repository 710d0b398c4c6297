"""From a recipe to what is learned from: degradations, crops, validation pictures."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from swinir.data import onthefly
from swinir.data.crops import Crops
from swinir.data.datasets import Pair, listed, load_pairs
from swinir.data.matching import misfit
from swinir.data.onthefly import OnTheFly
from swinir.data.realworld import bsrgan, real_esrgan
from swinir.data.textured import TexturedCrops, stride_of, texture_of
from swinir.evaluation.pairing import find_truth
from swinir.training.recipe import (
    BicubicRecipe,
    Degradation,
    JpegRecipe,
    NoiseRecipe,
    PairedRecipe,
    RealWorldRecipe,
    Recipe,
)

Progress = Callable[[int, int], None]

SMALLEST_VALIDATION = 3
"""Side of a degraded image: of smaller ones nothing is left when the border is shaved."""

PIPELINES = {"bsrgan": bsrgan, "real-esrgan": real_esrgan}


def on_the_fly(degradation: Degradation, scale: int) -> OnTheFly | None:
    """What is done to each crop; None where degraded images are there beforehand."""
    match degradation:
        case BicubicRecipe() | PairedRecipe():
            return None
        case NoiseRecipe():
            return onthefly.noise(*degradation.range)
        case JpegRecipe():
            return onthefly.jpeg(*degradation.range)
        case RealWorldRecipe(kind=kind):
            return onthefly.pipeline(PIPELINES[kind], scale)


def smallest_input(recipe: Recipe) -> int:
    """Least side in pixels of a degraded image that crops are drawn from."""
    fly = on_the_fly(recipe.data.degradation, recipe.network.scale)
    return recipe.data.patch + (fly.margin if fly else 0)


def load_crops(
    recipe: Recipe,
    *,
    most: int | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Crops:
    """The crops that a run learns from, of all photographs or of ``most``; see `load_pairs`.

    Raises:
        ValueError: the photographs do not fit the recipe.
        OSError: the cache cannot be written.
        Stopped: ``stop`` said so.
    """
    network, data = recipe.network, recipe.data
    smallest = smallest_input(recipe)
    # What is kept is looked at while it is in the memory; else the crops will do so.
    textured = data.draw == "textured"
    look = partial(texture_of, patch=smallest, stride=stride_of(data.patch))
    pairs = load_pairs(
        data.train,
        network.scale,
        matches=matches(recipe),
        channels=network.channels,
        smallest=smallest,
        most=most,
        cache=data.cache,
        prepare=look if data.cache and textured else None,
        progress=progress,
        stop=stop,
    )
    draw = TexturedCrops if textured else Crops
    return draw(
        pairs,
        patch=data.patch,
        scale=network.scale,
        seed=recipe.seed,
        on_the_fly=on_the_fly(data.degradation, network.scale),
    )


def load_validation(
    recipe: Recipe,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Pair]:
    """The pictures that a run is scored on; none where the recipe names no folder.

    Raises:
        ValueError: the folder holds none, or they do not fit the recipe.
        OSError: the cache cannot be written.
        Stopped: ``stop`` said so.
    """
    data = recipe.data
    if data.validation is None:
        return []
    paired = data.degradation if isinstance(data.degradation, PairedRecipe) else None
    inputs = paired.validation_inputs if paired else None
    return load_pairs(
        data.validation,
        recipe.network.scale,
        matches=match(inputs, data.validation, recipe.network.scale) if inputs else None,
        channels=recipe.network.channels,
        smallest=SMALLEST_VALIDATION,
        side=data.validation_side,
        cache=data.cache,
        progress=progress,
        stop=stop,
    )


def matches(recipe: Recipe) -> list[tuple[Path, Path]] | None:
    """The training photographs with their degraded images; None where these are made.

    Raises:
        ValueError: as of `match`.
    """
    data = recipe.data
    if not isinstance(data.degradation, PairedRecipe):
        return None
    return match(data.degradation.inputs, data.train, recipe.network.scale)


def match(inputs: Path, truths: Path, scale: int) -> list[tuple[Path, Path]]:
    """Each truth of a folder with its degraded image in another, by name; see `find_truth`.

    A truth may have several, as from several cameras or strengths.

    Raises:
        ValueError: a folder is not there or empty, or a file has no partner.
    """
    wanted, named = listed(truths), defaultdict[str, list[Path]](list)
    for path in wanted:
        named[path.stem].append(path)
    found: list[tuple[Path, Path]] = []
    for source in listed(inputs):
        # Those that could be meant, because a comparison of all with all takes minutes.
        names = {source.stem, source.stem.removesuffix(f"x{scale}")}
        near = [path for name in names for path in named.get(name, ())]
        found.append((find_truth(source, near or wanted, scale), source))
    alone = set(wanted) - {truth for truth, _ in found}
    if alone:
        first = min(alone)
        raise ValueError(
            f"{first}: each photograph has a degraded image in {inputs}, called {first.stem} or "
            f"{first.stem}x{scale}; got none for {len(alone)} of {len(wanted)}"
        )
    return found


def misfits(recipe: Recipe, shapes: Mapping[Path, tuple[int, ...]]) -> list[str]:
    """What is wrong with the pairs of a paired recipe, one line each.

    Args:
        recipe: any; there is nothing wrong with others.
        shapes: ``(H, W, C)`` of the files that can be read.
    """
    try:
        pairs = matches(recipe) or []
    except ValueError as error:
        return [str(error)]
    scale = recipe.network.scale
    found = (
        misfit(truth, shapes[truth], source, shapes[source], scale)
        for truth, source in pairs
        if truth in shapes and source in shapes
    )
    return [line for line in found if line]
