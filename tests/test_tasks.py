"""The table of tasks against the facts of the published files."""

import json
import re
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from swinir.checkpoints import load_network, places
from swinir.network import Attention, GroupConv, Head, Norm, SwinIR, SwinIRConfig
from swinir.tasks import (
    NETWORKS,
    PUBLISHED,
    TASKS,
    Bicubic,
    Checkpoint,
    CompressedBicubic,
    GaussianNoise,
    Jpeg,
    RealWorld,
    Source,
    Task,
    find_task,
)

DATA = Path(__file__).parent / "data"
FACTS: list[dict[str, Any]] = json.loads((DATA / "published_facts.json").read_text("utf-8"))
FACTS_V2: list[dict[str, Any]] = json.loads((DATA / "published_facts_v2.json").read_text("utf-8"))
"""Those of Swin2SR, of which nobody published parameters, sizes and hashes."""

NAMES = [
    *(f"sr_x{scale}" for scale in (2, 3, 4, 8)),
    *(f"light_sr_x{scale}" for scale in (2, 3, 4)),
    *("real_sr_x2", "real_sr_x4", "real_sr_x4_large", "compressed_sr_x4"),
    *(f"{kind}_dn_{sigma}" for kind in ("gray", "color") for sigma in (15, 25, 50)),
    *(f"{kind}_{quality}" for kind in ("jpeg", "color_jpeg") for quality in (10, 20, 30, 40)),
]


def config_of(fact: dict[str, Any]) -> SwinIRConfig:
    """The configuration that the facts of a published file state."""
    v2 = {"attention": Attention.COSINE, "norm": Norm.POST, "projection": True}
    return SwinIRConfig(
        **(v2 if fact in FACTS_V2 else {}),
        head=Head(fact["upsampler"] or "residual"),
        scale=fact["scale"],
        channels=fact["in_chans"],
        embed_dim=fact["embed_dim"],
        depths=tuple(fact["depths"]),
        num_heads=tuple(fact["num_heads"]),
        window=fact["window_size"],
        mlp_ratio=fact["mlp_ratio"],
        group_conv=GroupConv(fact["resi_connection"]),
        img_range=fact["img_range"],
    )


def parameters(config: SwinIRConfig) -> int:
    with torch.device("meta"):
        return sum(weight.numel() for weight in SwinIR(config).parameters())


def test_the_tasks_are_those_promised_in_this_order() -> None:
    assert list(TASKS) == NAMES
    assert all(name == task.name for name, task in TASKS.items())


def test_every_official_file_serves_exactly_one_task() -> None:
    files = [entry.file for task in TASKS.values() for entry in task.from_source("official")]
    assert sorted(files) == sorted(fact["file"] for fact in FACTS)
    assert set(PUBLISHED) == set(NETWORKS) == {fact["file"] for fact in FACTS + FACTS_V2}


def test_the_files_of_swin2sr_serve_these_tasks() -> None:
    found = {
        name: [entry.file for entry in task.from_source("swin2sr")] for name, task in TASKS.items()
    }
    jpeg = {f"jpeg_{quality}": ["Swin2SR_Jpeg_dynamic.pth"] for quality in (10, 20, 30, 40)}
    assert {name: files for name, files in found.items() if files} == jpeg | {
        "sr_x2": ["Swin2SR_ClassicalSR_X2_64.pth"],
        "sr_x4": ["Swin2SR_ClassicalSR_X4_64.pth"],
        "light_sr_x2": ["Swin2SR_Lightweight_X2_64.pth"],
        "real_sr_x4": ["Swin2SR_RealworldSR_X4_64_BSRGAN_PSNR.pth"],
        "compressed_sr_x4": ["Swin2SR_CompressedSR_X4_48.pth"],
    }


@pytest.mark.parametrize("fact", FACTS + FACTS_V2, ids=lambda fact: fact["file"])
def test_a_row_states_what_is_published_about_its_file(fact: dict[str, Any]) -> None:
    task = PUBLISHED[fact["file"]]
    entry = next(entry for entry in task.checkpoints if entry.file == fact["file"])
    assert (entry.bytes, entry.sha256) == (fact["bytes"], fact["sha256"])
    release = "mv-lab/swin2sr/releases/download/v0.0.1"
    if fact in FACTS:
        release = "JingyunLiang/SwinIR/releases/download/v0.0"
        assert task.network == config_of(fact)
    assert entry.url == places.address(entry.file) == f"https://github.com/{release}/{entry.file}"
    assert entry.network == NETWORKS[entry.file] == config_of(fact)


def test_parameter_counts_equal_the_published_ones() -> None:
    networks = {config_of(fact) for fact in FACTS}
    counts = {network: parameters(network) for network in networks}
    for fact in FACTS:
        assert counts[config_of(fact)] == fact["parameters"], fact["file"]


def test_the_kept_facts_equal_the_reference(shared: Path) -> None:
    reference = json.loads((shared / "reference" / "checkpoints.json").read_text(encoding="utf-8"))
    for family, facts in (("SwinIR", FACTS), ("Swin2SR", FACTS_V2)):
        rows = [row for row in reference["checkpoints"] if row["family"] == family]
        assert [{key: row[key] for key in facts[0]} for row in rows] == facts


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_a_task_undoes_what_its_name_says(task: Task) -> None:
    level = int(re.findall(r"\d+", task.name)[0])
    kinds = {"sr": Bicubic, "light": Bicubic, "real": RealWorld, "jpeg": Jpeg}
    family = task.name.split("_")[0]
    if family == "compressed":
        assert task.undoes == CompressedBicubic(level, 10)
        return
    expected = GaussianNoise if "_dn_" in task.name else kinds.get(family, Jpeg)
    assert task.undoes == expected(level)
    assert task.network.scale == (level if "sr" in task.name else 1)
    grey = task.name.startswith(("gray", "jpeg"))
    assert task.network.channels == (1 if grey else 3)


def test_the_preferred_files_come_first() -> None:
    assert [entry.file[:18] for entry in TASKS["sr_x2"].from_source("official")] == [
        "001_classicalSR_DF",
        "001_classicalSR_DI",
    ]
    for name in ("real_sr_x2", "real_sr_x4", "real_sr_x4_large"):
        first, second = TASKS[name].from_source("official")
        assert first.file.endswith("_GAN.pth")
        assert second.file.endswith("_PSNR.pth")


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_one_file_of_ours_serves_both_tasks_of_its_scale(scale: int) -> None:
    first, second = (TASKS[f"{kind}_x{scale}"].from_source("ours") for kind in ("sr", "light_sr"))
    assert first == second
    assert first[0].file == f"light_sr_x{scale}.safetensors"


@pytest.mark.parametrize("kind", ["gray_dn", "color_dn", "jpeg", "color_jpeg"])
def test_one_file_of_ours_serves_all_levels(kind: str) -> None:
    found = [row.from_source("ours") for row in TASKS.values() if row.name.startswith(f"{kind}_")]
    assert len(found) > 2
    assert {each[0].file for each in found} == {f"{kind}.safetensors"}


def test_our_weights_come_first_where_there_are_any() -> None:
    for task in TASKS.values():
        ours = task.from_source("ours")
        assert task.checkpoints[: len(ours)] == ours
        assert list(task.sources) == sorted(task.sources, key=get_args(Source).index)
    assert [name for name, row in TASKS.items() if not row.from_source("ours")] == [
        "sr_x8",
        "real_sr_x2",
        "real_sr_x4_large",
        "compressed_sr_x4",
    ]


SHIPPED = sorted(
    {row.from_source("ours")[0].file for row in TASKS.values() if row.from_source("ours")}
)


@pytest.mark.parametrize("file", SHIPPED)
def test_our_weights_are_there_small_and_fit_their_tasks(file: str) -> None:
    for task in TASKS.values():
        if task.from_source("ours") == (Checkpoint(file, "ours"),):
            network = load_network(task, "ours")
            assert network.config.scale == task.network.scale
            assert network.config.channels == task.network.channels
    assert (places.shipped() / file).stat().st_size <= 4 << 20


def test_a_mistyped_task_is_told_the_nearest() -> None:
    with pytest.raises(ValueError, match="no task 'colour_dn_15'; did you mean 'color_dn_15'"):
        find_task("colour_dn_15")
    with pytest.raises(ValueError, match="the tasks are sr_x2, sr_x3"):
        find_task("zzz")


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        find_task("sr_x4").name = "sr_x5"  # type: ignore[misc]
