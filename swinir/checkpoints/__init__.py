"""Weights: found, fetched, verified, read safely, recognised, described, exported."""

from swinir.checkpoints.description import Description, describe
from swinir.checkpoints.errors import CheckpointError
from swinir.checkpoints.export import export, ship
from swinir.checkpoints.fetching import fetch
from swinir.checkpoints.loading import load_file, load_network, resolve

__all__ = [
    "CheckpointError",
    "Description",
    "describe",
    "export",
    "fetch",
    "load_file",
    "load_network",
    "resolve",
    "ship",
]
