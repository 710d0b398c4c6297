"""Results as tables: for the terminal, as Markdown, CSV and JSON."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swinir.evaluation.benchmark import Result
from swinir.evaluation.papers import Row
from swinir.evaluation.reproduction import Verdict
from swinir.evaluation.scores import FIGURES, Figure

LEARNED = Figure("", 4, 0.0)


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first column is of names, the others of numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Aligned with blanks."""
        lines = [self.header, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.header))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if at else cell.ljust(width)
                for at, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def markdown(self) -> str:
        """As a table of Markdown."""
        rule = ("---", *("---:" for _ in self.header[1:]))
        lines = [self.header, rule, *self.rows]
        return "\n".join(f"| {' | '.join(_escaped(cell) for cell in line)} |" for line in lines)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def number(name: str, value: float | None, *, signed: bool = False) -> str:
    """A figure with its decimals; empty where there is none."""
    if value is None:
        return ""
    decimals = FIGURES.get(name, LEARNED).decimals
    return f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"


def title(name: str) -> str:
    """The heading of a figure."""
    return FIGURES[name].title if name in FIGURES else name


def table_of_images(
    result: Result, contender: str, published: Row | None, baseline: Row | None
) -> Table:
    """One contender on every image, its means, the baseline's, and the paper's for both."""
    entries = result.of(contender)
    means, plain = result.means(contender), result.means(result.contenders[0])
    names = list(means)
    rows = [
        (
            entry.image,
            *(number(name, entry.scores.get(name)) for name in names),
            f"{entry.seconds:.2f}",
        )
        for entry in entries
    ]
    seconds = sum(entry.seconds for entry in entries) / max(len(entries), 1)
    rows.append(("mean", *_cells(names, means), f"{seconds:.2f}"))
    if published:
        paper = published.figures
        off = {name: means[name] - paper[name] for name in names if name in paper}
        rows.append((f"paper: {published.model}", *_cells(names, paper), ""))
        rows.append(("difference", *_cells(names, off, signed=True), ""))
    if contender != result.contenders[0]:
        rows.append((f"{result.contenders[0]}, mean", *_cells(names, plain), ""))
    if baseline:
        rows.append((f"paper: {baseline.model}", *_cells(names, baseline.figures), ""))
    return Table(("image", *map(title, names), "seconds"), tuple(rows))


def table_of_contenders(results: Sequence[Result]) -> Table:
    """The means of every contender on every set, for a comparison at a glance."""
    names = list(dict.fromkeys(n for it in results for c in it.contenders for n in it.means(c)))
    rows = [
        (
            f"{result.name}: {contender}",
            str(len(entries)),
            *_cells(names, result.means(contender)),
            f"{sum(entry.seconds for entry in entries) / max(len(entries), 1):.2f}",
        )
        for result in results
        for contender in result.contenders
        for entries in [result.of(contender)]
    ]
    return Table(("set: weights", "images", *map(title, names), "seconds"), tuple(rows))


def table_of_verdicts(verdicts: Sequence[Verdict]) -> Table:
    """Expected, got and difference for each figure of each row."""
    rows = [
        (
            str(verdict.row),
            title(name),
            number(name, wanted),
            number(name, verdict.got.get(name)),
            number(name, verdict.got[name] - wanted, signed=True) if name in verdict.got else "",
            "pass" if verdict.passed else "FAIL" if verdict.result else "not done",
        )
        for verdict in verdicts
        for name, wanted in verdict.row.figures.items()
    ]
    return Table(("row", "figure", "paper", "got", "difference", ""), tuple(rows))


def _cells(
    names: Sequence[str], figures: Mapping[str, float], *, signed: bool = False
) -> tuple[str, ...]:
    return tuple(number(name, figures.get(name), signed=signed) for name in names)


def as_csv(results: Sequence[Result]) -> str:
    """One line per set, weights and image, all digits."""
    names = list(dict.fromkeys(n for it in results for entry in it.entries for n in entry.scores))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["set", "weights", "image", *names, "seconds"])
    for result in results:
        for entry in result.entries:
            figures = [entry.scores.get(name, "") for name in names]
            seconds = f"{entry.seconds:.3f}"
            writer.writerow([result.name, entry.contender, entry.image, *figures, seconds])
    return file.getvalue()


def as_json(results: Sequence[Result], about: Mapping[str, Any]) -> str:
    """All results with the facts ``about`` the run; an infinite figure is the text "inf"."""
    record = {
        **about,
        "sets": [
            {
                "name": result.name,
                "images": [
                    {
                        "image": entry.image,
                        "weights": entry.contender,
                        **_plain(entry.scores),
                        "seconds": round(entry.seconds, 3),
                    }
                    for entry in result.entries
                ],
                "means": {name: _plain(result.means(name)) for name in result.contenders},
                "problems": list(result.problems),
            }
            for result in results
        ],
    }
    return json.dumps(record, indent=1, allow_nan=False)


def verdicts_as_json(verdicts: Sequence[Verdict]) -> str:
    """Expected and got for each row, with what was tried."""
    rows = [
        {
            "table": verdict.row.table,
            "task": verdict.row.task,
            "model": verdict.row.model,
            "train": verdict.row.train,
            "set": verdict.row.images,
            "paper": verdict.row.figures,
            "got": _plain(verdict.got),
            "passed": verdict.passed if verdict.result else None,
            "reason": verdict.reason or None,
            "tried": [{"departure": it.reason, "figure": it.figure} for it in verdict.trials],
        }
        for verdict in verdicts
    ]
    return json.dumps(rows, indent=1, allow_nan=False)


def _plain(figures: Mapping[str, float]) -> dict[str, float | str]:
    return {name: "inf" if math.isinf(value) else value for name, value in figures.items()}
