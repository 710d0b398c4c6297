"""Weights of tiny networks, small pictures, and the command line in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from swinir.checkpoints import export
from swinir.cli.restore import main
from swinir.images.files import Picture, write
from swinir.network import Head, SwinIR, SwinIRConfig

Save = Callable[..., Path]


class Ran(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


def _tiny(head: Head, scale: int) -> SwinIR:
    torch.manual_seed(0)
    return SwinIR(
        SwinIRConfig(head=head, scale=scale, embed_dim=12, depths=(2,), num_heads=(2,), window=4)
    )


@pytest.fixture(scope="session")
def network() -> SwinIR:
    """A tiny network that enlarges by 4."""
    return _tiny(Head.PIXELSHUFFLE_DIRECT, 4)


@pytest.fixture(scope="session")
def weights(network: SwinIR, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of `network`."""
    path = tmp_path_factory.mktemp("weights") / "x4.safetensors"
    export(network, path)
    return path


@pytest.fixture(scope="session")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that keep the size."""
    path = tmp_path_factory.mktemp("weights") / "x1.safetensors"
    export(_tiny(Head.RESIDUAL, 1), path)
    return path


@pytest.fixture
def save() -> Save:
    """Write a picture of noise, making its folder."""

    def picture(
        path: Path, height: int = 12, width: int = 16, *, channels: int = 3, depth: int = 8
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(height * width)
        levels = rng.integers(0, 2**depth, (height, width, channels)) / (2**depth - 1)
        write(path, Picture(levels.astype(np.float32), depth=depth))
        return path

    return picture


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``test.py`` with some words."""

    def command(*words: str | Path) -> Ran:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as exit_:
            assert isinstance(exit_.code, int)
            code = exit_.code
        return Ran(code, *capsys.readouterr())

    return command


@pytest.fixture
def restore(run: Command, weights: Path, tmp_path: Path) -> Command:
    """Enlarge ``in/`` by 4 into ``out/``; words that follow may say otherwise."""

    def command(*words: str | Path) -> Ran:
        folders = ("--folder", tmp_path / "in", "--output", tmp_path / "out")
        return run("--task", "sr_x4", "--weights", weights, *folders, *words)

    return command


@pytest.fixture
def results(tmp_path: Path) -> Callable[[], list[str]]:
    """The names of all that lies in ``out/``, hidden files too."""

    def names() -> list[str]:
        out = tmp_path / "out"
        return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())

    return names
