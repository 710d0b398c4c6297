from itertools import pairwise

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from swinir.tiling import blend, plan, spans

lengths = st.integers(1, 200)
tiles = st.integers(1, 220)
overlaps = st.integers(0, 80)
steps = st.integers(1, 12)
scales = st.integers(1, 4)


def run(image: Tensor, *, tile: int, overlap: int, step: int = 1, scale: int = 1) -> Tensor:
    """Enlarge by repetition, in tiles."""
    *batch, height, width = image.shape
    canvas = torch.zeros(*batch, height * scale, width * scale)

    def repeat(piece: Tensor) -> Tensor:
        return F.interpolate(piece, scale_factor=scale, mode="nearest")

    cuts = plan(height, width, tile=tile, overlap=overlap, step=step)
    blend(repeat, image, cuts, scale=scale, canvas=canvas)
    return canvas


@given(length=lengths, tile=tiles, overlap=overlaps, step=steps, scale=scales, fixed=st.booleans())
@example(length=200, tile=2, overlap=1, step=1, scale=1, fixed=False)
@example(length=33, tile=16, overlap=8, step=8, scale=4, fixed=False)
def test_weights_along_an_axis_sum_to_exactly_one(
    length: int,
    tile: int,
    overlap: int,
    step: int,
    scale: int,
    fixed: bool,  # noqa: FBT001
) -> None:
    total = torch.zeros(length * scale)
    for span in spans(length, tile, overlap, step, fixed=fixed):
        total[span.first * scale : span.last * scale] += span.weights(scale)
    assert torch.equal(total, torch.ones(length * scale))


@given(height=lengths, width=lengths, tile=st.integers(12, 220), overlap=overlaps, scale=scales)
@example(height=1, width=1, tile=12, overlap=0, scale=4)
@example(height=200, width=200, tile=64, overlap=32, scale=1)
def test_weights_of_a_picture_sum_to_exactly_one(
    height: int, width: int, tile: int, overlap: int, scale: int
) -> None:
    white = torch.ones(1, 1, height, width)
    blended = run(white, tile=tile, overlap=overlap, step=8, scale=scale)
    assert torch.equal(blended, torch.ones(1, 1, height * scale, width * scale))


@given(height=lengths, width=lengths, tile=st.integers(12, 220), overlap=overlaps, scale=scales)
def test_a_function_of_single_pixels_sees_no_tiles(
    height: int, width: int, tile: int, overlap: int, scale: int
) -> None:
    image = torch.rand(1, 2, height, width)
    whole = F.interpolate(image, scale_factor=scale, mode="nearest")
    blended = run(image, tile=tile, overlap=overlap, step=4, scale=scale)
    torch.testing.assert_close(blended, whole, rtol=0, atol=1e-6)


@given(length=lengths, tile=tiles, overlap=overlaps, step=steps)
def test_tiles_stay_within_the_asked_size_and_the_picture(
    length: int, tile: int, overlap: int, step: int
) -> None:
    cuts = spans(length, tile, overlap, step)
    rounded = -(-tile // step) * step
    assert cuts[0].start == 0
    assert cuts[-1].stop == length
    for span in cuts:
        assert 0 <= span.start <= span.first < span.last <= span.stop <= length
        assert span.stop - span.start <= rounded
        assert span.start % step == 0


@given(length=lengths, tile=tiles, overlap=overlaps, step=steps)
def test_fixed_tiles_have_the_asked_size_and_are_as_many(
    length: int, tile: int, overlap: int, step: int
) -> None:
    cuts, fewer = (spans(length, tile, overlap, step, fixed=fixed) for fixed in (True, False))
    rounded = -(-tile // step) * step
    assert len(cuts) == len(fewer)
    assert (cuts[0].start, cuts[-1].stop) == (0, length)
    for span in cuts[:-1]:
        assert span.stop - span.start == rounded
    for before, after in pairwise(cuts):
        assert before.start < after.start
    for span in cuts:
        assert span.start <= span.first < span.last <= span.stop
        assert span.start % step == 0


@given(length=lengths, tile=tiles, overlap=overlaps, step=steps)
def test_all_tiles_but_the_last_have_one_size_and_the_last_is_less_than_a_step_shorter(
    length: int, tile: int, overlap: int, step: int
) -> None:
    sizes = [span.stop - span.start for span in spans(length, tile, overlap, step)]
    assert len({*sizes[:-1]}) <= 1
    assert 0 <= sizes[0] - sizes[-1] < step


@given(length=lengths, tile=tiles, overlap=overlaps, step=steps)
def test_neighbours_share_the_overlap_or_half_a_tile(
    length: int, tile: int, overlap: int, step: int
) -> None:
    cuts = spans(length, tile, overlap, step)
    half = -(-tile // step) // 2 * step
    for before, after in pairwise(cuts):
        assert before.stop - after.start >= min(overlap, half)
        assert before.fall == after.rise


@given(length=lengths, tile=tiles, overlap=overlaps, step=steps, scale=scales)
def test_there_is_no_ramp_at_the_border(
    length: int, tile: int, overlap: int, step: int, scale: int
) -> None:
    cuts = spans(length, tile, overlap, step)
    assert cuts[0].rise == (0, 0)
    assert cuts[-1].fall == (length, length)
    assert cuts[0].weights(scale)[0] == 1
    assert cuts[-1].weights(scale)[-1] == 1


def test_a_ramp_is_as_long_as_the_overlap_and_climbs_all_the_way() -> None:
    first, second = spans(112, 64, 16)
    assert second.rise == (48, 64)
    weights = second.weights()[:16]
    assert (weights.diff() > 0).all()
    assert weights[0] < 0.01
    assert weights[-1] > 0.99
    torch.testing.assert_close(first.weights()[-16:], 1 - weights, rtol=0, atol=0)


def test_a_picture_no_larger_than_a_tile_is_one_tile() -> None:
    (tile,) = plan(40, 37, tile=40, overlap=8, step=8)
    assert (tile.rows.start, tile.rows.stop) == (0, 40)
    assert (tile.columns.start, tile.columns.stop) == (0, 37)


def test_tile_zero_is_the_whole_picture() -> None:
    assert len(plan(3000, 2000, tile=0, overlap=32, step=8)) == 1


def test_tiles_are_no_larger_than_their_number_needs() -> None:
    sizes = [span.stop - span.start for span in spans(280, 256, 32, 8)]
    assert sizes == [160, 160]


def test_a_plan_covers_rows_first() -> None:
    corners = [(tile.rows.start, tile.columns.start) for tile in plan(20, 20, tile=10, overlap=0)]
    assert corners == [(0, 0), (0, 10), (10, 0), (10, 10)]


def test_the_picture_is_not_changed() -> None:
    image = torch.rand(1, 3, 30, 30)
    before = image.clone()
    run(image, tile=10, overlap=4)
    assert torch.equal(image, before)


@pytest.mark.parametrize(
    ("length", "tile", "overlap", "step"),
    [(0, 8, 0, 1), (8, 0, 0, 1), (8, 8, -1, 1), (8, 8, 0, 0)],
)
def test_sizes_that_mean_nothing_are_refused(
    length: int, tile: int, overlap: int, step: int
) -> None:
    with pytest.raises(ValueError, match=f"got {length}, {tile}, {step} and {overlap}"):
        spans(length, tile, overlap, step)
