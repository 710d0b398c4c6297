"""Tiles shared out to several GPUs, each of which has the network."""

from collections.abc import Sequence
from queue import SimpleQueue

import torch
from torch import Tensor

from swinir.network.inference import Check
from swinir.restoration.forward import Forward


def further_devices(device: torch.device) -> list[torch.device]:
    """What computes beside ``device``: all other GPUs, where it is "cuda" without a number."""
    if str(device) != "cuda":
        return []
    return [torch.device("cuda", index) for index in range(1, torch.cuda.device_count())]


class Shared:
    """Calls like a `Forward`; each tile goes to one that is free.

    As many tiles may be in work at once as there are of them, by threads; more wait in line.
    """

    def __init__(self, forwards: Sequence[Forward]) -> None:
        """Alike but for their devices."""
        self._free: SimpleQueue[Forward] = SimpleQueue()
        for forward in forwards:
            self._free.put(forward)

    def __call__(self, tile: Tensor, check: Check | None = None) -> Tensor:
        """See `Forward`."""
        forward = self._free.get()
        try:
            return forward(tile, check)
        finally:
            self._free.put(forward)
