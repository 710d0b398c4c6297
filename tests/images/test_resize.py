"""Bicubic resizing equals MATLAB's."""

from pathlib import Path

import cv2
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from swinir.images.resize import contributions, cubic, resize, resize_levels

SET5 = Path(__file__).parents[3] / "shared" / "images" / "bench" / "Set5"


def load(path: Path) -> torch.Tensor:
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return torch.from_numpy(image).permute(2, 0, 1)[None]


@pytest.mark.skipif(not SET5.is_dir(), reason="needs the benchmark photographs in ../shared")
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_low_resolution_image_of_set5_is_reproduced_to_the_bit(scale: int) -> None:
    files = sorted((SET5 / "HR").glob("*.png"))
    assert len(files) == 5
    for path in files:
        truth = load(path)
        height, width = (side // scale * scale for side in truth.shape[-2:])
        ours = resize_levels(truth[..., :height, :width], 1 / scale)
        theirs = load(SET5 / f"LRx{scale}" / f"{path.stem}x{scale}.png")
        assert torch.equal(ours, theirs), path.name


def test_the_kernel_interpolates() -> None:
    at = torch.arange(-3, 4, dtype=torch.float64)
    assert cubic(at).tolist() == [0, 0, 0, 1, 0, 0, 0]


@given(length=st.integers(1, 40), target=st.integers(1, 40))
def test_weights_sum_to_one_and_indices_stay_inside(length: int, target: int) -> None:
    weights, index = contributions(length, target, target / length)
    torch.testing.assert_close(weights.sum(1), torch.ones(target, dtype=torch.float64))
    assert index.min() >= 0
    assert index.max() < length


@given(
    height=st.integers(1, 12), width=st.integers(1, 12), scale=st.sampled_from([0.25, 0.5, 2, 3, 4])
)
def test_a_constant_image_stays_constant_at_any_size(height: int, width: int, scale: float) -> None:
    image = torch.full((1, 3, height, width), 0.3, dtype=torch.float64)
    out = resize(image, scale)
    torch.testing.assert_close(out, torch.full_like(out, 0.3))


def test_a_ramp_is_enlarged_to_a_ramp_away_from_the_border() -> None:
    ramp = torch.arange(32, dtype=torch.float64).expand(1, 1, 32, 32)
    out = resize(ramp, 4)[0, 0, 64, 16:-16]
    torch.testing.assert_close(out.diff(), torch.full_like(out.diff(), 0.25))


def test_what_is_not_an_8_bit_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8, got torch\.float32"):
        resize_levels(torch.zeros(1, 1, 4, 4), 0.5)
    with pytest.raises(ValueError, match="positive, got 0"):
        resize(torch.zeros(1, 1, 4, 4), 0)
