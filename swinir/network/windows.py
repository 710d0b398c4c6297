"""Window geometry of the Swin transformer: pure functions of sizes, no weights.

``B`` images, ``H W`` height and width, ``C`` channels, ``N`` windows in an image, ``T`` tokens in
a window (its side squared).
"""

import torch
from torch import Tensor


def partition(x: Tensor, side: int) -> Tensor:
    """Cut a feature map into square windows: ``(B, H, W, C) -> (B*N, T, C)``.

    ``H`` and ``W`` must be multiples of ``side``. Windows run row by row.
    """
    b, h, w, c = x.shape
    x = x.view(b, h // side, side, w // side, side, c)
    return x.transpose(2, 3).reshape(-1, side * side, c)


def merge(windows: Tensor, side: int, height: int, width: int) -> Tensor:
    """Put the windows back: ``(B*N, T, C) -> (B, H, W, C)``, the inverse of `partition`."""
    c = windows.shape[-1]
    x = windows.view(-1, height // side, width // side, side, side, c)
    return x.transpose(2, 3).reshape(-1, height, width, c)


def relative_position_index(side: int, device: torch.device | str | None = None) -> Tensor:
    """Row of the bias table for each pair of tokens: ``(T, T)``, int64 in [0, (2*side-1)^2).

    The offset (dy, dx) of a query from its key, each in [-(side-1), side-1], is numbered row by
    row (Swin paper, section 3.2).
    """
    at = torch.arange(side, device=device)
    y, x = (grid.flatten() for grid in torch.meshgrid(at, at, indexing="ij"))
    dy = y[:, None] - y[None, :] + side - 1
    dx = x[:, None] - x[None, :] + side - 1
    return dy * (2 * side - 1) + dx


def relative_offsets(side: int, device: torch.device | str | None = None) -> Tensor:
    """Log-spaced offsets for each row of `relative_position_index`: ``((2*side-1)^2, 2)``, float32.

    dy and dx, scaled so that the window reaches to 8, then ``sign(d) * log2(1 + |d|) / 3``
    (Swin V2 paper, equation 4, and its published code).
    """
    at = torch.arange(1 - side, side, dtype=torch.float32, device=device) / (side - 1) * 8
    at = at.sign() * torch.log2(at.abs() + 1) / 3
    return torch.stack(torch.meshgrid(at, at, indexing="ij"), -1).flatten(0, 1)


def shift_mask(
    height: int,
    width: int,
    side: int,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """What to add to the attention after a cyclic shift by half a window: ``(N, T, T)``.

    0 where two tokens were neighbours before the shift, minus infinity where the shift wrapped one
    of them around the border (Swin paper, figure 4). The published computation adds -100, whose
    softmax is a denormal number: the same to 1e-43, but arithmetic on it is many times slower.
    """
    shift = side // 2

    def regions(length: int) -> Tensor:
        at = torch.arange(length, device=device)
        return (at >= length - side).int() + (at >= length - shift).int()

    region = regions(height)[:, None] * 3 + regions(width)[None, :]
    tokens = partition(region[None, :, :, None], side).squeeze(-1)
    apart = tokens[:, :, None] != tokens[:, None, :]
    return torch.zeros(apart.shape, dtype=dtype, device=device).masked_fill_(apart, -torch.inf)
