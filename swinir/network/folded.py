"""The Swin blocks of a trained network with as little left to do as can be.

What LayerNorm multiplies and adds is part of the linear layer behind it; the bias of the keys,
which a softmax does not see, is left out, and that of the values, whose weights sum to one, is part
of the projection behind them. Where norms come last in a branch, as in Swin2SR, they stay as they
are.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from swinir.network.attention import CosineWindowAttention, WindowAttention
from swinir.network.blocks import SwinBlock


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear layer ``x @ weight + bias``: ``(..., I) -> (..., O)``."""

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, layer: nn.Linear, norm: nn.LayerNorm | None = None) -> "Dense":
        """``layer``, after the gain and the bias of ``norm``, summed in float64."""
        weight, bias = layer.weight.detach().double(), layer.bias.detach().double()
        if norm is not None:
            bias = bias + weight @ norm.bias.detach().double()
            weight = weight * norm.weight.detach().double()
        dtype = layer.weight.dtype
        return cls(weight.t().contiguous().to(dtype), bias.to(dtype))


@dataclass(frozen=True, slots=True)
class FoldedBlock:
    """A `SwinBlock` in evaluation.

    Attributes:
        qkv: queries, keys and values of normalised tokens, ``(C, 3*C)``; only queries have a bias.
        proj: what closes the attention.
        fc1: the MLP's first layer, of normalised tokens.
        fc2: its second one.
        bias: ``(1, heads, T, T)``, of every pair of tokens.
        shifted: whether the windows are shifted.
        epsilons: what the two norms add to the variance.
        scales: what cosines are multiplied with, ``(heads, 1, 1)``; None for dot products.
        norms: those at the ends of branches; None where they are at the beginnings.
    """

    qkv: Dense
    proj: Dense
    fc1: Dense
    fc2: Dense
    bias: Tensor
    shifted: bool
    epsilons: tuple[float, float]
    scales: Tensor | None
    norms: tuple[nn.LayerNorm, nn.LayerNorm] | None

    @classmethod
    def of(cls, block: SwinBlock) -> "FoldedBlock":
        """The same function as ``block``."""
        norms = (block.norm1, block.norm2)
        before = (None, None) if block.post else norms
        qkv, proj = _qkv(block.attn, before[0]), Dense.of(block.attn.proj)
        q_bias, k_bias, v_bias = qkv.bias.chunk(3)
        moved = proj.bias.double() + v_bias.double() @ proj.weight.double()
        unseen = torch.zeros_like(k_bias)
        return cls(
            replace(qkv, bias=torch.cat([q_bias, unseen, unseen])),
            replace(proj, bias=moved.to(proj.bias.dtype)),
            Dense.of(block.mlp.fc1, before[1]),
            Dense.of(block.mlp.fc2),
            block.attn.position_bias().detach()[None].contiguous(),
            bool(block.shift),
            (block.norm1.eps, block.norm2.eps),
            block.attn.scales().detach() if isinstance(block.attn, CosineWindowAttention) else None,
            norms if block.post else None,
        )


def _qkv(attention: WindowAttention | CosineWindowAttention, norm: nn.LayerNorm | None) -> Dense:
    if isinstance(attention, WindowAttention):
        return Dense.of(attention.qkv, norm)
    q_bias, v_bias = attention.q_bias.detach(), attention.v_bias.detach()
    bias = torch.cat([q_bias, torch.zeros_like(q_bias), v_bias])
    return Dense(attention.qkv.weight.detach().t().contiguous(), bias)
