"""Error maps, and the sheet of one image."""

import numpy as np

from swinir.evaluation.benchmark import Showing
from swinir.evaluation.sheets import CROP, FULL_SCALE, ZOOM, comparison, error_map


def test_no_error_is_black_and_a_large_one_white() -> None:
    truth = np.full((2, 3, 3), 0.5, np.float32)
    restored = truth.copy()
    restored[0, 0] += FULL_SCALE / 255
    restored[0, 1] -= FULL_SCALE / 2 / 255
    colours = error_map(restored, truth)
    assert colours.shape == (2, 3, 3)
    np.testing.assert_allclose(colours[0, 0], [1, 1, 0.9], atol=1e-5)
    assert (colours[1] == 0).all()
    assert 0 < colours[0, 1].mean() < colours[0, 0].mean()


def test_the_error_of_a_grey_image_is_mapped_alike() -> None:
    truth = np.zeros((2, 2, 1), np.float32)
    assert (error_map(truth + 1, truth) == error_map(truth + 0.5, truth)).all()


def test_all_panels_show_the_same_place() -> None:
    truth = np.full((400, 300, 3), 0.5, np.float32)
    # The only detail, so where the crop is; on whole pixels of the small image.
    truth[200:216:2, 100:116] = 0.1
    showing = Showing(
        name="a",
        degraded=truth[::4, ::4].copy(),
        truth=truth,
        restored={"bicubic": truth, "x4": truth},
        scores={"bicubic": {"psnr_y": 20.0}, "x4": {}},
    )
    sheet = comparison(showing, "psnr_y")
    side = CROP * ZOOM
    first = [sheet[38 : 38 + side, 12 + at * (side + 12) :][:, :side] for at in range(4)]
    np.testing.assert_array_equal(first[1], first[3])
    np.testing.assert_array_equal(first[2], first[3])
    assert first[3].min() < 0.2
    assert sheet.shape[1] == 12 + 4 * (side + 12)
    second = sheet[38 + side + 12 + 26 :][:side, 12 + side + 12 :][:, :side]
    assert (second == 0).all()
