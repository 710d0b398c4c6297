"""What is to be done for a folder, under which names."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from swinir.images.files import Picture, read, write
from swinir.network import SwinIR
from swinir.restoration import batch
from swinir.restoration.batch import Outcome, run
from swinir.restoration.jobs import Job, plan
from swinir.restoration.restorer import Cancelled, Restorer

Build = Callable[..., SwinIR]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of sources."""
    made = tmp_path / "in"
    made.mkdir()
    return made


def fill(folder: Path, *names: str) -> list[Path]:
    """Empty files with these names, for a plan looks at nothing else."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def targets(folder: Path, output: Path, suffix: str = ".png") -> dict[str, str]:
    """Source -> result, as names in their folders."""
    return {
        str(job.source.relative_to(folder)): str(job.target.relative_to(output))
        for job in plan(folder, output, suffix)
    }


def test_subfolders_are_mirrored_and_names_kept(folder: Path, tmp_path: Path) -> None:
    fill(folder, "a.jpg", "sub/Ä b.v1.TIF", "sub/sub/c.png")
    assert targets(folder, tmp_path / "out") == {
        "a.jpg": "a.png",
        "sub/Ä b.v1.TIF": "sub/Ä b.v1.png",
        "sub/sub/c.png": "sub/sub/c.png",
    }


def test_each_keeps_its_suffix_where_it_can_be_written(folder: Path, tmp_path: Path) -> None:
    fill(folder, "a.JPG", "b.tif", "c.gif", "d.webp")
    assert list(targets(folder, tmp_path / "out", "").values()) == [
        "a.JPG",
        "b.tif",
        "c.png",
        "d.webp",
    ]


def test_a_single_file_of_any_name_is_a_job(folder: Path, tmp_path: Path) -> None:
    for name, result in (("a.jpg", "a.png"), ("photo", "photo.png"), ("b.dat", "b.png")):
        (path,) = fill(folder, name)
        job = plan(path, tmp_path / "out", ".png")
        assert job == plan(path, tmp_path / "out", "") or name == "a.jpg"
        assert job == [Job(path, tmp_path / "out" / result)]


@pytest.mark.parametrize(
    ("names", "results"),
    [
        (("a.jpg", "a.png"), ("a_jpg.png", "a_png.png")),
        (("a.jpg", "A.png", "b.png"), ("a_jpg.png", "A_png.png", "b.png")),
        (("a.jpg", "a.JPG"), ("a_jpg.png", "a_jpg_2.png")),
        (("a.jpg", "a.png", "a_jpg.png"), ("a_jpg_2.png", "a_png.png", "a_jpg.png")),
        (("x/a.jpg", "y/a.png"), ("x/a.png", "y/a.png")),
    ],
)
def test_no_two_pictures_make_one_result(
    folder: Path, tmp_path: Path, names: tuple[str, ...], results: tuple[str, ...]
) -> None:
    fill(folder, *names)
    if len(list(folder.rglob("*.*"))) < len(names):
        pytest.skip("this file system ignores case")
    found = targets(folder, tmp_path / "out")
    assert set(found) == set(names)
    assert set(found.values()) == set(results)
    assert len({name.casefold() for name in found.values()}) == len(names)


def test_results_within_the_source_folder_are_no_sources(folder: Path) -> None:
    fill(folder, "a.png", "results/a.png", "results/sub/b.png", "results2/c.png")
    assert targets(folder, folder / "results") == {
        "a.png": "a.png",
        "results2/c.png": "results2/c.png",
    }


def test_an_output_above_the_sources_hides_none_of_them(folder: Path) -> None:
    fill(folder, "a.png", "b.jpg")
    assert targets(folder, folder.parent) == {"a.png": "a.png", "b.jpg": "b.png"}


def test_a_result_that_would_replace_a_source_is_refused(folder: Path) -> None:
    (path,) = fill(folder, "a.png")
    with pytest.raises(ValueError, match="would replace"):
        plan(path, folder, ".png")
    with pytest.raises(ValueError, match="would replace"):
        plan(folder / ".." / "in" / "a.png", folder, "")
    assert plan(path, folder, ".webp") == [Job(path, folder / "a.webp")]


def test_a_result_that_would_replace_another_source_is_refused(folder: Path) -> None:
    fill(folder, "x.png", "in/x.png")
    with pytest.raises(ValueError, match="would replace"):
        plan(folder, folder.parent, ".png")


def test_results_among_their_sources_are_refused(folder: Path) -> None:
    fill(folder, "a.jpg")
    with pytest.raises(ValueError, match="among their sources"):
        plan(folder, folder.parent / "out" / ".." / "in", ".png")


def test_nothing_to_restore_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is none"):
        plan(tmp_path / "missing", tmp_path / "out", ".png")
    with pytest.raises(ValueError, match="no image files"):
        plan(folder, tmp_path / "out", ".png")


def photo(path: Path, *, height: int = 6, width: int = 5, channels: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).random((height, width, channels), np.float32)
    write(path, Picture(pixels))
    return path


def test_a_batch_goes_on_after_a_bad_file(folder: Path, tmp_path: Path, build: Build) -> None:
    fill(folder, "a.png")
    photo(folder / "b.png")
    jobs = plan(folder, tmp_path / "out", ".png")
    bad, good = run(jobs, Restorer(build(scale=4)))
    assert not bad.restored
    assert "empty" in bad.reason
    assert str(bad.job.source) not in bad.reason
    assert (good.restored, good.reason, good.pixels) == (True, "", 24 * 20)
    assert good.seconds > 0


def test_a_kept_result_is_neither_made_nor_read(folder: Path, tmp_path: Path, build: Build) -> None:
    photo(folder / "a.png")
    jobs = plan(folder, tmp_path / "out", ".png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"as it was")
    assert list(run(jobs, Restorer(build()), skip_existing=True)) == [Outcome(jobs[0], kept=True)]
    assert (tmp_path / "out" / "a.png").read_bytes() == b"as it was"
    assert next(run(jobs, Restorer(build()))).restored


def test_an_inspection_sees_new_and_kept_results(
    folder: Path, tmp_path: Path, build: Build
) -> None:
    photo(folder / "a.png")
    jobs = plan(folder, tmp_path / "out", ".png")
    seen: list[tuple[Job, Picture, Picture]] = []

    def inspect(*what: Job | Picture) -> None:
        seen.append(what)  # type: ignore[arg-type]

    restorer = Restorer(build(scale=4))
    outcomes = [
        *run(jobs, restorer, skip_existing=True, inspect=inspect),
        *run(jobs, restorer, skip_existing=True, inspect=inspect),
    ]
    assert [outcome.kept for outcome in outcomes] == [False, True]
    (job, before, made), (again, _, read_back) = seen
    assert job == again == jobs[0]
    assert before.pixels.shape == (6, 5, 3)
    np.testing.assert_allclose(made.pixels, read_back.pixels, atol=0.5001 / 255)


def test_progress_over_tiles_is_told_for_each_picture(
    folder: Path, tmp_path: Path, build: Build
) -> None:
    photo(folder / "a.png")
    told: list[tuple[int, int]] = []
    restorer = Restorer(build(), tile=4, overlap=0)
    jobs = plan(folder, tmp_path / "out", ".png")
    assert next(run(jobs, restorer, tiles=lambda *at: told.append(at))).restored
    assert told == [(done, 4) for done in range(5)]


def test_the_limit_of_pixels_is_the_callers(folder: Path, tmp_path: Path, build: Build) -> None:
    photo(folder / "a.png")
    jobs = plan(folder, tmp_path / "out", ".png")
    assert "at most" in next(run(jobs, Restorer(build()), max_pixels=29)).reason
    assert next(run(jobs, Restorer(build()), max_pixels=30)).restored


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TypeError("a mistake"), "a defect of the program: TypeError: a mistake; SWINIR_TRACEBACK"),
        (RuntimeError("sizes differ"), "a defect of the program: RuntimeError: sizes differ"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
            "not enough memory",
        ),
        (MemoryError(), "not enough memory for this picture"),
    ],
)
def test_whatever_one_picture_brings_about_is_told_and_the_batch_goes_on(
    folder: Path,
    tmp_path: Path,
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: str,
) -> None:
    begin = Restorer.restore_picture

    def fail(self: Restorer, picture: Picture, **options: object) -> Picture:
        if picture.pixels.shape[2] == 1:
            raise error
        return begin(self, picture)

    photo(folder / "a.png", channels=1)
    photo(folder / "b.png")
    monkeypatch.setattr(Restorer, "restore_picture", fail)
    bad, good = run(plan(folder, tmp_path / "out", ".png"), Restorer(build()))
    assert bad.reason.startswith(reason)
    assert good.restored


def test_a_traceback_of_what_one_picture_brought_about_can_be_had(
    folder: Path,
    tmp_path: Path,
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TypeError("a mistake")

    photo(folder / "a.png")
    monkeypatch.setattr(Restorer, "restore_picture", fail)
    monkeypatch.setenv("SWINIR_TRACEBACK", "1")
    assert len(list(run(plan(folder, tmp_path / "out", ".png"), Restorer(build())))) == 1
    assert "in fail\n" in capsys.readouterr().err


def test_a_stop_of_the_user_is_no_bad_file(
    folder: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    photo(folder / "a.png")
    monkeypatch.setattr(Restorer, "restore_picture", stop)
    with pytest.raises(KeyboardInterrupt):
        list(run(plan(folder, tmp_path / "out", ".png"), Restorer(build())))


def test_a_link_to_itself_is_a_bad_file_and_the_rest_is_done(
    folder: Path, tmp_path: Path, build: Build
) -> None:
    (folder / "a.png").symlink_to("a.png")
    (folder / "results").symlink_to("results")
    photo(folder / "b.png")
    for output in (tmp_path / "out", folder / "results" / "new"):
        bad, good = plan(folder, output, ".png")
        assert (bad.source.name, good.source.name) == ("a.png", "b.png")
    bad, good = run(plan(folder, tmp_path / "out", ".png"), Restorer(build()))
    assert bad.reason
    assert good.restored


@pytest.fixture
def close(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Let the system refuse to list a folder, as it does to all but its owner."""

    def forbid(folder: Path) -> None:
        scandir = os.scandir

        def refuse(path: Path) -> Iterator[os.DirEntry[str]]:
            if Path(path) == folder:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return scandir(path)

        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(os, "scandir", refuse)

    return forbid


def test_a_folder_that_cannot_be_listed_is_told_and_the_rest_is_done(
    folder: Path, tmp_path: Path, build: Build, close: Callable[[Path], None]
) -> None:
    photo(folder / "z.png")
    photo(folder / "sub" / "open" / "a.png")
    close(folder / "sub" / "closed")
    *good, bad = run(plan(folder, tmp_path / "out", ".png"), Restorer(build()))
    assert [outcome.restored for outcome in good] == [True, True]
    assert bad.job.source == folder / "sub" / "closed"
    assert bad.reason == "the folder cannot be listed (Permission denied)"
    assert not (tmp_path / "out" / "sub" / "closed").exists()


def test_a_closed_folder_of_results_is_no_source(
    folder: Path, close: Callable[[Path], None]
) -> None:
    fill(folder, "a.png")
    close(folder / "results")
    assert [job.source.name for job in plan(folder, folder / "results", ".png")] == ["a.png"]


def test_where_nothing_can_be_listed_there_is_nothing_to_do(
    folder: Path, tmp_path: Path, close: Callable[[Path], None]
) -> None:
    close(folder)
    with pytest.raises(PermissionError, match="Permission denied"):
        plan(folder, tmp_path / "out", ".png")


def test_a_single_result_never_replaces_the_file_beside_its_source(folder: Path) -> None:
    (source,) = fill(folder, "photo.jpg")
    assert plan(source, folder, ".png") == [Job(source, folder / "photo.png")]
    (folder / "photo.png").write_bytes(b"another picture")
    for output in (folder, folder / ".." / folder.name):
        with pytest.raises(ValueError, match=r"would replace .*photo\.png, which lies beside it"):
            plan(source, output, ".png")
        assert len(plan(source, output, ".png", skip_existing=True)) == 1
    assert len(plan(source, folder / "results", ".png")) == 1
    (folder / "photo.webp").symlink_to("nowhere")
    with pytest.raises(ValueError, match="lies beside it"):
        plan(source, folder, ".webp")


def test_a_kept_result_may_be_larger_than_a_source(
    folder: Path, tmp_path: Path, build: Build
) -> None:
    photo(folder / "a.png")
    jobs = plan(folder, tmp_path / "out", ".png")
    restorer = Restorer(build(scale=4))
    seen: list[tuple[int, ...]] = []

    def inspect(_: Job, __: Picture, after: Picture) -> None:
        seen.append(after.pixels.shape)

    for _ in range(2):
        (outcome,) = run(jobs, restorer, skip_existing=True, max_pixels=30, inspect=inspect)
        assert outcome.reason == ""
    assert seen == [(24, 20, 3)] * 2
    photo(tmp_path / "out" / "a.png", height=25, width=20)
    (outcome,) = run(jobs, restorer, skip_existing=True, max_pixels=30, inspect=inspect)
    assert "at most" in outcome.reason


def test_a_size_that_the_format_cannot_hold_costs_no_restoring(
    folder: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restore_picture(*_: object, **__: object) -> None:
        pytest.fail("restored what cannot be written")

    monkeypatch.setattr(Restorer, "restore_picture", restore_picture)
    photo(folder / "a.png", height=1, width=4096)
    (outcome,) = run(plan(folder, tmp_path / "out", ".webp"), Restorer(build(scale=4)))
    assert "at most 16383 pixels a side, got 16384x4" in outcome.reason
    assert not (tmp_path / "out").exists()


def test_a_batch_that_is_cancelled_ends(build: Build, folder: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write(folder / name, Picture(np.zeros((8, 8, 3), np.float32)))
    jobs = plan(folder, tmp_path / "out", ".png")
    asked = iter([False, True])
    outcomes = run(jobs, Restorer(build(), tile=0), cancelled=lambda: next(asked))
    assert next(outcomes).restored
    with pytest.raises(Cancelled):
        next(outcomes)


def test_the_next_picture_is_read_while_one_is_restored(
    build: Build, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        write(folder / name, Picture(np.zeros((8, 8, 3), np.float32)))
    opened = threading.Event()

    def reading(path: Path, **options: int) -> Picture:
        if path.name == "b.png":
            opened.set()
        return read(path, **options)

    def forward(image: torch.Tensor) -> torch.Tensor:
        assert opened.wait(5), "the next picture was not read meanwhile"
        return image

    monkeypatch.setattr(batch, "read", reading)
    jobs = plan(folder, tmp_path / "out", ".png")
    outcomes = list(run(jobs, Restorer(build(forward=forward), tile=0)))
    assert [outcome.restored for outcome in outcomes] == [True, True]
    assert [read(job.target).pixels.shape for job in jobs] == [(8, 8, 3)] * 2
