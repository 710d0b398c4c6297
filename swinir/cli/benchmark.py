"""``python test.py --task TASK --benchmark DIR``: scores beside the papers' figures."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from swinir.checkpoints import resolve
from swinir.cli import engine
from swinir.cli.exits import DONE, INCOMPLETE
from swinir.evaluation import rendering
from swinir.evaluation.benchmark import Contender, Result, Showing, run
from swinir.evaluation.method import Method, as_published
from swinir.evaluation.papers import published, published_baseline
from swinir.evaluation.reproduction import reason_for, try_departures, within
from swinir.evaluation.sets import ImageSet, find_sets, pair_folders
from swinir.evaluation.sheets import comparison
from swinir.images.files import write
from swinir.images.picture import Picture
from swinir.lines import printable
from swinir.metrics.learned import load
from swinir.tasks import Task, find_task
from swinir.writing import replacing

PADDING = {
    "ours": "tiles mirrored up to whole windows where needed",
    "paper": "whole pictures, always mirrored by up to a window, as the papers' script does",
}


class Bar:
    """Progress over the images of one thing after another, for people only."""

    def __init__(self, *, quiet: bool) -> None:
        """``quiet`` shows none, and so does an output that is not a terminal."""
        self.quiet = quiet or not sys.stderr.isatty()

    def over(self, name: str) -> Callable[[int, int], None]:
        """A function to call with images done and in all."""
        bar = tqdm(desc=name, unit="picture", disable=self.quiet)

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
            if done == total:
                bar.close()

        return advance


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the report: a heading, a table, and lines of text after it."""

    heading: str
    table: rendering.Table
    lines: tuple[str, ...] = ()

    def text(self) -> str:
        """For the terminal."""
        return "\n".join([self.heading, self.table.text(), *self.lines])

    def markdown(self) -> str:
        """For a file."""
        remarks = "".join(f"\n- {line}" for line in self.lines)
        return f"## {self.heading}\n\n{self.table.markdown()}\n{remarks}"


def save(folder: Path, files: dict[str, str]) -> None:
    """Write texts into a folder, each whole or not at all."""
    for name, text in files.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def benchmark(options: argparse.Namespace) -> int:
    """Score the weights on the sets; returns the exit code.

    Raises:
        ValueError: no such task, weights, metric or set.
        OSError: the disk refuses.
    """
    task = find_task(options.task)
    method = as_published(task)
    engine.check(options)
    sets = _sets(options, method.scale)
    learned = load(options.metrics or [])
    contenders = _contenders(options, task)
    options.output.mkdir(parents=True, exist_ok=True)
    bar = Bar(quiet=options.json)
    results: list[Result] = []
    chapters: list[Chapter] = []

    def show(chapter: Chapter) -> None:
        chapters.append(chapter)
        if not options.json:
            print(chapter.text(), end="\n\n", flush=True)

    for images in sets:
        result = run(
            list(contenders.values()),
            images,
            method,
            workers=options.workers,
            learned=learned,
            look=None if options.no_sheets else _sheets(options.output / "sheets", images, method),
            progress=bar.over(images.name),
        )
        results.append(result)
        for chapter in _chapters(options, task, method, images, result, contenders):
            show(chapter)
    if len(results) * len(contenders) > 1:
        show(Chapter("All sets", rendering.table_of_contenders(results)))
    about = {
        "task": task.name,
        "protocol": options.protocol,
        "padding": PADDING[options.protocol],
        "border": method.border,
    }
    record = rendering.as_json(results, about)
    title = f"# {task.title}\n"
    save(
        options.output,
        {
            "benchmark.md": "\n".join([title, *(f"{it.markdown()}\n" for it in chapters)]),
            "benchmark.csv": rendering.as_csv(results),
            "benchmark.json": f"{record}\n",
        },
    )
    pictures = "" if options.no_sheets else ", sheets/"
    wrote = f"wrote {printable(options.output)}/benchmark.md, .csv, .json{pictures}"
    print(record if options.json else wrote)
    return INCOMPLETE if any(result.problems for result in results) else DONE


def _contenders(options: argparse.Namespace, task: Task) -> dict[str, Contender]:
    """What restores, by the name of its file."""
    wishes: list[str | None] = options.compare or [options.weights]
    files = [resolve(task, wish) for wish in wishes]
    names = [path.name for path in files]
    padding = "published" if options.protocol == "paper" else "needed"
    found: dict[str, Contender] = {}
    for wish, path in zip(wishes, files, strict=True):
        name = path.name if names.count(path.name) == 1 else str(path)
        if name in found:
            raise ValueError(f"--compare takes different weights, got {name} twice")
        restorer = engine.build(options, task, wish, tta=options.tta, padding=padding, exact=True)
        label = f"{name.removesuffix(path.suffix)}{'+' if options.tta else ''}"
        found[name] = Contender(printable(label), restorer.restore)
    return found


def _sets(options: argparse.Namespace, scale: int) -> list[ImageSet]:
    if options.lq:
        return [pair_folders(options.lq, options.gt, scale)]
    sets = [each for folder in options.benchmark for each in find_sets(folder, scale)]
    # Neither the rows of a table nor the sheets could be told apart.
    for name, count in Counter(each.name.casefold() for each in sets).items():
        if count > 1:
            raise ValueError(
                f"--benchmark takes sets of different names, got {count} called {name}; "
                "do one at a time"
            )
    return sets


def _sheets(folder: Path, images: ImageSet, method: Method) -> Callable[[Showing], None]:
    def draw(showing: Showing) -> None:
        target = folder / images.name / f"{showing.name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, Picture(comparison(showing, method.headline)))

    return draw


def _chapters(
    options: argparse.Namespace,
    task: Task,
    method: Method,
    images: ImageSet,
    result: Result,
    contenders: dict[str, Contender],
) -> Sequence[Chapter]:
    problems = tuple(f"left out: {printable(line)}" for line in result.problems)
    how = _statement(options, method, images)
    chapters: list[Chapter] = []
    for file, contender in contenders.items():
        paper = published(task, images.name, file=file, ensemble=options.tta)
        baseline = published_baseline(task, images.name)
        table = rendering.table_of_images(result, contender.label, paper, baseline)
        lines = [how, *problems]
        if options.expect is not None:
            lines.append(_explained(options.expect, contender, images, task, method, result))
        chapters.append(Chapter(f"{images.name}: {contender.label}", table, tuple(lines)))
    return chapters


def _explained(
    expected: float,
    contender: Contender,
    images: ImageSet,
    task: Task,
    method: Method,
    result: Result,
) -> str:
    """Why a figure from elsewhere is another than the one measured."""
    name = method.headline
    got = result.means(contender.label).get(name)
    if within(name, got, expected):
        reason = "the same"
    else:
        trials = try_departures(contender, images, task, method)
        reason = reason_for(expected, method, trials)
    pair = (rendering.number(name, value) for value in (expected, got))
    return "expected {}, got {}: ".format(*pair) + reason


def _statement(options: argparse.Namespace, method: Method, images: ImageSet) -> str:
    given = any(sample.degraded for sample in images.samples)
    made = "given" if given else "made of the truth as the papers do"
    border = f"{method.border} pixels shaved" if method.border else "nothing shaved"
    grey = "; a grey file counts as three channels" if method.channels == 3 else ""
    return f"low-quality images {made}; {border}{grey}; {PADDING[options.protocol]}"
