"""How noisy a picture is."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from swinir.images.files import read
from swinir.metrics.noise import noise_level

PHOTOGRAPHS = sorted((Path(__file__).parents[2] / "imgs").glob("*.png"))


def with_noise(image: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """The image as a file would hold it with noise of ``sigma`` in steps of 1/255."""
    noise = np.random.default_rng(0).normal(0, sigma / 255, image.shape)
    return np.round(255 * np.clip(image + noise, 0, 1)) / 255


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_noise_on_a_photograph_is_judged_rightly(path: Path, sigma: float) -> None:
    # Photographs lie near black and white here and there, where noise is cut off.
    found = noise_level(with_noise(read(path).pixels, sigma))
    assert found == pytest.approx(sigma, rel=0.2)


def test_a_flat_image_has_none() -> None:
    assert noise_level(np.full((40, 40, 3), 0.5)) == pytest.approx(0, abs=1e-6)


def test_grey_is_judged_like_colour() -> None:
    ramp = np.linspace(0.3, 0.7, 100)[None, :, None] * np.ones((80, 1, 1))
    assert noise_level(with_noise(ramp, 20)) == pytest.approx(20, rel=0.05)


@pytest.mark.parametrize("shape", [(1, 1, 3), (6, 50, 1), (8, 8, 3)])
def test_what_is_too_small_or_all_white_has_none(shape: tuple[int, int, int]) -> None:
    assert noise_level(np.ones(shape)) == 0


def test_a_large_image_takes_no_longer_than_a_few_patches_do() -> None:
    image = with_noise(np.full((1500, 1500, 1), 0.5), 20)
    assert noise_level(image) == pytest.approx(20, rel=0.05)
