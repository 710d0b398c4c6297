"""``python test.py --task TASK --folder DIR``: restore pictures, or say what weights are."""

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swinir.cli.arguments import parse
from swinir.cli.exits import DONE, INCOMPLETE, INTERRUPTED, guarded

if TYPE_CHECKING:
    from swinir.cli.report import Tally
    from swinir.images.picture import Picture
    from swinir.images.sheet import Panel
    from swinir.restoration.jobs import Job
    from swinir.restoration.restorer import Restorer

SHEET_ROWS = 8

# Modules that need torch are imported where they are used: --help and a mistyped option answer
# at once, without the seconds that torch takes to load.


def _list(options: argparse.Namespace) -> int:
    from swinir.cli.report import task_table, tasks_as_json

    print(tasks_as_json() if options.json else task_table())
    return DONE


def _describe(options: argparse.Namespace) -> int:
    from swinir.checkpoints import describe

    description = describe(options.describe)
    if options.json:
        print(json.dumps(dataclasses.asdict(description), indent=1, default=str))
    else:
        print(description)
    return DONE


class Inspection:
    """Looks at each result as it is made: a row of the sheet, a score against the truth."""

    def __init__(self, sheet: Path | None, truths: Sequence[Path], scale: int) -> None:
        """``sheet`` is the file to write, ``truths`` the files to compare with."""
        self.sheet, self.truths, self.scale = sheet, truths, scale
        self.rows: list[list[Panel]] = []
        self.scores: dict[Path, float] = {}
        self.unscored: dict[Path, str] = {}

    def __call__(self, job: "Job", before: "Picture", after: "Picture") -> None:
        """Look at one result."""
        from swinir.images.sheet import before_and_after
        from swinir.lines import printable

        # A result that was there before may be anything.
        sides = tuple(side * self.scale for side in before.pixels.shape[:2])
        if self.sheet and len(self.rows) < SHEET_ROWS and after.pixels.shape[:2] == sides:
            name = printable(job.source.name)
            self.rows.append(before_and_after(name, before.pixels, after.pixels))
        if self.truths:
            self._score(job, after)

    def _score(self, job: "Job", after: "Picture") -> None:
        from swinir.evaluation.pairing import find_truth, read_truth
        from swinir.evaluation.scores import score
        from swinir.lines import one_line, trace

        try:
            path = find_truth(job.source, self.truths, self.scale)
            truth = read_truth(path, self.scale, after.pixels.shape)
            self.scores[job.source] = score(after.pixels, truth, self.scale)
        except Exception as error:
            # The result is there, whatever keeps it from being scored.
            trace(error)
            self.unscored[job.source] = one_line(error, job.source)

    def write(self) -> None:
        """Write the sheet, if one was asked for and there is anything on it."""
        from swinir.images.files import write
        from swinir.images.picture import Picture
        from swinir.images.sheet import compose

        if self.sheet and self.rows:
            self.sheet.parent.mkdir(parents=True, exist_ok=True)
            write(self.sheet, Picture(compose(self.rows)))


def _check_sheet(sheet: Path, jobs: "list[Job]", folder: Path, output: Path) -> None:
    from swinir.images.files import WRITABLE

    if sheet.suffix.lower() not in WRITABLE or sheet.is_dir():
        raise ValueError(f"--sheet is a file ending in {', '.join(WRITABLE)}, got {sheet}")
    pictures = {os.path.realpath(path) for job in jobs for path in (job.source, job.target)}
    if os.path.realpath(sheet) in pictures:
        raise ValueError(f"{sheet}: the sheet would replace a picture; give --sheet another name")
    place, sources, results = (Path(os.path.realpath(it)) for it in (sheet, folder, output))
    spared = sources in results.parents and results in place.parents
    if folder.is_dir() and sources in place.parents and not spared:
        # The next run would take it for a picture to restore.
        raise ValueError(f"{sheet}: the sheet would lie among the sources; give another --sheet")


def _find_truths(folder: Path) -> list[Path]:
    from swinir.images.files import find_images

    found = find_images(folder) if folder.is_dir() else []
    if not found:
        raise ValueError(f"--gt is a folder of pictures, got {folder} without any")
    return found


def _work(
    jobs: "list[Job]",
    restorer: "Restorer",
    inspect: Inspection | None,
    options: argparse.Namespace,
) -> "Tally":
    from tqdm import tqdm

    from swinir.cli.report import Tally
    from swinir.lines import printable
    from swinir.restoration.batch import run
    from swinir.restoration.unfinished import is_begun

    limit = options.max_megapixels * 1_000_000 if options.max_megapixels else None
    quiet = options.json or not sys.stderr.isatty()
    tally, started = Tally(), time.perf_counter()
    with (
        tqdm(total=len(jobs), unit="picture", disable=quiet) as pictures,
        tqdm(unit="tile", leave=False, disable=quiet) as tiles,
    ):

        def foretell(_: "Job", picture: "Picture") -> None:
            seconds = restorer.expected_seconds(*picture.pixels.shape[:2])
            # Until the first tile is done, the bar itself knows nothing.
            text = "" if seconds is None else f"about {tqdm.format_interval(seconds)}"
            tiles.set_postfix_str(text, refresh=False)

        def advance(done: int, total: int) -> None:
            if tiles.total != total or done < tiles.n:
                tiles.reset(total)
            tiles.update(done - tiles.n)

        try:
            for outcome in run(
                jobs,
                restorer,
                skip_existing=options.skip_existing,
                quality=options.quality,
                max_pixels=limit,
                tiles=advance,
                inspect=inspect,
                begun=foretell,
            ):
                tally.outcomes.append(outcome)
                source = outcome.job.source
                pictures.set_postfix_str(printable(source.name))
                pictures.update()
                if outcome.reason and not quiet:
                    tqdm.write(f"skipped: {printable(source)}: {outcome.reason}", sys.stderr)
        except KeyboardInterrupt:
            tally.interrupted = True
            at = len(tally.outcomes)
            tally.is_begun = at < len(jobs) and is_begun(jobs[at].target)
    tally.seconds = time.perf_counter() - started
    return tally


def _restore(options: argparse.Namespace) -> int:
    from swinir.cli import engine
    from swinir.cli.report import as_json, summary
    from swinir.restoration.jobs import plan
    from swinir.tasks import find_task

    task = find_task(options.task)
    suffix = "" if options.format == "same" else f".{options.format}"
    jobs = plan(options.folder, options.output, suffix, skip_existing=options.skip_existing)
    if options.sheet:
        _check_sheet(options.sheet, jobs, options.folder, options.output)
    truths = _find_truths(options.gt) if options.gt else []
    restorer = engine.build(
        options, task, options.weights, tta=options.tta, strength=options.strength
    )
    inspect = Inspection(options.sheet, truths, restorer.scale)
    looks = inspect if options.sheet or truths else None
    tally = _work(jobs, restorer, looks, options)
    tally.scores, tally.unscored = inspect.scores, inspect.unscored
    try:
        inspect.write()
    finally:
        # Last, so that a reader who stops listening costs no sheet.
        if options.json:
            print(as_json(tally, restorer, len(jobs)))
        else:
            print(summary(tally, restorer, len(jobs), f"{options.output}/"))
    if tally.interrupted:
        return INTERRUPTED
    return INCOMPLETE if tally.skipped or tally.unscored else DONE


def _benchmark(options: argparse.Namespace) -> int:
    from swinir.cli.benchmark import benchmark

    return benchmark(options)


def _reproduce(options: argparse.Namespace) -> int:
    from swinir.cli.reproduction import reproduce

    return reproduce(options)


def _export(options: argparse.Namespace) -> int:
    from swinir.cli.exporting import export

    return export(options)


def _action(options: argparse.Namespace) -> Callable[[argparse.Namespace], int]:
    if options.list:
        return _list
    if options.describe:
        return _describe
    if options.export:
        return _export
    if options.reproduce:
        return _reproduce
    return _benchmark if options.benchmark or options.lq else _restore


def main(words: Sequence[str] | None = None) -> int:
    """Do what the arguments say.

    Returns 0 when all is done, 1 when some pictures could not be restored or scored, 2 for bad
    arguments, 130 when interrupted.
    """
    options = parse(words)
    return guarded("test.py", lambda: _action(options)(options))
