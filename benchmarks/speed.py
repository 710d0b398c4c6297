"""The network against a plain transcription of the published one: writes docs/performance.md.

Both take turns in one run, so that what else the machine does falls on both. What is given is
medians of seconds, and ratios.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import matplotlib.figure
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from benchmarks.machine import bandwidth, machine, matrix_rate, memory_peak, seconds_of, traffic_of
from swinir.evaluation.rendering import Table
from swinir.network import SwinIRConfig
from swinir.network.inference import accelerated
from swinir.tasks import find_task
from swinir.writing import replacing
from tests.network.published import random_network
from tests.reference import reference_swinir

Run = Callable[[Tensor], Tensor]

PUBLISHED, OURS = "published", "ours"

HEAD = """# Performance

Written by

```
{command}
```

on {machine}. Both computations take turns in one
run; seconds are medians of {rounds} turns. The published computation is the transcription of
`tests/reference.py`, which makes no effort to be slow: explicit attention, tokens flattened and
unflattened in every block, mask and position bias made anew in each. Ours is what `test.py` runs on
a CPU (`swinir/network/inference.py`), in float32. Weights are random, which changes nothing of the
time; the difference is the largest of any value of the results, divided by their range.

"GFLOP/s" counts the operations of the published computation for both, and so says how fast the
picture is made; the machine multiplies matrices of 2048x2048 at {peak:.0f} GFLOP/s (the fastest of
the same turns) and copies {bandwidth:.0f} GB/s. Memory is what one pass adds to the process at its
peak.

"""

TAIL = """
![Roofline](performance.png)

Each point is a case: operations a byte that the program asks of the memory (every input and result
of every step, as though nothing stayed in a cache), and operations a second. The lines are what the
machine can do.

ONNX Runtime and OpenVINO, on the same tiles: [performance-backends.md](performance-backends.md).
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A network and a square tile of so many pixels a side."""

    title: str
    task: str
    side: int

    def config(self) -> SwinIRConfig:
        """The published configuration."""
        return find_task(self.task).network

    @property
    def name(self) -> str:
        """For a row of the table."""
        return f"{self.title}, {self.side}x{self.side}"


CASES = tuple(
    Case(title, task, side)
    for title, task in (
        ("lightweight x4", "light_sr_x4"),
        ("medium x4", "sr_x4"),
        ("medium denoising", "color_dn_25"),
    )
    for side in (64, 128)
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured of one case.

    Attributes:
        seconds: medians, by contender.
        operations: floating-point operations of the published computation.
        traffic: bytes of all inputs and results of all steps, by contender.
        memory: bytes that a pass adds at its peak, by contender.
        difference: the largest between both results, of their range.
        peak: operations a second of a matrix product, the most of the same run.
    """

    seconds: Mapping[str, float]
    operations: float
    traffic: Mapping[str, float]
    memory: Mapping[str, float]
    difference: float
    peak: float


def contenders(config: SwinIRConfig) -> dict[str, Run]:
    """Both computations of one network with random weights."""
    network = random_network(config).float().eval()
    state = {name: value.detach() for name, value in network.state_dict().items()}

    def published(image: Tensor) -> Tensor:
        return reference_swinir(
            state,
            image,
            window=config.window,
            num_heads=config.num_heads,
            depths=config.depths,
            scale=config.scale,
            head=config.head.value,
            group_conv=config.group_conv.value,
            img_range=config.img_range,
        )

    return {PUBLISHED: published, OURS: accelerated(network)}


def image_of(case: Case) -> Tensor:
    """A picture of noise."""
    return torch.rand(1, case.config().channels, case.side, case.side)


@torch.inference_mode()
def measure(case: Case, rounds: int) -> Outcome:
    """Let both take turns."""
    runs, image = contenders(case.config()), image_of(case)
    first = {name: run(image) for name, run in runs.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    rates: list[float] = []
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(seconds_of(lambda run=run: run(image)))
        rates.append(matrix_rate())
    with FlopCounterMode(display=False) as operations:
        runs[PUBLISHED](image)
    return Outcome(
        seconds={name: median(each) for name, each in taken.items()},
        operations=operations.get_total_flops(),
        traffic={name: traffic_of(run, image) for name, run in runs.items()},
        memory={name: memory_of(case, name) for name in runs},
        difference=difference(first[OURS], first[PUBLISHED]),
        peak=max(rates),
    )


def difference(one: Tensor, other: Tensor) -> float:
    """The largest between two results, divided by the range of the second."""
    return ((one - other).abs().max() / (other.max() - other.min())).item()


def memory_of(case: Case, name: str) -> float:
    """Bytes that one pass adds, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(peak_of, (case, name))


@torch.inference_mode()
def peak_of(case: Case, name: str) -> float:
    """Bytes that one pass adds to this process at its peak."""
    run, image = contenders(case.config())[name], image_of(case)
    return memory_peak(lambda: run(image))


def row(case: Case, found: Outcome) -> tuple[str, ...]:
    """A line of the table."""
    before, after = found.seconds[PUBLISHED], found.seconds[OURS]
    rate = found.operations / after
    return (
        case.name,
        f"{before:.2f}",
        f"{after:.2f}",
        f"{before / after:.2f}",
        f"{found.operations / before / 1e9:.0f}",
        f"{rate / 1e9:.0f}",
        f"{rate / found.peak:.0%}",
        *(f"{found.memory[name] / 2**20:.0f}" for name in (PUBLISHED, OURS)),
        f"{found.difference:.0e}",
    )


HEADER = (
    "case",
    "published, s",
    "ours, s",
    "times as fast",
    "published, GFLOP/s",
    "ours, GFLOP/s",
    "of the matrix product",
    "published, MiB",
    "ours, MiB",
    "difference",
)


def draw(target: Path, found: Sequence[Outcome], peak: float, copied: float) -> None:
    """The roofline as a PNG, whole or not at all."""
    figure = matplotlib.figure.Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    reach = [0.25, 1, peak / copied, 256]
    axes.plot(reach, [min(peak, it * copied) / 1e9 for it in reach], color="#777777")
    for name, colour in ((PUBLISHED, "#c8442b"), (OURS, "#3b6ea5")):
        axes.scatter(
            [it.operations / it.traffic[name] for it in found],
            [it.operations / it.seconds[name] / 1e9 for it in found],
            color=colour,
            label=name,
        )
    axes.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="GFLOP/s")
    axes.grid(which="both", color="#dddddd")
    axes.legend()
    with replacing(target) as unfinished:
        figure.savefig(unfinished, dpi=100, format="png")


def main() -> int:
    """Write the page; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7, help="turns of each (default 7)")
    arguments.add_argument("--output", type=Path, default=Path("docs/performance.md"))
    options = arguments.parse_args()
    copied = bandwidth()
    found = [measure(case, options.rounds) for case in tqdm(CASES, unit="case")]
    peak = max(it.peak for it in found)
    rows = tuple(row(case, it) for case, it in zip(CASES, found, strict=True))
    text = HEAD.format(
        command="make bench",
        machine=machine(),
        rounds=options.rounds,
        peak=peak / 1e9,
        bandwidth=copied / 1e9,
    )
    draw(options.output.with_suffix(".png"), found, peak, copied)
    with replacing(options.output) as unfinished:
        unfinished.write_text(f"{text}{Table(HEADER, rows).markdown()}\n{TAIL}", "utf-8")
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
