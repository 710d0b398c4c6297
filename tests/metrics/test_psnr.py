"""PSNR by the papers' protocol."""

from math import inf, log10

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from swinir.metrics.psnr import psnr, psnr_y


def levels(seed: int, *shape: int) -> np.ndarray:
    """An image as an 8-bit file holds it, in [0, 1]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape).astype(np.float32) / 255


def test_a_known_error_gives_the_known_figure() -> None:
    black = np.zeros((8, 8, 3), np.float32)
    assert psnr(np.ones_like(black), black) == pytest.approx(0)
    assert psnr(black + 0.2, black) == pytest.approx(-10 * log10(0.2**2))
    half = black.copy()
    half[:4] = 0.2
    assert psnr(half, black) == pytest.approx(-10 * log10(0.2**2 / 2))


def test_black_against_white_differs_by_219_levels_of_luma() -> None:
    black = np.zeros((8, 8, 3), np.float32)
    assert psnr_y(black + 1, black) == pytest.approx(-20 * log10(219 / 255))


def test_equal_images_are_infinitely_close() -> None:
    image = levels(0, 9, 11, 3)
    assert psnr(image, image) == inf
    assert psnr_y(image, image, border=2) == inf


def test_both_agree_with_scikit_image() -> None:
    restored, truth = levels(0, 20, 24, 3), levels(1, 20, 24, 3)
    assert psnr(restored, truth) == pytest.approx(
        peak_signal_noise_ratio(truth, restored, data_range=1)
    )
    luma = (rgb2ycbcr(image.astype(np.float64))[..., 0] for image in (truth, restored))
    assert psnr_y(restored, truth) == pytest.approx(peak_signal_noise_ratio(*luma, data_range=255))


def test_a_grey_image_is_compared_as_it_is() -> None:
    black = np.zeros((8, 8, 1), np.float32)
    assert psnr(black + 0.2, black) == pytest.approx(-10 * log10(0.2**2))


def test_the_restored_image_is_rounded_as_a_file_would_be() -> None:
    truth = levels(0, 12, 12, 3)
    assert psnr(truth + 0.001, truth) == inf
    assert psnr_y(truth - 0.001, truth) == inf


def test_the_border_is_not_looked_at() -> None:
    truth = levels(0, 12, 14, 3)
    spoilt = truth.copy()
    spoilt[:3], spoilt[-3:], spoilt[:, :3], spoilt[:, -3:] = 0, 1, 0, 1
    assert psnr_y(spoilt, truth, border=3) == inf
    assert psnr_y(spoilt, truth, border=2) < 30


def test_images_of_different_shape_are_refused() -> None:
    for score in (psnr, psnr_y):
        with pytest.raises(ValueError, match=r"one shape, got \(8, 8, 3\) and \(8, 9, 3\)"):
            score(levels(0, 8, 8, 3), levels(0, 8, 9, 3))


def test_luma_of_a_grey_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"RGB image .*got shape \(8, 8, 1\)"):
        psnr_y(levels(0, 8, 8, 1), levels(0, 8, 8, 1))
