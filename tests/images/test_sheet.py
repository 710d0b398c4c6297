"""Comparison sheets."""

import numpy as np
import pytest
from PIL import ImageFont

from swinir.images.sheet import (
    BACKGROUND,
    CAPTION,
    INK,
    MARGIN,
    Panel,
    before_and_after,
    busiest_corner,
    compose,
    outlined,
    thumbnail,
)

GROUND = np.array(BACKGROUND) / 255


def plain(value: float, height: int = 40, width: int = 150, channels: int = 3) -> np.ndarray:
    return np.full((height, width, channels), value, np.float32)


def test_panels_stand_side_by_side_under_their_captions() -> None:
    red = plain(0.0) + np.array([1, 0, 0], np.float32)
    sheet = compose([[Panel("red", red), Panel("black", plain(0.0, 30, 120))], [Panel("b", red)]])
    assert sheet.shape == (MARGIN + 2 * (CAPTION + 40 + MARGIN), 3 * MARGIN + 150 + 120, 3)
    top, left = MARGIN + CAPTION, MARGIN
    assert np.array_equal(sheet[top : top + 40, left : left + 150], red)
    left += 150 + MARGIN
    assert not sheet[top : top + 30, left : left + 120].any()
    # Below the shorter panel, right of the shorter row and along the border is ground.
    np.testing.assert_allclose(
        sheet[top + 30 : top + 40, left:], np.broadcast_to(GROUND, (10, 132, 3))
    )
    second = top + 40 + MARGIN + CAPTION
    assert np.array_equal(sheet[second : second + 40, MARGIN : MARGIN + 150], red)
    np.testing.assert_allclose(
        sheet[second:, left:], np.broadcast_to(GROUND, sheet[second:, left:].shape)
    )


def written(sheet: np.ndarray, left: int, width: int) -> np.ndarray:
    """Which pixels of a caption have ink."""
    caption = sheet[MARGIN : MARGIN + CAPTION, left : left + width]
    return (caption < GROUND - 0.2).any(2)


def test_a_caption_is_written_over_its_panel() -> None:
    sheet = compose([[Panel("input", plain(1.0)), Panel("", plain(1.0))]])
    ink = written(sheet, MARGIN, 150)
    assert ink.any()
    assert sheet.min() == pytest.approx(INK[0] / 255, abs=0.05)
    assert not written(sheet, 2 * MARGIN + 150, 150).any()


@pytest.mark.parametrize("width", [60, 20, 4, 1])
def test_a_caption_that_is_too_long_is_cut_to_its_panel(width: int) -> None:
    panel = Panel("a very long name of a photograph.png", plain(1.0, 40, width))
    sheet = compose([[panel, Panel("", plain(1.0))]])
    assert written(sheet, MARGIN, width).any() == (width > 10)
    assert not written(sheet, MARGIN + width, sheet.shape[1] - MARGIN - width).any()


def test_a_caption_cut_short_ends_in_an_ellipsis_and_one_that_fits_does_not() -> None:
    font = ImageFont.load_default(15)
    fitting = int(font.getlength("abcdef")) + 1
    whole = compose([[Panel("abcdef", plain(1.0, 4, fitting))]])
    wide = compose([[Panel("abcdef", plain(1.0, 4, 150))]])
    captions = np.s_[: MARGIN + CAPTION, : MARGIN + fitting]
    assert np.array_equal(whole[captions], wide[captions])
    room = int(font.getlength("ab…")) + 1
    cut = compose([[Panel("abcdefghij", plain(1.0, 4, room))]])
    assert np.array_equal(cut, compose([[Panel("ab…", plain(1.0, 4, room))]]))


def test_a_name_of_several_lines_stays_above_its_picture() -> None:
    sheet = compose([[Panel("a\nb\nc", plain(1.0))]])
    assert np.array_equal(sheet, compose([[Panel("a b c", plain(1.0))]]))
    assert (sheet[MARGIN + CAPTION :][:40, MARGIN : MARGIN + 150] == 1).all()


def test_names_beyond_latin_and_undecodable_ones_do_not_harm() -> None:
    assert compose([[Panel("写真 фото \udcff.png", plain(1.0))]]).shape[2] == 3


def test_values_beyond_the_range_are_clipped_and_grey_is_drawn_grey() -> None:
    sheet = compose([[Panel("", plain(1.5, 4, 4, 1)), Panel("", plain(-1.0, 4, 4, 1))]])
    top = MARGIN + CAPTION
    assert (sheet[top : top + 4, MARGIN : MARGIN + 4] == 1).all()
    assert (sheet[top : top + 4, 2 * MARGIN + 4 : 2 * MARGIN + 8] == 0).all()


def test_a_sheet_of_nothing_is_refused_and_an_empty_row_takes_no_room() -> None:
    for rows in ([], [[]]):
        with pytest.raises(ValueError, match="at least one panel"):
            compose(rows)
    panel = Panel("a", plain(0.5))
    assert np.array_equal(compose([[], [panel], []]), compose([[panel]]))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_busiest_corner_is_where_the_detail_is(channels: int) -> None:
    image = plain(0.5, 60, 80, channels)
    image[20:30, 50:60] = np.random.default_rng(0).random((10, 10, channels), np.float32)
    row, column = busiest_corner(image, 16)
    assert row <= 20
    assert column <= 50
    assert row + 16 >= 30
    assert column + 16 >= 60


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (9, 1), (5, 5), (3, 40)])
def test_a_crop_that_does_not_fit_starts_at_the_edge(height: int, width: int) -> None:
    image = np.random.default_rng(0).random((height, width, 3), np.float32)
    row, column = busiest_corner(image, 16)
    assert row == 0
    assert 0 <= column <= max(0, width - 16)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 7), (120, 150)])
def test_before_and_after_show_the_same_place_at_the_same_size(
    height: int, width: int, channels: int
) -> None:
    before = np.random.default_rng(0).random((height, width, channels), np.float32)
    after = before.repeat(4, 0).repeat(4, 1)
    shown, bicubic, restored = before_and_after("a.png", before, after)
    assert [shown.caption, bicubic.caption] == ["a.png: input", "bicubic x4"]
    side = (4 * min(height, 96), 4 * min(width, 96), channels)
    assert shown.pixels.shape == bicubic.pixels.shape == restored.pixels.shape == side
    assert np.array_equal(shown.pixels, restored.pixels)
    assert np.abs(bicubic.pixels - shown.pixels).mean() < 0.3
    assert compose([[shown, bicubic, restored]]).shape[2] == 3


def test_nothing_is_enlarged_where_the_size_stays() -> None:
    image = np.random.default_rng(0).random((20, 20, 3), np.float32)
    shown, restored = before_and_after("a.png", image, image)
    assert np.array_equal(shown.pixels, image)
    assert restored.caption == "restored"


def test_a_marked_square_leaves_the_image_itself_alone() -> None:
    image = np.zeros((40, 60, 1), np.float32)
    marked = outlined(image, (10, 20), 16)
    assert marked.shape == (40, 60, 3)
    assert (image == 0).all()
    rows, columns = np.nonzero(marked.any(2))
    assert (rows.min(), rows.max()) == (10, 25)
    assert (columns.min(), columns.max()) == (20, 35)


def test_a_thumbnail_keeps_proportions_and_never_enlarges() -> None:
    assert thumbnail(np.zeros((40, 60, 3), np.float32), 30).shape == (20, 30, 3)
    assert thumbnail(np.zeros((4, 6, 3), np.float32), 30).shape == (4, 6, 3)
