"""What the machine can do, and what a computation asks of it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Traffic(TorchDispatchMode):
    """Counts the bytes that steps read and write."""

    def __init__(self) -> None:
        """Nothing counted."""
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count what goes in and what comes out, but for views."""
        out = func(*args, **(kwargs or {}))
        if not func.is_view and func is not torch.ops.aten._unsafe_view.default:
            tensors = [it for it in tree_leaves((args, kwargs, out)) if isinstance(it, Tensor)]
            self.bytes += sum(it.numel() * it.element_size() for it in tensors)
        return out


def traffic_of(run: Callable[[Tensor], Tensor], image: Tensor) -> float:
    """Bytes that all steps of a pass read and write."""
    with Traffic() as traffic:
        run(image)
    return traffic.bytes


def seconds_of(run: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def matrix_rate(dtype: torch.dtype, side: int = 2048) -> float:
    """Operations a second of a product of two matrices."""
    a, b = torch.rand(side, side).to(dtype), torch.rand(side, side).to(dtype)
    return 2 * side**3 / seconds_of(lambda: a @ b)


def bandwidth(size: int = 1 << 28) -> float:
    """Bytes a second, read and written, of a copy."""
    source, target = torch.ones(size // 4), torch.empty(size // 4)
    return 2 * size / min(seconds_of(lambda: target.copy_(source)) for _ in range(5))


def memory_peak(run: Callable[[], object]) -> int:
    """Bytes by which this process grows at its peak, as Linux keeps count of them."""
    # Forgets the peak so far.
    Path("/proc/self/clear_refs").write_text("5")
    before = _kilobytes("VmRSS")
    run()
    return 1024 * (_kilobytes("VmHWM") - before)


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1])
