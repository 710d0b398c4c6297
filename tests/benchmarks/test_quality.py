"""The page of results says what was measured, and keeps what was not measured anew."""

from pathlib import Path

import pytest

from benchmarks import quality
from swinir.tasks import find_task
from tests.training.runs import write_photographs


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    for name in ("Set5", "McMaster", "Set12", "GB82"):
        write_photographs(tmp_path / "sets" / name, count=1, side=48)
    return tmp_path / "sets"


def test_every_file_of_weights_has_a_section_for_each_degradation() -> None:
    files = quality.ours()
    assert files["light_sr_x4"] == [find_task("sr_x4"), find_task("light_sr_x4")]


def test_a_section_says_what_was_measured(sets: Path) -> None:
    text = quality.chapter("light_sr_x4", quality.ours()["light_sr_x4"], sets)
    assert text.startswith("## light_sr_x4\n")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows[2:]] == [
        "| GB82",
        "| McMaster",
        "| Set12",
        "| Set5",
    ]
    cells = rows[-1].strip("| ").split(" | ")
    assert cells[1] == "1"
    bicubic, published, ours, classical, light, gain = cells[2:]
    assert published.startswith("28.42 / ")
    assert light.startswith("32.44 / ")
    assert classical.startswith("32.92 / ")
    difference = float(ours.split(" / ")[0]) - float(bicubic.split(" / ")[0])
    assert float(gain) == pytest.approx(difference, abs=0.011)


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("sr_x2", ["GB82", "McMaster", "Set12", "Set5"]),
        ("real_sr_x4", ["GB82"]),
        ("gray_dn_25", ["Set12"]),
        ("color_jpeg_10", ["McMaster"]),
    ],
)
def test_the_sets_follow_from_the_task(sets: Path, task: str, names: list[str]) -> None:
    assert [each.name for each in quality.sets_of(find_task(task), sets)] == names


def test_real_photographs_are_made_by_a_pipeline_that_a_picture_alone_decides(sets: Path) -> None:
    task = find_task("real_sr_x4")
    (images,) = quality.sets_of(task, sets)
    method = quality.method_of(task)
    first, truth = method.prepare(images.samples[0])
    again, _ = quality.method_of(task).prepare(images.samples[0])
    assert first.shape == (12, 12, 3)
    assert truth.shape == (48, 48, 3)
    assert (first == again).all()


def test_sections_that_are_not_asked_for_stay(
    sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "results.md"
    other = "## other\n\nKept as it is.\n\n| a |\n| --- |\n"
    page.write_text(f"# Results\n\nOld.\n\n## gone\n\nx\n\n{other}")
    files = quality.ours()
    monkeypatch.setattr(quality, "ours", lambda: {**files, "other": [find_task("sr_x2")]})
    words = ["quality", "--sets", str(sets), "--output", str(page), "--only", "light_sr_x4"]
    monkeypatch.setattr("sys.argv", words)
    assert quality.main() == 0
    assert capsys.readouterr().out == f"wrote {page}\n"
    text = page.read_text()
    assert text.endswith(other)
    assert "\n## light_sr_x4\n" in text
    assert "gone" not in text
    assert "Old." not in text
    monkeypatch.setattr("sys.argv", [*words[:-1], "nosuch"])
    with pytest.raises(SystemExit):
        quality.main()
    assert "light_sr_x4, " in capsys.readouterr().err
