"""Swin2SR weights under transformers' names are read, and written back to the bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from swinir.checkpoints import CheckpointError, describe, export, load_file, load_network
from swinir.checkpoints.transformers_layout import (
    from_transformers,
    is_transformers,
    to_transformers,
)
from swinir.network import Norm, SwinIR
from swinir.network.windows import relative_position_index
from swinir.tasks import TASKS
from tests.checkpoints.conftest import KINDS, saved

EVERY_V2 = pytest.mark.parametrize("kind", [kind for kind in KINDS if "_v2" in kind])
STAGE = "swin2sr.encoder.stages.0."
SELF = f"{STAGE}layers.1.attention.self."


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether names and numbers are the same."""
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@EVERY_V2
def test_names_go_there_and_back(networks: dict[str, SwinIR], kind: str) -> None:
    weights = networks[kind].state_dict()
    theirs = to_transformers(weights)
    assert is_transformers(theirs)
    assert not is_transformers(weights)
    assert theirs.keys().isdisjoint(weights.keys())
    assert same(from_transformers(theirs), weights)


def test_query_key_and_value_are_the_thirds_of_one(networks: dict[str, SwinIR]) -> None:
    weights = networks["lightweight_v2_x2"].state_dict()
    block = "layers.0.residual_group.blocks.1.attn."
    theirs = to_transformers(weights)
    whole = torch.cat([theirs[f"{SELF}{part}.weight"] for part in ("query", "key", "value")])
    assert torch.equal(whole, weights[f"{block}qkv.weight"])
    assert torch.equal(theirs[f"{SELF}query.bias"], weights[f"{block}q_bias"])
    assert torch.equal(theirs[f"{SELF}value.bias"], weights[f"{block}v_bias"])
    assert f"{SELF}key.bias" not in theirs


@EVERY_V2
def test_a_file_in_their_layout_is_the_same_network(
    networks: dict[str, SwinIR], tmp_path: Path, kind: str
) -> None:
    weights = networks[kind].state_dict()
    path = saved(tmp_path / "pytorch_model.bin", to_transformers(weights))
    loaded, found = load_file(path)
    assert loaded.config == networks[kind].config
    assert same(dict(loaded.state_dict()), dict(weights))
    assert found.wrapper == "bare, layout of transformers"


@EVERY_V2
def test_a_file_in_the_published_layout_is_recognised(
    networks: dict[str, SwinIR], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "net.safetensors"
    export(networks[kind], path)
    loaded, found = load_file(path)
    assert loaded.config == networks[kind].config
    assert (found.derived_buffers, found.window_from) == (True, "read off the tensors")
    assert "kind        Swin2SR, " in str(found)
    assert "cosine attention, norms after it" in str(found)


def test_the_window_is_that_of_the_buffers_the_header_or_a_guess(
    networks: dict[str, SwinIR], tmp_path: Path
) -> None:
    weights = networks["lightweight_v2_x2"].state_dict()
    found = describe(saved(tmp_path / "bare.pth", dict(weights)))
    assert (found.config.window, found.window_from) == (8, "guessed, nothing in the file tells")
    index = {f"{SELF}relative_position_index": relative_position_index(5)}
    found = describe(saved(tmp_path / "index.bin", to_transformers(weights) | index))
    assert (found.config.window, found.window_from) == (5, "read off the tensors")
    other = SwinIR(replace(KINDS["lightweight_v2_x2"], window=6, norm=Norm.PRE))
    export(other, tmp_path / "header.pth", derived_buffers=False)
    found = describe(tmp_path / "header.pth")
    assert found.config == other.config
    assert found.window_from == "from the file's header"
    assert "kind        a variant of SwinIR" in str(found)


def test_what_is_missing_or_odd_is_named(networks: dict[str, SwinIR], tmp_path: Path) -> None:
    theirs = to_transformers(networks["lightweight_v2_x2"].state_dict())
    less = {name: value for name, value in theirs.items() if name != f"{SELF}key.weight"}
    with pytest.raises(CheckpointError, match=r"blocks\.1\.attn\.qkv\.weight missing of"):
        load_file(saved(tmp_path / "less.bin", less))
    wider = theirs | {f"{SELF}key.weight": torch.zeros(12, 5)}
    with pytest.raises(CheckpointError, match=r"blocks\.1\.attn\.qkv\.weight missing of"):
        load_file(saved(tmp_path / "wider.bin", wider))
    more = theirs | {"swin2sr.extra.weight": torch.zeros(1)}
    with pytest.raises(CheckpointError, match=r"swin2sr\.extra\.weight not part of this"):
        load_file(saved(tmp_path / "more.bin", more))


def published(shared: Path) -> Path:
    """The published lightweight x2 weights in transformers' layout."""
    path = shared / "weights" / "swin2sr_lightweight_x2.bin"
    if not path.is_file():
        pytest.skip("needs the published weights in ../shared/weights")
    return path


def test_the_published_file_is_recognised_and_fits_its_task(shared: Path) -> None:
    found = describe(published(shared))
    assert found.parameters == 1005348
    assert found.tasks == ("light_sr_x2",)
    task = TASKS["light_sr_x2"]
    (entry,) = task.from_source("swin2sr")
    network = load_network(task, str(published(shared)))
    assert network.config == entry.network
    stored = torch.load(published(shared), weights_only=True)
    assert same(to_transformers(network.state_dict()), stored)
