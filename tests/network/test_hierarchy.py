"""A U computes what its oracle computes, on maps of any size."""

from typing import Any

import pytest
import torch
from torch import Tensor

from swinir.network import Attention, GroupConv, Head, Norm, Shape, SwinIR, SwinIRConfig
from swinir.network.hierarchy import PatchExpanding, PatchMerging
from swinir.network.inference import Inference, accelerated
from tests.network.published import random_network
from tests.network.test_parity import TOLERANCE, options
from tests.reference_u import reference_u

V2 = {"attention": Attention.COSINE, "norm": Norm.POST}
BOTH = pytest.mark.parametrize("blocks", [{}, V2], ids=["dot", "cosine"])


def u(**changes: Any) -> SwinIRConfig:
    """A small U of three levels, whose groups differ in everything that they may differ in."""
    small = {
        "head": Head.RESIDUAL,
        "shape": Shape.U,
        "embed_dim": 4,
        "depths": (2, 1, 2, 3, 2),
        "num_heads": (2, 4, 2, 1, 2),
        "window": 4,
    }
    return SwinIRConfig(**{**small, **changes})


def difference(config: SwinIRConfig, height: int, width: int, batch: int = 1) -> float:
    """Largest difference between a random network and the oracle, both in float64."""
    network = random_network(config)
    image = torch.rand(batch, config.channels, height, width, dtype=torch.float64)
    with torch.no_grad():
        ours = network(image)
        expected = reference_u(network.state_dict(), image, **options(config))
    assert ours.shape == expected.shape
    assert expected.std() > 1e-3, "an image without content would agree with anything"
    return (ours - expected).abs().max().item()


@BOTH
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (2, 3), (16, 16), (17, 9), (32, 48)], ids=str)
def test_any_size_equals_the_reference(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    # Up to 16 pixels the lowest level is a single window, which shifted blocks divide by the mask.
    assert difference(u(**blocks), *size, batch=2) < TOLERANCE


@BOTH
@pytest.mark.parametrize(
    "changes",
    [
        {"head": Head.PIXELSHUFFLE_DIRECT, "scale": 2},
        {"head": Head.NEAREST_CONV, "scale": 4, "group_conv": GroupConv.THREE},
        {"channels": 1, "img_range": 255.0, "window": 7},
        {"projection": True},
        {"depths": (1, 2, 1), "num_heads": (1, 2, 4)},
        {"depths": (1,) * 7, "num_heads": (1,) * 7, "window": 2},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_every_kind_equals_the_reference(blocks: dict[str, Any], changes: dict[str, Any]) -> None:
    assert difference(u(**blocks, **changes), 9, 13) < TOLERANCE


@BOTH
def test_gradients_equal_those_of_the_reference(blocks: dict[str, Any]) -> None:
    network = random_network(u(**blocks))
    image = torch.rand(2, 3, 11, 20, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 3, 11, 20, dtype=torch.float64)

    parameters = dict(network.named_parameters())
    ours = torch.autograd.grad((network(image) * weights).sum(), [image, *parameters.values()])
    plain = reference_u(parameters, image, **options(network.config))
    expected = torch.autograd.grad((plain * weights).sum(), [image, *parameters.values()])

    for name, mine, theirs in zip(["image", *parameters], ours, expected, strict=True):
        assert theirs.abs().max() > 0, name
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9, msg=name)


def test_merging_lays_four_neighbours_side_by_side() -> None:
    merging = PatchMerging(1).double()
    merging.norm = torch.nn.Identity()
    merging.reduction.weight.data = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1]]).double()
    x = torch.arange(16, dtype=torch.float64).view(1, 4, 4, 1)
    # Upper left and lower right of each.
    expected = [[[0, 5], [2, 7]], [[8, 13], [10, 15]]]
    assert merging(x)[0].tolist() == expected


def test_expanding_begins_with_the_place_and_ends_with_the_skip() -> None:
    expanding = PatchExpanding(1)
    expanding.expansion.weight.data = torch.tensor([[1.0, 0], [2, 0], [3, 0], [4, 0]])
    expanding.expansion.bias.data.zero_()
    expanding.fusion.weight.data = torch.tensor([[1.0, 100]])
    expanding.fusion.bias.data.zero_()
    skip = torch.tensor([[5.0, 6], [7, 8]]).view(1, 2, 2, 1)
    found = expanding(torch.tensor([1.0, 9]).view(1, 1, 1, 2), skip)
    assert found[0, :, :, 0].tolist() == [[501, 602], [703, 804]]


def test_every_level_sees_all_of_its_map() -> None:
    network = random_network(u())
    sizes: list[tuple[int, ...]] = []
    for layer in network.layers:
        layer.register_forward_hook(lambda _, given, __: sizes.append(tuple(given[0].shape)))
    network(torch.rand(1, 3, 20, 33, dtype=torch.float64))
    widths = [(1, 32, 48, 4), (1, 16, 24, 8), (1, 8, 12, 16)]
    assert sizes == [*widths, *widths[-2::-1]]


def test_every_group_of_a_u_matters() -> None:
    image = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    network = random_network(u())
    before = network(image).detach()
    for index, layer in enumerate(network.layers):
        changed = random_network(u())
        changed.layers[index].load_state_dict(
            {name: value + 0.1 for name, value in layer.state_dict().items()}
        )
        assert (changed(image) - before).abs().max() > 1e-6, index


@BOTH
def test_a_batch_equals_its_images_one_by_one(blocks: dict[str, Any]) -> None:
    network = random_network(u(**blocks))
    images = torch.rand(3, 3, 9, 6, dtype=torch.float64)
    with torch.no_grad():
        single = torch.cat([network(one) for one in images.split(1)])
        torch.testing.assert_close(network(images), single, rtol=1e-12, atol=1e-12)


@BOTH
def test_low_precision_stays_near_single(blocks: dict[str, Any]) -> None:
    network = random_network(u(**blocks, embed_dim=12)).float()
    image = torch.rand(1, 3, 16, 24)
    with torch.no_grad():
        exact = network(image)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = network(image)
    assert (rounded - exact).abs().max() < 0.1 * exact.std()


def test_what_branches_are_added_to_keeps_its_type_from_level_to_level() -> None:
    x, skip = torch.rand(1, 2, 2, 8), torch.rand(1, 4, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert PatchMerging(8)(x).dtype == torch.float32
        assert PatchExpanding(4)(x, skip).dtype == torch.float32


def test_a_flat_network_has_nothing_of_a_hierarchy() -> None:
    flat = SwinIR(u(shape=Shape.FLAT, num_heads=(2,) * 5))
    assert not [name for name in flat.state_dict() if name.startswith(("merges", "expands"))]
    levels = SwinIR(u()).state_dict()
    between = {name for name in levels if name.startswith(("merges", "expands"))}
    assert between == {
        *(f"merges.{level}.{part}" for level in (0, 1) for part in MERGING),
        *(f"expands.{level}.{part}" for level in (0, 1) for part in EXPANDING),
    }


MERGING = ("norm.weight", "norm.bias", "reduction.weight")
EXPANDING = ("expansion.weight", "expansion.bias", "fusion.weight", "fusion.bias")


@BOTH
@pytest.mark.parametrize("size", [(1, 1), (16, 32), (33, 20)], ids=str)
def test_what_is_computed_faster_is_the_same(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    network = random_network(u(**blocks))
    faster = accelerated(network)
    assert isinstance(faster, Inference)
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        wanted = network(image)
    assert wanted.std() > 1e-3
    assert (faster(image) - wanted).abs().max() < TOLERANCE


def test_images_are_extended_to_whole_windows_of_the_lowest_level() -> None:
    network = random_network(u())
    image = torch.rand(1, 3, 16, 32, dtype=torch.float64)
    larger = torch.rand(1, 3, 17, 32, dtype=torch.float64)
    seen: list[Tensor] = []
    network.conv_first.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(image)
    network(larger)
    assert [tuple(each.shape[2:]) for each in seen] == [(16, 32), (32, 32)]
    assert (network.config.multiple, network.config.levels) == (16, 3)
