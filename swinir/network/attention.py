"""The two attentions inside a window, and the only caller of ``scaled_dot_product_attention``."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swinir.network.config import Attention
from swinir.network.windows import relative_offsets, relative_position_index

MOST = math.log(100)
"""The largest logarithm of a scale of cosines, so that no softmax becomes a maximum."""

REACH = 16
"""The largest continuous position bias."""

OFFSET_FEATURES = 512
"""Hidden features of the MLP from an offset to its bias, the same in every published model."""


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float | None = None) -> Tensor:
    """Softmax attention with an additive bias: ``(B*N, h, T, d) -> (B*N, h, T, d)``.

    ``bias`` is ``(1 or B*N, h, T, T)``, ``scale`` a factor on products of q and k, ``d ** -0.5``
    unless told. The fused kernel of the CPU gives no gradient for the bias, and what torch falls
    back to is slower than the plain formula; so training there uses the formula.
    """
    if bias.requires_grad and bias.device.type == "cpu":
        logits = (q * (q.shape[-1] ** -0.5 if scale is None else scale)) @ k.transpose(-1, -2)
        return torch.softmax(logits + bias, -1) @ v
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=scale)


def masked(bias: Tensor, mask: Tensor | None, count: int) -> Tensor:
    """A bias ``(h, T, T)`` for ``count`` windows, with ``mask``: ``(1 or count, h, T, T)``."""
    if mask is None:
        return bias[None]
    # The fused kernels take four dimensions, so every image brings its own copy.
    return (bias[None] + mask[:, None]).repeat(count // mask.shape[0], 1, 1, 1)


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
        bias = masked(self.position_bias(), mask, count)
        out = attend(q, k, v, bias.to(q.dtype))
        return self.proj(out.transpose(1, 2).reshape(count, tokens, dim))


class CosineWindowAttention(nn.Module):
    """Multi-head self-attention by cosines with a continuous position bias (Swin V2, section 3)."""

    def __init__(self, dim: int, side: int, num_heads: int) -> None:
        """Attention over windows of ``side * side`` tokens with ``dim`` channels."""
        super().__init__()
        self.side = side
        self.num_heads = num_heads
        self.logit_scale = nn.Parameter(torch.full((num_heads, 1, 1), math.log(10)))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, OFFSET_FEATURES),
            nn.ReLU(),
            nn.Linear(OFFSET_FEATURES, num_heads, bias=False),
        )
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dim))
        self.v_bias = nn.Parameter(torch.zeros(dim))
        self.proj = nn.Linear(dim, dim)

    def position_bias(self) -> Tensor:
        """The bias of every pair of tokens: ``(heads, T, T)``, in (0, `REACH`)."""
        device = self.logit_scale.device
        offsets = relative_offsets(self.side, device).to(self.q_bias.dtype)
        table = REACH * torch.sigmoid(self.cpb_mlp(offsets))
        return table[relative_position_index(self.side, device)].permute(2, 0, 1)

    def scales(self) -> Tensor:
        """What cosines are multiplied with: ``(heads, 1, 1)``, at most 100."""
        return self.logit_scale.clamp(max=MOST).exp()

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """As `WindowAttention.forward`."""
        count, tokens, dim = x.shape
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = F.linear(x, self.qkv.weight, bias)
        qkv = qkv.view(count, tokens, 3, self.num_heads, dim // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        # Autocast computes norms in float32, which the kernels do not mix with other types.
        q = (F.normalize(q, dim=-1) * self.scales()).to(v.dtype)
        k = F.normalize(k, dim=-1).to(v.dtype)
        added = masked(self.position_bias(), mask, count)
        out = attend(q, k, v, added.to(v.dtype), scale=1.0)
        return self.proj(out.transpose(1, 2).reshape(count, tokens, dim))


ATTENTIONS: dict[Attention, type[WindowAttention | CosineWindowAttention]] = {
    Attention.DOT: WindowAttention,
    Attention.COSINE: CosineWindowAttention,
}
