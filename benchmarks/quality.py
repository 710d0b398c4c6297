"""Our weights on every set of a folder, beside bicubic and the papers: writes docs/results.md."""

import argparse
import sys
from collections.abc import Iterator
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

"Paper" is the published SwinIR of the same task, much larger networks trained much longer. Sets for
which no paper gives a figure are there for the sake of comparison with bicubic.
"""


def ours() -> Iterator[Task]:
    """Tasks with weights of our own, one for each file, the task with more published rows first."""
    files: set[str] = set()
    for task in TASKS.values():
        own = task.from_source("ours")
        if own and own[0].file not in files:
            files.add(own[0].file)
            yield task


def row(task: Task, method: Method, result: Result, names: tuple[str, str]) -> tuple[str, ...]:
    """One set: both figures of the baseline, ours and the paper's, and the gain in the first."""
    plain, best = (result.means(label) for label in result.contenders)
    paper, published_plain = published(task, result.name), published_baseline(task, result.name)
    cells: list[str] = [result.name, str(len(result.of(result.contenders[0])))]
    for figures in (
        plain,
        published_plain.figures if published_plain else {},
        best,
        paper.figures if paper else {},
    ):
        cells.append(" / ".join(number(name, figures[name]) for name in names if name in figures))
    gain = best[method.headline] - plain[method.headline]
    return (*cells, number(method.headline, gain, signed=True))


def chapter(task: Task, folder: Path) -> str:
    """A section of the page: one task on all sets that have a truth."""
    method = as_published(task)
    file = resolve(task, "ours")
    contender = Contender(file.stem, Restorer(load_network(task, "ours")).restore)
    structure = "ssim_y" if method.headline == "psnr_y" else "ssim"
    rows: list[tuple[str, ...]] = []
    for images in tqdm(find_sets(folder, method.scale), desc=task.name, unit="set"):
        result = run([contender], images, method)
        if result.problems:
            raise ValueError("; ".join(result.problems))
        rows.append(row(task, method, result, (method.headline, structure)))
    figures = f"{title(method.headline)} in dB / {title(structure)}"
    header = (
        "set",
        "images",
        method.baseline,
        f"{method.baseline}, published",
        file.stem,
        "paper",
        "gain in dB",
    )
    table = Table(header, tuple(rows)).markdown()
    return f"## {task.title} (`{task.name}`): {file.name}\n\n{figures}.\n\n{table}\n"


def main() -> int:
    """Write the page; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sets", type=Path, default=Path("../shared/images/bench"))
    arguments.add_argument("--output", type=Path, default=Path("docs/results.md"))
    options = arguments.parse_args()
    try:
        chapters = [chapter(task, options.sets) for task in ours()]
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
