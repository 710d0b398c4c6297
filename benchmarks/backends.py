"""Our computation against other programs that run the network: writes docs/performance-backends.md.

All take turns in one run, as in `benchmarks.speed`.
"""

import argparse
import logging
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from math import log10
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.contest import CASES, Case, Run, difference, image_of
from benchmarks.machine import seconds_of
from swinir.evaluation.rendering import Table
from swinir.network import SwinIR
from swinir.network.inference import accelerated
from swinir.restoration.backends.names import INPUT, OUTPUT
from swinir.restoration.backends.onnx_graph import graph_of
from swinir.restoration.backends.runtimes import RUNTIMES
from swinir.restoration.hardware import hardware
from swinir.writing import replacing
from tests.network.published import random_network

OURS = "ours"
PUBLISHED_GRAPH, OUR_GRAPH = "published graph", "our graph"

HEAD = """# Other programs that run the network

Written by

```
{command}
```

on {machine}, with {threads} threads for each. Seconds are medians
of {rounds} turns, in which all take part. The published graph is what torch's exporter makes of the
network as the paper has it; ours is what `test.py --export onnx` writes. Both have one size of
tiles, and all compute in float32 but where bf16 is said. Ours without a graph is what `test.py`
runs on a CPU unless it is told otherwise (`swinir/network/inference.py`).

"""

AGREEMENT = """
How far the results are from ours: the largest difference of any value, divided by the range, and
the PSNR in dB of values of that range.

"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured of one case, by contender.

    Attributes:
        seconds: medians.
        difference: the largest from our computation, of its range.
        psnr: in dB, of values of that range.
    """

    seconds: Mapping[str, float]
    difference: Mapping[str, float]
    psnr: Mapping[str, float]


def published_graph(network: SwinIR, image: Tensor) -> bytes:
    """What torch's exporter makes of a network for images of one size."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            (image,),
            path,
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            external_data=False,
            verbose=False,
        )
        return path.read_bytes()


def contenders(case: Case) -> dict[str, Run]:
    """Our computation, and every installed program with both graphs."""
    network = random_network(case.config()).float().eval()
    graphs = {
        PUBLISHED_GRAPH: published_graph(network, image_of(case)),
        OUR_GRAPH: graph_of(network, case.side),
    }
    runs: dict[str, Run] = {OURS: accelerated(network)}
    threads = torch.get_num_threads()
    for backend in RUNTIMES:
        if backend.device != "cpu" or not backend.installed():
            continue
        for title, graph in graphs.items():
            runs[f"{backend.name}, {title}"] = backend.compile(
                graph, threads=threads, precision=torch.float32
            )
        if torch.bfloat16 in backend.precisions:
            runs[f"{backend.name} bf16, {OUR_GRAPH}"] = backend.compile(
                graphs[OUR_GRAPH], threads=threads, precision=torch.bfloat16
            )
    return runs


@torch.inference_mode()
def measure(case: Case, rounds: int) -> Outcome:
    """Let all take turns."""
    image = image_of(case)
    with torch.inference_mode(mode=False):
        runs = contenders(case)
    first = {name: run(image) for name, run in runs.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(seconds_of(lambda run=run: run(image)))
    return Outcome(
        seconds={name: median(each) for name, each in taken.items()},
        difference={name: difference(each, first[OURS]) for name, each in first.items()},
        psnr={name: psnr(each, first[OURS]) for name, each in first.items()},
    )


def psnr(one: Tensor, other: Tensor) -> float:
    """Of two results, in dB, the range being that of the second."""
    error = (one - other).square().mean().item()
    spread = (other.max() - other.min()).item()
    return 10 * log10(spread**2 / error) if error else float("inf")


def tables(found: Mapping[str, Outcome]) -> str:
    """Seconds with how many times as fast ours is, and how far the results are apart."""
    names = list(next(iter(found.values())).seconds)
    others = names[1:]
    seconds = tuple(
        (
            case,
            f"{it.seconds[OURS]:.2f}",
            *(
                f"{it.seconds[each]:.2f} ({it.seconds[each] / it.seconds[OURS]:.2f})"
                for each in others
            ),
        )
        for case, it in found.items()
    )
    apart = tuple(
        (case, *(f"{it.difference[each]:.0e}, {it.psnr[each]:.0f} dB" for each in others))
        for case, it in found.items()
    )
    header = ("case", "ours, s", *(f"{each}, s (of ours)" for each in others))
    first = Table(header, seconds).markdown()
    return f"{first}\n{AGREEMENT}{Table(('case', *others), apart).markdown()}\n"


def main() -> int:
    """Write the page; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7, help="turns of each (default 7)")
    arguments.add_argument("--output", type=Path, default=Path("docs/performance-backends.md"))
    options = arguments.parse_args()
    found = {case.name: measure(case, options.rounds) for case in tqdm(CASES, unit="case")}
    text = HEAD.format(
        command="make bench",
        machine=hardware(torch.device("cpu")),
        threads=torch.get_num_threads(),
        rounds=options.rounds,
    )
    with replacing(options.output) as unfinished:
        unfinished.write_text(f"{text}{tables(found)}", "utf-8")
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
