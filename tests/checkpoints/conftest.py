"""Small networks of each published kind, and folders that no test shares."""

from pathlib import Path
from typing import Any

import pytest
import torch

from swinir.network import Attention, GroupConv, Head, Norm, SwinIR, SwinIRConfig

SMALL = {"embed_dim": 12, "depths": (2, 3), "num_heads": (2, 3)}
V2 = {"attention": Attention.COSINE, "norm": Norm.POST, "projection": True, **SMALL}
KINDS: dict[str, SwinIRConfig] = {
    "classical_x2": SwinIRConfig(head=Head.PIXELSHUFFLE, scale=2, **SMALL),
    "classical_x3": SwinIRConfig(head=Head.PIXELSHUFFLE, scale=3, **SMALL),
    "classical_x4": SwinIRConfig(head=Head.PIXELSHUFFLE, scale=4, **SMALL),
    "classical_x8": SwinIRConfig(head=Head.PIXELSHUFFLE, scale=8, **SMALL),
    "lightweight_x2": SwinIRConfig(head=Head.PIXELSHUFFLE_DIRECT, scale=2, **SMALL),
    "lightweight_x3": SwinIRConfig(head=Head.PIXELSHUFFLE_DIRECT, scale=3, **SMALL),
    "lightweight_x4": SwinIRConfig(head=Head.PIXELSHUFFLE_DIRECT, scale=4, **SMALL),
    "real_x2": SwinIRConfig(head=Head.NEAREST_CONV, scale=2, **SMALL),
    "real_x4": SwinIRConfig(head=Head.NEAREST_CONV, scale=4, **SMALL),
    "real_large_x4": SwinIRConfig(
        head=Head.NEAREST_CONV, scale=4, group_conv=GroupConv.THREE, **SMALL
    ),
    "gray_dn": SwinIRConfig(head=Head.RESIDUAL, channels=1, **SMALL),
    "color_dn": SwinIRConfig(head=Head.RESIDUAL, **SMALL),
    "jpeg": SwinIRConfig(head=Head.RESIDUAL, channels=1, window=7, img_range=255.0, **SMALL),
    "color_jpeg": SwinIRConfig(head=Head.RESIDUAL, window=7, img_range=255.0, **SMALL),
    "classical_v2_x2": SwinIRConfig(head=Head.PIXELSHUFFLE, scale=2, **V2),
    "classical_v2_x3": SwinIRConfig(head=Head.PIXELSHUFFLE, scale=3, **V2),
    "classical_v2_x8": SwinIRConfig(head=Head.PIXELSHUFFLE, scale=8, **V2),
    "compressed_v2_x4": SwinIRConfig(head=Head.PIXELSHUFFLE_AUX, scale=4, **V2),
    "lightweight_v2_x2": SwinIRConfig(head=Head.PIXELSHUFFLE_DIRECT, scale=2, **V2),
    "real_v2_x4": SwinIRConfig(head=Head.NEAREST_CONV, scale=4, **V2),
    "jpeg_v2": SwinIRConfig(head=Head.RESIDUAL, channels=1, window=7, img_range=255.0, **V2),
}


def saved(path: Path, stored: object, **options: Any) -> Path:
    """The path, with ``stored`` written to it by torch."""
    torch.save(stored, path, **options)
    return path


@pytest.fixture(scope="session")
def networks() -> dict[str, SwinIR]:
    """One small network of each published kind."""
    torch.manual_seed(1)
    return {kind: SwinIR(config).eval() for kind, config in KINDS.items()}


@pytest.fixture
def network(networks: dict[str, SwinIR]) -> SwinIR:
    """A small lightweight network of scale 4."""
    return networks["lightweight_x4"]


@pytest.fixture
def pretrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of shipped weights, empty, with the cache inside."""
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setenv("SWINIR_PRETRAINED", str(folder))
    for name in ("SWINIR_CACHE", "SWINIR_MIRROR", "SWINIR_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return folder
