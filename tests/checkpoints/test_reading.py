"""Files of any origin are read into exactly the network that they hold."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from swinir.checkpoints import describe, load_file
from swinir.network import SwinIR
from swinir.network.windows import relative_position_index, shift_mask
from tests.checkpoints.conftest import saved

KINDS = (
    *("classical_x8", "lightweight_x4", "real_x2", "real_large_x4"),
    *("gray_dn", "color_dn", "jpeg", "color_jpeg"),
)
OTHER_SCALES = (
    *(
        "classical_x2",
        "classical_x3",
        "classical_x4",
        "lightweight_x2",
        "lightweight_x3",
        "real_x4",
    ),
)
WRAPPINGS = {
    "params_ema": lambda tensors: {"params_ema": tensors, "params": {"wrong": torch.zeros(1)}},
    "params": lambda tensors: {"params": tensors},
    "state_dict": lambda tensors: {"state_dict": tensors, "epoch": 3},
    "model": lambda tensors: {"model": tensors, "optimizer": {"state": {}}},
    "bare": lambda tensors: tensors,
    "bare, prefix module.": lambda tensors: _prefixed(tensors, "module."),
    "params, prefix module.": lambda tensors: {"params": _prefixed(tensors, "module.")},
    "bare, prefix module._orig_mod.": lambda tensors: _prefixed(tensors, "module._orig_mod."),
    "state_dict, prefix net_g.": lambda tensors: {"state_dict": _prefixed(tensors, "net_g.")},
}


def _prefixed(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in tensors.items()}


def published(network: SwinIR, *, buffers: bool) -> dict[str, Tensor]:
    """The tensors of a network as the authors stored them."""
    tensors = dict(network.state_dict())
    if buffers:
        window = network.config.window
        for name in network.state_dict():
            if name.endswith("relative_position_bias_table"):
                stem = name.removesuffix("attn.relative_position_bias_table")
                tensors[f"{stem}attn.relative_position_index"] = relative_position_index(window)
                tensors[f"{stem}attn_mask"] = shift_mask(4 * window, 4 * window, window)
    return tensors


@pytest.mark.parametrize("buffers", [False, True], ids=["without buffers", "with buffers"])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_published_kind_loads_strictly_from_every_wrapping(
    networks: dict[str, SwinIR], tmp_path: Path, kind: str, wrapping: str, *, buffers: bool
) -> None:
    network = networks[kind]
    stored = WRAPPINGS[wrapping](published(network, buffers=buffers))
    loaded, found = load_file(saved(tmp_path / "net.pth", stored))
    assert loaded.config == found.config == network.config
    assert (found.wrapper, found.derived_buffers) == (wrapping, buffers)
    assert not loaded.training
    weights = network.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in loaded.state_dict().items())


def test_an_empty_average_gives_way_to_the_weights(network: SwinIR, tmp_path: Path) -> None:
    stored = {"params_ema": {}, "params": dict(network.state_dict())}
    loaded, found = load_file(saved(tmp_path / "net.pth", stored))
    assert found.wrapper == "params"
    assert torch.equal(loaded.norm.weight, network.norm.weight)


@pytest.mark.parametrize("kind", OTHER_SCALES)
def test_every_scale_is_read_off_the_tensors(
    networks: dict[str, SwinIR], tmp_path: Path, kind: str
) -> None:
    path = saved(tmp_path / "net.pth", published(networks[kind], buffers=True))
    assert load_file(path)[0].config == networks[kind].config


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".ckpt"])
def test_the_legacy_format_and_any_suffix_are_read(
    network: SwinIR, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"net{suffix}"
    saved(path, {"params": network.state_dict()}, _use_new_zipfile_serialization=False)
    assert describe(path).container == "torch legacy"
    assert load_file(path)[0].config == network.config


def test_a_safetensors_file_of_others_is_read(network: SwinIR, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(published(network, buffers=False), path)
    loaded, found = load_file(path)
    assert loaded.config == network.config
    assert found.container == "safetensors"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_of_storage_becomes_float32(
    network: SwinIR, tmp_path: Path, dtype: torch.dtype
) -> None:
    tensors = {name: value.to(dtype) for name, value in network.state_dict().items()}
    loaded, found = load_file(saved(tmp_path / "net.pth", tensors))
    assert {value.dtype for value in loaded.state_dict().values()} == {torch.float32}
    assert found.dtype == str(dtype).removeprefix("torch.")


def test_loading_leaves_the_random_numbers_alone(network: SwinIR, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", network.state_dict())
    before = torch.get_rng_state()
    load_file(path)
    assert torch.equal(torch.get_rng_state(), before)
