"""Which truth belongs to an image, by name."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from swinir.images.files import MAX_PIXELS, read


def find_truth(source: Path, truths: Sequence[Path], scale: int) -> Path:
    """The ground truth of a degraded file, by name: ``baby.png`` for ``babyx4.png``.

    The very name comes first. Of several the one whose folders are called like the source's.

    Raises:
        ValueError: there is none, or more than one as good.
    """
    names = dict.fromkeys((source.stem, source.stem.removesuffix(f"x{scale}")))
    for name in names:
        found = [path for path in truths if path.stem == name]
        most = max((_shared_folders(source, path) for path in found), default=0)
        nearest = [path for path in found if _shared_folders(source, path) == most]
        if len(nearest) > 1:
            raise ValueError(
                f"{source}: one ground truth is needed, got {nearest[0]} and {nearest[1]}"
            )
        if nearest:
            return nearest[0]
    wanted = " or ".join(names)
    raise ValueError(f"{source}: no ground truth called {wanted} among {len(truths)} images")


def read_truth(path: Path, scale: int, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
    """A ground truth ``(H, W, C)`` in [0, 1], cut to whole multiples of ``scale``.

    Args:
        path: the file.
        scale: enlargement.
        shape: (H, W, C) that it must have; None for any.

    Raises:
        ValueError: it cannot be read, has another shape, or is smaller than one multiple.
    """
    limit = MAX_PIXELS
    if shape:
        # As large as a result may be, and what is cut off.
        limit = max(limit, (shape[0] + scale) * (shape[1] + scale))
    pixels = read(path, max_pixels=limit).pixels
    height, width = (side // scale * scale for side in pixels.shape[:2])
    if not height or not width:
        raise ValueError(
            f"{path}: a ground truth has at least {scale} pixels a side for x{scale}, got "
            f"{_size(pixels.shape)}"
        )
    pixels = pixels[:height, :width]
    if shape and pixels.shape != shape:
        raise ValueError(
            f"the ground truth has the size of the result, {_size(shape)}; got {path} with "
            f"{_size(pixels.shape)}"
        )
    return pixels


def _shared_folders(one: Path, other: Path) -> int:
    pairs = zip(reversed(one.parent.parts), reversed(other.parent.parts), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]} {'grey' if shape[2] == 1 else 'RGB'}"
