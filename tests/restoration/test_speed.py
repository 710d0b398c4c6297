import pytest

from swinir.restoration.speed import Speed
from swinir.tiling import plan

SIDES = range(32, 385, 8)


def best(speed: Speed, height: int, width: int, overlap: int = 32) -> int:
    return speed.best_side(height, width, SIDES, overlap=overlap, step=8)


def test_a_tile_takes_what_was_measured_and_between_the_rate_between() -> None:
    speed = Speed(seconds={64: 1.0, 128: 8.0})
    assert speed.of(64 * 64) == pytest.approx(1)
    assert speed.of(128 * 128) == pytest.approx(8)
    assert 1.0 < speed.of(90 * 90) / (90 * 90 / 64**2) < 2.0
    # Beyond, as the nearest.
    assert speed.of(256 * 256) == pytest.approx(32)
    assert speed.of(32 * 32) == pytest.approx(0.25)


def test_a_picture_that_fits_is_one_tile_where_nothing_is_known() -> None:
    assert best(Speed(), 300, 200) >= 300
    assert len(plan(300, 200, tile=best(Speed(), 300, 200), overlap=32, step=8)) == 1


def test_large_tiles_are_chosen_for_large_pictures_because_less_is_done_twice() -> None:
    assert best(Speed(), 4000, 6000) > 320


def test_small_tiles_are_chosen_where_large_ones_were_measured_to_be_slow() -> None:
    # Eight times the pixels for sixteen times the seconds beyond 128: more than overlaps cost.
    speed = Speed(seconds={64: 1.0, 128: 4.0, 256: 40.0, 512: 400.0})
    assert best(speed, 4000, 6000) <= 160


def test_no_side_takes_less_than_the_chosen_one() -> None:
    speed = Speed(2, {64: 1.0, 128: 3.5, 256: 15.0})
    chosen = best(speed, 700, 1000)

    def seconds(side: int) -> float:
        return speed.expected(plan(700, 1000, tile=side, overlap=32, step=8))

    assert seconds(chosen) <= 1.02 * min(map(seconds, SIDES))


def test_a_lane_without_a_tile_is_time_lost() -> None:
    tiles = plan(64, 192, tile=64, overlap=0, step=8)
    assert len(tiles) == 3
    assert Speed(1, {64: 1.0}).expected(tiles) == pytest.approx(3)
    assert Speed(2, {64: 1.0}).expected(tiles) == pytest.approx(4)
    # Tiles that are fewer have all cores among them.
    assert Speed(4, {64: 1.0}).expected(tiles) == pytest.approx(3)
