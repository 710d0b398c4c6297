"""What our exports say about the network, as text beside the tensors."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from swinir.checkpoints.errors import CheckpointError
from swinir.network import Norm, SwinIRConfig

CONFIG = "swinir.config"
"""Key of the configuration in JSON."""


MOST_WINDOW = 256
"""Side of a window in pixels beyond which no memory holds its pairs of tokens."""


def dump(config: SwinIRConfig) -> str:
    """The configuration as JSON, the fields under their own names."""
    return json.dumps(asdict(config))


@dataclass(frozen=True, slots=True)
class Unseen:
    """The fields of a configuration that tensors do not tell, see `SwinIRConfig`.

    Attributes:
        img_range: of every network.
        window: of one with cosine attention, whose position bias is continuous.
        norm: of every network; None in a header that is older than the choice.
    """

    img_range: float
    window: int
    norm: Norm | None


def stored(metadata: Mapping[str, str], path: Path) -> Unseen | None:
    """What the header tells; None without one.

    Raises:
        CheckpointError: the header is not one that `dump` wrote.
    """
    text = metadata.get(CONFIG)
    if text is None:
        return None
    try:
        fields = json.loads(text)
        norm = Norm(fields["norm"]) if "norm" in fields else None
        found = Unseen(float(fields["img_range"]), int(fields["window"]), norm)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: {CONFIG} in its header is no configuration; export it again"
        ) from error
    if not 0 < found.img_range < float("inf"):
        raise CheckpointError(f"{path}: img_range in its header is positive, got {found.img_range}")
    if not 2 <= found.window <= MOST_WINDOW:
        raise CheckpointError(
            f"{path}: window in its header is 2 to {MOST_WINDOW} pixels, got {found.window}"
        )
    return found
