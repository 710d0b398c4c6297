"""Pictures through an engine: doing the jobs, and what came of each."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Event

import torch

from swinir.images.files import MAX_PIXELS, check_size, read, write
from swinir.images.picture import Picture
from swinir.lines import one_line, trace
from swinir.restoration.engine import Engine
from swinir.restoration.huge import Bands, restore_rows, too_large
from swinir.restoration.jobs import Job
from swinir.restoration.memory import free_memory
from swinir.restoration.pipeline import Pipeline
from swinir.restoration.restorer import Cancelled, Restorer
from swinir.restoration.unfinished import is_begun

Progress = Callable[[int, int], None]

UNSEEN = "too large to be held, so not looked at for sheet or score"


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
    begun: Callable[[Job, Picture], None] | None = None,
) -> Iterator[Outcome]:
    """Do the jobs in order; a bad file is told in its outcome, and the rest goes on.

    So is a defect of the program that one picture brings to light. A TIFF that memory does not hold
    is restored row by row into another where a `Restorer` is the engine (see `huge`). Where memory
    allows it, the next picture is read and the last one written while this one is restored, so
    that what is called here is called from other threads, each of them from one.

    Args:
        jobs: from `plan`.
        restorer: the engine.
        skip_existing: leave results alone that are there.
        quality: of JPEG results, 1 to 100.
        max_pixels: refuse larger pictures; None: those above `MAX_PIXELS` that have to be held.
        tiles: called with tiles done and in all, for the picture in hand.
        cancelled: asked before each tile.
        inspect: sees each picture that can be held and its result, also one that was there before.
        begun: told of each picture that can be held, before it is restored.

    Raises:
        Cancelled: ``cancelled`` said so.
    """
    stopped = Event()
    steps = _Steps(
        restorer=restorer,
        skip_existing=skip_existing,
        quality=quality,
        max_pixels=max_pixels,
        tiles=tiles,
        cancelled=lambda: stopped.is_set() or bool(cancelled and cancelled()),
        inspect=inspect,
        begun=begun,
    )
    line = Pipeline(steps.load, steps.work, steps.store, roomy=steps.has_room, stop=stopped.set)
    for job, made in zip(jobs, line.run(jobs), strict=True):
        error = made.exception()
        yield _failed(job, error) if error else made.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """How far a job is.

    Attributes:
        seconds: that it took so far.
        outcome: what came of it, where there is nothing left to do.
        picture: the source.
        restored: the result.
        kept: it was there before.
        bands: the source, where it cannot be held.
    """

    seconds: float = 0.0
    outcome: Outcome | None = None
    picture: Picture | None = None
    restored: Picture | None = None
    kept: bool = False
    bands: Bands | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """What is done for each job, in three steps; see `run` for the options."""

    restorer: Engine
    skip_existing: bool
    quality: int
    max_pixels: int | None
    tiles: Progress | None
    cancelled: Callable[[], bool]
    inspect: Callable[[Job, Picture, Picture], None] | None
    begun: Callable[[Job, Picture], None] | None

    def load(self, job: Job) -> _State:
        """Read the source, and the result where only that is looked at."""
        started = time.perf_counter()
        if job.problem:
            return _State(outcome=Outcome(job, reason=job.problem))
        kept = self.skip_existing and job.target.is_file()
        if kept and not self.inspect:
            return _State(outcome=Outcome(job, kept=True))
        if isinstance(self.restorer, Restorer):
            bands = too_large(job.source, job.target, self.restorer.scale, self.max_pixels)
            if bands and kept:
                return _State(outcome=Outcome(job, kept=True, note=UNSEEN))
            if bands:
                return _State(bands=bands)
        limit = self.max_pixels or MAX_PIXELS
        picture = read(job.source, max_pixels=limit)
        restored = read(job.target, max_pixels=limit * self.restorer.scale**2) if kept else None
        seconds = time.perf_counter() - started
        return _State(seconds=seconds, picture=picture, restored=restored, kept=kept)

    def has_room(self, state: _State) -> bool:
        """Whether pictures like this one may be read and written meanwhile."""
        if state.bands:
            return False
        if not state.picture:
            return True
        pixels = state.picture.pixels.nbytes * (1 + self.restorer.scale**2)
        return 8 * pixels < free_memory(torch.device("cpu"))

    def work(self, job: Job, state: _State) -> _State:
        """Restore."""
        started = time.perf_counter()
        if state.bands:
            return replace(state, outcome=self._by_rows(job, state.bands))
        if state.outcome or state.restored or not state.picture:
            return state
        # Before the work, which a size or a folder that cannot be had would waste.
        height, width = (self.restorer.scale * side for side in state.picture.pixels.shape[:2])
        check_size(job.target, height, width)
        job.target.parent.mkdir(parents=True, exist_ok=True)
        if self.begun:
            self.begun(job, state.picture)
        restored = self.restorer.restore_picture(
            state.picture, progress=self.tiles, cancelled=self.cancelled
        )
        seconds = state.seconds + time.perf_counter() - started
        return replace(state, restored=restored, seconds=seconds)

    def store(self, job: Job, _: _State, state: _State) -> Outcome:
        """Write the result, and have it looked at."""
        started = time.perf_counter()
        if state.outcome or not (state.picture and state.restored):
            return state.outcome or Outcome(job)
        if not state.kept:
            write(job.target, state.restored, quality=self.quality)
        if self.inspect:
            self.inspect(job, state.picture, state.restored)
        height, width = state.restored.pixels.shape[:2]
        return Outcome(
            job,
            kept=state.kept,
            note="".join(_about_frames(state.picture.frames)),
            seconds=state.seconds + time.perf_counter() - started,
            pixels=height * width,
        )

    def _by_rows(self, job: Job, bands: Bands) -> Outcome:
        """What came of a picture that cannot be held."""
        started = time.perf_counter()
        restorer = self.restorer
        assert isinstance(restorer, Restorer)
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
            notes = restore_rows(
                restorer, bands, job.target, progress=self.tiles, cancelled=self.cancelled
            )
        except Exception as error:
            outcome = _failed(job, error)
            on = "; the same command goes on from here" if is_begun(job.target) else ""
            return replace(outcome, reason=outcome.reason + on)
        height, width, _ = bands.shape
        told = [UNSEEN] if self.inspect else []
        return Outcome(
            job,
            note="; ".join([*_about_frames(bands.frames), *notes, *told]),
            seconds=time.perf_counter() - started,
            pixels=height * width * restorer.scale**2,
        )


def _failed(job: Job, error: BaseException) -> Outcome:
    if not isinstance(error, Exception) or isinstance(error, Cancelled):
        # That ends the batch, not this picture.
        raise error
    trace(error)
    return Outcome(job, reason=one_line(error, job.source))


def _about_frames(count: int) -> list[str]:
    return [f"the first of {count} frames"] if count > 1 else []
