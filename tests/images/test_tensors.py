import numpy as np
import pytest
import torch

from swinir.images.tensors import from_levels, to_image, to_levels, to_tensor


def test_an_image_survives_the_way_there_and_back() -> None:
    image = np.random.default_rng(0).random((5, 7, 3), np.float32)
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 5, 7)
    assert tensor[0, 2, 4, 6] == image[4, 6, 2]
    np.testing.assert_array_equal(to_image(tensor), image)


def test_neither_way_copies_an_image() -> None:
    image = np.zeros((5, 7, 3), np.float32)
    assert np.shares_memory(to_image(to_tensor(image)), image)


def test_read_only_turned_and_float64_images_are_taken() -> None:
    image = np.random.default_rng(0).random((5, 7, 1))
    image.flags.writeable = False
    np.testing.assert_array_equal(to_image(to_tensor(image[::-1])), image[::-1].astype(np.float32))


def test_a_tensor_of_another_layout_and_type_becomes_a_contiguous_image() -> None:
    image = to_image(torch.rand(1, 3, 5, 7, dtype=torch.float64, requires_grad=True))
    assert image.dtype == np.float32
    assert image.flags.c_contiguous


def test_what_is_not_one_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(H, W, C\), got shape \(5, 7\)"):
        to_tensor(np.zeros((5, 7), np.float32))
    with pytest.raises(ValueError, match=r"\(1, C, H, W\), got shape \(2, 3, 5, 7\)"):
        to_image(torch.zeros(2, 3, 5, 7))


def test_levels_are_rounded_and_clipped_and_come_back() -> None:
    image = np.array([[[-0.1, 0.4 / 255, 0.6 / 255]], [[1.0, 1.5, 0.5]]], np.float32)
    levels = to_levels(image)
    assert levels.dtype == torch.uint8
    assert levels.permute(1, 2, 0).tolist() == [[[0, 0, 1]], [[255, 255, 128]]]
    assert torch.equal(to_levels(from_levels(levels)), levels)
