"""Comparison sheets of a benchmark: one per image, with a zoomed crop and error maps."""

import numpy as np

from swinir.evaluation.benchmark import Showing
from swinir.evaluation.rendering import number
from swinir.images.sheet import BACKGROUND, Panel, busiest_corner, compose, outlined, thumbnail
from swinir.images.tensors import Image

CROP, ZOOM = 128, 2
"""Side of the crop in pixels of the truth, and how much larger it is shown."""

FULL_SCALE = 32
"""Error in levels of 255 that an error map shows white."""

_RAMP = np.array(
    [[0, 0, 0], [0.30, 0.05, 0.42], [0.80, 0.22, 0.30], [0.98, 0.60, 0.10], [1, 1, 0.90]]
)


def error_map(restored: Image, truth: Image) -> Image:
    """Mean absolute error of the channels as colour: ``(H, W, C)`` twice ``-> (H, W, 3)``.

    Black is none, through violet, red and yellow to white at `FULL_SCALE` levels and above.
    """
    error = np.abs(np.clip(restored, 0, 1) - truth).mean(2) * 255 / FULL_SCALE
    stops = np.linspace(0, 1, len(_RAMP))
    colours = [np.interp(error, stops, _RAMP[:, channel]) for channel in range(3)]
    return np.stack(colours, 2).astype(np.float32)


def comparison(showing: Showing, headline: str) -> Image:
    """A sheet ``(H, W, 3)`` in [0, 1]: crops in the first row, error maps of them in the second.

    The crop is where the truth has most detail; the second row begins with the whole picture and
    the crop's place in it. Captions have the figure called ``headline``.
    """
    truth = showing.truth
    scale = max(1, truth.shape[0] // showing.degraded.shape[0])
    row, column = (at // scale * scale for at in busiest_corner(truth, CROP))

    def cut(image: Image) -> Image:
        crop = np.clip(image[row : row + CROP, column : column + CROP], 0, 1)
        return crop.repeat(ZOOM, 0).repeat(ZOOM, 1)

    small = showing.degraded.repeat(scale, 0).repeat(scale, 1)
    crops = [Panel(f"{showing.name}: input", cut(small))]
    whole = thumbnail(outlined(truth, (row, column), CROP), crops[0].pixels.shape[1])
    # As wide as a crop, so that each error map stands below its own.
    missing = crops[0].pixels.shape[1] - whole.shape[1]
    whole = np.pad(whole, ((0, 0), (0, missing), (0, 0)), constant_values=BACKGROUND[0] / 255)
    errors = [Panel("whole picture", whole)]
    for label, restored in showing.restored.items():
        figure = number(headline, showing.scores[label].get(headline))
        crops.append(Panel(f"{label} {figure}", cut(restored)))
        errors.append(Panel(f"error, white: {FULL_SCALE}", cut(error_map(restored, truth))))
    crops.append(Panel("truth", cut(truth)))
    return compose([crops, errors])
