"""Pictures to be looked at in a browser: 8 bits, PNG, at a chosen size."""

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from swinir.images.picture import Picture
from swinir.images.samples import to_samples
from swinir.writing import replacing


def write_preview(path: Path, picture: Picture, width: int, height: int) -> None:
    """Write ``picture`` at ``width x height`` pixels, resized by bicubic where it differs.

    Colours keep their profile, transparency stays.
    """
    image = _resized(picture, width, height)
    with replacing(path) as unfinished:
        _save(image, unfinished, picture)


def small_preview(picture: Picture, side: int) -> bytes:
    """A PNG as by `write_preview` whose longer side is at most ``side`` pixels."""
    height, width = picture.pixels.shape[:2]
    shrink = min(1.0, side / max(height, width))
    into = io.BytesIO()
    image = _resized(picture, max(1, round(width * shrink)), max(1, round(height * shrink)))
    _save(image, into, picture)
    return into.getvalue()


def _resized(picture: Picture, width: int, height: int) -> Image.Image:
    samples = to_samples(picture.pixels, picture.alpha, 8)
    image = Image.fromarray(
        np.ascontiguousarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    )
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _save(image: Image.Image, into: Path | BinaryIO, picture: Picture) -> None:
    # Little effort: these are many bytes that are looked at once.
    image.save(into, "PNG", compress_level=1, icc_profile=picture.metadata.icc)
