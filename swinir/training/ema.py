"""Exponential moving average of a network's weights."""

from copy import deepcopy

import torch

from swinir.network import SwinIR


class MovingAverage:
    """Weights averaged over iterations; what is validated and exported."""

    def __init__(self, network: SwinIR, decay: float) -> None:
        """Starts at the weights of ``network``; ``decay`` is per iteration, in [0, 1)."""
        self.decay = decay
        self.network = deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: SwinIR, iteration: int) -> None:
        """Move towards ``network``; early on faster, so that the random start is forgotten."""
        decay = min(self.decay, (1 + iteration) / (10 + iteration))
        ours, theirs = list(self.network.parameters()), list(network.parameters())
        torch._foreach_lerp_(ours, theirs, 1 - decay)
