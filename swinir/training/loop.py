"""The training loop: one run from a recipe, resumable to the bit."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from swinir.data.crops import TexturedCrops
from swinir.data.datasets import Pair, fingerprint
from swinir.data.onthefly import OnTheFly
from swinir.evaluation.scores import score
from swinir.images.tensors import from_levels
from swinir.network import SwinIR
from swinir.restoration import Restorer
from swinir.restoration.devices import pick_precision
from swinir.training.ema import MovingAverage
from swinir.training.journal import Journal
from swinir.training.lock import alone_in
from swinir.training.material import load_crops, load_validation
from swinir.training.objective import Objective
from swinir.training.recipe import Recipe
from swinir.training.resumption import compare
from swinir.training.start import STARTS, adopt
from swinir.training.state import RunState, load_newest, save_state

log = logging.getLogger(__name__)

VALIDATION_TILE = 256
"""Side in pixels. One that followed the free memory would change the last digits of a score."""

ANOTHER_FOLDER = "give this one a folder of its own with --output"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: the averaged network, its scores in dB, and the seconds it trained."""

    network: SwinIR
    iterations: int
    best: float
    seconds: float


def validate(
    network: SwinIR,
    pairs: Sequence[Pair],
    device: torch.device,
    *,
    on_the_fly: OnTheFly | None = None,
) -> float:
    """Mean PSNR in dB over image pairs, by the papers' protocol: of the luma where it enlarges.

    On the fly each image is degraded in its own way, the same at every call.
    """
    restorer = Restorer(network, device=str(device), precision="fp32", tile=VALIDATION_TILE)
    scores = []
    for number, pair in enumerate(pairs):
        truth = from_levels(pair.truth)
        if on_the_fly:
            degraded = on_the_fly.degrade(truth, np.random.default_rng(number))
        else:
            degraded = from_levels(pair.degraded)
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
            ValueError: the saved states are of another network, or of a run that began otherwise.
        """
        self.recipe, self.folder, self.device = recipe, folder, device
        state, complaints = load_newest(folder / "states")
        for line in complaints:
            log.warning(line)
        torch.manual_seed(recipe.seed)
        self.network = SwinIR(recipe.network).train()
        STARTS[recipe.start](self.network)
        if recipe.warm_start and not state:
            for line in adopt(self.network, recipe.warm_start):
                log.warning("warm start without %s", line)
        self.network.to(device)
        self.average = MovingAverage(self.network, recipe.optim.ema_decay)
        self.betas = (0.9, recipe.optim.beta2)
        self.optimizer = torch.optim.Adam(split_parameters(self.network), betas=self.betas)
        self.iteration, self.best, self.seconds = 0, float("-inf"), 0.0
        self.precision = pick_precision(recipe.optim.precision, device)
        self.objective = Objective(recipe.loss).to(device)
        self.photographs: str | None = None
        if state:
            self._restore(state)

    def _compare(self, state: RunState) -> None:
        """Refuse the state of another run; tell what holds from the next step on."""
        after = f"{self.folder}: goes on after {state.iteration} iterations"
        if state.recipe is None:
            log.warning(
                "%s, saved by an older version without their recipe: that network, photographs, "
                "seed and batch are the same is not checked",
                after,
            )
            return
        changes = compare(state.recipe, self._table())
        if changes.network:
            raise ValueError(
                f"{self.folder}: holds a run of another network than the recipe's "
                f"({', '.join(changes.network)}); {ANOTHER_FOLDER}"
            )
        if changes.fixed:
            raise ValueError(
                f"{self.folder}: holds a run that began with another recipe "
                f"({', '.join(changes.fixed)}); set it back, or {ANOTHER_FOLDER}"
            )
        if changes.future:
            log.warning("%s with changes: %s", after, ", ".join(changes.future))

    def _table(self) -> dict[str, Any]:
        return self.recipe.model_dump(mode="json")

    def _restore(self, state: RunState) -> None:
        self._compare(state)
        try:
            self.network.load_state_dict(state.network)
            self.average.network.load_state_dict(state.average)
        except RuntimeError as error:
            raise ValueError(
                f"{self.folder}: holds a run of another network than the recipe's; {ANOTHER_FOLDER}"
            ) from error
        self.optimizer.load_state_dict(state.optimizer)
        # The state brings its own along, but the recipe decides.
        for group in self.optimizer.param_groups:
            group["betas"] = self.betas
        self.photographs = state.photographs
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
            recipe=self._table(),
            photographs=self.photographs,
        )
        return save_state(self.folder / "states", state)

    def step(self, crops: TexturedCrops) -> tuple[float, float, float]:
        """One step of Adam; returns loss, learning rate and gradient norm."""
        optim = self.recipe.optim
        rate = self.recipe.learning_rate(self.iteration)
        convolutions, blocks = self.optimizer.param_groups
        convolutions["lr"], blocks["lr"] = rate, rate * optim.block_rate
        degraded, truth = (
            side.to(self.device, non_blocking=True)
            for side in crops.batch(self.iteration, optim.batch_size)
        )
        self.optimizer.zero_grad(set_to_none=True)
        reduced = self.precision is not torch.float32
        dtype = self.precision if reduced else None
        with torch.autocast(self.device.type, dtype, enabled=reduced):
            restored = self.network(degraded)
        loss = self.objective(restored.float(), truth)
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
            ValueError: the loss or its gradient is no longer a number, or the photographs are not
                those that the run learned from; states saved before stay.
            OSError: the disk refuses the record or a state; states saved before stay.
        """
        self._recognise(crops)
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
                    psnr = validate(
                        self.average.network, validation, self.device, on_the_fly=crops.on_the_fly
                    )
                    self.best = max(self.best, psnr)
                    journal.score(self.iteration, psnr)
                if self.iteration % every.save_every == 0:
                    self.save()
            self.save()
        return Outcome(self.average.network, self.iteration, self.best, self.seconds)

    def _recognise(self, crops: TexturedCrops) -> None:
        photographs = fingerprint(crops.pairs)
        if self.photographs not in (None, photographs):
            raise ValueError(
                f"{self.folder}: holds a run that learned from other photographs than those in "
                f"data.train, {self.recipe.data.train}; set it back, or {ANOTHER_FOLDER}"
            )
        self.photographs = photographs

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

    ``progress`` is called while photographs are read, with files done and in all, and begins anew
    for those of validation.

    Raises:
        ValueError: the photographs or a saved state do not fit the recipe, or another run is at
            work in the folder.
        Stopped: ``stop`` said so before the first step.
    """
    with alone_in(folder):
        trainer = Trainer(recipe, folder, device)
        crops = load_crops(recipe, progress=progress, stop=stop)
        validation = load_validation(recipe, progress=progress, stop=stop)
        return trainer.run(crops, validation, stop=stop)
