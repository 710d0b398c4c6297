"""A folder of pictures through an engine: what to do, doing it, and what came of it."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from swinir.images.files import MAX_PIXELS, WRITABLE, check_size, find_images, read, write
from swinir.images.picture import Picture
from swinir.lines import one_line, trace
from swinir.restoration.engine import Engine
from swinir.restoration.huge import restore_rows, too_large
from swinir.restoration.restorer import Cancelled, Restorer
from swinir.restoration.unfinished import is_begun

Progress = Callable[[int, int], None]

UNSEEN = "too large to be held, so not looked at for sheet or score"


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to restore.

    Attributes:
        source: where it is.
        target: where the result goes.
        problem: why there is nothing to restore, for a folder that cannot be listed.
    """

    source: Path
    target: Path
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one job.

    Attributes:
        job: the job.
        reason: why there is no result; empty where there is one.
        kept: the result was there before and was left alone.
        note: what the user should know about a result, or about one that was kept.
        seconds: reading, restoring and writing.
        pixels: of the result; 0 where nobody looked at one that was kept.
    """

    job: Job
    reason: str = ""
    kept: bool = False
    note: str = ""
    seconds: float = 0.0
    pixels: int = 0

    @property
    def restored(self) -> bool:
        """Whether this job made a result."""
        return not self.reason and not self.kept


def plan(source: Path, output: Path, suffix: str, *, skip_existing: bool = False) -> list[Job]:
    """The jobs for a file or a folder, whose sub-folders the output mirrors.

    ``suffix`` is the results' (".png"); empty keeps each file's own where it can be written.
    Pictures that lie in an output folder within the source folder are results, not sources. Where
    two sources would make one result (a.jpg and a.png), both keep the old suffix in their names.
    A sub-folder that cannot be listed is a job with a problem. ``skip_existing`` says that results
    which are there will be left alone.

    Raises:
        ValueError: nothing there, no picture in it, or a result would replace a source, or
            another file beside a single source.
        OSError: a source folder that cannot be listed.
    """
    if source.is_file():
        jobs = [Job(source, output / _renamed(Path(source.name), suffix))]
    elif source.is_dir():
        jobs = _plan_folder(source, output, suffix)
    else:
        raise ValueError(f"{source}: a folder or an image file is needed, there is none")
    sources = {_real(job.source) for job in jobs}
    for job in jobs:
        if _real(job.target) in sources and not job.problem:
            raise ValueError(
                f"{job.source}: the result would replace {job.target}, which is to be restored; "
                "give another folder with --output"
            )
    beside = source.is_file() and _real(output) == _real(source.parent)
    if beside and not skip_existing and os.path.lexists(jobs[0].target):
        raise ValueError(
            f"{source}: the result would replace {jobs[0].target}, which lies beside it; "
            "give another folder with --output"
        )
    return jobs


def _plan_folder(source: Path, output: Path, suffix: str) -> list[Job]:
    root, inside = _real(source), _real(output)
    if inside == root:
        # The next run would take the results for pictures to restore.
        raise ValueError(f"{output}: results would lie among their sources; give another --output")
    closed: dict[Path, OSError] = {}
    files = find_images(source, unreadable=closed.__setitem__)
    if root in inside.parents:
        files = [path for path in files if inside not in _real(path).parents]
        closed = {path: closed[path] for path in closed if not _real(path).is_relative_to(inside)}
    if not files:
        for error in closed.values():
            raise error
        raise ValueError(f"{source}: no image files in this folder")
    names = result_names([path.relative_to(source) for path in files], suffix)
    problems = [
        Job(path, output / path.relative_to(source), f"the folder cannot be listed ({reason})")
        for path, error in closed.items()
        for reason in [one_line(error, path)]
    ]
    return [Job(path, output / name) for path, name in zip(files, names, strict=True)] + problems


def _real(path: Path) -> Path:
    # Path.resolve raises a RuntimeError for a link to itself.
    return Path(os.path.realpath(path))


def result_names(sources: Sequence[Path], suffix: str) -> list[Path]:
    """A name for each result; no two are one file, even on a disk that ignores case.

    ``suffix`` is theirs; empty keeps each source's own where it can be written.
    """
    names = [_renamed(source, suffix) for source in sources]
    claims = Counter(_folded(name) for name in names)
    taken = {name for name, count in claims.items() if count == 1}
    for at, (source, name) in enumerate(zip(sources, names, strict=True)):
        if claims[_folded(name)] > 1:
            names[at] = next(it for it in _alternatives(source, name) if _folded(it) not in taken)
            taken.add(_folded(names[at]))
    return names


def _folded(name: Path) -> str:
    return str(name).casefold()


def _renamed(name: Path, suffix: str) -> Path:
    # What is read but never written, as GIF, or has no suffix becomes a PNG.
    own = name.suffix if name.suffix.lower() in WRITABLE else ".png"
    return name.with_suffix(suffix or own)


def _alternatives(source: Path, name: Path) -> Iterator[Path]:
    stem = "_".join(filter(None, (source.stem, source.suffix[1:].lower())))
    yield name.with_name(f"{stem}{name.suffix}")
    for number in count(2):
        yield name.with_name(f"{stem}_{number}{name.suffix}")


def run(
    jobs: Sequence[Job],
    restorer: Engine,
    *,
    skip_existing: bool = False,
    quality: int = 95,
    max_pixels: int | None = None,
    tiles: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    inspect: Callable[[Job, Picture, Picture], None] | None = None,
) -> Iterator[Outcome]:
    """Do the jobs one by one; a bad file is told in its outcome, and the rest goes on.

    So is a defect of the program that one picture brings to light. A TIFF that memory does not hold
    is restored row by row into another where a `Restorer` is the engine (see `huge`).

    Args:
        jobs: from `plan`.
        restorer: the engine.
        skip_existing: leave results alone that are there.
        quality: of JPEG results, 1 to 100.
        max_pixels: refuse larger pictures; None: those above `MAX_PIXELS` that have to be held.
        tiles: called with tiles done and in all, for the picture in hand.
        cancelled: asked before each tile.
        inspect: sees each picture that can be held and its result, also one that was there before.

    Raises:
        Cancelled: ``cancelled`` said so.
    """
    limit = max_pixels or MAX_PIXELS

    def do(job: Job) -> Outcome:
        if job.problem:
            return Outcome(job, reason=job.problem)
        started = time.perf_counter()
        kept = skip_existing and job.target.is_file()
        if kept and not inspect:
            return Outcome(job, kept=True)
        if outcome := _by_rows(
            job, restorer, max_pixels, tiles, cancelled, kept=kept, unseen=bool(inspect)
        ):
            return outcome
        picture = read(job.source, max_pixels=limit)
        if kept:
            restored = read(job.target, max_pixels=limit * restorer.scale**2)
        else:
            # Before the work, which a size or a folder that cannot be had would waste.
            height, width = (restorer.scale * side for side in picture.pixels.shape[:2])
            check_size(job.target, height, width)
            job.target.parent.mkdir(parents=True, exist_ok=True)
            restored = restorer.restore_picture(picture, progress=tiles, cancelled=cancelled)
            write(job.target, restored, quality=quality)
        if inspect:
            inspect(job, picture, restored)
        return _made(job, picture, restored, kept, time.perf_counter() - started)

    for job in jobs:
        yield _told(job, do)


def _told(job: Job, do: Callable[[Job], Outcome]) -> Outcome:
    try:
        return do(job)
    except Exception as error:
        return _failed(job, error)


def _by_rows(
    job: Job,
    restorer: Engine,
    max_pixels: int | None,
    tiles: Progress | None,
    cancelled: Callable[[], bool] | None,
    *,
    kept: bool,
    unseen: bool,
) -> Outcome | None:
    """What came of a picture that cannot be held; None where it can."""
    if not isinstance(restorer, Restorer):
        return None
    bands = too_large(job.source, job.target, restorer.scale, max_pixels)
    if bands is None:
        return None
    told = [UNSEEN] if unseen else []
    if kept:
        return Outcome(job, kept=True, note="; ".join(told))
    started = time.perf_counter()
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        notes = restore_rows(restorer, bands, job.target, progress=tiles, cancelled=cancelled)
    except Exception as error:
        outcome = _failed(job, error)
        on = "; the same command goes on from here" if is_begun(job.target) else ""
        return replace(outcome, reason=outcome.reason + on)
    height, width, _ = bands.shape
    return Outcome(
        job,
        note="; ".join([*_about_frames(bands.frames), *notes, *told]),
        seconds=time.perf_counter() - started,
        pixels=height * width * restorer.scale**2,
    )


def _failed(job: Job, error: Exception) -> Outcome:
    if isinstance(error, Cancelled):
        # That ends the batch, not this picture.
        raise error
    trace(error)
    return Outcome(job, reason=one_line(error, job.source))


def _made(job: Job, picture: Picture, restored: Picture, kept: bool, seconds: float) -> Outcome:  # noqa: FBT001
    height, width = restored.pixels.shape[:2]
    return Outcome(
        job,
        kept=kept,
        note="".join(_about_frames(picture.frames)),
        seconds=seconds,
        pixels=height * width,
    )


def _about_frames(count: int) -> list[str]:
    return [f"the first of {count} frames"] if count > 1 else []
