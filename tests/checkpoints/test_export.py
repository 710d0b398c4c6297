"""Exports carry the published names and shapes, so that other programs load them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file as load_safetensors

from swinir.checkpoints import describe, export, load_file, ship
from swinir.network import SwinIR
from swinir.network.windows import relative_offsets, relative_position_index, shift_mask
from tests.network.published import KINDS as PUBLISHED_KINDS

OURS = "light_sr_x4.safetensors"
BLOCK = "layers.0.residual_group.blocks.{}."


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kind", ["classical_x8", "real_large_x4", "gray_dn", "jpeg", "jpeg_v2"])
def test_an_export_loads_as_the_same_network(
    networks: dict[str, SwinIR], tmp_path: Path, kind: str, suffix: str
) -> None:
    path = tmp_path / f"net{suffix}"
    export(networks[kind], path)
    loaded, found = load_file(path)
    assert loaded.config == networks[kind].config
    assert found.img_range_from == "from the file's header"
    weights = networks[kind].state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in loaded.state_dict().items())
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_unusual_img_range_survives(tmp_path: Path, network: SwinIR) -> None:
    other = SwinIR(replace(network.config, img_range=2.5))
    export(other, tmp_path / "net.safetensors")
    assert load_file(tmp_path / "net.safetensors")[0].config.img_range == 2.5


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_an_export_has_what_spandrel_recognises(
    network: SwinIR, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"net{suffix}"
    export(network, path)
    if suffix == ".pth":
        tensors = torch.load(path, weights_only=True)["params"]
    else:
        tensors = load_safetensors(path)
    # Its detection asks for the index and for names of the first block; its strict loading asks for
    # the mask of every second block, whose count of windows it takes for the training size.
    for block in range(2):
        index = tensors[BLOCK.format(block) + "attn.relative_position_index"]
        assert torch.equal(index, relative_position_index(8))
    mask = tensors[BLOCK.format(1) + "attn_mask"]
    assert mask.shape == (64, 64, 64)
    assert set(mask.unique().tolist()) == {-100.0, 0.0}
    assert BLOCK.format(0) + "attn_mask" not in tensors
    for name in ("norm1.weight", "mlp.fc1.bias", "attn.relative_position_bias_table"):
        assert BLOCK.format(0) + name in tensors
    extra = set(tensors) - set(network.state_dict())
    assert all(name.endswith(("attn_mask", "relative_position_index")) for name in extra)
    assert set(network.state_dict()) < set(tensors)


def test_an_export_of_cosine_attention_has_what_the_published_program_asks_for(
    networks: dict[str, SwinIR], tmp_path: Path
) -> None:
    path = tmp_path / "net.safetensors"
    export(networks["jpeg_v2"], path)
    tensors = load_safetensors(path)
    for block in range(2):
        stem = BLOCK.format(block) + "attn."
        assert torch.equal(tensors[stem + "relative_position_index"], relative_position_index(7))
        table = tensors[stem + "relative_coords_table"]
        assert table.shape == (1, 13, 13, 2)
        assert torch.equal(table.view(-1, 2), relative_offsets(7))
    assert describe(path).config.window == 7


@pytest.mark.filterwarnings("ignore:torch.meshgrid")  # spandrel's own
def test_spandrel_restores_alike_from_every_file_of_ours(
    network: SwinIR, pretrained: Path, tmp_path: Path
) -> None:
    spandrel = pytest.importorskip(
        "spandrel", reason="needs spandrel, which needs torchvision", exc_type=ImportError
    )
    paths = [tmp_path / "net.pth", tmp_path / "net.safetensors"]
    for path in paths:
        export(network, path)
    for path in (*paths, ship(network, OURS)):
        theirs = spandrel.ModelLoader().load_from_file(path).eval()
        ours = load_file(path)[0]
        assert theirs.scale == 4
        # It takes 16x16 for the training size of the shipped file, and masks others anew.
        for height, width in ((16, 16), (16, 24), (40, 16), (23, 37), (64, 64)):
            image = torch.rand(1, 3, height, width)
            with torch.no_grad():
                difference = theirs(image) - ours(image).clamp(0, 1)
            assert difference.abs().max() < 1e-5, (path.name, height, width)


def test_buffers_can_be_left_out_and_sized(network: SwinIR, tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    export(network, path, derived_buffers=False)
    assert set(torch.load(path, weights_only=True)["params"]) == set(network.state_dict())
    export(network, path, patch=16)
    tensors = torch.load(path, weights_only=True)["params"]
    assert tensors[BLOCK.format(1) + "attn_mask"].shape == (4, 64, 64)
    for patch in (8, 20):
        with pytest.raises(ValueError, match=f"two or more windows of 8 pixels, got {patch}"):
            export(network, path, patch=patch)


def test_a_shipped_file_is_half_precision_and_describes_itself(
    network: SwinIR, pretrained: Path
) -> None:
    path = ship(network, OURS, metadata={"card": "x4"})
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["card"] == "x4"
        assert json.loads(file.metadata()["swinir.config"])["scale"] == 4
    assert describe(path).dtype == "float16"
    assert set(load_file(path)[0].state_dict()) == set(network.state_dict())


def test_a_shipped_file_has_the_published_names_and_is_small(pretrained: Path) -> None:
    kind = next(kind for kind in PUBLISHED_KINDS if kind.name == "lightweight")
    path = ship(SwinIR(kind.config(4)), OURS)
    assert path.stat().st_size < 4 * 2**20
    tensors = load_safetensors(path)
    blocks = [
        (number, f"layers.{group}.residual_group.blocks.{number}.")
        for group, depth in enumerate(kind.depths)
        for number in range(depth)
    ]
    indices = {stem + "attn.relative_position_index" for _, stem in blocks}
    masks = {stem + "attn_mask" for number, stem in blocks if number % 2}
    assert set(tensors) == kind.keys(4) | indices | masks
    for name in indices:
        assert torch.equal(tensors[name], relative_position_index(8))
    # The smallest image of several windows: programs read its side, 16, off the count of windows.
    expected = shift_mask(16, 16, 8).clamp(min=-100)
    for name in masks:
        assert tensors[name].shape == (4, 64, 64)
        assert torch.equal(tensors[name].float(), expected)
    whole = {tensors[name].dtype for name in tensors.keys() - indices}
    assert whole == {torch.float16}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_failed_export_leaves_the_old_file_and_nothing_else(
    network: SwinIR, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"old")

    def fail(temporary: Path, data: bytes) -> int:
        with temporary.open("wb") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk, pytest.raises(OSError, match="No space"):
        disk.setattr(Path, "write_bytes", fail)
        export(network, path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_torch_file_tells_nothing_of_where_it_was_written(
    network: SwinIR, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.pth", tmp_path / "second.pth"
    export(network, first)
    export(network, second)
    assert first.read_bytes() == second.read_bytes()


def test_an_export_that_cannot_be_is_refused(networks: dict[str, SwinIR], tmp_path: Path) -> None:
    network = networks["jpeg"]
    with pytest.raises(ValueError, match=r"written to \.safetensors, \.pth.*got net\.onnx"):
        export(network, tmp_path / "net.onnx")
    with pytest.raises(ValueError, match="floating-point type"):
        export(network, tmp_path / "net.pth", dtype=torch.int8)
    large = SwinIR(network.config)
    torch.nn.init.constant_(large.norm.weight, 1e6)
    with pytest.raises(ValueError, match=r"norm\.weight holds a number that torch\.float16"):
        export(large, tmp_path / "net.pth", dtype=torch.float16)
    assert list(tmp_path.iterdir()) == []
