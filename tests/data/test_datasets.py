"""A folder of photographs becomes pairs of a degraded image and its truth."""

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from swinir.data import datasets
from swinir.data.datasets import Pair, Stopped, fingerprint, load_levels, load_pairs
from swinir.data.degradations import shrink
from swinir.images.files import UnreadableImage


def noise(*shape: int, dtype: type[np.integer] = np.uint8) -> NDArray[np.integer]:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def save(path: Path, bgr: NDArray[np.integer]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), bgr)
    return path


def test_colours_arrive_as_red_green_blue(tmp_path: Path) -> None:
    bgr = noise(5, 7, 3)
    levels = load_levels(save(tmp_path / "a.png", bgr))
    assert levels.dtype == torch.uint8
    assert np.array_equal(levels.permute(1, 2, 0).numpy(), bgr[..., ::-1])


def test_a_grey_photograph_has_three_equal_channels(tmp_path: Path) -> None:
    grey = noise(5, 7)
    levels = load_levels(save(tmp_path / "a.png", grey))
    assert all(np.array_equal(channel.numpy(), grey) for channel in levels)
    assert levels.is_contiguous()


def test_sixteen_bits_are_rounded_to_eight(tmp_path: Path) -> None:
    deep = noise(5, 7, 3, dtype=np.uint16)
    levels = load_levels(save(tmp_path / "a.png", deep))
    expected = np.round(deep[..., ::-1] / 257).astype(np.uint8)
    assert np.array_equal(levels.permute(1, 2, 0).numpy(), expected)


def test_what_is_no_image_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(UnreadableImage):
        load_levels(tmp_path / "a.png")


def test_a_pair_is_the_photograph_in_whole_multiples_and_its_shrunk_image(tmp_path: Path) -> None:
    bgr = noise(14, 19, 3)
    save(tmp_path / "a.png", bgr)
    (pair,) = load_pairs(tmp_path, 4)
    assert pair.name == "a"
    assert np.array_equal(pair.truth.permute(1, 2, 0).numpy(), bgr[:12, :16, ::-1])
    assert torch.equal(pair.degraded, shrink(pair.truth, 4))


def test_sub_folders_are_read_and_progress_is_told(tmp_path: Path) -> None:
    for name in ("a.png", "b/c.png", "b/d/e.png"):
        save(tmp_path / name, noise(8, 8, 3))
    told: list[tuple[int, int]] = []
    pairs = load_pairs(tmp_path, 2, progress=lambda done, total: told.append((done, total)))
    assert sorted(pair.name for pair in pairs) == ["a", "c", "e"]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_photographs_smaller_than_asked_are_left_out(tmp_path: Path) -> None:
    save(tmp_path / "small.png", noise(15, 40, 3))
    save(tmp_path / "large.png", noise(16, 40, 3))
    (pair,) = load_pairs(tmp_path, 2, smallest=8)
    assert pair.name == "large"


def test_an_unreadable_photograph_is_told_after_the_progress_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = save(tmp_path / "a.png", noise(16, 16, 3)).read_bytes()
    (tmp_path / "b.png").write_bytes(content[:200])
    save(tmp_path / "c.png", noise(16, 16, 3))
    told_before: list[int] = []
    pairs = load_pairs(tmp_path, 2, progress=lambda *_: told_before.append(len(caplog.messages)))
    assert [pair.name for pair in pairs] == ["a", "c"]
    assert told_before == [0, 0, 0]
    (message,) = caplog.messages
    assert message.startswith(f"skipped: {tmp_path / 'b.png'}: ")


def test_photographs_come_in_the_order_of_their_names_whichever_is_read_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        save(tmp_path / f"{number}.png", noise(8, 8 + number, 3))

    def slow_at_first(path: Path, channels: int) -> torch.Tensor:
        time.sleep(0.1 if path.stem in "03" else 0)
        return load_levels(path, channels)

    monkeypatch.setattr(datasets, "load_levels", slow_at_first)
    pairs = load_pairs(tmp_path, 1)
    assert [(pair.name, pair.truth.shape[2]) for pair in pairs] == [
        (str(number), 8 + number) for number in range(6)
    ]


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files of forty in a folder whose reading, which takes its time, has begun."""
    for number in range(40):
        save(tmp_path / f"{number}.png", noise(8, 8, 3))
    files: list[Path] = []

    def counted(path: Path, channels: int) -> torch.Tensor:
        files.append(path)
        time.sleep(0.02)
        return load_levels(path, channels)

    monkeypatch.setattr(datasets, "load_levels", counted)
    return files


def test_reading_stops_promptly(tmp_path: Path, begun: list[Path]) -> None:
    told: list[int] = []
    with pytest.raises(Stopped, match="after reading 3 of 40 photographs"):
        load_pairs(
            tmp_path, 2, progress=lambda done, _: told.append(done), stop=lambda: told[-1] == 3
        )
    assert told == [1, 2, 3]
    assert len(begun) < 20
    stopped = len(begun)
    time.sleep(0.1)
    assert len(begun) == stopped


def test_an_interrupt_while_reading_does_not_wait_for_the_rest(
    tmp_path: Path, begun: list[Path]
) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_pairs(tmp_path, 2, progress=interrupt)
    assert len(begun) < 20


def test_photographs_are_known_by_their_pixels_and_their_order() -> None:
    levels = torch.from_numpy(noise(3, 8, 6))
    first = Pair("a", levels, shrink(levels, 2))
    second = Pair("b", levels.flip(1).contiguous(), first.degraded)
    known = fingerprint([first, second])
    assert fingerprint([replace(first, name="c"), second]) == known
    assert fingerprint([first, replace(second, kept_truth=levels.flip(1))]) == known
    changed = levels.clone()
    changed[2, 7, 5] ^= 1
    others = [
        [second, first],
        [first],
        [first, second, second],
        [replace(first, kept_truth=changed), second],
        [replace(first, kept_truth=levels.reshape(3, 6, 8)), second],
    ]
    assert len({known, *map(fingerprint, others)}) == 6


def test_a_folder_with_nothing_to_learn_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nosuch: a folder of photographs is needed"):
        load_pairs(tmp_path / "nosuch", 2)
    with pytest.raises(ValueError, match="at least 2x2 pixels, found none among 0 image files"):
        load_pairs(tmp_path, 2)
    save(tmp_path / "a.png", noise(15, 15, 3))
    with pytest.raises(ValueError, match="at least 16x16 pixels, found none among 1 image files"):
        load_pairs(tmp_path, 2, smallest=8)


def test_photographs_are_read_in_the_channels_asked_for(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(8, 9, 3))
    save(tmp_path / "b.png", noise(8, 9, 1))
    colour, grey = load_pairs(tmp_path, 1, channels=1)
    assert colour.truth.shape == grey.truth.shape == (1, 8, 9)
    levels = load_levels(tmp_path / "a.png").double()
    luma = (levels * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0)
    assert (colour.truth[0] - luma).abs().max() <= 0.5 + 1e-4
    assert all(pair.truth.shape[0] == 3 for pair in load_pairs(tmp_path, 1))


def test_at_scale_one_an_image_is_held_once(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(8, 9, 3))
    (pair,) = load_pairs(tmp_path, 1)
    assert pair.degraded is pair.truth


def test_of_larger_photographs_the_middle_is_kept(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(20, 9, 3))
    whole = load_levels(tmp_path / "a.png")
    (pair,) = load_pairs(tmp_path, 2, side=12)
    assert torch.equal(pair.truth, whole[:, 4:16, :8])
    assert pair.degraded.shape == (3, 6, 4)
