"""Attention inside a window, the only caller of ``scaled_dot_product_attention``."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swinir.network.windows import relative_position_index


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Softmax attention with an additive bias: ``(B*N, h, T, d) -> (B*N, h, T, d)``.

    ``bias`` is ``(1 or B*N, h, T, T)``. The fused kernel of the CPU gives no gradient for it, and
    what torch falls back to is slower than the plain formula; so training there uses the formula.
    """
    if bias.requires_grad and bias.device.type == "cpu":
        logits = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        return torch.softmax(logits + bias, -1) @ v
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


class WindowAttention(nn.Module):
    """Multi-head self-attention with a relative position bias (Swin paper, equation 4)."""

    def __init__(self, dim: int, side: int, num_heads: int) -> None:
        """Attention over windows of ``side * side`` tokens with ``dim`` channels."""
        super().__init__()
        self.side = side
        self.num_heads = num_heads
        self.relative_position_bias_table = nn.Parameter(
            torch.empty((2 * side - 1) ** 2, num_heads)
        )
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def position_bias(self) -> Tensor:
        """The bias of every pair of tokens: ``(heads, T, T)``."""
        index = relative_position_index(self.side, self.relative_position_bias_table.device)
        return self.relative_position_bias_table[index].permute(2, 0, 1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Attend within each window: ``(B*N, T, C) -> (B*N, T, C)``.

        ``mask`` is `windows.shift_mask` of the feature map, ``(N, T, T)``, or None without shift.
        """
        count, tokens, dim = x.shape
        qkv = self.qkv(x).view(count, tokens, 3, self.num_heads, dim // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        bias = self.position_bias()[None]
        if mask is not None:
            # The fused kernels take four dimensions, so every image brings its own copy.
            bias = (bias + mask[:, None]).repeat(count // mask.shape[0], 1, 1, 1)
        out = attend(q, k, v, bias.to(q.dtype))
        return self.proj(out.transpose(1, 2).reshape(count, tokens, dim))
