"""Attention inside a window."""

import pytest
import torch
from torch import Tensor

from swinir.network import SwinIR
from swinir.network.attention import WindowAttention, attend
from swinir.network.windows import shift_mask
from tests.network.published import KINDS, Kind, random_network


def loop(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Softmax attention, one query at a time."""
    out = torch.zeros_like(v)
    for window in range(q.shape[0]):
        for head in range(q.shape[1]):
            added = bias[window if bias.shape[0] > 1 else 0, head]
            for token in range(q.shape[2]):
                logits = k[window, head] @ q[window, head, token] / q.shape[3] ** 0.5
                weights = (logits + added[token]).exp()
                out[window, head, token] = weights / weights.sum() @ v[window, head]
    return out


@pytest.mark.parametrize("trained", [False, True], ids=["fused", "formula"])
@pytest.mark.parametrize("biases", [1, 3])
def test_both_paths_equal_a_loop(biases: int, *, trained: bool) -> None:
    q, k, v = torch.randn(3, 3, 2, 9, 5, dtype=torch.float64)
    bias = torch.randn(biases, 2, 9, 9, dtype=torch.float64)
    bias[:, :, :4, 6:] = -torch.inf
    out = attend(q, k, v, bias.requires_grad_(trained))
    torch.testing.assert_close(out, loop(q, k, v, bias.detach()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_are_the_numerical_ones(*, masked: bool) -> None:
    attention = WindowAttention(4, 2, 2).double()
    mask = shift_mask(4, 4, 2, dtype=torch.float64) if masked else None
    x = torch.randn(4, 4, 4, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, *_: Tensor) -> Tensor:
        return attention(x, mask)

    assert torch.autograd.gradcheck(run, (x, *attention.parameters()))


def test_a_forward_without_gradients_equals_one_with() -> None:
    network = random_network(KINDS[1].config(2, depths=(2,), embed_dim=12))
    image = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    recorded = network(image)
    assert recorded.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(network(image), recorded.detach(), rtol=1e-12, atol=1e-12)


def test_tokens_apart_do_not_touch_each_other() -> None:
    attention = WindowAttention(4, 4, 2).double()
    mask = shift_mask(8, 8, 4, dtype=torch.float64)
    x = torch.randn(4, 16, 4, dtype=torch.float64, requires_grad=True)
    apart = torch.isinf(mask[3, 0]).nonzero().flatten()
    assert len(apart) == 12
    (gradient,) = torch.autograd.grad(attention(x, mask)[3, 0].sum(), x)
    assert torch.all(gradient[3, apart] == 0)
    assert torch.all(gradient[3, 0] != 0)


def test_images_of_a_batch_use_the_mask_of_their_own_windows() -> None:
    attention = WindowAttention(4, 4, 2).double()
    mask = shift_mask(8, 8, 4, dtype=torch.float64)
    x = torch.randn(2 * 4, 16, 4, dtype=torch.float64)
    single = torch.cat([attention(image, mask) for image in x.split(4)])
    torch.testing.assert_close(attention(x, mask), single, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_gradients_reach_every_parameter(kind: Kind) -> None:
    config = kind.config(min(kind.parameters), depths=(2, 1), embed_dim=kind.heads * 2)
    network = SwinIR(config).train()
    network(torch.rand(1, kind.channels, 15, 15)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
