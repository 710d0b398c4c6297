"""What a file is instead of a SwinIR, and how its tensors differ from one, in plain words.

A Swin2SR counts as one.
"""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from swinir.lines import printable
from swinir.network import SwinIR, SwinIRConfig

_ONLY = "this program reads SwinIR and Swin2SR weights"

_FOREIGN: tuple[tuple[str, str], ...] = (
    (r"overlap_attn|conv_block\.cab", "a HAT network"),
    (
        r"RRDB_trunk|trunk_conv|\.rdb[123]\.|RDB[123]\.conv|^model\.\d+\.sub\.",
        "an ESRGAN (RRDB) network",
    ),
    (r"\.attns\.\d|\.attn\.proxy|spatial_interaction", "a DAT network"),
    (r"^encoder_level1\.|^refinement\.", "a Restormer network"),
    (r"^middle_blks\.|^intro\.", "a NAFNet network"),
    (r"^features\.\d+\.", "a VGG network or a discriminator, the judge in GAN training"),
    (
        r"^netD\.|^net_d\.|discriminator|weight_orig$|weight_u$|^conv[1-9]\.weight|^linear[12]\.",
        "a discriminator, the judge in GAN training, not the network that restores",
    ),
    (r"^body\.0\.rcab|^body\.\d+\.body\.|^head\.0\.weight", "an EDSR or RCAN network"),
    (r"^body\.\d+\.weight", "a compact (SRVGG) network"),
    (r"^absolute_pos_embed", "a SwinIR with absolute position embedding, which nobody published"),
    (r"^conv_first\.1\.", "a SwinIR that shrinks its input first (pixel unshuffle)"),
)
"""Names of tensors that give away other networks, the most telling first."""

_TRAINING = frozenset(
    ("optimizers", "schedulers", "optimizer", "optimizer_state_dict", "scheduler", "iter", "epoch")
)
_SHOWN = 3
_LONGEST = 100


def foreign(tensors: Mapping[str, Tensor]) -> str | None:
    """What the tensors are of, if not of a SwinIR; None where they look like one."""
    for pattern, what in _FOREIGN:
        if any(re.search(pattern, name) for name in tensors):
            return f"this is {what}; {_ONLY}"
    if "conv_first.weight" not in tensors or not any(
        name.startswith("layers.0.residual_group.blocks.0.") for name in tensors
    ):
        return f"no SwinIR weights are in it, but {_first(tensors)}; {_ONLY}"
    return None


def unlike_weights(stored: object) -> str:
    """What a file without weights holds."""
    if not isinstance(stored, Mapping):
        return f"holds a {type(stored).__name__} instead of named weights; {_ONLY}"
    names = {str(name) for name in stored}
    if {"state", "param_groups"} <= names:
        return "this is the state of an optimizer, without weights; give the file of the network"
    if names & _TRAINING:
        return "this is the state of a training run, without weights; give the file of the network"
    return (
        f"no weights are in it, but {_first(names)}; {_ONLY}" if names else "no weights are in it"
    )


def mismatch(tensors: Mapping[str, Tensor], config: SwinIRConfig) -> str | None:
    """How the tensors differ from those of the network that ``config`` describes; None if equal."""
    try:
        with torch.device("meta"):
            wanted = {name: value.shape for name, value in SwinIR(config).state_dict().items()}
    except RuntimeError:
        return "its sides are too long for any network: damaged, or a trick"
    missing = [name for name in wanted if name not in tensors]
    if missing:
        return (
            f"{_first(missing)} missing of {len(wanted)} tensors: "
            "incomplete, or a variant of SwinIR that this program does not know"
        )
    unexpected = [name for name in tensors if name not in wanted]
    if unexpected:
        return (
            f"{_first(unexpected)} not part of this SwinIR: "
            "more than one network in the file, or a variant that this program does not know"
        )
    for name, shape in wanted.items():
        if tensors[name].shape != shape:
            return (
                f"{name} is {_sides(tensors[name].shape)}, the other tensors ask for "
                f"{_sides(shape)}: a variant of SwinIR that this program does not know"
            )
    return None


def _first(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(printable(name)[:_LONGEST] for name in listed[:_SHOWN]) + more


def _sides(shape: torch.Size) -> str:
    return "x".join(map(str, shape)) or "a single number"
