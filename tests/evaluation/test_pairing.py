"""Which truth belongs to a picture."""

from pathlib import Path

import numpy as np
import pytest

from swinir.evaluation.pairing import find_truth, read_truth
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
    truth = read_truth(tmp_path / "a.png", 4, (16, 20, 3))
    np.testing.assert_array_equal(truth, pixels[:16, :20])
    np.testing.assert_array_equal(read_truth(tmp_path / "a.png", 5), pixels[:15, :20])


@pytest.mark.parametrize(
    ("shape", "result"), [((16, 24, 3), "24x16 RGB"), ((16, 20, 1), "20x16 grey")]
)
def test_a_truth_of_another_shape_is_said_in_the_users_words(
    tmp_path: Path, shape: tuple[int, ...], result: str
) -> None:
    save(tmp_path / "a.png", 19, 22)
    with pytest.raises(ValueError, match=rf"of the result, {result}; got .*a.png with 20x16 RGB"):
        read_truth(tmp_path / "a.png", 4, shape)


def test_a_truth_smaller_than_the_scale_is_one_line(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 3, 22)
    with pytest.raises(ValueError, match=r"a.png: a ground truth has at least 4 pixels a side"):
        read_truth(tmp_path / "a.png", 4)


def test_a_truth_may_be_as_large_as_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    write(path, Picture(np.zeros((23, 20, 3), np.float32)))
    monkeypatch.setattr("swinir.evaluation.pairing.MAX_PIXELS", 29)
    assert read_truth(path, 4, (20, 20, 3)).shape == (20, 20, 3)
    with pytest.raises(ValueError, match="at most"):
        read_truth(path, 4)
