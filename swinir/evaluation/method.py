"""How the figure of a table is made: the image to restore, what is compared, and how."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from swinir.data.degradations import add_noise, shrink
from swinir.evaluation.pairing import read_truth
from swinir.evaluation.sets import Sample
from swinir.images.colour import LUMA, rgb_to_y
from swinir.images.files import read
from swinir.images.jpeg import compress
from swinir.images.resize import resize_levels
from swinir.images.tensors import Image, from_levels, to_levels
from swinir.metrics.levels import round_to_levels
from swinir.metrics.psnr import psnr, psnr_y
from swinir.tasks import Bicubic, CompressedBicubic, GaussianNoise, Jpeg, RealWorld, Task


def psnr_of_luma(restored: Image, truth: Image, *, border: int = 0) -> float:
    """PSNR in dB of the luma in [16, 235]/255; a grey image ``(H, W, 1)`` is its own luma."""
    return (psnr_y if truth.shape[2] == 3 else psnr)(restored, truth, border=border)


def full_range_luma(image: Image) -> Image:
    """``(H, W, C) -> (H, W, 1)`` in [0, 1], rounded to 8-bit levels; a grey image as it is."""
    if image.shape[2] == 1:
        return image
    return round_to_levels(image @ np.array(LUMA))[..., None].astype(np.float32)


def studio_luma(image: Image) -> Image:
    """``(H, W, 3) -> (H, W, 1)`` in [16, 235]/255, rounded to 8-bit levels."""
    return round_to_levels(rgb_to_y(image))[..., None].astype(np.float32)


def shrink_as_matlab(image: Image, scale: int) -> Image:
    """``(H, W, C) -> (H/scale, W/scale, C)``, in 8-bit levels."""
    return from_levels(shrink(to_levels(image), scale))


def enlarge_as_matlab(image: Image, scale: int) -> Image:
    """``(H, W, C) -> (H*scale, W*scale, C)``, in 8-bit levels: the papers' bicubic baseline."""
    return from_levels(resize_levels(to_levels(image)[None], scale)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Everything that decides a figure but the weights and the pictures.

    Attributes:
        scale: enlargement.
        channels: 3 or 1, to which images are brought; grey becomes three equal channels.
        keep_grey: a grey image stays as it is, and is its own luma.
        to_grey: makes one channel of three, where ``channels`` is 1.
        degrade: makes the image to restore of a truth; None where papers define none.
        given: whether an image that lies beside the truth is restored in place of a made one.
        border: pixels shaved off every side of both.
        headline: the figure that stands first in the papers' table.
        judge: that figure, of a restored image and its truth.
        baseline: what the restored image is held against: the answer without a network.
    """

    scale: int
    channels: int
    keep_grey: bool = False
    to_grey: Callable[[Image], Image] = full_range_luma
    degrade: Callable[[Image], Image] | None
    given: bool = True
    border: int = 0
    headline: str
    judge: Callable[[Image, Image], float]
    baseline: str

    def restore_plainly(self, image: Image) -> Image:
        """The baseline: the image itself, enlarged by bicubic where it is to be larger."""
        return image if self.scale == 1 else enlarge_as_matlab(image, self.scale)

    def prepare(self, sample: Sample) -> tuple[Image, Image]:
        """The image to restore, which may leave [0, 1], and its truth.

        Raises:
            ValueError: a file that cannot be read, a pair that does not fit together, or an image
                that nobody says how to degrade.
        """
        if sample.degraded and self.given:
            degraded = read(sample.degraded).pixels
            height, width, channels = degraded.shape
            shape = (height * self.scale, width * self.scale, channels)
            truth = read_truth(sample.truth, self.scale, shape)
            return self._in_channels(degraded), self._in_channels(truth)
        if not self.degrade:
            raise ValueError(
                f"{sample.truth}: no paper says how to degrade images for this task; give pairs "
                "with --lq and --gt"
            )
        truth = self._in_channels(read_truth(sample.truth, self.scale))
        return self.degrade(truth), truth

    def _in_channels(self, image: Image) -> Image:
        if image.shape[2] == self.channels or (self.keep_grey and image.shape[2] == 1):
            return image
        if self.channels == 1:
            return self.to_grey(image)
        return image.repeat(3, axis=2)


def as_published(task: Task) -> Method:
    """How the papers made their figures for a task.

    Super-resolution: luma, ``scale`` pixels shaved. Noise and JPEG: all channels, nothing shaved.
    """
    channels = task.network.channels
    match task.undoes:
        case Bicubic(scale):
            return _enlarging(scale, lambda image: shrink_as_matlab(image, scale))
        case CompressedBicubic(scale, quality):
            return _enlarging(scale, lambda it: compress(shrink_as_matlab(it, scale), quality))
        case RealWorld(scale):
            return _enlarging(scale, None)
        case GaussianNoise(sigma):
            return Method(
                scale=1,
                channels=channels,
                degrade=lambda image: add_noise(image, sigma),
                headline="psnr",
                judge=psnr,
                baseline="noisy",
            )
        case Jpeg(quality):
            return Method(
                scale=1,
                channels=channels,
                # The script takes the luma of colour files for the grey task so, not full range.
                to_grey=studio_luma,
                degrade=lambda image: compress(image, quality),
                headline="psnr",
                judge=psnr,
                baseline="JPEG",
            )


def as_in_matlab(method: Method) -> Method:
    """How figures of bicubic were made, by MATLAB scripts: a grey file is compared as it is.

    SwinIR's script makes three channels of it, whose luma spans [16, 235] only: 1.3 dB more.
    """
    return replace(method, keep_grey=True)


def _enlarging(scale: int, degrade: Callable[[Image], Image] | None) -> Method:
    return Method(
        scale=scale,
        channels=3,
        degrade=degrade,
        border=scale,
        headline="psnr_y",
        judge=partial(psnr_of_luma, border=scale),
        baseline="bicubic",
    )
