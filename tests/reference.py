"""SwinIR as published, plainly: the oracle that `swinir.network` is held against.

A transcription of the computation in arXiv 2108.10257 (SwinIR) and 2103.14030 (Swin) in the order
in which the published network performs it: feature maps are flattened to ``(B, L, C)`` tokens and
unflattened again in every block, every block builds its own shift mask (0 and -100) and gathers its
own position bias, attention is matmul, softmax, matmul. Plain functions over a published state
dict, so that nothing is shared with the package; not slow on purpose, because benchmarks time the
package against it.

``B`` images, ``C`` channels, ``H W`` height and width, ``L = H*W``, ``N`` windows in an image,
``T`` tokens in a window, ``h`` heads, ``d`` channels of a head.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

State = Mapping[str, Tensor]


def reference_swinir(
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
    deep = deep_features(state, shallow, window, num_heads, depths, group_conv)
    features = closing_conv(state, "conv_after_body", deep, group_conv) + shallow
    x = reconstruct(state, features, x, head, scale)
    return (x / img_range + mean)[:, :, : height * scale, : width * scale]


def mean_colour(image: Tensor) -> Tensor:
    """What is subtracted from images and added to results: ``(1, channels, 1, 1)``."""
    colour = (0.4488, 0.4371, 0.4040) if image.shape[1] == 3 else (0.0,)
    # Published as a float32 constant, whatever the type of the image.
    return torch.tensor(colour, dtype=torch.float32).view(1, -1, 1, 1).to(image)


def reflect_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Mirror at the bottom and the right, the border row not repeated.

    Reflection reaches one pixel less than the image has; a smaller image is mirrored repeatedly,
    and a single row or column can only be repeated.
    """
    bottom = (multiple - image.shape[2] % multiple) % multiple
    right = (multiple - image.shape[3] % multiple) % multiple
    while bottom or right:
        height, width = image.shape[2:]
        down = min(bottom, max(height - 1, 1))
        across = min(right, max(width - 1, 1))
        image = F.pad(image, (0, 0, 0, down), mode="reflect" if height > 1 else "replicate")
        image = F.pad(image, (0, across, 0, 0), mode="reflect" if width > 1 else "replicate")
        bottom -= down
        right -= across
    return image


def deep_features(
    state: State,
    shallow: Tensor,
    window: int,
    num_heads: Sequence[int],
    depths: Sequence[int],
    group_conv: str,
) -> Tensor:
    """All residual Swin transformer blocks between two norms: ``(B, C, H, W) -> (B, C, H, W)``."""
    size = (shallow.shape[2], shallow.shape[3])
    tokens = norm(state, "patch_embed.norm", to_tokens(shallow))
    for group, (heads, depth) in enumerate(zip(num_heads, depths, strict=True)):
        inner = tokens
        for number in range(depth):
            shift = window // 2 if number % 2 else 0
            name = f"layers.{group}.residual_group.blocks.{number}"
            inner = swin_block(state, name, inner, size, window, heads, shift)
        inner = closing_conv(state, f"layers.{group}.conv", to_map(inner, size), group_conv)
        tokens = to_tokens(inner) + tokens
    return to_map(norm(state, "norm", tokens), size)


def swin_block(
    state: State,
    name: str,
    tokens: Tensor,
    size: tuple[int, int],
    window: int,
    heads: int,
    shift: int,
) -> Tensor:
    """Attention in (shifted) windows, then the MLP: ``(B, L, C) -> (B, L, C)``."""
    batch, _, dim = tokens.shape
    x = norm(state, f"{name}.norm1", tokens).view(batch, *size, dim)
    mask = None
    if shift:
        x = torch.roll(x, shifts=(-shift, -shift), dims=(1, 2))
        mask = attention_mask(size, window, shift).to(x)
    x = windows_of(x, window).view(-1, window * window, dim)
    x = attention(state, f"{name}.attn", x, window, heads, mask)
    x = map_of(x.view(-1, window, window, dim), window, size)
    if shift:
        x = torch.roll(x, shifts=(shift, shift), dims=(1, 2))
    tokens = tokens + x.view(batch, -1, dim)
    x = linear(state, f"{name}.mlp.fc1", norm(state, f"{name}.norm2", tokens))
    return tokens + linear(state, f"{name}.mlp.fc2", F.gelu(x))


def attention(
    state: State, name: str, x: Tensor, window: int, heads: int, mask: Tensor | None
) -> Tensor:
    """Multi-head self-attention with a position bias: ``(B*N, T, C) -> (B*N, T, C)``."""
    count, length, dim = x.shape
    qkv = linear(state, f"{name}.qkv", x).reshape(count, length, 3, heads, dim // heads)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    logits = (q * (dim // heads) ** -0.5) @ k.transpose(-2, -1)

    table = state[f"{name}.relative_position_bias_table"]
    bias = table[bias_rows(window).to(table.device).view(-1)].view(length, length, heads)
    logits = logits + bias.permute(2, 0, 1).contiguous().unsqueeze(0)
    if mask is not None:
        number = mask.shape[0]
        logits = logits.view(count // number, number, heads, length, length)
        logits = (logits + mask.unsqueeze(1).unsqueeze(0)).view(-1, heads, length, length)
    weights = torch.softmax(logits, dim=-1)
    out = (weights @ v).transpose(1, 2).reshape(count, length, dim)
    return linear(state, f"{name}.proj", out)


def bias_rows(window: int) -> Tensor:
    """Row of the bias table for each pair of tokens: ``(T, T)``."""
    span = torch.arange(window)
    corner = torch.stack(torch.meshgrid(span, span, indexing="ij")).flatten(1)
    offset = (corner[:, :, None] - corner[:, None, :]).permute(1, 2, 0) + (window - 1)
    return offset[..., 0] * (2 * window - 1) + offset[..., 1]


def attention_mask(size: tuple[int, int], window: int, shift: int) -> Tensor:
    """-100 between tokens that the cyclic shift brought together, else 0: ``(N, T, T)``."""
    labels = torch.zeros(1, *size, 1)
    strips = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    number = 0
    for rows in strips:
        for columns in strips:
            labels[:, rows, columns, :] = number
            number += 1
    labels = windows_of(labels, window).view(-1, window * window)
    difference = labels.unsqueeze(1) - labels.unsqueeze(2)
    return difference.masked_fill(difference != 0, -100.0)


def windows_of(x: Tensor, window: int) -> Tensor:
    """``(B, H, W, C) -> (B*N, window, window, C)``."""
    batch, height, width, dim = x.shape
    x = x.view(batch, height // window, window, width // window, window, dim)
    return x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, window, window, dim)


def map_of(windows: Tensor, window: int, size: tuple[int, int]) -> Tensor:
    """``(B*N, window, window, C) -> (B, H, W, C)``."""
    rows, columns = size[0] // window, size[1] // window
    x = windows.view(-1, rows, columns, window, window, windows.shape[-1])
    return x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, *size, windows.shape[-1])


def reconstruct(state: State, features: Tensor, image: Tensor, head: str, scale: int) -> Tensor:
    """The head: features ``(B, C, H, W)`` -> image ``(B, channels, H*scale, W*scale)``."""
    if head == "residual":
        return image + conv(state, "conv_last", features)
    if head == "pixelshuffledirect":
        return F.pixel_shuffle(conv(state, "upsample.0", features), scale)
    x = F.leaky_relu(conv(state, "conv_before_upsample.0", features), 0.01)
    if head == "pixelshuffle":
        steps = {2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}[scale]
        for number, step in enumerate(steps):
            x = F.pixel_shuffle(conv(state, f"upsample.{2 * number}", x), step)
        return conv(state, "conv_last", x)
    for number in range({2: 1, 4: 2}[scale]):
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = F.leaky_relu(conv(state, f"conv_up{number + 1}", x), 0.2)
    return conv(state, "conv_last", F.leaky_relu(conv(state, "conv_hr", x), 0.2))


def closing_conv(state: State, name: str, x: Tensor, kind: str) -> Tensor:
    """The convolution after a group: one of 3x3, or 3x3, 1x1, 3x3 through a bottleneck."""
    if kind == "1conv":
        return conv(state, name, x)
    x = F.leaky_relu(conv(state, f"{name}.0", x), 0.2)
    x = F.leaky_relu(conv(state, f"{name}.2", x), 0.2)
    return conv(state, f"{name}.4", x)


def conv(state: State, name: str, x: Tensor) -> Tensor:
    """A convolution that keeps the size."""
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)


def linear(state: State, name: str, x: Tensor) -> Tensor:
    """A linear layer over the last dimension."""
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def norm(state: State, name: str, x: Tensor) -> Tensor:
    """LayerNorm over the last dimension."""
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"])


def to_tokens(x: Tensor) -> Tensor:
    """``(B, C, H, W) -> (B, L, C)``."""
    return x.flatten(2).transpose(1, 2)


def to_map(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """``(B, L, C) -> (B, C, H, W)``."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], *size)
