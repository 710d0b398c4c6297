"""What may change in a recipe while its run is under way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIXED = (
    "seed",
    "start",
    "warm_start",
    "network.",
    "data.patch",
    "data.degradation",
    "optim.batch_size",
)
"""Options, and tables of them, that all steps of a run have in common."""

FREE = ("name", "data.train")
"""Options whose change means nothing: photographs are known by their content, see `fingerprint`."""


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
            options |= {f"{key}.{inner}": each for inner, each in value.items()}
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
