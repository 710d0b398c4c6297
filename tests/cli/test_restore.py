"""``test.py`` as a user meets it: every option, every exit code."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from swinir.checkpoints import ship
from swinir.cli import arguments
from swinir.cli import restore as command_line
from swinir.images.files import Picture, read
from swinir.network import SwinIR
from swinir.restoration.jobs import Job
from swinir.restoration.restorer import Restorer
from swinir.tasks import TASKS
from tests.cli.conftest import Command, Ran, Save

Names = Callable[[], list[str]]
ROOT = Path(__file__).parents[2]
BASE = ("--task", "sr_x4", "--folder", "in")


def one_line(ran: Ran) -> str:
    """The single line of a command that was refused with 2."""
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("test.py: ")
    assert len(ran.err.splitlines()) == 1
    return ran.err


# A folder of pictures


def test_a_folder_is_restored_and_summed_up(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    save(tmp_path / "in" / "a.jpg", 10, 20)
    save(tmp_path / "in" / "sub" / "b ä.png", 30, 10)
    code, out, err = restore()
    assert (code, err) == (0, ""), "no progress bar where nobody watches"
    assert results() == ["a.png", "sub/b ä.png"]
    (line,) = out.splitlines()
    found = re.fullmatch(
        r"restored 2 of 2 pictures in ([\d.]+) s "
        r"\(([\d.]+) megapixels, ([\d.]+) a second\) -> (.+)",
        line,
    )
    assert found
    assert float(found[2]) == 0.01
    assert found[4] == f"{tmp_path}/out/"
    assert read(tmp_path / "out" / "a.png").format == "PNG"
    assert read(tmp_path / "out" / "sub" / "b ä.png").pixels.shape == (120, 40, 3)


def test_the_result_is_what_the_network_makes(
    tmp_path: Path, restore: Command, save: Save, network: SwinIR
) -> None:
    picture = read(save(tmp_path / "in" / "a.png"))
    assert restore("--device", "cpu", "--precision", "fp32").code == 0
    wanted = Restorer(network, device="cpu", precision="fp32").restore(picture.pixels)
    made = read(tmp_path / "out" / "a.png").pixels
    np.testing.assert_allclose(made, wanted, atol=0.5001 / 255)


def test_strength_blends_with_the_input(
    tmp_path: Path, restore: Command, save: Save, network: SwinIR
) -> None:
    picture = read(save(tmp_path / "in" / "a.png"))
    assert restore("--device", "cpu", "--precision", "fp32", "--strength", "0.3").code == 0
    engine = Restorer(network, device="cpu", precision="fp32", strength=0.3)
    made = read(tmp_path / "out" / "a.png").pixels
    np.testing.assert_allclose(made, engine.restore(picture.pixels), atol=0.5001 / 255)
    assert "a number from 0 to 1, got '2'" in one_line(restore("--strength", "2"))


def test_a_single_file_is_restored(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    save(tmp_path / "in" / "other.png")
    assert restore("--folder", save(tmp_path / "in" / "a.bmp")).code == 0
    assert results() == ["a.png"]


@pytest.mark.parametrize(
    ("format_", "suffix", "kind"),
    [
        ("png", ".png", "PNG"),
        ("jpg", ".jpg", "JPEG"),
        ("webp", ".webp", "WEBP"),
        ("tiff", ".tiff", "TIFF"),
        ("bmp", ".bmp", "BMP"),
        ("same", ".tif", "TIFF"),
    ],
)
def test_results_have_the_format_asked_for(
    tmp_path: Path, restore: Command, save: Save, format_: str, suffix: str, kind: str
) -> None:
    save(tmp_path / "in" / "a.tif", 3, 5)
    assert restore("--format", format_).code == 0
    made = read(tmp_path / "out" / f"a{suffix}")
    assert (made.format, made.pixels.shape) == (kind, (12, 20, 3))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_and_grey_stay(
    tmp_path: Path, restore: Command, save: Save, suffix: str, channels: int
) -> None:
    save(tmp_path / "in" / f"a{suffix}", channels=channels, depth=16)
    assert restore("--format", "same").code == 0
    made = read(tmp_path / "out" / f"a{suffix}")
    assert (made.depth, made.pixels.shape[2]) == (16, channels)


def test_quality_decides_the_size_of_a_jpeg(tmp_path: Path, restore: Command, save: Save) -> None:
    save(tmp_path / "in" / "a.png")
    sizes = []
    for quality in ("20", "95"):
        assert restore("--format", "jpg", "--quality", quality).code == 0
        sizes.append((tmp_path / "out" / "a.jpg").stat().st_size)
    assert sizes[0] < sizes[1]


def test_two_pictures_of_one_name_make_two_results(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    save(tmp_path / "in" / "a.jpg", 3, 5)
    save(tmp_path / "in" / "a.png", 5, 3)
    assert restore().code == 0
    assert results() == ["a_jpg.png", "a_png.png"]
    assert read(tmp_path / "out" / "a_jpg.png").pixels.shape == (12, 20, 3)


def test_results_and_the_sheet_within_the_folder_are_not_restored_again(
    tmp_path: Path, restore: Command, save: Save
) -> None:
    save(tmp_path / "in" / "a.png")
    inside = ("--output", tmp_path / "in" / "results", "--sheet", "--json")
    for _ in range(2):
        ran = restore(*inside)
        assert ran.code == 0
        assert json.loads(ran.out)["pictures"] == 1
    made = sorted(path.name for path in (tmp_path / "in" / "results").iterdir())
    assert made == ["a.png", "comparison-sheet.png"]


def test_a_result_that_would_replace_its_source_is_refused(
    tmp_path: Path, restore: Command, save: Save
) -> None:
    source = save(tmp_path / "in" / "a.png")
    before = source.read_bytes()
    assert "--output" in one_line(restore("--output", tmp_path / "in"))
    assert "--output" in one_line(restore("--folder", source, "--output", tmp_path / "in"))
    assert source.read_bytes() == before


def test_existing_results_are_skipped_when_asked_and_made_again_when_not(
    tmp_path: Path, restore: Command, save: Save
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / "in" / name)
    save(tmp_path / "out" / "b.png", 1, 1)
    ran = restore("--skip-existing")
    assert ran.code == 0
    assert "restored 2 of 3 pictures" in ran.out
    assert "left alone: 1 result already there" in ran.out
    assert read(tmp_path / "out" / "b.png").pixels.shape == (1, 1, 3)
    assert "restored 3 of 3" in restore().out
    assert read(tmp_path / "out" / "b.png").pixels.shape == (48, 64, 3)


def test_larger_pictures_than_asked_for_are_refused(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    (tmp_path / "in").mkdir()
    Image.new("1", (1001, 1000)).save(tmp_path / "in" / "large.png")
    save(tmp_path / "in" / "small.png")
    ran = restore("--max-megapixels", "1")
    assert ran.code == 1
    assert "at most 1 megapixels here, got 1001x1000" in ran.out
    assert results() == ["small.png"]


def test_options_reach_the_engine(
    tmp_path: Path, restore: Command, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    begin = Restorer.__init__

    def watched(self: Restorer, network: SwinIR, **options: Any) -> None:
        given.update(options)
        begin(self, network, **options)

    monkeypatch.setattr(Restorer, "__init__", watched)
    save(tmp_path / "in" / "a.png")
    words = ("--tile", "8", "--overlap", "2", "--tta", "--device", "cpu", "--precision", "fp32")
    assert restore(*words, "--strength", "0.5").code == 0
    assert given == {
        "tile": 8,
        "overlap": 2,
        "tta": True,
        "backend": "auto",
        "strength": 0.5,
        "device": "cpu",
        "precision": "fp32",
        "padding": "needed",
    }
    given.clear()
    assert restore().code == 0
    assert "overlap" not in given, "the engine knows its own"
    assert (given["tile"], given["tta"], given["device"]) == ("auto", False, "auto")


def test_the_self_ensemble_is_the_engines(
    tmp_path: Path, restore: Command, save: Save, network: SwinIR
) -> None:
    picture = read(save(tmp_path / "in" / "a.png"))
    assert restore("--tta", "--device", "cpu", "--precision", "fp32").code == 0
    made = read(tmp_path / "out" / "a.png").pixels
    engine = Restorer(network, device="cpu", precision="fp32", tta=True)
    np.testing.assert_allclose(made, engine.restore(picture.pixels), atol=0.5001 / 255)


def test_weights_that_keep_the_size_restore_to_the_same_size(
    tmp_path: Path, run: Command, save: Save, denoiser: Path
) -> None:
    save(tmp_path / "in" / "a.png")
    words = ("--task", "color_dn_15", "--weights", denoiser, "--folder", tmp_path / "in")
    assert run(*words, "--output", tmp_path / "out", "--sheet").code == 0
    assert read(tmp_path / "out" / "a.png").pixels.shape == (12, 16, 3)


def test_shipped_weights_are_the_default(
    tmp_path: Path, run: Command, save: Save, network: SwinIR, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWINIR_PRETRAINED", str(tmp_path / "pretrained"))
    words = ("--task", "sr_x4", "--folder", save(tmp_path / "in" / "a.png"))
    words = (*words, "--output", tmp_path / "out")
    assert "is missing" in one_line(run(*words))
    ship(network, "light_sr_x4.safetensors")
    assert run(*words).code == 0
    assert run(*words, "--weights", "ours").code == 0
    assert read(tmp_path / "out" / "a.png").pixels.shape == (48, 64, 3)


# Figures


def test_json_is_all_that_machines_get(tmp_path: Path, restore: Command, save: Save) -> None:
    good = save(tmp_path / "in" / "good ä.png", 5, 10)
    bad = tmp_path / "in" / "bad.png"
    bad.write_bytes(b"")
    kept = save(tmp_path / "in" / "kept.png")
    save(tmp_path / "out" / "kept.png")
    ran = restore("--json", "--skip-existing")
    assert (ran.code, ran.err) == (1, "")
    record = json.loads(ran.out)
    files = {file.pop("source"): file for file in record.pop("files")}
    assert record.pop("seconds") >= files[str(good)].pop("seconds") > 0
    assert record == {
        "pictures": 3,
        "restored": 1,
        "kept": 1,
        "skipped": 1,
        "interrupted": False,
        "megapixels": 0.0008,
        "notes": [],
    }
    assert files[str(good)] == {
        "target": str(tmp_path / "out" / "good ä.png"),
        "state": "restored",
        "reason": None,
        "note": None,
        "psnr": None,
        "unscored": None,
    }
    assert files[str(kept)]["state"] == "kept"
    assert (files[str(bad)]["state"], files[str(bad)]["target"]) == ("skipped", None)
    assert "empty" in files[str(bad)]["reason"]


def by_hand(one: np.ndarray, other: np.ndarray) -> float:
    weights = np.array([65.481, 128.553, 24.966]) / 255
    error = ((one.astype(np.float64) - other) @ weights)[4:-4, 4:-4]
    return float(-10 * np.log10(np.mean(error**2)))


def test_scores_are_the_psnr_of_the_results(tmp_path: Path, restore: Command, save: Save) -> None:
    for name, width in (("a", 5), ("b", 6)):
        save(tmp_path / "in" / f"{name}x4.png", 6, width)
        save(tmp_path / "gt" / f"{name}.png", 26, 4 * width + 3)
    ran = restore("--gt", tmp_path / "gt")
    assert ran.code == 0
    wanted: dict[str, float] = {}
    for name in ("a", "b"):
        made = read(tmp_path / "out" / f"{name}x4.png").pixels
        truth = read(tmp_path / "gt" / f"{name}.png").pixels
        wanted[name] = by_hand(made, truth[: made.shape[0], : made.shape[1]])
    mean = sum(wanted.values()) / 2
    assert ran.out.splitlines()[:3] == [
        f"ax4.png  {wanted['a']:6.2f} dB",
        f"bx4.png  {wanted['b']:6.2f} dB",
        f"mean     {mean:6.2f} dB",
    ]
    again = restore("--gt", tmp_path / "gt", "--skip-existing", "--json")
    scores = [file["psnr"] for file in json.loads(again.out)["files"]]
    assert scores == pytest.approx(list(wanted.values()), abs=1e-4), "of kept results too"


def test_a_missing_truth_or_one_of_another_size_is_one_line_beside_the_result(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / "in" / name)
    save(tmp_path / "gt" / "b.png", 48, 60)
    save(tmp_path / "gt" / "c.png", 48, 64)
    ran = restore("--gt", tmp_path / "gt")
    assert ran.code == 1
    assert results() == ["a.png", "b.png", "c.png"]
    score, mean, summary, *lines = ran.out.splitlines()
    assert score.startswith("c.png")
    assert mean.split()[1:] == score.split()[1:]
    assert summary.startswith("restored 3 of 3")
    assert lines == [
        f"no score: {tmp_path}/in/a.png: no ground truth called a among 2 images",
        f"no score: {tmp_path}/in/b.png: the ground truth has the size of the result, 64x48 RGB; "
        f"got {tmp_path}/gt/b.png with 60x48 RGB",
    ]


def test_a_perfect_result_is_still_valid_json(tmp_path: Path, restore: Command, save: Save) -> None:
    save(tmp_path / "in" / "a.png")
    assert restore("--output", tmp_path / "gt").code == 0
    ran = restore("--gt", tmp_path / "gt", "--json")
    assert ran.code == 0

    def refuse(word: str) -> None:
        pytest.fail(f"{word} is no JSON")

    assert json.loads(ran.out, parse_constant=refuse)["files"][0]["psnr"] == "inf"
    assert "inf dB" in restore("--gt", tmp_path / "gt").out


# Sheets


def test_a_sheet_shows_new_and_kept_results(tmp_path: Path, restore: Command, save: Save) -> None:
    for name in ("a.png", "b.png"):
        save(tmp_path / "in" / name, 20, 30)
    assert restore("--folder", tmp_path / "in" / "a.png").code == 0
    assert restore("--skip-existing", "--sheet").code == 0
    height, width, _ = read(tmp_path / "out" / "comparison-sheet.png").pixels.shape
    assert height >= 2 * 80, "two rows"
    assert width >= 3 * 120, "input, bicubic, restored"


def test_a_sheet_leaves_out_an_old_result_of_another_size(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "out" / "a.png", 2, 3)
    assert restore("--skip-existing", "--sheet").code == 0
    assert results() == ["a.png"]
    save(tmp_path / "in" / "b.png")
    assert restore("--skip-existing", "--sheet").code == 0
    assert results() == ["a.png", "b.png", "comparison-sheet.png"]


def test_a_sheet_goes_where_it_is_told(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    save(tmp_path / "in" / "a.png")
    sheet = tmp_path / "some" / "where" / "sheet.webp"
    assert restore("--sheet", sheet).code == 0
    assert read(sheet).format == "WEBP"
    assert results() == ["a.png"]


def test_a_row_of_the_sheet_does_not_hold_on_to_the_whole_result(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    before, after = (Picture(rng.random((side, side, 3), np.float32)) for side in (200, 800))
    inspect = command_line.Inspection(tmp_path / "sheet.png", [], 4)
    inspect(Job(Path("a.png"), Path("b.png")), before, after)
    assert inspect.rows[0]
    for panel in inspect.rows[0]:
        assert not np.shares_memory(panel.pixels, after.pixels)


@pytest.mark.parametrize("sheet", ["in/a.png", "out/a.png", "sheet.xyz", "sheet", "in"])
def test_a_sheet_that_cannot_be_is_refused_before_the_work(
    tmp_path: Path, restore: Command, save: Save, sheet: str
) -> None:
    before = save(tmp_path / "in" / "a.png").read_bytes()
    assert "sheet" in one_line(restore("--sheet", tmp_path / sheet))
    assert (tmp_path / "in" / "a.png").read_bytes() == before
    assert not (tmp_path / "out").exists()


def test_a_sheet_that_cannot_be_written_does_not_hide_the_summary(
    tmp_path: Path, restore: Command, save: Save
) -> None:
    save(tmp_path / "in" / "a.png")
    (tmp_path / "file").touch()
    ran = restore("--sheet", tmp_path / "file" / "sheet.png")
    assert ran.code == 2
    assert "restored 1 of 1 picture in" in ran.out
    assert ran.err == f"test.py: {tmp_path / 'file'}: a file, where a folder is needed\n"


def test_a_sheet_among_the_sources_is_refused(tmp_path: Path, restore: Command, save: Save) -> None:
    save(tmp_path / "in" / "a.png")
    (tmp_path / "link").symlink_to("in")
    for place in ("in", "in/sub", "link"):
        line = one_line(restore("--sheet", tmp_path / place / "sheet.png"))
        assert "the sheet would lie among the sources" in line
    assert not (tmp_path / "out").exists()
    results = ("--output", tmp_path / "in" / "results")
    assert restore(*results, "--sheet", tmp_path / "in" / "results" / "sheet.png").code == 0
    single = ("--folder", tmp_path / "in" / "a.png", "--sheet", tmp_path / "in" / "b.png")
    assert restore(*single).code == 0


def test_a_sheet_is_written_before_anything_is_said(
    tmp_path: Path, restore: Command, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up(*_: object) -> str:
        assert (tmp_path / "out" / "comparison-sheet.png").exists()
        raise BrokenPipeError

    save(tmp_path / "in" / "a.png")
    monkeypatch.setattr("swinir.cli.report.summary", hang_up)
    assert restore("--sheet") == (141, "", "")


# Mistakes


def test_a_result_beside_its_source_replaces_nothing(
    tmp_path: Path, restore: Command, save: Save
) -> None:
    source, other = save(tmp_path / "in" / "photo.jpg"), save(tmp_path / "in" / "photo.png")
    before = other.read_bytes()
    words = ("--folder", source, "--output", source.parent)
    assert "which lies beside it; give another folder" in one_line(restore(*words))
    assert restore(*words, "--skip-existing").code == 0
    assert other.read_bytes() == before
    other.unlink()
    assert restore(*words).code == 0
    assert other.exists()


def test_a_device_that_is_not_there_is_told_before_weights_are_fetched(
    tmp_path: Path, restore: Command, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: object) -> None:
        pytest.fail("weights were fetched")

    save(tmp_path / "in" / "a.png")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("swinir.cli.engine.load_network", fetch)
    assert "torch finds none here" in one_line(restore("--device", "cuda"))


def test_a_defect_of_the_program_is_one_line_too(
    restore: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> int:
        raise TypeError("a mistake")

    monkeypatch.setattr(command_line, "_restore", fail)
    line = (
        "test.py: a defect of the program: TypeError: a mistake; SWINIR_TRACEBACK=1 shows where\n"
    )
    assert restore() == (1, "", line)
    monkeypatch.setenv("SWINIR_TRACEBACK", "1")
    code, out, err = restore()
    assert (code, out) == (1, "")
    assert err.startswith(line)
    assert "in fail\n" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--task is missing, as in --task sr_x4; --list shows all tasks"),
        (("--task", "sr_x4"), "--folder is missing"),
        (("--task", "sr_x5", "--folder", "in"), "no task 'sr_x5'; did you mean 'sr_x"),
        (("--task", "color_dn25", "--folder", "in"), "did you mean 'color_dn_25'?"),
        (("--task", "zzz", "--folder", "in"), "the tasks are sr_x2, sr_x3"),
        ((*BASE, "--foldr", "x"), "unknown argument '--foldr'; did you mean --folder?"),
        ((*BASE, "--outptu=x"), "did you mean --output?"),
        ((*BASE, "stray"), "unknown argument 'stray'; see"),
        ((*BASE, "--out", "x"), "unknown argument '--out'"),
        ((*BASE, "--tile", "-8"), "--tile: auto, a number of pixels, or 0"),
        ((*BASE, "--tile", "large"), "got 'large'"),
        ((*BASE, "--overlap", "-1"), "--overlap: a whole number, at least 0, got '-1'"),
        ((*BASE, "--quality", "0"), "a whole number, 1 to 100, got '0'"),
        ((*BASE, "--quality", "101"), "got '101'"),
        ((*BASE, "--max-megapixels", "0"), "at least 1, got '0'"),
        ((*BASE, "--max-megapixels", "1.5"), "a whole number"),
        ((*BASE, "--format", "gif"), "invalid choice: 'gif'"),
        ((*BASE, "--precision", "fp64"), "invalid choice: 'fp64'"),
        ((*BASE, "--device", "gpu"), "--device: auto, cpu, cuda, cuda:N or mps, got 'gpu'"),
        ((*BASE, "--device", "cuda:x"), "got 'cuda:x'"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    run: Command, words: tuple[str, ...], said: str
) -> None:
    assert said in one_line(run(*words))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--folder_lq", "x"), "--folder DIR"),
        (("--folder_gt=x",), "--gt DIR"),
        (("--task", "classical_sr", "--scale", "4"), "--task sr_x2, sr_x3, sr_x4 or sr_x8"),
        (("--task", "color_dn", "--noise", "15"), "color_dn_15"),
        (("--task", "jpeg_car", "--jpeg", "40"), "jpeg_40"),
        (("--training_patch_size", "48"), "no longer matters"),
        (("--large_model",), "--task real_sr_x4_large"),
        (("--model_path", "x.pth"), "--weights FILE"),
        (("--tile", "400", "--tile_overlap", "32"), "--overlap N"),
    ],
)
def test_the_flags_of_the_official_script_are_answered(
    run: Command, words: tuple[str, ...], said: str
) -> None:
    assert said in one_line(run(*words))


def test_every_answer_to_an_official_flag_names_what_exists() -> None:
    usage = arguments.parser().format_help()
    for answer in arguments.OFFICIAL.values():
        for flag in re.findall(r"--[a-z-]+", answer):
            assert flag in usage
        for task in re.findall(r"\b\w+_x?\d\w*", answer):
            assert task in TASKS


def test_a_folder_without_pictures_is_one_line(tmp_path: Path, restore: Command) -> None:
    assert "there is none" in one_line(restore())
    (tmp_path / "in").mkdir()
    assert "no image files" in one_line(restore())
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_of_truths_is_refused_before_the_work(
    tmp_path: Path, restore: Command, save: Save
) -> None:
    save(tmp_path / "in" / "a.png")
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "none", tmp_path / "empty", tmp_path / "in" / "a.png"):
        assert "--gt is a folder of pictures" in one_line(restore("--gt", place))
    assert not (tmp_path / "out").exists()


def test_weights_that_cannot_serve_are_one_line(
    tmp_path: Path, restore: Command, save: Save, denoiser: Path
) -> None:
    save(tmp_path / "in" / "a.png")
    assert "no weights none.pth" in one_line(restore("--weights", "none.pth"))
    assert "keep the size" in one_line(restore("--weights", denoiser))
    (tmp_path / "x.pth").write_text("no weights")
    assert "x.pth" in one_line(restore("--weights", tmp_path / "x.pth"))


# Instead of restoring


def test_the_task_table_names_every_task(run: Command) -> None:
    code, out, err = run("--list")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert list(rows) == list(TASKS)
    assert rows["sr_x4"].endswith("  ours, official, swin2sr")
    assert rows["sr_x8"].endswith("  official")
    assert rows["compressed_sr_x4"].endswith("  swin2sr")


def test_the_task_table_for_machines(run: Command) -> None:
    code, out, err = run("--list", "--json")
    assert (code, err) == (0, "")
    rows = {row["task"]: row for row in json.loads(out)}
    assert list(rows) == list(TASKS)
    assert rows["gray_dn_15"] == {
        "task": "gray_dn_15",
        "title": "Grey denoising, sigma 15",
        "scale": 1,
        "channels": 1,
        "ours": ["gray_dn.safetensors"],
        "official": ["004_grayDN_DFWB_s128w8_SwinIR-M_noise15.pth"],
        "swin2sr": [],
    }
    assert rows["jpeg_20"]["swin2sr"] == ["Swin2SR_Jpeg_dynamic.pth"]


def test_a_weights_file_is_described(run: Command, weights: Path) -> None:
    code, out, err = run("--describe", weights)
    assert (code, err) == (0, "")
    assert re.search(r"^scale +x4$", out, re.MULTILINE)
    code, out, err = run("--describe", weights, "--json")
    assert (code, err) == (0, "")
    record = json.loads(out)
    assert record["path"] == str(weights)
    assert record["bytes"] == weights.stat().st_size
    assert record["config"]["head"] == "pixelshuffledirect"
    assert record["config"]["depths"] == [2]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_what_is_no_weights_file_is_described_in_one_line(
    tmp_path: Path, run: Command, weights: Path, words: tuple[str, ...]
) -> None:
    one_line(run("--describe", tmp_path / "none.pth", *words))
    one_line(run("--describe", tmp_path, *words))
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(weights.read_bytes()[:-100])
    assert str(broken) in one_line(run("--describe", broken, *words))


def test_help_names_every_exit_code(run: Command) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert re.search(r"0 all done, 1 .*2\s+bad\s+arguments,\s+130", out, re.DOTALL)


# Bars, interruption, the real script


def test_bars_are_drawn_where_somebody_watches(
    tmp_path: Path, restore: Command, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "in" / "a.png")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    ran = restore("--tile", "8")
    assert "1/1" in ran.err
    assert "picture" in ran.err
    assert "tile" in ran.err
    assert ran.out.startswith("restored 1 of 1"), "bars do not mix with the summary"
    assert restore("--json").err == ""


def test_an_interrupt_in_a_picture_sums_up_what_was_done(
    tmp_path: Path, restore: Command, save: Save, results: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Restorer.restore_picture

    def interrupted(self: Restorer, picture: Picture, **options: Any) -> Picture:
        if picture.pixels.shape[0] == 3:
            raise KeyboardInterrupt
        return begin(self, picture, **options)

    for at, height in enumerate((5, 4, 3, 6)):
        save(tmp_path / "in" / f"{at}.png", height)
    with monkeypatch.context() as patch:
        patch.setattr(Restorer, "restore_picture", interrupted)
        code, out, err = restore("--sheet")
    assert (code, err) == (130, "")
    assert "restored 2 of 4 pictures" in out
    assert out.endswith("interrupted; the same command with --skip-existing goes on from here\n")
    assert results() == ["0.png", "1.png", "comparison-sheet.png"]
    assert "restored 2 of 4 pictures" in restore("--skip-existing").out


def test_an_interrupt_before_the_first_picture_is_quiet(
    restore: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_restore", interrupt)
    assert restore() == (130, "", "")


KILLED_WHILE_WRITING = """
import os, runpy, signal, sys
count, fsync = [], os.fsync
def dying(handle):
    count.append(handle)
    if len(count) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(handle)
os.fsync = dying
sys.argv[0] = "test.py"
runpy.run_path("test.py", run_name="__main__")
"""
PICTURES = 24


def start(*words: str | Path) -> subprocess.Popen[str]:
    """Start a Python at the root of the repository, which Ctrl-C reaches."""
    # A shell that put us into the background had us ignore Ctrl-C, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, *map(str, words)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def batch(tmp_path: Path, save: Save, weights: Path) -> list[str | Path]:
    """A batch that takes a moment, as words for the command line."""
    for at in range(PICTURES):
        save(tmp_path / "in" / "sub" / f"{at}.png", 96, 128)
    folders = ("--folder", tmp_path / "in", "--output", tmp_path / "out")
    return ["--task", "sr_x4", "--weights", weights, *folders]


def check_and_complete(out: Path, restore: Command) -> int:
    """Every result is whole, and the same command makes the missing ones alone; how many."""
    done = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.name[0] != "."}
    done.pop(out / "sub")
    assert all(read(path).pixels.shape == (384, 512, 3) for path in done)
    ran = restore("--skip-existing", "--json")
    assert ran.code == 0
    record = json.loads(ran.out)
    assert (record["kept"], record["restored"]) == (len(done), PICTURES - len(done))
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert {path.name for path in (out / "sub").iterdir()} == {
        f"{at}.png" for at in range(PICTURES)
    }
    return len(done)


def test_ctrl_c_leaves_whole_results_and_the_same_command_makes_the_rest(
    tmp_path: Path, batch: list[str | Path], restore: Command
) -> None:
    with start("test.py", *batch) as process:
        while not (tmp_path / "out" / "sub" / "0.png").exists():
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert err == ""
    assert "goes on from here" in out
    assert not list((tmp_path / "out").rglob(".*")), "not even a hidden file is left"
    done = check_and_complete(tmp_path / "out", restore)
    assert 0 < done < PICTURES
    # The signal may have come between the renaming and the counting of a result.
    assert any(f"restored {count} of {PICTURES} pictures" in out for count in (done - 1, done))


def test_kill_while_writing_leaves_whole_results_and_the_same_command_makes_the_rest(
    tmp_path: Path, batch: list[str | Path], restore: Command
) -> None:
    with start("-c", KILLED_WHILE_WRITING, *batch) as process:
        process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    (litter,) = (path for path in (tmp_path / "out" / "sub").iterdir() if path.name[0] == ".")
    assert litter.stat().st_size > 0
    assert check_and_complete(tmp_path / "out", restore) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs the pipes of Unix")
@pytest.mark.parametrize("words", [("--list",), ("--list", "--json")])
def test_a_reader_who_hangs_up_is_no_error(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "test.py", *words],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_what_cannot_be_printed_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "test.py", "--list"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "test.py: No space left on device\n")


def test_the_script_answers_help_and_mistakes_without_loading_torch() -> None:
    script = (
        "import atexit, runpy, sys\n"
        "atexit.register(lambda: print(sorted({'torch', 'numpy', 'cv2'} & set(sys.modules))))\n"
        "sys.argv[0] = 'test.py'\n"
        "runpy.run_path('test.py', run_name='__main__')"
    )
    for words, code in ((("--help",), 0), (("--folder", "x"), 2), (("--task", "a"), 2)):
        with start("-c", script, *words) as process:
            out, err = process.communicate(timeout=120)
        assert (process.returncode, out.splitlines()[-1]) == (code, "[]")
        assert len(err.splitlines()) == (code == 2)
