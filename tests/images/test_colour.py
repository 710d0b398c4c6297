"""Luma and chroma of BT.601."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2ycbcr

from swinir.images.colour import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb

IMAGES = arrays(np.float32, (3, 4, 3), elements=st.floats(0, 1, width=32))


@pytest.mark.parametrize(
    ("rgb", "levels"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((1, 1, 1), (235, 128, 128)),
        ((0.5, 0.5, 0.5), (125.5, 128, 128)),
        ((1, 0, 0), (81.481, 90.203, 240)),
        ((0, 1, 0), (144.553, 53.797, 34.214)),
        ((0, 0, 1), (40.966, 240, 109.786)),
    ],
)
def test_known_colours_have_the_known_levels(
    rgb: tuple[float, ...], levels: tuple[float, ...]
) -> None:
    image = np.array(rgb, np.float32).reshape(1, 1, 3)
    assert rgb_to_ycbcr(image)[0, 0] * 255 == pytest.approx(levels)
    assert rgb_to_y(image)[0, 0] * 255 == pytest.approx(levels[0])


@given(image=IMAGES)
def test_it_agrees_with_scikit_image(image: np.ndarray) -> None:
    np.testing.assert_allclose(rgb_to_ycbcr(image) * 255, rgb2ycbcr(image.astype(np.float64)))


@given(image=IMAGES)
def test_there_and_back_is_the_same_image(image: np.ndarray) -> None:
    np.testing.assert_allclose(ycbcr_to_rgb(rgb_to_ycbcr(image)), image, atol=1e-12)


@given(image=IMAGES)
def test_luma_is_the_first_channel_and_within_its_range(image: np.ndarray) -> None:
    luma = rgb_to_y(image)
    assert luma.shape == (3, 4)
    assert luma.dtype == np.float64
    np.testing.assert_allclose(luma, rgb_to_ycbcr(image)[..., 0])
    assert luma.min() >= 16 / 255 - 1e-12
    assert luma.max() <= 235 / 255 + 1e-12


def test_the_luma_of_a_grey_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"RGB image \(H, W, 3\), got shape \(4, 4, 1\)"):
        rgb_to_y(np.zeros((4, 4, 1)))
