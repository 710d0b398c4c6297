"""What the README says of the page is true."""

import re
from pathlib import Path
from typing import Any

import pytest

from swinir.images.files import read
from tests.web.conftest import Site

ROOT = Path(__file__).parents[2]


def test_the_example_of_the_readme_runs(
    served: Site,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(from gradio_client .*?)```", text, re.DOTALL)
    assert example.count("http://127.0.0.1:7860") == 1
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names: dict[str, Any] = {}
    exec(example.replace("http://127.0.0.1:7860", served.url), names)
    names["client"].close()
    assert "2 of 2" in capsys.readouterr().out
    assert read(Path(names["result"])).pixels.shape == (400, 600, 3)
    assert Path(names["archive"]).suffix == ".zip"


def test_the_readme_and_make_know_the_page() -> None:
    assert "make web" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "$(BIN)/python app.py" in (ROOT / "Makefile").read_text(encoding="utf-8")
