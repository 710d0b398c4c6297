"""How a training photograph becomes the network's input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from swinir.data.degradations import add_noise, crop_to_multiple, shrink


def test_only_the_bottom_and_the_right_are_cut() -> None:
    levels = torch.arange(7 * 9).view(1, 7, 9)
    assert torch.equal(crop_to_multiple(levels, 4), levels[:, :4, :8])
    assert torch.equal(crop_to_multiple(levels, 1), levels)


def test_of_an_image_smaller_than_the_scale_nothing_is_left() -> None:
    assert crop_to_multiple(torch.zeros(1, 3, 9), 4).shape == (1, 0, 8)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_shrinking_keeps_a_constant_and_divides_the_size(scale: int) -> None:
    levels = torch.full((3, 5 * scale, 2 * scale), 201, dtype=torch.uint8)
    assert torch.equal(shrink(levels, scale), torch.full((3, 5, 2), 201, dtype=torch.uint8))


def image(height: int, width: int, channels: int) -> np.ndarray:
    """Any image in [0, 1]."""
    return np.random.default_rng(0).random((height, width, channels), np.float32)


def test_noise_is_the_published_one_drawn_in_the_order_blue_green_red() -> None:
    # The first deviates of numpy's Mersenne Twister with the seed 0.
    first = [1.764052345967664, 0.4001572083672233, 0.9787379841057392]
    noisy = add_noise(np.zeros((1, 1, 3), np.float32), 255)
    assert noisy.tolist() == [[[np.float32(value) for value in reversed(first)]]]
    assert add_noise(np.zeros((1, 3, 1), np.float32), 255)[0, :, 0].tolist() == [
        np.float32(value) for value in first
    ]


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_noise_equals_that_of_a_global_generator_on_an_image_as_opencv_reads_it(
    sigma: int,
) -> None:
    rgb = image(7, 9, 3)
    bgr = rgb[..., ::-1]
    state = np.random.get_state()
    np.random.seed(0)
    noisy = bgr + np.random.normal(0, sigma / 255.0, bgr.shape)
    np.random.set_state(state)
    assert np.array_equal(add_noise(rgb, sigma), noisy.astype(np.float32)[..., ::-1])


def test_noise_drawn_in_the_order_of_rgb_is_another() -> None:
    black = np.zeros((4, 5, 3), np.float32)
    other = add_noise(black, 25, order="rgb")
    assert np.array_equal(other[..., ::-1], add_noise(black, 25))
    assert not np.array_equal(other, add_noise(black, 25))
    grey = black[..., :1]
    assert np.array_equal(add_noise(grey, 25, order="rgb"), add_noise(grey, 25))


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_global_generator_is_left_alone(seed: int) -> None:
    before = np.random.get_state(legacy=False)
    once, again = (add_noise(image(3, 4, 3), 50, seed=seed) for _ in range(2))
    assert np.array_equal(once, again)
    after = np.random.get_state(legacy=False)
    assert str(before) == str(after)


def test_a_noisy_image_is_neither_clipped_nor_rounded_and_is_as_noisy_as_asked() -> None:
    clean = np.full((100, 100, 3), 1 / 3, np.float32)
    noisy = add_noise(clean, 75)
    assert noisy.dtype == np.float32
    assert noisy.min() < 0
    assert noisy.max() > 1
    assert (noisy - clean).std() * 255 == pytest.approx(75, rel=0.02)
    assert np.unique(noisy).size > 25000
    assert np.array_equal(add_noise(clean, 0), clean)
    assert np.array_equal(clean, np.full((100, 100, 3), 1 / 3, np.float32))


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 2), (8, 8, 4)])
def test_noise_on_neither_grey_nor_rgb_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="got shape"):
        add_noise(np.zeros(shape, np.float32), 25)


def test_noise_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="sigma is at least 0, got -1"):
        add_noise(image(2, 2, 3), -1)
    with pytest.raises(ValueError, match="bgr or rgb, got 'brg'"):
        add_noise(image(2, 2, 3), 25, order="brg")  # type: ignore[arg-type]
