"""What makes a figure differ from a paper's: the usual departures from its method, to try out.

Each is a reason and the method with that one thing changed. Where a departure leads to the figure
in question, the reason is found.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from PIL import Image as Pillow

from swinir.data.degradations import add_noise
from swinir.evaluation.method import Method, as_in_matlab, full_range_luma, psnr_of_luma
from swinir.images.colour import rgb_to_y
from swinir.images.samples import to_floats
from swinir.images.tensors import Image, to_levels
from swinir.metrics.levels import round_to_levels
from swinir.metrics.psnr import psnr, psnr_y
from swinir.tasks import Bicubic, GaussianNoise, Jpeg, Task


@dataclass(frozen=True, slots=True)
class Departure:
    """A reason why a figure is off, in words that complete "the figure comes out with"."""

    reason: str
    method: Method


def departures(task: Task, method: Method) -> list[Departure]:
    """The departures from ``method`` that are worth a try for a task."""
    match task.undoes:
        case Bicubic(scale):
            grey = Departure(
                "grey files compared as they are, as MATLAB scripts do, not as three channels",
                as_in_matlab(method),
            )
            return [*_inputs_of_enlarging(method, scale), grey, *_judges_of_enlarging(method)]
        case GaussianNoise(sigma):
            return [*_noises(method, sigma), *_judges_of_same_size(method)]
        case Jpeg():
            return _judges_of_same_size(method)
        case _:
            return []


def _inputs_of_enlarging(method: Method, scale: int) -> list[Departure]:
    def made(reason: str, shrink: Callable[[Image], Image]) -> Departure:
        return Departure(reason, replace(method, given=False, degrade=shrink))

    return [
        Departure(
            "low-resolution images made anew: the given ones are not MATLAB's bicubic",
            replace(method, given=False),
        ),
        made(
            "low-resolution images made by OpenCV's bicubic, which does not filter",
            lambda image: _shrunk_by_opencv(image, scale),
        ),
        made(
            "low-resolution images made by Pillow's bicubic",
            lambda image: _shrunk_by_pillow(image, scale),
        ),
    ]


def _judges_of_enlarging(method: Method) -> list[Departure]:
    border = method.border

    def of_full_luma(restored: Image, truth: Image) -> float:
        return psnr(full_range_luma(restored), full_range_luma(truth), border=border)

    return [
        Departure(
            "all colours compared in place of the luma (RGB for Y)",
            replace(method, judge=partial(psnr, border=border)),
        ),
        Departure("no border shaved", replace(method, judge=psnr_of_luma)),
        Departure(
            "the luma of the full range (YIQ, JPEG) in place of [16, 235]",
            replace(method, judge=of_full_luma),
        ),
    ]


def _noises(method: Method, sigma: float) -> list[Departure]:
    def noisy(reason: str, make: Callable[[Image], Image]) -> Departure:
        return Departure(reason, replace(method, degrade=make))

    order = noisy(
        "noise drawn in RGB order in place of BGR",
        lambda image: add_noise(image, sigma, order="rgb"),
    )
    clipped = noisy(
        "noisy images clipped to [0, 1]",
        lambda image: np.clip(add_noise(image, sigma), 0, 1),
    )
    rounded = noisy(
        "noisy images clipped and rounded to 8 bits, as from a file",
        lambda image: round_to_levels(add_noise(image, sigma)).astype(np.float32),
    )
    return [*([order] if method.channels == 3 else ()), clipped, rounded]


def _judges_of_same_size(method: Method) -> list[Departure]:
    shaved = Departure(
        "8 pixels of border shaved",
        replace(method, judge=partial(psnr, border=8)),
    )
    if method.channels == 3:
        luma = Departure(
            "the luma compared in place of all colours (Y for RGB)", replace(method, judge=psnr_y)
        )
        return [luma, shaved]
    return [
        Departure("grey levels squeezed to [16, 235]", replace(method, judge=_squeezed)),
        shaved,
    ]


def _squeezed(restored: Image, truth: Image) -> float:
    ours, theirs = (rgb_to_y(image.repeat(3, axis=2))[..., None] for image in (restored, truth))
    return psnr(ours, theirs)


def _shrunk_by_opencv(image: Image, scale: int) -> Image:
    height, width, channels = image.shape
    levels = to_levels(image).permute(1, 2, 0).numpy()
    size = (width // scale, height // scale)
    small = cv2.resize(levels, size, interpolation=cv2.INTER_CUBIC)
    return to_floats(np.asarray(small, np.uint8).reshape(size[1], size[0], channels))[0]


def _shrunk_by_pillow(image: Image, scale: int) -> Image:
    size = (image.shape[1] // scale, image.shape[0] // scale)
    # A channel at a time: Pillow knows no grey image of three axes.
    small = [
        np.asarray(Pillow.fromarray(channel.numpy()).resize(size, Pillow.Resampling.BICUBIC))
        for channel in to_levels(image).contiguous()
    ]
    return to_floats(np.stack(small, 2))[0]
