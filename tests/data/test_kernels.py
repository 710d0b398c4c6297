"""Blur kernels."""

from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swinir.data.kernels import Kernel, elliptic, gaussian, plateau, sinc

SIZES = st.integers(0, 12).map(lambda half: 2 * half + 1)
WIDTHS = st.floats(0.1, 4)


def moments(kernel: Kernel) -> np.ndarray:
    """Covariance in pixels, x before y."""
    half = len(kernel) // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    rows = np.stack([x.ravel(), y.ravel()])
    return (rows * kernel.ravel()) @ rows.T


@given(SIZES, WIDTHS, WIDTHS, st.floats(-pi, pi), st.floats(0.5, 4))
def test_kernels_sum_to_one_and_are_symmetric(
    size: int, along: float, across: float, angle: float, shape: float
) -> None:
    for kernel in (
        elliptic(size, along, across, angle, shape=shape),
        plateau(size, along, across, angle, shape=shape),
        sinc(size, 0.5 + shape / 2),
    ):
        assert kernel.shape == (size, size)
        assert kernel.dtype == np.float32
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-7)


def test_a_gaussian_has_the_deviation_asked_for() -> None:
    np.testing.assert_allclose(moments(gaussian(25, 2.0)), [[4, 0], [0, 4]], atol=1e-3)


def test_an_ellipse_is_turned_by_the_angle() -> None:
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    wanted = turn @ np.diag([9.0, 1.0]) @ turn.T
    np.testing.assert_allclose(moments(elliptic(31, 3.0, 1.0, 0.5)), wanted, atol=1e-2)


def test_a_plateau_is_flatter_in_the_middle_than_a_gaussian() -> None:
    flat, round_ = plateau(21, 3, 3, 0, shape=2), gaussian(21, 3)
    assert flat[10, 11] / flat[10, 10] > round_[10, 11] / round_[10, 10]


def test_a_sinc_keeps_what_is_slow_and_stops_what_is_fast() -> None:
    kernel = sinc(21, pi / 2)
    response = np.abs(np.fft.fft2(np.pad(kernel, ((0, 43), (0, 43)))))
    assert response[0, 5] == pytest.approx(1, abs=0.1)
    assert response[0, 28] == pytest.approx(0, abs=0.1)
    assert (kernel < 0).any()


def test_a_deviation_of_nothing_leaves_the_centre() -> None:
    assert gaussian(5, 0.0)[2, 2] == 1


@pytest.mark.parametrize("size", [0, 4])
def test_an_even_side_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"odd side, got {size}"):
        gaussian(size, 1)
