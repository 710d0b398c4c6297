from pathlib import Path

import pytest

from swinir.checkpoints import load_file
from swinir.images.files import read
from swinir.metrics.psnr import psnr, psnr_y
from swinir.restoration import Restorer

WEIGHTS = Path(__file__).resolve().parents[2] / "pretrained" / "light_sr_x4.safetensors"


def score(restorer: Restorer, folder: Path) -> float:
    """Mean PSNR-Y of the pictures x4 in dB, of grey ones their PSNR."""
    scores: list[float] = []
    for path in sorted((folder / "HR").iterdir()):
        truth = read(path).pixels
        small = read(folder / "LRx4" / f"{path.stem}x4.png").pixels
        height, width = (side - side % 4 for side in truth.shape[:2])
        restored, truth = restorer.restore(small), truth[:height, :width]
        measure = psnr_y if truth.shape[2] == 3 else psnr
        scores.append(measure(restored, truth, border=4))
    return sum(scores) / len(scores)


@pytest.mark.slow
@pytest.mark.skipif(not WEIGHTS.exists(), reason="needs pretrained/light_sr_x4.safetensors")
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_tiles_cost_less_than_a_twentieth_of_a_decibel(shared: Path, name: str) -> None:
    network, _ = load_file(WEIGHTS)
    folder = shared / "images" / "bench" / name
    whole = score(Restorer(network, device="cpu", tile=0), folder)
    tiled = score(Restorer(network, device="cpu", tile=64), folder)
    assert abs(tiled - whole) < 0.05
