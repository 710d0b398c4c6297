"""What programs call over HTTP: the same work as the page's, by name."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

from swinir.web import batches
from swinir.web.actions import uploaded
from swinir.web.jobs import Step, follow, told
from swinir.web.orders import order
from swinir.web.restoring import Bench
from swinir.web.showing import refused

Report = dict[str, Any]
"""What a program is told: of work that goes on ``done``, ``total`` and ``left``."""


class Endpoints:
    """The functions that are offered as ``/restore`` and ``/batch``, on one bench."""

    def __init__(self, bench: Bench) -> None:
        """``bench`` is where pictures are restored."""
        self.bench = bench

    def restore(
        self,
        picture: str,
        task: str,
        weights: str = "",
        strength: float = 1.0,
        tta: bool = False,  # noqa: FBT001, FBT002
        tile: str = "auto",
    ) -> Generator[tuple[str | None, Report]]:
        """Restore one picture: (the result as a lossless PNG, a report)."""
        source = uploaded(picture)
        try:
            wanted = order(task, weights, strength, tta, tile)
            steps = follow(lambda watch: self.bench.restore(source, wanted, watch))
            restored = yield from told(steps, _report)
        except Exception as error:
            raise refused(error, source) from error
        height, width = restored.after.pixels.shape[:2]
        yield (
            str(restored.path),
            {
                "task": wanted.choice.task.name,
                "weights": wanted.choice.weights,
                "width": width,
                "height": height,
                "depth": restored.after.depth,
                "seconds": round(restored.seconds, 3),
                "notes": restored.notes,
            },
        )

    def batch(
        self,
        pictures: list[str],
        task: str,
        weights: str = "",
        strength: float = 1.0,
        tta: bool = False,  # noqa: FBT001, FBT002
        tile: str = "auto",
    ) -> Generator[tuple[str | None, Report]]:
        """Restore pictures and zips of them: (a zip of results, a report with a row for each)."""
        if not pictures:
            uploaded(None, "a picture or a zip")
        sources = [Path(each) for each in pictures]
        try:
            wanted = order(task, weights, strength, tta, tile)
            steps = follow(
                lambda watch: batches.restore_all(
                    self.bench, sources, wanted, watch, lambda _: None
                )
            )
            made = yield from told(steps, _report)
        except Exception as error:
            raise refused(error) from error
        rows = [dict(zip(batches.HEADINGS, row, strict=True)) for row in made.rows]
        yield (
            str(made.path) if made.path else None,
            {"restored": made.restored, "total": made.total, "files": rows},
        )


def _report(step: Step) -> tuple[str | None, Report]:
    return None, {"done": step.done, "total": step.total, "left": step.left}
