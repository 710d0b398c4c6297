"""From a recipe to what is undone and what is minimised."""

from torch import Tensor, nn

from swinir.data import onthefly
from swinir.data.onthefly import OnTheFly
from swinir.data.realworld import bsrgan, real_esrgan
from swinir.training.losses import TERMS
from swinir.training.perceptual import Perceptual
from swinir.training.recipe import (
    BicubicRecipe,
    Degradation,
    JpegRecipe,
    LossRecipe,
    NoiseRecipe,
    RealWorldRecipe,
)

PIPELINES = {"bsrgan": bsrgan, "real-esrgan": real_esrgan}


def on_the_fly(degradation: Degradation, scale: int) -> OnTheFly | None:
    """What is done to each crop; None where whole photographs are shrunk beforehand."""
    match degradation:
        case BicubicRecipe():
            return None
        case NoiseRecipe():
            return onthefly.noise(*degradation.range)
        case JpegRecipe():
            return onthefly.jpeg(*degradation.range)
        case RealWorldRecipe(kind=kind):
            return onthefly.pipeline(PIPELINES[kind], scale)


class Objective(nn.Module):
    """The weighted sum of the terms of a recipe, of images ``(B, C, H, W)`` in [0, 1]."""

    def __init__(self, recipe: LossRecipe) -> None:
        """Reads the weights of VGG-19 where they are needed.

        Raises:
            ValueError: their file cannot be read, or holds something else.
        """
        super().__init__()
        self.weights = recipe.weights
        self.perceptual = Perceptual(recipe.vgg) if recipe.perceptual and recipe.vgg else None

    def forward(self, restored: Tensor, truth: Tensor) -> Tensor:
        """``(restored, truth) -> ()``, float32."""
        loss = restored.new_zeros(())
        for name, weight in self.weights.items():
            term = self.perceptual if name == "perceptual" else TERMS[name]
            if term is not None:
                loss = loss + weight * term(restored, truth)
        return loss
