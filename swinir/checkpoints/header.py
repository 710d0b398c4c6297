"""What our exports say about the network, as text beside the tensors."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from swinir.checkpoints.errors import CheckpointError
from swinir.network import SwinIRConfig

CONFIG = "swinir.config"
"""Key of the configuration in JSON."""


def dump(config: SwinIRConfig) -> str:
    """The configuration as JSON, the fields under their own names."""
    return json.dumps(asdict(config))


def stored_img_range(metadata: Mapping[str, str], path: Path) -> float | None:
    """``img_range`` in the header, the one field that tensors do not tell; None without header.

    Raises:
        CheckpointError: the header is not one that `dump` wrote.
    """
    text = metadata.get(CONFIG)
    if text is None:
        return None
    try:
        found = float(json.loads(text)["img_range"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: {CONFIG} in its header is no configuration; export it again"
        ) from error
    if not 0 < found < float("inf"):
        raise CheckpointError(f"{path}: img_range in its header is positive, got {found}")
    return found
