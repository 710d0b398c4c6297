"""A U goes through the engine like any other network, on a grid of its lowest level's windows."""

import numpy as np
import pytest
import torch

from swinir.network import Head, Shape, SwinIR, SwinIRConfig
from swinir.restoration import NotEnoughMemory, Restorer
from tests.network.published import random_network

REACH = 24
"""Pixels further than which the small U does not look: its windows and convolutions summed up."""


def u(**options: object) -> SwinIR:
    """A U of two levels, whose blocks are not shifted."""
    values: dict[str, object] = {
        "head": Head.RESIDUAL,
        "shape": Shape.U,
        "embed_dim": 8,
        "depths": (1, 1, 1),
        "num_heads": (2, 4, 2),
        "window": 4,
    }
    network = random_network(SwinIRConfig(**(values | options))).float()
    # Changes of a few hundredths, so that nothing is clipped.
    with torch.no_grad():
        network.conv_last.weight *= 0.01
        network.conv_last.bias.zero_()
    return network


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.3, 0.7, (height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 4), (13, 30)])
@pytest.mark.parametrize("tile", [0, 1, 8, "auto"])
def test_any_size_is_restored(size: tuple[int, int], tile: int) -> None:
    restored = Restorer(u(), tile=tile, overlap=4).restore(picture(*size))
    assert restored.shape == (*size, 3)
    assert np.isfinite(restored).all()


def test_tiles_are_cut_into_the_windows_of_the_whole_picture() -> None:
    network, image = u(), picture(16, 92)
    whole = Restorer(network, tile=0).restore(image)
    restorer = Restorer(network, tile=64, overlap=16)
    # Of windows alone the second would begin at 36.
    cuts = [(tile.columns.start, tile.columns.stop) for tile in restorer.tiles(16, 92)]
    assert cuts == [(0, 56), (40, 92)]
    tiled = restorer.restore(image)
    assert np.abs(whole - image).max() > 1e-2
    apart = np.r_[: 56 - REACH, 40 + REACH : 92]
    np.testing.assert_allclose(tiled[:, apart], whole[:, apart], rtol=0, atol=1e-6)
    assert np.abs(tiled - whole).max() > 1e-5
    # Even between them both are the same picture.
    assert np.abs(tiled - whole).mean() < 0.2 * np.abs(whole - image).mean()


def test_tiles_on_another_grid_would_not_agree() -> None:
    network, image = u(), picture(16, 92)
    whole = Restorer(network, tile=0).restore(image)
    moved = Restorer(network, tile=0).restore(image[:, 36:])
    assert np.abs(moved[:, REACH:] - whole[:, 36 + REACH :]).max() > 1e-4


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_u_is_no_other_in_low_precision(precision: str) -> None:
    image = picture(20, 33)
    network = u(depths=(2, 2, 2))
    restored = Restorer(network, precision=precision).restore(image)
    with torch.no_grad():
        exact = network(torch.from_numpy(image).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    assert np.abs(restored - exact.numpy()).max() < (1e-6 if precision == "fp32" else 0.02)


def test_halved_tiles_stay_on_the_grid_down_to_a_window_of_the_lowest_level() -> None:
    network = u(depths=(1,) * 5, num_heads=(2,) * 5)
    restorer = Restorer(network, tile=112, overlap=0)
    sides: list[int] = []
    with pytest.raises(NotEnoughMemory, match="for a tile of 16 pixels, the smallest there is"):
        for _ in range(9):
            tiles = restorer.tiles(200, 200)
            sides.append(restorer.report.tile)
            restorer.halve(tiles)
    assert sides == [112, 64, 32, 16]


def test_the_published_padding_adds_a_window_of_the_lowest_level() -> None:
    network, image, seen = u(), picture(8, 9), list[torch.Tensor]()
    network.conv_first.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    Restorer(network, tile=0, padding="published").restore(image)
    # All of it repeats the edge.
    wanted = np.pad(image, ((0, 8), (0, 7), (0, 0)), mode="symmetric")
    got = (seen[0] + network.mean)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)
