"""Folders and addresses of weights, each settable by an environment variable."""

import os
from pathlib import Path

from swinir.tasks import RELEASE


def shipped() -> Path:
    """The folder of our own weights: ``SWINIR_PRETRAINED``, else ``pretrained/`` beside us."""
    chosen = os.environ.get("SWINIR_PRETRAINED")
    return Path(chosen).expanduser() if chosen else Path(__file__).parents[2] / "pretrained"


def cache() -> Path:
    """The folder of downloaded weights: ``SWINIR_CACHE``, else ``official/`` in `shipped`."""
    chosen = os.environ.get("SWINIR_CACHE")
    return Path(chosen).expanduser() if chosen else shipped() / "official"


def address(file: str) -> str:
    """Where to download a published file: ``SWINIR_MIRROR`` replaces what precedes its name."""
    return f"{os.environ.get('SWINIR_MIRROR', '').rstrip('/') or RELEASE}/{file}"


def offline() -> bool:
    """Whether ``SWINIR_OFFLINE`` forbids the network."""
    return os.environ.get("SWINIR_OFFLINE", "").lower() not in ("", "0", "false", "no")
