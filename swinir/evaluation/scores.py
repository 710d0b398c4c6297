"""Scores of one restored image, and their means over a set."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from swinir.images.tensors import Image
from swinir.metrics.learned import Learned
from swinir.metrics.psnr import psnr, psnr_y
from swinir.metrics.psnrb import psnrb
from swinir.metrics.ssim import ssim, ssim_y

Scores = Mapping[str, float]
"""Figures by name: those of `FIGURES` that make sense for the image, then learned ones."""


@dataclass(frozen=True, slots=True)
class Figure:
    """How a figure is written: heading, decimals, and how far from a paper's is still the same."""

    title: str
    decimals: int
    tolerance: float


FIGURES: dict[str, Figure] = {
    "psnr": Figure("PSNR", 2, 0.05),
    "psnr_y": Figure("PSNR-Y", 2, 0.05),
    "ssim": Figure("SSIM", 4, 0.001),
    "ssim_y": Figure("SSIM-Y", 4, 0.001),
    "psnrb": Figure("PSNR-B", 2, 0.05),
}
"""Figures in the order of the tables; PSNR and PSNR-B in dB."""


def measure(
    restored: Image,
    truth: Image,
    *,
    border: int = 0,
    grey_is_luma: bool = False,
    learned: Sequence[Learned] = (),
) -> Scores:
    """All figures of a restored image ``(H, W, C)`` in [0, 1] against its truth.

    Args:
        restored: the image.
        truth: what it should be.
        border: pixels shaved, but for PSNR-B, whose blocks are counted from the corner, and for
            learned metrics.
        grey_is_luma: a grey image is its own luma; otherwise it has no figures of the luma.
        learned: further metrics.

    Raises:
        ValueError: the shapes differ, or an image is too small.
    """
    peaks = {"psnr": psnr(restored, truth, border=border)}
    structure = {"ssim": ssim(restored, truth, border=border)}
    if truth.shape[2] == 3:
        peaks["psnr_y"] = psnr_y(restored, truth, border=border)
        structure["ssim_y"] = ssim_y(restored, truth, border=border)
    elif grey_is_luma:
        peaks["psnr_y"], structure["ssim_y"] = peaks["psnr"], structure["ssim"]
    scores = {**peaks, **structure, "psnrb": psnrb(restored, truth)}
    return scores | {metric.name: metric(restored, truth) for metric in learned}


def mean(scores: Iterable[Scores]) -> dict[str, float]:
    """The mean of each figure over images; decibels are averaged as they are, as papers do.

    A figure that one of the images lacks is left out.
    """
    rows = list(scores)
    names = [name for name in (rows[0] if rows else ()) if all(name in row for row in rows)]
    return {name: sum(row[name] for row in rows) / len(rows) for name in names}


def score(restored: Image, truth: Image, scale: int) -> float:
    """PSNR in dB as the papers' tables give it; infinite where the images are equal.

    Super-resolution: luma with ``scale`` pixels shaved, a grey image being three equal channels.
    Scale 1: RGB, or grey, nothing shaved.

    Raises:
        ValueError: the shapes differ, or shaving leaves nothing.
    """
    if scale == 1:
        return psnr(restored, truth)
    if restored.shape[2:] == truth.shape[2:] == (1,):
        restored, truth = restored.repeat(3, axis=2), truth.repeat(3, axis=2)
    return psnr_y(restored, truth, border=scale)
