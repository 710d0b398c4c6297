"""A network that starts as an interpolation enlarges like one."""

import numpy as np
import pytest
import torch
from torch import Tensor

from swinir.images.resize import resize
from swinir.network import Head, SwinIR, SwinIRConfig
from swinir.training.start import start_as_interpolation, sub_pixel_kernels


def photograph(side: int) -> Tensor:
    """Overlapping rectangles of many sizes, as rich in detail as photographs: (1, 3, side, side).

    (The dead leaves model: Lee, Mumford, Huang, "Occlusion models for natural images", 2001.)
    """
    rng = np.random.default_rng(0)
    image = np.full((3, side, side), 0.5, np.float32)
    for _ in range(200):
        height, width = (0.05 * side / rng.uniform(0.1, 1, 2)).astype(int) + 1
        top, left = rng.integers(-height, side), rng.integers(-width, side)
        colour = rng.uniform(0.3, 0.7, (3, 1, 1))
        image[:, max(top, 0) : top + height, max(left, 0) : left + width] = colour
    return torch.from_numpy(image)[None]


def fidelity(image: Tensor, truth: Tensor) -> float:
    """PSNR in dB away from the border, where the convolutions see zeros."""
    error = (image - truth)[..., 16:-16, 16:-16].square().mean()
    return float(-10 * torch.log10(error))


@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.no_grad()
def test_it_comes_close_to_bicubic(scale: int) -> None:
    config = SwinIRConfig(
        head=Head.PIXELSHUFFLE_DIRECT,
        scale=scale,
        embed_dim=60,
        depths=(2, 2),
        num_heads=(6, 6),
    )
    network = SwinIR(config).eval()
    start_as_interpolation(network)
    truth = photograph(24 * scale)
    degraded = resize(truth, 1 / scale)
    bicubic = fidelity(resize(degraded, scale), truth)
    # In decibels: three taps instead of four, and the random channels that are not quite silent.
    assert fidelity(network(degraded), truth) > bicubic - 1.5


@torch.no_grad()
def test_a_random_start_is_far_from_it() -> None:
    config = SwinIRConfig(
        head=Head.PIXELSHUFFLE_DIRECT, scale=2, embed_dim=60, depths=(2,), num_heads=(6,)
    )
    truth = photograph(48)
    assert fidelity(SwinIR(config).eval()(resize(truth, 0.5)), truth) < 25


def test_the_trunk_still_learns() -> None:
    config = SwinIRConfig(
        head=Head.PIXELSHUFFLE_DIRECT, scale=2, embed_dim=12, depths=(2,), num_heads=(2,), window=4
    )
    network = SwinIR(config)
    start_as_interpolation(network)
    network(torch.rand(1, 3, 8, 8)).square().mean().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_kernels_sum_to_one_and_mirror_each_other(scale: int) -> None:
    kernels = sub_pixel_kernels(scale)
    torch.testing.assert_close(kernels.sum(1), torch.ones(scale))
    torch.testing.assert_close(kernels, kernels.flip(0, 1))


@pytest.mark.parametrize(
    ("head", "scale"), [(Head.PIXELSHUFFLE, 4), (Head.NEAREST_CONV, 4), (Head.RESIDUAL, 1)]
)
def test_other_heads_are_refused(head: Head, scale: int) -> None:
    config = SwinIRConfig(head=head, scale=scale, embed_dim=12, depths=(2,), num_heads=(2,))
    with pytest.raises(ValueError, match=r"is for a pixelshuffledirect head, got .*'random'"):
        start_as_interpolation(SwinIR(config))
