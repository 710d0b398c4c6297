"""A page with the weights of tiny networks, served in this process."""

import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from gradio_client import Client

from swinir.checkpoints import ship
from swinir.images.files import Metadata, Picture, write
from swinir.network import Head, SwinIR, SwinIRConfig
from swinir.web.server import serving
from swinir.web.settings import Settings

Save = Callable[..., Path]


def tiny(*, scale: int = 4, groups: int = 1, slow: bool = False) -> SwinIR:
    """A network that is quick, or for the wish to cancel slow."""
    torch.manual_seed(0)
    return SwinIR(
        SwinIRConfig(
            head=Head.PIXELSHUFFLE_DIRECT if scale > 1 else Head.RESIDUAL,
            scale=scale,
            embed_dim=24 if slow else 12,
            depths=(2,) * groups,
            num_heads=(2,) * groups,
            window=4,
        )
    )


@pytest.fixture(autouse=True)
def _usual_processor() -> None:
    """Pages run in processes of their own, which see the processor as it is; so do these tests."""


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of our own weights, small enough for tests; it is in force as long as they run."""
    folder = tmp_path_factory.mktemp("pretrained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWINIR_PRETRAINED", str(folder))
        ship(tiny(), "light_sr_x4.safetensors")
        patch.setenv("SWINIR_OFFLINE", "1")
        yield folder


class Site(NamedTuple):
    """A page that is served by another process."""

    url: str
    folder: Path
    pid: int


def _serve(settings: Settings, pipe: Connection, other: Connection) -> None:
    # A fork holds both ends, and would never see the other one closed.
    other.close()
    # What gradio and pandas say of each other is none of our tests' business.
    warnings.simplefilter("ignore")
    with serving(settings) as running:
        pipe.send((running.url, running.folder))
        with suppress(EOFError):
            pipe.recv()


@contextmanager
def site(settings: Settings) -> Generator[Site]:
    """Serve a page in a process of its own, so that what gradio leaves open ends with it.

    A fork, because loading gradio and torch again takes longer than all the tests.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(settings, theirs, ours), daemon=True)
    process.start()
    theirs.close()
    try:
        url, folder = ours.recv()
        assert process.pid is not None
        yield Site(url, folder, process.pid)
    finally:
        ours.close()
        process.join(10)
        process.kill()
        process.join()


@pytest.fixture(scope="session")
def served(pretrained: Path) -> Generator[Site]:
    """The page with its usual settings, but a small limit for pictures."""
    assert pretrained.is_dir()
    with site(Settings(port=0, devices=("cpu",), max_megapixels=1.0)) as it:
        yield it


@pytest.fixture
def client(served: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Client]:
    """Python's way in."""
    # It leaves an empty folder there for each file that it fetches.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = Client(served.url, verbose=False, download_files=str(tmp_path / "fetched"))
    yield made
    made.close()


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a picture of smooth colours and some noise."""

    def picture(
        name: str,
        height: int = 24,
        width: int = 32,
        *,
        seed: int = 0,
        channels: int = 3,
        depth: int = 8,
        alpha: bool = False,
        metadata: Metadata | None = None,
    ) -> Path:
        rng = np.random.default_rng(seed)
        ramp = np.linspace(0.2, 0.8, width)[None, :, None] * np.ones((height, 1, channels))
        pixels = np.clip(ramp + rng.normal(0, 0.05, ramp.shape), 0, 1).astype(np.float32)
        see_through = np.linspace(0, 1, height)[:, None].repeat(width, 1).astype(np.float32)
        path = tmp_path / name
        write(
            path,
            Picture(pixels, see_through if alpha else None, depth, metadata or Metadata()),
        )
        return path

    return picture


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> Iterator[None]:
    """Nothing here may reach for the network."""
    before = os.environ.get("GRADIO_ANALYTICS_ENABLED")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    yield
    if before is None:
        del os.environ["GRADIO_ANALYTICS_ENABLED"]
    else:
        os.environ["GRADIO_ANALYTICS_ENABLED"] = before
