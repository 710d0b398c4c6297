"""The training loop, resumable to the bit."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from tqdm import tqdm

from swinir.checkpoints import export
from swinir.data.crops import Crops
from swinir.data.datasets import Pair, fingerprint
from swinir.network import SwinIR
from swinir.training.feed import Batch, feed
from swinir.training.guard import Guard
from swinir.training.journal import Journal
from swinir.training.learner import Learner, Step
from swinir.training.outcome import Outcome
from swinir.training.processes import any_of, from_main
from swinir.training.recipe import Recipe
from swinir.training.resumption import another_network, other_photographs, recognise
from swinir.training.state import RunState, load_newest, save_state
from swinir.training.validation import validate

log = logging.getLogger(__name__)

BEST = "best.safetensors"
"""In the folder of a run: the average of weights that scored best."""

MOST_ROLLBACKS = 5
"""In a run, after which it is given up."""


class Trainer:
    """A run in progress, in one of its processes.

    The trajectory depends on the recipe and the number of processes alone: crops are functions of
    the iteration, and a saved state holds the rest. On a CPU a resumed run equals an uninterrupted
    one bit for bit.
    """

    def __init__(self, recipe: Recipe, folder: Path, accelerator: Accelerator) -> None:
        """Sets up the run, and resumes it where the folder holds a saved state.

        Raises:
            ValueError: the saved states are of another network, or of a run that began otherwise.
        """
        self.recipe, self.folder, self.accelerator = recipe, folder, accelerator
        state = self._load()
        if state:
            recognise(folder, state, recipe, accelerator.num_processes)
            recipe = recipe.model_copy(update={"warm_start": None})
        self.learner = Learner(recipe, accelerator)
        for line in self.learner.left:
            log.warning("warm start without %s", line)
        self.guard = Guard(recipe.optim.spike)
        self.iteration, self.ahead, self.skipped, self.rollbacks = 0, 0, 0, 0
        self.best, self.best_iteration, self.seconds = float("-inf"), 0, 0.0
        self.photographs: str | None = None
        if state:
            self._restore(state)

    def _load(self, before: int | None = None) -> RunState | None:
        load = partial(load_newest, self.folder / "states", before)
        state, complaints = from_main(self.accelerator, load)
        for line in complaints:
            log.warning(line)
        return state

    def _restore(self, state: RunState) -> None:
        try:
            self.learner.restore(state)
        except RuntimeError as error:
            raise another_network(self.folder) from error
        self.guard = Guard(self.recipe.optim.spike, state.losses)
        self.photographs = state.photographs
        self.iteration, self.ahead = state.iteration, state.ahead
        self.skipped, self.rollbacks = state.skipped, state.rollbacks
        self.best, self.best_iteration = state.best, state.best_iteration
        self.seconds = state.seconds

    def save(self) -> None:
        """Write the state of the run, from the main process."""
        if not self.accelerator.is_main_process:
            return
        state = RunState(
            **self.learner.state(),
            iteration=self.iteration,
            best=self.best,
            best_iteration=self.best_iteration,
            seconds=self.seconds,
            recipe=self.recipe.model_dump(mode="json"),
            photographs=self.photographs,
            processes=self.accelerator.num_processes,
            losses=self.guard.losses,
            ahead=self.ahead,
            skipped=self.skipped,
            rollbacks=self.rollbacks,
        )
        save_state(self.folder / "states", state)

    def step(self, batches: Sequence[Batch]) -> Step:
        """One step on the batches of an iteration."""
        step = self.learner.step(batches, self.iteration, self.guard)
        self.iteration += 1
        self.skipped += not step.taken
        return step

    def run(
        self,
        crops: Crops,
        validation: Sequence[Pair] = (),
        *,
        stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Train to the end of the recipe, or until ``stop`` says so; the state is saved then.

        Raises:
            ValueError: the run has lost its course for good, or the photographs are not those that
                it learned from; states saved before stay.
            OSError: the disk refuses the record or a state; states saved before stay.
        """
        photographs = fingerprint(crops.pairs)
        if self.photographs not in (None, photographs):
            raise other_photographs(self.folder, self.recipe)
        self.photographs = photographs
        bar: tqdm[Any] = tqdm(
            total=self.recipe.optim.iterations,
            initial=self.iteration,
            desc=self.recipe.name,
            unit="step",
            disable=not self.accelerator.is_main_process,
        )
        with bar:
            while self._leg(crops, validation, stop, bar):
                self._go_back()
                bar.n = self.iteration
            self.save()
        return Outcome(
            network=self.learner.average.network,
            iterations=self.iteration,
            seconds=self.seconds,
            best=self.best,
            best_iteration=self.best_iteration,
            photographs=len(crops.pairs),
            processes=self.accelerator.num_processes,
            skipped=self.skipped,
            rollbacks=self.rollbacks,
            main=self.accelerator.is_main_process,
        )

    def _leg(
        self,
        crops: Crops,
        validation: Sequence[Pair],
        stop: Callable[[], bool],
        bar: "tqdm[Any]",
    ) -> bool:
        """Train until the end, or a stop; or until the course is lost, which it returns."""
        main, total = self.accelerator.is_main_process, self.recipe.optim.iterations
        batches = feed(crops, self.recipe, self.accelerator, self.iteration + self.ahead)
        record = Journal(self.folder, self.iteration) if main else nullcontext()
        with record as journal, closing(batches):
            if journal and self.iteration:
                journal.event(self.iteration, "goes on from here")
            while self.iteration < total and not any_of(self.accelerator, here=stop()):
                started = time.perf_counter()
                step = self.step(next(batches))
                seconds = time.perf_counter() - started
                self.seconds += seconds
                bar.set_postfix(self._figures(step), refresh=False)
                bar.update()
                if journal:
                    self._record(journal, step, seconds)
                if self.guard.lost or self.guard.spike:
                    return True
                every = self.recipe.log
                if validation and (
                    self.iteration % every.validate_every == 0 or self.iteration == total
                ):
                    self._validate(validation, crops, journal)
                if self.iteration % every.save_every == 0 and not self.guard.streak:
                    self.save()
        return False

    def _record(self, journal: Journal, step: Step, seconds: float) -> None:
        journal.step(
            self.iteration, step.loss, step.rate, step.norm, terms=step.terms, seconds=seconds
        )
        if not step.taken:
            journal.event(self.iteration, f"step not taken: {self._latest()}")
        elif self.guard.spike:
            journal.event(self.iteration, f"the loss has left its course: {self._latest()}")

    def _latest(self) -> str:
        loss, norm = self.guard.latest
        return f"loss {loss:.4g}, gradient {norm:.4g}"

    def _validate(self, validation: Sequence[Pair], crops: Crops, journal: Journal | None) -> None:
        network = self.learner.average.network
        scores = validate(network, validation, self.accelerator, on_the_fly=crops.on_the_fly)
        better = scores.psnr > self.best
        if better:
            self.best, self.best_iteration = scores.psnr, self.iteration
        if journal:
            journal.score(self.iteration, scores.psnr)
            journal.pictures(self.iteration, scores.pictures)
            if better:
                self._keep(network)

    def _keep(self, network: SwinIR) -> None:
        target = self.folder / BEST
        try:
            export(network, target)
        except OSError as error:
            reason = f"the best weights are not saved, states are kept ({error.strerror or error})"
            raise OSError(error.errno, reason, str(target)) from error

    def _go_back(self) -> None:
        """Go on from a state saved before the course was lost, with crops not seen so far.

        Raises:
            ValueError: there is none, or this has happened too often.
        """
        where = f"at iteration {self.iteration} ({self._latest()})"
        often = self.rollbacks >= MOST_ROLLBACKS
        state = None if often else self._load(self.iteration - self.guard.reach)
        if state is None and (often or self.guard.lost):
            raise ValueError(
                f"training diverged {where}; lower optim.learning_rate or optim.clip_norm"
            )
        if state is None:
            log.warning("the loss has left its course %s, no state was saved before", where)
            self.guard.forget()
            return
        log.warning("the loss has left its course %s; back to %d", where, state.iteration)
        ahead = self.ahead + self.iteration - state.iteration
        rollbacks, skipped = self.rollbacks + 1, self.skipped
        self._restore(state)
        self.ahead, self.rollbacks, self.skipped = ahead, rollbacks, skipped
        # At once, so that a run that is killed now does not meet the same crops again.
        self.save()

    def _figures(self, step: Step) -> dict[str, str]:
        figures = {"loss": f"{step.loss:.4f}", "rate": f"{step.rate:.1e}"}
        if math.isfinite(self.best):
            figures["psnr"] = f"{self.best:.2f}"
        if self.skipped:
            figures["skipped"] = str(self.skipped)
        return figures
