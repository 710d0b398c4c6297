"""PSNR-B of Yim and Bovik."""

from math import inf, log2, log10

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swinir.images.jpeg import compress
from swinir.metrics.psnr import psnr
from swinir.metrics.psnrb import blocking_effect, psnrb


def levels(seed: int, *shape: int) -> np.ndarray:
    """An image as an 8-bit file holds it, in [0, 1]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape).astype(np.float32) / 255


def plain_effect(image: np.ndarray) -> float:
    """The factor by looking at one pair of neighbours after another: ``(H, W)``."""
    height, width = image.shape
    edge: list[float] = []
    inner: list[float] = []
    for row in range(height):
        for column in range(width):
            for low, right in ((1, 0), (0, 1)):
                if row + low < height and column + right < width:
                    step = (image[row, column] - image[row + low, column + right]) ** 2
                    at_edge = (row + low) % 8 == 0 if low else (column + right) % 8 == 0
                    (edge if at_edge else inner).append(float(step))
    difference = sum(edge) / len(edge) - sum(inner) / len(inner)
    return max(difference, 0) * log2(8) / log2(min(height, width))


def blocky(seed: int, height: int, width: int) -> np.ndarray:
    """Noise with a level of its own in each block: ``(H, W)``."""
    rng = np.random.default_rng(seed)
    blocks = rng.random((height // 8, width // 8)).repeat(8, 0).repeat(8, 1)
    return blocks + rng.random((height, width)) * 0.1


@pytest.mark.parametrize(("height", "width"), [(16, 16), (8, 24), (24, 40)])
def test_the_factor_compares_steps_across_block_edges_with_all_others(
    height: int, width: int
) -> None:
    image = blocky(0, height, width)
    assert plain_effect(image) > 0.01
    assert blocking_effect(image) == pytest.approx(plain_effect(image), abs=1e-12)


def test_without_larger_steps_at_the_edges_it_is_psnr() -> None:
    truth = levels(0, 24, 24, 1)
    ramp = np.arange(24)[:, None, None].repeat(24, 1) * 8 / 255
    for image in (np.zeros_like(truth), ramp, np.roll(compress(ramp, 10), (4, 4), (0, 1))):
        assert blocking_effect(image[..., 0]) == pytest.approx(0, abs=1e-12)
        assert psnrb(image, truth) == pytest.approx(psnr(image, truth))


def test_the_effect_adds_to_the_squared_error_of_each_channel() -> None:
    truth = np.full((16, 24, 3), 102 / 255, np.float32)
    restored = truth.copy()
    restored[:, 8:16, 1] = 153 / 255
    # Of the 16 * 2 steps across upright edges and 24 across the level one, the first are 0.2.
    effect = (2 * 16 * 0.2**2) / (16 * 2 + 24 * 1) * log2(8) / log2(16)
    error = 0.2**2 / 3
    assert psnrb(restored[..., 1:2], truth[..., 1:2]) == pytest.approx(-10 * log10(error + effect))
    assert psnrb(restored, truth) == inf
    restored[0, 0] = restored[0, 0] - 51 / 255
    each = [psnrb(restored[..., at : at + 1], truth[..., at : at + 1]) for at in range(3)]
    assert psnrb(restored, truth) == pytest.approx(sum(each) / 3)
    assert each[0] == pytest.approx(each[2])
    assert each[1] < each[0]


def test_blocks_of_the_truth_do_not_count() -> None:
    smooth, blocks = np.full((16, 16, 1), 0.2), blocky(0, 16, 16)[..., None] * 0.5
    assert psnrb(smooth, blocks) == pytest.approx(psnr(smooth, blocks))
    assert psnrb(blocks, smooth) < psnr(blocks, smooth) - 1
    assert psnrb(smooth, smooth) == inf
    assert psnrb(blocks, blocks) < inf


@settings(max_examples=20)
@given(st.integers(0, 99), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))
def test_of_any_size_it_is_a_number_and_at_most_psnr(
    seed: int, height: int, width: int, channels: int
) -> None:
    restored, truth = levels(seed, height, width, channels), levels(100, height, width, channels)
    restored[..., 0] = restored[..., 0] / 2
    for channel in range(channels):
        one = restored[..., channel : channel + 1], truth[..., channel : channel + 1]
        assert -10 < psnrb(*one) <= psnr(*one) + 1e-9


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 64), (64, 7), (15, 15)])
def test_an_image_without_neighbouring_blocks_has_no_blocking_effect(
    height: int, width: int
) -> None:
    stripes = np.indices((height, width)).sum(0) // 8 % 2
    assert blocking_effect(stripes.astype(np.float64)) == 0


def test_images_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        psnrb(levels(0, 16, 16, 3), levels(0, 16, 16, 1))
