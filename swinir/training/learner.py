"""What learns: the network, its optimiser, its average of weights and its discriminator."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from swinir.network import SwinIR
from swinir.network.blocks import DropPath, SwinGroup
from swinir.training.adversary import Adversary
from swinir.training.ema import MovingAverage
from swinir.training.feed import Batch
from swinir.training.guard import Guard
from swinir.training.objective import Objective
from swinir.training.processes import clip, mean, syncing
from swinir.training.recipe import Recipe
from swinir.training.start import STARTS, adopt
from swinir.training.state import RunState


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to, over all processes.

    Attributes:
        loss: the sum of the weighted terms.
        norm: of the gradient, before it is clipped.
        rate: the learning rate of the convolutions.
        terms: weighted, by name, and the discriminator's own loss.
        taken: whether the weights have moved.
    """

    loss: float
    norm: float
    rate: float
    terms: dict[str, float]
    taken: bool


def split_parameters(network: SwinIR) -> list[dict[str, list[torch.nn.Parameter]]]:
    """Parameter groups for an optimizer: the convolutions and norms, then the Swin blocks."""
    convolutions: list[torch.nn.Parameter] = []
    blocks: list[torch.nn.Parameter] = []
    for name, parameter in network.named_parameters():
        (blocks if ".residual_group." in name else convolutions).append(parameter)
    return [{"params": convolutions}, {"params": blocks}]


class Learner:
    """A network in training, in one of the processes of a run."""

    def __init__(self, recipe: Recipe, accelerator: Accelerator) -> None:
        """Fresh weights, the same in every process.

        Attributes:
            left: what a warm start did not take, see `adopt`.

        Raises:
            ValueError: the recipe's files of weights cannot be used.
        """
        self.recipe, self.accelerator = recipe, accelerator
        # One random state for all processes: see DropPath.part.
        torch.manual_seed(recipe.seed)
        self.network = SwinIR(recipe.network).train()
        STARTS[recipe.start](self.network)
        self.left = adopt(self.network, recipe.warm_start) if recipe.warm_start else []
        self.network.to(accelerator.device)
        self.average = MovingAverage(self.network, recipe.optim.ema_decay)
        self._prepare()
        self.model = accelerator.prepare_model(self.network)
        self.betas = (0.9, recipe.optim.beta2)
        adam = torch.optim.Adam(split_parameters(self.network), betas=self.betas)
        self.optimizer = accelerator.prepare_optimizer(adam)
        self.objective = Objective(recipe.loss).to(accelerator.device)
        self.adversary = self._adversary() if recipe.loss.gan else None

    def _prepare(self) -> None:
        optim, accelerator = self.recipe.optim, self.accelerator
        for module in self.network.modules():
            if isinstance(module, DropPath):
                module.part = (accelerator.process_index, accelerator.num_processes)
            elif isinstance(module, SwinGroup):
                module.checkpointing = optim.checkpointing
        if optim.compile:
            self.network.compile()

    def _adversary(self) -> Adversary:
        channels = self.recipe.network.channels
        return Adversary(
            self.recipe.adversary, self.accelerator, channels=channels, betas=self.betas
        )

    def step(self, batches: Sequence[Batch], iteration: int, guard: Guard) -> Step:
        """One step of Adam, which ``guard`` may refuse."""
        optim = self.recipe.optim
        rate = self.recipe.learning_rate(iteration)
        convolutions, blocks = self.optimizer.param_groups
        convolutions["lr"], blocks["lr"] = rate, rate * optim.block_rate
        self.optimizer.zero_grad(set_to_none=True)
        terms: Counter[str] = Counter()
        results: list[tuple[Tensor, Tensor]] = []
        for number, batch in enumerate(batches, 1):
            with syncing(self.accelerator, self.model, last=number == len(batches)):
                restored, truth, parts = self._pass(batch)
                self.accelerator.backward(sum(parts.values()) / len(batches))
            results.append((restored.detach(), truth))
            terms.update({name: part.item() / len(batches) for name, part in parts.items()})
        limit = optim.clip_norm or float("inf")
        norm = clip(self.accelerator, self.optimizer, self.network.parameters(), limit)
        shared = dict(zip(terms, mean(self.accelerator, list(terms.values())), strict=True))
        loss = sum(shared.values())
        taken = guard.see(loss, norm)
        # A scaler of fp16 has to see what it cannot hold; it leaves the weights alone then.
        if taken or self.accelerator.scaler:
            self.optimizer.step()
        if taken and self.adversary:
            shared["discriminator"] = self.adversary.learn(results, rate)
        if taken:
            self.average.update(self.network, iteration)
        return Step(loss, norm, rate, shared, taken)

    def _pass(self, batch: Batch) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The restored images, their truths, and the terms of the loss."""
        device = self.accelerator.device
        degraded, truth = (side.to(device, non_blocking=True) for side in batch)
        restored = self.model(degraded).float()
        parts = self.objective(restored, truth)
        if self.adversary:
            parts["gan"] = self.recipe.loss.gan * self.adversary.judge(restored)
        return restored, truth, parts

    def state(self) -> dict[str, Any]:
        """All that learning goes on from, under the names of `RunState`."""
        cuda = self.accelerator.device.type == "cuda"
        scaler = self.accelerator.scaler
        return {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "cuda_rng": [torch.cuda.get_rng_state(self.accelerator.device)] if cuda else [],
            "adversary": self.adversary.state() if self.adversary else None,
            "scaler": scaler.state_dict() if scaler else None,
        }

    def restore(self, state: RunState) -> None:
        """Go on from a saved state.

        Raises:
            RuntimeError: it is of another network.
        """
        self.network.load_state_dict(state.network)
        self.average.network.load_state_dict(state.average)
        self.optimizer.load_state_dict(state.optimizer)
        # The state brings its own along, but the recipe decides.
        for group in self.optimizer.param_groups:
            group["betas"] = self.betas
        if self.adversary and state.adversary:
            self.adversary.restore(state.adversary)
        if self.accelerator.scaler and state.scaler:
            self.accelerator.scaler.load_state_dict(state.scaler)
        torch.set_rng_state(state.rng)
        if self.accelerator.device.type == "cuda" and state.cuda_rng:
            torch.cuda.set_rng_state(state.cuda_rng[0], self.accelerator.device)
