"""Trunks of equal arithmetic, trained alike: writes docs/comparison.md and its picture."""

import argparse
import csv
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import matplotlib.figure
import torch
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from benchmarks.machine import seconds_of
from benchmarks.quality import sets_of
from swinir.checkpoints import load_network
from swinir.evaluation.benchmark import Contender, Result, run
from swinir.evaluation.method import as_published
from swinir.evaluation.rendering import Table, number
from swinir.network import SwinIR, SwinIRConfig
from swinir.restoration import Restorer
from swinir.tasks import find_task
from swinir.training.state import load_newest
from swinir.writing import replacing

TASK = find_task("color_dn_25")

ROUNDS = 5
"""Turns in which steps are timed."""

TRUNKS = {
    "flat_dot": ("SwinIR", "#3b6ea5"),
    "flat_cosine": ("SwinIR, attention of Swin V2", "#c8442b"),
    "u_dot": ("U of three levels", "#2d7d46"),
}
"""Recipes of options/comparison/: what their networks are called, and a colour."""

HEAD = """# Comparison of trunks

Written by

```
{command}
```

which trains the three recipes of `options/comparison/` and scores what they come to. They differ
in `[network]` alone: photographs, crops, noise (sigma 25), start, seed, loss and optimiser are the
same, and so is the arithmetic of a pass, within 2%. This compares trunks in short runs; after long
ones their order may be another.

"GFLOPs" are the floating-point operations of a forward pass of a crop; "all steps" counts three of
them for each crop, because a backward pass takes twice a forward one. Seconds are the median of
{rounds} passes of a batch forward and backward, in which the networks took turns after the runs;
those of the runs themselves hold what else the machine did. It was {machine}.
Validation is on the middle of photographs, with the average of the weights; the sets are scored as
`python test.py --task {task} --benchmark` scores them, with the average after the last step.

"""

TAIL = """
![Curves](comparison.png)

Validation over the arithmetic of all steps so far, and over their seconds at that pace.
"""


@dataclass(frozen=True, slots=True)
class Trained:
    """A run that is finished.

    Attributes:
        name: of its recipe.
        network: with the average of the weights after the last step.
        operations: of a forward pass of a crop.
        compute: operations of all its steps.
        batch: shape of the images of a step.
        scores: PSNR of validation in dB by the number of steps.
        iterations: that it took.
        hardware: on what.
    """

    name: str
    network: SwinIR
    operations: int
    compute: float
    batch: tuple[int, int, int, int]
    scores: Mapping[int, float]
    iterations: int
    hardware: str

    @property
    def title(self) -> str:
        """For people."""
        return TRUNKS[self.name][0]


def operations(config: SwinIRConfig, side: int) -> int:
    """Floating-point operations of a forward pass of one crop of ``side`` pixels."""
    # Nothing is computed there, and attention is no fused kernel, which would not be counted.
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        SwinIR(config)(torch.rand(1, config.channels, side, side))
    return counter.get_total_flops()


def read(folder: Path, name: str) -> Trained:
    """What the run of a recipe left in ``folder``.

    Raises:
        ValueError: it is not there, or not finished.
    """
    where = folder / name
    state = load_newest(where / "states")[0]
    if state is None or state.recipe is None:
        raise ValueError(f"{where}: no run is there; train.py options/comparison/{name}.toml")
    optim, data = state.recipe["optim"], state.recipe["data"]
    if state.iteration < optim["iterations"]:
        raise ValueError(
            f"{where}: stopped after {state.iteration} of {optim['iterations']} steps; "
            f"train.py options/comparison/{name}.toml goes on"
        )
    network = load_network(TASK, str(where / f"{name}.safetensors"))
    count = operations(network.config, data["patch"])
    crops = optim["batch_size"] * optim["accumulate"] * state.processes
    return Trained(
        name=name,
        network=network,
        operations=count,
        compute=3.0 * count * crops * state.iteration,
        batch=(optim["batch_size"], network.config.channels, data["patch"], data["patch"]),
        scores=_scores(where / "scores.csv"),
        iterations=state.iteration,
        hardware=_hardware(where / f"{name}.md"),
    )


def _scores(path: Path) -> dict[int, float]:
    with path.open(encoding="utf-8") as file:
        found = {int(row["iteration"]): float(row["psnr"]) for row in csv.DictReader(file)}
    if not found:
        raise ValueError(f"{path}: no validation is on record")
    return found


def _hardware(card: Path) -> str:
    found = re.search(r"^\| hardware \| (.*) \|$", card.read_text("utf-8"), re.MULTILINE)
    if not found:
        raise ValueError(f"{card}: no hardware is told")
    return found[1]


def score(runs: Sequence[Trained], folder: Path) -> list[Result]:
    """All of them on the sets of a folder that denoising in colour is scored on.

    Raises:
        ValueError: there is none, or a picture cannot be scored.
    """
    contenders = [Contender(it.name, Restorer(it.network, precision="fp32").restore) for it in runs]
    results: list[Result] = []
    for images in tqdm(sets_of(TASK, folder), unit="set"):
        results.append(run(contenders, images, as_published(TASK)))
        if results[-1].problems:
            raise ValueError("; ".join(results[-1].problems))
    return results


def pace(runs: Sequence[Trained]) -> dict[str, float]:
    """Seconds of a batch forward and backward in bf16, by the name of the run."""
    taken: dict[str, list[float]] = {it.name: [] for it in runs}
    networks = {it.name: (it.network.train(), torch.rand(it.batch)) for it in runs}

    def step(network: SwinIR, images: torch.Tensor) -> None:
        with torch.autocast("cpu", torch.bfloat16):
            result = network(images)
        result.float().mean().backward()
        network.zero_grad()

    for _ in range(ROUNDS + 1):
        for name, (network, images) in networks.items():
            taken[name].append(seconds_of(partial(step, network, images)))
    # The first turn prepares what the others find.
    return {name: median(each[1:]) for name, each in taken.items()}


def table(
    runs: Sequence[Trained], results: Sequence[Result], seconds: Mapping[str, float]
) -> Table:
    """A row for each network."""
    header = (
        "trunk",
        "recipe",
        "parameters",
        "GFLOPs",
        "PFLOPs, all steps",
        "seconds a step",
        "best validation, dB",
        "last validation, dB",
        *(f"{it.name}, dB" for it in results),
    )
    rows = [
        (
            it.title,
            it.name,
            f"{sum(each.numel() for each in it.network.parameters()):,}",
            f"{it.operations / 1e9:.2f}",
            f"{it.compute / 1e15:.3g}",
            f"{seconds[it.name]:.2f}",
            f"{max(it.scores.values()):.2f}",
            f"{it.scores[max(it.scores)]:.2f}",
            *(number("psnr", each.means(it.name)["psnr"]) for each in results),
        )
        for it in runs
    ]
    return Table(header, tuple(rows))


def draw(target: Path, runs: Sequence[Trained], seconds: Mapping[str, float]) -> None:
    """The curves as a PNG, whole or not at all; ``seconds`` are those of a step."""
    figure = matplotlib.figure.Figure(figsize=(12, 5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for it in runs:
        for axes, whole in zip(
            panels, (it.compute / 1e15, it.iterations * seconds[it.name]), strict=True
        ):
            axes.plot(
                [whole * step / it.iterations for step in it.scores],
                list(it.scores.values()),
                marker=".",
                color=TRUNKS[it.name][1],
                label=it.title,
            )
    for axes, label in zip(panels, ("PFLOPs of training", "seconds of steps"), strict=True):
        axes.set_xlabel(label)
        axes.set_axisbelow(True)
        axes.grid(color="#dddddd")
    panels[0].set_ylabel("PSNR of validation, dB")
    panels[0].legend()
    with replacing(target) as unfinished:
        figure.savefig(unfinished, dpi=100, format="png")


def main() -> int:
    """Write the page; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=Path, default=Path("runs"), help="of the three recipes")
    arguments.add_argument("--sets", type=Path, default=Path("../shared/images/bench"))
    arguments.add_argument("--output", type=Path, default=Path("docs/comparison.md"))
    options = arguments.parse_args()
    try:
        runs = [read(options.runs, name) for name in TRUNKS]
        results = score(runs, options.sets)
    except (ValueError, OSError) as error:
        print(f"comparison.py: {error}", file=sys.stderr)
        return 2
    seconds = pace(runs)
    found = table(runs, results, seconds).markdown()
    head = HEAD.format(
        rounds=ROUNDS,
        command=f"make bench-comparison SETS={options.sets}",
        machine="; ".join(sorted({it.hardware for it in runs})),
        task=TASK.name,
    )
    draw(options.output.with_suffix(".png"), runs, seconds)
    with replacing(options.output) as unfinished:
        unfinished.write_text(f"{head}{found}\n{TAIL}", "utf-8")
    print(found)
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
