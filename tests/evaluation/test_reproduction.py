"""The papers' tables: read right, done again, and the reason found where a figure is off."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from swinir.evaluation.benchmark import Contender
from swinir.evaluation.method import Method, as_in_matlab, as_published
from swinir.evaluation.mistakes import departures
from swinir.evaluation.papers import (
    SIZES,
    TABLES,
    Row,
    find_rows,
    published,
    published_baseline,
    same_set,
)
from swinir.evaluation.reproduction import Trial, Verdict, reason_for, reproduce, within
from swinir.evaluation.scores import FIGURES
from swinir.evaluation.sets import ImageSet, Sample, find_sets
from swinir.images.files import Picture, write
from swinir.tasks import PUBLISHED, TASKS, find_task

CUBIC = cv2.INTER_CUBIC


def test_every_row_is_of_a_task_a_set_and_a_published_file() -> None:
    for row in find_rows("all"):
        assert row.task in TASKS
        assert row.images in SIZES
        assert set(row.figures) <= set(FIGURES)
        assert as_published(find_task(row.task)).headline in row.figures
        if row.checkpoint:
            assert PUBLISHED[row.checkpoint.file].name == row.task


@pytest.mark.parametrize(
    ("task", "images", "file", "psnr"),
    [
        ("sr_x4", "Set5", "", 32.92),
        ("sr_x4", "set5", "001_classicalSR_DIV2K_s48w8_SwinIR-M_x4.pth", 32.72),
        ("light_sr_x4", "Set14", "mine.pth", 28.77),
        ("sr_x2", "B100", "", 32.53),
        ("sr_x2", "Set14", "Swin2SR_ClassicalSR_X2_64.pth", 34.48),
        ("light_sr_x2", "Set5", "Swin2SR_Lightweight_X2_64.pth", 38.17),
        ("light_sr_x2", "Set5", "", 38.14),
    ],
)
def test_the_paper_s_figure_is_that_of_the_weights(
    task: str, images: str, file: str, psnr: float
) -> None:
    row = published(find_task(task), images, file=file)
    assert row is not None
    assert row.figures["psnr_y"] == psnr


def test_a_self_ensemble_has_figures_of_its_own_where_the_paper_gives_them() -> None:
    row = published(find_task("sr_x4"), "Set5", ensemble=True)
    assert row is not None
    assert row.model == "SwinIR+"
    plain = published(find_task("light_sr_x4"), "Set5", ensemble=True)
    assert plain is not None
    assert plain.model == "SwinIR"


def test_what_no_paper_gives_is_none() -> None:
    assert published(find_task("sr_x8"), "Set5") is None
    assert published(find_task("sr_x4"), "GB82") is None
    assert published_baseline(find_task("color_dn_25"), "Set5") is None
    baseline = published_baseline(find_task("sr_x4"), "Set5")
    assert baseline is not None
    assert baseline.figures == {"psnr_y": 28.42, "ssim_y": 0.8104}


def test_a_mistyped_table_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'lightweight_sr'"):
        find_rows("lightwieght_sr")
    with pytest.raises(ValueError, match=r"there are bicubic, .* and all"):
        find_rows("zzz")


def test_sets_are_known_by_their_short_names() -> None:
    assert same_set("B100", "BSD100")
    assert same_set("classic5", "Classic5")
    assert not same_set("Set5", "Set14")


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """Five pictures with edges, so that every way of shrinking shows."""
    rng = np.random.default_rng(0)
    for number in range(5):
        coarse = rng.random((12, 14, 3)).astype(np.float32)
        picture = np.clip(cv2.resize(coarse, (98, 85), interpolation=cv2.INTER_CUBIC), 0, 1)
        picture[20:40, 30:60] = number / 5
        write(tmp_path / f"{number}.png", Picture(np.round(picture * 255).astype(np.float32) / 255))
    (found,) = find_sets(tmp_path, 4)
    return replace(found, name="Set5")


def plainly(images: ImageSet, method: Method) -> float:
    """The headline of bicubic by a method."""
    figures = []
    for sample in images.samples:
        degraded, truth = method.prepare(sample)
        figures.append(method.judge(method.restore_plainly(degraded), truth))
    return sum(figures) / len(figures)


def verdict_on(images: ImageSet, psnr: float, **others: float) -> Verdict:
    """A table that expects ``psnr`` of bicubic, done again."""
    row = Row("bicubic", "sr_x4", "bicubic", None, "Set5", {"psnr_y": psnr, **others})
    (found,) = reproduce([row], lambda scale: [images], lambda row: None)
    return found


def test_the_right_figure_passes_and_one_off_by_more_than_the_tolerance_fails(
    images: ImageSet,
) -> None:
    right = plainly(images, as_in_matlab(as_published(find_task("sr_x4"))))
    assert verdict_on(images, right).passed
    assert verdict_on(images, right + 0.049).passed
    assert not verdict_on(images, right + 0.051).passed
    assert within("psnr_y", right, right + 0.05)


@pytest.mark.parametrize("number", range(7))
def test_the_departure_that_made_a_figure_is_found(images: ImageSet, number: int) -> None:
    task = find_task("sr_x4")
    method = as_in_matlab(as_published(task))
    departure = departures(task, method)[number]
    wrong, right = plainly(images, departure.method), plainly(images, method)
    found = verdict_on(images, wrong)
    if abs(wrong - right) <= 0.05:
        # Pillow's bicubic is MATLAB's but for rounding; the others need given or grey files.
        assert found.passed
        assert any(word in departure.reason for word in ("Pillow", "given", "grey files"))
    else:
        assert not found.passed
        assert f"the figure comes out with {departure.reason} (" in found.reason


def test_given_images_made_otherwise_are_found_out(images: ImageSet, tmp_path: Path) -> None:
    right = plainly(images, as_in_matlab(as_published(find_task("sr_x4"))))
    given: list[Sample] = []
    for sample in images.samples:
        levels = cv2.imread(str(sample.truth))[:84, :96]
        path = tmp_path / "lr" / sample.truth.name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), cv2.resize(levels, (24, 21), interpolation=CUBIC))
        given.append(Sample(sample.truth, path))
    found = verdict_on(replace(images, samples=tuple(given)), right)
    assert not found.passed
    assert "low-resolution images made anew: the given ones are not MATLAB's" in found.reason


def test_a_figure_that_nothing_explains_says_so(images: ImageSet) -> None:
    found = verdict_on(images, 60.0)
    assert found.reason.startswith("none of the usual departures from the protocol explains it")
    assert len(found.trials) == 7


def test_a_set_with_images_missing_is_said(images: ImageSet) -> None:
    found = verdict_on(replace(images, samples=images.samples[:4]), 30.0)
    assert found.reason == "4 images were scored, the paper's set has 5"


def test_only_the_second_figure_off_is_said(images: ImageSet) -> None:
    right = plainly(images, as_in_matlab(as_published(find_task("sr_x4"))))
    found = verdict_on(images, right, ssim_y=0.1)
    assert found.reason == "PSNR-Y agrees, not SSIM-Y"


def test_rows_of_absent_sets_are_left_out_and_weights_that_are_missing_are_said(
    images: ImageSet,
) -> None:
    def refuse(row: Row) -> Contender | None:
        raise ValueError("fetch it from there")

    rows = TABLES["lightweight_sr"]
    done = list(reproduce(rows, lambda scale: [images], refuse))
    assert [str(it.row) for it in done] == [
        f"SwinIR (DIV2K) light_sr_x{scale} Set5" for scale in (2, 3, 4)
    ]
    assert all(it.reason == "fetch it from there" and not it.passed for it in done)


def test_a_perfect_network_fails_the_paper_s_figure_too(images: ImageSet) -> None:
    def perfect(image: np.ndarray) -> np.ndarray:
        return np.zeros((4 * image.shape[0], 4 * image.shape[1], 3), np.float32)

    row = TABLES["lightweight_sr"][10]
    (found,) = reproduce([row], lambda scale: [images], lambda row: Contender("black", perfect))
    assert found.result is not None
    assert found.result.contenders == ("bicubic", "black")
    assert not found.passed


def test_the_closest_of_several_explanations_is_given() -> None:
    method = as_published(find_task("sr_x4"))
    trials = [Trial("one", 30.04), Trial("two", 30.01), Trial("three", 31)]
    assert reason_for(30.0, method, trials) == "the figure comes out with two (30.01)"
    assert "there was nothing to try" in reason_for(30.0, method, [])


@pytest.mark.parametrize(
    ("table", "names", "headline", "rows"),
    [("bicubic", ("Set5", "Set14"), "psnr_y", 6), ("jpeg", ("classic5",), "psnr", 4)],
)
def test_published_figures_that_need_no_network_are_reproduced(
    shared: Path, table: str, names: tuple[str, ...], headline: str, rows: int
) -> None:
    def sets_of(scale: int) -> list[ImageSet]:
        bench = shared / "images" / "bench"
        return [it for name in names for it in find_sets(bench / name, scale)]

    verdicts = list(reproduce(TABLES[table], sets_of, lambda row: None))
    assert len(verdicts) == rows
    assert [it.reason for it in verdicts] == [""] * rows
    for verdict in verdicts:
        assert abs(verdict.got[headline] - verdict.row.figures[headline]) < 0.02
