"""Results as tables."""

import csv
import io
import json
from math import inf

import pytest

from swinir.evaluation.benchmark import Entry, Result
from swinir.evaluation.papers import Row
from swinir.evaluation.rendering import (
    Table,
    as_csv,
    as_json,
    table_of_contenders,
    table_of_images,
    table_of_verdicts,
    verdicts_as_json,
)
from swinir.evaluation.reproduction import Trial, Verdict

RESULT = Result(
    "Set|5",
    ("bicubic", "x4"),
    (
        Entry("a", "bicubic", {"psnr": 20.0, "psnr_y": inf, "ssim": 0.5}, 0.0),
        Entry("a", "x4", {"psnr": 21.123456789, "psnr_y": 23.0, "ssim": 0.625}, 1.5),
        Entry("b", "bicubic", {"psnr": 22.0, "psnr_y": 24.0, "ssim": 0.7}, 0.0),
        Entry("b", "x4", {"psnr": 23.0, "psnr_y": 25.0, "ssim": 0.75}, 2.5),
    ),
    ("c.png: damaged",),
)
ROW = Row("classical_sr", "sr_x4", "SwinIR", "DF2K", "Set5", {"psnr_y": 24.5, "ssim_y": 0.7})


def test_columns_are_aligned_and_numbers_on_the_right() -> None:
    table = Table(("image", "PSNR"), (("a long name", "1.00"), ("b", "22.00")))
    assert table.text() == "image         PSNR\na long name   1.00\nb            22.00"


def test_markdown_is_not_broken_by_a_name() -> None:
    table = Table(("image", "PSNR"), (("a|b", "1"),))
    assert table.markdown() == "| image | PSNR |\n| --- | ---: |\n| a\\|b | 1 |"


def test_the_paper_stands_below_the_mean_with_the_difference() -> None:
    table = table_of_images(RESULT, "x4", ROW, None)
    assert table.header == ("image", "PSNR", "PSNR-Y", "SSIM", "seconds")
    assert table.rows == (
        ("a", "21.12", "23.00", "0.6250", "1.50"),
        ("b", "23.00", "25.00", "0.7500", "2.50"),
        ("mean", "22.06", "24.00", "0.6875", "2.00"),
        ("paper: SwinIR", "", "24.50", "", ""),
        ("difference", "", "-0.50", "", ""),
        ("bicubic, mean", "21.00", "inf", "0.6000", ""),
    )


def test_contenders_stand_side_by_side() -> None:
    table = table_of_contenders([RESULT])
    assert table.rows[1] == ("Set|5: x4", "2", "22.06", "24.00", "0.6875", "2.00")


def test_csv_has_all_digits() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([RESULT]))))
    assert [row["weights"] for row in rows] == ["bicubic", "x4", "bicubic", "x4"]
    assert float(rows[1]["psnr"]) == 21.123456789
    assert rows[0]["set"] == "Set|5"


def test_json_writes_infinity_as_text_and_keeps_the_problems() -> None:
    record = json.loads(as_json([RESULT], {"task": "sr_x4"}))
    (found,) = record["sets"]
    assert record["task"] == "sr_x4"
    assert found["images"][0]["psnr_y"] == "inf"
    assert found["means"]["x4"]["psnr_y"] == pytest.approx(24)
    assert found["problems"] == ["c.png: damaged"]


def test_verdicts_say_expected_got_and_state() -> None:
    failed = Verdict(ROW, RESULT, {"psnr_y": 24.0, "ssim_y": 0.7}, "off", (Trial("why", 1.0),))
    absent = Verdict(ROW, None, {}, "no weights")
    table = table_of_verdicts([failed, absent])
    assert table.rows == (
        ("SwinIR (DF2K) sr_x4 Set5", "PSNR-Y", "24.50", "24.00", "-0.50", "FAIL"),
        ("SwinIR (DF2K) sr_x4 Set5", "SSIM-Y", "0.7000", "0.7000", "+0.0000", "FAIL"),
        ("SwinIR (DF2K) sr_x4 Set5", "PSNR-Y", "24.50", "", "", "not done"),
        ("SwinIR (DF2K) sr_x4 Set5", "SSIM-Y", "0.7000", "", "", "not done"),
    )
    first, second = json.loads(verdicts_as_json([failed, absent]))
    assert first["passed"] is False
    assert first["tried"] == [{"departure": "why", "figure": 1.0}]
    assert second["passed"] is None
