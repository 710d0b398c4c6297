"""Our weights on every set of a folder, beside bicubic and the papers: writes docs/results.md."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
from tqdm import tqdm

from swinir.checkpoints import load_network
from swinir.data.realworld import bsrgan
from swinir.evaluation.benchmark import Contender, Result, run
from swinir.evaluation.method import Method, as_published
from swinir.evaluation.papers import published, published_baseline
from swinir.evaluation.rendering import Table, number
from swinir.evaluation.sets import ImageSet, find_sets
from swinir.images.tensors import Image
from swinir.restoration import Restorer
from swinir.tasks import TASKS, Bicubic, Degradation, RealWorld, Task
from swinir.writing import replacing

Cells = tuple[str, ...]

HEAD = """# Results

Means of every set at hand, for every file of weights that ships: what there is without a network,
our weights, and the papers' figures. Written by

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
thousand times as many pixels, all others are thirteen times larger. Sets for which no paper gives a
figure are there for the sake of comparison. No paper scores real photographs, which have no truth:
there the pictures are degraded by BSRGAN's pipeline, each from a seed made of its own pixels.

Which trunk is worth training, SwinIR's, that of Swin V2 or a U, is compared at equal arithmetic in
[comparison.md](comparison.md).
"""

COLOUR, GREY, REAL = ("McMaster",), ("Set12", "classic5"), ("GB82",)
"""Sets for noise and JPEG, and for real photographs; super-resolution is scored on all."""


def ours() -> dict[str, list[Task]]:
    """Tasks with weights of our own, by their file."""
    files: dict[str, list[Task]] = {}
    for task in TASKS.values():
        for checkpoint in task.from_source("ours")[:1]:
            files.setdefault(Path(checkpoint.file).stem, []).append(task)
    return files


def method_of(task: Task) -> Method:
    """How figures for a task are made; for real photographs by BSRGAN's pipeline."""
    method = as_published(task)
    if not isinstance(task.undoes, RealWorld):
        return method

    def degrade(image: Image) -> Image:
        return bsrgan(image, method.scale, np.random.default_rng(crc32(image.tobytes())))

    return replace(method, degrade=degrade)


def sets_of(task: Task, folder: Path) -> list[ImageSet]:
    """The sets that a task is scored on."""
    found = find_sets(folder, task.network.scale)
    match task.undoes:
        case Bicubic():
            return found
        case RealWorld():
            names = REAL
        case _:
            names = GREY if task.network.channels == 1 else COLOUR
    return [each for each in found if each.name in names]


def row(tasks: Sequence[Task], method: Method, result: Result) -> Cells:
    """One set: both figures of the baseline, ours and the papers', and the gain in the first."""
    names = (method.headline, "ssim_y" if method.headline == "psnr_y" else "ssim")
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


def table(name: str, tasks: Sequence[Task], folder: Path) -> str:
    """One file of weights on the sets of tasks that undo the same."""
    method = method_of(tasks[0])
    contender = Contender(name, Restorer(load_network(tasks[0], "ours"), precision="fp32").restore)
    rows: list[Cells] = []
    for images in tqdm(sets_of(tasks[0], folder), desc=tasks[0].name, unit="set"):
        result = run([contender], images, method)
        if result.problems:
            raise ValueError("; ".join(result.problems))
        rows.append(row(tasks, method, result))
    header = (
        "set",
        "images",
        method.baseline,
        f"{method.baseline}, published",
        name,
        *(f"paper, {task.name}" for task in tasks),
        "gain in dB",
    )
    figures = "PSNR-Y in dB / SSIM-Y" if method.headline == "psnr_y" else "PSNR in dB / SSIM"
    return f"{tasks[0].title}; {figures}.\n\n{Table(header, tuple(rows)).markdown()}\n"


def chapter(name: str, tasks: Sequence[Task], folder: Path) -> str:
    """A section of the page: all that one file of weights is for."""
    alike: dict[Degradation, list[Task]] = {}
    for task in tasks:
        alike.setdefault(task.undoes, []).append(task)
    tables = [table(name, each, folder) for each in alike.values()]
    return "\n".join([f"{HEADING}{name}\n", *tables])


HEADING = "## "


def chapters_of(page: Path) -> dict[str, str]:
    """The sections that a page has, by the name of their weights."""
    text = page.read_text("utf-8") if page.exists() else ""
    _, *found = text.split(f"\n{HEADING}")
    return {each.partition("\n")[0]: f"{HEADING}{each.rstrip()}\n" for each in found}


def main() -> int:
    """Write the page; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sets", type=Path, default=Path("../shared/images/bench"))
    arguments.add_argument("--output", type=Path, default=Path("docs/results.md"))
    arguments.add_argument(
        "--only", nargs="+", metavar="NAME", help="score these weights, keep the page's other rows"
    )
    options = arguments.parse_args()
    files = ours()
    unknown = set(options.only or ()) - set(files)
    if unknown:
        arguments.error(f"--only takes {', '.join(files)}, got {', '.join(sorted(unknown))}")
    kept = chapters_of(options.output) if options.only else {}
    try:
        chapters = {
            name: chapter(name, tasks, options.sets)
            for name, tasks in files.items()
            if name in (options.only or files)
        }
    except (ValueError, OSError) as error:
        print(f"quality.py: {error}", file=sys.stderr)
        return 2
    chapters = {name: text for name in files if (text := chapters.get(name) or kept.get(name))}
    command = f"make bench-quality SETS={options.sets}"
    with replacing(options.output) as temporary:
        page = "\n".join([HEAD.format(command=command), *chapters.values()])
        temporary.write_text(page, "utf-8")
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
