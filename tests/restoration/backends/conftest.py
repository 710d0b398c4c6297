"""Tiny networks with something to say, and a cache of the test's own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from swinir.network import Head, SwinIR, SwinIRConfig
from swinir.restoration.backends import cache
from tests.network.published import random_network

Tiny = Callable[..., SwinIR]


@pytest.fixture
def tiny() -> Tiny:
    """A network of three blocks with random weights, in evaluation."""

    def network(
        head: Head = Head.PIXELSHUFFLE_DIRECT, scale: int = 2, *, window: int = 4, channels: int = 3
    ) -> SwinIR:
        made = random_network(
            SwinIRConfig(
                head=head,
                scale=scale,
                channels=channels,
                embed_dim=12,
                depths=(2, 1),
                num_heads=(2, 2),
                window=window,
            )
        )
        return made.float().eval()

    return network


@pytest.fixture(autouse=True)
def graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where graphs are kept."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "graphs")
    return tmp_path / "graphs"
