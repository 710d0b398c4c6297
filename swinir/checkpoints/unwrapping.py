"""From what a file holds to tensors under the published names."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import torch
from torch import Tensor

from swinir.checkpoints.diagnosis import foreign, unlike_weights
from swinir.checkpoints.errors import CheckpointError
from swinir.checkpoints.header import MOST_WINDOW
from swinir.checkpoints.transformers_layout import from_transformers, is_transformers

WRAPPERS = ("params_ema", "params", "state_dict", "model", "average")
"""Keys under which trainers save the weights, the preferred one first; the last is our own's."""

DERIVED = ("attn_mask", "relative_position_index", "relative_coords_table")
"""Last part of the names of published buffers that are geometry, computed here and not loaded."""

_PREFIXES = ("module.", "_orig_mod.")
_LANDMARK = "conv_first.weight"
_INDEX = "relative_position_index"


@dataclass(frozen=True, slots=True)
class Weights:
    """Tensors of a network under the published names, in float32, without derived buffers.

    Attributes:
        tensors: the weights by name.
        wrapper: what was taken off: ``params_ema``, ``state_dict, prefix module.``, ``bare``.
        dtype: how the weights were stored.
        derived: whether derived buffers were stored along.
        window: side of the windows that a derived buffer is for; None without one.
    """

    tensors: Mapping[str, Tensor]
    wrapper: str
    dtype: torch.dtype
    derived: bool
    window: int | None


def unwrap(stored: object, path: Path) -> Weights:
    """Find the weights in what ``path`` holds.

    Raises:
        CheckpointError: they are not those of a SwinIR or Swin2SR; the line says what they are.
    """
    inner, wrappers = _take_off_wrappers(stored)
    if not isinstance(inner, Mapping):
        raise CheckpointError(f"{path}: {unlike_weights(stored)}")
    tensors = {str(name): value for name, value in inner.items() if isinstance(value, Tensor)}
    if not tensors:
        raise CheckpointError(f"{path}: {unlike_weights(stored)}")
    if not all(name.isprintable() for name in tensors):
        raise CheckpointError(f"{path}: names of its tensors are not text: damaged, or a trick")
    odd = [str(name) for name, value in inner.items() if not isinstance(value, Tensor)]
    if odd:
        raise CheckpointError(f"{path}: {odd[0]!r} among its weights is no tensor")
    tensors, prefix = _take_off_prefix(tensors)
    kept = {name: value for name, value in tensors.items() if not name.endswith(DERIVED)}
    transformers = is_transformers(kept)
    problem = None if transformers else foreign(kept)
    if problem:
        raise CheckpointError(f"{path}: {problem}")
    for name, value in kept.items():
        _require_plain(name, value, path)
    _require_stored(kept, path)
    wide = {name: _widen(name, value, path) for name, value in kept.items()}
    taken = [" > ".join(wrappers) or "bare"]
    taken += [f"prefix {prefix}"] * bool(prefix) + ["layout of transformers"] * transformers
    return Weights(
        tensors=from_transformers(wide) if transformers else wide,
        wrapper=", ".join(taken),
        dtype=next(iter(kept.values())).dtype,
        derived=len(kept) < len(tensors),
        window=_window(tensors),
    )


def _window(tensors: Mapping[str, Tensor]) -> int | None:
    """The side of the windows, of whose pairs of tokens a buffer tells: ``(side^2, side^2)``."""
    shapes = {value.shape for name, value in tensors.items() if name.endswith(_INDEX)}
    tokens = shapes.pop()[0] if len(shapes) == 1 and len(next(iter(shapes))) == 2 else 0
    side = isqrt(tokens)
    return side if 2 <= side <= MOST_WINDOW and side * side == tokens else None


def _take_off_wrappers(stored: object) -> tuple[object, list[str]]:
    taken: list[str] = []
    # A file can hold a mapping that contains itself, hence no open end.
    for _ in WRAPPERS:
        if not isinstance(stored, Mapping):
            break
        inside = {key: stored.get(key) for key in WRAPPERS}
        # Where one is empty the trainer kept its weights in another.
        full = [key for key, held in inside.items() if isinstance(held, Mapping) and held]
        if not full:
            break
        stored = inside[full[0]]
        taken.append(full[0])
    return stored, taken


def _take_off_prefix(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Remove what wrappers of modules put before every name."""
    landmark = next((name for name in tensors if name.endswith(f".{_LANDMARK}")), "")
    prefix = landmark.removesuffix(_LANDMARK)
    if prefix and all(name.startswith(prefix) for name in tensors):
        return {name.removeprefix(prefix): value for name, value in tensors.items()}, prefix
    found = [prefix for prefix in _PREFIXES if any(name.startswith(prefix) for name in tensors)]
    for prefix in found:
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors, " ".join(found)


def _require_plain(name: str, value: Tensor, path: Path) -> None:
    if value.is_nested or value.layout is not torch.strided or value.device.type != "cpu":
        raise CheckpointError(
            f"{path}: {name} is not a plain tensor with all its numbers (sparse, nested or without "
            "data), which weights are: damaged, or a trick"
        )
    if not value.numel():
        raise CheckpointError(f"{path}: {name} holds no numbers: damaged, or another network")
    if not value.is_floating_point():
        raise CheckpointError(
            f"{path}: {name} holds {_words(value.dtype)} numbers, weights hold floating-point ones "
            "(a quantised network cannot be read)"
        )


def _require_stored(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that repeat a few stored numbers up to any size."""
    numbers = sum(value.numel() for value in tensors.values())
    size = path.stat().st_size
    if numbers > size:
        raise CheckpointError(
            f"{path}: its tensors have {numbers} numbers, which a file of {size} bytes cannot "
            "store: damaged, or a trick"
        )


def _widen(name: str, value: Tensor, path: Path) -> Tensor:
    wide = value.float()
    if not bool(torch.isfinite(wide).all()):
        raise CheckpointError(
            f"{path}: {name} holds NaN or infinity: its training diverged, or the file is damaged"
        )
    return wide


def _words(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
