"""Training crops: aligned, reproducible, drawn where there is texture."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import default_collate

from swinir.data.crops import Crops
from swinir.data.datasets import Pair
from swinir.data.degradations import shrink
from swinir.data.onthefly import OnTheFly
from swinir.data.textured import TexturedCrops, texture

SCALE = 2


def coded(height: int, width: int, *, scale: int = SCALE, mark: int = 0) -> Pair:
    """An image whose pixels tell their row, their column and the image."""
    rows = torch.arange(height).view(-1, 1).expand(height, width)
    columns = torch.arange(width).expand(height, width)
    marks = torch.full((height, width), mark)
    degraded = torch.stack((rows, columns, marks)).to(torch.uint8)
    truth = degraded.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    return Pair(f"coded{mark}", truth, degraded)


def flat_and_busy() -> tuple[Pair, Pair]:
    flat = torch.full((3, 64, 64), 40, dtype=torch.uint8)
    busy = torch.randint(100, 256, (3, 64, 64), dtype=torch.uint8)
    pairs = (
        Pair(name, image.repeat_interleave(2, 1).repeat_interleave(2, 2), image)
        for name, image in (("flat", flat), ("busy", busy))
    )
    first, second = pairs
    return first, second


def draw(crops: Crops, count: int) -> list[tuple[Tensor, Tensor]]:
    """Crops in levels, as the pairs hold them."""

    def levels(crop: Tensor) -> Tensor:
        assert crop.dtype == torch.float32
        return (crop * 255).round().to(torch.uint8)

    drawn = [crops.crop(number // 8, number % 8) for number in range(count)]
    return [(levels(degraded), levels(truth)) for degraded, truth in drawn]


@pytest.mark.parametrize("kind", [Crops, TexturedCrops])
def test_a_crop_and_its_truth_show_the_same_place(kind: type[Crops]) -> None:
    crops = kind([coded(40, 50), coded(33, 60, mark=9)], patch=8, scale=SCALE, seed=0)
    for degraded, truth in draw(crops, 100):
        assert degraded.shape == (3, 8, 8)
        enlarged = degraded.repeat_interleave(SCALE, 1).repeat_interleave(SCALE, 2)
        assert torch.equal(truth, enlarged)


def test_shrinking_the_truth_gives_the_crop_away_from_its_border() -> None:
    photograph = torch.randint(0, 256, (3, 96, 80), dtype=torch.uint8)
    pair = Pair("noise", photograph, shrink(photograph, SCALE))
    for degraded, truth in draw(TexturedCrops([pair], patch=16, scale=SCALE, seed=0), 16):
        ours = shrink(truth.contiguous(), SCALE)[:, 3:-3, 3:-3].int()
        # A turned crop is shrunk along its columns first, which rounds another way.
        assert (ours - degraded[:, 3:-3, 3:-3]).abs().max() <= 2


@pytest.mark.parametrize("kind", [Crops, TexturedCrops])
def test_a_crop_depends_on_seed_iteration_and_place_alone(kind: type[Crops]) -> None:
    def fresh(seed: int) -> Crops:
        return kind([coded(60, 60), coded(60, 70, mark=9)], patch=8, scale=2, seed=seed)

    crops = fresh(5)
    torch.manual_seed(1)
    forwards = [crops.crop(iteration, 3)[0] for iteration in range(10)]
    torch.manual_seed(2)
    other = fresh(5)
    backwards = [other.crop(iteration, 3)[0] for iteration in reversed(range(10))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forwards, backwards, strict=True))

    def differ(ours: list[Tensor], theirs: list[Tensor]) -> bool:
        return sum(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)) <= 1

    assert differ(forwards, [crops.crop(iteration, 4)[0] for iteration in range(10)])
    assert differ(forwards, [crops.crop(iteration + 1, 3)[0] for iteration in range(10)])
    assert differ(forwards, [fresh(6).crop(iteration, 3)[0] for iteration in range(10)])


def test_drawing_leaves_the_random_numbers_of_the_network_alone() -> None:
    crops = TexturedCrops([coded(30, 30)], patch=8, scale=SCALE, seed=0)
    before = torch.get_rng_state()
    for place in range(4):
        crops.crop(0, place)
    assert torch.equal(torch.get_rng_state(), before)


def test_all_eight_orientations_occur() -> None:
    crops = TexturedCrops([coded(40, 40)], patch=8, scale=SCALE, seed=0)
    seen = set()
    for degraded, _ in draw(crops, 200):
        rows, columns = degraded[0].int(), degraded[1].int()
        seen.add(
            tuple(int(code[at] - code[0, 0]) for code in (rows, columns) for at in ((1, 0), (0, 1)))
        )
    assert seen == {(down, 0, 0, across) for down in (-1, 1) for across in (-1, 1)} | {
        (0, across, down, 0) for down in (-1, 1) for across in (-1, 1)
    }


@given(
    height=st.integers(8, 40),
    width=st.integers(8, 40),
    patch=st.integers(1, 8),
    scale=st.sampled_from([2, 3, 4]),
    iteration=st.integers(0, 10**6),
)
def test_a_crop_lies_inside_an_image_of_any_size(
    height: int, width: int, patch: int, scale: int, iteration: int
) -> None:
    crops = TexturedCrops([coded(height, width, scale=scale)], patch=patch, scale=scale, seed=1)
    degraded, truth = crops.crop(iteration, 0)
    assert degraded.shape == (3, patch, patch)
    assert truth.shape == (3, patch * scale, patch * scale)


def test_every_place_can_be_drawn_up_to_the_last_row_and_column() -> None:
    crops = TexturedCrops([coded(21, 19)], patch=8, scale=SCALE, seed=0)
    corners = {(int(d[0].min()), int(d[1].min())) for d, _ in draw(crops, 1500)}
    assert {row for row, _ in corners} == set(range(21 - 8 + 1))
    assert {column for _, column in corners} == set(range(19 - 8 + 1))


def test_texture_is_preferred_and_flat_regions_stay() -> None:
    crops = TexturedCrops(flat_and_busy(), patch=8, scale=SCALE, seed=0)
    flat = sum(bool((degraded == 40).all()) for degraded, _ in draw(crops, 600))
    # The bounds of the texture are 1 and 4: one crop in five, 120 of 600, give or take 35.
    assert 85 <= flat <= 155


def test_texture_is_the_mean_gradient_of_the_luma() -> None:
    ramp = (2 * torch.arange(12)).to(torch.uint8).expand(3, 8, 12)
    found = texture(ramp, patch=4, stride=4)
    # The first column of the image has no neighbour on its left.
    torch.testing.assert_close(found, torch.tensor([[1.5, 2.0, 2.0], [1.5, 2.0, 2.0]]))


def test_a_batch_is_in_unit_range_and_made_of_the_crops() -> None:
    crops = TexturedCrops(flat_and_busy(), patch=8, scale=SCALE, seed=0)
    degraded, truth = default_collate([crops[(7, place)] for place in range(5)])
    assert degraded.shape == (5, 3, 8, 8)
    assert truth.shape == (5, 3, 16, 16)
    assert degraded.dtype == truth.dtype == torch.float32
    for place in range(5):
        for ours, crop in zip((degraded, truth), crops.crop(7, place), strict=True):
            assert torch.equal(ours[place], crop)


def test_an_image_smaller_than_a_crop_is_refused() -> None:
    with pytest.raises(ValueError, match="coded0: 40x7 is smaller than a crop of 8"):
        TexturedCrops([coded(7, 40)], patch=8, scale=SCALE, seed=0)


def test_on_the_fly_every_draw_is_degraded_anew_and_by_its_own_seed() -> None:
    def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image + np.float32(rng.random())

    pairs = [coded(30, 30, scale=1)]
    crops = TexturedCrops(pairs, patch=8, scale=1, seed=0, on_the_fly=OnTheFly(degrade))
    shifts = []
    for iteration in range(6):
        degraded, truth = crops.crop(iteration, 0)
        assert torch.equal(degraded, crops.crop(iteration, 0)[0])
        difference = degraded - truth
        assert difference.max() - difference.min() < 1e-6
        shifts.append(round(float(difference.mean()), 5))
    assert len(set(shifts)) == 6


@pytest.mark.parametrize("scale", [1, 2])
def test_a_crop_is_taken_out_of_a_larger_piece_at_any_place(scale: int) -> None:
    seen: list[tuple[int, ...]] = []

    def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        seen.append(image.shape)
        return image[::scale, ::scale].copy()

    pairs = [coded(30, 30, scale=scale)]
    fly = OnTheFly(degrade, margin=3)
    crops = TexturedCrops(pairs, patch=8, scale=scale, seed=0, on_the_fly=fly)
    places = set()
    for iteration in range(200):
        degraded, truth = crops.crop(iteration, 0)
        assert degraded.shape == (3, 8, 8)
        assert torch.equal(truth[:, ::scale, ::scale], degraded)
        places.add((float(degraded[0].min()), float(degraded[1].min())))
    assert set(seen) == {(11 * scale, 11 * scale, 3)}
    assert len(places) > 150


def test_a_margin_needs_larger_photographs() -> None:
    fly = OnTheFly(lambda image, rng: image, margin=3)
    with pytest.raises(ValueError, match="coded0: 40x10 is smaller than a crop of 11"):
        TexturedCrops([coded(10, 40)], patch=8, scale=SCALE, seed=0, on_the_fly=fly)


def test_uniform_crops_come_from_every_photograph_alike_and_from_everywhere() -> None:
    pairs = [coded(12, 12), coded(40, 60, mark=9)]
    crops = Crops(pairs, patch=8, scale=SCALE, seed=0)
    corners = [crops._corner(np.random.default_rng(number)) for number in range(600)]
    small = [(top, left) for pair, top, left in corners if pair is pairs[0]]
    assert 240 < len(small) < 360
    assert {top for top, _ in small} == {left for _, left in small} == set(range(5))
    large = [(top, left) for pair, top, left in corners if pair is pairs[1]]
    assert {top for top, _ in large} == set(range(33))
    assert max(left for _, left in large) == 52
