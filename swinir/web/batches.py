"""Many pictures in, a zip out, a line for each."""

import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from swinir.lines import printable
from swinir.restoration.batch import Outcome, run
from swinir.web import archives
from swinir.web.jobs import Watch
from swinir.web.orders import Order
from swinir.web.restoring import Bench
from swinir.web.words import duration

RESULTS = "restored.zip"

HEADINGS = ("file", "result", "time")
"""Of the table with a line for each file."""


@dataclass(slots=True)
class Batch:
    """What came of many pictures.

    Attributes:
        path: the zip with the results; None where there is none.
        rows: a line for each file, as `HEADINGS`.
        restored: how many have a result.
        total: how many there are.
    """

    path: Path | None = None
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    restored: int = 0
    total: int = 0

    @property
    def summary(self) -> str:
        """One line for the page."""
        bad = self.total - self.restored
        skipped = f"; {bad} could not be, see the table" if bad else ""
        return f"Restored {self.restored} of {self.total}{skipped}"


def restore_all(
    bench: Bench, uploads: Sequence[Path], order: Order, watch: Watch, rows: Callable[[Batch], None]
) -> Batch:
    """Restore all pictures of an upload as the command line does a folder.

    ``rows`` is told of the batch after each file.

    Raises:
        ValueError: uploads that are refused as a whole, or weights that cannot be had.
        Cancelled: the visitor left.
    """
    place = bench.place()
    work = place / "work"
    work.mkdir()
    try:
        jobs = archives.plan(archives.unpack(uploads, work), work / "out")
        batch = Batch(total=len(jobs))
        with (
            bench.engines.lend(order, watch.cancelled) as restorer,
            zipfile.ZipFile(work / RESULTS, "w", zipfile.ZIP_STORED) as results,
        ):
            for name, job in jobs.values():
                watch.about(f"{printable(name)} ({len(batch.rows) + 1} of {batch.total})")
                for outcome in run(
                    [job],
                    restorer,
                    max_pixels=bench.max_pixels,
                    tiles=watch.tiles,
                    cancelled=watch.cancelled,
                ):
                    _enter(batch, name, outcome, results, work / "out")
                rows(batch)
        if batch.restored:
            batch.path = (work / RESULTS).replace(place / RESULTS)
        return batch
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _enter(batch: Batch, name: str, outcome: Outcome, results: zipfile.ZipFile, out: Path) -> None:
    name = printable(name)
    if outcome.reason:
        batch.rows.append((name, f"skipped: {outcome.reason}", ""))
        return
    target = outcome.job.target
    inside = target.relative_to(out).as_posix()
    results.write(target, inside)
    # In the zip it is enough; a batch may fill a disk.
    target.unlink()
    batch.restored += 1
    said = f"{inside} ({outcome.note})" if outcome.note else inside
    batch.rows.append((name, said, duration(outcome.seconds)))
