"""Steps of a Swin block as loops that Numba compiles; imported only where they are wanted.

They are for one thread. In each loop the innermost index runs over numbers that lie side by side,
and how often is known when it is compiled, so that Numba makes vectors of them. Numbers are
float32, or bfloat16 as its 16 bits, which NumPy takes for ``uint16``; sums are float32 in either
case.
"""

# pyright: reportUntypedFunctionDecorator=false

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

Array = Any
"""As Numba knows it."""

EXACT = {"contract", "nsz", "arcp"}
"""What may be done to sums and products: their order stays, and so do NaN and infinity."""

SUMS = EXACT | {"reassoc"}
"""The same, with sums in whatever order is quickest."""

f32, u32, i32 = np.float32, np.uint32, np.int32

LOG2_E = f32(1.4426950408889634)
LEAST = f32(-64)
"""The power of 2 below which nothing of a softmax is seen beside its largest weight, which is 1.

Far less would be denormal, with which processors are slow.
"""

ROUNDER = f32(3 << 22)
"""A float32 has no bits for halves beside it: what is added to it is rounded."""


@njit(inline="always", fastmath=EXACT)
def exponential(x: Any) -> Any:
    """``e**x`` for ``x`` from 0 down, to 2e-6 of it: a whole power of 2, and a polynomial."""
    power = x * LOG2_E
    # So written NaN stays what it is.
    power = LEAST if power < LEAST else power
    rounded = power + ROUNDER
    rest = power - (rounded - ROUNDER)
    # Taylor's of 2**rest.
    value = f32(1.3333558e-3)
    value = value * rest + f32(9.6181291e-3)
    value = value * rest + f32(5.55041087e-2)
    value = value * rest + f32(2.402265070e-1)
    value = value * rest + f32(6.931471806e-1)
    value = value * rest + f32(1)
    # The exponent of a float32 begins at its bit 23.
    return i32(i32(f32(rounded).view(i32) << i32(23)) + f32(value).view(i32)).view(f32)


def as_it_is(number: Any) -> Any:
    """A float32 of an array of float32."""
    return number


def from_bits(number: Any) -> Any:
    """A float32 of the bits of a bfloat16."""
    return u32(u32(number) << u32(16)).view(f32)


def widened(number: Any) -> Any:
    """A number of an array as float32."""
    return as_it_is(number) if isinstance(number, np.floating) else from_bits(number)


@overload(widened, inline="always")
def _widened(number: Any) -> Any:
    return as_it_is if isinstance(number, types.Float) else from_bits


def kept(like: Array, number: Any) -> Any:
    """A float32 for an array of float32."""
    return number


def to_bits(like: Array, number: Any) -> Any:
    """The bits of the bfloat16 nearest to a float32, of two the even one."""
    bits = f32(number).view(u32)
    return np.uint16(u32(bits + u32(0x7FFF) + u32(u32(bits >> u32(16)) & u32(1))) >> u32(16))


def narrowed(like: Array, number: Any) -> Any:
    """A float32 as a number of the array ``like``."""
    return kept(like, number) if like.dtype == f32 else to_bits(like, number)


@overload(narrowed, inline="always")
def _narrowed(like: Array, number: Any) -> Any:
    return kept if isinstance(like.dtype, types.Float) else to_bits


@njit(inline="always")
def read_head(
    rows: Array, q: Array, k: Array, v: Array, channels: int, tokens: int, dim: int
) -> None:
    """Queries, keys and values of a head and a window, with which ``rows`` begins."""
    for i in range(tokens):
        for d in range(dim):
            q[d, i] = widened(rows[i, d])
            k[i, d] = widened(rows[i, channels + d])
            v[d, i] = widened(rows[i, 2 * channels + d])


@njit(inline="always", fastmath=EXACT)
def scores_of(q: Array, k: Array, bias: Array, scores: Array, tokens: int, dim: int) -> None:
    """Products of queries ``(D, T)`` and keys ``(T, D)``, with a bias, four keys at a time."""
    for j in range(0, tokens, 4):
        for i in range(tokens):
            one, two = bias[j, i], bias[j + 1, i]
            three, four = bias[j + 2, i], bias[j + 3, i]
            for d in range(dim):
                x = q[d, i]
                one += x * k[j, d]
                two += x * k[j + 1, d]
                three += x * k[j + 2, d]
                four += x * k[j + 3, d]
            scores[j, i], scores[j + 1, i] = one, two
            scores[j + 2, i], scores[j + 3, i] = three, four


@njit(inline="always", fastmath=EXACT)
def weights_of(scores: Array, most: Array, total: Array, tokens: int) -> None:
    """Scores become weights, in place, whose sums over the keys come to one times ``total``."""
    for i in range(tokens):
        most[i] = f32(-1e30)
        total[i] = f32(0)
    for j in range(tokens):
        for i in range(tokens):
            most[i] = max(scores[j, i], most[i])
    for j in range(tokens):
        for i in range(tokens):
            weight = exponential(scores[j, i] - most[i])
            scores[j, i] = weight
            total[i] += weight
    for i in range(tokens):
        total[i] = f32(1) / total[i]


@njit(inline="always", fastmath=EXACT)
def mixture_of(weights: Array, v: Array, d: int, mixed: Array, tokens: int) -> None:
    """What the weights make of one channel of the values, eight keys at a time."""
    for i in range(tokens):
        mixed[i] = f32(0)
    for j in range(0, tokens, 8):
        for i in range(tokens):
            mixed[i] += (
                weights[j, i] * v[d, j]
                + weights[j + 1, i] * v[d, j + 1]
                + weights[j + 2, i] * v[d, j + 2]
                + weights[j + 3, i] * v[d, j + 3]
                + weights[j + 4, i] * v[d, j + 4]
                + weights[j + 5, i] * v[d, j + 5]
                + weights[j + 6, i] * v[d, j + 6]
                + weights[j + 7, i] * v[d, j + 7]
            )


@cache
def attention(tokens: int, heads: int, dim: int) -> Callable[..., None]:
    """Attention within windows of so many tokens, eight or a multiple, with heads of ``dim``.

    Given ``qkv, bias, mask, out, scale``: ``(N*T, 3*C)``; ``(heads, T, T)``, by key, then query;
    ``(N, T, T)`` likewise, or none of them; ``(N*T, C)``, which is written.
    """
    channels = heads * dim

    @njit(nogil=True, cache=True, fastmath=EXACT, error_model="numpy")
    def loops(qkv: Array, bias: Array, mask: Array, out: Array, scale: Any) -> None:
        q, k = np.empty((dim, tokens), f32), np.empty((tokens, dim), f32)
        v, mixed = np.empty((dim, tokens), f32), np.empty(tokens, f32)
        weights = np.empty((tokens, tokens), f32)
        most, total = np.empty(tokens, f32), np.empty(tokens, f32)
        for n in range(qkv.shape[0] // tokens):
            for h in range(heads):
                read_head(qkv[n * tokens :, h * dim :], q, k, v, channels, tokens, dim)
                q *= scale
                scores_of(q, k, bias[h], weights, tokens, dim)
                if mask.shape[0]:
                    weights += mask[n]
                weights_of(weights, most, total, tokens)
                for d in range(dim):
                    mixture_of(weights, v, d, mixed, tokens)
                    for i in range(tokens):
                        out[n * tokens + i, h * dim + d] = narrowed(out, mixed[i] * total[i])

    return loops


@njit(inline="always", fastmath=SUMS)
def normal_row(x: Array, row: int, total: Any, out: Array, epsilon: Any, channels: int) -> None:
    """A row, whose sum is ``total``, less its mean over its deviation."""
    mean = total * f32(1 / channels)
    square = f32(0)
    for c in range(channels):
        square += (x[row, c] - mean) * (x[row, c] - mean)
    gain = f32(1) / np.sqrt(square * f32(1 / channels) + epsilon)
    for c in range(channels):
        out[row, c] = narrowed(out, (x[row, c] - mean) * gain)


@cache
def normal(channels: int) -> Callable[..., None]:
    """Rows less their mean over their deviation: given ``x, out, epsilon``."""

    @njit(nogil=True, cache=True, fastmath=SUMS, error_model="numpy")
    def loops(x: Array, out: Array, epsilon: Any) -> None:
        for row in range(x.shape[0]):
            total = f32(0)
            for c in range(channels):
                total += x[row, c]
            normal_row(x, row, total, out, epsilon, channels)

    return loops


@cache
def add_and_normal(channels: int) -> Callable[..., None]:
    """The same of ``x``, to which ``more`` is added in place: given ``x, more, out, epsilon``."""

    @njit(nogil=True, cache=True, fastmath=SUMS, error_model="numpy")
    def loops(x: Array, more: Array, out: Array, epsilon: Any) -> None:
        for row in range(x.shape[0]):
            total = f32(0)
            for c in range(channels):
                x[row, c] += widened(more[row, c])
                total += x[row, c]
            normal_row(x, row, total, out, epsilon, channels)

    return loops
