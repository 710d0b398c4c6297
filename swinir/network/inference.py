"""The function of a trained `SwinIR`, computed faster where nothing is to be learnt.

The network as the paper has it moves every feature map four times in a shifted block, keeps a
matrix of tokens by tokens for each window and head, and passes over whole maps at each step. Here

- tokens stay in the order of windows between blocks, and are gathered once where the shift changes;
- the mask is added only in windows that the shift wrapped around the border; they come last;
- norms and biases are part of the layers beside them, see `folded`;
- weights lie as the processor reads them, and GELU is computed with the product, see `products`;
- a block is done for a few windows at a time, which stay in the processor's cache.

In float32 the result is the same but for the order of sums. In bf16 products, the attention and all
convolutions but the first are; what blocks and groups add up to, and norms, stay in float32.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from swinir.network.attention import attend
from swinir.network.blocks import RSTB, SwinBlock, convolve
from swinir.network.config import Attention, Norm
from swinir.network.folded import FoldedBlock
from swinir.network.model import SwinIR
from swinir.network.products import product
from swinir.network.token_order import Geometry, geometry

Check = Callable[[], None]
"""Called between the groups of blocks of a pass; what it raises ends the pass."""


class Pass(Protocol):
    """Restores images: ``(B, C, H, W) -> (B, C, H*scale, W*scale)``."""

    def __call__(self, image: Tensor, check: Check | None = None) -> Tensor:
        """See `SwinIR.forward`; ``check`` may end it before it is done."""
        ...


class Kernels(Protocol):
    """Steps of a block by another program than torch, for a thread that has one core to itself.

    Rows are float32, or what products are computed in, whichever a step is said to take.
    """

    def attention(self, qkv: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor | None:
        """``(N*T, 3*C) -> (N*T, C)``, in the type of ``qkv``; None where torch is quicker.

        Args:
            qkv: queries, which are yet to be scaled, keys and values.
            bias: ``(heads, T, T)``, by key, then query.
            mask: ``(N, T, T)``, the same turned as not.
        """
        ...

    def normal(self, x: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        """Each of the float32 rows less its mean over its deviation, in ``dtype``."""
        ...

    def add_and_normal(self, x: Tensor, more: Tensor, epsilon: float) -> Tensor:
        """The same of ``x`` after ``more`` was added to it, in place, in the type of ``more``."""
        ...


CACHED = 4 << 20
"""Bytes of queries, keys and values that are in hand at once, for each thread."""

FEWEST = 8
"""Windows in hand at once, however large they are."""


class Block:
    """A `FoldedBlock` on rows of tokens in the order of windows, computed in one type.

    Attributes:
        shifted: whether the windows are shifted.
    """

    def __init__(self, folded: FoldedBlock, dtype: torch.dtype) -> None:
        """Lay out the weights."""
        self.shifted = folded.shifted
        self._dtype = dtype
        self._qkv, self._proj, self._fc1, self._fc2 = (
            product(layer, dtype) for layer in (folded.qkv, folded.proj, folded.fc1, folded.fc2)
        )
        self._bias, self._scales = folded.bias, folded.scales
        self._turned = folded.bias[0].transpose(1, 2).contiguous()
        self._epsilons, self._norms = folded.epsilons, folded.norms

    def __call__(self, x: Tensor, mask: Tensor | None, kernels: Kernels | None = None) -> None:
        """Change some windows in place: ``(N*T, C)``; ``mask`` is ``(N, T, T)`` or None."""
        if self._norms is not None:
            first, second = self._norms
            x += first(self._attended(x.to(self._dtype), mask).to(x.dtype))
            x += second(self._fc2(self._fc1.gelu(x.to(self._dtype))).to(x.dtype))
            return
        first, second = self._epsilons
        if kernels:
            branch = self._attended(kernels.normal(x, first, self._dtype), mask, kernels)
            normal = kernels.add_and_normal(x, branch, second)
        else:
            x += self._attended(self._normal(x, first), mask)
            normal = self._normal(x, second)
        x += self._fc2(self._fc1.gelu(normal))

    def _normal(self, x: Tensor, epsilon: float) -> Tensor:
        return F.layer_norm(x, x.shape[1:], eps=epsilon).to(self._dtype)

    def _attended(self, x: Tensor, mask: Tensor | None, kernels: Kernels | None = None) -> Tensor:
        """``(N*T, C) -> (N*T, C)``, projection and all."""
        rows = self._qkv(x)
        mixed = kernels.attention(rows, self._turned, mask) if kernels else None
        return self._proj(self._mixed(rows, mask) if mixed is None else mixed)

    def _mixed(self, rows: Tensor, mask: Tensor | None) -> Tensor:
        """``(N*T, 3*C) -> (N*T, C)``: what the attention makes of queries, keys and values."""
        heads, tokens = self._bias.shape[1:3]
        dim = rows.shape[1] // 3
        q, k, v = rows.view(-1, tokens, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        scale = None
        if self._scales is not None:
            q = (F.normalize(q, dim=-1) * self._scales).to(self._dtype)
            k, scale = F.normalize(k, dim=-1), 1.0
        bias = self._bias if mask is None else self._bias + mask[:, None]
        return attend(q, k, v, bias, scale).transpose(1, 2).reshape(-1, dim)


class Inference:
    """Calls like a `SwinIR` in evaluation; later changes of its Swin blocks are not seen.

    Attributes:
        kernels: what computes steps of blocks in place of torch, of networks in float32, where the
            thread has one core; None until told.
    """

    kernels: Kernels | None = None

    def __init__(self, network: SwinIR, dtype: torch.dtype | None = None) -> None:
        """Take the blocks of ``network`` apart, to be computed in ``dtype``, or in its own.

        Its convolutions are used as they are.
        """
        self.network = network
        own = network.conv_first.weight.dtype
        self.dtype = dtype or own
        self._low = self.dtype != own
        self.groups = [
            [
                Block(FoldedBlock.of(cast(SwinBlock, block)), self.dtype)
                for block in layer.residual_group.blocks
            ]
            for layer in (cast(RSTB, layer) for layer in network.layers)
        ]

    @torch.inference_mode()
    def __call__(self, image: Tensor, check: Check | None = None) -> Tensor:
        """See `SwinIR.forward`."""
        return self.network.around(lambda x: self._deep(x, check), self._head, image)

    def _deep(self, x: Tensor, check: Check | None) -> Tensor:
        network = self.network

        def group(index: int, x: Tensor) -> Tensor:
            if check and index:
                check()
            layer = cast(RSTB, network.layers[index])
            return x + layer.close(self._blocks(x, self.groups[index]))

        with self._lowered():
            x = network.norm(network.through(group, network.patch_embed(x)))
            return convolve(network.conv_after_body, x)

    def _head(self, features: Tensor, image: Tensor) -> Tensor:
        with self._lowered():
            return self.network.head(features, image)

    def _lowered(self) -> AbstractContextManager[object]:
        """Within it convolutions are computed in our type."""
        return torch.autocast("cpu", self.dtype) if self._low else nullcontext()

    def _blocks(self, x: Tensor, blocks: list[Block]) -> Tensor:
        """``(B, H, W, C) -> (B, H, W, C)``."""
        side = self.network.config.window
        where = geometry(*x.shape[:3], side, x.dtype, x.device)
        tokens = x.reshape(-1, x.shape[-1]).index_select(0, where.enter)
        alone = torch.get_num_threads() == 1 and x.dtype is torch.float32
        kernels = self.kernels if alone else None
        shifted = False
        for block in blocks:
            rows = where.rows(before=shifted, after=block.shifted)
            if rows is not None:
                tokens = tokens.index_select(0, rows)
            shifted = block.shifted
            for part, mask in self._parts(tokens, where, shifted=shifted):
                block(part, mask, kernels)
        leave = where.leave_shifted if shifted else where.leave
        return tokens.index_select(0, leave).view(x.shape)

    def _parts(
        self, tokens: Tensor, where: Geometry, *, shifted: bool
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """A few windows at a time, with their mask."""
        dim, area = tokens.shape[1], self.network.config.window**2
        step = CACHED * torch.get_num_threads() // (3 * dim * area * self.dtype.itemsize)
        step = max(step, FEWEST)
        plain = where.plain if shifted else len(tokens) // area
        whole, masked = tokens[: plain * area], tokens[plain * area :]
        if plain:
            yield from ((part, None) for part in whole.split(step * area))
        if shifted:
            yield from zip(masked.split(step * area), where.mask.split(step), strict=True)


def accelerated(network: SwinIR, dtype: torch.dtype | None = None) -> Pass:
    """What computes ``network`` fastest on a CPU, in ``dtype`` or in its own type.

    Itself, where its forward is not its class's, or its blocks are of neither paper.
    """
    own = type(network) is SwinIR and "forward" not in vars(network)
    kind = (network.config.attention, network.config.norm)
    # Of the low types only bf16 has the range of what is multiplied here, and kernels for it.
    if own and kind in _KINDS and dtype is not torch.float16:
        return Inference(network, dtype)
    return plain(network) if dtype is None else lowered(network, dtype)


def use(kernels: Kernels | None, run: Pass) -> None:
    """Have ``kernels`` compute the steps of ``run`` where it has any; None for torch alone."""
    if isinstance(run, Inference):
        run.kernels = kernels


# A norm before cosines would give the keys a bias, which those do see.
_KINDS = ((Attention.DOT, Norm.PRE), (Attention.COSINE, Norm.POST))


def plain(run: Callable[[Tensor], Tensor]) -> Pass:
    """A pass that nothing ends."""

    def passed(image: Tensor, check: Check | None = None) -> Tensor:
        return run(image)

    return passed


def lowered(network: SwinIR, dtype: torch.dtype) -> Pass:
    """``network`` as it is, its products in ``dtype``; results are float32."""

    def run(image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, dtype):
            return network(image).float()

    return plain(run)
