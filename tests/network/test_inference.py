"""What is computed faster is the same."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from swinir.network import Attention, Norm, SwinIR, inference, products
from swinir.network.folded import Dense
from swinir.network.inference import Inference, accelerated
from swinir.network.products import Packed, Plain, product
from swinir.network.token_order import geometry
from tests.network.published import (
    EVERY_SCALE,
    EVERY_SCALE_V2,
    KINDS,
    KINDS_V2,
    NAMES,
    NAMES_V2,
    Kind,
    random_network,
)

TOLERANCE = 1e-10


def difference(
    kind: Kind, scale: int, size: tuple[int, int], batch: int, **options: object
) -> float:
    network = random_network(kind.config(scale, **options)).eval()
    image = torch.rand(batch, kind.channels, *size, dtype=torch.float64)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        wanted = network(image)
    got = Inference(network)(image)
    assert wanted.std() > 1e-3, "an image without content would agree with anything"
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    return (got - wanted).abs().max().item()


@pytest.mark.parametrize(("kind", "scale"), EVERY_SCALE + EVERY_SCALE_V2, ids=NAMES + NAMES_V2)
def test_every_published_kind_is_the_same(kind: Kind, scale: int) -> None:
    options = {"depths": (2, 2), "embed_dim": 6 * kind.heads}
    assert difference(kind, scale, (16, 20), 1, **options) < TOLERANCE


@pytest.mark.parametrize("size", [(1, 1), (2, 30), (8, 8), (16, 8), (20, 33), (49, 40)], ids=str)
@pytest.mark.parametrize("kind", [KINDS[1], KINDS[7], KINDS_V2[2]], ids=lambda kind: kind.name)
@pytest.mark.parametrize("fewest", [1, 3, 1000])
def test_so_is_any_size_however_many_windows_are_in_hand(
    kind: Kind, size: tuple[int, int], fewest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "FEWEST", fewest)
    monkeypatch.setattr(inference, "CACHED", 0)
    # Three blocks: the last one's windows are not shifted, the last group's of one block neither.
    options = {"depths": (3, 2, 1), "embed_dim": 12}
    assert difference(kind, min(kind.parameters), size, 2, **options) < TOLERANCE


@pytest.mark.parametrize("kind", [KINDS[1], KINDS_V2[2]], ids=lambda kind: kind.name)
def test_single_precision_stays_close(kind: Kind) -> None:
    network = random_network(kind.config(2, depths=(2, 2), embed_dim=12)).float().eval()
    image = torch.rand(1, kind.channels, 40, 33)
    with torch.no_grad():
        assert (Inference(network)(image) - network(image)).abs().max() < 1e-5


def test_products_are_packed_or_plain_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(KINDS[1].config(2, depths=(2,), embed_dim=12)).float().eval()
    image = torch.rand(1, 3, 16, 24)
    usual = Inference(network)(image)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    plain = Inference(network)
    assert isinstance(product(Dense(torch.rand(4, 4), torch.rand(4)), torch.float32), Plain)
    assert (plain(image) - usual).abs().max() < 1e-5


@pytest.fixture
def packs() -> Iterator[Callable[[torch.dtype], bool]]:
    """Whether weights are packed, asked anew."""
    products.packs.cache_clear()
    yield products.packs
    products.packs.cache_clear()


def test_a_product_that_onednn_refuses_is_torchs(
    packs: Callable[[torch.dtype], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Tensor:
        raise RuntimeError("no kernel")

    monkeypatch.setattr(Packed, "gelu", refuse)
    assert not packs(torch.float32)
    layer = Dense(torch.rand(8, 4), torch.rand(4))
    x = torch.rand(5, 8)
    made = product(layer, torch.float32)
    assert isinstance(made, Plain)
    assert torch.equal(made(x), torch.addmm(layer.bias, x, layer.weight))


def test_only_types_that_onednn_knows_are_packed(packs: Callable[[torch.dtype], bool]) -> None:
    assert not packs(torch.float64)
    assert not packs(torch.float16)


@pytest.mark.parametrize(
    "kind", [KINDS[0], KINDS[1], KINDS[7], KINDS_V2[2]], ids=lambda it: it.name
)
def test_bf16_stays_near_and_is_float32(kind: Kind) -> None:
    scale = min(kind.parameters)
    network = random_network(kind.config(scale, depths=(2, 2), embed_dim=12)).float().eval()
    image = torch.rand(1, kind.channels, 24, 40)
    with torch.no_grad():
        exact = network(image)
        with torch.autocast("cpu", torch.bfloat16):
            usual = network(image).float()
    low = Inference(network, torch.bfloat16)(image)
    assert low.dtype is torch.float32
    error = (low - exact).square().mean()
    assert 0 < error < 1e-3 * exact.var()
    # What blocks add up to stays in float32: no further off than autocast, which does the same.
    assert error < 2 * (usual - exact).square().mean()


def test_low_precision_of_what_is_not_taken_apart_is_autocast() -> None:
    config = KINDS[1].config(2, depths=(1,), embed_dim=12)
    network = random_network(replace(config, norm=Norm.POST)).float().eval()
    image = torch.rand(1, 3, 8, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        wanted = network(image).float()
    with torch.no_grad():
        assert torch.equal(accelerated(network, torch.bfloat16)(image), wanted)


def test_rows_lead_there_and_back() -> None:
    where = geometry(2, 16, 24, 8, torch.float32, torch.device("cpu"))
    pixels = torch.arange(2 * 16 * 24)
    windows = pixels[where.enter]
    assert torch.equal(windows[where.leave], pixels)
    shifted = windows[where.shift]
    assert torch.equal(shifted[where.unshift], windows)
    assert torch.equal(shifted[where.leave_shifted], pixels)
    # Of 2 x 3 windows of two images those of the last row and the last column are wrapped.
    assert where.plain == 2 * 2
    assert len(where.mask) == 2 * 4


def test_a_network_with_a_forward_of_its_own_is_used_as_it_is() -> None:
    network = random_network(KINDS[1].config(2, depths=(2,), embed_dim=12))
    assert isinstance(accelerated(network), Inference)
    network.forward = lambda image: 3 * image
    assert accelerated(network)(torch.ones(1)) == 3


def test_a_pass_ends_when_it_is_wanted_no_more() -> None:
    network = random_network(KINDS[1].config(2, depths=(1, 1, 1), embed_dim=12)).float().eval()
    asked: list[int] = []

    def check() -> None:
        asked.append(len(asked))
        if len(asked) == 2:
            raise StopIteration

    with pytest.raises(StopIteration):
        accelerated(network)(torch.rand(1, 3, 8, 8), check)


@pytest.mark.parametrize(
    ("attention", "norm", "taken_apart"),
    [
        (Attention.DOT, Norm.PRE, True),
        (Attention.COSINE, Norm.POST, True),
        (Attention.DOT, Norm.POST, False),
        (Attention.COSINE, Norm.PRE, False),
    ],
)
def test_blocks_of_neither_paper_are_used_as_they_are(
    attention: Attention, norm: Norm, *, taken_apart: bool
) -> None:
    config = KINDS[1].config(2, depths=(1,), embed_dim=12)
    network = SwinIR(replace(config, attention=attention, norm=norm))
    assert isinstance(accelerated(network), Inference) == taken_apart
