"""The function of a trained `SwinIR`, computed faster where nothing is to be learnt.

The network as the paper has it moves every feature map four times in a shifted block, keeps a
matrix of tokens by tokens for each window and head, and passes over whole maps at each step. Here

- tokens stay in the order of windows between blocks, and are gathered once where the shift changes;
- the mask is added only in windows that the shift wrapped around the border; they come last;
- what LayerNorm multiplies and adds is part of the linear layer behind it;
- the bias of the keys, which a softmax does not see, is left out, and that of the values, whose
  weights sum to one, is part of the projection behind them;
- what closes a residual branch adds to the feature map in place;
- a block is done for a few windows at a time, which stay in the processor's cache.

Where norms come last in a branch, as in Swin2SR, they stay as they are.

The result is the same but for the order of sums.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swinir.network.attention import CosineWindowAttention, WindowAttention, attend
from swinir.network.blocks import RSTB, SwinBlock
from swinir.network.config import Attention, Norm, Shape
from swinir.network.model import SwinIR
from swinir.network.windows import partition, shift_mask

Check = Callable[[], None]
"""Called between the groups of blocks of a pass; what it raises ends the pass."""


class Pass(Protocol):
    """Restores images: ``(B, C, H, W) -> (B, C, H*scale, W*scale)``."""

    def __call__(self, image: Tensor, check: Check | None = None) -> Tensor:
        """See `SwinIR.forward`; ``check`` may end it before it is done."""
        ...


CACHED = 2 << 20
"""Bytes of queries, keys and values that are in hand at once, for each thread."""

FEWEST = 8
"""Windows in hand at once, however large they are."""


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

    def __call__(self, x: Tensor) -> Tensor:
        """``(M, I) -> (M, O)``."""
        return torch.addmm(self.bias, x, self.weight)

    def add_to(self, total: Tensor, x: Tensor) -> None:
        """Add the result for ``x``, ``(M, I)``, to ``total``, ``(M, O)``, in place."""
        # The product takes what it is added to for nothing; a bias would have to be copied first.
        total.addmm_(x, self.weight)
        total += self.bias


@dataclass(frozen=True, slots=True)
class Block:
    """A `SwinBlock` on rows of tokens in the order of windows.

    Attributes:
        qkv: weight of queries, keys and values of normalised tokens, ``(C, 3*C)``.
        q_bias: of the queries, ``(C,)``.
        proj: what closes the attention.
        fc1: the MLP's first layer, of normalised tokens.
        fc2: its second one.
        bias: ``(1, heads, T, T)``, of every pair of tokens.
        shifted: whether the windows are shifted.
        epsilons: what the two norms add to the variance.
        scales: what cosines are multiplied with, ``(heads, 1, 1)``; None for dot products.
        norms: those at the ends of branches; None where they are at the beginnings.
    """

    qkv: Tensor
    q_bias: Tensor
    proj: Dense
    fc1: Dense
    fc2: Dense
    bias: Tensor
    shifted: bool
    epsilons: tuple[float, float]
    scales: Tensor | None
    norms: tuple[nn.LayerNorm, nn.LayerNorm] | None

    @classmethod
    def of(cls, block: SwinBlock) -> "Block":
        """The same function as ``block`` in evaluation."""
        norms = (block.norm1, block.norm2)
        before = (None, None) if block.post else norms
        qkv, proj = _qkv(block.attn, before[0]), Dense.of(block.attn.proj)
        q_bias, _, v_bias = qkv.bias.chunk(3)
        moved = proj.bias.double() + v_bias.double() @ proj.weight.double()
        return cls(
            qkv.weight,
            q_bias,
            replace(proj, bias=moved.to(proj.bias.dtype)),
            Dense.of(block.mlp.fc1, before[1]),
            Dense.of(block.mlp.fc2),
            block.attn.position_bias().detach()[None].contiguous(),
            bool(block.shift),
            (block.norm1.eps, block.norm2.eps),
            block.attn.scales().detach() if isinstance(block.attn, CosineWindowAttention) else None,
            norms if block.post else None,
        )

    def __call__(self, x: Tensor, mask: Tensor | None) -> None:
        """Change some windows in place: ``(N*T, C)``; ``mask`` is ``(N, T, T)`` or None."""
        dim = x.shape[1]
        if self.norms is not None:
            x += self.norms[0](self.proj(self._attend(x @ self.qkv, mask)))
            x += self.norms[1](self.fc2(F.gelu(self.fc1(x))))
            return
        qkv = F.layer_norm(x, (dim,), eps=self.epsilons[0]) @ self.qkv
        self.proj.add_to(x, self._attend(qkv, mask))
        hidden = self.fc1(F.layer_norm(x, (dim,), eps=self.epsilons[1]))
        self.fc2.add_to(x, F.gelu(hidden))

    def _attend(self, qkv: Tensor, mask: Tensor | None) -> Tensor:
        heads, tokens = self.bias.shape[1:3]
        dim = qkv.shape[1] // 3
        qkv[:, :dim] += self.q_bias
        q, k, v = qkv.view(-1, tokens, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        scale = None
        if self.scales is not None:
            q, k, scale = F.normalize(q, dim=-1) * self.scales, F.normalize(k, dim=-1), 1.0
        bias = self.bias if mask is None else self.bias + mask[:, None]
        return attend(q, k, v, bias, scale).transpose(1, 2).reshape(-1, dim)


def _qkv(attention: WindowAttention | CosineWindowAttention, norm: nn.LayerNorm | None) -> Dense:
    if isinstance(attention, WindowAttention):
        return Dense.of(attention.qkv, norm)
    q_bias, v_bias = attention.q_bias.detach(), attention.v_bias.detach()
    bias = torch.cat([q_bias, torch.zeros_like(q_bias), v_bias])
    return Dense(attention.qkv.weight.detach().t().contiguous(), bias)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the tokens of a feature map are, by rows: pixels, windows, shifted windows.

    Attributes:
        enter: the row among the pixels of each token of the windows, ``(B*H*W,)``.
        shift: the row among the windows of each token of the shifted windows.
        unshift: the reverse.
        leave: the row among the windows of each pixel.
        leave_shifted: the row among the shifted windows of each pixel.
        plain: shifted windows that need no mask, which come first.
        mask: of the others, ``(N, T, T)``.
    """

    enter: Tensor
    shift: Tensor
    unshift: Tensor
    leave: Tensor
    leave_shifted: Tensor
    plain: int
    mask: Tensor

    def rows(self, *, before: bool, after: bool) -> Tensor | None:
        """What to gather between windows that are shifted or not; None where that stays."""
        if before == after:
            return None
        return self.shift if after else self.unshift


@lru_cache(maxsize=4)
def geometry(
    count: int, height: int, width: int, side: int, dtype: torch.dtype, device: torch.device
) -> Geometry:
    """Of ``count`` images; windows of ``side`` pixels run by place, then by image."""
    pixels = torch.arange(height * width, device=device).view(1, height, width, 1)
    half = side // 2
    mask = shift_mask(height, width, side, dtype=dtype, device=device)
    wrapped = (mask != 0).flatten(1).any(1)
    order = torch.argsort(wrapped.int(), stable=True)
    images = torch.arange(count, device=device).view(1, -1, 1) * height * width

    def rows(tokens: Tensor) -> Tensor:
        return (tokens.squeeze(-1)[:, None] + images).flatten()

    windows = rows(partition(pixels, side))
    shifted = rows(partition(torch.roll(pixels, (-half, -half), (1, 2)), side)[order])
    leave, leave_shifted = torch.argsort(windows), torch.argsort(shifted)
    plain = int((~wrapped).sum())
    return Geometry(
        enter=windows,
        shift=leave[shifted],
        unshift=leave_shifted[windows],
        leave=leave,
        leave_shifted=leave_shifted,
        plain=plain * count,
        mask=mask[order][plain:].repeat_interleave(count, 0),
    )


class Inference:
    """Calls like a `SwinIR` in evaluation; later changes of its Swin blocks are not seen."""

    def __init__(self, network: SwinIR) -> None:
        """Take the blocks of ``network`` apart; its convolutions are used as they are."""
        self.network = network
        self.groups = [
            [Block.of(cast(SwinBlock, block)) for block in layer.residual_group.blocks]
            for layer in _layers(network)
        ]

    @torch.inference_mode()
    def __call__(self, image: Tensor, check: Check | None = None) -> Tensor:
        """See `SwinIR.forward`."""
        return self.network.around(lambda x: self._features(x, check), image)

    def _features(self, x: Tensor, check: Check | None) -> Tensor:
        count, height, width, _ = x.shape
        where = geometry(count, height, width, self.network.config.window, x.dtype, x.device)
        x = self.network.patch_embed(x)
        for number, layer in enumerate(_layers(self.network)):
            if check and number:
                check()
            x = x + layer.close(self._group(x, self.groups[number], where))
        return self.network.norm(x)

    def _group(self, x: Tensor, blocks: list[Block], where: Geometry) -> Tensor:
        tokens = x.reshape(-1, x.shape[-1]).index_select(0, where.enter)
        shifted = False
        for block in blocks:
            rows = where.rows(before=shifted, after=block.shifted)
            if rows is not None:
                tokens = tokens.index_select(0, rows)
            shifted = block.shifted
            for part, mask in self._parts(tokens, where, shifted=shifted):
                block(part, mask)
        leave = where.leave_shifted if shifted else where.leave
        return tokens.index_select(0, leave).view(x.shape)

    def _parts(
        self, tokens: Tensor, where: Geometry, *, shifted: bool
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """A few windows at a time, with their mask."""
        dim, area = tokens.shape[1], self.network.config.window**2
        step = CACHED * torch.get_num_threads() // (3 * dim * area * tokens.element_size())
        step = max(step, FEWEST)
        plain = where.plain if shifted else len(tokens) // area
        whole, masked = tokens[: plain * area], tokens[plain * area :]
        if plain:
            yield from ((part, None) for part in whole.split(step * area))
        if shifted:
            yield from zip(masked.split(step * area), where.mask.split(step), strict=True)


def accelerated(network: SwinIR) -> Pass:
    """What computes ``network`` fastest on a CPU.

    Itself, where its forward is not its class's, its blocks are of neither paper, or it is a U.
    """
    own = type(network) is SwinIR and "forward" not in vars(network)
    kind = (network.config.attention, network.config.norm, network.config.shape)
    return Inference(network) if own and kind in _KINDS else plain(network)


# A norm before cosines would give the keys a bias, which those do see.
_KINDS = ((Attention.DOT, Norm.PRE, Shape.FLAT), (Attention.COSINE, Norm.POST, Shape.FLAT))


def plain(run: Callable[[Tensor], Tensor]) -> Pass:
    """A pass that nothing ends."""

    def passed(image: Tensor, check: Check | None = None) -> Tensor:
        return run(image)

    return passed


def _layers(network: SwinIR) -> list[RSTB]:
    return [cast(RSTB, layer) for layer in network.layers]
