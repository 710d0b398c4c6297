"""A snapshot shows the same part of input, result and truth."""

import numpy as np
import pytest

from swinir.images.tensors import Image
from swinir.training.snapshots import GAP, snapshot


def scene(scale: int, channels: int = 3) -> tuple[Image, Image]:
    """An input and its truth, flat but for detail near (12, 18) of the input."""
    rng = np.random.default_rng(0)
    degraded = np.full((24, 30, channels), 0.25, np.float32)
    degraded[10:15, 15:21] = rng.random((5, 6, channels), np.float32)
    return degraded, degraded.repeat(scale, 0).repeat(scale, 1)


def parts(strip: Image, side: int) -> list[Image]:
    return [strip[:, at : at + side] for at in (0, side + GAP, 2 * (side + GAP))]


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_all_three_crops_cover_the_same_busiest_part(scale: int, channels: int) -> None:
    degraded, truth = scene(scale, channels)
    restored = truth * np.float32(0.5)
    strip = snapshot(degraded, restored, truth, 8 * scale)
    assert strip.shape == (8 * scale, 3 * 8 * scale + 2 * GAP, channels)
    assert strip.dtype == np.float32
    before, after, wanted = parts(strip, 8 * scale)
    np.testing.assert_array_equal(before, wanted)
    np.testing.assert_array_equal(after, wanted * np.float32(0.5))
    detail = truth[10 * scale : 15 * scale, 15 * scale : 21 * scale]
    assert np.isclose((wanted - 0.25).sum(), (detail - 0.25).sum(), rtol=1e-4)


def test_a_crop_begins_where_a_pixel_of_the_input_does() -> None:
    truth = np.zeros((40, 40, 1), np.float32)
    # Detail whose busiest crop has its corner at an odd place.
    truth[13:21, 15:23] = np.random.default_rng(1).random((8, 8, 1), np.float32)
    degraded = truth[::4, ::4]
    before, _, wanted = parts(snapshot(degraded, truth, truth, 8), 8)
    np.testing.assert_array_equal(wanted[::4, ::4], before[::4, ::4])
    np.testing.assert_array_equal(before, wanted[::4, ::4].repeat(4, 0).repeat(4, 1))


def test_crops_stand_apart_and_what_overshoots_is_clipped() -> None:
    degraded, truth = scene(2)
    strip = snapshot(degraded, truth * 9 - 4, truth, 10)
    assert strip[:, 10 : 10 + GAP].min() == 1
    assert strip.min() == 0
    assert strip.max() == 1


def test_a_small_image_is_shown_whole() -> None:
    degraded, truth = scene(2)
    strip = snapshot(degraded, truth, truth, 512)
    np.testing.assert_array_equal(strip[:, -60:], truth)


def test_a_side_that_is_no_multiple_of_the_scale_is_rounded_down() -> None:
    degraded, truth = scene(3)
    assert snapshot(degraded, truth, truth, 11).shape == (9, 27 + 2 * GAP, 3)


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    degraded, truth = scene(2)
    for wrong in (truth[:-1], truth[:, :-1], truth[..., :1]):
        with pytest.raises(ValueError, match=r"^restored and truth have the shape of the input"):
            snapshot(degraded, wrong, truth, 8)
        with pytest.raises(ValueError, match=r"^restored and truth have the shape of the input"):
            snapshot(degraded, wrong, wrong, 8)
    with pytest.raises(ValueError, match=r"got 1$"):
        snapshot(degraded, truth, truth, 1)
