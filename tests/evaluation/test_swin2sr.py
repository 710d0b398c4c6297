"""Swin2SR's published figures, from its published weights."""

from pathlib import Path

import pytest

from swinir.checkpoints import load_network
from swinir.evaluation.benchmark import Contender, run
from swinir.evaluation.method import as_published
from swinir.evaluation.papers import TABLES
from swinir.evaluation.sets import find_sets
from swinir.restoration import Restorer
from swinir.tasks import find_task


@pytest.mark.slow
@pytest.mark.parametrize("images", ["Set5", "Set14"])
def test_the_published_lightweight_weights_make_the_paper_s_figure(
    images: str, shared: Path
) -> None:
    path = shared / "weights" / "swin2sr_lightweight_x2.bin"
    if not path.is_file():
        pytest.skip("needs the published weights in ../shared/weights")
    task = find_task("light_sr_x2")
    (found,) = find_sets(shared / "images" / "bench" / images, 2)
    contender = Contender("swin2sr", Restorer(load_network(task, str(path))).restore)
    result = run([contender], found, as_published(task))
    assert not result.problems
    rows = TABLES["swin2sr_lightweight_sr"]
    (row,) = (row for row in rows if row.images == images)
    means = result.means("swin2sr")
    assert abs(means["psnr_y"] - row.figures["psnr_y"]) < 0.05
    assert abs(means["ssim_y"] - row.figures["ssim_y"]) < 0.001
