"""The integers that files hold: ``(H, W, C)``, uint8 or uint16.

``C`` is 1 for grey, 2 for grey and alpha, 3 for RGB, 4 for RGB and alpha.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from swinir.images.alpha import on_white
from swinir.images.picture import UnreadableImage

Samples = NDArray[np.uint8 | np.uint16]

BAND = 1 << 18
"""Samples converted at a time, so that a large picture needs no second copy in floats."""

ARRAY_MODES = ("L", "LA", "RGB", "RGBA")
CONVERSIONS = {"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB"}


def from_pillow(image: Image.Image) -> Samples:
    """Decode what Pillow holds exactly: 8 bits a sample.

    CMYK becomes RGB, through its own colour profile where it has a sound one.

    Raises:
        UnreadableImage: a kind of picture that is neither grey nor colour of 8 bits.
    """
    mode = image.mode
    if mode == "P":
        # Transparency stands in the palette here, and has to be asked for.
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif mode == "CMYK":
        image = _from_cmyk(image)
    elif mode in CONVERSIONS:
        image = image.convert(CONVERSIONS[mode])
    if image.mode not in ARRAY_MODES:
        raise UnreadableImage(f"its colours must be grey, RGB or CMYK, got {mode}; convert it")
    samples = np.asarray(image)
    return samples if samples.ndim == 3 else samples[..., None]


def _from_cmyk(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def with_key(samples: Samples, key: tuple[int, ...]) -> Samples:
    """Add the alpha that a single transparent colour stands for: ``(H, W, C) -> (H, W, C+1)``."""
    opaque = (samples != np.array(key, samples.dtype)).any(2, keepdims=True)
    return np.concatenate([samples, opaque * samples.dtype.type(np.iinfo(samples.dtype).max)], 2)


def orient(samples: Samples, orientation: int) -> Samples:
    """Turn and mirror as the EXIF tag Orientation (1 to 8) says; other values mean upright."""
    if orientation in (5, 6, 7, 8):
        samples = samples.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples


def to_floats(samples: Samples) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """``v / (2**depth - 1)``, colours and alpha apart; None where the file has no alpha."""
    colours = samples.shape[2] - 1 if samples.shape[2] in (2, 4) else samples.shape[2]
    top = np.iinfo(samples.dtype).max

    def scale(part: NDArray[Any]) -> NDArray[np.float32]:
        return np.divide(part, np.float32(top), dtype=np.float32, order="C")

    alpha = samples[..., colours] if colours < samples.shape[2] else None
    return scale(samples[..., :colours]), None if alpha is None else scale(alpha)


def to_samples(
    pixels: NDArray[np.float32],
    alpha: NDArray[np.float32] | None,
    depth: int,
    *,
    flat: bool = False,
) -> Samples:
    """Round to the nearest of ``2**depth`` levels, halves up, what is outside [0, 1] clipped.

    ``flat`` lays the colours on white instead of keeping alpha.

    Raises:
        ValueError: a pixel that is not a number.
    """
    height, width, colours = pixels.shape
    dtype = np.uint8 if depth == 8 else np.uint16
    top = np.float32(np.iinfo(dtype).max)
    has_alpha = alpha is not None and not flat
    samples = np.empty((height, width, colours + has_alpha), dtype)
    rows = max(1, BAND // (width * colours))
    for row in range(0, height, rows):
        band = slice(row, row + rows)
        part = pixels[band] if alpha is None or has_alpha else on_white(pixels[band], alpha[band])
        samples[band, :, :colours] = _round(part, top)
        if alpha is not None and has_alpha:
            samples[band, :, colours] = _round(alpha[band], top)
    return samples


def _round(values: NDArray[np.float32], top: np.float32) -> NDArray[np.float32]:
    scaled = np.clip(values, 0, 1) * top + np.float32(0.5)
    if np.isnan(scaled).any():
        raise ValueError("pixels are numbers in [0, 1], got NaN; restore in fp32")
    return np.floor(scaled)
