"""What is wrong with a folder of photographs, before a day is spent on learning from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from swinir.images.files import UnreadableImage, find_images, read
from swinir.images.sheet import thumbnail

Hash = NDArray[np.bool_]

NEAR = 4
"""Bits of 64 in which the perceptual hashes of one photograph saved twice may differ."""

THUMBNAIL = 256
"""Side in pixels to which photographs are shrunk before they are hashed."""


@dataclass(slots=True)
class Findings:
    """What was found.

    Attributes:
        files: how many there are.
        unreadable: why a file cannot be read, one line each; those of the benchmarks too.
        small: files below the least side.
        duplicates: pairs of files that show the same.
        overlaps: files that show the same as one of a benchmark, which comes second.
        shapes: (H, W, C) of each file that can be read.
    """

    files: int = 0
    unreadable: list[str] = field(default_factory=list)
    small: list[Path] = field(default_factory=list)
    duplicates: list[tuple[Path, Path]] = field(default_factory=list)
    overlaps: list[tuple[Path, Path]] = field(default_factory=list)
    shapes: dict[Path, tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)

    def lines(self) -> list[str]:
        """Each finding in a line."""
        return [
            *(f"unreadable: {reason}" for reason in self.unreadable),
            *(f"too small: {path}" for path in self.small),
            *(f"the same picture: {one} and {other}" for one, other in self.duplicates),
            *(f"in a benchmark: {one} shows the same as {other}" for one, other in self.overlaps),
        ]


def check(
    folder: Path,
    *,
    smallest: int,
    benchmarks: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Findings:
    """Look at every photograph of a folder.

    Pictures show the same where their perceptual hashes (DCT, 64 bits) agree but for `NEAR` bits:
    other sizes and compressions of a photograph are found, crops and mirror images are not.

    Args:
        folder: photographs to learn from.
        smallest: least side in pixels that is of use.
        benchmarks: folders with pictures that must not be among them.
        progress: called with files done and in all.

    Raises:
        ValueError: a folder is not there.
    """
    for each in (folder, *benchmarks):
        if not each.is_dir():
            raise ValueError(f"{each}: a folder of photographs is needed, there is none")
    files = find_images(folder)
    held = [path for each in benchmarks for path in find_images(each)]
    found = Findings(files=len(files))
    hashes: dict[Path, Hash] = {}
    for done, path in enumerate([*files, *held], 1):
        try:
            pixels = read(path).pixels
            hashes[path], found.shapes[path] = _hash(pixels), pixels.shape
            if done <= len(files) and min(pixels.shape[:2]) < smallest:
                found.small.append(path)
        except UnreadableImage as error:
            found.unreadable.append(str(error))
        if progress:
            progress(done, len(files) + len(held))
    ours = [path for path in files if path in hashes]
    place = {path: number for number, path in enumerate(ours)}
    alike = _alike(ours, ours, hashes)
    found.duplicates = [(one, other) for one, other in alike if place[one] < place[other]]
    found.overlaps = _alike(ours, [path for path in held if path in hashes], hashes)
    return found


def _hash(pixels: NDArray[np.float32]) -> Hash:
    levels = np.round(thumbnail(pixels, THUMBNAIL) * 255).astype(np.uint8)
    return np.asarray(imagehash.phash(Image.fromarray(levels)).hash, np.bool_).ravel()


def _alike(
    ones: Sequence[Path], others: Sequence[Path], hashes: dict[Path, Hash]
) -> list[tuple[Path, Path]]:
    if not ones or not others:
        return []
    table = np.stack([hashes[path] for path in others])
    pairs: list[tuple[Path, Path]] = []
    for one in ones:
        near = (table != hashes[one]).sum(1) <= NEAR
        pairs += [(one, other) for other, alike in zip(others, near, strict=True) if alike]
    return pairs
