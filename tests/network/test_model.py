"""The network as a module: names, sizes, copies, batches."""

import copy
import io
import pickle
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from swinir.network import Attention, Head, Norm, SwinIR, SwinIRConfig
from swinir.network.model import mirror_to_multiple
from tests.network.published import (
    EVERY_SCALE,
    EVERY_SCALE_V2,
    NAMES,
    NAMES_V2,
    Kind,
    random_network,
)
from tests.reference import reflect_to_multiple

TINY = {
    Head.PIXELSHUFFLE: 3,
    Head.PIXELSHUFFLE_AUX: 2,
    Head.PIXELSHUFFLE_DIRECT: 2,
    Head.NEAREST_CONV: 4,
    Head.RESIDUAL: 1,
}
EVERY_HEAD = pytest.mark.parametrize("head", TINY, ids=str)


def tiny(head: Head, **options: Any) -> SwinIRConfig:
    """A network of one group."""
    small = {"embed_dim": 12, "depths": (2,), "num_heads": (2,), "window": 4}
    return SwinIRConfig(head=head, scale=TINY[head], **small, **options)


def image(height: int = 8, width: int = 8, batch: int = 1) -> torch.Tensor:
    """A random colour image."""
    return torch.rand(batch, 3, height, width, dtype=torch.float64)


@pytest.mark.parametrize(("kind", "scale"), EVERY_SCALE + EVERY_SCALE_V2, ids=NAMES + NAMES_V2)
def test_a_published_network_has_the_published_keys_and_parameters(kind: Kind, scale: int) -> None:
    with torch.device("meta"):
        network = SwinIR(kind.config(scale))
    assert set(network.state_dict()) == kind.keys(scale)
    assert sum(p.numel() for p in network.parameters()) == kind.parameters[scale]


@given(size=st.tuples(st.integers(1, 20), st.integers(1, 20)), multiple=st.integers(1, 9))
def test_images_are_mirrored_without_repeating_the_border(
    size: tuple[int, int], multiple: int
) -> None:
    x = torch.arange(size[0] * size[1], dtype=torch.float64).view(1, 1, *size)
    assert torch.equal(mirror_to_multiple(x, multiple), reflect_to_multiple(x, multiple))


@EVERY_HEAD
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 4)], ids=str)
def test_the_output_has_the_size_of_the_input_times_the_scale(
    head: Head, size: tuple[int, int]
) -> None:
    out = random_network(tiny(head))(image(*size))
    assert out.shape == (1, 3, size[0] * TINY[head], size[1] * TINY[head])
    assert torch.isfinite(out).all()


@EVERY_HEAD
def test_a_batch_equals_its_images_one_by_one(head: Head) -> None:
    network = random_network(tiny(head))
    images = image(9, 6, batch=3)
    with torch.no_grad():
        single = torch.cat([network(one) for one in images.split(1)])
        torch.testing.assert_close(network(images), single, rtol=1e-12, atol=1e-12)


def test_the_input_is_left_as_it_was() -> None:
    images = image(7, 5)
    before = images.clone()
    random_network(tiny(Head.RESIDUAL))(images)
    assert torch.equal(images, before)


@EVERY_HEAD
def test_a_deep_copy_stands_alone(head: Head) -> None:
    network = random_network(tiny(head))
    twin = copy.deepcopy(network)
    x = image()
    before = network(x).detach()
    assert torch.equal(twin(x), before)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert torch.equal(twin(x), before)
    assert not torch.equal(network(x), before)


@EVERY_HEAD
def test_a_pickle_stands_alone_and_trains(head: Head) -> None:
    network = random_network(tiny(head))
    twin = pickle.loads(pickle.dumps(network))
    x = image()
    assert torch.equal(twin(x), network(x))
    twin(x).sum().backward()
    assert all(parameter.grad is not None for parameter in twin.parameters())


@EVERY_HEAD
def test_a_state_dict_carries_the_whole_network(head: Head) -> None:
    network = random_network(tiny(head))
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    twin = SwinIR(tiny(head)).double().eval()
    twin.load_state_dict(torch.load(file, weights_only=True), strict=True)
    x = image()
    assert torch.equal(twin(x), network(x))


@EVERY_HEAD
def test_the_head_follows_the_network_to_another_type(head: Head) -> None:
    network = random_network(tiny(head)).to(torch.bfloat16)
    out = network(image().to(torch.bfloat16))
    assert out.dtype == torch.bfloat16
    assert torch.isfinite(out).all()


@EVERY_HEAD
def test_the_head_follows_the_network_off_the_meta_device(head: Head) -> None:
    weights = random_network(tiny(head)).state_dict()
    with torch.device("meta"):
        network = SwinIR(tiny(head))
    network.load_state_dict(weights, strict=True, assign=True)
    assert not any(parameter.is_meta for parameter in network.head.parameters())


def test_grey_images_have_no_mean_colour() -> None:
    assert SwinIR(SwinIRConfig(head=Head.RESIDUAL, channels=1)).mean.tolist() == [[[[0.0]]]]


def test_fresh_weights_are_those_of_the_seed() -> None:
    torch.manual_seed(3)
    first = SwinIR(tiny(Head.RESIDUAL)).state_dict()
    torch.manual_seed(3)
    second = SwinIR(tiny(Head.RESIDUAL)).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_fresh_weights_of_a_swin2sr_are_the_published_ones() -> None:
    torch.manual_seed(3)
    options = {"attention": Attention.COSINE, "norm": Norm.POST, "projection": True}
    fresh = SwinIR(tiny(Head.RESIDUAL, **options)).state_dict()
    block = "layers.0.residual_group.blocks.1."
    assert torch.allclose(fresh[block + "attn.logit_scale"].exp(), torch.tensor(10.0))
    for name in ("attn.q_bias", "attn.v_bias", "attn.cpb_mlp.0.bias", "norm1.bias", "norm2.bias"):
        assert not fresh[block + name].any(), name
    for name in ("norm1.weight", "norm2.weight"):
        assert torch.all(fresh[block + name] == 1), name
    for name in ("attn.qkv.weight", "attn.cpb_mlp.0.weight", "attn.cpb_mlp.2.weight"):
        assert 0.015 < fresh[block + name].std() < 0.025, name


@pytest.mark.parametrize(
    ("attention", "norm", "projection"), list(product(Attention, Norm, (False, True))), ids=str
)
def test_every_trunk_learns(attention: Attention, norm: Norm, *, projection: bool) -> None:
    torch.manual_seed(4)
    options = {"attention": attention, "norm": norm, "projection": projection}
    network = SwinIR(tiny(Head.PIXELSHUFFLE_DIRECT, **options)).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    small, large = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 16, 16)
    losses: list[float] = []
    for _ in range(6):
        loss = (network(small) - large).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        assert all(parameter.grad is not None for parameter in network.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[1] < losses[0]


def test_the_small_image_of_the_auxiliary_head_is_what_the_rest_is_made_of() -> None:
    network = random_network(tiny(Head.PIXELSHUFFLE_AUX))
    features = torch.rand(1, 12, 4, 8, dtype=torch.float64)
    small = network.head.auxiliary(features)
    assert small.shape == (1, 3, 4, 8)
    picture = torch.zeros(1, 3, 4, 8, dtype=torch.float64)
    network.conv_aux.weight.data.zero_()
    network.conv_aux.bias.data.zero_()
    # Nothing of the features passes by the small image.
    assert torch.equal(network.head(features, picture), network.head(-features, picture))
