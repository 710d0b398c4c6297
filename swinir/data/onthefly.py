"""Degradations drawn anew for every training crop, each a function of the generator it is given.

They are made of module functions, so that they can be sent to another process.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from swinir.images.jpeg import compress
from swinir.images.tensors import Image

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class OnTheFly:
    """How a piece of a photograph becomes the network's input.

    Attributes:
        degrade: ``(H, W, C)`` in [0, 1], whose sides are multiples of the scale, and a generator
            ``-> (H/scale, W/scale, C)``, which may leave [0, 1]. The piece is not changed.
        margin: pixels of the input by which a piece is larger than the crop, which is then taken
            out of it at random: so that crops begin anywhere in a JPEG block, and the ends of a
            blur stay outside most of them.
    """

    degrade: Callable[[Image, Rng], Image]
    margin: int = 0


def noise(low: float, high: float) -> OnTheFly:
    """White Gaussian noise, not clipped; its deviation, in levels of 255, is drawn from a range."""
    return OnTheFly(partial(_noisy, low, high))


def jpeg(low: int, high: int) -> OnTheFly:
    """JPEG compression; its quality is drawn from a range, both ends included."""
    return OnTheFly(partial(_compressed, low, high), margin=8)


def pipeline(make: Callable[[Image, int, Rng], Image], scale: int) -> OnTheFly:
    """One of the pipelines of `realworld`."""
    return OnTheFly(partial(_through, make, scale), margin=8)


def _noisy(low: float, high: float, image: Image, rng: Rng) -> Image:
    sigma = rng.uniform(low, high) / 255
    drawn = rng.standard_normal(image.shape, np.float32)
    return (image + drawn * np.float32(sigma)).astype(np.float32)


def _compressed(low: int, high: int, image: Image, rng: Rng) -> Image:
    return compress(image, int(rng.integers(low, high, endpoint=True)))


def _through(make: Callable[[Image, int, Rng], Image], scale: int, image: Image, rng: Rng) -> Image:
    return make(image, scale, rng)
