"""Weights of a U: read, told, written and shipped like all others."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file as load_safetensors

from swinir.checkpoints import CheckpointError, describe, export, load_file, load_network, ship
from swinir.checkpoints.diagnosis import mismatch
from swinir.checkpoints.inference import infer
from swinir.network import Attention, GroupConv, Head, Norm, Shape, SwinIR, SwinIRConfig
from swinir.network.windows import relative_position_index, shift_mask
from swinir.tasks import find_task

Build = Callable[..., SwinIR]
V2 = {"attention": Attention.COSINE, "norm": Norm.POST}
EVERY_KIND = pytest.mark.parametrize(
    "options",
    [
        {},
        V2,
        {"head": Head.PIXELSHUFFLE_DIRECT, "scale": 2, "projection": True, **V2},
        {"head": Head.NEAREST_CONV, "scale": 4, "group_conv": GroupConv.THREE},
        {"depths": (1, 2, 1), "num_heads": (3, 2, 6), "mlp_ratio": 1.5},
    ],
    ids=["dot", "cosine", "x2", "x4", "two levels"],
)


def u(**options: Any) -> SwinIR:
    """A small U of three levels."""
    sizes = {"embed_dim": 12, "depths": (2, 1, 2, 1, 3), "num_heads": (2, 4, 8, 3, 6)}
    return SwinIR(SwinIRConfig(**{"head": Head.RESIDUAL, "shape": Shape.U, **sizes, **options}))


@EVERY_KIND
def test_tensors_alone_tell_the_configuration(options: dict[str, Any]) -> None:
    network = u(**options)
    assert infer(network.state_dict()) == network.config


@EVERY_KIND
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_an_export_loads_as_the_same_network(
    options: dict[str, Any], suffix: str, tmp_path: Path
) -> None:
    network = u(**options, window=4, img_range=3.0)
    path = tmp_path / f"net{suffix}"
    export(network, path)
    loaded, _ = load_file(path)
    assert loaded.config == network.config
    weights = network.state_dict()
    assert loaded.state_dict().keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in loaded.state_dict().items())


def test_derived_buffers_are_those_of_each_level(tmp_path: Path) -> None:
    export(u(), tmp_path / "net.safetensors", patch=64)
    tensors = load_safetensors(tmp_path / "net.safetensors")
    masks = {name: value for name, value in tensors.items() if name.endswith("attn_mask")}
    sides = {0: 64, 2: 16, 4: 64}
    assert set(masks) == {f"layers.{it}.residual_group.blocks.1.attn_mask" for it in sides}
    for group, side in sides.items():
        mask = masks[f"layers.{group}.residual_group.blocks.1.attn_mask"]
        assert torch.equal(mask, shift_mask(side, side, 8).clamp(min=-100))
    indices = [value for name, value in tensors.items() if name.endswith("position_index")]
    assert len(indices) == 9
    assert all(torch.equal(value, relative_position_index(8)) for value in indices)


@pytest.mark.parametrize("patch", [8, 32, 72])
def test_a_patch_that_is_no_whole_windows_below_is_refused(patch: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"two or more windows of 32 pixels, got {patch}; 256"):
        export(u(), tmp_path / "net.pth", patch=patch)


def test_a_u_ships_and_serves_its_task(pretrained: Path) -> None:
    network = u()
    path = ship(network, "u_color_dn.safetensors")
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["swinir.config"])["shape"] == "u"
    loaded = load_network(find_task("color_dn_25"), str(path))
    assert loaded.config == network.config
    image = torch.rand(1, 3, 9, 20)
    with torch.no_grad():
        # Half of the digits of the weights are left.
        assert (loaded(image) - network(image)).abs().max() < 1e-2


def test_its_description_tells_the_levels(tmp_path: Path) -> None:
    export(u(), tmp_path / "u.safetensors")
    page = str(describe(tmp_path / "u.safetensors"))
    assert "a variant of SwinIR, denoising or JPEG-artifact removal" in page
    assert "U, 3 levels of 12 24 48 channels, sides halved at each" in page
    flat = SwinIR(SwinIRConfig(head=Head.RESIDUAL, embed_dim=12, depths=(1,), num_heads=(2,)))
    export(flat, tmp_path / "flat.safetensors")
    assert "flat, all groups at the size of the image" in str(
        describe(tmp_path / "flat.safetensors")
    )


@pytest.mark.parametrize(
    ("left_out", "line"),
    [
        (
            "merges.1.",
            "merges.1.norm.bias, merges.1.norm.weight, merges.1.reduction.weight missing",
        ),
        ("expands.0.fusion", "expands.0.fusion.bias, expands.0.fusion.weight missing"),
        ("merges.0.norm", "merges.0.norm.bias, merges.0.norm.weight missing"),
        ("merges.", "embed_dim is a multiple of num_heads, got 12 and 8"),
        ("layers.4.", "a U has an odd number of residual groups, at least 3, got 4"),
    ],
)
def test_a_u_with_something_missing_is_refused_in_one_line(
    left_out: str, line: str, tmp_path: Path
) -> None:
    weights = u().state_dict()
    kept = {name: value for name, value in weights.items() if not name.startswith(left_out)}
    torch.save(kept, tmp_path / "net.pth")
    with pytest.raises(CheckpointError) as refusal:
        describe(tmp_path / "net.pth")
    assert line in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("groups", [41, 131, 2001])
def test_more_levels_than_any_memory_holds_are_told(groups: int) -> None:
    config = SwinIRConfig(
        head=Head.RESIDUAL, shape=Shape.U, depths=(1,) * groups, num_heads=(1,) * groups
    )
    assert mismatch({}, config)
