"""The discriminator, its judgement and its learning."""

import numpy as np
import pytest
import torch

from swinir.training.adversary import Adversary
from swinir.training.discriminator import UNetDiscriminator, realness_loss
from swinir.training.processes import join
from swinir.training.recipe import AdversaryRecipe


@pytest.mark.parametrize(("height", "width"), [(8, 8), (24, 40)])
def test_the_discriminator_judges_every_pixel(height: int, width: int) -> None:
    network = UNetDiscriminator(width=8)
    assert network(torch.rand(2, 3, height, width)).shape == (2, 1, height, width)


def test_its_convolutions_have_a_spectral_norm_of_about_one() -> None:
    network = UNetDiscriminator(width=8)
    for _ in range(30):
        network(torch.rand(1, 3, 16, 16))
    network.eval()
    for layer in (*network.down, *network.up):
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert largest == pytest.approx(1, abs=0.05)


def test_a_discriminator_learns_to_tell_noise_from_smoothness() -> None:
    network = UNetDiscriminator(width=4)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(30):
        noise, smooth = torch.rand(4, 3, 16, 16), torch.rand(4, 3, 1, 1).expand(-1, -1, 16, 16)
        loss = realness_loss(network(noise), real=False) + realness_loss(network(smooth), real=True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1


def test_undecided_logits_cost_the_logarithm_of_two() -> None:
    logits = torch.zeros(1, 1, 4, 4)
    for real in (True, False):
        assert realness_loss(logits, real=real).item() == pytest.approx(np.log(2))


@pytest.fixture
def adversary() -> Adversary:
    recipe = AdversaryRecipe(width=4)
    accelerator = join(torch.device("cpu"), "fp32")
    return Adversary(recipe, accelerator, channels=3, betas=(0.9, 0.99))


def test_judging_moves_the_image_alone(adversary: Adversary) -> None:
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    adversary.judge(image).backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in adversary.network.parameters())
    assert all(weight.requires_grad for weight in adversary.network.parameters())


def test_an_adversary_learns_and_then_finds_the_restored_image_wanting(
    adversary: Adversary,
) -> None:
    restored, truth = torch.full((2, 3, 16, 16), 0.5), torch.rand(2, 3, 16, 16)
    before = adversary.judge(restored).item()
    losses = [adversary.learn([(restored, truth)], 1e-2) for _ in range(60)]
    assert losses[-1] < losses[0] / 2
    assert adversary.judge(restored).item() > before


def test_two_batches_cost_what_one_of_both_does(adversary: Adversary) -> None:
    fakes, truths = torch.rand(2, 2, 3, 16, 16)
    # Each pass of training moves the estimate of the spectral norm.
    adversary.network.eval()
    whole = adversary.learn([(fakes, truths)], 0.0)
    halves = adversary.learn([(fakes[:1], truths[:1]), (fakes[1:], truths[1:])], 0.0)
    assert halves == pytest.approx(whole, rel=1e-5)


def test_what_is_not_finite_changes_nothing(adversary: Adversary) -> None:
    before = {name: value.clone() for name, value in adversary.network.named_parameters()}
    broken = torch.full((1, 3, 16, 16), torch.nan)
    adversary.learn([(broken, torch.rand(1, 3, 16, 16))], 1e-3)
    assert all(
        torch.equal(before[name], value) for name, value in adversary.network.named_parameters()
    )
