"""``python test.py --reproduce TABLE --benchmark DIR``: a paper's table, expected against got."""

import argparse
from collections.abc import Sequence
from functools import cache

from swinir.cli import engine
from swinir.cli.benchmark import Bar, Chapter, save
from swinir.cli.exits import DONE, INCOMPLETE
from swinir.evaluation import rendering
from swinir.evaluation.benchmark import Contender
from swinir.evaluation.papers import Row, find_rows
from swinir.evaluation.reproduction import Verdict
from swinir.evaluation.reproduction import reproduce as verdicts_of
from swinir.evaluation.sets import ImageSet, find_sets
from swinir.lines import printable
from swinir.tasks import find_task


class _Builder:
    """Makes what restores for a row: a network once for rows that follow each other.

    A server that cannot be reached is asked once for each file, not for each of its rows.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.refused: dict[tuple[str, str], str] = {}
        self.last: tuple[tuple[str, str, bool], Contender] | None = None

    def __call__(self, row: Row) -> Contender | None:
        if row.checkpoint is None:
            return None
        weights = self.options.weights or row.checkpoint.file
        file = (row.task, weights)
        if file in self.refused:
            raise ValueError(self.refused[file])
        try:
            return self._contender(row.task, weights, ensemble=row.ensemble)
        except ValueError as error:
            self.refused[file] = str(error)
            raise

    def _contender(self, task: str, weights: str, *, ensemble: bool) -> Contender:
        wanted = (task, weights, ensemble)
        if self.last is None or self.last[0] != wanted:
            padding = "published" if self.options.protocol == "paper" else "needed"
            restorer = engine.build(
                self.options, find_task(task), weights, tta=ensemble, padding=padding, exact=True
            )
            self.last = wanted, Contender(printable(weights), restorer.restore)
        return self.last[1]


def reproduce(options: argparse.Namespace) -> int:
    """Do the rows of a table whose images are there; 0 where all of them pass, 1 otherwise.

    Raises:
        ValueError: no such table, or no image set of it.
        OSError: the disk refuses.
    """
    rows = find_rows(options.reproduce)
    engine.check(options)
    options.output.mkdir(parents=True, exist_ok=True)
    bar = Bar(quiet=options.json)

    @cache
    def sets_of(scale: int) -> Sequence[ImageSet]:
        return [each for folder in options.benchmark for each in find_sets(folder, scale)]

    verdicts: list[Verdict] = []
    for verdict in verdicts_of(
        rows,
        sets_of,
        _Builder(options),
        workers=options.workers,
        progress=lambda row: bar.over(str(row)),
    ):
        verdicts.append(verdict)
        if not options.json:
            print(_line(verdict), flush=True)
    if not verdicts:
        wanted = ", ".join(dict.fromkeys(row.images for row in rows))
        there = ", ".join(dict.fromkeys(it.name for it in sets_of(1)))
        raise ValueError(f"the table {options.reproduce} is of the sets {wanted}; found {there}")
    chapter = Chapter(
        f"{options.reproduce}: {sum(it.passed for it in verdicts)} of {len(verdicts)} rows pass",
        rendering.table_of_verdicts(verdicts),
        tuple(_line(verdict) for verdict in verdicts if verdict.reason),
    )
    record = rendering.verdicts_as_json(verdicts)
    markdown = f"# Tables of the papers, done again\n\n{chapter.markdown()}\n"
    save(options.output, {"reproduction.md": markdown, "reproduction.json": f"{record}\n"})
    print(record if options.json else f"\n{chapter.heading}\n{chapter.table.text()}")
    return DONE if all(verdict.passed for verdict in verdicts) else INCOMPLETE


def _line(verdict: Verdict) -> str:
    state = "pass" if verdict.passed else "FAIL" if verdict.result else "not done"
    problems = list(verdict.result.problems) if verdict.result else []
    reasons = "; ".join(filter(None, [verdict.reason, *problems]))
    return f"{state}: {verdict.row}{': ' if reasons else ''}{printable(reasons)}"
