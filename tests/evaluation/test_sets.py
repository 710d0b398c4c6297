"""Benchmark sets as they lie on disk."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from swinir.evaluation.sets import ImageSet, find_sets, pair_folders
from swinir.images.files import Picture, write

PIXELS = np.zeros((8, 8, 3), np.float32)


def put(folder: Path, *names: str) -> None:
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, Picture(PIXELS))


def pairs(images: ImageSet) -> list[tuple[str, str | None]]:
    return [(it.truth.name, it.degraded.name if it.degraded else None) for it in images.samples]


def test_a_folder_with_hr_in_it_is_a_set_by_its_name(tmp_path: Path) -> None:
    put(tmp_path / "Set5", "HR/baby.png", "HR/bird.png")
    (found,) = find_sets(tmp_path / "Set5", 4)
    assert found.name == "Set5"
    assert pairs(found) == [("baby.png", None), ("bird.png", None)]


@pytest.mark.parametrize("beside", ["LRx4", "X4", "x4", "LR_bicubic/X4", "LRbicx4"])
def test_low_resolution_images_beside_the_truth_are_taken(tmp_path: Path, beside: str) -> None:
    put(tmp_path / "Set5", "HR/baby.png", f"{beside}/babyx4.png")
    for folder in (tmp_path / "Set5", tmp_path / "Set5" / "HR"):
        (found,) = find_sets(folder, 4)
        assert found.name == "Set5"
        assert pairs(found) == [("baby.png", "babyx4.png")]
    (other_scale,) = find_sets(tmp_path / "Set5", 2)
    assert pairs(other_scale) == [("baby.png", None)]


def test_images_beside_the_truth_are_for_enlarging_only(tmp_path: Path) -> None:
    put(tmp_path / "Set5", "HR/baby.png", "X1/baby.png")
    (found,) = find_sets(tmp_path / "Set5", 1)
    assert pairs(found) == [("baby.png", None)]


def test_a_folder_of_images_is_a_set_and_those_within_may_be_the_small_ones(tmp_path: Path) -> None:
    put(tmp_path / "mine", "a.png", "LRx2/ax2.png")
    (found,) = find_sets(tmp_path / "mine", 2)
    assert found.name == "mine"
    assert pairs(found) == [("a.png", "ax2.png")]


def test_a_folder_of_sets_gives_each(tmp_path: Path) -> None:
    put(tmp_path, "Set5/HR/a.png", "Set14/GT/b.png", "notes/readme/c.png")
    (tmp_path / "empty").mkdir()
    assert [it.name for it in find_sets(tmp_path, 4)] == ["Set14", "Set5"]


@pytest.mark.parametrize("make", [(), ("Set5/HR",), ("other",)])
def test_a_folder_without_any_set_is_one_line(tmp_path: Path, make: tuple[str, ...]) -> None:
    for name in make:
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"no benchmark set; it holds images, or a folder HR or"):
        find_sets(tmp_path, 4)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nosuch: a folder with a benchmark set is needed"):
        find_sets(tmp_path / "nosuch", 4)


def test_files_without_partner_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    put(tmp_path, "lq/ax4.png", "lq/bx4.png", "gt/a.png", "gt/c.png")
    found = pair_folders(tmp_path / "lq", tmp_path / "gt", 4)
    assert pairs(found) == [("a.png", "ax4.png")]
    first, second = found.problems
    assert "bx4.png: no ground truth called bx4 or b among 2 images" in first
    assert "c.png: no image to restore for it in" in second


def test_folders_without_any_pair_are_one_line(tmp_path: Path) -> None:
    put(tmp_path, "lq/a.png", "gt/b.png")
    with pytest.raises(ValueError, match=r"no image here has its truth in .*gt; their names must"):
        pair_folders(tmp_path / "lq", tmp_path / "gt", 4)


@pytest.mark.parametrize("empty", ["lq", "gt"])
def test_an_empty_folder_is_named(tmp_path: Path, empty: str) -> None:
    put(tmp_path, "lq/a.png", "gt/a.png")
    (tmp_path / empty / "a.png").unlink()
    with pytest.raises(ValueError, match=f"{empty}: a folder with images is needed"):
        pair_folders(tmp_path / "lq", tmp_path / "gt", 4)


@pytest.fixture
def close(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Let the system refuse to list a folder or to look into it, as to all but its owner."""

    def forbid(folder: Path) -> None:
        scandir, stat = os.scandir, Path.stat

        def refuse(path: Path) -> Iterator[os.DirEntry[str]]:
            if Path(path) == folder:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return scandir(path)

        def refuse_within(self: Path, **options: bool) -> os.stat_result:
            if folder in self.parents:
                raise PermissionError(errno.EACCES, "Permission denied", str(self))
            return stat(self, **options)

        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(os, "scandir", refuse)
        monkeypatch.setattr(Path, "stat", refuse_within)

    return forbid


def test_a_closed_set_is_told_and_the_others_are_there(
    tmp_path: Path, close: Callable[[Path], None]
) -> None:
    put(tmp_path, "Set5/HR/a.png", "Set14/HR/b.png")
    close(tmp_path / "Set14")
    closed, found = find_sets(tmp_path, 4)
    assert (found.name, found.problems) == ("Set5", ())
    assert (closed.name, closed.samples) == ("Set14", ())
    line = f"{tmp_path / 'Set14'}: the folder cannot be listed (Permission denied)"
    assert closed.problems == (line,)
    with pytest.raises(ValueError, match="cannot be listed"):
        find_sets(tmp_path / "Set14", 4)


@pytest.mark.parametrize("place", ["HR", "LRx4"])
def test_a_closed_folder_in_a_set_is_told(
    tmp_path: Path, close: Callable[[Path], None], place: str
) -> None:
    put(tmp_path, "HR/a.png", "LRx4/ax4.png")
    close(tmp_path / place / "more")
    (found,) = find_sets(tmp_path, 4)
    assert pairs(found) == [("a.png", "ax4.png")]
    (problem,) = found.problems
    assert problem.endswith("more: the folder cannot be listed (Permission denied)")
    assert pair_folders(tmp_path / "LRx4", tmp_path / "HR", 4).problems == (problem,)


def test_of_several_sets_one_without_pairs_is_told(tmp_path: Path) -> None:
    put(tmp_path, "Set5/HR/a.png", "Set14/HR/b.png", "Set14/LRx4/cx4.png")
    odd, found = find_sets(tmp_path, 4)
    assert pairs(found) == [("a.png", None)]
    assert odd.samples == ()
    assert "no image here has its truth" in odd.problems[0]
