"""From plain words to tasks and weights."""

from pathlib import Path

import pytest

from swinir.web.choices import PROBLEMS, choices, choose, problems, scales, suited


@pytest.fixture(autouse=True)
def _online(pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pretrained
    monkeypatch.delenv("SWINIR_OFFLINE")
    monkeypatch.setenv("SWINIR_CACHE", str(tmp_path))


def test_offline_only_what_lies_here_is_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWINIR_OFFLINE", "1")
    assert [each.key for each in choices()] == ["sr_x4/ours", "light_sr_x4/ours"]
    assert [each.key for each in problems()] == ["enlarge"]
    file = "005_colorDN_DFWB_s128w8_SwinIR-M_noise25.pth"
    (tmp_path / file).touch()
    assert [each.key for each in problems()] == ["enlarge", "noise"]


def test_what_lies_here_comes_before_what_is_fetched_and_once() -> None:
    found = suited(PROBLEMS["enlarge"], scale=4)
    assert found[0].key == "sr_x4/ours"
    assert [each.weights for each in found].count("ours") == 1
    assert all("fetched on first use" in each.label for each in found[1:])
    assert scales(PROBLEMS["enlarge"]) == [2, 3, 4, 8]


@pytest.mark.parametrize(
    ("problem", "level", "grey", "task"),
    [
        ("noise", 14, False, "color_dn_15"),
        ("noise", 70, False, "color_dn_50"),
        ("noise", 26, True, "gray_dn_25"),
        ("jpeg", 95, False, "color_jpeg_40"),
        ("jpeg", 12, True, "jpeg_10"),
    ],
)
def test_the_nearest_level_for_the_colours_of_the_picture_is_taken(
    problem: str,
    level: int,
    grey: bool,  # noqa: FBT001
    task: str,
) -> None:
    assert suited(PROBLEMS[problem], level=level, grey=grey)[0].task.name == task


def test_weights_are_named_or_the_usual_ones_and_never_a_path(tmp_path: Path) -> None:
    assert choose("sr_x4").weights == "ours"
    assert choose("sr_x8").weights.startswith("001_classicalSR_DF2K")
    assert choose("sr_x4", "official").weights.startswith("001_classicalSR_DF2K")
    assert choose("sr_x4", "swin2sr").weights == "Swin2SR_ClassicalSR_X4_64.pth"
    assert choose("compressed_sr_x4").weights == "Swin2SR_CompressedSR_X4_48.pth"
    assert "swin2sr, Swin2SR_CompressedSR_X4_48.pth" in choose("compressed_sr_x4").label
    path = tmp_path / "other.safetensors"
    path.touch()
    with pytest.raises(ValueError, match="the weights for sr_x4 are ours, 001_"):
        choose("sr_x4", str(path))
