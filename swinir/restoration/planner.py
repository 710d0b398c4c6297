"""Which tiles take least: what was measured on this machine, within the memory that is free."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import torch

from swinir.lines import one_line
from swinir.network import SwinIR
from swinir.restoration.backends.choice import TORCH, programs
from swinir.restoration.backends.choice import measure as measure_backends
from swinir.restoration.backends.kernels import loops, numba_installed
from swinir.restoration.backends.names import SIDE
from swinir.restoration.calibration import LIKELY, SHARE, Notebook, about, measure, quicker
from swinir.restoration.forward import Forward
from swinir.restoration.memory import SMALLEST_AUTO, largest_tile
from swinir.restoration.speed import Speed
from swinir.tiling import Tile, longest_side

log = logging.getLogger(__name__)

LOOK = 20.0
"""Seconds that it takes to make graphs, to have every backend compile one, and to time them."""


COMPILING = 2.0
"""Seconds that it takes to compile our own loops, the first time on a machine."""

LOADING = 5.0
"""Seconds of work for which it pays to load them, which takes a part of one."""


class Planner:
    """Plans for one network on one device.

    The overlap is not its choice: how much neighbours have to share for no seam to be seen does
    not depend on the machine.

    Attributes:
        speed: what is known; kept for later runs once it was measured.
    """

    def __init__(
        self,
        network: SwinIR,
        device: torch.device,
        dtype: torch.dtype,
        *,
        overlap: int,
        memory: int | None,
    ) -> None:
        """Look up what is known of such passes; see `Restorer` for the rest."""
        self.network, self.device, self.dtype = network, device, dtype
        self.config = network.config
        self.overlap = overlap
        self.memory = memory
        self._notebook = Notebook()
        self._key = about(self.config, device, dtype, programs())
        self.speed = self._notebook.find(self._key) or Speed()

    def measure(self, forward: Forward, height: int, width: int) -> None:
        """Measure what is not known yet, if that pays for a picture of such a size."""
        if self.speed.seconds:
            return
        # Several at once make sense where a product is shared out to threads.
        most = torch.get_num_threads() if self.device.type == "cpu" else 1
        self.speed = measure(
            forward,
            self.config,
            height * width,
            most_lanes=most,
            largest=self._largest(most),
        )
        if self.speed.seconds:
            self._measure_loops(forward, height * width)
            backend = self._quicker_backend(forward, height * width)
            self.speed = replace(self.speed, backend=backend)
            self._notebook.keep(self._key, self.speed)

    def _measure_loops(self, forward: Forward, pixels: int) -> None:
        """Find out whether our own loops are quicker, if it pays to look."""
        cores = torch.get_num_threads()
        worth = SHARE * pixels / SIDE**2 * self.speed.of(SIDE**2) > COMPILING
        if self.device.type != "cpu" or not worth or not numba_installed():
            return
        try:
            forward.use(loops())
            # They are for lanes that have a core each.
            found = quicker(forward, self.config, self.speed, lanes=cores)
        except Exception as error:
            # A compiler may fail in many ways, none of which is a reason not to restore.
            log.warning("our own loops are left out: %s", one_line(error))
            found = None
        forward.use(None)
        if found:
            self.speed = replace(found, loops=True)

    def equip(self, forward: Forward, tiles: Sequence[Tile], passes: int) -> None:
        """Have our own loops compute from here on, if they were quicker and that pays."""
        expected = self.expected_seconds(tiles, passes)
        if self.speed.loops and expected and expected > LOADING and numba_installed():
            forward.use(loops())

    def _quicker_backend(self, forward: Forward, pixels: int) -> str:
        """A backend that is installed and quicker, if it pays to look for one; else empty."""
        ours = self.speed.of(SIDE**2)
        if SHARE * pixels / SIDE**2 * ours < LOOK:
            return ""
        taken = measure_backends(self.network, SIDE, own=forward.own, precision=self.dtype)
        best = min(taken, key=taken.__getitem__)
        return best if best != TORCH and taken[best] < LIKELY * ours else ""

    def side(self, height: int, width: int) -> int:
        """Of the tiles that a picture is best cut into; what fits into one is not cut."""
        step = self.config.multiple
        whole = self._largest(1)
        if max(height, width) <= whole:
            return whole
        largest = self._largest(self.speed.lanes)
        sides = range(largest, min(SMALLEST_AUTO, largest) - 1, -step)
        return self.speed.best_side(height, width, sides, overlap=self.overlap, step=step)

    def lanes(self, tiles: Sequence[Tile]) -> int:
        """How many of these tiles to have in work at once, within the memory."""
        count = min(self.speed.lanes, len(tiles))
        while count > 1 and self._largest(count) < longest_side(tiles):
            count -= 1
        return count

    def expected_seconds(self, tiles: Sequence[Tile], passes: int) -> float | None:
        """For a picture in these tiles, each restored so many times; None where nobody knows."""
        return passes * self.speed.expected(tiles) if self.speed.seconds else None

    def _largest(self, lanes: int) -> int:
        # There a pass keeps no more than a few feature maps.
        lean = self.device.type == "cpu" and self.dtype is not torch.float16
        return largest_tile(self.config, self.device, self.memory, lean=lean, lanes=lanes)
