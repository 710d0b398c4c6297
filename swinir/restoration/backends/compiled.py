"""A network by another program for tiles of one size, by our own computation for all others."""

from threading import Lock

import torch
from torch import Tensor

from swinir.network import SwinIR
from swinir.network.model import mirror_to_multiple
from swinir.restoration.backends.cache import checked_graph
from swinir.restoration.backends.runtimes import Backend, Run


class Compiled:
    """Calls like a `SwinIR` in evaluation; later changes of its weights are not seen.

    The graph is made and compiled when the first tile of its size comes: a batch of small pictures
    does not wait for what it has no use for.
    """

    def __init__(
        self,
        network: SwinIR,
        backend: Backend,
        tile: int,
        *,
        fallback: Run,
        precision: torch.dtype = torch.float32,
        threads: int | None = None,
    ) -> None:
        """Tiles of ``tile`` pixels a side, in whole windows, go to ``backend``.

        Args:
            network: in evaluation.
            backend: installed.
            tile: side in pixels; a tile is mirrored up to whole windows before it is measured.
            fallback: computes all other tiles.
            precision: what ``backend`` computes in.
            threads: for one call; as many as torch has unless told.
        """
        self.network = network
        self.backend = backend
        self.tile = tile
        self.fallback = fallback
        self.precision = precision
        self.threads = threads
        self._run: Run | None = None
        self._lock = Lock()

    def __call__(self, image: Tensor) -> Tensor:
        """See `SwinIR.forward`."""
        config = self.network.config
        whole = mirror_to_multiple(image, config.multiple)
        if whole.shape[-2:] != (self.tile, self.tile):
            return self.fallback(image)
        height, width = (config.scale * side for side in image.shape[-2:])
        return self._compiled()(whole)[..., :height, :width]

    def _compiled(self) -> Run:
        with self._lock:
            if self._run is None:
                self._run = self.backend.compile(
                    checked_graph(self.network, self.tile),
                    threads=self.threads or torch.get_num_threads(),
                    precision=self.precision,
                )
            return self._run
