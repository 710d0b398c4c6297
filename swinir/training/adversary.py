"""The discriminator of a run, its judgement and its learning."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from swinir.training.discriminator import UNetDiscriminator, realness_loss
from swinir.training.processes import clip, syncing
from swinir.training.recipe import AdversaryRecipe


class Adversary:
    """Learns to tell restored images from true ones, while the network learns to deceive it.

    The original GAN loss on every pixel, as in BSRGAN and Real-ESRGAN.
    """

    def __init__(
        self,
        recipe: AdversaryRecipe,
        accelerator: Accelerator,
        *,
        channels: int,
        betas: tuple[float, float],
    ) -> None:
        """A fresh discriminator with an Adam of its own."""
        self.accelerator, self.recipe = accelerator, recipe
        self.network = UNetDiscriminator(channels, recipe.width).to(accelerator.device).train()
        self.model = accelerator.prepare_model(self.network)
        adam = torch.optim.Adam(self.network.parameters(), betas=betas)
        self.optimizer = accelerator.prepare_optimizer(adam)

    def judge(self, restored: Tensor) -> Tensor:
        """How far images ``(B, C, H, W)`` are from deceiving it: ``()``, no gradient to itself."""
        self.network.requires_grad_(requires_grad=False)
        logits = self.network(restored)
        self.network.requires_grad_(requires_grad=True)
        return realness_loss(logits.float(), real=True)

    def learn(self, pairs: Sequence[tuple[Tensor, Tensor]], rate: float) -> float:
        """One step on pairs of restored and true images; returns the loss of this process.

        Where the gradient is not finite, nothing is changed.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate * self.recipe.rate
        self.optimizer.zero_grad()
        total = 0.0
        for number, (restored, truth) in enumerate(pairs, 1):
            with syncing(self.accelerator, self.model, last=number == len(pairs)):
                # Both at once: between two passes the spectral norm would move.
                fake, true = self.model(torch.cat([restored, truth])).float().chunk(2)
                loss = realness_loss(true, real=True) + realness_loss(fake, real=False)
                self.accelerator.backward(loss / len(pairs))
            total += loss.item() / len(pairs)
        norm = clip(self.accelerator, self.optimizer, self.network.parameters(), float("inf"))
        # A scaler must learn of what it cannot hold; it leaves the weights alone then.
        if math.isfinite(norm) or self.accelerator.scaler:
            self.optimizer.step()
        return total

    def state(self) -> dict[str, Any]:
        """All that its learning goes on from."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
