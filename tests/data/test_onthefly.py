"""Degradations of training crops."""

import numpy as np
import pytest

from swinir.data.onthefly import jpeg, noise, pipeline
from swinir.data.realworld import bsrgan
from swinir.images.jpeg import compress

GREY = np.full((64, 64, 3), 0.5, np.float32)


def spread(low: float, high: float, seed: int) -> float:
    return float(noise(low, high).degrade(GREY, np.random.default_rng(seed)).std()) * 255


def test_noise_has_the_deviation_asked_for_and_is_not_clipped() -> None:
    assert spread(25, 25, 0) == pytest.approx(25, rel=0.05)
    white = np.ones((64, 64, 1), np.float32)
    assert noise(50, 50).degrade(white, np.random.default_rng(0)).max() > 1.3


def test_a_range_is_drawn_from_end_to_end() -> None:
    found = [spread(5, 55, seed) for seed in range(60)]
    assert min(found) < 12
    assert max(found) > 48


def test_jpeg_is_of_a_quality_within_the_range() -> None:
    image = np.random.default_rng(0).random((16, 16, 3)).astype(np.float32)
    wanted = {quality: compress(image, quality).tobytes() for quality in (10, 11, 12)}
    made = {
        jpeg(10, 12).degrade(image, np.random.default_rng(seed)).tobytes() for seed in range(40)
    }
    assert made == set(wanted.values())


def test_a_pipeline_has_its_scale() -> None:
    made = pipeline(bsrgan, 4).degrade(GREY, np.random.default_rng(0))
    np.testing.assert_array_equal(made, bsrgan(GREY, 4, np.random.default_rng(0)))
    assert made.shape == (16, 16, 3)


@pytest.mark.parametrize("make", [noise(5, 50), jpeg(10, 40), pipeline(bsrgan, 2)])
def test_the_photograph_is_not_changed(make: object) -> None:
    before = GREY.copy()
    make.degrade(GREY, np.random.default_rng(0))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(GREY, before)
