"""A task and a choice of weights become a network, or one line in plain words."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import torch

from swinir.checkpoints import CheckpointError, describe, export, load_network, resolve, ship
from swinir.network import SwinIR
from swinir.tasks import NETWORKS, TASKS
from tests.checkpoints.conftest import KINDS

OURS = "light_sr_x4.safetensors"
FULL_SIZE = {network: file for file, network in NETWORKS.items()}.values()
"""One published file of each configuration."""


def failure(task: str, weights: str | None) -> str:
    """The line with which weights are refused."""
    with pytest.raises(CheckpointError) as caught:
        load_network(TASKS[task], weights)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_ours_is_the_default_and_serves_both_tasks(network: SwinIR, pretrained: Path) -> None:
    ship(network, OURS)
    for task in ("sr_x4", "light_sr_x4"):
        for weights in (None, "ours"):
            assert resolve(TASKS[task], weights) == pretrained / OURS
            assert load_network(TASKS[task], weights).config == network.config


def test_the_loaded_network_is_ready_to_restore(network: SwinIR, pretrained: Path) -> None:
    ship(network, OURS)
    loaded = load_network(TASKS["sr_x4"])
    assert not loaded.training
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    image = torch.rand(1, 3, 9, 8)
    with torch.no_grad():
        # Half precision of storage moves a value in [0, 1] by less than a grey level of 8 bits.
        assert torch.allclose(loaded(image), network(image), atol=1e-3)


def test_our_weights_are_verified(network: SwinIR, pretrained: Path) -> None:
    path = ship(network, OURS)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    line = failure("sr_x4", "ours")
    assert "has SHA-256" in line
    assert "git checkout" in line
    path.unlink()
    assert "is missing; restore it" in failure("sr_x4", None)
    path.write_bytes(data)
    (pretrained / "manifest.json").write_text("{}", encoding="utf-8")
    assert f"does not list {OURS}" in failure("sr_x4", None)


def test_the_manifest_keeps_its_other_entries(network: SwinIR, pretrained: Path) -> None:
    ship(network, "b.safetensors")
    ship(network, "a.safetensors")
    entries = json.loads((pretrained / "manifest.json").read_text(encoding="utf-8"))
    assert list(entries) == ["a.safetensors", "b.safetensors"]
    assert entries["a.safetensors"]["bytes"] == (pretrained / "a.safetensors").stat().st_size


def test_a_task_without_our_weights_takes_the_official_ones(
    pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWINIR_OFFLINE", "1")
    first = "001_classicalSR_DF2K_s64w8_SwinIR-M_x8.pth"
    assert first in failure("sr_x8", None)
    assert first in failure("sr_x8", "official")
    assert "x8; use --weights official" not in failure("sr_x8", None)
    assert "has no weights of ours; use --weights official" in failure("sr_x8", "ours")


def test_weights_of_swin2sr_are_taken_where_a_task_has_them(
    pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWINIR_OFFLINE", "1")
    release = "https://github.com/mv-lab/swin2sr/releases/download/v0.0.1/"
    for task, file in (
        ("light_sr_x2", "Swin2SR_Lightweight_X2_64.pth"),
        ("jpeg_30", "Swin2SR_Jpeg_dynamic.pth"),
    ):
        for weights in ("swin2sr", file):
            assert f"fetch {release}{file} yourself" in failure(task, weights)
    assert "Swin2SR_CompressedSR_X4_48.pth" in failure("compressed_sr_x4", None)
    line = failure("sr_x3", "swin2sr")
    assert line == (
        "the task sr_x3 has no weights of swin2sr; use --weights ours or official or a file"
    )
    line = failure("compressed_sr_x4", "ours")
    assert "has no weights of ours; use --weights swin2sr or a file" in line
    line = failure("sr_x4", "Swin2SR_Jpeg_dynamic.pth")
    assert "keep the size, the task sr_x4 needs x4; use --task jpeg_10 or other" in line


def test_an_official_file_can_be_named(pretrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWINIR_OFFLINE", "1")
    other = "001_classicalSR_DIV2K_s48w8_SwinIR-M_x4.pth"
    line = failure("sr_x4", other)
    assert f"put it at {pretrained / 'official' / other}" in line


def test_an_official_file_of_a_wrong_scale_is_refused_before_its_download(
    pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWINIR_OFFLINE", "1")
    line = failure("sr_x4", "002_lightweightSR_DIV2K_s64w8_SwinIR-S_x2.pth")
    assert line == (
        "these weights enlarge x2, the task sr_x4 needs x4; use --task light_sr_x2 or other weights"
    )


@pytest.mark.parametrize(
    ("kind", "task", "words"),
    [
        ("classical_x2", "sr_x4", "enlarge x2, the task sr_x4 needs x4; use --task sr_x2"),
        ("color_dn", "real_sr_x2", "keep the size, the task real_sr_x2 needs x2"),
        ("real_x4", "jpeg_10", "enlarge x4, the task jpeg_10 keeps the size"),
        ("color_dn", "gray_dn_15", "for colour images, the task gray_dn_15 needs grey ones"),
        ("jpeg", "color_jpeg_40", "for grey images, the task color_jpeg_40 needs colour ones"),
    ],
)
def test_weights_that_do_not_fit_are_told_in_plain_words(
    networks: dict[str, SwinIR], tmp_path: Path, kind: str, task: str, words: str
) -> None:
    path = tmp_path / "net.pth"
    export(networks[kind], path)
    line = failure(task, str(path))
    assert words in line
    assert line.endswith("or other weights")


def test_a_path_is_taken_as_it_is(networks: dict[str, SwinIR], tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    export(networks["real_x4"], path)
    assert load_network(TASKS["sr_x4"], str(path)).config == KINDS["real_x4"]


def test_a_home_folder_that_nobody_has_is_one_line(
    pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = failure("sr_x4", "~nosuchuser/x.pth")
    assert line.startswith("~nosuchuser/x.pth: ~nosuchuser is nobody's home folder here")
    for variable in ("SWINIR_CACHE", "SWINIR_PRETRAINED"):
        monkeypatch.setenv(variable, "~nosuchuser/weights")
        line = failure("sr_x4", "official" if variable == "SWINIR_CACHE" else "ours")
        assert line.startswith(f"{variable}=~nosuchuser/weights: ~nosuchuser is nobody's home")


def test_mistyped_weights_are_told_the_nearest(pretrained: Path) -> None:
    assert failure("sr_x4", "offical") == "no weights offical; did you mean official?"
    near = "002_lightweightSR_DIV2K_s64w8_SwinIR-S_x4.pth"
    assert f"did you mean {near}" in failure("sr_x4", near.replace("SwinIR-S", "SwinIR-M"))
    assert "name a file" in failure("sr_x4", "/nowhere/zzz")


@pytest.mark.parametrize("file", [*FULL_SIZE])
def test_a_full_size_file_is_described_as_published(file: str, tmp_path: Path) -> None:
    network = NETWORKS[file]
    tasks = [name for name, it in TASKS.items() if file in (entry.file for entry in it.checkpoints)]
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in SwinIR(network).state_dict().items()}
    # A byte for a number, so that a full-size file is small.
    tensors = {name: torch.zeros(shape, dtype=torch.float8_e5m2) for name, shape in shapes.items()}
    path = tmp_path / file
    torch.save({"params": tensors}, path)
    found = describe(path)
    assert found.config == network
    assert found.parameters == sum(shape.numel() for shape in shapes.values())
    assert (found.published, found.verified, found.tasks) == (file, False, tuple(tasks))
    assert found.img_range_from == "as published"


def test_a_description_reads_as_a_page(networks: dict[str, SwinIR], tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"params_ema": networks["color_jpeg"].state_dict()}, path)
    page = str(describe(path))
    for words in (
        "SwinIR, denoising or JPEG-artifact removal",
        "img_range   255 (guessed from window 7)",
        "depths      2 3",
        "scale       x1",
        "3 (RGB)",
        "float32, wrapper params_ema",
        "color_dn_15",
        "published   no",
    ):
        assert words in page, page


def test_a_description_can_be_written_as_json(network: SwinIR, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    export(network, path, metadata={"card": "x4"})
    record = json.loads(json.dumps(dataclasses.asdict(describe(path)), default=str))
    assert record["config"]["scale"] == 4
    assert record["tasks"] == ["light_sr_x4"]
    assert record["metadata"]["card"] == "x4"


def test_a_published_file_is_known_by_its_hash_under_any_name(
    network: SwinIR, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "renamed.pth"
    export(network, path)
    entry = TASKS["light_sr_x4"].from_source("official")[0]
    same = dataclasses.replace(
        entry, bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest()
    )
    task = dataclasses.replace(TASKS["light_sr_x4"], checkpoints=(same,))
    monkeypatch.setitem(TASKS, "light_sr_x4", task)
    found = describe(path)
    assert (found.published, found.verified) == (entry.file, True)
    assert "same SHA-256" in str(found)
