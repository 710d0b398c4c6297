"""The network computes what the published one computes."""

from typing import Any

import pytest
import torch
from torch import Tensor

from swinir.network import SwinIR, SwinIRConfig
from tests.network.published import EVERY_SCALE, KINDS, NAMES, Kind, random_network
from tests.reference import reference_swinir

# Sums of a few hundred float64 terms near 1 differ in the last digits with their order.
TOLERANCE = 1e-10


def options(config: SwinIRConfig) -> dict[str, Any]:
    """The keywords of `reference_swinir` for a configuration."""
    return {
        "window": config.window,
        "num_heads": config.num_heads,
        "depths": config.depths,
        "scale": config.scale,
        "head": config.head.value,
        "group_conv": config.group_conv.value,
        "img_range": config.img_range,
    }


def difference(network: SwinIR, image: Tensor) -> float:
    """Largest difference between the network and the reference, both in float64."""
    with torch.no_grad():
        ours = network(image)
        published = reference_swinir(network.state_dict(), image, **options(network.config))
    assert ours.shape == published.shape
    assert published.std() > 1e-3, "an image without content would agree with anything"
    return (ours - published).abs().max().item()


def image_of(kind: Kind, height: int, width: int, batch: int = 1) -> Tensor:
    """A random image in [0, 1]."""
    return torch.rand(batch, kind.channels, height, width, dtype=torch.float64)


@pytest.mark.parametrize(("kind", "scale"), EVERY_SCALE, ids=NAMES)
def test_every_published_kind_equals_the_reference(kind: Kind, scale: int) -> None:
    network = random_network(kind.config(scale, depths=(2, 2), embed_dim=6 * kind.heads))
    assert difference(network, image_of(kind, 16, 20)) < TOLERANCE


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (2, 3), (7, 9), (16, 16), (20, 33)], ids=str)
@pytest.mark.parametrize("kind", [KINDS[1], KINDS[7]], ids=["window 8", "window 7"])
def test_any_size_equals_the_reference(kind: Kind, size: tuple[int, int]) -> None:
    scale = min(kind.parameters)
    network = random_network(kind.config(scale, depths=(2,), embed_dim=12))
    assert difference(network, image_of(kind, *size, batch=2)) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_full_size_network_equals_the_reference(kind: Kind) -> None:
    network = random_network(kind.config(max(kind.parameters)))
    assert difference(network, image_of(kind, 18, 25)) < TOLERANCE


def test_single_precision_stays_close_to_double() -> None:
    kind = KINDS[1]
    network = random_network(kind.config(2, depths=(2, 2), embed_dim=12))
    image = image_of(kind, 17, 24)
    with torch.no_grad():
        exact = network(image)
        rounded = network.float()(image.float())
    assert (rounded - exact).abs().max() < 1e-4


def test_gradients_equal_those_of_the_reference() -> None:
    kind = KINDS[1]
    config = kind.config(2, depths=(2,), embed_dim=12)
    network = random_network(config)
    image = image_of(kind, 9, 16).requires_grad_()
    weights = torch.randn(1, 3, 18, 32, dtype=torch.float64)

    parameters = dict(network.named_parameters())
    ours = torch.autograd.grad((network(image) * weights).sum(), [image, *parameters.values()])
    reference = reference_swinir(parameters, image, **options(config))
    published = torch.autograd.grad((reference * weights).sum(), [image, *parameters.values()])

    for name, mine, theirs in zip(["image", *parameters], ours, published, strict=True):
        assert theirs.abs().max() > 0, name
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9, msg=name)
