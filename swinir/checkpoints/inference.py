"""The configuration of a network, read off the names and shapes of its tensors."""

import re
from collections.abc import Callable, Mapping
from math import isqrt

from torch import Tensor

from swinir.network import Attention, GroupConv, Head, Norm, Shape, SwinIRConfig

_BLOCK = re.compile(r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.")
_UPSAMPLE = re.compile(r"upsample\.\d+\.weight")
_MERGES = "merges."

JPEG_WINDOW = 7
"""Only the published JPEG models have this window, and only they have ``img_range`` 255."""


USUAL_WINDOW = 8
"""That of all other published models."""


def infer(tensors: Mapping[str, Tensor], window: int | None = None) -> SwinIRConfig:
    """The configuration of a SwinIR, Swin2SR or U with these tensors.

    Guessed are ``img_range``, by the window; ``norm``, by the attention; and the window of a
    Swin2SR where ``window`` does not tell it.

    Raises:
        ValueError: the tensors are not those of any SwinIR.
    """
    try:
        return _infer(tensors, window)
    except KeyError as error:
        raise ValueError(
            f"{error.args[0]} missing: incomplete, or a variant of SwinIR that this program "
            "does not know"
        ) from error
    except (IndexError, ZeroDivisionError) as error:
        raise ValueError(
            "a tensor has a shape that none of a SwinIR's has: damaged, or another network"
        ) from error


def _infer(tensors: Mapping[str, Tensor], window: int | None) -> SwinIRConfig:
    first = tensors["conv_first.weight"].shape
    dim, channels = first[0], first[1]
    depths = _depths(tensors)
    head = _head(tensors)
    cosine = _block(0, "attn.logit_scale") in tensors
    if cosine:
        scales = [tensors[_block(group, "attn.logit_scale")] for group in range(len(depths))]
        heads = [scale.shape[0] for scale in scales]
        window = window or _likely_window(head, channels)
    else:
        name = "attn.relative_position_bias_table"
        tables = [tensors[_block(group, name)] for group in range(len(depths))]
        heads = [table.shape[1] for table in tables]
        window = (isqrt(tables[0].shape[0]) + 1) // 2
    return SwinIRConfig(
        head=head,
        scale=_SCALES[head](tensors),
        channels=channels,
        embed_dim=dim,
        depths=depths,
        num_heads=tuple(heads),
        window=window,
        mlp_ratio=_mlp_ratio(tensors[_block(0, "mlp.fc1.weight")].shape[0], dim),
        group_conv=GroupConv.ONE if "conv_after_body.weight" in tensors else GroupConv.THREE,
        attention=Attention.COSINE if cosine else Attention.DOT,
        norm=Norm.POST if cosine else Norm.PRE,
        projection="patch_embed.proj.weight" in tensors,
        shape=Shape.U if any(name.startswith(_MERGES) for name in tensors) else Shape.FLAT,
        img_range=255.0 if window == JPEG_WINDOW else 1.0,
    )


def _likely_window(head: Head, channels: int) -> int:
    """Of published Swin2SR models that for grey JPEGs alone has another window."""
    return JPEG_WINDOW if head is Head.RESIDUAL and channels == 1 else USUAL_WINDOW


def _block(group: int, name: str) -> str:
    return f"layers.{group}.residual_group.blocks.0.{name}"


def _depths(tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    blocks: dict[int, int] = {}
    for match in map(_BLOCK.match, tensors):
        if match:
            group, block = map(int, match.groups())
            blocks[group] = max(blocks.get(group, 0), block + 1)
    # Every block has tensors of its own. Trusting the numbers could build millions of blocks.
    if max(blocks) >= len(tensors) or sum(blocks.values()) > len(tensors):
        raise ValueError("its layers are numbered with gaps: incomplete, or damaged")
    return tuple(blocks.get(group, 1) for group in range(max(blocks) + 1))


def _mlp_ratio(hidden: int, dim: int) -> float:
    ratio = hidden / dim
    # The network rounds dim * ratio down; half a channel more makes up for a rounded quotient.
    return ratio if int(dim * ratio) == hidden else (hidden + 0.5) / dim


def _head(tensors: Mapping[str, Tensor]) -> Head:
    if "conv_up1.weight" in tensors:
        return Head.NEAREST_CONV
    if "conv_aux.weight" in tensors:
        return Head.PIXELSHUFFLE_AUX
    if "conv_before_upsample.0.weight" in tensors:
        return Head.PIXELSHUFFLE
    return Head.PIXELSHUFFLE_DIRECT if "upsample.0.weight" in tensors else Head.RESIDUAL


def _pixelshuffle_scale(tensors: Mapping[str, Tensor]) -> int:
    scale = 1
    for name, weight in tensors.items():
        if _UPSAMPLE.fullmatch(name):
            scale *= isqrt(weight.shape[0] // weight.shape[1])
    return scale


def _direct_scale(tensors: Mapping[str, Tensor]) -> int:
    return isqrt(tensors["upsample.0.weight"].shape[0] // tensors["conv_first.weight"].shape[1])


def _nearest_scale(tensors: Mapping[str, Tensor]) -> int:
    return 4 if "conv_up2.weight" in tensors else 2


def _no_scale(tensors: Mapping[str, Tensor]) -> int:
    return 1


_SCALES: dict[Head, Callable[[Mapping[str, Tensor]], int]] = {
    Head.PIXELSHUFFLE: _pixelshuffle_scale,
    Head.PIXELSHUFFLE_AUX: _pixelshuffle_scale,
    Head.PIXELSHUFFLE_DIRECT: _direct_scale,
    Head.NEAREST_CONV: _nearest_scale,
    Head.RESIDUAL: _no_scale,
}
