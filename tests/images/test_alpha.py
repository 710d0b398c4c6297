"""Colours under transparency."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from swinir.images import alpha as module
from swinir.images.alpha import bleed, on_white


def nearest_visible(alpha: NDArray[np.float32], y: int, x: int) -> float:
    seen = np.argwhere(alpha > 0)
    return float(np.hypot(*(seen - [y, x]).T).min())


def test_hidden_pixels_take_the_colour_of_a_nearest_visible_one() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.random((13, 17, 3), np.float32)
    alpha = (rng.random((13, 17)) > 0.8).astype(np.float32) * 0.5
    spread = bleed(pixels, alpha)
    for y, x in np.argwhere(alpha == 0):
        sources = np.argwhere((pixels == spread[y, x]).all(2) & (alpha > 0))
        assert len(sources) == 1
        assert np.hypot(*(sources[0] - [y, x])) == nearest_visible(alpha, y, x)


def test_visible_pixels_and_the_input_stay_as_they_are() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.random((6, 7, 1), np.float32)
    before = pixels.copy()
    alpha = np.zeros((6, 7), np.float32)
    alpha[2:4, 2:4] = 1 / 65535
    spread = bleed(pixels, alpha)
    np.testing.assert_array_equal(spread[2:4, 2:4], before[2:4, 2:4])
    np.testing.assert_array_equal(pixels, before)
    assert spread.dtype == np.float32


def test_no_dark_edge_is_left_beside_a_bright_shape() -> None:
    pixels = np.zeros((9, 9, 3), np.float32)
    alpha = np.zeros((9, 9), np.float32)
    alpha[3:6, 3:6] = 1
    pixels[3:6, 3:6] = 1
    assert bleed(pixels, alpha).min() == 1


def test_nothing_to_spread_is_nothing_done() -> None:
    pixels = np.random.default_rng(0).random((4, 5, 3), np.float32)
    assert bleed(pixels, np.ones((4, 5), np.float32)) is pixels
    assert bleed(pixels, np.zeros((4, 5), np.float32)) is pixels


def test_on_white_mixes_by_opacity() -> None:
    pixels = np.full((1, 3, 1), 0.5, np.float32)
    laid = on_white(pixels, np.array([[0, 0.5, 1]], np.float32))
    np.testing.assert_allclose(laid.ravel(), [1, 0.75, 0.5])


@settings(max_examples=100)
@given(
    st.integers(0, 999),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([0.005, 0.05, 0.5, 0.95]),
    st.sampled_from([1, 50, 300, 1 << 14]),
)
def test_in_bands_of_any_size_it_is_what_the_whole_distance_transform_gives(
    seed: int, height: int, width: int, share: float, band: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.random((height, width, 3), np.float32)
    alpha = (rng.random((height, width)) < share).astype(np.float32)
    alpha[rng.integers(height), rng.integers(width)] = 1
    rows, columns = ndimage.distance_transform_edt(
        alpha <= 0, return_distances=False, return_indices=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BAND", band)
        np.testing.assert_array_equal(bleed(pixels, alpha), pixels[rows, columns])


def test_beside_its_result_it_takes_little_memory() -> None:
    pixels = np.random.default_rng(0).random((700, 600, 3), np.float32)
    alpha = np.zeros((700, 600), np.float32)
    alpha[300:500, 200:400] = 1
    tracemalloc.start()
    try:
        spread = bleed(pixels, alpha)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - spread.nbytes < 0.7 * pixels.nbytes
