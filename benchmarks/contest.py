"""The network against a plain transcription of the published one, taking turns in one run.

So what else the machine does falls on all of them.
"""

import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import matrix_rate, memory_peak, seconds_of, traffic_of
from swinir.network import SwinIRConfig
from swinir.network.inference import accelerated, use
from swinir.restoration.allocator import keep_freed_memory
from swinir.restoration.backends.kernels import loops, numba_installed
from swinir.restoration.lanes import lanes
from swinir.tasks import find_task
from tests.network.published import random_network
from tests.reference import reference_swinir

Run = Callable[[Tensor], Tensor]

PUBLISHED, OURS, BF16 = "published", "ours", "bf16"


def at_once(name: str) -> str:
    """The contender that is another one, on several tiles side by side."""
    return f"{name}, at once"


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
        seconds: medians for a tile, by contender; ours also at once.
        operations: floating-point operations of the published computation.
        traffic: bytes of all inputs and results of all steps, by contender.
        memory: bytes that a pass adds at its peak, by contender.
        difference: the largest between both results, of their range.
        psnr: of the result in bf16 against ours in float32, in dB.
        peak: operations a second of a matrix product, the most of the same run.
        low_peak: the same in bf16.
    """

    seconds: Mapping[str, float]
    operations: float
    traffic: Mapping[str, float]
    memory: Mapping[str, float]
    difference: float
    psnr: float
    peak: float
    low_peak: float


def contenders(config: SwinIRConfig) -> dict[str, Run]:
    """All computations of one network with random weights."""
    # As test.py has it; what is published gains by it, too.
    keep_freed_memory()
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

    ours, low = accelerated(network), accelerated(network, torch.bfloat16)
    for run in (ours, low):
        # Loops are for tiles at once, each of which has a core.
        use(loops() if numba_installed() else None, run)
    return {PUBLISHED: published, OURS: ours, BF16: low}


def image_of(case: Case) -> Tensor:
    """A picture of noise."""
    return torch.rand(1, case.config().channels, case.side, case.side)


@torch.inference_mode()
def measure(case: Case, rounds: int) -> Outcome:
    """Let all take turns."""
    runs, image = contenders(case.config()), image_of(case)
    first = {name: run(image) for name, run in runs.items()}
    for name in (OURS, BF16):
        # What is compiled first is not counted.
        seconds_at_once(runs[name], image, torch.get_num_threads())
    taken: dict[str, list[float]] = {name: [] for name in runs}
    taken |= {at_once(name): [] for name in (OURS, BF16)}
    rates: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(seconds_of(lambda run=run: run(image)))
        for name in (OURS, BF16):
            together = seconds_at_once(runs[name], image, torch.get_num_threads())
            taken[at_once(name)].append(together)
        for dtype, found in rates.items():
            found.append(matrix_rate(dtype))
    with FlopCounterMode(display=False) as operations:
        runs[PUBLISHED](image)
    return Outcome(
        seconds={name: median(each) for name, each in taken.items()},
        operations=operations.get_total_flops(),
        traffic={name: traffic_of(run, image) for name, run in runs.items()},
        memory={name: memory_of(case, name) for name in runs},
        difference=difference(first[OURS], first[PUBLISHED]),
        psnr=psnr(first[BF16], first[OURS]),
        peak=max(rates[torch.float32]),
        low_peak=max(rates[torch.bfloat16]),
    )


def seconds_at_once(run: Run, image: Tensor, count: int) -> float:
    """For one of so many tiles side by side, over two rounds."""

    def all_of_them() -> None:
        with lanes(count, lambda: None) as each:
            for _ in each(torch.inference_mode()(run), [image] * (2 * count)):
                pass

    return seconds_of(all_of_them) / (2 * count)


def psnr(one: Tensor, other: Tensor) -> float:
    """In dB, of the range of the second."""
    span = other.max() - other.min()
    return (10 * torch.log10(span**2 / (one - other).square().mean())).item()


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
