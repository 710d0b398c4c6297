"""Swin blocks and stochastic depth."""

import torch

from swinir.network import Head, SwinIR, SwinIRConfig
from swinir.network.blocks import DropPath


def test_drop_path_is_the_identity_in_evaluation() -> None:
    x = torch.randn(4, 2, 2, 3)
    assert DropPath(0.9).eval()(x) is x


def test_drop_path_without_chance_is_the_identity_in_training() -> None:
    x = torch.randn(4, 2, 2, 3)
    assert DropPath(0.0).train()(x) is x


def test_drop_path_drops_whole_images() -> None:
    out = DropPath(0.5).train()(torch.ones(64, 2, 3, 5))
    images = out.flatten(1)
    assert torch.equal(images.amin(1), images.amax(1))
    assert set(images[:, 0].tolist()) == {0.0, 2.0}


def test_drop_path_keeps_the_expectation() -> None:
    out = DropPath(0.2).train()(torch.ones(20_000, 1, 1, 1))
    # The standard error of the mean is 0.0035; the seed is fixed.
    assert abs(out.mean().item() - 1) < 0.015


def test_drop_path_grows_with_depth_across_the_groups() -> None:
    config = SwinIRConfig(
        head=Head.RESIDUAL, embed_dim=4, depths=(2, 3), num_heads=(2, 2), drop_path=0.4
    )
    chances = [m.chance for m in SwinIR(config).modules() if isinstance(m, DropPath)]
    torch.testing.assert_close(torch.tensor(chances), torch.tensor([0.0, 0.1, 0.2, 0.3, 0.4]))


def test_a_network_with_drop_path_is_deterministic_in_evaluation_only() -> None:
    config = SwinIRConfig(
        head=Head.RESIDUAL, embed_dim=4, depths=(4,), num_heads=(2,), window=4, drop_path=0.5
    )
    network = SwinIR(config).eval()
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(network(image), network(image))
    network.train()
    assert len({network(image).sum().item() for _ in range(16)}) > 1
