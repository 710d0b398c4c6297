"""Comparison sheets: crops side by side with a caption, to look at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from swinir.images.resize import resize

MARGIN = 12
CAPTION = 26
BACKGROUND, INK, MARK = (250, 250, 250), (30, 30, 30), (230, 40, 40)


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture with a caption: ``pixels`` (H, W, 3) or (H, W, 1) in [0, 1]."""

    caption: str
    pixels: NDArray[np.float32]


def busiest_corner(image: NDArray[np.float32], side: int) -> tuple[int, int]:
    """Top left corner of the square crop with the most detail, in pixels: (row, column).

    Detail is the summed gradient of the mean colour; a crop that does not fit starts at 0.
    """
    grey = image.mean(2)
    gradient = np.abs(np.diff(grey, axis=0, append=grey[-1:]))
    gradient += np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    summed = np.pad(gradient, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    high, wide = min(side, grey.shape[0]), min(side, grey.shape[1])
    boxes = summed[high:, wide:] - summed[:-high, wide:] - summed[high:, :-wide]
    boxes = boxes + summed[:-high, :-wide]
    row, column = np.unravel_index(int(boxes.argmax()), boxes.shape)
    return int(row), int(column)


def before_and_after(
    name: str, before: NDArray[np.float32], after: NDArray[np.float32], *, side: int = 96
) -> list[Panel]:
    """The busiest crop of a picture: as it was, enlarged by bicubic if need be, and restored.

    ``before`` is (H, W, C) and ``after`` (H*scale, W*scale, C), both in [0, 1].
    """
    scale = after.shape[0] // before.shape[0]
    row, column = busiest_corner(before, side)
    small = before[row : row + side, column : column + side]
    large = after[row * scale : (row + side) * scale, column * scale : (column + side) * scale]
    pixels = small.repeat(scale, 0).repeat(scale, 1)
    panels = [Panel(f"{name}: input", pixels)]
    if scale > 1:
        tensor = torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1)))[None]
        bicubic = resize(tensor, scale)[0].permute(1, 2, 0).clamp(0, 1).numpy()
        panels.append(Panel(f"bicubic x{scale}", bicubic))
    # A copy: a view of a crop would keep the whole picture in memory.
    return [*panels, Panel("restored", large.copy())]


def outlined(image: NDArray[np.float32], corner: tuple[int, int], side: int) -> NDArray[np.float32]:
    """A copy of an image with a square marked: ``(H, W, C) -> (H, W, 3)``, both in [0, 1].

    ``corner`` is the square's (row, column); what leaves the image is cut off.
    """
    copy = _drawable(image)
    row, column = corner
    line = max(2, max(image.shape[:2]) // 150)
    box = (column, row, column + side - 1, row + side - 1)
    ImageDraw.Draw(copy).rectangle(box, outline=MARK, width=line)
    return _as_array(copy)


def thumbnail(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """An image shrunk to ``side`` pixels on the longer side, to be looked at: ``(h, w, 3)``."""
    small = _drawable(image)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _as_array(small)


def _drawable(image: NDArray[np.float32]) -> Image.Image:
    levels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3))))


def _as_array(image: Image.Image) -> NDArray[np.float32]:
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def compose(rows: Sequence[Sequence[Panel]]) -> NDArray[np.float32]:
    """Lay panels out in rows on a light ground: ``(H, W, 3)`` in [0, 1].

    Raises:
        ValueError: there is no panel.
    """
    rows = [row for row in rows if row]
    if not rows:
        raise ValueError("a sheet needs at least one panel, got none")
    heights = [max(panel.pixels.shape[0] for panel in row) for row in rows]
    widths = [sum(panel.pixels.shape[1] + MARGIN for panel in row) for row in rows]
    size = (MARGIN + max(widths), MARGIN + sum(height + CAPTION + MARGIN for height in heights))
    sheet = Image.new("RGB", size, BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    top = MARGIN
    for row, height in zip(rows, heights, strict=True):
        left = MARGIN
        for panel in row:
            pixels = _drawable(panel.pixels)
            sheet.paste(pixels, (left, top + CAPTION))
            draw.text((left, top + 4), _fitted(panel.caption, font, pixels.width), INK, font=font)
            left += pixels.width + MARGIN
        top += height + CAPTION + MARGIN
    return _as_array(sheet)


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text and text + "…"
