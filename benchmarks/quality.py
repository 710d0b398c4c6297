"""Our weights on every set of a folder, beside bicubic and the papers: writes docs/results.md."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from swinir.checkpoints import load_network, resolve
from swinir.evaluation.benchmark import Contender, Result, run
from swinir.evaluation.method import Method, as_published
from swinir.evaluation.papers import published, published_baseline
from swinir.evaluation.rendering import Table, number, title
from swinir.evaluation.sets import find_sets
from swinir.restoration import Restorer
from swinir.tasks import TASKS, Task
from swinir.writing import replacing

Cells = tuple[str, ...]

HEAD = """# Results

Means of every set at hand, for every task that ships weights of its own: what there is without a
network, our weights, and the papers' figures. Written by

```
{command}
```

Figures are made as the papers make theirs: for super-resolution the luma of BT.601 with `scale`
pixels shaved, for noise and JPEG all channels; results rounded to 8 bits first. A grey file of a
super-resolution set counts as three equal channels, as in SwinIR's script. The published figures of
bicubic count it as it is, which is why ours are 0.09 dB higher on Set14, where one file is grey;
`python test.py --reproduce bicubic --benchmark DIR` counts as they do and agrees within 0.02 dB.
What is left comes from rounding: the old scripts shrank the luma alone, in floating point.

"Paper" is the published SwinIR of a task: `light_sr_*` is a network like ours that saw some three
thousand times as many pixels, `sr_*` one thirteen times larger. Sets for which no paper gives a
figure are there for the sake of comparison.
"""


def ours() -> dict[str, list[Task]]:
    """Tasks with weights of our own, by their file."""
    files: dict[str, list[Task]] = {}
    for task in TASKS.values():
        for checkpoint in task.from_source("ours")[:1]:
            files.setdefault(checkpoint.file, []).append(task)
    return files


def row(tasks: Sequence[Task], method: Method, result: Result, names: tuple[str, str]) -> Cells:
    """One set: both figures of the baseline, ours and the papers', and the gain in the first."""
    plain, best = (result.means(label) for label in result.contenders)
    baseline = published_baseline(tasks[0], result.name)
    papers = [published(task, result.name) for task in tasks]
    columns = [plain, baseline.figures if baseline else {}, best]
    columns += [paper.figures if paper else {} for paper in papers]
    cells = [
        " / ".join(number(name, figures[name]) for name in names if name in figures)
        for figures in columns
    ]
    gain = number(method.headline, best[method.headline] - plain[method.headline], signed=True)
    return (result.name, str(len(result.of(result.contenders[0]))), *cells, gain)


def chapter(tasks: Sequence[Task], folder: Path) -> str:
    """A section of the page: one file of weights on all sets that have a truth."""
    task = tasks[0]
    method = as_published(task)
    file = resolve(task, "ours")
    contender = Contender(file.stem, Restorer(load_network(task, "ours")).restore)
    structure = "ssim_y" if method.headline == "psnr_y" else "ssim"
    rows: list[Cells] = []
    for images in tqdm(find_sets(folder, method.scale), desc=task.name, unit="set"):
        result = run([contender], images, method)
        if result.problems:
            raise ValueError("; ".join(result.problems))
        rows.append(row(tasks, method, result, (method.headline, structure)))
    figures = f"{title(method.headline)} in dB / {title(structure)}"
    header = (
        "set",
        "images",
        method.baseline,
        f"{method.baseline}, published",
        file.stem,
        *(f"paper, {each.name}" for each in tasks),
        "gain in dB",
    )
    table = Table(header, tuple(rows)).markdown()
    return f"## {task.title}: {file.name}\n\n{figures}.\n\n{table}\n"


def main() -> int:
    """Write the page; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sets", type=Path, default=Path("../shared/images/bench"))
    arguments.add_argument("--output", type=Path, default=Path("docs/results.md"))
    options = arguments.parse_args()
    try:
        chapters = [chapter(tasks, options.sets) for tasks in ours().values()]
    except (ValueError, OSError) as error:
        print(f"quality.py: {error}", file=sys.stderr)
        return 2
    command = f"make bench-quality SETS={options.sets}"
    with replacing(options.output) as temporary:
        temporary.write_text("\n".join([HEAD.format(command=command), *chapters]), "utf-8")
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
