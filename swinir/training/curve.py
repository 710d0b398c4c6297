"""The course of a run as one picture: loss, learning rate, gradient norm, validation."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from swinir.writing import replacing

Column = NDArray[np.float64]

SIZE, DPI = (12.0, 9.0), 100
"""Inches and dots: 1200x900 pixels."""
BINS = 800
"""Spans of iterations told apart, about one a pixel; drawing takes no longer for longer runs."""
SMOOTHED = 41
"""Spans that the running median covers, about a twentieth of the picture."""
DOTTED = 60
"""Up to this many points each is marked, so that a single one is seen."""

LOSS, RATE, NORM, SCORE, BEST = "#3b6ea5", "#777777", "#8a5a9e", "#2d7d46", "#c8442b"
GRID = "#dddddd"


@dataclass(frozen=True, slots=True)
class Spans:
    """Figures by spans of iterations: the middle of each span, and least, median and greatest.

    A span without a finite figure is NaN, which leaves a gap.
    """

    at: Column
    least: Column
    median: Column
    greatest: Column

    @property
    def band(self) -> Column:
        """Least and greatest by turns, for a line that fills what is between them."""
        return np.stack([self.least, self.greatest], 1).ravel()


def draw_curve(folder: Path, target: Path, title: str) -> None:
    """Draw the record of a run as a PNG of 1200x900 pixels.

    Where there are more steps than pixels, the light line reaches from the least to the greatest
    value of the steps that share a pixel.

    Args:
        folder: folder of the run, with ``losses.csv`` and perhaps ``scores.csv``, see `Journal`.
        target: PNG to write, whole or not at all.
        title: what to write above it.

    Raises:
        ValueError: no step is on record.
        OSError: a record cannot be read, or the picture not be written.
    """
    steps = _read(folder / "losses.csv", columns=4)
    if not len(steps):
        raise ValueError(
            f"{folder / 'losses.csv'}: a curve is drawn of one step or more, got none; train first"
        )
    scores = _read(folder / "scores.csv", columns=2)
    figure = Figure(figsize=SIZE, dpi=DPI, facecolor="white")
    # Fixed, so that the curves of several runs lie alike.
    figure.subplots_adjust(left=0.075, right=0.915, bottom=0.065, top=0.915, hspace=0.22)
    figure.suptitle(title, fontsize=15, parse_math=False)
    heights = [3, 2, 2] if len(scores) else [3, 2]
    grid = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    panels: list[Axes] = list(grid)
    iterations, losses, rates, norms = steps.T
    _draw_loss(panels[0], thinned(iterations, losses), thinned(iterations, rates))
    lost = iterations[~np.isfinite(losses) | ~np.isfinite(norms)]
    _draw_norm(panels[1], thinned(iterations, norms), lost)
    if len(scores):
        _draw_scores(panels[2], scores)
    last = float(max(iterations.max(), scores[:, 0].max(initial=0)))
    panels[-1].set_xlim(-0.01 * last, 1.01 * last)
    panels[-1].set_xlabel("iteration")
    panels[-1].xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10], integer=True))
    panels[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    with replacing(target) as unfinished:
        figure.savefig(unfinished, format="png")


def _read(path: Path, *, columns: int) -> NDArray[np.float64]:
    """The rows of a record, ``(rows, columns)``; the heading and damaged rows are passed over."""
    figures = array("d")
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    row = [float(figure) for figure in line.split(",")]
                except ValueError:
                    continue
                if len(row) == columns and math.isfinite(row[0]):
                    figures.extend(row)
    return np.frombuffer(figures, np.float64).reshape(-1, columns)


def thinned(iterations: Column, values: Column) -> Spans:
    """Least, median and greatest of the finite values in each of at most `BINS` spans."""
    first, last = iterations.min(), iterations.max()
    width = max((last - first) / BINS, 1.0)
    spans = np.minimum((iterations - first) // width, BINS - 1)
    finite = np.isfinite(values)
    values = np.where(finite, values, np.nan)
    # What is no number goes to the end of its span.
    order = np.lexsort((values, spans))
    values = values[order]
    _, starts, rows = np.unique(spans[order], return_index=True, return_counts=True)
    counts = np.add.reduceat(finite[order].astype(np.int64), starts)
    ends = starts + np.maximum(counts - 1, 0)
    return Spans(
        at=np.add.reduceat(iterations[order], starts) / rows,
        least=values[starts],
        median=values[(starts + ends) // 2] / 2 + values[(starts + ends + 1) // 2] / 2,
        greatest=values[ends],
    )


def running_median(values: Column) -> Column:
    """The median of the finite values around each; NaN where the value itself is not finite.

    Before the first value there is nothing, and as little is looked at after a value as before it,
    so that a steep beginning is followed. At the end the latest values stand for those to come.
    """
    reach = SMOOTHED // 2
    medians = np.full(len(values), np.nan)
    for number in np.flatnonzero(np.isfinite(values)):
        around = values[max(0, number - reach) : number + min(reach, number) + 1]
        medians[number] = np.median(around[np.isfinite(around)])
    return medians


def _draw_band(axes: Axes, spans: Spans, colour: str, label: str) -> None:
    """A light line through least and greatest, and the running median over it."""
    marker = "." if len(spans.at) <= DOTTED else "None"
    axes.plot(
        spans.at.repeat(2), spans.band, marker=marker, lw=0.8, color=colour, alpha=0.35, label=label
    )
    smooth = running_median(spans.median)
    axes.plot(spans.at, smooth, marker=marker, color=colour, lw=2, label="its running median")
    axes.set_ylabel(label)
    axes.grid(color=GRID, lw=0.6)
    finite = spans.band[np.isfinite(spans.band)]
    if len(finite) and finite.min() >= 0 and finite.max() > 0:
        positive = finite[finite > 0]
        _count_in_decades(axes, float(np.log10(positive.max()) - np.log10(positive.min())))


def _count_in_decades(axes: Axes, decades: float) -> None:
    """A logarithmic axis, on which 2 and 5 are named too unless there are many decades."""
    axes.set_yscale("log", nonpositive="mask")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    plain, none = StrMethodFormatter("{x:g}"), NullFormatter()
    axes.yaxis.set_major_formatter(plain)
    axes.yaxis.set_minor_formatter(plain if decades < 3 else none)


def _draw_loss(axes: Axes, losses: Spans, rates: Spans) -> None:
    _draw_band(axes, losses, LOSS, "loss")
    right = axes.twinx()
    label = "learning rate (right)"
    right.plot(rates.at.repeat(2), rates.band, color=RATE, lw=1.2, ls="--", label=label)
    right.set_ylim(bottom=0)
    right.set_ylabel("learning rate", color=RATE)
    right.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    _explain(axes, [*axes.get_lines(), *right.get_lines()])


def _draw_norm(axes: Axes, norms: Spans, lost: Column) -> None:
    """The norm, and marks at its foot where it or the loss was not finite."""
    _draw_band(axes, norms, NORM, "gradient norm")
    if len(lost):
        places = np.unique(np.round(lost / lost.max() * BINS)) / BINS * lost.max()
        axes.plot(
            places,
            np.zeros(len(places)),
            transform=axes.get_xaxis_transform(),
            marker="|",
            ms=16,
            mew=2,
            ls="",
            color=BEST,
            label=f"not finite: {len(lost):,} steps",
        )
    _explain(axes, axes.get_lines())


def _explain(axes: Axes, lines: Sequence[Line2D]) -> None:
    """A legend above the panel, where it covers nothing."""
    labels = [str(line.get_label()) for line in lines]
    axes.legend(
        lines,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        ncols=len(lines),
        frameon=False,
    )


def _draw_scores(axes: Axes, scores: NDArray[np.float64]) -> None:
    spans = thinned(scores[:, 0], scores[:, 1])
    marker = "o" if len(spans.at) <= DOTTED else "None"
    axes.plot(spans.at, spans.greatest, marker=marker, ms=4, color=SCORE, label="validation")
    axes.set_ylabel("PSNR in dB")
    axes.grid(color=GRID, lw=0.6)
    finite = scores[np.isfinite(scores[:, 1])]
    if len(finite):
        iteration, psnr = finite[finite[:, 1].argmax()]
        label = f"best: {psnr:.2f} dB after {iteration:,.0f} iterations"
        axes.plot([iteration], [psnr], marker="*", ms=14, color=BEST, ls="", label=label)
    _explain(axes, axes.get_lines())
