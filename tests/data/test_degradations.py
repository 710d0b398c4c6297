"""How a training photograph becomes the network's input."""

import pytest
import torch

from swinir.data.degradations import crop_to_multiple, shrink


def test_only_the_bottom_and_the_right_are_cut() -> None:
    levels = torch.arange(7 * 9).view(1, 7, 9)
    assert torch.equal(crop_to_multiple(levels, 4), levels[:, :4, :8])
    assert torch.equal(crop_to_multiple(levels, 1), levels)


def test_an_image_smaller_than_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 pixels a side, got 9x3"):
        crop_to_multiple(torch.zeros(1, 3, 9), 4)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_shrinking_keeps_a_constant_and_divides_the_size(scale: int) -> None:
    levels = torch.full((3, 5 * scale, 2 * scale), 201, dtype=torch.uint8)
    assert torch.equal(shrink(levels, scale), torch.full((3, 5, 2), 201, dtype=torch.uint8))
