"""The curve of a run has its ink where the run was."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from swinir.training import curve
from swinir.training.curve import BINS, draw_curve, running_median, thinned
from swinir.training.journal import COLUMNS

Mask = NDArray[np.bool_]
STEPS = 400
FALLING = tuple(np.geomspace(0.9, 0.02, STEPS).tolist())


def write_run(
    folder: Path,
    losses: Sequence[float] = FALLING,
    norms: Sequence[float] | None = None,
    scores: Sequence[tuple[int, float]] = (),
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    norms = norms or [1 + step % 7 for step in range(len(losses))]
    rows = [
        f"{step},{loss!r},{1e-3 / (1 + step // 100)!r},{norm!r}"
        for step, (loss, norm) in enumerate(zip(losses, norms, strict=True), 1)
    ]
    (folder / "losses.csv").write_text("\n".join([COLUMNS, *rows, ""]))
    if scores:
        lines = "".join(f"{iteration},{psnr!r}\n" for iteration, psnr in scores)
        (folder / "scores.csv").write_text(f"iteration,psnr\n{lines}")
    return folder


def drawn(folder: Path, title: str = "tiny") -> NDArray[np.uint8]:
    draw_curve(folder, folder / "curve.png", title)
    picture = np.asarray(Image.open(folder / "curve.png").convert("RGB"))
    assert picture.shape == (900, 1200, 3)
    return picture


def ink(picture: NDArray[np.uint8], colour: str) -> Mask:
    """Where the picture has a colour, below the legend of the first panel."""
    wanted = np.array(to_rgb(colour)) * 255
    mask = (np.abs(picture - wanted) < 12).all(2)
    mask[:60] = False
    return mask


def height(mask: Mask, part: slice) -> float:
    """Mean row of ink in a part of the columns that have any, from the left, in hundredths."""
    columns = np.flatnonzero(mask.any(0))
    first, wide = columns[0], columns[-1] - columns[0] + 1
    span = slice(first + wide * part.start // 100, first + wide * part.stop // 100)
    return float(np.nonzero(mask[:, span])[0].mean())


def test_the_line_falls_where_the_loss_does(tmp_path: Path) -> None:
    falling = ink(drawn(write_run(tmp_path / "down")), curve.LOSS)[:450]
    rising = ink(drawn(write_run(tmp_path / "up", FALLING[::-1])), curve.LOSS)[:450]
    first, last = slice(0, 10), slice(90, 100)
    assert height(falling, last) - height(falling, first) > 200
    assert height(rising, first) - height(rising, last) > 200


def test_another_loss_changes_its_panel_alone(tmp_path: Path) -> None:
    scores = [(100, 30.0), (400, 31.0)]
    one = drawn(write_run(tmp_path / "one", scores=scores))
    other = drawn(write_run(tmp_path / "other", FALLING[::-1], scores=scores))
    rows = np.flatnonzero((one != other).any((1, 2)))
    assert len(rows) > 100
    assert rows.min() > 60
    assert rows.max() < 400


def test_the_norm_is_drawn_in_decades(tmp_path: Path) -> None:
    norms = [*[1000.0] * 130, *[1.0] * 140, *[0.001] * 130]
    mask = ink(drawn(write_run(tmp_path, norms=norms)), curve.NORM)
    heights = [height(mask, slice(at, at + 20)) for at in (5, 40, 75)]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=4)
    assert heights[1] - heights[0] > 50


def test_the_best_score_is_marked_where_it_was_made(tmp_path: Path) -> None:
    scores = [(100, 30.0), (200, 33.0), (300, 31.0), (400, 32.0)]
    picture = drawn(write_run(tmp_path, scores=scores))
    panel = slice(660, 850)
    star = np.nonzero(ink(picture, curve.BEST)[panel])
    line = np.flatnonzero(ink(picture, curve.SCORE)[panel].any(0))
    first, last = line.min(), line.max()
    assert star[1].mean() == pytest.approx(first + (last - first) / 3, abs=6)
    assert star[0].mean() == pytest.approx(10, abs=12)


def test_a_run_without_validation_has_no_panel_of_it(tmp_path: Path) -> None:
    picture = drawn(write_run(tmp_path))
    assert not ink(picture, curve.SCORE).any()
    assert not ink(picture, curve.BEST).any()


def test_a_single_step_is_seen(tmp_path: Path) -> None:
    picture = drawn(write_run(tmp_path, [0.5]))
    for colour in (curve.LOSS, curve.NORM):
        columns = np.flatnonzero(ink(picture, colour)[:, 600:].any(0))
        assert len(columns) > 2


def test_what_is_not_finite_leaves_a_gap_and_a_mark(tmp_path: Path) -> None:
    losses = [*FALLING[:100], *[float("nan")] * 200, *FALLING[300:]]
    norms = [*[2.0] * 100, *[float("inf")] * 200, *[2.0] * 100]
    whole, broken = (
        drawn(write_run(tmp_path / "a")),
        drawn(write_run(tmp_path / "b", losses, norms)),
    )
    columns = slice(400, 750)
    assert ink(whole, curve.LOSS)[:, columns].any(0).mean() > 0.9
    assert not ink(broken, curve.LOSS)[60:480, columns].any()
    assert not ink(broken, curve.NORM)[560:, columns].any()
    assert ink(broken, curve.BEST)[560:, columns].any(0).mean() > 0.5
    assert not ink(broken, curve.BEST)[560:, 100:300].any()


@pytest.mark.parametrize("value", [float("nan"), 0.0, -1.0, 1e30])
def test_odd_losses_are_drawn_all_the_same(tmp_path: Path, value: float) -> None:
    drawn(write_run(tmp_path, [value] * 20, [abs(value)] * 20, [(20, value)]))


def test_a_spike_of_one_step_among_many_is_seen(tmp_path: Path) -> None:
    losses = np.full(5000, 0.1)
    losses[2500] = 10.0
    picture = drawn(write_run(tmp_path, losses.tolist()))
    inside = picture[120:270, 110:1080].astype(int)
    # The light line is bluish, and in the upper half there is nothing else but grey.
    columns = np.flatnonzero((inside[..., 2] - inside[..., 0] > 15).any(0)) + 110
    assert len(columns)
    assert columns.min() > 560
    assert columns.max() < 640


def test_spans_hold_least_median_and_greatest_of_their_steps() -> None:
    rng = np.random.default_rng(0)
    iterations = np.arange(1, 2401, dtype=np.float64)
    values = rng.standard_normal(2400)
    values[rng.random(2400) < 0.1] = np.nan
    values[900:903] = np.nan
    spans = thinned(iterations, values)
    groups = values.reshape(BINS, 3)
    assert np.isnan(spans.median[300])
    for got, row in zip(
        zip(spans.least, spans.median, spans.greatest, strict=True), groups, strict=True
    ):
        finite = row[np.isfinite(row)]
        if len(finite):
            assert got == (finite.min(), np.median(finite), finite.max())
        else:
            assert np.isnan(got).all()
    np.testing.assert_allclose(spans.at, iterations.reshape(BINS, 3).mean(1))


def test_a_long_run_is_drawn_from_as_few_spans_as_a_short_one() -> None:
    iterations = np.arange(1, 300_001, dtype=np.float64)
    assert len(thinned(iterations, iterations).at) == BINS


def test_the_running_median_follows_a_steep_beginning_and_ignores_a_spike() -> None:
    values = np.geomspace(1, 0.01, 500)
    values[250] = 99
    medians = running_median(values)
    assert medians[0] == values[0]
    assert medians[5] == values[5]
    assert medians[250] < 1
    values[100] = np.nan
    assert np.isnan(running_median(values)[100])


def test_damaged_rows_are_passed_over(tmp_path: Path) -> None:
    whole = drawn(write_run(tmp_path))
    path = tmp_path / "losses.csv"
    rows = path.read_bytes().split(b"\n")
    rows[7:7] = [b"\0" * 20, b"x,1,1,1", b"nan,1,1,1", b"7,9.0", b"\xff\xfe"]
    path.write_bytes(b"\n".join(rows) + b"401,0.")
    np.testing.assert_array_equal(drawn(tmp_path), whole)


def test_a_title_is_written_as_it_is(tmp_path: Path) -> None:
    write_run(tmp_path, [0.5, 0.4])
    plain, formula = drawn(tmp_path, "a$b$"), drawn(tmp_path, r"$\frac{$ 100%")
    assert (plain[:30] != formula[:30]).any()


def test_a_run_without_a_step_is_refused_and_nothing_written(tmp_path: Path) -> None:
    for content in (None, "", COLUMNS + "\n"):
        if content is not None:
            (tmp_path / "losses.csv").write_text(content)
        with pytest.raises(ValueError, match=r"losses\.csv: a curve is drawn of one step or more"):
            draw_curve(tmp_path, tmp_path / "curve.png", "none")
    assert [path.name for path in tmp_path.iterdir()] == ["losses.csv"]


def test_a_disk_that_refuses_leaves_the_picture_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_figure: Figure, path: Path, **_options: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    write_run(tmp_path, [0.5])
    (tmp_path / "curve.png").write_bytes(b"before")
    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="No space"):
        draw_curve(tmp_path, tmp_path / "curve.png", "tiny")
    assert (tmp_path / "curve.png").read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 2
