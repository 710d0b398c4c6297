"""A first look at an upload: is it a picture, and what may be wrong with it."""

from dataclasses import dataclass
from pathlib import Path

from swinir.images.files import read
from swinir.images.jpeg import quality_of
from swinir.images.preview import small_preview
from swinir.metrics.noise import noise_level

LOOKED_AT = 1024
"""Side in pixels of the middle of a picture whose noise is judged."""

GRAINY = 8.0
"""Noise in steps of 1/255 from which on it is worth a word; less may be fine texture."""

UNSHOWN = "TIFF"
"""The format that browsers do not show."""

SHOWN = 400
"""Side in pixels of what is shown in its place."""

BLOCKY = 75
"""JPEG quality below which artifacts can be seen."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture says of itself.

    Attributes:
        text: a line for the page.
        grey: it has no colours.
        noise: standard deviation in steps of 1/255, as estimated.
        quality: of the JPEG that the file is; None for another.
        preview: a PNG where browsers do not show the file itself; else empty.
    """

    text: str
    grey: bool
    noise: float
    quality: int | None
    preview: bytes = b""

    def level(self, problem: str) -> int | None:
        """The level to begin with for a problem; None where the picture says nothing."""
        if problem == "noise":
            return round(self.noise)
        return self.quality if problem == "jpeg" else None

    def advice(self, problem: str) -> str:
        """How the level came about."""
        if problem == "noise":
            return f"Estimated from this picture: sigma {self.noise:.0f}. Fine texture adds to it."
        if problem != "jpeg":
            return ""
        if self.quality is None:
            return "This file is no JPEG and does not tell; move the slider to what it looks like."
        return f"Read from this file's tables: quality {self.quality}."


def look(path: Path, max_pixels: int) -> Look:
    """Look at an uploaded file.

    Raises:
        UnreadableImage: it is no picture, or larger than ``max_pixels``.
    """
    picture = read(path, max_pixels=max_pixels)
    height, width, channels = picture.pixels.shape
    top, left = max(0, height - LOOKED_AT) // 2, max(0, width - LOOKED_AT) // 2
    noise = noise_level(picture.pixels[top : top + LOOKED_AT, left : left + LOOKED_AT])
    quality = quality_of(path)
    parts = [
        f"{width} x {height} pixels",
        f"{picture.format}{f' of quality {quality}' if quality else ''}",
        f"{'grey' if channels == 1 else 'colour'}, {picture.depth} bits",
    ]
    parts += ["with transparency"] if picture.alpha is not None else []
    parts += ["with a colour profile"] if picture.metadata.icc else []
    hints = [f"noise of about sigma {noise:.0f}"] if noise >= GRAINY else []
    hints += ["JPEG artifacts"] if quality is not None and quality < BLOCKY else []
    told = ", ".join(parts)
    told += f". It may have {' and '.join(hints)}." if hints else "."
    preview = small_preview(picture, SHOWN) if picture.format == UNSHOWN else b""
    return Look(told, channels == 1, noise, quality, preview)
