"""The real-world degradations of BSRGAN and Real-ESRGAN."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from swinir.data import realworld
from swinir.data.realworld import bsrgan, real_esrgan

Degrade = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
BOTH = pytest.mark.parametrize("degrade", [bsrgan, real_esrgan])


def photograph(height: int = 96, width: int = 128, channels: int = 3) -> np.ndarray:
    coarse = np.random.default_rng(0).random((12, 16, channels)).astype(np.float32)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(fine, 0, 1).reshape(height, width, channels)


@BOTH
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [2, 4])
def test_the_size_is_divided_and_values_are_those_of_a_file(
    degrade: Degrade, channels: int, scale: int
) -> None:
    image = photograph(channels=channels)
    before = image.copy()
    for seed in range(12):
        small = degrade(image, scale, np.random.default_rng(seed))
        assert small.shape == (96 // scale, 128 // scale, channels)
        assert small.dtype == np.float32
        np.testing.assert_allclose(small * 255, np.round(small * 255), atol=1e-3)
        assert small.min() >= 0
        assert small.max() <= 1
    np.testing.assert_array_equal(image, before)


@BOTH
def test_a_sample_is_a_function_of_its_seed(degrade: Degrade) -> None:
    image = photograph()
    np.random.seed(1)
    first = degrade(image, 4, np.random.default_rng(7))
    np.random.seed(2)
    np.testing.assert_array_equal(first, degrade(image, 4, np.random.default_rng(7)))
    assert not np.array_equal(first, degrade(image, 4, np.random.default_rng(8)))


@BOTH
def test_on_average_nothing_is_shifted_or_tinted(degrade: Degrade) -> None:
    y, x = np.mgrid[:128, :128].astype(np.float32) / 128
    ramps = np.stack([0.2 + 0.6 * x, 0.2 + 0.6 * y, np.full_like(x, 0.5)], 2)
    small = np.mean([degrade(ramps, 4, np.random.default_rng(seed)) for seed in range(60)], 0)
    wanted = ramps.reshape(32, 4, 32, 4, 3).mean((1, 3))
    inside = np.s_[6:-6, 6:-6]
    # A shift by a pixel of the large image would be 0.0047.
    np.testing.assert_allclose(small[inside].mean((0, 1)), wanted[inside].mean((0, 1)), atol=0.004)


@pytest.mark.parametrize("scale", [2, 4])
def test_shrinking_by_every_nth_pixel_keeps_the_place(
    scale: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fixed:
        def random(self) -> float:
            return 0.9

        def uniform(self, low: float, high: float) -> float:
            return (low + high) / 2

    x = np.arange(64, dtype=np.float32)[None, :, None].repeat(64, 0) / 64
    made = realworld._bsrgan_shrink(x, scale, x.shape, Fixed())  # type: ignore[arg-type]
    wanted = x.reshape(64, 64 // scale, scale, 1).mean(2)[::scale]
    np.testing.assert_allclose(made[4:-4, 4:-4], wanted[4:-4, 4:-4], atol=1e-4)


@BOTH
def test_samples_are_blurred_noisy_and_different(degrade: Degrade) -> None:
    grey = np.full((64, 64, 3), 0.5, np.float32)
    spread = [float(degrade(grey, 2, np.random.default_rng(seed)).std()) for seed in range(20)]
    assert max(spread) > 0.02
    assert len({round(value, 5) for value in spread}) > 10


def test_bsrgan_noise_is_of_three_kinds() -> None:
    flat = np.full((40, 40, 3), 0.5, np.float32)
    kinds: set[str] = set()
    for seed in range(30):
        noise = realworld._bsrgan_noise(flat, np.random.default_rng(seed)) - flat
        between = np.corrcoef(noise.reshape(-1, 3).T)[0, 1]
        kinds.add("alike" if between > 0.999 else "apart" if abs(between) < 0.1 else "correlated")
    assert kinds == {"alike", "apart", "correlated"}


def test_grey_poisson_noise_is_that_of_the_luma_in_levels_of_a_file() -> None:
    class Fixed:
        def __init__(self) -> None:
            self.draws = iter((0.9, 0.1))
            self.rates: list[np.ndarray] = []

        def random(self) -> float:
            return next(self.draws)

        def uniform(self, low: float, high: float) -> float:
            return high

        def poisson(self, rates: np.ndarray) -> np.ndarray:
            self.rates.append(rates)
            return rates

    blue = np.zeros((8, 8, 3), np.float32)
    blue[..., 2], blue[:4] = 1, 0.5003
    rng = Fixed()
    noisy = realworld._second_order_noise(blue, rng, sigma=(1, 1), poisson=(1, 1))  # type: ignore[arg-type]
    np.testing.assert_allclose(noisy, blue, atol=1e-6)
    (rates,) = rng.rates
    assert rates.shape == (8, 8, 1)
    # Two levels, so two photons are white: 0.5 and blue's 0.114, rounded to a 255th.
    np.testing.assert_allclose(np.unique(rates), [2 * 29 / 255, 2 * 128 / 255])
