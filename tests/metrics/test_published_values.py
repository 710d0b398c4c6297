"""Figures of the public SwinIR test script (``util_calculate_psnr_ssim.py``), run on small images.

Only its numbers are stored. It takes luma in float32, ours is float64; nothing else differs.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from swinir.metrics.psnr import psnr, psnr_y
from swinir.metrics.psnrb import psnrb, psnrb_y
from swinir.metrics.ssim import ssim, ssim_y


@dataclass(frozen=True)
class Case:
    """Figures of one pair of images; PSNR-B without the border, and no luma of a grey one."""

    height: int
    width: int
    channels: int
    border: int
    psnr: float
    ssim: float
    psnrb: float
    psnr_y: float | None = None
    ssim_y: float | None = None


CASES = (
    Case(40, 56, 1, 0, 30.593571281, 0.947895396, 25.666688405),
    Case(40, 56, 1, 4, 30.497596282, 0.953920268, 25.666688405),
    Case(40, 56, 3, 0, 29.777172942, 0.942948033, 23.979118477, 34.946937561, 0.976935341),
    Case(40, 56, 3, 4, 29.746398700, 0.949367120, 23.979118477, 35.620468140, 0.982136986),
    Case(33, 47, 1, 0, 30.170547631, 0.946653609, 20.900859327),
    Case(33, 47, 3, 0, 31.049633214, 0.951877301, 21.103169740, 37.298187256, 0.978806847),
    Case(33, 47, 3, 4, 31.022819263, 0.953513115, 21.103169740, 37.586578369, 0.981899646),
    Case(12, 40, 3, 0, 30.973729115, 0.961993901, 24.079639579, 36.509403229, 0.971669184),
)


def pair(height: int, width: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """A ramp with noise, and the same with a level of its own in each block of 8x8: uint8."""
    random = np.random.RandomState(height * width + channels)
    row, column, channel = np.ogrid[:height, :width, :channels]
    truth = (4 * row + 3 * column + 50 * channel) % 200 + random.randint(
        0, 40, (height, width, channels)
    )
    step = random.randint(-12, 13, (height // 8 + 1, width // 8 + 1, channels))
    blocks = step.repeat(8, 0).repeat(8, 1)[:height, :width]
    noise = random.randint(-4, 5, (height, width, channels))
    return np.clip(truth + blocks + noise, 0, 255).astype(np.uint8), truth.astype(np.uint8)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_public_script_gives_the_same_figures(case: Case) -> None:
    restored, truth = (
        levels.astype(np.float32) / 255 for levels in pair(case.height, case.width, case.channels)
    )
    border = case.border
    assert psnr(restored, truth, border=border) == pytest.approx(case.psnr, abs=1e-8)
    assert ssim(restored, truth, border=border) == pytest.approx(case.ssim, abs=1e-8)
    assert psnrb(restored, truth) == pytest.approx(case.psnrb, abs=1e-8)
    if case.channels == 3:
        # Luma in float32 moves its figures by less than this.
        assert psnr_y(restored, truth, border=border) == pytest.approx(case.psnr_y, abs=1e-5)
        assert ssim_y(restored, truth, border=border) == pytest.approx(case.ssim_y, abs=1e-7)


@pytest.mark.parametrize(
    ("shape", "border", "colours", "luma"),
    [
        ((40, 56, 3), 0, 23.979118477, 30.866954803),
        ((40, 56, 3), 4, 24.900943364, 29.056253433),
        ((56, 72, 3), 8, 25.845180686, 31.092174530),
        ((56, 72, 1), 8, 23.773555895, None),
    ],
)
def test_psnrb_inside_a_border_and_of_the_luma_is_the_public_scripts(
    shape: tuple[int, int, int], border: int, colours: float, luma: float | None
) -> None:
    restored, truth = (levels.astype(np.float32) / 255 for levels in pair(*shape))
    assert psnrb(restored, truth, border=border) == pytest.approx(colours, abs=1e-8)
    if luma is not None:
        # Luma in float32 moves its figures by less than this.
        assert psnrb_y(restored, truth, border=border) == pytest.approx(luma, abs=1e-5)
