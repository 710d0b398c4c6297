"""How the images of a figure are made and compared."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from swinir.evaluation.method import Method, as_in_matlab, as_published
from swinir.evaluation.mistakes import departures
from swinir.evaluation.sets import Sample
from swinir.images.files import Picture, write
from swinir.metrics.psnr import psnr, psnr_y
from swinir.tasks import TASKS, find_task

RNG = np.random.default_rng(0)


def save(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    levels = RNG.integers(0, 256, shape).astype(np.float32) / 255
    write(path, Picture(levels))
    return levels


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_method(name: str) -> None:
    task = find_task(name)
    method = as_published(task)
    assert method.scale == task.network.scale
    assert method.border == (task.network.scale if task.network.scale > 1 else 0)
    assert method.channels == task.network.channels
    assert (method.degrade is None) == name.startswith("real_sr")


def test_noise_is_drawn_as_the_published_script_draws_it(tmp_path: Path) -> None:
    save(tmp_path / "a.png", (9, 7, 3))
    degraded, truth = as_published(find_task("color_dn_25")).prepare(Sample(tmp_path / "a.png"))
    bgr = cv2.imread(str(tmp_path / "a.png")).astype(np.float32) / 255
    np.random.seed(0)
    wanted = bgr + np.random.normal(0, 25 / 255, bgr.shape)
    np.testing.assert_allclose(degraded[..., ::-1], wanted, atol=1e-6)
    np.testing.assert_allclose(truth[..., ::-1], bgr, atol=1e-6)
    assert degraded.min() < 0 or degraded.max() > 1


def test_grey_jpeg_of_a_colour_file_is_of_its_studio_luma(tmp_path: Path) -> None:
    pixels = save(tmp_path / "a.png", (24, 16, 3))
    degraded, truth = as_published(find_task("jpeg_10")).prepare(Sample(tmp_path / "a.png"))
    luma = np.round(pixels.astype(np.float64) @ [65.481, 128.553, 24.966] + 16)
    np.testing.assert_array_equal(np.round(truth[..., 0] * 255), luma)
    _, data = cv2.imencode(".jpg", luma.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 10])
    wanted = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(np.round(degraded[..., 0] * 255), wanted)


def test_compressed_pictures_are_jpegs_of_what_bicubic_leaves(tmp_path: Path) -> None:
    save(tmp_path / "a.png", (64, 48, 3))
    degraded, truth = as_published(find_task("compressed_sr_x4")).prepare(
        Sample(tmp_path / "a.png")
    )
    small, _ = as_published(find_task("sr_x4")).prepare(Sample(tmp_path / "a.png"))
    bgr = np.round(small[..., ::-1] * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 10])
    wanted = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(np.round(degraded * 255), wanted)
    assert truth.shape == (64, 48, 3)


def test_given_images_are_restored_and_others_made(tmp_path: Path) -> None:
    save(tmp_path / "a.png", (18, 21, 3))
    given = save(tmp_path / "ax4.png", (4, 5, 3))
    method = as_published(find_task("sr_x4"))
    degraded, truth = method.prepare(Sample(tmp_path / "a.png", tmp_path / "ax4.png"))
    np.testing.assert_array_equal(degraded, given)
    assert truth.shape == (16, 20, 3)
    made, _ = method.prepare(Sample(tmp_path / "a.png"))
    assert made.shape == (4, 5, 3)
    assert not np.array_equal(made, given)


def test_a_grey_file_becomes_three_channels_or_stays_as_in_matlab(tmp_path: Path) -> None:
    save(tmp_path / "a.png", (16, 16, 1))
    method = as_published(find_task("sr_x4"))
    degraded, truth = method.prepare(Sample(tmp_path / "a.png"))
    assert degraded.shape == (4, 4, 3)
    assert truth.shape == (16, 16, 3)
    degraded, truth = as_in_matlab(method).prepare(Sample(tmp_path / "a.png"))
    assert degraded.shape == (4, 4, 1)
    assert truth.shape == (16, 16, 1)
    restored = method.restore_plainly(degraded)
    assert as_in_matlab(method).judge(restored, truth) == psnr(restored, truth, border=4)


@pytest.mark.parametrize(
    ("small", "large", "got"),
    [
        ((4, 4, 3), (16, 20, 3), "20x16 RGB"),
        ((4, 4, 3), (16, 16, 1), "16x16 grey"),
        ((4, 4, 1), (16, 16, 3), "16x16 RGB"),
    ],
)
def test_a_pair_that_does_not_fit_is_one_line(
    tmp_path: Path, small: tuple[int, int, int], large: tuple[int, int, int], got: str
) -> None:
    save(tmp_path / "a.png", large)
    save(tmp_path / "ax4.png", small)
    method = as_published(find_task("sr_x4"))
    with pytest.raises(ValueError, match=f"has the size of the result, .*a.png with {got}"):
        method.prepare(Sample(tmp_path / "a.png", tmp_path / "ax4.png"))


def test_a_real_world_task_needs_pairs(tmp_path: Path) -> None:
    save(tmp_path / "a.png", (16, 16, 3))
    with pytest.raises(ValueError, match=r"give pairs with --lq and --gt"):
        as_published(find_task("real_sr_x4")).prepare(Sample(tmp_path / "a.png"))


@pytest.mark.parametrize("name", ["sr_x4", "color_dn_25", "gray_dn_25", "jpeg_10", "color_jpeg_10"])
def test_every_departure_changes_the_figure_of_a_photograph(tmp_path: Path, name: str) -> None:
    smooth = cv2.GaussianBlur(RNG.random((96, 80, 3)).astype(np.float32), (0, 0), 2)
    picture = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    write(tmp_path / "a.png", Picture(np.round(picture * 255).astype(np.float32) / 255))
    task, method = find_task(name), as_published(find_task(name))

    def figure(way: Method) -> float:
        degraded, truth = way.prepare(Sample(tmp_path / "a.png"))
        # A blur sees what the metric's own rounding and clipping would hide.
        restored = way.restore_plainly(cv2.blur(degraded, (3, 3)).reshape(degraded.shape))
        return way.judge(restored, truth)

    usual = figure(method)
    found = departures(task, method)
    assert found
    same = [it.reason for it in found if figure(it.method) == pytest.approx(usual, abs=1e-9)]
    # They differ for given images and for grey files alone.
    assert all("given" in reason or "grey files" in reason for reason in same)


def test_the_headline_is_the_papers(tmp_path: Path) -> None:
    save(tmp_path / "a.png", (32, 32, 3))
    method = as_published(find_task("sr_x2"))
    degraded, truth = method.prepare(Sample(tmp_path / "a.png"))
    restored = method.restore_plainly(degraded)
    assert method.judge(restored, truth) == psnr_y(restored, truth, border=2)


@pytest.mark.parametrize("name", ["sr_x4", "gray_dn_25", "jpeg_10"])
def test_every_departure_can_be_tried_on_a_grey_file(tmp_path: Path, name: str) -> None:
    save(tmp_path / "a.png", (48, 40, 1))
    method = as_in_matlab(as_published(find_task(name)))
    for departure in departures(find_task(name), method):
        degraded, truth = departure.method.prepare(Sample(tmp_path / "a.png"))
        figure = departure.method.judge(departure.method.restore_plainly(degraded), truth)
        assert np.isfinite(figure), departure.reason
