"""Contenders over a set: figures, order, problems."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from swinir.evaluation.benchmark import Contender, Result, Showing, run
from swinir.evaluation.method import as_published
from swinir.evaluation.sets import ImageSet, find_sets
from swinir.images.files import Picture, write
from swinir.tasks import find_task

METHOD = as_published(find_task("sr_x2"))


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels = rng.integers(0, 256, (32, 36, 3)).astype(np.float32) / 255
        write(tmp_path / f"{number}.png", Picture(pixels))
    (found,) = find_sets(tmp_path, 2)
    return found


def grey(image: np.ndarray) -> np.ndarray:
    height, width, channels = image.shape
    return np.full((2 * height, 2 * width, channels), 0.5, np.float32)


def digits(result: Result) -> list[tuple[str, str, dict[str, float]]]:
    return [(it.image, it.contender, dict(it.scores)) for it in result.entries]


def test_the_baseline_comes_first_and_images_keep_their_order(images: ImageSet) -> None:
    result = run([Contender("grey", grey)], images, METHOD)
    assert result.contenders == ("bicubic", "grey")
    assert [it.image for it in result.of("grey")] == list("012345")
    assert result.means("bicubic")["psnr_y"] > result.means("grey")["psnr_y"]
    assert result.problems == ()


def test_workers_and_repetition_change_no_digit(images: ImageSet) -> None:
    contenders = [Contender("grey", grey)]
    once = digits(run(contenders, images, METHOD, workers=1))
    assert once == digits(run(contenders, images, METHOD, workers=1))
    assert once == digits(run(contenders, images, METHOD, workers=4))


def test_an_image_that_fails_is_a_problem_and_the_rest_is_scored(
    images: ImageSet, tmp_path: Path
) -> None:
    (tmp_path / "2.png").write_bytes(b"no picture")
    write(tmp_path / "4.png", Picture(np.zeros((1, 9, 3), np.float32)))
    seen: list[tuple[int, int]] = []
    result = run([], images, METHOD, workers=2, progress=lambda *at: seen.append(at))
    assert [it.image for it in result.entries] == ["0", "1", "3", "5"]
    first, second = result.problems
    assert "2.png" in first
    assert "4.png: a ground truth has at least 2 pixels a side for x2, got 9x1" in second
    assert seen == [(at, 6) for at in range(1, 7)]


def test_a_contender_that_fails_leaves_the_image_out_for_all(images: ImageSet) -> None:
    def broken(image: np.ndarray) -> np.ndarray:
        raise ValueError("no memory for this")

    result = run([Contender("grey", grey), Contender("broken", broken)], images, METHOD)
    assert result.entries == ()
    assert len(result.problems) == 6
    assert result.problems[0].endswith("0.png: no memory for this")


def test_a_result_of_another_size_is_a_problem(images: ImageSet) -> None:
    result = run([Contender("same", lambda image: image)], images, METHOD)
    assert len(result.problems) == 6
    assert "one shape" in result.problems[0]


def test_each_image_is_shown_with_all_results_and_scores(images: ImageSet) -> None:
    shown: list[Showing] = []
    run([Contender("grey", grey)], images, METHOD, workers=3, look=shown.append)
    assert sorted(it.name for it in shown) == list("012345")
    assert all(list(it.restored) == list(it.scores) == ["bicubic", "grey"] for it in shown)
    assert all(it.truth.shape == (32, 36, 3) for it in shown)


def test_contenders_of_one_name_are_refused(images: ImageSet) -> None:
    with pytest.raises(ValueError, match="different names, got bicubic, a, a"):
        run([Contender("a", grey), Contender("a", grey)], images, METHOD)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        run([], images, METHOD, workers=0)


def test_images_of_one_name_are_told_apart(images: ImageSet, tmp_path: Path) -> None:
    pixels = np.zeros((32, 36, 3), np.float32)
    for name in ("1.bmp", "odd \x1b.png"):
        write(tmp_path / name, Picture(pixels))
    (found,) = find_sets(tmp_path, 2)
    shown: list[Showing] = []
    result = run([], found, METHOD, look=shown.append)
    names = ["0", "1_bmp", "1_png", "2", "3", "4", "5", "odd \\x1b"]
    assert [it.image for it in result.entries] == names
    assert [it.name for it in shown] == names


def test_a_sheet_that_cannot_be_drawn_costs_no_figures(images: ImageSet) -> None:
    def look(showing: Showing) -> None:
        if showing.name == "3":
            raise OSError(28, "No space left on device")

    result = run([], images, METHOD, look=look)
    assert len(result.entries) == 6
    (problem,) = result.problems
    assert problem.endswith("3.png: no sheet: No space left on device")


def test_a_defect_that_one_image_brings_to_light_is_its_problem(images: ImageSet) -> None:
    calls: list[int] = []

    def sometimes(image: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) == 2:
            raise TypeError("a mistake")
        return grey(image)

    result = run([Contender("grey", sometimes)], images, METHOD)
    assert len(result.of("grey")) == 5
    assert "1.png: a defect of the program: TypeError: a mistake; " in result.problems[0]


def test_who_stops_a_benchmark_does_not_wait_for_what_has_not_begun(images: ImageSet) -> None:
    begun, released = threading.Event(), threading.Event()
    prepared: list[int] = []
    restored: list[int] = []

    def degrade(image: np.ndarray) -> np.ndarray:
        prepared.append(1)
        return image[::2, ::2]

    def restore(image: np.ndarray) -> np.ndarray:
        if restored:
            # The only worker is busy with the first image, so that the third has to wait.
            assert begun.wait(60)
            threading.Timer(0.2, released.set).start()
            raise KeyboardInterrupt
        restored.append(1)
        return grey(image)

    def look(_: Showing) -> None:
        begun.set()
        released.wait(60)

    method = replace(METHOD, degrade=degrade)
    with pytest.raises(KeyboardInterrupt):
        run([Contender("grey", restore)], images, method, look=look)
    assert len(prepared) == 2
