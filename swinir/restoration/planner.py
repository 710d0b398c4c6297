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

LOADING = 2.0
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
        """Measure what is not known yet, as far as that pays for a picture of such a size."""
        before = self.speed
        if not self.speed.seconds:
            self._measure_tiles(forward, height * width)
        if self.speed.seconds:
            self._measure_loops(forward, height * width)
            self._measure_backends(forward, height * width)
        if self.speed != before:
            self._notebook.keep(self._key, self.speed)

    def _measure_tiles(self, forward: Forward, pixels: int) -> None:
        # Several at once make sense where a product is shared out to threads.
        most = torch.get_num_threads() if self.device.type == "cpu" else 1
        largest = self._largest(most)
        self.speed = measure(forward, self.config, pixels, most_lanes=most, largest=largest)

    def _affordable(self, pixels: int) -> float:
        """Seconds that may be spent on looking for something quicker."""
        return SHARE * pixels / SIDE**2 * self.speed.of(SIDE**2)

    def _measure_loops(self, forward: Forward, pixels: int) -> None:
        """Find out whether our own loops are quicker, if it pays to look."""
        unknown = self.speed.loops is None and self.device.type == "cpu" and numba_installed()
        if not unknown or self._affordable(pixels) < COMPILING:
            return
        found = None
        try:
            forward.use(loops())
            # They are for lanes that have a core each.
            cores = torch.get_num_threads()
            found = quicker(forward, self.config, self.speed, lanes=cores)
        except Exception as error:
            _left_out(error)
        forward.use(None)
        self.speed = replace(found or self.speed, loops=found is not None)

    def _measure_backends(self, forward: Forward, pixels: int) -> None:
        """Find out whether a backend is quicker, if it pays to look."""
        if self.speed.backend is not None or self._affordable(pixels) < LOOK:
            return
        taken = measure_backends(self.network, SIDE, own=forward.own, precision=self.dtype)
        best = min(taken, key=taken.__getitem__)
        better = best != TORCH and taken[best] < LIKELY * self.speed.of(SIDE**2)
        self.speed = replace(self.speed, backend=best if better else "")

    def equip(self, forward: Forward, tiles: Sequence[Tile], passes: int) -> None:
        """Have our own loops compute from here on, if they were quicker and that pays."""
        expected = self.expected_seconds(tiles, passes)
        if not self.speed.loops or not expected or expected < LOADING:
            return
        try:
            forward.use(loops())
        except Exception as error:
            _left_out(error)

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


def _left_out(error: Exception) -> None:
    # A compiler may fail in many ways, none of which is a reason not to restore.
    log.warning("our own loops are left out: %s", one_line(error))
