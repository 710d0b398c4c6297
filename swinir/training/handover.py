"""What a finished run leaves to look at and to use: weights, a model card, curves."""

from pathlib import Path

import torch

from swinir.checkpoints import export
from swinir.restoration.hardware import hardware
from swinir.training.card import Facts, card
from swinir.training.curve import draw_curve
from swinir.training.outcome import Outcome
from swinir.training.recipe import Recipe
from swinir.writing import replacing


def facts_of(outcome: Outcome, recipe: Recipe) -> dict[str, str]:
    """Texts that a file of weights carries along."""
    return {"recipe": recipe.name, "iterations": str(outcome.iterations)}


def hand_over(outcome: Outcome, recipe: Recipe, folder: Path, device: torch.device) -> list[Path]:
    """Write the weights, their card and the curves of a run into its folder; returns the files.

    Raises:
        ValueError: the folder holds no record of a step.
        OSError: the disk refuses.
    """
    weights = folder / f"{recipe.name}.safetensors"
    export(outcome.network, weights, metadata=facts_of(outcome, recipe))
    facts = Facts(
        recipe=recipe,
        weights=weights,
        parameters=sum(weight.numel() for weight in outcome.network.parameters()),
        photographs=outcome.photographs,
        iterations=outcome.iterations,
        seconds=outcome.seconds,
        hardware=hardware(device),
        best=outcome.best,
        best_iteration=outcome.best_iteration,
        skipped=outcome.skipped,
        rollbacks=outcome.rollbacks,
        processes=outcome.processes,
    )
    told = weights.with_suffix(".md")
    with replacing(told) as unfinished:
        unfinished.write_text(card(facts), "utf-8")
    curve = folder / "curve.png"
    draw_curve(folder, curve, recipe.name)
    return [weights, told, curve]
