"""A SwinIR in the shape of a U, plainly: the oracle that the hierarchy is held against.

Patch merging is that of arXiv 2103.14030, section 3.1, and the way back up is our own: maps are
merged and expanded pixel by pixel, and a level is a function that calls itself for what is below.
Blocks, convolutions, norms and heads are those of the references of SwinIR and Swin2SR.

Letters as in `tests.reference`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from tests import reference, reference_v2
from tests.reference import (
    State,
    closing_conv,
    conv,
    linear,
    mean_colour,
    norm,
    reconstruct,
    reflect_to_multiple,
    to_map,
    to_tokens,
)

Size = tuple[int, int]


def reference_u(
    state: State,
    image: Tensor,
    *,
    window: int,
    num_heads: Sequence[int],
    depths: Sequence[int],
    scale: int,
    head: str,
    group_conv: str,
    img_range: float,
) -> Tensor:
    """Restore images in [0, 1]: ``(B, channels, H, W) -> (B, channels, H*scale, W*scale)``."""
    height, width = image.shape[2:]
    mean = mean_colour(image)
    lowest = len(depths) // 2

    def group(number: int, tokens: Tensor, size: Size) -> Tensor:
        inner = tokens
        for block in range(depths[number]):
            name = f"layers.{number}.residual_group.blocks.{block}"
            kind = reference_v2 if f"{name}.attn.logit_scale" in state else reference
            shift = window // 2 if block % 2 else 0
            inner = kind.swin_block(state, name, inner, size, window, num_heads[number], shift)
        inner = closing_conv(state, f"layers.{number}.conv", to_map(inner, size), group_conv)
        return projected(state, f"layers.{number}.patch_embed.proj", to_tokens(inner)) + tokens

    def from_level(level: int, tokens: Tensor, size: Size) -> Tensor:
        tokens = group(level, tokens, size)
        if level == lowest:
            return tokens
        below = merged(state, f"merges.{level}", tokens, size)
        below = from_level(level + 1, below, (size[0] // 2, size[1] // 2))
        tokens = expanded(state, f"expands.{level}", below, tokens, size)
        return group(2 * lowest - level, tokens, size)

    x = (reflect_to_multiple(image, window * 2**lowest) - mean) * img_range
    shallow = conv(state, "conv_first", x)
    size = (shallow.shape[2], shallow.shape[3])
    tokens = projected(state, "patch_embed.proj", to_tokens(shallow))
    tokens = from_level(0, norm(state, "patch_embed.norm", tokens), size)
    deep = to_map(norm(state, "norm", tokens), size)
    features = closing_conv(state, "conv_after_body", deep, group_conv) + shallow
    x = reconstruct(state, features, x, head, scale)
    return (x / img_range + mean)[:, :, : height * scale, : width * scale]


def projected(state: State, name: str, tokens: Tensor) -> Tensor:
    """The 1x1 convolution of a name, where there is one: ``(B, L, C) -> (B, L, C)``."""
    if f"{name}.weight" not in state:
        return tokens
    return F.linear(tokens, state[f"{name}.weight"][..., 0, 0], state[f"{name}.bias"])


def merged(state: State, name: str, tokens: Tensor, size: Size) -> Tensor:
    """Four neighbours become one: ``(B, L, C) -> (B, L/4, 2*C)``."""
    height, width = size
    fours: list[Tensor] = []
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            # The order of the published Swin Transformer: down the left column, then the right.
            places = ((y, x), (y + 1, x), (y, x + 1), (y + 1, x + 1))
            fours.append(torch.cat([tokens[:, row * width + column] for row, column in places], -1))
    x = norm(state, f"{name}.norm", torch.stack(fours, 1))
    return x @ state[f"{name}.reduction.weight"].T


def expanded(state: State, name: str, below: Tensor, skip: Tensor, size: Size) -> Tensor:
    """One becomes four neighbours, beside the skip: ``(B, L/4, 2*C), (B, L, C) -> (B, L, C)``."""
    fours = linear(state, f"{name}.expansion", below)
    tokens: list[Tensor] = []
    for y in range(size[0]):
        for x in range(size[1]):
            number = (y // 2) * (size[1] // 2) + x // 2
            # Of pixel shuffle: the four values of a channel lie side by side.
            one = fours[:, number, (y % 2) * 2 + x % 2 :: 4]
            tokens.append(torch.cat([one, skip[:, y * size[1] + x]], -1))
    return linear(state, f"{name}.fusion", torch.stack(tokens, 1))
