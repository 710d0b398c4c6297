"""Seconds a megapixel and memory, from small pictures to large: writes docs/performance-size.md."""

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.machine import memory_peak, seconds_of
from swinir.checkpoints import load_network
from swinir.evaluation.rendering import Table
from swinir.restoration import Restorer
from swinir.restoration.hardware import hardware
from swinir.tasks import find_task
from swinir.writing import replacing

SIZES = (0.25, 1.0, 4.0, 16.0)
"""Millions of pixels."""

FIRST = (400, 600)
"""Sides in pixels of a picture for which all is loaded that a process needs."""

HEAD = """# The size of a picture

Written by

```
{command}
```

on {machine}: pictures of noise, restored by `Restorer` with the task `{task}` as `test.py` does,
each size in a process of its own, the largest first, whose measurements
(`swinir/restoration/planner.py`) hold for the others. Time is that of restoring, without reading,
writing, and what a process loads once. Memory is what the process grows by at its peak, and what of
that is neither the picture nor its result.

"""

HEADER = (
    "megapixels",
    "seconds",
    "seconds a megapixel",
    "tile",
    "memory, MiB",
    "beside pictures, MiB",
)


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured of one size.

    Attributes:
        pixels: of the picture.
        seconds: of restoring it.
        tile: side of the tiles.
        memory: bytes at the peak.
        pictures: bytes of the picture and its result.
    """

    pixels: int
    seconds: float
    tile: int
    memory: int
    pictures: int

    @property
    def rate(self) -> float:
        """Seconds a megapixel."""
        return self.seconds / self.pixels * 1e6


def measure(task: str, megapixels: float) -> Found:
    """Restore one picture of 3:2, after the measurements and a small one that does not count."""
    restorer = Restorer(load_network(find_task(task), None), device="cpu")
    height = isqrt(int(megapixels * 1e6 * 2 / 3))
    image = picture(height, height * 3 // 2, restorer.channels)
    restorer.measure(*image.shape[:2])
    restorer.restore(picture(*FIRST, restorer.channels))
    seconds = 0.0

    def restore() -> None:
        nonlocal seconds
        seconds = seconds_of(lambda: restorer.restore(image))

    memory = memory_peak(restore)
    pictures = image.nbytes * (1 + restorer.scale**2)
    return Found(image.shape[0] * image.shape[1], seconds, restorer.report.tile, memory, pictures)


def picture(height: int, width: int, channels: int) -> NDArray[np.float32]:
    """Noise."""
    return np.random.default_rng(0).random((height, width, channels), np.float32)


def page(found: Sequence[Found], task: str, command: str) -> str:
    """The page, with how far apart the rates are."""
    rows = [
        (
            f"{it.pixels / 1e6:.2f}",
            f"{it.seconds:.1f}",
            f"{it.rate:.1f}",
            str(it.tile),
            f"{it.memory / 2**20:.0f}",
            f"{max(it.memory - it.pictures, 0) / 2**20:.0f}",
        )
        for it in found
    ]
    rates = [it.rate for it in found]
    head = HEAD.format(command=command, machine=hardware(torch.device("cpu")), task=task)
    apart = max(rates) / min(rates) - 1
    return f"{head}{Table(HEADER, tuple(rows)).markdown()}\n\nThe rates are {apart:.0%} apart.\n"


def main() -> int:
    """Write the page; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--task", default="color_dn_25", help="default color_dn_25")
    arguments.add_argument("--sizes", type=float, nargs="+", default=SIZES, metavar="MEGAPIXELS")
    arguments.add_argument("--output", type=Path, default=Path("docs/performance-size.md"))
    options = arguments.parse_args()
    found: list[Found] = []
    for size in tqdm(sorted(options.sizes, reverse=True), unit="size"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(measure, (options.task, size)))
    with replacing(options.output) as unfinished:
        unfinished.write_text(page(found[::-1], options.task, "make bench-size"), "utf-8")
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
