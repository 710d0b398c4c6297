"""How a tile becomes whole windows: as needed, or as the published script does."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from swinir.network import SwinIR
from swinir.restoration import Restorer
from swinir.restoration.forward import extend_as_published

Build = Callable[..., SwinIR]


@pytest.mark.parametrize(
    ("height", "width", "extended"),
    [(8, 8, (12, 12)), (9, 11, (12, 12)), (7, 4, (8, 8)), (1, 2, (2, 4)), (5, 16, (8, 20))],
)
def test_a_side_is_always_mirrored_further(
    height: int, width: int, extended: tuple[int, int]
) -> None:
    image = torch.arange(height * width, dtype=torch.float32).view(1, 1, height, width)
    made = extend_as_published(image, 4)
    assert made.shape[2:] == extended
    # numpy's "symmetric" repeats the edge, which is what is wanted.
    pad = ((0, extended[0] - height), (0, extended[1] - width))
    np.testing.assert_array_equal(made[0, 0], np.pad(image[0, 0].numpy(), pad, mode="symmetric"))


def test_the_network_sees_the_published_size_and_the_result_is_cut_back(build: Build) -> None:
    seen: list[tuple[int, ...]] = []

    def forward(image: Tensor) -> Tensor:
        seen.append(tuple(image.shape[2:]))
        return image.repeat_interleave(2, 2).repeat_interleave(2, 3)

    image = np.random.default_rng(0).random((8, 13, 3), np.float32)
    restorer = Restorer(build(scale=2, forward=forward), tile=0, padding="published")
    restored = restorer.restore(image)
    assert seen == [(12, 16)]
    np.testing.assert_array_equal(restored, image.repeat(2, 0).repeat(2, 1))


def test_padding_changes_little_and_only_near_the_edge(build: Build) -> None:
    network = build()
    image = np.random.default_rng(0).random((40, 40, 3), np.float32)
    ours = Restorer(network, tile=0).restore(image)
    paper = Restorer(network, tile=0, padding="published").restore(image)
    np.testing.assert_allclose(paper[:20, :20], ours[:20, :20], atol=1e-5)
    assert not np.array_equal(paper, ours)
