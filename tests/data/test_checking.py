"""What is found wrong with a folder of photographs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from swinir.data.checking import Findings, check
from swinir.images.files import Picture, write


def photograph(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    coarse = np.random.default_rng(seed).random((6, 8, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)


def put(path: Path, pixels: np.ndarray, **options: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Picture(pixels), **options)
    return path


def test_a_clean_folder_has_no_findings(tmp_path: Path) -> None:
    for seed in range(12):
        put(tmp_path / f"{seed}.png", photograph(seed))
    seen: list[tuple[int, int]] = []
    found = check(tmp_path, smallest=64, progress=lambda *at: seen.append(at))
    assert found == Findings(files=12)
    assert found.lines() == []
    assert seen[-1] == (12, 12)


def test_unreadable_and_small_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    small = put(tmp_path / "small.png", photograph(0, 40, 200))
    found = check(tmp_path, smallest=64)
    assert found.small == [small]
    assert found.shapes == {small: (40, 200, 3)}
    assert len(found.unreadable) == 1
    assert "broken.png" in found.unreadable[0]
    assert found.lines() == [f"unreadable: {found.unreadable[0]}", f"too small: {small}"]


def test_one_photograph_saved_twice_is_found_whatever_its_size_and_compression(
    tmp_path: Path,
) -> None:
    first = put(tmp_path / "a.png", photograph(1))
    other = put(tmp_path / "b.jpg", photograph(1, 144, 192), quality=60)
    put(tmp_path / "c.png", photograph(2))
    found = check(tmp_path, smallest=8)
    assert found.duplicates == [(first, other)]
    assert found.lines() == [f"the same picture: {first} and {other}"]


def test_a_photograph_of_a_benchmark_is_found(tmp_path: Path) -> None:
    train = put(tmp_path / "train" / "a.png", photograph(1))
    put(tmp_path / "train" / "b.png", photograph(2))
    held = put(tmp_path / "bench" / "HR" / "x.png", photograph(1, 72, 96))
    put(tmp_path / "bench" / "HR" / "y.png", photograph(3))
    found = check(tmp_path / "train", smallest=8, benchmarks=[tmp_path / "bench"])
    assert found.overlaps == [(train, held)]
    assert found.files == 2
    assert not found.duplicates


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nosuch: a folder of photographs is needed"):
        check(tmp_path, smallest=8, benchmarks=[tmp_path / "nosuch"])
