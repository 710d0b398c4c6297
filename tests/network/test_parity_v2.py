"""A Swin2SR computes what the published one computes."""

import pytest
import torch
from torch import Tensor

from swinir.network import SwinIR
from tests.network.published import EVERY_SCALE_V2, KINDS_V2, NAMES_V2, Kind, random_network
from tests.network.test_parity import TOLERANCE, image_of, options
from tests.reference_v2 import reference_swin2sr

LIGHTWEIGHT, JPEG = KINDS_V2[2], KINDS_V2[4]


def difference(network: SwinIR, image: Tensor) -> float:
    """Largest difference between the network and the reference, both in float64."""
    with torch.no_grad():
        ours = network(image)
        published = reference_swin2sr(network.state_dict(), image, **options(network.config))
    assert ours.shape == published.shape
    assert published.std() > 1e-3, "an image without content would agree with anything"
    return (ours - published).abs().max().item()


@pytest.mark.parametrize(("kind", "scale"), EVERY_SCALE_V2, ids=NAMES_V2)
def test_every_published_swin2sr_equals_the_reference(kind: Kind, scale: int) -> None:
    network = random_network(kind.config(scale, depths=(2, 2), embed_dim=6 * kind.heads))
    assert difference(network, image_of(kind, 16, 20)) < TOLERANCE


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (7, 9), (16, 16), (20, 33)], ids=str)
@pytest.mark.parametrize("kind", [KINDS_V2[1], JPEG], ids=lambda kind: kind.name)
def test_any_size_equals_the_reference(kind: Kind, size: tuple[int, int]) -> None:
    network = random_network(kind.config(min(kind.parameters), depths=(2,), embed_dim=12))
    assert difference(network, image_of(kind, *size, batch=2)) < TOLERANCE


def test_scales_beyond_the_largest_equal_the_reference() -> None:
    # Blocks that are not shifted: of a hundred times a cosine the published mask of -100 hides
    # not everything.
    network = random_network(LIGHTWEIGHT.config(2, depths=(1, 1), embed_dim=12))
    for layer in network.layers:
        layer.residual_group.blocks[0].attn.logit_scale.data += torch.arange(6.0).view(6, 1, 1)
    assert difference(network, image_of(LIGHTWEIGHT, 16, 24)) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "scale"), EVERY_SCALE_V2, ids=NAMES_V2)
def test_the_full_size_swin2sr_equals_the_reference(kind: Kind, scale: int) -> None:
    network = random_network(kind.config(scale))
    assert difference(network, image_of(kind, 18, 25)) < TOLERANCE


def test_single_precision_stays_close_to_double() -> None:
    network = random_network(LIGHTWEIGHT.config(2, depths=(2, 2), embed_dim=12))
    image = image_of(LIGHTWEIGHT, 17, 24)
    with torch.no_grad():
        exact = network(image)
        rounded = network.float()(image.float())
    assert (rounded - exact).abs().max() < 1e-4


def test_gradients_equal_those_of_the_reference() -> None:
    config = LIGHTWEIGHT.config(2, depths=(2,), embed_dim=12)
    network = random_network(config)
    image = image_of(LIGHTWEIGHT, 9, 16).requires_grad_()
    weights = torch.randn(1, 3, 18, 32, dtype=torch.float64)

    parameters = dict(network.named_parameters())
    ours = torch.autograd.grad((network(image) * weights).sum(), [image, *parameters.values()])
    reference = reference_swin2sr(parameters, image, **options(config))
    published = torch.autograd.grad((reference * weights).sum(), [image, *parameters.values()])

    for name, mine, theirs in zip(["image", *parameters], ours, published, strict=True):
        assert theirs.abs().max() > 0, name
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9, msg=name)


def test_low_precision_stays_near_single() -> None:
    network = random_network(LIGHTWEIGHT.config(2, depths=(2, 2), embed_dim=12)).float()
    image = image_of(LIGHTWEIGHT, 16, 24).float()
    with torch.no_grad():
        exact = network(image)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = network(image)
    assert (rounded - exact).abs().max() < 0.1 * exact.std()
