"""Losses against plain formulas."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from swinir.training.losses import TERMS, charbonnier, frequency, l1
from swinir.training.objective import Objective
from swinir.training.perceptual import LAYERS, Perceptual, vgg19_features
from swinir.training.recipe import LossRecipe


@pytest.fixture
def images() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(2, 3, 16, 20), torch.rand(2, 3, 16, 20)


def test_l1_and_charbonnier_are_their_formulas(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    ours, theirs = (image.double().numpy() for image in images)
    assert l1(*images).item() == pytest.approx(np.abs(ours - theirs).mean(), rel=1e-6)
    root = np.sqrt((ours - theirs) ** 2 + 1e-9).mean()
    assert charbonnier(*images).item() == pytest.approx(root, rel=1e-6)


def test_frequency_is_the_distance_of_fourier_coefficients(
    images: tuple[torch.Tensor, torch.Tensor],
) -> None:
    ours, theirs = (np.fft.rfft2(image.double().numpy(), norm="ortho") for image in images)
    parts = np.abs((ours - theirs).real).mean() + np.abs((ours - theirs).imag).mean()
    assert frequency(*images).item() == pytest.approx(parts / 2, rel=1e-5)


@pytest.mark.parametrize("name", TERMS)
def test_equal_images_cost_next_to_nothing_and_have_a_gradient(name: str) -> None:
    image = torch.rand(1, 3, 8, 8)
    other = image.clone().requires_grad_()
    loss = TERMS[name](other, image)
    assert loss.item() < 1e-4
    loss.backward()
    assert other.grad is not None
    assert other.grad.isfinite().all()


def test_the_objective_is_the_weighted_sum_of_a_recipe(
    images: tuple[torch.Tensor, torch.Tensor],
) -> None:
    objective = Objective(LossRecipe(l1=0.5, frequency=2))
    wanted = 0.5 * l1(*images) + 2 * frequency(*images)
    assert sum(objective(*images).values()).item() == pytest.approx(wanted.item())
    assert torch.equal(Objective(LossRecipe(l1=1))(*images)["l1"], l1(*images))


def test_the_objective_reads_vgg_where_it_is_asked_for(vgg: Path) -> None:
    image, other = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    objective = Objective(LossRecipe(l1=1, perceptual=0.1, vgg=vgg))
    wanted = l1(image, other) + 0.1 * Perceptual(vgg)(image, other)
    assert sum(objective(image, other).values()).item() == pytest.approx(wanted.item(), rel=1e-6)


def test_the_layers_compared_are_convolutions_before_their_relu() -> None:
    layers = vgg19_features()
    widths = [layers[number].out_channels for number in LAYERS]
    assert widths == [64, 128, 256, 512, 512]
    assert len(layers) == 35
    assert all(isinstance(layers[number], nn.Conv2d) for number in LAYERS)


def test_the_perceptual_loss_compares_features(vgg: Path) -> None:
    loss = Perceptual(vgg)
    image, other = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    assert loss(image, image).item() == 0
    wanted, ours, theirs = 0.0, *((it - loss.mean) / loss.deviation for it in (image, other))
    for number, layer in enumerate(loss.features):
        ours, theirs = layer(ours), layer(theirs)
        wanted += LAYERS.get(number, 0) * (ours - theirs).abs().mean().item()
    assert loss(image, other).item() == pytest.approx(wanted, rel=1e-5)


def test_the_perceptual_loss_trains_the_image_and_nothing_else(vgg: Path) -> None:
    loss = Perceptual(vgg)
    image = torch.rand(1, 3, 32, 32, requires_grad=True)
    truth = torch.rand(1, 3, 32, 32, requires_grad=True)
    loss(image, truth).backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert truth.grad is None
    assert all(parameter.grad is None for parameter in loss.parameters())


def test_another_file_than_vgg19_is_one_line(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a.pth: the perceptual loss needs VGG-19 .*got nothing"):
        Perceptual(tmp_path / "a.pth")
    torch.save({"features.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "b.pth")
    with pytest.raises(ValueError, match=r"got shape \(64, 1, 3, 3\)"):
        Perceptual(tmp_path / "b.pth")
