"""What a restored picture scores, and means over several."""

from math import inf

import numpy as np
import pytest

from swinir.evaluation.scores import FIGURES, mean, measure, score
from swinir.metrics.learned import Learned
from swinir.metrics.psnr import psnr, psnr_y
from swinir.metrics.psnrb import psnrb
from swinir.metrics.ssim import ssim, ssim_y

RNG = np.random.default_rng(0)


def by_hand(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((one.astype(np.float64) - other) ** 2)))


def luma(rgb: np.ndarray) -> np.ndarray:
    return (rgb.astype(np.float64) @ [65.481, 128.553, 24.966] + 16) / 255


def noisy(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    truth = RNG.integers(0, 256, shape).astype(np.float32) / 255
    restored = np.clip(truth + RNG.normal(0, 0.1, shape), 0, 1).astype(np.float32)
    return restored, truth


def test_super_resolution_is_scored_on_the_luma_without_the_border() -> None:
    restored, truth = noisy((20, 24, 3))
    rounded = np.round(restored * 255) / 255
    wanted = by_hand(luma(rounded)[4:-4, 4:-4], luma(truth)[4:-4, 4:-4])
    assert score(restored, truth, 4) == pytest.approx(wanted, abs=1e-4)
    restored[:4] = restored[:, -4:] = 0
    assert score(restored, truth, 4) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_restoring_at_one_size_is_scored_on_all_pixels_and_channels(channels: int) -> None:
    restored, truth = noisy((20, 24, channels))
    wanted = by_hand(np.round(restored * 255) / 255, truth)
    assert score(restored, truth, 1) == pytest.approx(wanted, abs=1e-4)


def test_grey_super_resolution_is_scored_as_three_equal_channels() -> None:
    restored, truth = noisy((20, 24, 1))
    colours = [np.round(np.repeat(image, 3, axis=2) * 255) / 255 for image in (restored, truth)]
    wanted = by_hand(*(luma(image)[2:-2, 2:-2] for image in colours))
    assert score(restored, truth, 2) == pytest.approx(wanted, abs=1e-4)
    # The luma spans 219 levels of 255: the same error counts less.
    assert score(restored, truth, 2) == pytest.approx(
        psnr(restored, truth, border=2) + 20 * np.log10(255 / 219), abs=1e-4
    )


def test_what_cannot_be_scored_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="one shape"):
        score(np.zeros((8, 8, 3), np.float32), np.zeros((8, 9, 3), np.float32), 1)
    with pytest.raises(ValueError, match="nothing inside a border of 4"):
        score(np.zeros((8, 9, 3), np.float32), np.zeros((8, 9, 3), np.float32), 4)
    assert score(np.ones((9, 9, 3), np.float32), np.ones((9, 9, 3), np.float32), 4) == float("inf")


def test_all_figures_are_those_of_the_metrics() -> None:
    restored, truth = noisy((24, 30, 3))
    assert measure(restored, truth, border=4) == {
        "psnr": psnr(restored, truth, border=4),
        "psnr_y": psnr_y(restored, truth, border=4),
        "ssim": ssim(restored, truth, border=4),
        "ssim_y": ssim_y(restored, truth, border=4),
        "psnrb": psnrb(restored, truth),
    }


def test_figures_come_in_the_order_of_the_tables() -> None:
    assert list(measure(*noisy((16, 16, 3)))) == list(FIGURES)


def test_grey_pictures_have_no_figures_of_the_luma_unless_they_are_their_own() -> None:
    restored, truth = noisy((24, 30, 1))
    plain = measure(restored, truth)
    assert list(plain) == ["psnr", "ssim", "psnrb"]
    own = measure(restored, truth, grey_is_luma=True)
    assert own["psnr_y"] == plain["psnr"]
    assert own["ssim_y"] == plain["ssim"]


def test_learned_metrics_come_last_under_their_names() -> None:
    brightness = Learned(
        "brightness", lower_is_better=False, needs_truth=False, score=lambda image: image.mean()
    )
    restored, truth = np.ones((16, 16, 3), np.float32), np.zeros((16, 16, 3), np.float32)
    scores = measure(restored, truth, learned=[brightness])
    assert list(scores) == [*FIGURES, "brightness"]
    assert scores["brightness"] == 1


def test_decibels_are_averaged_as_they_are() -> None:
    assert mean([{"psnr": 20.0, "ssim": 0.5}, {"psnr": 30.0, "ssim": 1.0}]) == {
        "psnr": 25.0,
        "ssim": 0.75,
    }
    assert mean([{"psnr": inf}, {"psnr": 30.0}]) == {"psnr": inf}


def test_a_figure_that_one_picture_lacks_has_no_mean() -> None:
    assert mean([{"psnr": 20.0, "psnr_y": 21.0}, {"psnr": 30.0}]) == {"psnr": 25.0}
    assert mean([]) == {}
