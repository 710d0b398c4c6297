"""``test.py --benchmark``, ``--compare`` and ``--reproduce``, as they are typed."""

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from swinir.cli import engine
from swinir.images.files import read
from swinir.tasks import Task
from tests.cli.conftest import Command, Ran, Save


@pytest.fixture
def images(tmp_path: Path, save: Save) -> Path:
    """A set of three pictures, called Set5."""
    for number in range(3):
        save(tmp_path / "bench" / "Set5" / "HR" / f"{number}.png", 48 + 4 * number, 56)
    return tmp_path / "bench" / "Set5"


@pytest.fixture
def benchmark(run: Command, weights: Path, images: Path, tmp_path: Path) -> Command:
    """Score tiny x4 weights on ``images`` into ``out/``; words that follow may say otherwise."""

    def command(*words: str | Path) -> Ran:
        place = ("--benchmark", images, "--output", tmp_path / "out")
        return run("--task", "sr_x4", "--weights", weights, *place, *words)

    return command


def refused(ran: Ran) -> str:
    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1
    return ran.err


def figures(folder: Path) -> list[dict[str, str]]:
    with (folder / "benchmark.csv").open() as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


def test_the_table_has_every_image_the_means_and_the_paper(benchmark: Command) -> None:
    ran = benchmark()
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "Set5: x4"
    assert lines[1].split() == ["image", "PSNR", "PSNR-Y", "SSIM", "SSIM-Y", "PSNR-B", "seconds"]
    names = [line.split("  ")[0] for line in lines[2:10]]
    assert names == [
        *"012",
        "mean",
        "paper: SwinIR",
        "difference",
        "bicubic, mean",
        "paper: bicubic",
    ]
    assert "32.92" in lines[6]
    assert "4 pixels shaved" in lines[10]
    assert "mirrored up to whole windows where needed" in lines[10]


def test_files_hold_the_same_figures_in_full(benchmark: Command, tmp_path: Path) -> None:
    assert benchmark().code == 0
    out = tmp_path / "out"
    rows = figures(out)
    assert [(it["weights"], it["image"]) for it in rows] == [
        (weights, image) for image in "012" for weights in ("bicubic", "x4")
    ]
    record = json.loads((out / "benchmark.json").read_text())
    assert record["task"] == "sr_x4"
    (found,) = record["sets"]
    assert found["name"] == "Set5"
    assert [str(it["psnr_y"]) for it in found["images"]] == [it["psnr_y"] for it in rows]
    ours = [float(it["psnr_y"]) for it in rows if it["weights"] == "x4"]
    assert found["means"]["x4"]["psnr_y"] == pytest.approx(sum(ours) / 3)
    text = (out / "benchmark.md").read_text()
    assert "## Set5: x4" in text
    assert f"| {sum(ours) / 3:.2f} |" in text


def test_every_image_has_a_sheet(benchmark: Command, tmp_path: Path) -> None:
    assert benchmark().code == 0
    sheets = sorted((tmp_path / "out" / "sheets" / "Set5").iterdir())
    assert [it.name for it in sheets] == ["0.png", "1.png", "2.png"]
    assert read(sheets[0]).pixels.shape[2] == 3
    shutil.rmtree(tmp_path / "out")
    assert benchmark("--no-sheets").code == 0
    assert not (tmp_path / "out" / "sheets").exists()


def test_images_of_one_name_have_a_sheet_each(
    benchmark: Command, save: Save, images: Path, tmp_path: Path
) -> None:
    save(images / "HR" / "0.bmp", 64, 48)
    save(images / "HR" / "sub" / "0.png", 48, 64)
    assert benchmark("--workers", "3").code == 0
    sheets = sorted((tmp_path / "out" / "sheets" / "Set5").iterdir())
    names = ["0_bmp", "0_png", "0_png_2", "1", "2"]
    assert [it.stem for it in sheets] == names
    assert sorted({row["image"] for row in figures(tmp_path / "out")}) == names


def test_names_that_no_text_can_hold_are_escaped(
    benchmark: Command, images: Path, tmp_path: Path
) -> None:
    try:
        (images / "HR" / "0.png").rename(images / "HR" / os.fsdecode(b"broken \xff.png"))
    except OSError:
        pytest.skip("this file system refuses the name")
    assert benchmark().code == 0
    assert figures(tmp_path / "out")[-1]["image"] == "broken \\udcff"


def test_sets_of_one_name_are_refused(benchmark: Command, images: Path, tmp_path: Path) -> None:
    shutil.copytree(images, tmp_path / "more" / "set5")
    line = refused(benchmark("--benchmark", images.parent, tmp_path / "more"))
    assert "--benchmark takes sets of different names, got 2 called set5" in line


def test_a_closed_set_is_told_and_the_rest_is_scored(
    benchmark: Command, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def guarded(path: Path) -> Any:
        if "Set14" in Path(path).parts:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    shutil.copytree(images, images.with_name("Set14"))
    monkeypatch.setattr(os, "scandir", guarded)
    ran = benchmark("--benchmark", images.parent)
    assert (ran.code, ran.err) == (1, "")
    assert "the folder cannot be listed (Permission denied)" in ran.out
    assert {row["set"] for row in figures(tmp_path / "out")} == {"Set5"}
    ran = benchmark("--benchmark", images.parent, "--json", "--expect", "30")
    assert ran.code == 1
    assert [len(it["images"]) for it in json.loads(ran.out)["sets"]] == [0, 6]
    ran = benchmark("--benchmark", images.with_name("Set14"))
    assert "the folder cannot be listed (Permission denied)" in refused(ran)


def test_a_device_that_is_not_there_is_told_before_weights_are_fetched(
    run: Command, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: object) -> None:
        pytest.fail("weights were fetched")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("swinir.cli.benchmark.resolve", fetch)
    monkeypatch.setattr("swinir.cli.engine.load_network", fetch)
    words = ("--benchmark", images, "--device", "cuda", "--output", tmp_path / "out")
    for what in (("--task", "sr_x4"), ("--reproduce", "lightweight_sr")):
        assert "torch finds none here" in refused(run(*what, *words))


@pytest.mark.skipif(sys.platform == "win32", reason="needs the signals of Unix")
@pytest.mark.parametrize("what", ["benchmark", "reproduce"])
def test_ctrl_c_ends_quietly(
    images: Path, weights: Path, save: Save, tmp_path: Path, what: str
) -> None:
    for at in range(3):
        save(images / "HR" / f"large{at}.png", 256, 256)
    task = ("--task", "sr_x4") if what == "benchmark" else ("--reproduce", "lightweight_sr")
    words = (*task, "--weights", weights, "--benchmark", images, "--output", tmp_path / "out")
    script = SLOW.format(words=["test.py", *map(str, words)])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        assert process.stdout
        # Rows of other scales come first.
        assert "begun\n" in iter(process.stdout.readline, "")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (130, "", "")


SLOW = """
import runpy, sys, time
from swinir.restoration.restorer import Restorer

def restore(self, image):
    print("begun", flush=True)
    time.sleep(60)

Restorer.restore = restore
sys.argv = {words!r}
runpy.run_path("test.py", run_name="__main__")
"""


def test_twice_or_with_four_workers_the_digits_are_the_same(
    benchmark: Command, tmp_path: Path
) -> None:
    found = []
    for number, words in enumerate([(), (), ("--workers", "4")]):
        folder = tmp_path / f"out{number}"
        assert benchmark("--output", folder, "--no-sheets", *words).code == 0
        found.append(figures(folder))
    assert found[0] == found[1] == found[2]


def test_figures_are_those_of_fp32_unless_another_precision_is_named(
    benchmark: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert benchmark("--device", "cpu").code == 0
    exact = figures(tmp_path / "out")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    assert benchmark("--device", "cpu").code == 0
    assert figures(tmp_path / "out") == exact
    assert benchmark("--device", "cpu", "--precision", "bf16").code == 0
    assert figures(tmp_path / "out") != exact


def test_the_papers_padding_is_stated_and_changes_the_digits(
    benchmark: Command, tmp_path: Path
) -> None:
    assert benchmark("--output", tmp_path / "ours").code == 0
    ran = benchmark("--output", tmp_path / "paper", "--protocol", "paper")
    assert "as the papers' script does" in ran.out
    ours, paper = figures(tmp_path / "ours"), figures(tmp_path / "paper")
    assert ours[0] == paper[0]
    assert ours[1]["psnr"] != paper[1]["psnr"]


def test_weights_are_compared_side_by_side(
    run: Command, images: Path, weights: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.safetensors"
    shutil.copy(weights, other)
    words = ("--task", "sr_x4", "--benchmark", images, "--output", tmp_path / "out")
    ran = run(*words, "--compare", weights, other)
    assert ran.code == 0
    assert "Set5: x4\n" in ran.out
    assert "Set5: other\n" in ran.out
    last = ran.out[ran.out.index("All sets") :].splitlines()
    assert [line.split("  ")[0] for line in last[2:5]] == [
        "Set5: bicubic",
        "Set5: x4",
        "Set5: other",
    ]
    assert last[3].split()[2:-1] == last[4].split()[2:-1]
    same = run(*words, "--compare", weights, weights)
    assert "--compare takes different weights" in refused(same)


def test_pairs_of_two_folders_are_scored(
    run: Command, denoiser: Path, save: Save, tmp_path: Path
) -> None:
    for number in range(2):
        save(tmp_path / "lq" / f"{number}.png", 24, 30 + number)
        save(tmp_path / "gt" / f"{number}.png", 24, 30 + number)
    ran = run(
        *("--task", "color_dn_25", "--weights", denoiser, "--output", tmp_path / "out"),
        *("--lq", tmp_path / "lq", "--gt", tmp_path / "gt"),
    )
    assert ran.code == 0
    assert "low-quality images given; nothing shaved" in ran.out
    # What is given is the truth itself, so that nothing is lost without a network.
    assert (
        json.loads((tmp_path / "out" / "benchmark.json").read_text())["sets"][0]["means"]["noisy"][
            "psnr"
        ]
        == "inf"
    )


def test_what_does_not_fit_is_one_line_each_and_the_rest_is_scored(
    run: Command, weights: Path, save: Save, tmp_path: Path
) -> None:
    lq, gt = tmp_path / "lq", tmp_path / "gt"
    for name in ("good", "size", "grey", "alone", "broken"):
        save(lq / f"{name}x4.png", 12, 14)
    save(gt / "good.png", 48, 56)
    save(gt / "size.png", 48, 60)
    save(gt / "grey.png", 48, 56, channels=1)
    save(gt / "unused.png", 48, 56)
    (gt / "broken.png").write_bytes(b"\x89PNG\r\n")
    ran = run(
        *("--task", "sr_x4", "--weights", weights, "--output", tmp_path / "out"),
        *("--lq", lq, "--gt", gt),
    )
    assert ran.code == 1
    assert ran.err == ""
    problems = [line for line in ran.out.splitlines() if line.startswith("left out: ")]
    assert len(problems) == 5
    text = "\n".join(problems)
    assert "alonex4.png: no ground truth called alonex4 or alone" in text
    assert "unused.png: no image to restore for it" in text
    assert "size of the result, 56x48 RGB; got" in text
    assert "grey.png with 56x48 grey" in text
    assert "broken" in text
    (row,) = [it for it in figures(tmp_path / "out") if it["weights"] == "x4"]
    assert row["image"] == "good"


def test_an_empty_folder_is_one_line(benchmark: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    line = refused(benchmark("--benchmark", tmp_path / "empty"))
    assert "empty: no benchmark set; it holds images, or a folder HR or GTmod12" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--reproduce", "all"), "--reproduce needs --benchmark DIR"),
        (
            ("--reproduce", "all", "--benchmark", "d", "--task", "sr_x4"),
            "are for --benchmark alone",
        ),
        (("--benchmark", "d"), "--task is missing"),
        (("--task", "sr_x4", "--benchmark", "d", "--folder", "f"), "got more"),
        (("--task", "sr_x4", "--lq", "d"), "--lq needs --gt DIR"),
        (("--task", "sr_x4", "--folder", "f", "--compare", "ours"), "--compare needs --benchmark"),
        (
            ("--task", "sr_x4", "--benchmark", "d", "--compare", "ours", "--weights", "ours"),
            "--weights is not wanted",
        ),
        (("--task", "sr_x4"), "--folder is missing"),
        (("--task", "sr_x4", "--benchmark", "d", "--workers", "0"), "at least 1, got '0'"),
    ],
)
def test_words_that_do_not_go_together_are_one_line(
    run: Command, words: tuple[str, ...], said: str
) -> None:
    assert said in refused(run(*words))


def test_a_figure_from_elsewhere_is_explained(benchmark: Command, tmp_path: Path) -> None:
    assert benchmark("--no-sheets").code == 0
    means = json.loads((tmp_path / "out" / "benchmark.json").read_text())["sets"][0]["means"]["x4"]
    ran = benchmark("--no-sheets", "--expect", f"{means['psnr']:.2f}")
    assert "the figure comes out with all colours compared in place of the luma" in ran.out
    ran = benchmark("--no-sheets", "--expect", f"{means['psnr_y']:.2f}")
    assert ": the same\n" in ran.out


def test_json_is_all_that_is_printed(benchmark: Command) -> None:
    ran = benchmark("--json", "--no-sheets")
    assert ran.code == 0
    assert json.loads(ran.out)["sets"][0]["name"] == "Set5"


def test_learned_metrics_are_columns_of_their_own(
    benchmark: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Brightness:
        lower_better, metric_mode = False, "NR"

        def __call__(self, image: torch.Tensor) -> torch.Tensor:
            return image.mean()

    stand_in = types.ModuleType("pyiqa")
    stand_in.__dict__["list_models"] = lambda: ["brightness"]
    stand_in.__dict__["create_metric"] = lambda name, device: Brightness()
    monkeypatch.setitem(sys.modules, "pyiqa", stand_in)
    ran = benchmark("--metrics", "brightness", "--no-sheets")
    assert ran.code == 0
    assert "brightness" in ran.out.splitlines()[1]
    assert "did you mean 'brightness'" in refused(benchmark("--metrics", "brightnes"))


def test_a_table_is_reproduced_where_images_are_there(
    run: Command, images: Path, weights: Path, tmp_path: Path
) -> None:
    words = ("--benchmark", images.parent, "--output", tmp_path / "out")
    ran = run("--reproduce", "bicubic", *words)
    assert ran.code == 1
    assert "FAIL: bicubic sr_x4 Set5: 3 images were scored, the paper's set has 5" in ran.out
    record = json.loads((tmp_path / "out" / "reproduction.json").read_text())
    assert [it["task"] for it in record] == ["sr_x2", "sr_x3", "sr_x4"]
    assert all(it["passed"] is False for it in record)
    assert (
        "| bicubic sr_x4 Set5 | PSNR-Y | 28.42 |"
        in (tmp_path / "out" / "reproduction.md").read_text()
    )
    assert "did you mean 'bicubic'" in refused(run("--reproduce", "bicubci", *words))


def test_rows_whose_weights_cannot_be_had_say_what_to_fetch(
    run: Command, images: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWINIR_OFFLINE", "1")
    monkeypatch.setenv("SWINIR_CACHE", str(tmp_path / "cache"))
    ran = run(
        *("--reproduce", "lightweight_sr", "--benchmark", images.parent),
        *("--output", tmp_path / "out"),
    )
    assert ran.code == 1
    first = ran.out.splitlines()[0]
    assert first.startswith("not done: SwinIR (DIV2K) light_sr_x2 Set5: ")
    assert "002_lightweightSR_DIV2K_s64w8_SwinIR-S_x2.pth" in first
    record = json.loads((tmp_path / "out" / "reproduction.json").read_text())
    assert all(it["passed"] is None for it in record)


def test_weights_that_cannot_be_had_are_asked_for_once(
    run: Command, images: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def refuse(_options: object, _task: Task, weights: str, **_rest: object) -> None:
        asked.append(weights)
        raise ValueError("no way there")

    monkeypatch.setattr(engine, "build", refuse)
    shutil.copytree(images, images.with_name("Set14"))
    ran = run(
        *("--reproduce", "lightweight_sr", "--benchmark", images.parent),
        *("--output", tmp_path / "out"),
    )
    assert ran.out.count("not done: ") == 6
    assert ran.out.count("no way there") == 6
    assert len(asked) == len(set(asked)) == 3


def test_a_table_of_other_sets_says_which(run: Command, images: Path, tmp_path: Path) -> None:
    line = refused(
        run("--reproduce", "gray_dn", "--benchmark", images, "--output", tmp_path / "out")
    )
    assert "is of the sets Set12, BSD68, Urban100; found Set5" in line


def test_a_sheet_shows_what_there_is_to_compare(benchmark: Command, tmp_path: Path) -> None:
    assert benchmark().code == 0
    sheet = read(tmp_path / "out" / "sheets" / "Set5" / "0.png").pixels
    truth = read(tmp_path / "bench" / "Set5" / "HR" / "0.png").pixels
    large = truth.repeat(2, 0).repeat(2, 1)
    # The last panel of the first row is the truth, twice as large.
    height, width = large.shape[:2]
    panel = sheet[38 : 38 + height, -12 - width : -12]
    np.testing.assert_array_equal(panel, large)


def test_an_output_that_is_a_file_is_refused_before_the_work(
    benchmark: Command, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    assert "taken" in refused(benchmark("--output", tmp_path / "taken", "--no-sheets"))
