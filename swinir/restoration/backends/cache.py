"""Graphs that were checked, kept in the user's cache folder, so that this is paid for once."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pooch
import torch

from swinir import __version__
from swinir.network import SwinIR
from swinir.restoration.backends.onnx_graph import SUFFIX, compare, graph_of
from swinir.writing import replacing

KEPT = 8
"""Graphs that are kept, those of the last use; one is up to 50 MB."""


def folder() -> Path:
    """Where graphs are kept."""
    return Path(pooch.os_cache("swinir")) / "graphs"


def checked_graph(network: SwinIR, tile: int) -> bytes:
    """The file of ONNX for tiles of ``tile`` pixels, from the cache where it is there and whole.

    A cache that cannot be written to costs the time of making the graph, and nothing else.

    Raises:
        ValueError: as for `onnx_graph.export`.
    """
    key = _key(network, tile)
    found = _read(key)
    if found is not None:
        return found
    graph = graph_of(network, tile)
    compare(graph, network, tile)
    with suppress(OSError):
        with replacing(folder() / f"{key}-{_digest(graph)}{SUFFIX}") as temporary:
            temporary.write_bytes(graph)
        _forget_old()
    return graph


def _key(network: SwinIR, tile: int) -> str:
    about = [__version__, torch.__version__, asdict(network.config), tile]
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def _read(key: str) -> bytes | None:
    """The graph of a key; what is damaged is removed."""
    with suppress(OSError):
        for path in folder().glob(f"{key}-*{SUFFIX}"):
            graph = path.read_bytes()
            if path.stem == f"{key}-{_digest(graph)}":
                path.touch()
                return graph
            path.unlink()
    return None


def _digest(graph: bytes) -> str:
    return hashlib.sha256(graph).hexdigest()[:32]


def _forget_old() -> None:
    graphs = sorted(folder().glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    for path in graphs[:-KEPT]:
        path.unlink(missing_ok=True)
