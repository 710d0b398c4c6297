"""Where and in which precision the network runs."""

from collections.abc import Sequence

import torch

PRECISIONS: dict[str, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def pick_device(name: str) -> torch.device:
    """The device for ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; auto takes the fastest.

    Raises:
        ValueError: no such device, here or anywhere.
    """
    kind, _, index = name.partition(":")
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((each for each, there in present.items() if there), "cpu"))
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdecimal()):
        raise ValueError(f"device is auto, cpu, cuda (or cuda:1 ...) or mps, got {name!r}")
    if not present.get(kind, True):
        raise ValueError(f"device {name!r} was asked for, but torch finds none here; try auto")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ValueError(f"device {name!r} was asked for, but there are {count}, counted from 0")
    return torch.device(name)


def one_of(device: torch.device) -> torch.device:
    """``device``, or of all GPUs, which "cuda" is without a number, the first."""
    return torch.device("cuda", 0) if str(device) == "cuda" else device


def multiplies_in_bf16() -> bool:
    """Whether this processor has units that multiply matrices in bf16 (Intel's AMX).

    Instructions for bf16 alone (AVX-512 BF16) do not make it quicker than fp32.
    """
    # Not every version of torch tells; with one that does not it is fp32.
    told = getattr(torch.cpu, "get_capabilities", dict[str, object])()
    return bool(told.get("amx_bf16"))


def pick_precision(
    name: str, device: torch.device, able: Sequence[torch.dtype] = tuple(PRECISIONS.values())
) -> torch.dtype:
    """The type to compute in for ``auto``, ``fp32``, ``bf16`` or ``fp16``.

    Args:
        name: one of these.
        device: to compute on.
        able: among what auto may choose.

    Auto is bf16 where the hardware has it: a CUDA device of compute capability 8.0 or more, a
    processor of which `multiplies_in_bf16` holds. Anywhere else it is fp32; the published medium
    models overflow fp16.

    Raises:
        ValueError: another name.
    """
    if name == "auto":
        native = torch.bfloat16 in able and (
            torch.cuda.get_device_capability(device) >= (8, 0)
            if device.type == "cuda"
            else device.type == "cpu" and multiplies_in_bf16()
        )
        return torch.bfloat16 if native else torch.float32
    if name not in PRECISIONS:
        raise ValueError(f"precision is auto, {', '.join(PRECISIONS)}, got {name!r}")
    return PRECISIONS[name]
