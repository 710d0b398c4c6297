"""The perceptual loss: distance of VGG-19 features (arXiv 1603.08155, as in ESRGAN, 1809.00219)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swinir.checkpoints.reading import read

WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)
"""Channels of VGG-19's convolutions in order; 0 is a pooling."""

LAYERS = {2: 0.1, 7: 0.1, 16: 1.0, 25: 1.0, 34: 1.0}
"""Weights of the convolutions that are compared, before their ReLU, numbered as in torchvision."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, by which VGG's input is normalised."""


def vgg19_features() -> nn.Sequential:
    """The convolutions of VGG-19 up to the last layer compared, under torchvision's names."""
    layers: list[nn.Module] = []
    channels = 3
    for width in WIDTHS:
        if width:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers[: max(LAYERS) + 1])


class Perceptual(nn.Module):
    """Weighted mean absolute error of features, of RGB images ``(B, 3, H, W)`` in [0, 1]."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, file: Path) -> None:
        """Features with the weights of a file as torchvision publishes it (vgg19-dcbb9e9d.pth).

        Raises:
            ValueError: it cannot be read, or is not VGG-19.
        """
        super().__init__()
        self.features = vgg19_features()
        self.features.load_state_dict(_features_of(file, self.features.state_dict()))
        self.requires_grad_(requires_grad=False)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1))

    def forward(self, restored: Tensor, truth: Tensor) -> Tensor:
        """``(restored, truth) -> ()``; no gradient reaches the truth."""
        ours = (restored - self.mean) / self.deviation
        theirs = (truth.detach() - self.mean) / self.deviation
        distance = restored.new_zeros(())
        for number, layer in enumerate(self.features):
            ours = layer(ours)
            with torch.no_grad():
                theirs = layer(theirs)
            if number in LAYERS:
                distance = distance + LAYERS[number] * F.l1_loss(ours, theirs)
        return distance


def _features_of(file: Path, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file that are ``wanted``, by their name within the features."""
    stored: Any = read(file).stored
    held: Mapping[str, Any] = stored if isinstance(stored, Mapping) else {}
    found: dict[str, Tensor] = {}
    for name, like in wanted.items():
        value = held.get(f"features.{name}")
        if not isinstance(value, Tensor) or value.shape != like.shape:
            got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else "nothing"
            raise ValueError(
                f"{file}: the perceptual loss needs VGG-19 as torchvision publishes it, with "
                f"features.{name} of shape {tuple(like.shape)}; got {got}"
            )
        found[name] = value
    return found
