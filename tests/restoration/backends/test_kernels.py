"""Our own loops do what torch does."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from swinir.network import SwinIR
from swinir.network.inference import Inference
from swinir.restoration.backends.kernels import Loops, loops
from swinir.tasks import find_task
from tests.network.published import KINDS, Kind, random_network

pytest.importorskip("numba", reason="needs requirements-numba.txt")

TOKENS = 64

TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
"""Of values around 1: the rounding of each type."""


@pytest.fixture
def one_core() -> Iterator[None]:
    """As in a lane of tiles."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def attended(qkv: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor:
    """By torch, in float64."""
    heads = len(bias)
    windows = len(qkv) // TOKENS
    q, k, v = qkv.double().view(windows, TOKENS, 3, heads, -1).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5 + bias.double()
    if mask is not None:
        scores = scores + mask.double()[:, None]
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(len(qkv), -1)


def drawn(heads: int, dim: int, dtype: torch.dtype, spread: float = 1.0) -> tuple[Tensor, Tensor]:
    """Three windows and a bias that is not the same turned."""
    qkv = (spread * torch.randn(3 * TOKENS, 3 * heads * dim)).to(dtype)
    return qkv, torch.randn(heads, TOKENS, TOKENS)


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize(("heads", "dim"), [(6, 10), (2, 5), (1, 12)])
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_attention_is_that_of_torch(
    heads: int, dim: int, dtype: torch.dtype, *, masked: bool
) -> None:
    qkv, bias = drawn(heads, dim, dtype)
    half = torch.rand(3, TOKENS, TOKENS) < 0.5
    mask = torch.where(half | half.transpose(1, 2), 0.0, -100.0) if masked else None
    got = loops().attention(qkv, bias.transpose(1, 2).contiguous(), mask)
    assert got is not None
    assert got.dtype is dtype
    torch.testing.assert_close(
        got.double(), attended(qkv, bias, mask), rtol=0, atol=TOLERANCES[dtype]
    )


@pytest.mark.parametrize("spread", [0.0, 30.0, 300.0])
def test_scores_of_any_size_are_weighed(spread: float) -> None:
    qkv, bias = drawn(2, 8, torch.float32, spread)
    got = loops().attention(qkv, bias.transpose(1, 2).contiguous(), None)
    assert got is not None
    wanted = attended(qkv, bias, None)
    assert (got - wanted).abs().max() <= 1e-4 * max(spread, 1)


@pytest.mark.parametrize("where", range(3), ids=["queries", "keys", "values"])
def test_nan_stays_nan(where: int) -> None:
    qkv, bias = drawn(1, 8, torch.float32)
    qkv.view(3, TOKENS, 3, 8)[1, :, where] = torch.nan
    got = loops().attention(qkv, bias, None)
    assert got is not None
    assert got.view(3, -1).isnan().all(1).tolist() == [False, True, False]


@pytest.mark.parametrize(("tokens", "dim"), [(49, 10), (64, 30)], ids=str)
def test_other_windows_and_large_heads_are_left_to_torch(tokens: int, dim: int) -> None:
    assert (
        loops().attention(torch.rand(tokens, 3 * dim), torch.rand(1, tokens, tokens), None) is None
    )


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("channels", [60, 180, 7])
def test_norms_are_those_of_torch(channels: int, dtype: torch.dtype) -> None:
    x, more = 3 + torch.randn(50, channels), torch.randn(50, channels).to(dtype)
    tolerance = TOLERANCES[dtype]
    got = loops().normal(x, 1e-5, dtype)
    assert got.dtype is dtype
    wanted = F.layer_norm(x, (channels,))
    torch.testing.assert_close(got.float(), wanted, rtol=0, atol=tolerance)
    total = x + more
    got = loops().add_and_normal(x, more, 1e-5)
    assert got.dtype is dtype
    torch.testing.assert_close(x, total)
    torch.testing.assert_close(
        got.float(), F.layer_norm(total, (channels,)), rtol=0, atol=tolerance
    )


def test_a_part_of_a_map_is_changed_where_it_lies() -> None:
    whole = torch.randn(8, 20)
    part, more = whole[::2, :10], torch.randn(4, 10)
    wanted = part + more
    loops().add_and_normal(part, more, 1e-5)
    torch.testing.assert_close(whole[::2, :10], wanted)


def test_bf16_is_rounded_as_torch_rounds_it() -> None:
    x = torch.linspace(-3, 3, 4096)[:, None] * torch.tensor([[1.0, -1.0]])
    # Less their mean, over their deviation: 1 and -1, but for what is added to the variance.
    wanted = F.layer_norm(x.double(), (2,), eps=0.5).to(torch.bfloat16)
    assert (loops().normal(x, 0.5, torch.bfloat16) == wanted).float().mean() > 0.999


def test_numbers_are_widened_and_narrowed_as_torch_does() -> None:
    from swinir.restoration.backends.loops import narrowed, widened

    for number in (0.0, 1.0, -3.14159, 1e-30, 1.00390625, 1.01171875):
        low = torch.tensor(number).to(torch.bfloat16)
        bits = low.view(torch.uint16).numpy()
        assert narrowed(bits, np.float32(number)) == bits
        assert widened(bits[()]) == low.item()
    exact = np.float32(0.1)
    assert widened(exact) == narrowed(np.zeros(1, np.float32), exact) == exact


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_published_kind_is_the_same(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    scale = min(kind.parameters)
    config = kind.config(scale, depths=(2, 2), embed_dim=10 * kind.heads)
    run = Inference(random_network(config).float().eval())
    image = torch.rand(1, kind.channels, 20, 33)
    wanted = run(image)
    called: list[bool] = []
    attention = Loops.attention

    def spied(self: Loops, qkv: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor | None:
        result = attention(self, qkv, bias, mask)
        called.append(result is not None)
        return result

    monkeypatch.setattr(Loops, "attention", spied)
    run.kernels = loops()
    assert (run(image) - wanted).abs().max() < 1e-5
    # Windows of the networks for JPEG have 49 tokens.
    assert set(called) == {config.window == 8}


@pytest.mark.parametrize(
    ("threads", "dtype", "used"),
    [(1, torch.float32, True), (2, torch.float32, False), (1, torch.float64, False)],
    ids=["one core", "two cores", "float64"],
)
@pytest.mark.usefixtures("one_core")
def test_they_are_for_one_core_and_float32(
    threads: int, dtype: torch.dtype, *, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(threads)
    calls: list[int] = []
    normal = Loops.normal

    def spied(self: Loops, x: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        calls.append(1)
        return normal(self, x, epsilon, dtype)

    monkeypatch.setattr(Loops, "normal", spied)
    run = Inference(random_network(KINDS[1].config(2, depths=(2,), embed_dim=12)).to(dtype).eval())
    run.kernels = loops()
    run(torch.rand(1, 3, 16, 16, dtype=dtype))
    assert bool(calls) is used


@pytest.mark.usefixtures("one_core")
def test_bf16_by_loops_is_as_near_as_by_torch() -> None:
    network: SwinIR = random_network(find_task("light_sr_x2").network).float().eval()
    image = torch.rand(1, 3, 32, 32)
    exact, low = Inference(network)(image), Inference(network, torch.bfloat16)
    by_torch = (low(image) - exact).square().mean()
    low.kernels = loops()
    assert (low(image) - exact).square().mean() < 1.5 * by_torch
