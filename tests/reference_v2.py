"""Swin2SR as published, plainly: the oracle that `swinir.network` is held against.

A transcription of the computation in arXiv 2209.11345 (Swin2SR) and 2111.09883 (Swin V2), as
`tests.reference` is one of SwinIR: every block makes its own table of offsets, runs its own MLP
over it, builds its own shift mask (0 and -100), and sees tokens ``(B, L, C)``. What both papers
share (the window geometry, the heads, convolutions and norms) is the other reference's.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.reference import (
    State,
    attention_mask,
    bias_rows,
    closing_conv,
    conv,
    linear,
    map_of,
    mean_colour,
    norm,
    reconstruct,
    reflect_to_multiple,
    to_map,
    to_tokens,
    windows_of,
)


def reference_swin2sr(
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

    x = (reflect_to_multiple(image, window) - mean) * img_range
    shallow = conv(state, "conv_first", x)
    size = (shallow.shape[2], shallow.shape[3])
    tokens = norm(state, "patch_embed.norm", to_tokens(conv(state, "patch_embed.proj", shallow)))
    for group, (heads, depth) in enumerate(zip(num_heads, depths, strict=True)):
        inner = tokens
        for number in range(depth):
            shift = window // 2 if number % 2 else 0
            name = f"layers.{group}.residual_group.blocks.{number}"
            inner = swin_block(state, name, inner, size, window, heads, shift)
        inner = closing_conv(state, f"layers.{group}.conv", to_map(inner, size), group_conv)
        tokens = to_tokens(conv(state, f"layers.{group}.patch_embed.proj", inner)) + tokens
    deep = to_map(norm(state, "norm", tokens), size)
    features = closing_conv(state, "conv_after_body", deep, group_conv) + shallow
    if head == "pixelshuffle_aux":
        x = reconstruct_from_compressed(state, features, x, scale)
    else:
        x = reconstruct(state, features, x, head, scale)
    return (x / img_range + mean)[:, :, : height * scale, : width * scale]


def swin_block(
    state: State,
    name: str,
    tokens: Tensor,
    size: tuple[int, int],
    window: int,
    heads: int,
    shift: int,
) -> Tensor:
    """Attention in (shifted) windows, then the MLP, each normalised last: ``(B, L, C)``."""
    batch, _, dim = tokens.shape
    x = tokens.view(batch, *size, dim)
    mask = None
    if shift:
        x = torch.roll(x, shifts=(-shift, -shift), dims=(1, 2))
        mask = attention_mask(size, window, shift).to(x)
    x = windows_of(x, window).view(-1, window * window, dim)
    x = cosine_attention(state, f"{name}.attn", x, window, heads, mask)
    x = map_of(x.view(-1, window, window, dim), window, size)
    if shift:
        x = torch.roll(x, shifts=(shift, shift), dims=(1, 2))
    tokens = tokens + norm(state, f"{name}.norm1", x.view(batch, -1, dim))
    x = linear(state, f"{name}.mlp.fc2", F.gelu(linear(state, f"{name}.mlp.fc1", tokens)))
    return tokens + norm(state, f"{name}.norm2", x)


def cosine_attention(
    state: State, name: str, x: Tensor, window: int, heads: int, mask: Tensor | None
) -> Tensor:
    """Multi-head self-attention by cosines: ``(B*N, T, C) -> (B*N, T, C)``."""
    count, length, dim = x.shape
    q_weight, k_weight, v_weight = state[f"{name}.qkv.weight"].split(dim)
    q = F.linear(x, q_weight, state[f"{name}.q_bias"])
    k = F.linear(x, k_weight)
    v = F.linear(x, v_weight, state[f"{name}.v_bias"])
    q, k, v = (part.view(count, length, heads, dim // heads).transpose(1, 2) for part in (q, k, v))

    q = q / q.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    k = k / k.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    factor = torch.exp(state[f"{name}.logit_scale"].clamp(max=math.log(1 / 0.01)))
    logits = (q @ k.transpose(-2, -1)) * factor

    hidden = torch.relu(linear(state, f"{name}.cpb_mlp.0", offsets(window).to(x)))
    table = hidden @ state[f"{name}.cpb_mlp.2.weight"].T
    bias = table[bias_rows(window).view(-1)].view(length, length, heads).permute(2, 0, 1)
    logits = logits + 16 / (1 + torch.exp(-bias))
    if mask is not None:
        number = mask.shape[0]
        logits = logits.view(count // number, number, heads, length, length)
        logits = (logits + mask[:, None]).view(-1, heads, length, length)
    weights = torch.softmax(logits, dim=-1)
    return linear(state, f"{name}.proj", (weights @ v).transpose(1, 2).reshape(count, length, dim))


def offsets(window: int) -> Tensor:
    """Log-spaced offsets, row by row: ``((2*window-1)^2, 2)``, published as float32 constants."""
    span = torch.arange(-(window - 1), window, dtype=torch.float32)
    pairs = [torch.stack([dy, dx]) for dy in span for dx in span]
    scaled = torch.stack(pairs) / (window - 1) * 8
    return torch.sign(scaled) * torch.log2(torch.abs(scaled) + 1) / math.log2(8)


def reconstruct_from_compressed(
    state: State, features: Tensor, image: Tensor, scale: int
) -> Tensor:
    """The head ``pixelshuffle_aux``, on whole windows; the auxiliary image is not given back."""
    height, width = image.shape[2:]
    size = (height * scale, width * scale)
    bicubic = F.interpolate(image, size=size, mode="bicubic", align_corners=False)
    x = F.leaky_relu(conv(state, "conv_before_upsample.0", features), 0.01)
    auxiliary = conv(state, "conv_aux", x)
    x = F.leaky_relu(conv(state, "conv_after_aux.0", auxiliary), 0.01)
    for number, step in enumerate({2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}[scale]):
        x = F.pixel_shuffle(conv(state, f"upsample.{2 * number}", x), step)
    return conv(state, "conv_last", x + conv(state, "conv_bicubic", bicubic))
