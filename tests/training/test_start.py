"""Where the weights of a run start: as an interpolation, or from another network."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from swinir.checkpoints import export, load_file
from swinir.images.resize import resize
from swinir.network import Attention, Head, Norm, Shape, SwinIR, SwinIRConfig
from swinir.training.start import (
    adopt,
    start_as_identity,
    start_as_interpolation,
    sub_pixel_kernels,
)


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


def denoiser(**options: object) -> SwinIR:
    sizes = {"embed_dim": 24, "depths": (2,) * 5, "num_heads": (2, 4, 8, 4, 2), "window": 4}
    values: dict[str, object] = {"head": Head.RESIDUAL, "shape": Shape.U, **sizes}
    return SwinIR(SwinIRConfig(**(values | options)))  # type: ignore[arg-type]


V2 = {"attention": Attention.COSINE, "norm": Norm.POST}
DENOISERS = pytest.mark.parametrize(
    "options",
    [{}, V2, {"shape": Shape.FLAT, "num_heads": (2,) * 5, **V2}],
    ids=["U", "U of cosines", "cosines"],
)


@DENOISERS
def test_a_denoiser_begins_with_its_image_and_learns(options: dict[str, object]) -> None:
    torch.manual_seed(0)
    network = denoiser(**options)
    before = network(image := photograph(32)) - image
    start_as_identity(network)
    change = network(image) - image
    # Everything but the bias of the last convolution is quiet.
    assert 0 < change.std() < 0.2 * before.std()
    change.square().mean().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name


@DENOISERS
def test_what_enters_a_level_or_a_branch_keeps_its_variance(options: dict[str, object]) -> None:
    torch.manual_seed(0)
    network = denoiser(**options)
    start_as_identity(network)
    checked = 0
    for name, weight in network.state_dict().items():
        if name.endswith(("qkv.weight", "fc1.weight", "reduction.weight", "expansion.weight")):
            # Of at least a thousand numbers, so within a tenth.
            assert weight.numel() > 1000
            assert weight.std() == pytest.approx(weight.shape[1] ** -0.5, rel=0.1), name
            checked += 1
    assert checked == 20 + len(network.merges) + len(network.expands)


def test_skips_are_added_at_first() -> None:
    network = denoiser()
    start_as_identity(network)
    for level, expand in enumerate(network.expands):
        width = 24 * 2**level
        low, skip = torch.rand(1, 1, 1, 2 * width), torch.rand(1, 2, 2, width)
        plain = expand.expansion(low)[0, 0, 0].view(width, 2, 2).permute(1, 2, 0)
        torch.testing.assert_close(expand(low, skip)[0], plain + skip[0])


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


def tiny(scale: int = 2, **options: object) -> SwinIR:
    values: dict[str, object] = {
        "head": Head.PIXELSHUFFLE_DIRECT,
        "scale": scale,
        "embed_dim": 12,
        "depths": (2,),
        "num_heads": (2,),
        "window": 4,
    }
    return SwinIR(SwinIRConfig(**(values | options)))  # type: ignore[arg-type]


def test_a_warm_start_takes_all_but_the_last_layers_of_another_enlargement(tmp_path: Path) -> None:
    export(tiny(2), tmp_path / "x2.safetensors")
    network = tiny(4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    left = adopt(network, tmp_path / "x2.safetensors")
    assert left == [
        "upsample.0.weight (12x12x3x3 there, 48x12x3x3 here)",
        "upsample.0.bias (12 there, 48 here)",
    ]
    wanted = load_file(tmp_path / "x2.safetensors")[0].state_dict()
    for name, value in network.state_dict().items():
        source = before if name.startswith("upsample") else wanted
        assert torch.equal(value, source[name])


def test_another_window_leaves_the_position_biases(tmp_path: Path) -> None:
    export(tiny(window=4), tmp_path / "w4.safetensors")
    left = adopt(tiny(window=8), tmp_path / "w4.safetensors")
    assert len(left) == 2
    assert all("relative_position_bias_table (49x2 there, 225x2 here)" in line for line in left)


def test_weights_of_which_no_block_fits_are_one_line(tmp_path: Path) -> None:
    export(tiny(embed_dim=24), tmp_path / "wide.safetensors")
    with pytest.raises(ValueError, match=r"wide.safetensors: a warm start takes the Swin blocks"):
        adopt(tiny(), tmp_path / "wide.safetensors")
