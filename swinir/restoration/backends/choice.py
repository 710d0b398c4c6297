"""Which backend computes, and how fast each is."""

import logging
import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from torch import Tensor

from swinir.lines import one_line
from swinir.network import SwinIR
from swinir.restoration.backends.compiled import Compiled
from swinir.restoration.backends.kernels import numba_installed
from swinir.restoration.backends.runtimes import RUNTIMES, Backend, Run
from swinir.restoration.devices import PRECISIONS

log = logging.getLogger(__name__)

AUTO, TORCH = "auto", "torch"

NAMES = (AUTO, TORCH, *(backend.name for backend in RUNTIMES))
"""What a user may ask for; torch is our own computation."""


def pick_backend(
    name: str, device: torch.device, precision: torch.dtype, *, quicker: str = ""
) -> Backend | None:
    """The backend of a name of `NAMES`; None is our own computation.

    Auto is ``quicker``, what was measured to be quicker than our own, where it still is there.

    Raises:
        ValueError: no such backend, not installed, or not for this device or precision.
    """
    if name not in NAMES:
        raise ValueError(f"backend is {', '.join(NAMES)}, got {name!r}")
    if name == AUTO:
        name = quicker if any(it.name == quicker and it.installed() for it in RUNTIMES) else TORCH
    if name == TORCH:
        return None
    backend = next(each for each in RUNTIMES if each.name == name)
    if not backend.installed():
        raise ValueError(f"backend {name} was asked for, but is not installed: {backend.needs}")
    if backend.device != device.type:
        raise ValueError(
            f"backend {name} computes on {backend.device}, got device {device}; "
            f"add --device {backend.device}, or use --backend {TORCH}"
        )
    if precision not in backend.precisions:
        known = ", ".join(map(_short, backend.precisions))
        raise ValueError(f"backend {name} computes in {known}, got {_short(precision)}")
    return backend


def programs() -> tuple[str, ...]:
    """What is installed of all that might be quicker than torch, by name."""
    found = tuple(backend.name for backend in RUNTIMES if backend.installed())
    return (*found, "numba") if numba_installed() else found


def precisions_of(name: str) -> Sequence[torch.dtype]:
    """In which a backend computes, by its name; all for our own, or one yet to be chosen."""
    return next((it.precisions for it in RUNTIMES if it.name == name), tuple(PRECISIONS.values()))


def _short(precision: torch.dtype) -> str:
    return str(precision).removeprefix("torch.")


@torch.inference_mode()
def measure(
    network: SwinIR,
    tile: int,
    *,
    own: Run,
    precision: torch.dtype = torch.float32,
    threads: int | None = None,
    rounds: int = 3,
) -> dict[str, float]:
    """Seconds for one tile, of our own computation and of each backend that can do it here.

    All take turns, so that what else the machine does falls on all; what a first turn costs more
    (making and compiling a graph) is not counted. A backend that fails is told of in the log and
    left out.

    Args:
        network: in evaluation, on its device.
        tile: side in pixels, in whole windows.
        own: computes the network in ``precision`` by torch.
        precision: to compute in.
        threads: for one call; as many as torch has unless told.
        rounds: turns of each, whose median is given.
    """
    device = network.mean.device
    image = torch.rand(1, network.config.channels, tile, tile).to(device)
    runs: dict[str, Run] = {TORCH: own}
    for backend in RUNTIMES:
        fits = backend.device == device.type and precision in backend.precisions
        if fits and backend.installed():
            runs[backend.name] = Compiled(
                network, backend, tile, fallback=own, precision=precision, threads=threads
            )
    ready = {name: run for name, run in runs.items() if name == TORCH or _works(name, run, image)}
    own(image)
    taken: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(rounds):
        for name, run in ready.items():
            taken[name].append(_seconds(lambda run=run: run(image), device))
    return {name: median(each) for name, each in taken.items()}


def _works(name: str, run: Run, image: Tensor) -> bool:
    try:
        run(image)
    except Exception as error:
        # Backends raise whatever they like, and none of it is a reason not to restore.
        log.warning("backend %s is left out: %s", name, one_line(error))
        return False
    return True


def _seconds(run: Callable[[], object], device: torch.device) -> float:
    started = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
