"""Swin2SR weights under the names of Hugging Face transformers, and back."""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

Names = tuple[tuple[str, str], ...]

_TRUNK: Names = (
    ("conv_first", "swin2sr.first_convolution"),
    ("patch_embed.proj", "swin2sr.embeddings.patch_embeddings.projection"),
    ("patch_embed.norm", "swin2sr.embeddings.patch_embeddings.layernorm"),
    ("layers.#.conv", "swin2sr.encoder.stages.#.conv"),
    ("layers.#.conv.#", "swin2sr.encoder.stages.#.conv.#"),
    ("layers.#.patch_embed.proj", "swin2sr.encoder.stages.#.patch_embed.projection"),
    ("norm", "swin2sr.layernorm"),
    ("conv_after_body", "swin2sr.conv_after_body"),
)
_BLOCK: Names = tuple(
    (f"layers.#.residual_group.blocks.#.{ours}", f"swin2sr.encoder.stages.#.layers.#.{theirs}")
    for ours, theirs in (
        ("attn.logit_scale", "attention.self.logit_scale"),
        ("attn.cpb_mlp.#", "attention.self.continuous_position_bias_mlp.#"),
        ("attn.q_bias", "attention.self.query.bias"),
        ("attn.v_bias", "attention.self.value.bias"),
        ("attn.proj", "attention.output.dense"),
        ("norm1", "layernorm_before"),
        ("norm2", "layernorm_after"),
        ("mlp.fc1", "intermediate.dense"),
        ("mlp.fc2", "output.dense"),
    )
)
_DIRECT: Names = (("upsample.0", "upsample.conv"),)
_RESIDUAL: Names = (("conv_last", "final_convolution"),)
_OTHER_HEADS: Names = (
    ("conv_before_upsample.0", "upsample.conv_before_upsample"),
    ("conv_bicubic", "upsample.conv_bicubic"),
    ("conv_aux", "upsample.conv_aux"),
    ("conv_after_aux.0", "upsample.conv_after_aux.0"),
    ("conv_up1", "upsample.conv_up1"),
    ("conv_up2", "upsample.conv_up2"),
    ("conv_hr", "upsample.conv_hr"),
    ("conv_last", "upsample.final_convolution"),
)
_STEP_OF_3: Names = (("upsample.0", "upsample.upsample.convolution"),)
_STEPS_OF_2: Names = tuple(
    (f"upsample.{2 * step}", f"upsample.upsample.convolution_{step}") for step in range(3)
)
_EVERY_HEAD = _DIRECT + _RESIDUAL + _OTHER_HEADS + _STEP_OF_3 + _STEPS_OF_2

_PARTS = ("query", "key", "value")
_QKV = re.compile(r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.attn\.qkv\.weight")
_PART = re.compile(
    r"swin2sr\.encoder\.stages\.(\d+)\.layers\.(\d+)\.attention\.self\.query\.weight"
)


def is_transformers(names: Iterable[str]) -> bool:
    """Whether tensors have the names of transformers' ``Swin2SRForImageSuperResolution``."""
    return "swin2sr.first_convolution.weight" in set(names)


def from_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the published names; query, key and value become one.

    What has no published name keeps its own.
    """
    table = [(theirs, ours) for ours, theirs in _TRUNK + _BLOCK + _EVERY_HEAD]
    left = dict(tensors)
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        block = _PART.fullmatch(name)
        if not block or not value.ndim:
            continue
        parts = [name.replace("query", part) for part in _PARTS]
        # Where one is missing, or has another width, the names tell which.
        if all(part in left and left[part].shape[1:] == value.shape[1:] for part in parts):
            stem = "layers.{}.residual_group.blocks.{}".format(*block.groups())
            found[f"{stem}.attn.qkv.weight"] = torch.cat([left.pop(part) for part in parts])
    return found | {_renamed(name, table): value for name, value in left.items()}


def to_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published Swin2SR weights under transformers' names, the reverse of `from_transformers`."""
    table = _TRUNK + _BLOCK + _head(tensors)
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        block = _QKV.fullmatch(name)
        if block:
            stem = "swin2sr.encoder.stages.{}.layers.{}.attention.self".format(*block.groups())
            for part, weight in zip(_PARTS, value.chunk(3), strict=True):
                found[f"{stem}.{part}.weight"] = weight
        else:
            found[_renamed(name, table)] = value
    return found


def _head(tensors: Mapping[str, Tensor]) -> Names:
    """The names of the head that published tensors have."""
    if "conv_before_upsample.0.weight" not in tensors:
        return _DIRECT if "upsample.0.weight" in tensors else _RESIDUAL
    step = tensors.get("upsample.0.weight")
    of_3 = step is not None and step.shape[0] == 9 * step.shape[1]
    return _OTHER_HEADS + (_STEP_OF_3 if of_3 else _STEPS_OF_2)


def _renamed(name: str, table: Iterable[tuple[str, str]]) -> str:
    for source, target in table:
        pattern = re.escape(source).replace(r"\#", r"(\d+)") + r"(\.weight|\.bias)?"
        match = re.fullmatch(pattern, name)
        if match:
            *numbers, tail = match.groups()
            return target.replace("#", "{}").format(*numbers) + (tail or "")
    return name
