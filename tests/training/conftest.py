"""What every test of training needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState

from swinir.training.perceptual import vgg19_features


@pytest.fixture(autouse=True)
def _a_process_of_its_own() -> Iterator[None]:
    """Accelerate keeps a process to the precision that it first met there."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the layout of torchvision's VGG-19, classifier left out."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    tensors = {f"features.{name}": value for name, value in vgg19_features().state_dict().items()}
    torch.save({**tensors, "classifier.0.bias": torch.zeros(4)}, path)
    return path
