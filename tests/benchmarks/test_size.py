import sys
from pathlib import Path

import pytest

from benchmarks import size
from benchmarks.size import Found, page


def test_a_picture_is_measured_and_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "page.md"
    words = ["size.py", "--sizes", "0.004", "0.008", "--output", str(target)]
    monkeypatch.setattr(sys, "argv", words)

    class Here:
        def get_context(self, _: str) -> "Here":
            return self

        def Pool(self, _: int) -> "Here":
            return self

        def __enter__(self) -> "Here":
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing to end."""

        def apply(self, function: object, words: tuple[object, ...]) -> Found:
            return function(*words)

    monkeypatch.setattr(size, "multiprocessing", Here())
    monkeypatch.setattr(size, "FIRST", (8, 8))
    assert size.main() == 0
    assert "wrote" in capsys.readouterr().out
    rows = [line for line in target.read_text("utf-8").splitlines() if line.startswith("| 0.0")]
    assert len(rows) == 2
    assert all(float(row.split("|")[2]) > 0 for row in rows)


def test_the_page_says_how_far_apart_rates_are() -> None:
    found = [Found(1_000_000, 10.0, 64, 50 << 20, 30 << 20), Found(2_000_000, 24.0, 64, 1, 2)]
    text = page(found, "color_dn_25", "make bench-size")
    assert "The rates are 20% apart." in text
    assert "| 1.00" in text and "10.0" in text
    # What is left beside the pictures.
    assert " 20 " in text
