from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from swinir.images.metadata import Metadata
from swinir.images.picture import Picture
from swinir.images.resize import resize
from swinir.images.tensors import to_image, to_tensor
from swinir.network import SwinIR
from swinir.restoration import Restorer

Build = Callable[..., SwinIR]


def noise(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(1).random((height, width, channels), np.float32)


def test_a_grey_picture_through_a_colour_network_comes_back_grey(build: Build) -> None:
    shift = torch.tensor([0.0, 0.1, 0.2]).view(1, 3, 1, 1)
    network = build(forward=lambda image: image + shift)
    grey = noise(9, 12, 1) * 0.5
    restored = Restorer(network, tile=8, overlap=4).restore(grey)
    np.testing.assert_allclose(restored, grey + 0.1, rtol=0, atol=1e-6)


def test_a_grey_network_changes_luminance_and_no_chroma(build: Build) -> None:
    network = build(channels=1, forward=lambda luma: 0.5 * luma + 0.2)
    colour = noise(9, 12, 3) * 0.2 + 0.4
    restored = Restorer(network, tile=8, overlap=4).restore(colour)
    luma = colour @ np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(
        restored @ np.array([0.299, 0.587, 0.114], np.float32), 0.5 * luma + 0.2, atol=1e-6
    )
    np.testing.assert_allclose(
        restored[..., 0] - restored[..., 2], colour[..., 0] - colour[..., 2], atol=1e-6
    )


def test_a_grey_network_that_enlarges_leaves_chroma_to_bicubic(build: Build) -> None:
    network = build(scale=2, channels=1, forward=lambda luma: resize(luma, 2))
    colour = noise(8, 8, 3) * 0.2 + 0.4
    expected = to_image(resize(to_tensor(colour), 2))
    np.testing.assert_allclose(Restorer(network).restore(colour), expected, rtol=0, atol=1e-6)


def test_depth_metadata_and_format_travel_with_the_picture(repeat: Build) -> None:
    metadata = Metadata()
    picture = Picture(noise(4, 4, 3), depth=16, metadata=metadata, format="TIFF")
    restored = Restorer(repeat(scale=2)).restore_picture(picture)
    assert restored.pixels.shape == (8, 8, 3)
    assert restored.alpha is None
    assert (restored.depth, restored.format) == (16, "TIFF")
    assert restored.metadata is metadata


def blur(image: Tensor) -> Tensor:
    """Enlarge twice and mix each pixel with its neighbours, as a network does."""
    image = F.interpolate(image, scale_factor=2, mode="nearest")
    return F.avg_pool2d(F.pad(image, (2, 2, 2, 2), mode="replicate"), 5, stride=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_has_no_dark_edge(build: Build, channels: int) -> None:
    # White in the left half, black where nothing is to be seen.
    pixels = np.zeros((12, 12, channels), np.float32)
    pixels[:, :6] = 1
    alpha = pixels[..., 0].copy()
    network = build(scale=2, forward=blur)
    restored = Restorer(network, tile=8, overlap=4).restore_picture(Picture(pixels, alpha))
    assert restored.alpha is not None
    visible = restored.alpha > 0
    assert visible.any()
    np.testing.assert_allclose(restored.pixels[visible], 1, rtol=0, atol=1e-6)


def test_what_is_opaque_or_transparent_stays_exactly_so(build: Build) -> None:
    alpha = np.ones((16, 24), np.float32)
    alpha[:, 12:] = 0
    network = build(scale=2, forward=lambda image: blur(image) * 0.98 + 0.005)
    picture = Picture(noise(16, 24, 3), alpha)
    restored = Restorer(network, tile=8, overlap=4).restore_picture(picture)
    assert restored.alpha is not None
    assert (restored.alpha[:, :22] == 1).all()
    assert (restored.alpha[:, 26:] == 0).all()
    edge = restored.alpha[:, 22:26]
    assert ((edge > 0) & (edge < 1)).any()


def test_an_opaque_alpha_spares_the_network_and_progress_ends_all_the_same(repeat: Build) -> None:
    calls: list[tuple[int, int]] = []
    picture = Picture(noise(8, 16, 3), np.ones((8, 16), np.float32))
    restorer = Restorer(repeat(scale=2), tile=8, overlap=0, tta=True)
    restored = restorer.restore_picture(picture, progress=lambda *call: calls.append(call))
    assert restored.alpha is not None
    assert restored.alpha.shape == (16, 32)
    assert (restored.alpha == 1).all()
    assert calls[-1] == (32, 32)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_alpha_is_kept_bit_for_bit_where_nothing_is_enlarged(build: Build) -> None:
    alpha = noise(8, 8, 1)[..., 0]
    calls: list[tuple[int, int]] = []
    restored = Restorer(build(forward=torch.zeros_like)).restore_picture(
        Picture(noise(8, 8, 3), alpha), progress=lambda *call: calls.append(call)
    )
    assert restored.alpha is not None
    np.testing.assert_array_equal(restored.alpha, alpha)
    assert calls[-1] == (1, 1)


def test_a_grey_picture_with_alpha_stays_one(repeat: Build) -> None:
    picture = Picture(noise(6, 6, 1), noise(6, 6, 1)[..., 0])
    restored = Restorer(repeat(scale=2)).restore_picture(picture)
    assert restored.pixels.shape == (12, 12, 1)
    assert restored.alpha is not None
    np.testing.assert_allclose(restored.alpha[::2, ::2], picture.alpha, rtol=0, atol=1e-6)
