"""From a recipe to what is minimised."""

from torch import Tensor, nn

from swinir.training.losses import TERMS
from swinir.training.perceptual import Perceptual
from swinir.training.recipe import LossRecipe


class Objective(nn.Module):
    """The weighted terms of a recipe but that of the discriminator; their sum is the loss."""

    def __init__(self, recipe: LossRecipe) -> None:
        """Reads the weights of VGG-19 where they are needed.

        Raises:
            ValueError: their file cannot be read, or holds something else.
        """
        super().__init__()
        self.weights = recipe.weights
        self.perceptual = Perceptual(recipe.vgg) if recipe.perceptual and recipe.vgg else None

    def forward(self, restored: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Images ``(B, C, H, W)`` in [0, 1] -> each term ``()`` in float32, by name."""
        terms: dict[str, Tensor] = {}
        for name, weight in self.weights.items():
            term = self.perceptual if name == "perceptual" else TERMS[name]
            if term is not None:
                terms[name] = weight * term(restored, truth)
        return terms
