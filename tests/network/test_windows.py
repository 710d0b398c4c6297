"""Window geometry."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from swinir.network.windows import (
    merge,
    partition,
    relative_offsets,
    relative_position_index,
    shift_mask,
)

SIDES = st.integers(1, 9)
COUNTS = st.integers(1, 4)


@given(side=SIDES, rows=COUNTS, columns=COUNTS, batch=st.integers(1, 3), dim=st.integers(1, 3))
def test_merge_undoes_partition(side: int, rows: int, columns: int, batch: int, dim: int) -> None:
    height, width = rows * side, columns * side
    x = torch.arange(batch * height * width * dim).view(batch, height, width, dim)
    windows = partition(x, side)
    assert windows.shape == (batch * rows * columns, side * side, dim)
    assert torch.equal(merge(windows, side, height, width), x)


def test_partition_cuts_row_by_row() -> None:
    x = torch.arange(2 * 4 * 6).view(2, 4, 6, 1)
    expected = [
        x[image, top : top + 2, left : left + 2].reshape(4, 1)
        for image in range(2)
        for top in (0, 2)
        for left in (0, 2, 4)
    ]
    assert torch.equal(partition(x, 2), torch.stack(expected))


@pytest.mark.parametrize("side", [1, 2, 3, 7, 8])
def test_the_position_index_numbers_offsets_row_by_row(side: int) -> None:
    index = relative_position_index(side)
    span = 2 * side - 1
    for query in range(side * side):
        for key in range(side * side):
            down = query // side - key // side
            right = query % side - key % side
            assert index[query, key] == (down + side - 1) * span + (right + side - 1)
    assert set(index.flatten().tolist()) == set(range(span**2))


@pytest.mark.parametrize("side", [2, 7, 8])
def test_offsets_are_log_spaced_and_in_the_order_of_the_position_index(side: int) -> None:
    offsets, index = relative_offsets(side), relative_position_index(side)
    assert offsets.dtype == torch.float32
    assert offsets.shape == ((2 * side - 1) ** 2, 2)

    def spaced(d: int) -> float:
        return math.copysign(math.log2(1 + 8 * abs(d) / (side - 1)) / math.log2(8), d)

    for query in range(side * side):
        for key in range(side * side):
            down, right = query // side - key // side, query % side - key % side
            wanted = torch.tensor([spaced(down), spaced(right)])
            assert torch.allclose(offsets[index[query, key]], wanted, atol=1e-6)


def wrapped_apart(height: int, width: int, side: int) -> Tensor:
    """Pairs that a cyclic shift brought together, from where each token came: ``(N, T, T)``."""
    shift = side // 2
    windows = []
    for top in range(0, height, side):
        for left in range(0, width, side):
            tokens = [(y, x) for y in range(top, top + side) for x in range(left, left + side)]
            wraps = [(y + shift >= height, x + shift >= width) for y, x in tokens]
            windows.append([[a != b for b in wraps] for a in wraps])
    return torch.tensor(windows)


@given(side=st.integers(2, 8), rows=COUNTS, columns=COUNTS)
def test_the_mask_parts_what_the_shift_brought_together(side: int, rows: int, columns: int) -> None:
    height, width = rows * side, columns * side
    mask = shift_mask(height, width, side)
    assert mask.dtype == torch.float32
    assert torch.equal(mask == -torch.inf, wrapped_apart(height, width, side))
    assert torch.all((mask == 0) | (mask == -torch.inf))


@given(side=st.integers(2, 8), rows=COUNTS, columns=COUNTS)
def test_every_token_may_attend_to_itself(side: int, rows: int, columns: int) -> None:
    mask = shift_mask(rows * side, columns * side, side, dtype=torch.float64)
    assert mask.dtype == torch.float64
    assert torch.all(mask.diagonal(dim1=1, dim2=2) == 0)
    assert torch.equal(mask, mask.transpose(1, 2))
