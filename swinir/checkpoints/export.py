"""Weights written in the published layout, for this program and others."""

import io
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from swinir.checkpoints import places
from swinir.checkpoints.header import CONFIG, dump
from swinir.checkpoints.integrity import MANIFEST, Fingerprint, enlist
from swinir.network import Attention, SwinIR, SwinIRConfig
from swinir.network.windows import relative_offsets, relative_position_index, shift_mask
from swinir.writing import replacing

_SAFETENSORS = ".safetensors"
_TORCH = (".pth", ".pt", ".ckpt", ".bin")


def export(
    network: SwinIR,
    path: Path,
    *,
    dtype: torch.dtype = torch.float32,
    metadata: Mapping[str, str] | None = None,
    derived_buffers: bool = True,
    patch: int | None = None,
) -> None:
    """Write the weights of ``network`` to ``path``, whole or not at all.

    The suffix chooses: ``.safetensors``, or ``.pth`` for a torch file wrapped in ``params``. Both
    carry the configuration.

    Args:
        network: its weights, on any device.
        path: the file to write.
        dtype: how to store weights, any floating-point type.
        metadata: further texts to carry along.
        derived_buffers: also write ``attn_mask``, ``relative_position_index`` and, with cosine
            attention, ``relative_coords_table``. The official programs and spandrel refuse files
            without them; ours does not need them.
        patch: side in pixels of the image that ``attn_mask`` is for, what the official program
            calls ``training_patch_size``; eight windows (of a U at its lowest level) unless told.

    Raises:
        ValueError: a suffix or type that cannot be written, or a weight that the type cannot hold.
        OSError: the disk refuses.
    """
    if path.suffix not in (_SAFETENSORS, *_TORCH):
        known = ", ".join((_SAFETENSORS, *_TORCH))
        raise ValueError(f"weights are written to {known}, got {path.name}")
    if not dtype.is_floating_point:
        raise ValueError(f"weights are stored in a floating-point type, got {dtype}")
    tensors = {name: _store(name, value, dtype) for name, value in network.state_dict().items()}
    if derived_buffers:
        tensors |= _derived(network.config, dtype, patch)
    texts = {**(metadata or {}), CONFIG: dump(network.config)}
    with replacing(path) as temporary:
        temporary.write_bytes(_packed(tensors, texts, path.suffix))


def ship(network: SwinIR, file: str, *, metadata: Mapping[str, str] | None = None) -> Path:
    """Write our own weights to the shipped folder and to its manifest.

    In half precision, with derived buffers for the smallest image of several windows, so that
    spandrel reads the file as it is. Those of the usual image would take three times as much room
    as the weights.

    Args:
        network: its weights, on any device.
        file: name of the file, ``.safetensors``.
        metadata: further texts to carry along.
    """
    path = places.shipped() / file
    smallest = 2 * network.config.multiple
    export(network, path, dtype=torch.float16, metadata=metadata, patch=smallest)
    enlist(path.with_name(MANIFEST), path.name, Fingerprint.of(path))
    return path


def _packed(tensors: Mapping[str, Tensor], texts: Mapping[str, str], suffix: str) -> bytes:
    # In memory, because both libraries hide the reason why a disk refuses.
    if suffix == _SAFETENSORS:
        # A buffer that blocks share must be stored for each of them.
        apart = {name: value.clone() for name, value in tensors.items()}
        return save(apart, {"format": "pt", **texts})
    content = io.BytesIO()
    torch.save({"params": tensors, **texts}, content)
    return content.getvalue()


def _store(name: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    stored = value.detach().to("cpu", dtype).contiguous()
    if not bool(torch.isfinite(stored.float()).all()):
        raise ValueError(f"{name} holds a number that {dtype} cannot store, or NaN; use float32")
    return stored


def _derived(config: SwinIRConfig, dtype: torch.dtype, patch: int | None) -> dict[str, Tensor]:
    step = config.multiple
    side = patch or 8 * step
    if side % step or side <= step:
        raise ValueError(
            f"patch is two or more windows of {step} pixels, got {side}; {8 * step} suits"
        )
    index = relative_position_index(config.window)
    span = 2 * config.window - 1
    table = relative_offsets(config.window).view(1, span, span, 2).to(dtype)
    # The published masks hold -100 where ours are minus infinity.
    masks = [
        shift_mask(side >> level, side >> level, config.window, dtype=dtype).clamp(min=-100)
        for level in range(config.levels)
    ]
    derived: dict[str, Tensor] = {}
    for group, depth in enumerate(config.depths):
        for block in range(depth):
            stem = f"layers.{group}.residual_group.blocks.{block}"
            derived[f"{stem}.attn.relative_position_index"] = index
            if config.attention is Attention.COSINE:
                derived[f"{stem}.attn.relative_coords_table"] = table
            if block % 2:
                derived[f"{stem}.attn_mask"] = masks[config.level(group)]
    return derived
