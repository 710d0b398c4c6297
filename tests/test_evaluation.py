"""Which truth belongs to a picture, and what a result scores against it."""

from pathlib import Path

import numpy as np
import pytest

from swinir.evaluation import find_truth, load_truth, score
from swinir.images.files import Picture, write

RNG = np.random.default_rng(0)


def paths(*names: str) -> list[Path]:
    return [Path("gt", name) for name in names]


@pytest.mark.parametrize(
    ("source", "truths", "found"),
    [
        ("lq/baby.png", ("baby.png", "bird.png"), "baby.png"),
        ("lq/babyx4.jpg", ("baby.png", "bird.png"), "baby.png"),
        ("lq/babyx4.png", ("baby.png", "babyx4.png"), "babyx4.png"),
        ("lq/y/a.png", ("x/a.png", "y/a.png"), "y/a.png"),
        ("lq/y/ax4.png", ("a.png", "x/y/a.png"), "x/y/a.png"),
    ],
)
def test_a_truth_is_found_by_name(source: str, truths: tuple[str, ...], found: str) -> None:
    assert find_truth(Path(source), paths(*truths), 4) == Path("gt", found)


@pytest.mark.parametrize("truths", [(), ("bird.png",), ("babyx2.png",)])
def test_a_missing_truth_is_said_with_the_names_looked_for(truths: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"babyx4.png: no ground truth called babyx4 or baby "):
        find_truth(Path("babyx4.png"), paths(*truths), 4)


def test_of_two_truths_none_is_guessed() -> None:
    with pytest.raises(ValueError, match=r"one ground truth is needed, got .*a.png and .*a.jpg"):
        find_truth(Path("lq/a.png"), paths("a.png", "a.jpg"), 1)


def save(path: Path, height: int, width: int, channels: int = 3) -> np.ndarray:
    levels = RNG.integers(0, 256, (height, width, channels)).astype(np.float32) / 255
    write(path, Picture(levels))
    return levels


def test_a_truth_is_cut_to_whole_multiples_of_the_scale(tmp_path: Path) -> None:
    pixels = save(tmp_path / "a.png", 19, 22)
    truth = load_truth(Path("ax4.png"), [tmp_path / "a.png"], 4, (16, 20, 3))
    np.testing.assert_array_equal(truth, pixels[:16, :20])


@pytest.mark.parametrize(
    ("shape", "result"), [((16, 24, 3), "24x16 RGB"), ((16, 20, 1), "20x16 grey")]
)
def test_a_truth_of_another_shape_is_said_in_the_users_words(
    tmp_path: Path, shape: tuple[int, ...], result: str
) -> None:
    save(tmp_path / "a.png", 19, 22)
    with pytest.raises(ValueError, match=rf"of the result, {result}; got .*a.png with 20x16 RGB"):
        load_truth(Path("a.png"), [tmp_path / "a.png"], 4, shape)


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


def test_grey_super_resolution_is_scored_without_the_border() -> None:
    restored, truth = noisy((20, 24, 1))
    wanted = by_hand((np.round(restored * 255) / 255)[2:-2, 2:-2], truth[2:-2, 2:-2])
    assert score(restored, truth, 2) == pytest.approx(wanted, abs=1e-4)


def test_what_cannot_be_scored_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="one shape"):
        score(np.zeros((8, 8, 3), np.float32), np.zeros((8, 9, 3), np.float32), 1)
    with pytest.raises(ValueError, match="nothing inside a border of 4"):
        score(np.zeros((8, 9, 3), np.float32), np.zeros((8, 9, 3), np.float32), 4)
    assert score(np.ones((9, 9, 3), np.float32), np.ones((9, 9, 3), np.float32), 4) == float("inf")
