"""Networks that stay loaded, and the devices, each of which does one job at a time."""

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from swinir.checkpoints import load_network, resolve
from swinir.network import SwinIR
from swinir.restoration import Cancelled, Engine, Restorer, pick_device
from swinir.restoration.devices import one_of
from swinir.web.orders import Order

LOOK = 0.2
"""Seconds between two looks at whether someone who waits for a device has left."""


class Lender(Protocol):
    """Has engines to lend."""

    @property
    def places(self) -> int:
        """Jobs that may run at once."""
        ...

    def lend(self, order: Order, cancelled: Callable[[], bool]) -> AbstractContextManager[Engine]:
        """An engine for an order; see `Engines.lend`."""
        ...

    def state(self) -> dict[str, Any]:
        """For a supervisor."""
        ...


class Engines:
    """Lends a device with a network on it; networks used last stay, within a bound of memory."""

    def __init__(self, devices: Sequence[str], budget: int) -> None:
        """Make the devices free to be lent.

        Args:
            devices: their names, as auto, cpu or cuda:1.
            budget: bytes that networks may take in all. The one in use stays, however large.

        Raises:
            ValueError: a device that is not there, or twice.
        """
        names = [str(one_of(pick_device(name))) for name in devices]
        if len(set(names)) < len(names):
            raise ValueError(f"each device is wanted once, got {', '.join(names)}")
        self.devices = tuple(names)
        self.budget = budget
        self._free: queue.Queue[str] = queue.Queue()
        for name in names:
            self._free.put(name)
        self._warm: OrderedDict[tuple[str, Path], SwinIR] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def busy(self) -> int:
        """Devices that are lent."""
        return len(self.devices) - self._free.qsize()

    @property
    def warm(self) -> list[str]:
        """Names of the weights that are loaded, the one used last at the end."""
        with self._lock:
            return [path.name for _, path in self._warm]

    @property
    def size(self) -> int:
        """Bytes that loaded networks take."""
        with self._lock:
            return sum(map(_bytes, self._warm.values()))

    @property
    def places(self) -> int:
        """Jobs that may run at once: one for each device."""
        return len(self.devices)

    def state(self) -> dict[str, Any]:
        """For a supervisor: devices, how many are lent, names and bytes of loaded networks."""
        return {
            "devices": list(self.devices),
            "busy": self.busy,
            "warm": self.warm,
            "warm_bytes": self.size,
        }

    @contextmanager
    def lend(self, order: Order, cancelled: Callable[[], bool]) -> Generator[Restorer]:
        """An engine for an order, on a device that nobody else uses meanwhile.

        Raises:
            Cancelled: while waiting for a device.
            ValueError: weights that cannot be had.
        """
        device = self._wait(cancelled)
        try:
            yield Restorer(
                self._network(order, device),
                device=device,
                tile=order.side,  # pyright: ignore[reportArgumentType]
                tta=order.tta,
                strength=order.strength,
            )
        finally:
            self._free.put(device)

    def _wait(self, cancelled: Callable[[], bool]) -> str:
        while not cancelled():
            try:
                return self._free.get(timeout=LOOK)
            except queue.Empty:
                continue
        raise Cancelled("cancelled while waiting for its turn")

    def _network(self, order: Order, device: str) -> SwinIR:
        choice = order.choice
        key = device, resolve(choice.task, choice.weights)
        with self._lock:
            if key in self._warm:
                self._warm.move_to_end(key)
                return self._warm[key]
        network = load_network(choice.task, choice.weights)
        with self._lock:
            self._warm[key] = network
            while len(self._warm) > 1 and sum(map(_bytes, self._warm.values())) > self.budget:
                self._warm.popitem(last=False)
        return network


def _bytes(network: SwinIR) -> int:
    held = (*network.parameters(), *network.buffers())
    return sum(tensor.numel() * tensor.element_size() for tensor in held)
