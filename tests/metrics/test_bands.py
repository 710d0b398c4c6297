"""Scores of large images, which are taken in bands of rows."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from swinir.metrics import levels
from swinir.metrics.psnr import psnr, psnr_y
from swinir.metrics.psnrb import psnrb, psnrb_y
from swinir.metrics.ssim import ssim, ssim_y

SCORES = [psnr, psnr_y, ssim, ssim_y, psnrb, psnrb_y]


def pair(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A blocky image and one with noise on it."""
    rng = np.random.default_rng(0)
    blocks = rng.random((height // 8 + 1, width // 8 + 1, 3), np.float32)
    truth = blocks.repeat(8, 0).repeat(8, 1)[:height, :width]
    return truth + rng.normal(0, 0.05, truth.shape).astype(np.float32), truth


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("border", [0, 3])
@pytest.mark.parametrize("band", [1, 700, 1999])
def test_a_score_does_not_depend_on_the_bands(
    monkeypatch: pytest.MonkeyPatch, score: Callable[..., float], border: int, band: int
) -> None:
    images = pair(131, 57)
    monkeypatch.setattr(levels, "BAND", 10**9)
    whole = score(*images, border=border)
    monkeypatch.setattr(levels, "BAND", band)
    assert score(*images, border=border) == pytest.approx(whole, abs=1e-11)


@pytest.mark.parametrize("score", SCORES)
def test_a_score_takes_little_memory_beside_the_images(score: Callable[..., float]) -> None:
    images = pair(1500, 500)
    tracemalloc.start()
    try:
        score(*images)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.35 * sum(image.nbytes for image in images)
