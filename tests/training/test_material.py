"""From a recipe to crops and validation pictures: paired folders and the cache."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, default_collate

from swinir.cli.train import main
from swinir.data.datasets import fingerprint
from swinir.training.material import load_crops, load_validation
from swinir.training.recipe import Recipe
from swinir.training.recipe_file import load_recipe
from tests.training.runs import write_recipe

SAME_SIZE = ("network.head=residual", "network.scale=1", "start=identity")


def save(path: Path, levels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), levels.astype(np.uint8))
    return path


def coded(height: int, width: int, mark: int) -> np.ndarray:
    """Levels that tell row, column and image."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([np.full_like(rows, mark), columns, rows], 2)


def pairs(folder: Path, scale: int, suffix: str = "") -> None:
    """Degraded images that no degradation makes of their truths: negatives of every n-th pixel."""
    for mark in (10, 90, 200):
        small = coded(20 + mark % 7, 24, mark)
        save(folder / "lq" / f"{mark}{suffix}.png", 255 - small)
        save(folder / "hq" / f"{mark}.png", small.repeat(scale, 0).repeat(scale, 1))


def of_pairs(folder: Path) -> list[str]:
    return [
        f"data.train={folder / 'hq'}",
        "data.degradation.kind=paired",
        f"data.degradation.inputs={folder / 'lq'}",
    ]


def command(folder: Path) -> list[str]:
    options = [word for option in of_pairs(folder) for word in ("--set", option)]
    return [str(folder / "recipe" / "tiny.toml"), *options]


def paired(folder: Path, scale: int, *more: str) -> Recipe:
    size = SAME_SIZE if scale == 1 else (f"network.scale={scale}",)
    path = folder / "recipe" / "tiny.toml"
    if not path.exists():
        path.parent.mkdir(parents=True)
        write_recipe(path.parent)
    return load_recipe(path, [*of_pairs(folder), *size, *more])


@pytest.mark.parametrize("cache", [None, "cache"])
@pytest.mark.parametrize(("scale", "suffix"), [(1, ""), (2, ""), (2, "x2"), (3, "x3")])
def test_crops_of_paired_files_show_the_same_place(
    tmp_path: Path, scale: int, suffix: str, cache: str | None
) -> None:
    pairs(tmp_path, scale, suffix)
    more = (f"data.cache={tmp_path / cache}",) if cache else ()
    crops = load_crops(paired(tmp_path, scale, *more))
    seen: set[float] = set()
    for iteration in range(40):
        degraded, truth = crops.crop(iteration, 0)
        enlarged = degraded.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
        torch.testing.assert_close(1 - enlarged, truth)
        seen.add(round(float(truth[2, 0, 0]) * 255))
    assert seen == {10, 90, 200}


def test_of_validation_pairs_the_same_middle_is_kept(tmp_path: Path) -> None:
    pairs(tmp_path, 3)
    options = [
        f"data.validation={tmp_path / 'hq'}",
        f"data.degradation.validation_inputs={tmp_path / 'lq'}",
        "data.validation_side=25",
    ]
    for pair in load_validation(paired(tmp_path, 3, *options)):
        assert pair.truth.shape == (3, 24, 24)
        enlarged = pair.degraded.repeat_interleave(3, 1).repeat_interleave(3, 2)
        assert torch.equal(255 - enlarged, pair.truth)


def test_another_degraded_image_is_another_set_of_photographs(tmp_path: Path) -> None:
    pairs(tmp_path, 2)
    recipe = paired(tmp_path, 2)
    before = fingerprint(load_crops(recipe).pairs)
    save(tmp_path / "lq" / "10.png", coded(23, 24, 11))
    assert fingerprint(load_crops(recipe).pairs) != before


MISTAKES = {
    "no truth": ("lq/extra.png", coded(20, 24, 1), r"lq.extra\.png: no ground truth called extra"),
    "no degraded image": (
        "hq/extra.png",
        coded(40, 48, 1),
        r"hq.extra\.png: each photograph has a degraded image in .*lq, called extra or extrax2; "
        r"got none for 1 of 4",
    ),
    "another size": (
        "lq/10.png",
        coded(22, 24, 10),
        r"lq.10\.png: 2 times a degraded image is the size of its truth, got 24x22 for the 48x46 "
        r"of .*hq.10\.png$",
    ),
    "no whole multiple": (
        "hq/10.png",
        coded(47, 48, 10),
        r"got 24x23 for the 48x47 of .*hq.10\.png; cut the truth to whole multiples of 2 first$",
    ),
    "grey": (
        "lq/10.png",
        coded(23, 24, 10)[..., 0],
        r"lq.10\.png: a degraded image and its truth are both grey or both colour, got a grey one "
        r"for .*hq.10\.png, which is colour",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_files_that_do_not_match_are_named_in_one_line(
    tmp_path: Path, mistake: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, levels, message = MISTAKES[mistake]
    pairs(tmp_path, 2)
    recipe = paired(tmp_path, 2)
    words = command(tmp_path)
    assert main([*words, "--check-data"]) == 0
    assert capsys.readouterr().out == "6 photographs looked at, 0 findings\n"
    save(tmp_path / name, levels)
    with pytest.raises(ValueError, match=message) as told:
        load_crops(recipe)
    assert "\n" not in str(told.value)
    assert main([*words, "--check-data"]) == 1
    assert str(told.value) in capsys.readouterr().out.splitlines()
    assert main([*words, "--preview"]) == 2
    assert str(told.value) in capsys.readouterr().err


def test_damaged_and_small_degraded_images_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs(tmp_path, 2)
    paired(tmp_path, 2)
    (tmp_path / "lq" / "10.png").write_bytes(b"\x89PNG")
    assert main([*command(tmp_path), "--set", "data.patch=25", "--check-data"]) == 1
    out = capsys.readouterr().out
    assert f"unreadable: {tmp_path / 'lq' / '10.png'}" in out
    assert f"too small: {tmp_path / 'lq' / '90.png'}" in out


def test_a_preview_is_made_of_pairs(tmp_path: Path) -> None:
    pairs(tmp_path, 2)
    paired(tmp_path, 2)
    assert main([*command(tmp_path), "--preview", "--output", str(tmp_path / "out")]) == 0
    sheet = cv2.imread(str(tmp_path / "out" / "preview.png"))
    assert sheet is not None
    # White paper, and panels of levels near 10, 90 and 200 beside their negatives.
    assert {10, 245} <= set(np.unique(sheet[..., 0]).tolist())


def test_validation_pairs_are_given_whole(tmp_path: Path) -> None:
    pairs(tmp_path, 2)
    for option in (
        f"data.validation={tmp_path / 'hq'}",
        f"data.degradation.validation_inputs={tmp_path / 'lq'}",
    ):
        with pytest.raises(ValueError, match=r"paired takes data\.validation and .* together"):
            paired(tmp_path, 2, option)


def test_photographs_that_fit_a_crop_without_its_margin_only_are_found_too_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path)
    small = save(tmp_path / "photos" / "small.png", coded(20, 90, 3))
    words = [str(recipe), "--check-data", "--set", "data.degradation.kind=bsrgan"]
    assert main(words) == 1
    assert f"too small: {small}" in capsys.readouterr().out


def test_crops_are_loaded_by_other_processes_as_by_this_one(tmp_path: Path) -> None:
    recipe = load_recipe(
        write_recipe(tmp_path),
        [f"data.cache={tmp_path / 'cache'}", "data.degradation.kind=bsrgan"],
    )
    crops = load_crops(recipe)
    places = [[(iteration, place) for place in range(2)] for iteration in (3, 4)]
    loader = DataLoader(crops, batch_sampler=places, num_workers=1, multiprocessing_context="spawn")
    for (iteration, _), (degraded, truth) in zip((each[0] for each in places), loader, strict=True):
        wanted = default_collate([crops.crop(iteration, place) for place in range(2)])
        assert torch.equal(degraded, wanted[0])
        assert torch.equal(truth, wanted[1])
