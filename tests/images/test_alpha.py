"""Colours under transparency."""

import numpy as np
from numpy.typing import NDArray

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
