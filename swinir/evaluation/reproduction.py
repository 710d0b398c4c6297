"""The papers' tables done again: expected against got, and why where they differ."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from swinir.evaluation.benchmark import Contender, Result, run
from swinir.evaluation.method import Method, as_in_matlab, as_published
from swinir.evaluation.mistakes import Departure, departures
from swinir.evaluation.papers import SIZES, Row, same_set
from swinir.evaluation.scores import FIGURES
from swinir.evaluation.sets import ImageSet
from swinir.lines import one_line, trace
from swinir.tasks import Task, find_task

Build = Callable[[Row], Contender | None]
"""Makes what restores for a row, None for the baseline; a ValueError says why it cannot be had."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A departure from the method, and the headline figure that it leads to."""

    reason: str
    figure: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one row.

    Attributes:
        row: of the table.
        result: of the set; None where the row could not be done.
        got: its means.
        reason: why the row fails, or could not be done; empty where it passes.
        trials: what was tried to find the reason.
    """

    row: Row
    result: Result | None
    got: dict[str, float]
    reason: str = ""
    trials: tuple[Trial, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every figure was reproduced."""
        return self.result is not None and not self.reason


def reproduce(
    rows: Sequence[Row],
    sets_of: Callable[[int], Sequence[ImageSet]],
    build: Build,
    *,
    workers: int = 1,
    progress: Callable[[Row], Callable[[int, int], None]] | None = None,
) -> Iterator[Verdict]:
    """Do every row for which images are present; rows of other sets are left out.

    Args:
        rows: of the tables.
        sets_of: the sets at hand, for an enlargement.
        build: makes what restores for a row.
        workers: as in `benchmark.run`.
        progress: gives what is called with images done and in all, for a row.
    """
    for row in rows:
        task = find_task(row.task)
        method = as_published(task)
        if row.is_baseline:
            method = as_in_matlab(method)
        images = next((it for it in sets_of(method.scale) if same_set(it.name, row.images)), None)
        if images is None:
            continue
        try:
            contender = build(row)
        except Exception as error:
            trace(error)
            yield Verdict(row, None, {}, one_line(error))
            continue
        result = run(
            [contender] if contender else [],
            images,
            method,
            workers=workers,
            progress=progress and progress(row),
        )
        judged = contender or Contender(method.baseline, method.restore_plainly)
        yield _judged(row, task, method, result, judged, images)


def _judged(
    row: Row,
    task: Task,
    method: Method,
    result: Result,
    contender: Contender,
    images: ImageSet,
) -> Verdict:
    got = result.means(contender.label)
    off = [name for name, wanted in row.figures.items() if not within(name, got.get(name), wanted)]
    here, there = len(result.of(contender.label)), SIZES.get(row.images)
    if there and here != there:
        return Verdict(row, result, got, f"{here} images were scored, the paper's set has {there}")
    if not off:
        return Verdict(row, result, got)
    wanted = row.figures[method.headline]
    if method.headline not in off:
        titles = " and ".join(FIGURES[name].title for name in off)
        return Verdict(row, result, got, f"{FIGURES[method.headline].title} agrees, not {titles}")
    trials = try_departures(contender, images, task, method)
    return Verdict(row, result, got, reason_for(wanted, method, trials), tuple(trials))


def within(name: str, got: float | None, wanted: float) -> bool:
    """Whether a figure counts as reproduced; a hair's breadth is left for rounding in print."""
    return got is not None and abs(got - wanted) <= FIGURES[name].tolerance + 1e-9


def try_departures(
    contender: Contender, images: ImageSet, task: Task, method: Method
) -> list[Trial]:
    """The headline figure that each usual departure from the method leads to, in their order.

    Images that cannot be scored are passed over.
    """

    def made_alike(departure: Departure) -> tuple[object, ...]:
        changed = departure.method
        return id(changed.degrade), changed.given, changed.keep_grey

    trials: list[Trial] = []
    # One pass through the network serves all departures that differ in the judging only.
    for _, alike in groupby(departures(task, method), key=made_alike):
        group = list(alike)
        figures = _headlines(contender, images, [each.method for each in group])
        trials += [
            Trial(departure.reason, figure)
            for departure, figure in zip(group, figures, strict=True)
            if figure is not None
        ]
    return trials


def _headlines(
    contender: Contender, images: ImageSet, methods: Sequence[Method]
) -> list[float | None]:
    columns: list[list[float]] = [[] for _ in methods]
    for sample in images.samples:
        try:
            degraded, truth = methods[0].prepare(sample)
            restored = contender.restore(degraded)
            figures = [method.judge(restored, truth) for method in methods]
        except (ValueError, OSError, MemoryError):
            continue
        for column, figure in zip(columns, figures, strict=True):
            column.append(figure)
    return [sum(column) / len(column) if column else None for column in columns]


def reason_for(wanted: float, method: Method, trials: Sequence[Trial]) -> str:
    """Which of the trials leads to a headline figure, in one line."""
    figure = FIGURES[method.headline]
    close = sorted(
        (trial for trial in trials if abs(trial.figure - wanted) <= figure.tolerance),
        key=lambda trial: abs(trial.figure - wanted),
    )
    if close:
        best = close[0]
        return f"the figure comes out with {best.reason} ({best.figure:.{figure.decimals}f})"
    if not trials:
        return "other images or other weights than the paper's; there was nothing to try"
    nearest = min(trials, key=lambda trial: abs(trial.figure - wanted))
    return (
        "none of the usual departures from the protocol explains it (nearest: "
        f"{nearest.reason}, {nearest.figure:.{figure.decimals}f}); "
        "look at the weights and at the images"
    )
