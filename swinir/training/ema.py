"""Exponential moving average of a network's weights."""

from copy import deepcopy

import torch

from swinir.network import SwinIR


class MovingAverage:
    """Weights averaged over iterations; what is validated and exported."""

    def __init__(self, network: SwinIR, decay: float) -> None:
        """Starts at the weights of ``network``; ``decay`` is per iteration, in [0, 1)."""
        self.decay = decay
        self.network = deepcopy(network).eval().requires_grad_(requires_grad=False)

    @torch.no_grad()
    def update(self, network: SwinIR, iteration: int) -> None:
        """Move towards ``network``; early on faster, so that the random start is forgotten."""
        decay = min(self.decay, (1 + iteration) / (10 + iteration))
        pairs = zip(self.network.parameters(), network.parameters(), strict=True)
        for average, weight in pairs:
            average.lerp_(weight, 1 - decay)
