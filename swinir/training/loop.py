"""The training loop: one run from a recipe, resumable to the bit."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from swinir.data.crops import TexturedCrops
from swinir.data.datasets import Pair, load_pairs
from swinir.evaluation.scores import score
from swinir.network import SwinIR
from swinir.restoration import Restorer
from swinir.training.ema import MovingAverage
from swinir.training.journal import Journal
from swinir.training.recipe import Recipe
from swinir.training.start import start_as_interpolation
from swinir.training.state import RunState, load_newest, save_state

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: the averaged network, its scores in dB, and the seconds it trained."""

    network: SwinIR
    iterations: int
    best: float
    seconds: float


def pick_precision(wish: str, device: torch.device) -> torch.dtype | None:
    """The autocast type of the forward pass, or None for float32."""
    if wish == "bf16":
        return torch.bfloat16
    capable = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if wish == "auto" and capable else None


def validate(network: SwinIR, pairs: Sequence[Pair], device: torch.device) -> float:
    """Mean PSNR-Y in dB over image pairs, ``scale`` pixels shaved, by the papers' protocol."""
    restorer = Restorer(network, device=str(device), precision="fp32")
    scores = []
    for pair in pairs:
        degraded, truth = (
            image.permute(1, 2, 0).numpy().astype(np.float32) / np.float32(255)
            for image in (pair.degraded, pair.truth)
        )
        scores.append(score(restorer.restore(degraded), truth, restorer.scale))
    return sum(scores) / len(scores)


def split_parameters(network: SwinIR) -> list[dict[str, list[torch.nn.Parameter]]]:
    """Parameter groups for an optimizer: the convolutions and norms, then the Swin blocks."""
    convolutions: list[torch.nn.Parameter] = []
    blocks: list[torch.nn.Parameter] = []
    for name, parameter in network.named_parameters():
        (blocks if ".residual_group." in name else convolutions).append(parameter)
    return [{"params": convolutions}, {"params": blocks}]


class Trainer:
    """A run in progress.

    The trajectory depends on the recipe alone: crops are functions of the iteration, and a saved
    state holds the rest. On a CPU a resumed run equals an uninterrupted one bit for bit.
    """

    def __init__(self, recipe: Recipe, folder: Path, device: torch.device) -> None:
        """Sets up the run, and resumes it where the folder holds a saved state.

        Raises:
            ValueError: the saved states are of another network.
        """
        self.recipe, self.folder, self.device = recipe, folder, device
        torch.manual_seed(recipe.seed)
        self.network = SwinIR(recipe.network).train()
        if recipe.start == "interpolation":
            start_as_interpolation(self.network)
        self.network.to(device)
        self.average = MovingAverage(self.network, recipe.optim.ema_decay)
        self.optimizer = torch.optim.Adam(
            split_parameters(self.network), betas=(0.9, recipe.optim.beta2)
        )
        self.iteration, self.best, self.seconds = 0, float("-inf"), 0.0
        self.precision = pick_precision(recipe.optim.precision, device)
        state, complaints = load_newest(folder / "states")
        for line in complaints:
            log.warning(line)
        if state:
            self._restore(state)

    def _restore(self, state: RunState) -> None:
        try:
            self.network.load_state_dict(state.network)
            self.average.network.load_state_dict(state.average)
        except RuntimeError as error:
            raise ValueError(
                f"{self.folder}: holds a run of another network than the recipe's; "
                "give this one a folder of its own with --output"
            ) from error
        self.optimizer.load_state_dict(state.optimizer)
        torch.set_rng_state(state.rng)
        if self.device.type == "cuda" and state.cuda_rng:
            torch.cuda.set_rng_state_all(state.cuda_rng)
        self.iteration, self.best, self.seconds = state.iteration, state.best, state.seconds

    def save(self) -> Path:
        """Write the state of the run."""
        cuda_rng = torch.cuda.get_rng_state_all() if self.device.type == "cuda" else []
        state = RunState(
            iteration=self.iteration,
            network=self.network.state_dict(),
            average=self.average.network.state_dict(),
            optimizer=self.optimizer.state_dict(),
            rng=torch.get_rng_state(),
            cuda_rng=cuda_rng,
            best=self.best,
            seconds=self.seconds,
        )
        return save_state(self.folder / "states", state)

    def step(self, crops: TexturedCrops) -> tuple[float, float, float]:
        """One step of Adam on the L1 loss; returns loss, learning rate and gradient norm."""
        optim = self.recipe.optim
        rate = self.recipe.learning_rate(self.iteration)
        convolutions, blocks = self.optimizer.param_groups
        convolutions["lr"], blocks["lr"] = rate, rate * optim.block_rate
        degraded, truth = (
            side.to(self.device, non_blocking=True)
            for side in crops.batch(self.iteration, optim.batch_size)
        )
        self.optimizer.zero_grad(set_to_none=True)
        enabled = self.precision is not None
        with torch.autocast(self.device.type, self.precision, enabled=enabled):
            restored = self.network(degraded)
        loss = F.l1_loss(restored.float(), truth)
        loss.backward()
        limit = optim.clip_norm or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        self.optimizer.step()
        self.average.update(self.network, self.iteration)
        self.iteration += 1
        return loss.item(), rate, float(norm)

    def run(
        self,
        crops: TexturedCrops,
        validation: Sequence[Pair] = (),
        *,
        stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Train to the end of the recipe, or until ``stop`` says so; the state is saved then.

        Raises:
            ValueError: the loss or its gradient is no longer a number; states saved before stay.
            OSError: the disk refuses the record or a state; states saved before stay.
        """
        total, every = self.recipe.optim.iterations, self.recipe.log
        bar = tqdm(total=total, initial=self.iteration, desc=self.recipe.name, unit="step")
        with Journal(self.folder, self.iteration) as journal, bar:
            while self.iteration < total and not stop():
                started = time.perf_counter()
                loss, rate, norm = self.step(crops)
                self.seconds += time.perf_counter() - started
                if not math.isfinite(loss + norm):
                    raise ValueError(
                        f"training diverged at iteration {self.iteration} (loss {loss}, gradient "
                        f"{norm}); lower optim.learning_rate or optim.clip_norm"
                    )
                journal.step(self.iteration, loss, rate, norm)
                bar.set_postfix(self._figures(loss, rate), refresh=False)
                bar.update()
                if validation and self.iteration % every.validate_every == 0:
                    psnr_y = validate(self.average.network, validation, self.device)
                    self.best = max(self.best, psnr_y)
                    journal.score(self.iteration, psnr_y)
                if self.iteration % every.save_every == 0:
                    self.save()
            self.save()
        return Outcome(self.average.network, self.iteration, self.best, self.seconds)

    def _figures(self, loss: float, rate: float) -> dict[str, str]:
        figures = {"loss": f"{loss:.4f}", "rate": f"{rate:.1e}"}
        if math.isfinite(self.best):
            figures["psnr"] = f"{self.best:.2f}"
        return figures


def train(
    recipe: Recipe,
    folder: Path,
    *,
    device: torch.device,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run a recipe in a folder, or go on with the run that the folder holds.

    ``progress`` is called while photographs are read, with files done and in all.

    Raises:
        ValueError: the photographs or a saved state do not fit the recipe.
    """
    scale, data = recipe.network.scale, recipe.data
    pairs = load_pairs(data.train, scale, smallest=data.patch, progress=progress)
    # Smaller ones have nothing left to score when the border is shaved.
    validation = load_pairs(data.validation, scale, smallest=3) if data.validation else []
    crops = TexturedCrops(pairs, patch=data.patch, scale=scale, seed=recipe.seed)
    return Trainer(recipe, folder, device).run(crops, validation, stop=stop)
