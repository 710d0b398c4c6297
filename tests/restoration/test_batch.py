"""What is to be done for a folder, under which names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from swinir.images.files import Picture, write
from swinir.network import SwinIR
from swinir.restoration.batch import Job, Outcome, one_line, plan, printable, run
from swinir.restoration.restorer import Restorer

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


def photo(path: Path, *, channels: int = 3) -> Path:
    pixels = np.random.default_rng(0).random((6, 5, channels), np.float32)
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


def test_a_mistake_in_the_program_is_no_bad_file(
    folder: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TypeError("a mistake")

    photo(folder / "a.png")
    monkeypatch.setattr(Restorer, "restore_picture", fail)
    with pytest.raises(TypeError):
        list(run(plan(folder, tmp_path / "out", ".png"), Restorer(build())))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a  b.png: is bad\n  and more"), "is bad and more"),
        (ValueError("c.png: is bad"), "c.png: is bad"),
        (PermissionError(13, "Permission denied", "out/a.png"), "out/a.png: Permission denied"),
        (PermissionError(13, "No", "out/.unfinished-12"), "out: No"),
        (FileExistsError(17, "File exists", b"out"), "out: a file, where a folder is needed"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("odd"), "odd"),
        (MemoryError(), "not enough memory for this picture"),
        (MemoryError("too big"), "too big"),
    ],
)
def test_errors_are_told_in_one_line(error: Exception, line: str) -> None:
    assert one_line(error, Path("a  b.png")) == line


def test_names_are_printed_as_they_are_but_for_what_no_terminal_shows() -> None:
    assert printable("Äpfel & 梨  'x' 😀.png") == "Äpfel & 梨  'x' 😀.png"
    assert printable(Path("a\nb\x1b\udcff")) == "a\\nb\\x1b\\udcff"
