"""A TIFF restored row of tiles by row of tiles is the TIFF restored at once."""

import errno
import math
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from torch import Tensor

from swinir.images import tiff
from swinir.images.bands import Bands
from swinir.images.files import Metadata, Picture, UnreadableImage, read, write
from swinir.lines import one_line
from swinir.network import SwinIR
from swinir.restoration import Cancelled, NotEnoughMemory, Restorer, huge
from swinir.restoration.batch import Outcome, run
from swinir.restoration.huge import restore_rows, too_large
from swinir.restoration.jobs import plan
from swinir.restoration.unfinished import held, is_begun

Build = Callable[..., SwinIR]
ROOT = Path(huge.__file__).parents[2]


@pytest.fixture(autouse=True)
def _small_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "STRIP", 1 << 8)


def photo(
    path: Path, height: int = 41, width: int = 23, *, channels: int = 3, depth: int = 8
) -> Path:
    pixels = np.random.default_rng(0).random((height, width, channels), np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Picture(pixels, depth=depth, metadata=Metadata(dpi=(300.0, 300.0))))
    return path


def at_once(restorer: Restorer, source: Path) -> bytes:
    """The file of the whole picture, as it is written where memory holds it."""
    path = source.with_name("at once.tif")
    write(path, restorer.restore_picture(read(source)))
    return path.read_bytes()


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("image", "network"), [(1, 1), (3, 3), (1, 3), (3, 1)])
def test_the_result_is_that_of_the_whole_picture_to_the_bit(
    tmp_path: Path, build: Build, scale: int, depth: int, image: int, network: int
) -> None:
    made, target = build(scale, network), tmp_path / "out.tif"
    for height, width in ((41, 23), (1, 9)):
        source = photo(tmp_path / "in.tif", height, width, channels=image, depth=depth)
        for tile, overlap in ((8, 4), (12, 9), (0, 0)):
            restorer = Restorer(made, tile=tile, overlap=overlap)
            assert restore_rows(restorer, Bands(source), target) == []
            assert target.read_bytes() == at_once(restorer, source)
    assert read(target).metadata.dpi == (300, 300)


@pytest.mark.parametrize("options", [{"tta": True}, {"strength": 0.4}, {"precision": "bf16"}])
def test_so_it_is_with_every_option(tmp_path: Path, build: Build, options: dict[str, Any]) -> None:
    source, target = photo(tmp_path / "in.tif"), tmp_path / "out.tif"
    restorer = Restorer(build(2), tile=16, overlap=8, **options)
    restore_rows(restorer, Bands(source), target)
    assert target.read_bytes() == at_once(restorer, source)


def test_no_more_than_a_row_of_tiles_is_read_at_a_time(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    read_band = Bands.read

    def counted(self: Bands, start: int, stop: int) -> Any:
        asked.append(stop - start)
        return read_band(self, start, stop)

    monkeypatch.setattr(Bands, "read", counted)
    restorer = Restorer(build(), tile=8, overlap=0)
    restore_rows(restorer, Bands(photo(tmp_path / "in.tif")), tmp_path / "out.tif")
    assert len(asked) == 6
    assert max(asked) == 8


@pytest.mark.parametrize("tta", [False, True])
def test_progress_counts_every_pass_to_the_end(tmp_path: Path, repeat: Build, *, tta: bool) -> None:
    told: list[tuple[int, int]] = []
    restorer = Restorer(repeat(), tile=8, overlap=0, tta=tta)
    bands = Bands(photo(tmp_path / "in.tif", 16, 24))
    restore_rows(restorer, bands, tmp_path / "out.tif", progress=lambda *at: told.append(at))
    total = 6 * (8 if tta else 1)
    assert told == [(done, total) for done in range(total + 1)]


class Stop:
    """Stops a restoration after so many tiles, in one way or another, and counts them."""

    def __init__(self, after: int, error: BaseException | None = None) -> None:
        self.after, self.error, self.passes = after, error, 0

    def __call__(self) -> bool:
        if self.passes == self.after:
            if self.error:
                raise self.error
            return True
        self.passes += 1
        return False


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), OSError(errno.EIO, "a bad disk")])
@pytest.mark.parametrize("after", [3, 6, 9])
def test_what_was_done_is_gone_on_with_to_the_same_bytes(
    tmp_path: Path, build: Build, after: int, error: BaseException | None
) -> None:
    source, target = photo(tmp_path / "in.tif"), tmp_path / "out" / "x.tif"
    restorer = Restorer(build(2), tile=16, overlap=8)
    rows, columns = 5, 2
    assert len(restorer.tiles(41, 23)) == rows * columns
    target.parent.mkdir()
    with pytest.raises(type(error) if error else Cancelled):
        restore_rows(restorer, Bands(source), target, cancelled=Stop(after, error))
    assert is_begun(target)
    assert not target.exists()
    assert all(path.name.startswith(".unfinished-") for path in target.parent.iterdir())
    count, told = Stop(-1), list[tuple[int, int]]()
    (note,) = restore_rows(
        restorer, Bands(source), target, cancelled=count, progress=lambda *at: told.append(at)
    )
    done = after // columns * columns
    assert note == f"went on where an earlier run had ended, at {done * 10}%"
    assert count.passes == rows * columns - done
    assert told[1:] == [(at, rows * columns) for at in range(done, rows * columns + 1)]
    assert target.read_bytes() == at_once(restorer, source)
    assert list(target.parent.iterdir()) == [target]


def test_a_run_that_ends_before_the_first_row_is_done_leaves_nothing(
    tmp_path: Path, build: Build
) -> None:
    source, target = photo(tmp_path / "in" / "in.tif"), tmp_path / "x.tif"
    with pytest.raises(KeyboardInterrupt):
        restore_rows(
            Restorer(build(), tile=16),
            Bands(source),
            target,
            cancelled=Stop(1, KeyboardInterrupt()),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def stopped(restorer: Restorer, source: Path, target: Path) -> None:
    """Leave a result of which one row of two tiles is done."""
    with pytest.raises(Cancelled):
        restore_rows(restorer, Bands(source), target, cancelled=Stop(3))
    assert is_begun(target)


def test_the_plan_of_an_automatic_tile_stays_that_of_the_first_run(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, network = photo(tmp_path / "in.tif"), tmp_path / "x.tif", build()
    whole = at_once(Restorer(network, tile=16), source)
    monkeypatch.setattr("swinir.restoration.planner.largest_tile", lambda *_, **__: 16)
    stopped(Restorer(network), source, target)
    monkeypatch.setattr("swinir.restoration.planner.largest_tile", lambda *_, **__: 8)
    assert restore_rows(Restorer(network), Bands(source), target) != []
    assert target.read_bytes() == whole


OTHERS: dict[str, dict[str, Any]] = {
    "tile": {"tile": 20},
    "overlap": {"overlap": 4},
    "tta": {"tta": True},
    "strength": {"strength": 0.5},
    "precision": {"precision": "bf16"},
}


@pytest.mark.parametrize("another", [*OTHERS, "weights", "source", "rows", "state"])
def test_what_was_done_of_anything_else_is_made_anew(
    tmp_path: Path, build: Build, another: str
) -> None:
    source, target, network = photo(tmp_path / "in.tif"), tmp_path / "x.tif", build()
    options: dict[str, Any] = {"tile": 16, "overlap": 8}
    stopped(Restorer(network, **options), source, target)
    options |= OTHERS.get(another, {})
    if another == "weights":
        with torch.no_grad():
            next(network.parameters()).add_(0.01)
    if another == "source":
        before = source.stat()
        photo(source, 41, 23)
        os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns + 10_000))
    if another in ("rows", "state"):
        (part,) = tmp_path.glob(f".unfinished-*.{another}")
        os.truncate(part, 100)
    restorer = Restorer(network, **options)
    (note,) = restore_rows(restorer, Bands(source), target)
    assert "made anew" in note
    assert target.read_bytes() == at_once(restorer, source)


def test_two_runs_on_one_picture_do_not_meet(tmp_path: Path, build: Build) -> None:
    source, target = photo(tmp_path / "in.tif"), tmp_path / "x.tif"
    with held(target, {}), pytest.raises(ValueError, match="another run is at work"):
        restore_rows(Restorer(build()), Bands(source), target)
    assert restore_rows(Restorer(build()), Bands(source), target) == []


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A disk with as much free as a test says."""
    usage = SimpleNamespace(free=1 << 40)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    return usage


def test_a_disk_that_is_too_small_costs_no_work(
    tmp_path: Path, build: Build, disk: SimpleNamespace
) -> None:
    source, disk.free = photo(tmp_path / "in.tif"), 1 << 20
    count = Stop(-1)
    with pytest.raises(ValueError, match=r"takes up to 0\.0 GiB of the disk, 0\.0 GiB are free in"):
        restore_rows(Restorer(build()), Bands(source), tmp_path / "x.tif", cancelled=count)
    assert count.passes == 0
    assert list(tmp_path.iterdir()) == [source]


def test_a_disk_that_fills_up_costs_no_row_that_is_done(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = photo(tmp_path / "in.tif"), tmp_path / "x.tif"
    restorer = Restorer(build(), tile=16, overlap=8)
    fsync, synced = os.fsync, list[int]()

    def full(handle: int) -> None:
        synced.append(handle)
        if len(synced) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            restore_rows(restorer, Bands(source), target)
    (note,) = restore_rows(restorer, Bands(source), target)
    assert note.startswith("went on")
    assert target.read_bytes() == at_once(restorer, source)


def test_a_source_that_changes_under_way_is_told(tmp_path: Path, build: Build) -> None:
    source = photo(tmp_path / "in.tif")

    def cut(done: int, _: int) -> None:
        if done == 2:
            os.truncate(source, 100)

    restorer = Restorer(build(), tile=16, overlap=8)
    with pytest.raises(UnreadableImage, match="has changed"):
        restore_rows(restorer, Bands(source), tmp_path / "x.tif", progress=cut)


def test_tiles_that_do_not_fit_are_halved_at_the_start(tmp_path: Path, build: Build) -> None:
    def forward(image: Tensor) -> Tensor:
        if image.shape[-1] > 8:
            raise MemoryError
        return image

    source, target = photo(tmp_path / "in.tif"), tmp_path / "x.tif"
    restorer = Restorer(build(forward=forward), tile=16, overlap=4)
    restore_rows(restorer, Bands(source), target)
    assert restorer.report.halvings == 1
    np.testing.assert_array_equal(read(target).pixels, read(source).pixels)


def test_memory_that_runs_out_later_keeps_what_is_done(tmp_path: Path, build: Build) -> None:
    source, target = photo(tmp_path / "in.tif"), tmp_path / "x.tif"
    restorer = Restorer(build(), tile=16, overlap=8)
    with pytest.raises(NotEnoughMemory, match="in the middle of the picture"):
        restore_rows(restorer, Bands(source), target, cancelled=Stop(5, MemoryError()))
    assert is_begun(target)


def test_a_row_of_tiles_that_memory_cannot_hold_is_refused(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(size: int, what: str) -> None:
        raise NotEnoughMemory(f"{what} {size}")

    monkeypatch.setattr(huge, "require", none)
    # 16 rows in, and of the result as many and twice the 8 that two rows of tiles share.
    with pytest.raises(NotEnoughMemory, match=f"16 rows .*--tile.* {4 * 3 * 24 * (16 + 32)}"):
        restore_rows(
            Restorer(build(), tile=16, overlap=8),
            Bands(photo(tmp_path / "in.tif", 40, 24)),
            tmp_path / "x.tif",
        )


# Which pictures go this way


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """As much free memory as a test says."""
    memory = SimpleNamespace(bytes=1 << 40)
    monkeypatch.setattr(huge, "free_memory", lambda _: memory.bytes)
    return memory


@pytest.fixture
def _low(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(huge, "MAX_PIXELS", 500)
    yield


FLOATS = 41 * 23 * 3 * 4 * (1 + 4)


@pytest.mark.parametrize(
    ("memory", "by_rows"), [(2 * FLOATS, False), (2 * FLOATS - 1, True), (FLOATS // 2, True)]
)
def test_half_of_the_free_memory_is_for_picture_and_result(
    tmp_path: Path, free: SimpleNamespace, memory: int, *, by_rows: bool
) -> None:
    source, target = photo(tmp_path / "in.tif"), tmp_path / "x.tif"
    free.bytes = memory
    assert (too_large(source, target, 2, None) is not None) is by_rows


def test_another_format_is_told_only_where_the_picture_cannot_be_held(
    tmp_path: Path, free: SimpleNamespace
) -> None:
    source, target = photo(tmp_path / "in.tif"), tmp_path / "x.png"
    free.bytes = FLOATS
    assert too_large(source, target, 2, None) is None
    free.bytes = FLOATS - 1
    with pytest.raises(ValueError, match=r"got 23x41 .* ending in \.png; give --format tiff"):
        too_large(source, target, 2, None)


def test_a_tiff_that_must_be_held_is_held_if_it_can_be(
    tmp_path: Path, free: SimpleNamespace
) -> None:
    source = tmp_path / "in.tif"
    planes = np.zeros((3, 41, 23), np.uint8)
    tifffile.imwrite(source, planes, photometric="rgb", planarconfig="separate")
    free.bytes = FLOATS
    assert too_large(source, tmp_path / "x.tif", 2, None) is None
    free.bytes = FLOATS - 1
    with pytest.raises(UnreadableImage, match="a plane for each colour"):
        too_large(source, tmp_path / "x.tif", 2, None)


def test_a_result_beyond_4_gib_goes_by_rows(
    tmp_path: Path, free: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = photo(tmp_path / "in.tif"), tmp_path / "x.tif"
    assert too_large(source, target, 2, None) is None
    monkeypatch.setattr(tiff, "LARGEST", tiff.MARGIN + 41 * 23 * 3)
    assert too_large(source, target, 1, None)


@pytest.mark.usefixtures("_low")
def test_a_batch_restores_a_large_tiff_by_rows_and_the_rest_as_ever(
    tmp_path: Path, build: Build
) -> None:
    photo(tmp_path / "in" / "a.tif")
    photo(tmp_path / "in" / "b.png", 6, 5)
    jobs = plan(tmp_path / "in", tmp_path / "out", ".tiff")
    restorer = Restorer(build(2), tile=16)
    seen: list[str] = []
    outcomes = list(run(jobs, restorer, inspect=lambda job, *_: seen.append(job.source.name)))
    assert [outcome.reason for outcome in outcomes] == ["", ""]
    assert [outcome.pixels for outcome in outcomes] == [41 * 23 * 4, 6 * 5 * 4]
    assert "not looked at for sheet or score" in outcomes[0].note
    assert seen == ["b.png"]
    assert jobs[0].target.read_bytes() == at_once(restorer, jobs[0].source)
    again = list(run(jobs, restorer, skip_existing=True, inspect=lambda *_: None))
    assert [outcome.kept for outcome in again] == [True, True]


@pytest.mark.usefixtures("_low")
def test_a_limit_that_the_user_gave_still_refuses(tmp_path: Path, build: Build) -> None:
    photo(tmp_path / "in" / "a.tif")
    jobs = plan(tmp_path / "in", tmp_path / "out", ".tiff")
    (outcome,) = run(jobs, Restorer(build()), max_pixels=600)
    assert "at most 0.0006 megapixels" in outcome.reason
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_low")
def test_a_failure_under_way_says_that_the_same_command_goes_on(
    tmp_path: Path, build: Build
) -> None:
    photo(tmp_path / "in" / "a.tif")
    jobs = plan(tmp_path / "in", tmp_path / "out", "")
    restorer = Restorer(build(), tile=16, overlap=8)

    def outcome(error: BaseException) -> Outcome:
        (only,) = run(jobs, restorer, cancelled=Stop(5, error))
        return only

    failed = outcome(OSError(errno.ENOSPC, "No space left on device"))
    assert failed.reason == "No space left on device; the same command goes on from here"
    assert one_line(OSError(errno.ENOSPC, "x")) == "x"
    assert next(iter(run(jobs, restorer))).note.startswith("went on where")


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from swinir.images import tiff
from swinir.images.bands import Bands
from swinir.network import Head, SwinIR, SwinIRConfig
from swinir.restoration import Restorer
from swinir.restoration.huge import restore_rows

tiff.STRIP = 1 << 8
torch.manual_seed(0)
sizes = dict(embed_dim=12, depths=(2,), num_heads=(2,), window=4)
restorer = Restorer(SwinIR(SwinIRConfig(head=Head.RESIDUAL, **sizes)), tile=16, overlap=8)
source, target, die = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
calls = 0

def dying(step):
    def counted(*args, **options):
        global calls
        calls += 1
        if calls == die:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*args, **options)
    return counted

for owner, name in ((os, "fsync"), (Path, "replace"), (tiff, "pack"), (Path, "unlink")):
    setattr(owner, name, dying(getattr(owner, name)))
restore_rows(restorer, Bands(source), target)
print(calls)
"""


def test_a_kill_at_any_step_is_gone_on_from_to_the_same_bytes(tmp_path: Path) -> None:
    source, whole = photo(tmp_path / "in.tif"), tmp_path / "whole.tif"

    def start(target: Path, die: int) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-c", KILLED, source, target, str(die)]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)

    steps = int(start(whole, 0).stdout)
    assert steps > 20
    for die in (steps // 3, math.ceil(steps * 0.6), steps - 2):
        target = tmp_path / f"out{die}" / "x.tif"
        target.parent.mkdir()
        assert start(target, die).returncode == -signal.SIGKILL
        assert not target.exists() or target.read_bytes() == whole.read_bytes()
        assert start(target, 0).returncode == 0
        assert target.read_bytes() == whole.read_bytes()
        assert list(target.parent.iterdir()) == [target]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts KiB on Linux alone")
@pytest.mark.parametrize("deflated", [False, True])
def test_a_large_picture_takes_far_less_memory_than_its_floats(
    tmp_path: Path, *, deflated: bool
) -> None:
    words = ["--height", "4000", "--width", "6000", "--tile", "256", "--folder", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.huge", *words, *["--deflated"][: int(deflated)]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    peak, before, floats = (
        int(re.search(pattern, done.stdout)[1])  # type: ignore[index]
        for pattern in (r"process (\d+) MiB", r"which (\d+) before", r"floats (\d+) MiB")
    )
    assert peak - before < floats / 4
