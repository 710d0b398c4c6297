"""The network against the published computation: writes docs/performance.md and its picture."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib.figure
import torch
from tqdm import tqdm

from benchmarks.contest import BF16, CASES, OURS, PUBLISHED, Case, Outcome, at_once, measure
from benchmarks.machine import bandwidth
from swinir.evaluation.rendering import Table
from swinir.restoration.backends.kernels import numba_installed
from swinir.restoration.hardware import hardware
from swinir.writing import replacing

HEAD = """# Performance

Written by

```
make bench
```

on {machine}. All computations take turns in one
run; seconds are medians of {rounds} turns. The published computation is the transcription of
`tests/reference.py`, which makes no effort to be slow: explicit attention, tokens flattened and
unflattened in every block, mask and position bias made anew in each. Ours is what `test.py` runs on
a CPU (`swinir/network/inference.py`), in float32; "at once" is {lanes} tiles side by side, each
with a part of the cores, as `test.py` does where that was measured to be quicker; {loops}.
Memory that is freed is kept for the next pass (`swinir/restoration/allocator.py`), of the published
computation, too. Weights are random, which changes nothing of the time; the difference is the
largest of any value of the results, divided by their range.

"GFLOP/s" counts the operations of the published computation for all, and so says how fast the
picture is made; the machine multiplies matrices of 2048x2048 at {peak:.0f} GFLOP/s in float32 (the
fastest of the same turns) and copies {bandwidth:.0f} GB/s. Memory is what one pass adds to the
process at its peak.

"""

LOOPS = "they\nare computed by loops of our own in part (`requirements-numba.txt`)"
NO_LOOPS = "they\nare computed by torch alone, as Numba is not installed"

LOW = """
## bf16

The same network with `--precision bf16`, against the published computation in float32: what `auto`
takes on a processor with units for it (AMX). This machine multiplies the same matrices at
{low:.0f} GFLOP/s in bf16, which is {share:.2f} times its rate in float32.

"""

TAIL = """
## What stands between

![Roofline](performance.png)

Each point is a case: operations a byte that the program asks of the memory (every input and result
of every step, as though nothing stayed in a cache), and operations a second. The lines are what the
machine can do.

`make bench` writes how ONNX Runtime and OpenVINO do on the same tiles into performance-backends.md.
"""

HEADER = (
    "case",
    "published, s",
    "ours, s",
    "times as fast",
    "at once, s a tile",
    "times as fast",
    "published, GFLOP/s",
    "at once, GFLOP/s",
    "of the matrix product",
    "published, MiB",
    "ours, MiB",
    "difference",
)

LOW_HEADER = (
    "case",
    "bf16, s",
    "times as fast",
    "at once, s a tile",
    "times as fast",
    "at once, GFLOP/s",
    "of the matrix product in bf16",
    "bf16, MiB",
    "PSNR against float32, dB",
)


def row(case: Case, found: Outcome) -> tuple[str, ...]:
    """A line of the first table."""
    before, alone, together = (found.seconds[name] for name in (PUBLISHED, OURS, at_once(OURS)))
    return (
        case.name,
        f"{before:.2f}",
        f"{alone:.2f}",
        f"{before / alone:.2f}",
        f"{together:.2f}",
        f"{before / together:.2f}",
        f"{found.operations / before / 1e9:.0f}",
        f"{found.operations / together / 1e9:.0f}",
        f"{found.operations / together / found.peak:.0%}",
        *(f"{found.memory[name] / 2**20:.0f}" for name in (PUBLISHED, OURS)),
        f"{found.difference:.0e}",
    )


def low_row(case: Case, found: Outcome) -> tuple[str, ...]:
    """A line of the table of bf16."""
    before, low, together = (found.seconds[name] for name in (PUBLISHED, BF16, at_once(BF16)))
    return (
        case.name,
        f"{low:.2f}",
        f"{before / low:.2f}",
        f"{together:.2f}",
        f"{before / together:.2f}",
        f"{found.operations / together / 1e9:.0f}",
        f"{found.operations / together / found.low_peak:.0%}",
        f"{found.memory[BF16] / 2**20:.0f}",
        f"{found.psnr:.1f}",
    )


def write_page(
    target: Path, found: Sequence[Outcome], *, rounds: int, lanes: int, copied: float
) -> None:
    """The page and the picture beside it, whole or not at all."""
    peak, low = max(it.peak for it in found), max(it.low_peak for it in found)
    rows = [(row(case, it), low_row(case, it)) for case, it in zip(CASES, found, strict=True)]
    text = HEAD.format(
        machine=hardware(torch.device("cpu")),
        rounds=rounds,
        lanes=lanes,
        loops=LOOPS if numba_installed() else NO_LOOPS,
        peak=peak / 1e9,
        bandwidth=copied / 1e9,
    )
    text += f"{Table(HEADER, tuple(first for first, _ in rows)).markdown()}\n"
    text += LOW.format(low=low / 1e9, share=low / peak)
    text += f"{Table(LOW_HEADER, tuple(second for _, second in rows)).markdown()}\n{TAIL}"
    draw(target.with_suffix(".png"), found, (peak, low), copied)
    with replacing(target) as unfinished:
        unfinished.write_text(text, "utf-8")


def draw(target: Path, found: Sequence[Outcome], peaks: tuple[float, float], copied: float) -> None:
    """The roofline as a PNG, whole or not at all; ``peaks`` in float32 and in bf16."""
    figure = matplotlib.figure.Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    for peak, name in zip(peaks, ("float32", BF16), strict=True):
        reach = [0.25, peak / copied, 1024]
        axes.plot(reach, [min(peak, it * copied) / 1e9 for it in reach], color="#777777")
        axes.annotate(f"matrix product in {name}", (1024, peak / 1e9), ha="right", va="bottom")
    for name, colour in ((PUBLISHED, "#c8442b"), (OURS, "#3b6ea5"), (BF16, "#3a8f4d")):
        axes.scatter(
            [it.operations / it.traffic[name] for it in found],
            [it.operations / it.seconds[name] / 1e9 for it in found],
            color=colour,
            label=name,
        )
    axes.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="GFLOP/s")
    axes.set_axisbelow(True)
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
    write_page(
        options.output,
        found,
        rounds=options.rounds,
        lanes=torch.get_num_threads(),
        copied=copied,
    )
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
