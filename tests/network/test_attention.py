"""Attention inside a window."""

import math

import pytest
import torch
from torch import Tensor

from swinir.network import Attention, SwinIR
from swinir.network.attention import ATTENTIONS, CosineWindowAttention, attend
from swinir.network.windows import shift_mask
from tests.network.published import KINDS, KINDS_V2, Kind, random_network


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


@pytest.mark.parametrize("trained", [False, True], ids=["fused", "formula"])
def test_both_paths_scale_as_they_are_told(*, trained: bool) -> None:
    q, k, v = torch.randn(3, 2, 2, 9, 5, dtype=torch.float64)
    bias = torch.randn(1, 2, 9, 9, dtype=torch.float64, requires_grad=trained)
    out = attend(q, k, v, bias, scale=3.0)
    expected = loop(q * 3 * 5**0.5, k, v, bias.detach())
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)


BOTH = pytest.mark.parametrize("kind", Attention, ids=str)


@BOTH
@pytest.mark.parametrize("masked", [False, True])
def test_gradients_are_the_numerical_ones(kind: Attention, *, masked: bool) -> None:
    attention = ATTENTIONS[kind](4, 2, 2).double()
    mask = shift_mask(4, 4, 2, dtype=torch.float64) if masked else None
    x = torch.randn(4, 4, 4, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, *_: Tensor) -> Tensor:
        return attention(x, mask)

    assert torch.autograd.gradcheck(run, (x, *attention.parameters()))


@pytest.mark.parametrize("kind", [KINDS[1], KINDS_V2[2]], ids=lambda kind: kind.name)
def test_a_forward_without_gradients_equals_one_with(kind: Kind) -> None:
    network = random_network(kind.config(2, depths=(2,), embed_dim=12))
    image = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    recorded = network(image)
    assert recorded.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(network(image), recorded.detach(), rtol=1e-12, atol=1e-12)


@BOTH
def test_tokens_apart_do_not_touch_each_other(kind: Attention) -> None:
    attention = ATTENTIONS[kind](4, 4, 2).double()
    mask = shift_mask(8, 8, 4, dtype=torch.float64)
    x = torch.randn(4, 16, 4, dtype=torch.float64, requires_grad=True)
    apart = torch.isinf(mask[3, 0]).nonzero().flatten()
    assert len(apart) == 12
    (gradient,) = torch.autograd.grad(attention(x, mask)[3, 0].sum(), x)
    assert torch.all(gradient[3, apart] == 0)
    assert torch.all(gradient[3, 0] != 0)


@BOTH
def test_images_of_a_batch_use_the_mask_of_their_own_windows(kind: Attention) -> None:
    attention = ATTENTIONS[kind](4, 4, 2).double()
    mask = shift_mask(8, 8, 4, dtype=torch.float64)
    x = torch.randn(2 * 4, 16, 4, dtype=torch.float64)
    single = torch.cat([attention(image, mask) for image in x.split(4)])
    torch.testing.assert_close(attention(x, mask), single, rtol=1e-12, atol=1e-12)


def test_cosines_do_not_see_how_long_queries_and_keys_are() -> None:
    attention = CosineWindowAttention(4, 4, 2).double()
    x = torch.randn(2, 16, 4, dtype=torch.float64)
    before = attention(x, None)
    attention.qkv.weight.data[:8] *= 7
    torch.testing.assert_close(attention(x, None), before, rtol=1e-12, atol=1e-12)
    attention.logit_scale.data += 1
    assert not torch.allclose(attention(x, None), before)


def test_scales_of_cosines_end_at_a_hundred() -> None:
    attention = CosineWindowAttention(4, 4, 2)
    attention.logit_scale.data[:, 0, 0] = torch.tensor([3.0, 9.0])
    torch.testing.assert_close(
        attention.scales().flatten(), torch.tensor([3.0, math.log(100)]).exp()
    )


def test_continuous_position_biases_lie_between_0_and_16() -> None:
    attention = CosineWindowAttention(4, 4, 2)
    attention.cpb_mlp[2].weight.data *= 1000
    bias = attention.position_bias()
    assert bias.shape == (2, 16, 16)
    assert 0 <= bias.min() < 4 < 12 < bias.max() <= 16
    # Of pairs with the same offset they are the same.
    assert torch.equal(bias[:, 0, 1], bias[:, 5, 6])


@pytest.mark.parametrize("kind", KINDS + KINDS_V2, ids=lambda kind: kind.name)
def test_gradients_reach_every_parameter(kind: Kind) -> None:
    config = kind.config(min(kind.parameters), depths=(2, 1), embed_dim=kind.heads * 2)
    network = SwinIR(config).train()
    network(torch.rand(1, kind.channels, 15, 15)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
