"""Files that hold no SwinIR, or a damaged one, are refused with a line that says why."""

import argparse
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from swinir.checkpoints import CheckpointError, load_file
from swinir.checkpoints.diagnosis import mismatch
from swinir.network import Head, SwinIR, SwinIRConfig
from tests.checkpoints.conftest import saved

BLOCK = "layers.0.residual_group.blocks."


def refusal(path: Path) -> str:
    """The line with which a file is refused."""
    with pytest.raises(CheckpointError) as caught:
        load_file(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


class Burglar:
    """Pickles into a call of ``os.system`` that leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.mark}'",)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle 2", "pickle 4"])
def test_a_file_that_would_run_code_is_refused_and_runs_none(
    network: SwinIR, tmp_path: Path, form: str
) -> None:
    mark, path = tmp_path / "mark", tmp_path / "net.pth"
    stored = {"params": network.state_dict(), "extra": Burglar(mark)}
    if form.startswith("pickle"):
        path.write_bytes(pickle.dumps(Burglar(mark), protocol=int(form[-1])))
    else:
        saved(path, stored, _use_new_zipfile_serialization=form == "zip")
    assert refusal(path).startswith("refused, because")
    assert not mark.exists()
    # The mark does appear where the file is trusted, so the check above can fail.
    with path.open("rb") as file:
        torch.load(file, weights_only=False) if form in ("zip", "legacy") else pickle.load(file)
    assert mark.exists()


def test_the_refusal_names_what_would_be_called(tmp_path: Path) -> None:
    stored = {"hyper_parameters": argparse.Namespace(lr=1), "state_dict": {}}
    line = refusal(saved(tmp_path / "net.ckpt", stored))
    assert "would call argparse.Namespace" in line
    assert "save the state_dict alone" in line


FOREIGN = {
    "ESRGAN": "RRDB_trunk.0.RDB1.conv1.weight",
    "ESRGAN (RRDB)": "body.0.rdb1.conv1.weight",
    "an ESRGAN": "model.1.sub.0.RDB1.conv1.0.weight",
    "HAT": "layers.0.residual_group.overlap_attn.qkv.weight",
    "VGG": "features.0.weight",
    "discriminator": "conv9.weight",
    "judge in GAN training": "conv4.weight_orig",
    "DAT": "layers.0.blocks.0.attn.attns.0.pos.pos_proj.weight",
    "Restormer": "encoder_level1.0.norm1.body.weight",
    "NAFNet": "middle_blks.0.conv1.weight",
    "EDSR or RCAN": "body.0.body.0.weight",
    "SRVGG": "body.0.weight",
    "absolute position": "absolute_pos_embed",
    "pixel unshuffle": "conv_first.1.weight",
}


@pytest.mark.parametrize(("what", "name"), FOREIGN.items())
def test_a_file_of_another_network_is_called_by_its_name(
    tmp_path: Path, what: str, name: str
) -> None:
    stored = {"params_ema": {"conv_first.weight": torch.zeros(8, 3, 3, 3), name: torch.zeros(2)}}
    line = refusal(saved(tmp_path / "net.pth", stored))
    assert what in line
    assert "reads SwinIR" in line


def test_an_unknown_network_is_shown_by_its_first_tensors(tmp_path: Path) -> None:
    stored = {name: torch.zeros(1) for name in "abcde"}
    assert "a, b, c and 2 more" in refusal(saved(tmp_path / "net.pth", stored))


OTHER_THINGS = {
    "the state of an optimizer": {"state": {}, "param_groups": [{"lr": 1.0}]},
    "the state of a training run": {"epoch": 1, "iter": 5, "optimizers": [], "schedulers": []},
    "holds a list": [torch.zeros(1)],
    "holds a Tensor": torch.zeros(1),
    "no weights are in it, but note": {"note": 3},
    "no weights are in it": {},
    "no weights are in it, but a\\n\\x1b[2Jb": {"a\n\x1b[2Jb": 3},
    "'epoch' among its weights is no tensor": {"conv_first.weight": torch.zeros(1), "epoch": 1},
}


@pytest.mark.parametrize("words", OTHER_THINGS)
def test_a_file_without_weights_is_explained(tmp_path: Path, words: str) -> None:
    assert words in refusal(saved(tmp_path / "net.pth", OTHER_THINGS[words]))


def test_missing_and_unexpected_tensors_are_named(network: SwinIR, tmp_path: Path) -> None:
    tensors = dict(network.state_dict())
    del tensors["norm.weight"], tensors["layers.1.residual_group.blocks.2.norm1.bias"]
    line = refusal(saved(tmp_path / "less.pth", tensors))
    assert line.startswith("layers.1.residual_group.blocks.2.norm1.bias, norm.weight missing of")
    tensors = {**network.state_dict(), "conv_extra.weight": torch.zeros(1)}
    assert "conv_extra.weight not part of this SwinIR" in refusal(
        saved(tmp_path / "more.pth", tensors)
    )


def test_tensors_that_contradict_each_other_are_named(
    networks: dict[str, SwinIR], tmp_path: Path
) -> None:
    tensors = dict(networks["classical_x2"].state_dict())
    tensors["conv_last.weight"] = torch.zeros(3, 32, 3, 3)
    line = refusal(saved(tmp_path / "net.pth", tensors))
    assert line.startswith("conv_last.weight is 3x32x3x3, the other tensors ask for 3x64x3x3")


@pytest.mark.parametrize(
    "name",
    [
        "conv_first.weight",
        "layers.0.residual_group.blocks.0.attn.relative_position_bias_table",
        "layers.0.residual_group.blocks.0.mlp.fc1.weight",
    ],
)
def test_a_missing_tensor_that_shapes_the_network_is_explained_too(
    network: SwinIR, tmp_path: Path, name: str
) -> None:
    tensors = {key: value for key, value in network.state_dict().items() if key != name}
    line = refusal(saved(tmp_path / "net.pth", tensors))
    assert "missing" in line or "no SwinIR weights" in line


@pytest.mark.parametrize("name", ["conv_first.weight", "upsample.0.weight", "norm.weight"])
def test_a_tensor_of_a_senseless_shape_is_refused(
    network: SwinIR, tmp_path: Path, name: str
) -> None:
    for shape in ((), (0,), (1,), (5, 0), (7, 2, 3, 3)):
        tensors = {**network.state_dict(), name: torch.zeros(shape)}
        refusal(saved(tmp_path / "net.pth", tensors))


def test_layers_with_absurd_numbers_are_refused(network: SwinIR, tmp_path: Path) -> None:
    for name in ("layers.9999999999.residual_group.blocks.0.", BLOCK + "9999999999."):
        tensors = {**network.state_dict(), f"{name}norm1.bias": torch.zeros(12)}
        assert "numbered with gaps" in refusal(saved(tmp_path / "net.pth", tensors))


def test_layers_with_as_many_blocks_as_names_are_refused(network: SwinIR, tmp_path: Path) -> None:
    far = {f"layers.{group}.residual_group.blocks.200.x": torch.zeros(1) for group in range(200)}
    assert "numbered with gaps" in refusal(
        saved(tmp_path / "net.pth", {**network.state_dict(), **far})
    )


def _nested() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls nested tensors a prototype
        return torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])


ODD_TENSORS: dict[str, Callable[[], Tensor]] = {
    "sparse": lambda: torch.zeros(12, 3, 3, 3).to_sparse(),
    "nested": _nested,
    "meta": lambda: torch.zeros(12, 3, 3, 3, device="meta"),
}


@pytest.mark.parametrize("name", ["conv_first.weight", "norm.weight"])
@pytest.mark.parametrize("kind", ODD_TENSORS)
def test_a_tensor_without_plain_numbers_is_refused(
    network: SwinIR, tmp_path: Path, kind: str, name: str
) -> None:
    tensors = {**network.state_dict(), name: ODD_TENSORS[kind]()}
    line = refusal(saved(tmp_path / "net.pth", tensors))
    assert line.startswith(f"{name} is not a plain tensor")


def test_a_few_numbers_that_pose_as_many_are_refused(network: SwinIR, tmp_path: Path) -> None:
    huge = torch.zeros(1).expand(10**6, 3, 10**6, 3)
    tensors = {**network.state_dict(), "conv_first.weight": huge}
    assert "numbers, which a file of" in refusal(saved(tmp_path / "one.pth", tensors))
    # Each fits into the file, all together do not.
    shared = torch.zeros(100_000)
    tensors = {**network.state_dict(), **{f"more.{number}": shared for number in range(1000)}}
    assert "numbers, which a file of" in refusal(saved(tmp_path / "many.pth", tensors))


def test_a_tensor_with_sides_and_no_numbers_is_refused(network: SwinIR, tmp_path: Path) -> None:
    tensors = {**network.state_dict(), "conv_first.weight": torch.zeros(2**40, 3, 0, 0)}
    assert refusal(saved(tmp_path / "net.pth", tensors)).startswith("conv_first.weight holds no")


def test_sides_too_long_for_any_network_are_told() -> None:
    config = SwinIRConfig(head=Head.RESIDUAL, embed_dim=2**40, depths=(1,), num_heads=(1,))
    assert "too long for any network" in (mismatch({}, config) or "")


HEADERS = {
    "brackets": "[" * 100_000,
    "digits": '{"img_range": 1' + "0" * 400 + "}",
    "too many digits": '{"img_range": 1' + "0" * 5000 + "}",
    "another shape": "[1]",
}


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_header_that_is_no_configuration_is_refused(
    network: SwinIR, tmp_path: Path, suffix: str, text: str
) -> None:
    path = tmp_path / f"net{suffix}"
    if suffix == ".pth":
        saved(path, {"params": network.state_dict(), "swinir.config": text})
    else:
        save_file(network.state_dict(), path, metadata={"swinir.config": text})
    assert "in its header is no configuration" in refusal(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    os.mkfifo(path)
    # With a writer and bytes in it, reading would go on, and this test would fail without a wait.
    pipe = os.open(path, os.O_RDWR)
    try:
        os.write(pipe, b"x" * 600)
        assert "a pipe or a device" in refusal(path)
    finally:
        os.close(pipe)


def test_two_spellings_of_a_name_are_refused(tmp_path: Path) -> None:
    stored = {"params": {1: torch.zeros(1), "1": torch.zeros(1)}}
    assert "no SwinIR weights" in refusal(saved(tmp_path / "net.pth", stored))


def test_names_that_would_garble_the_line_are_refused(network: SwinIR, tmp_path: Path) -> None:
    tensors = {**network.state_dict(), "x\n\x1b[2Jdone": torch.zeros(1)}
    assert "names of its tensors are not text" in refusal(saved(tmp_path / "net.pth", tensors))


def test_wrappers_that_contain_themselves_come_to_an_end(tmp_path: Path) -> None:
    stored: dict[str, Any] = {}
    stored["params"] = stored
    refusal(saved(tmp_path / "net.pth", stored))


def test_a_diverged_training_is_refused(network: SwinIR, tmp_path: Path) -> None:
    tensors = {name: value.clone() for name, value in network.state_dict().items()}
    tensors["norm.bias"][3] = torch.nan
    assert "norm.bias holds NaN or infinity" in refusal(saved(tmp_path / "net.pth", tensors))


def test_a_quantised_network_is_refused(network: SwinIR, tmp_path: Path) -> None:
    tensors = {name: value.to(torch.int8) for name, value in network.state_dict().items()}
    assert "holds int8 numbers" in refusal(saved(tmp_path / "net.pth", tensors))


IMPOSTORS = {
    "an empty file": b"",
    "a web page, so the download failed": b"\n <!DOCTYPE html><html></html>",
    "a web page": b"<html><body>404</body></html>",
    "error message": b'{"message": "Not Found"}',
    "git lfs pull": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "unpack it first": b"\x1f\x8b\x08" + bytes(40),
    "not a weights file": bytes(range(64, 128)),
}


@pytest.mark.parametrize("words", IMPOSTORS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_is_something_else_is_called_by_its_name(
    tmp_path: Path, words: str, suffix: str
) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(IMPOSTORS[words])
    assert words in refusal(path)


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_file_cut_short_anywhere_is_refused(network: SwinIR, tmp_path: Path, form: str) -> None:
    whole = tmp_path / "whole"
    if form == "safetensors":
        save_file(network.state_dict(), whole)
    else:
        saved(whole, network.state_dict(), _use_new_zipfile_serialization=form == "zip")
    data = whole.read_bytes()
    path = tmp_path / "net.pth"
    for length in (1, 5, 30, 200, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        refusal(path)


def test_other_archives_are_told_from_weights(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/inner.pth", b"x")
    assert "unpack it and give folder/inner.pth" in refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", b"x")
        archive.writestr("net/constants.pkl", b"x")
    assert "TorchScript" in refusal(path)


def test_a_folder_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    assert "a folder" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "none.pth")
