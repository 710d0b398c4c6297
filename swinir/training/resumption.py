"""What may change in a recipe while its run is under way."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swinir.training.recipe import Recipe
from swinir.training.state import RunState

FIXED = (
    "seed",
    "start",
    "warm_start",
    "network.",
    "data.patch",
    "data.draw",
    "data.degradation",
    "optim.batch_size",
    "optim.accumulate",
    "adversary.width",
)
"""Options, and tables of them, that all steps of a run have in common."""

FREE = (
    "name",
    "data.train",
    "data.degradation.inputs",
    "data.degradation.validation_inputs",
    "data.workers",
    "data.cache",
)
"""Options whose change means nothing: photographs are known by their content, see `fingerprint`."""

ANOTHER_FOLDER = "give this one a folder of its own with --output"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Changes:
    """Options that differ, each as ``table.key from this to that``.

    Attributes:
        network: those of the network; its weights would not fit or mean something else.
        fixed: others that make it another run.
        future: those that hold from the next step on.
    """

    network: tuple[str, ...]
    fixed: tuple[str, ...]
    future: tuple[str, ...]


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            options |= {f"{key}.{inner}": each for inner, each in _flat(value).items()}
        else:
            options[key] = value
    return options


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """What changed between two recipes as tables of plain values.

    Options that one of them lacks are those of another version of the program, and are passed over.
    """
    old, new = _flat(before), _flat(now)
    texts = {
        key: f"{key} from {old[key]} to {new[key]}"
        for key in new
        if key in old and old[key] != new[key] and key not in FREE
    }
    fixed = [key for key in texts if key.startswith(FIXED)]
    network = [key for key in fixed if key.startswith("network.")]
    return Changes(
        network=tuple(texts[key] for key in network),
        fixed=tuple(texts[key] for key in fixed if key not in network),
        future=tuple(texts[key] for key in texts if key not in fixed),
    )


def recognise(folder: Path, state: RunState, recipe: Recipe, processes: int) -> None:
    """Refuse the state of another run; tell what holds from the next step on.

    Raises:
        ValueError: the state in ``folder`` is of another network or began otherwise.
    """
    after = f"{folder}: goes on after {state.iteration} iterations"
    if state.processes != processes:
        log.warning(
            "%s with %d processes instead of %d, each of them with its batch",
            after,
            processes,
            state.processes,
        )
    if state.recipe is None:
        log.warning(
            "%s, saved by an older version without their recipe: that network, photographs, "
            "seed and batch are the same is not checked",
            after,
        )
        return
    changes = compare(state.recipe, recipe.model_dump(mode="json"))
    if changes.network:
        raise another_network(folder, f" ({', '.join(changes.network)})")
    if changes.fixed:
        raise ValueError(
            f"{folder}: holds a run that began with another recipe "
            f"({', '.join(changes.fixed)}); set it back, or {ANOTHER_FOLDER}"
        )
    if changes.future:
        log.warning("%s with changes: %s", after, ", ".join(changes.future))


def another_network(folder: Path, how: str = "") -> ValueError:
    """What is told where a state does not fit the recipe's network."""
    return ValueError(
        f"{folder}: holds a run of another network than the recipe's{how}; {ANOTHER_FOLDER}"
    )


def other_photographs(folder: Path, recipe: Recipe) -> ValueError:
    """What is told where a run would go on with photographs that it did not learn from."""
    return ValueError(
        f"{folder}: holds a run that learned from other photographs than those in "
        f"data.train, {recipe.data.train}; set it back, or {ANOTHER_FOLDER}"
    )
