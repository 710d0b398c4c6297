"""SSIM by the papers' protocol."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity

from swinir.metrics.ssim import ssim, ssim_y


def levels(seed: int, *shape: int) -> np.ndarray:
    """A smooth image with some noise as an 8-bit file holds it, in [0, 1]."""
    row, column, channel = np.ogrid[: shape[0], : shape[1], : shape[2]]
    smooth = 3 * row + 2 * column + 20 * channel
    noisy = smooth + np.random.default_rng(seed).integers(0, 60, shape)
    return np.minimum(noisy, 255).astype(np.float32) / 255


def as_doubles(image: np.ndarray) -> np.ndarray:
    """The same levels without the rounding of float32."""
    return np.round(image.astype(np.float64) * 255) / 255


def plain_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, over every 11x11 window that lies inside: ``(H, W)``."""
    distance = np.arange(-5, 6)
    window = np.exp(-(distance[:, None] ** 2 + distance[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(image: np.ndarray) -> np.ndarray:
        return convolve2d(image, window, mode="valid")

    spread_x, spread_y = mean(x * x) - mean(x) ** 2, mean(y * y) - mean(y) ** 2
    together = mean(x * y) - mean(x) * mean(y)
    alike = (2 * mean(x) * mean(y) + 0.01**2) * (2 * together + 0.03**2)
    all_of_it = (mean(x) ** 2 + mean(y) ** 2 + 0.01**2) * (spread_x + spread_y + 0.03**2)
    return float((alike / all_of_it).mean())


@pytest.mark.parametrize(("height", "width"), [(11, 11), (11, 30), (24, 19), (40, 33)])
def test_it_is_the_mean_over_whole_windows_of_the_published_formula(
    height: int, width: int
) -> None:
    restored, truth = levels(0, height, width, 3), levels(1, height, width, 3)
    channels = [(as_doubles(restored[..., at]), as_doubles(truth[..., at])) for at in range(3)]
    each = [plain_ssim(*channel) for channel in channels]
    assert ssim(restored, truth) == pytest.approx(sum(each) / 3, abs=1e-10)
    grey = restored[..., :1], truth[..., :1]
    assert ssim(*grey) == pytest.approx(each[0], abs=1e-10)


def test_luma_is_that_of_the_tables() -> None:
    restored, truth = levels(0, 24, 19, 3), levels(1, 24, 19, 3)
    luma = [rgb2ycbcr(as_doubles(image))[..., 0] / 255 for image in (restored, truth)]
    assert ssim_y(restored, truth) == pytest.approx(plain_ssim(*luma), abs=1e-10)
    inner = [image[3:-3, 3:-3] for image in luma]
    assert ssim_y(restored, truth, border=3) == pytest.approx(plain_ssim(*inner), abs=1e-10)


def test_scikit_image_agrees_where_it_is_told_the_protocol() -> None:
    restored, truth = levels(0, 24, 19, 1), levels(1, 24, 19, 1)
    theirs = structural_similarity(
        restored[..., 0].astype(np.float64),
        truth[..., 0].astype(np.float64),
        gaussian_weights=True,
        use_sample_covariance=False,
        data_range=1,
    )
    assert ssim(restored, truth) == pytest.approx(theirs, abs=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 99), st.integers(11, 20), st.integers(11, 20), st.sampled_from([1, 3]))
def test_it_is_symmetric_at_most_one_and_one_for_equal_images(
    seed: int, height: int, width: int, channels: int
) -> None:
    one, other = levels(seed, height, width, channels), levels(seed + 1, height, width, channels)
    assert ssim(one, one) == pytest.approx(1)
    assert ssim(one, other) < 1
    assert ssim(one, other) == pytest.approx(ssim(other, one))
    assert ssim(one[::-1], other[::-1]) == pytest.approx(ssim(one, other))


def test_the_restored_image_is_rounded_as_a_file_would_be() -> None:
    truth = levels(0, 12, 12, 3)
    assert ssim(truth + 0.001, truth) == pytest.approx(1, abs=1e-12)
    assert ssim_y(truth - 0.001, truth) == pytest.approx(1, abs=1e-12)
    assert ssim(truth + 0.01, truth) < 0.9999


def test_the_border_is_not_looked_at() -> None:
    truth = levels(0, 17, 18, 3)
    spoilt = truth.copy()
    spoilt[:3], spoilt[-3:], spoilt[:, :3], spoilt[:, -3:] = 0, 1, 0, 1
    assert ssim(spoilt, truth, border=3) == pytest.approx(1)
    assert ssim(spoilt, truth, border=2) < 0.99


@pytest.mark.parametrize("score", [ssim, ssim_y])
def test_an_image_smaller_than_the_window_is_refused(score: Callable[..., float]) -> None:
    image = levels(0, 16, 14, 3)
    with pytest.raises(ValueError, match="11 pixels a side inside the border, got 10x12"):
        score(image, image, border=2)
    with pytest.raises(ValueError, match="nothing inside a border of 7"):
        score(image, image, border=7)


def test_images_of_different_shape_or_without_luma_are_refused() -> None:
    for score in (ssim, ssim_y):
        with pytest.raises(ValueError, match="one shape"):
            score(levels(0, 12, 12, 3), levels(0, 12, 13, 3))
    with pytest.raises(ValueError, match="RGB image"):
        ssim_y(levels(0, 12, 12, 1), levels(0, 12, 12, 1))
