"""Scores of restored images against the truth, by the papers' protocol."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from swinir.images.files import read
from swinir.metrics.psnr import psnr, psnr_y


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


def load_truth(
    source: Path, truths: Sequence[Path], scale: int, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """The ground truth of a degraded file, in [0, 1], cut to whole multiples of ``scale``.

    Args:
        source: the degraded file.
        truths: files among which to look, as by `find_truth`.
        scale: enlargement.
        shape: (H, W, C) of the restored image.

    Raises:
        ValueError: none for this file, or one that cannot be read or has another shape.
    """
    path = find_truth(source, truths, scale)
    pixels = read(path).pixels
    height, width = (side // scale * scale for side in pixels.shape[:2])
    pixels = pixels[:height, :width]
    if pixels.shape != shape:
        raise ValueError(
            f"the ground truth has the size of the result, {_size(shape)}; got {path} with "
            f"{_size(pixels.shape)}"
        )
    return pixels


def score(restored: NDArray[np.float32], truth: NDArray[np.float32], scale: int) -> float:
    """PSNR in dB as the papers' tables give it; infinite where the images are equal.

    Super-resolution: luma with ``scale`` pixels shaved. Scale 1: RGB, or grey, nothing shaved.

    Raises:
        ValueError: the shapes differ, or shaving leaves nothing.
    """
    if scale > 1 and truth.shape[-1] == 3:
        return psnr_y(restored, truth, border=scale)
    return psnr(restored, truth, border=scale if scale > 1 else 0)


def _shared_folders(one: Path, other: Path) -> int:
    pairs = zip(reversed(one.parent.parts), reversed(other.parent.parts), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]} {'grey' if shape[2] == 1 else 'RGB'}"
