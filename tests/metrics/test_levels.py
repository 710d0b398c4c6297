"""What every score does first."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swinir.metrics import levels
from swinir.metrics.levels import bands, check_same_shape, round_to_levels, shave


def test_levels_are_those_of_a_file_of_8_bits() -> None:
    assert round_to_levels(np.array([-0.2, 0.5, 1.7])).tolist() == [0, 128 / 255, 1]


@settings(max_examples=20)
@given(st.integers(0, 255), st.floats(-0.49, 0.49))
def test_less_than_half_a_level_is_rounded_away(level: int, off: float) -> None:
    image = np.full((2, 3, 1), (level + off) / 255)
    assert np.array_equal(round_to_levels(image), np.full((2, 3, 1), level / 255))


def test_shaving_takes_the_same_off_every_side() -> None:
    image = np.arange(20).reshape(4, 5)
    assert shave(image, 1).tolist() == [[6, 7, 8], [11, 12, 13]]
    assert shave(image, 0) is not None
    assert shave(image, 0).shape == (4, 5)


@pytest.mark.parametrize("border", [2, 3])
def test_a_border_that_leaves_nothing_is_refused(border: int) -> None:
    with pytest.raises(ValueError, match=f"5x4 has nothing inside a border of {border}"):
        shave(np.zeros((4, 5, 3)), border)


def test_a_negative_border_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0 pixels wide, got -1"):
        shave(np.zeros((4, 5, 3)), -1)


def test_an_image_without_a_channel_axis_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a grey one \(H, W, 1\), got shape \(4, 5\)"):
        check_same_shape(np.zeros((4, 5)), np.zeros((4, 5)))


def test_both_images_are_rounded_and_shaved() -> None:
    ((ours, theirs),) = bands(np.full((5, 6, 1), 0.5), np.full((5, 6, 1), 2.0), 2)
    assert ours.tolist() == [[[128 / 255], [128 / 255]]]
    assert theirs.tolist() == [[[1], [1]]]


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(1, 9), st.sampled_from([0, 1, 3]), st.integers(1, 50))
def test_bands_cover_every_row_and_share_as_many_as_asked(
    height: int, width: int, shared: int, band: int
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 1)) / 255
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "BAND", band)
        pairs = list(bands(image, 1 - image, 0, shared=shared))
    for restored, truth in pairs:
        assert np.allclose(restored + truth, 1)
        assert len(restored) > shared or len(pairs) == 1
    for (above, _), (below, _) in pairwise(pairs):
        assert np.array_equal(above[len(above) - shared :], below[:shared])
    whole = np.concatenate([pairs[0][0], *(ours[shared:] for ours, _ in pairs[1:])])
    assert np.array_equal(whole, round_to_levels(image))
