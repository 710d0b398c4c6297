"""``python test.py --reproduce TABLE --benchmark DIR``: a paper's table, expected against got."""

import argparse
from collections.abc import Sequence
from functools import cache, lru_cache

from swinir.cli import engine
from swinir.cli.benchmark import Bar, Chapter, save
from swinir.cli.exits import DONE, INCOMPLETE
from swinir.evaluation import rendering
from swinir.evaluation.benchmark import Contender
from swinir.evaluation.papers import Row, find_rows
from swinir.evaluation.reproduction import Verdict
from swinir.evaluation.reproduction import reproduce as verdicts_of
from swinir.evaluation.sets import ImageSet, find_sets
from swinir.restoration.batch import printable
from swinir.tasks import find_task


def reproduce(options: argparse.Namespace) -> int:
    """Do the rows of a table whose images are there; 0 where all of them pass, 1 otherwise.

    Raises:
        ValueError: no such table, or no image set of it.
        OSError: the disk refuses.
    """
    rows = find_rows(options.reproduce)
    options.output.mkdir(parents=True, exist_ok=True)
    bar = Bar(quiet=options.json)

    @cache
    def sets_of(scale: int) -> Sequence[ImageSet]:
        return [each for folder in options.benchmark for each in find_sets(folder, scale)]

    # Neighbouring rows are of one network on several sets.
    @lru_cache(maxsize=1)
    def contender(task: str, weights: str, *, ensemble: bool) -> Contender:
        padding = "published" if options.protocol == "paper" else "needed"
        restorer = engine.build(options, find_task(task), weights, tta=ensemble, padding=padding)
        return Contender(printable(weights), restorer.restore)

    def build(row: Row) -> Contender | None:
        if row.checkpoint is None:
            return None
        weights = options.weights or row.checkpoint.file
        return contender(row.task, weights, ensemble=row.ensemble)

    verdicts: list[Verdict] = []
    for verdict in verdicts_of(
        rows,
        sets_of,
        build,
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
