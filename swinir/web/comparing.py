"""Two sets of weights on one picture, measured against the truth where there is one."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from swinir.evaluation.pairing import read_truth
from swinir.evaluation.scores import FIGURES, measure
from swinir.evaluation.sheets import error_map
from swinir.images.files import Picture
from swinir.images.preview import write_preview
from swinir.web.jobs import Watch
from swinir.web.orders import Order
from swinir.web.restoring import Bench, Restored


@dataclass(slots=True)
class Comparison:
    """Two restorations of one picture.

    Attributes:
        both: files of the results, at one size.
        rows: a line for each: weights, figures.
        errors: files of the error maps and what each is of; none without a truth.
        seconds: of both.
    """

    both: tuple[Path, Path]
    rows: list[tuple[str, ...]]
    errors: list[tuple[Path, str]] = field(default_factory=list)
    seconds: float = 0.0


HEADINGS = ("weights", "time in s", *(figure.title for figure in FIGURES.values()))


def compare(
    bench: Bench, source: Path, truth: Path | None, orders: tuple[Order, Order], watch: Watch
) -> Comparison:
    """Restore ``source`` twice and look at both, against ``truth`` if there is one.

    Raises:
        ValueError: weights that enlarge differently, a bad file, or a truth of another size.
        Cancelled: the visitor left.
    """
    scales = [order.choice.task.network.scale for order in orders]
    if scales[0] != scales[1]:
        raise ValueError(
            f"two weights that enlarge alike are needed, got x{scales[0]} and x{scales[1]}"
        )
    results: list[Restored] = []
    for order in orders:
        watch.about(order.choice.label)
        results.append(bench.restore(source, order, watch))
    shape = results[0].after.pixels.shape
    true = read_truth(truth, scales[0], shape) if truth else None
    labels = [order.choice.label for order in orders]
    rows = [_row(label, it, true, scales[0]) for label, it in zip(labels, results, strict=True)]
    place = bench.place()
    errors: list[tuple[Path, str]] = []
    for at, (label, it) in enumerate(zip(labels, results, strict=True)):
        if true is not None:
            file = place / f"error-{at}.png"
            height, width = shape[:2]
            write_preview(file, Picture(error_map(it.after.pixels, true)), width, height)
            errors.append((file, label))
    after = tuple(bench.both(it)[1] for it in results)
    return Comparison((after[0], after[1]), rows, errors, sum(it.seconds for it in results))


def _row(
    label: str, restored: Restored, truth: NDArray[np.float32] | None, scale: int
) -> tuple[str, ...]:
    head = label, f"{restored.seconds:.1f}"
    if truth is None:
        return (*head, *("" for _ in FIGURES))
    border = scale if scale > 1 else 0
    scores = measure(restored.after.pixels, truth, border=border, grey_is_luma=truth.shape[2] == 1)
    figures = [
        f"{scores[name]:.{figure.decimals}f}" if name in scores else ""
        for name, figure in FIGURES.items()
    ]
    return (*head, *figures)
