"""The processes of a run: one, or several that share each step.

``torchrun`` and ``accelerate launch`` start them, on one machine or many; alone it is one.
"""

import importlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn

from swinir.restoration.allocator import keep_freed_memory
from swinir.restoration.devices import pick_precision

T = TypeVar("T")

PATIENCE = timedelta(hours=6)
"""How long a process waits for the others: to decode large sets of photographs takes long."""

PRECISIONS = {torch.float32: "no", torch.bfloat16: "bf16", torch.float16: "fp16"}
"""The arithmetic of the forward pass, as accelerate calls it."""


def join(device: torch.device, precision: str) -> Accelerator:
    """The process that this is, on ``device`` or, of several GPUs, on its own.

    ``precision`` is one of `pick_precision`, of which auto is fp32 on a CPU, for runs that may be
    compared bit by bit; what ``accelerate launch`` was told does not count.

    Raises:
        ValueError: the device cannot train in it.
    """
    if device.type == "cpu":
        keep_freed_memory()
    able = (torch.float32,) if device.type == "cpu" else tuple(PRECISIONS)
    arithmetic = PRECISIONS[pick_precision(precision, device, able)]
    if arithmetic == "fp16" and device.type == "cpu":
        raise ValueError("optim.precision is fp16 on a GPU alone, got the CPU; take bf16 or fp32")
    if torch.distributed.is_available():
        # Its functions have the group of processes as a default, taken as they are imported. Left
        # to DistributedDataParallel that is after there is one, which they hold from then on: its
        # threads outlive the run, and one that frees a tensor at the interpreter's end aborts it.
        importlib.import_module("torch.distributed.nn.functional")
    # Nothing in a network here is a running statistic that processes would have to share.
    sharing = DistributedDataParallelKwargs(broadcast_buffers=False, gradient_as_bucket_view=True)
    return Accelerator(
        cpu=device.type == "cpu",
        mixed_precision=arithmetic,
        kwargs_handlers=[sharing, InitProcessGroupKwargs(timeout=PATIENCE)],
    )


def in_turn(accelerator: Accelerator, *, first: bool) -> AbstractContextManager[object]:
    """For work of which the others find the result, where ``first`` is wanted.

    One process of each machine does it, while the rest wait.
    """
    return accelerator.local_main_process_first() if first else nullcontext()


def from_main(accelerator: Accelerator, make: Callable[[], T]) -> T:
    """What ``make`` gives in the main process, in all of them.

    Raises:
        ValueError: where ``make`` does, in all of them.
    """
    if accelerator.num_processes == 1:
        return make()
    made: list[Any] = [None]
    if accelerator.is_main_process:
        try:
            made = [make()]
        except ValueError as error:
            made = [error]
    broadcast_object_list(made)
    if isinstance(made[0], ValueError):
        raise made[0]
    return made[0]


def syncing(
    accelerator: Accelerator, model: nn.Module, *, last: bool
) -> AbstractContextManager[object]:
    """For the forward and backward pass of one of a step's batches.

    The processes share their gradients after the last alone.
    """
    return nullcontext() if last else accelerator.no_sync(model)


def clip(
    accelerator: Accelerator,
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    limit: float,
) -> float:
    """Scale a gradient down to the norm ``limit`` where it is larger; returns its norm before."""
    accelerator.unscale_gradients(optimizer)
    return float(nn.utils.clip_grad_norm_(parameters, limit))


def mean(accelerator: Accelerator, figures: list[float]) -> list[float]:
    """The mean of each figure over the processes."""
    if accelerator.num_processes == 1:
        return figures
    # Double precision is not to be had on every device.
    here = torch.tensor(figures, device=accelerator.device)
    return cast(Tensor, accelerator.reduce(here, reduction="mean")).tolist()


def any_of(accelerator: Accelerator, *, here: bool) -> bool:
    """Whether it holds in any process."""
    return mean(accelerator, [float(here)])[0] > 0


def leave(accelerator: Accelerator) -> None:
    """End what the processes have in common, after the last reference to a network of theirs."""
    # It refers to networks that refer to the group of processes, which is to end here.
    accelerator.free_memory()
    accelerator.end_training()
