"""A picture as the package holds it, and the error for a file that holds none."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from swinir.images.metadata import Metadata


class UnreadableImage(ValueError):
    """A file that cannot be read as a picture; its text is one line for the user."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Pixels with all that travels with them from file to file.

    Attributes:
        pixels: ``(H, W, C)``, RGB or grey, in [0, 1].
        alpha: ``(H, W)`` in [0, 1], not multiplied into the colours; None where there is none.
        depth: bits a sample, 8 or 16.
        metadata: colour profile, EXIF, XMP, resolution, text.
        format: as read, by content: PNG, JPEG, WEBP, TIFF, BMP or GIF; empty if made in memory.
        frames: frames or pages in the file, of which this is the first.

    Raises:
        ValueError: arrays of another shape or kind.
    """

    pixels: NDArray[np.float32]
    alpha: NDArray[np.float32] | None = None
    depth: int = 8
    metadata: Metadata = field(default_factory=Metadata)
    format: str = ""
    frames: int = 1

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape:
            raise ValueError(f"pixels are (H, W, 1) or (H, W, 3) and not empty, got {shape}")
        if not np.issubdtype(self.pixels.dtype, np.floating):
            raise ValueError(f"pixels are floats in [0, 1], got {self.pixels.dtype}")
        if self.alpha is not None and self.alpha.shape != shape[:2]:
            raise ValueError(f"alpha has the pixels' size {shape[:2]}, got {self.alpha.shape}")
        if self.depth not in (8, 16):
            raise ValueError(f"depth is 8 or 16 bits a sample, got {self.depth}")
