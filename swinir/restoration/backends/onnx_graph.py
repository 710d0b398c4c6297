"""The graph of a network as a file of ONNX, checked against the network before it is there."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from swinir import __version__
from swinir.network import SwinIR
from swinir.restoration.backends.names import BATCH, INPUT, OUTPUT
from swinir.restoration.backends.runtimes import RUNTIMES, Run
from swinir.writing import replacing

SUFFIX = ".onnx"

FARTHEST = 1e-4
"""The largest difference from torch, of the range of its result, that a graph may have."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What a file of ONNX holds.

    Attributes:
        path: where it is.
        tile: side of its tiles in pixels.
        inputs: shapes by name.
        outputs: likewise.
        checker: what computed it for the check, with its version.
        difference: the largest from torch, of the range of its result.
    """

    path: Path
    tile: int
    inputs: Mapping[str, tuple[int | str, ...]]
    outputs: Mapping[str, tuple[int | str, ...]]
    checker: str
    difference: float


def require_onnx() -> None:
    """Refuse at once where onnx is not installed.

    Raises:
        ValueError: it is not.
    """
    if find_spec("onnx") is None:
        raise ValueError(
            "a graph of ONNX needs the package onnx, which is not installed; "
            "pip install -r requirements-onnx.txt"
        )


def check_target(path: Path) -> None:
    """Refuse what no graph can be written to.

    Raises:
        ValueError: another suffix, a folder, or onnx is not installed.
    """
    if path.suffix != SUFFIX or path.is_dir():
        raise ValueError(f"a graph of ONNX is a file ending in {SUFFIX}, got {path}")
    require_onnx()


def export(
    network: SwinIR, path: Path, *, tile: int, texts: Mapping[str, str] | None = None
) -> Exported:
    """Write the graph of ``network`` for square tiles, any number at once, whole or not at all.

    Args:
        network: in evaluation.
        path: the file, ``.onnx``.
        tile: side in pixels, in whole windows.
        texts: further metadata.

    Raises:
        ValueError: onnx is not installed, another suffix, a side that is no whole windows, or a
            graph that does not compute what the network does.
        OSError: the disk refuses.
    """
    check_target(path)
    graph = graph_of(network, tile, texts)
    checker, difference = compare(graph, network, tile)
    with replacing(path) as temporary:
        temporary.write_bytes(graph)
    config = network.config
    return Exported(
        path,
        tile,
        {INPUT: (BATCH, config.channels, tile, tile)},
        {OUTPUT: (BATCH, config.channels, tile * config.scale, tile * config.scale)},
        checker,
        difference,
    )


def graph_of(network: SwinIR, tile: int, texts: Mapping[str, str] | None = None) -> bytes:
    """A file of ONNX, not checked yet; arguments and errors as for `export`."""
    require_onnx()
    from swinir.restoration.backends.graph import model_of

    config = network.config
    about = {
        **(texts or {}),
        "swinir.config": json.dumps(asdict(config)),
        "swinir.scale": str(config.scale),
        "swinir.tile": str(tile),
        "swinir.version": __version__,
    }
    return model_of(network, tile, tile, about).SerializeToString()


@torch.inference_mode()
def compare(graph: bytes, network: SwinIR, tile: int) -> tuple[str, float]:
    """What computed ``graph``, and the largest difference from ``network``, of its result's range.

    Two images at once: ONNX Runtime computes them where it is installed, else OpenVINO, else the
    slow evaluator of onnx.

    Raises:
        ValueError: it differs by more than `FARTHEST`, or is not a number.
    """
    # The caller's random numbers stay as they were.
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, network.config.channels, tile, tile, generator=generator)
    checker, run = _runner(graph)
    wanted = network(images.to(network.mean.device)).cpu()
    spread = (wanted.max() - wanted.min()).item()
    difference = (run(images) - wanted).abs().max().item() / (spread or 1.0)
    # Written so that NaN is refused too.
    if not difference <= FARTHEST:
        raise ValueError(
            f"the graph must compute what torch computes, within {FARTHEST:g} of the range; "
            f"{checker} gets {difference:.0e}; the weights may be damaged"
        )
    return checker, difference


def _runner(graph: bytes) -> tuple[str, Run]:
    for backend in RUNTIMES:
        if backend.device == "cpu" and backend.installed():
            run = backend.compile(graph, threads=torch.get_num_threads(), precision=torch.float32)
            return f"{backend.name} {version(backend.name)}", run
    evaluator: Any = import_module("onnx.reference").ReferenceEvaluator(graph)

    def evaluate(images: Tensor) -> Tensor:
        return torch.from_numpy(evaluator.run(None, {INPUT: images.numpy()})[0])

    return f"onnx.reference {version('onnx')}", evaluate
