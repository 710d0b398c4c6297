"""Pictures to be looked at in a browser: 8 bits, PNG, at a chosen size."""

from pathlib import Path

import numpy as np
from PIL import Image

from swinir.images.picture import Picture
from swinir.images.samples import to_samples
from swinir.writing import replacing


def write_preview(path: Path, picture: Picture, width: int, height: int) -> None:
    """Write ``picture`` at ``width x height`` pixels, resized by bicubic where it differs.

    Colours keep their profile, transparency stays.
    """
    samples = to_samples(picture.pixels, picture.alpha, 8)
    image = Image.fromarray(
        np.ascontiguousarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    )
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    with replacing(path) as unfinished:
        # Little effort: these are many bytes that are looked at once.
        image.save(unfinished, "PNG", compress_level=1, icc_profile=picture.metadata.icc)
