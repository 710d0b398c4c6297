"""``test.py --export`` and ``--backend`` as a user meets them."""

import json
from pathlib import Path

import numpy as np
import pytest

from swinir.images.files import read
from swinir.restoration.backends import cache, onnx_graph, runtimes
from swinir.restoration.backends.runtimes import RUNTIMES
from tests.cli.conftest import Command, Save
from tests.cli.test_restore import one_line

onnx = pytest.importorskip("onnx", reason="needs onnx")


@pytest.fixture
def export(run: Command, weights: Path, tmp_path: Path) -> Command:
    """Export a tiny network that enlarges by 4."""

    def command(*words: str | Path) -> object:
        words = words or ("--export", "onnx", tmp_path / "x4.onnx")
        return run("--task", "sr_x4", "--weights", weights, *words)

    return command


def test_a_network_is_exported_and_told_of(export: Command, tmp_path: Path) -> None:
    code, out, err = export()
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    assert line.startswith(
        f"wrote {tmp_path}/x4.onnx: tiles of 128x128, "
        "image (batch, 3, 128, 128) -> restored (batch, 3, 512, 512); by on"
    )
    assert "differs from torch by at most" in line
    texts = {it.key: it.value for it in onnx.load(tmp_path / "x4.onnx").metadata_props}
    assert texts["swinir.task"] == "sr_x4"


def test_a_tile_is_rounded_up_and_that_is_said(export: Command, tmp_path: Path) -> None:
    file = tmp_path / "a.onnx"
    ran = export("--export", "onnx", file, "--tile", "10")
    assert "tiles of 12x12 (whole windows of 4, 10 asked for)" in ran.out


def test_machines_read_the_same(export: Command, tmp_path: Path) -> None:
    file = tmp_path / "a.onnx"
    ran = export("--export", "onnx", file, "--tile", "8", "--json")
    about = json.loads(ran.out)
    assert (about["file"], about["tile"], about["task"]) == (str(file), 8, "sr_x4")
    assert about["inputs"] == {"image": ["batch", 3, 8, 8]}
    assert about["outputs"] == {"restored": ["batch", 3, 32, 32]}
    assert 0 <= about["difference"] < 1e-5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--export", "foo", "a.onnx"), "the kinds are: onnx"),
        (("--export", "onnx", "a.pth"), "a file ending in .onnx, got a.pth"),
        (("--export", "onnx", "a.onnx", "--tile", "0"), "a number of pixels, got 0"),
        (("--export", "onnx", "a.onnx", "--folder", "in"), "one of --folder"),
        (("--export", "onnx"), "expected 2 arguments"),
        (("--folder", "in", "--backend", "mkl"), "invalid choice: 'mkl'"),
    ],
)
def test_mistakes_are_one_line(export: Command, words: tuple[str, ...], said: str) -> None:
    assert said in one_line(export(*words))


def test_a_task_is_needed(run: Command) -> None:
    assert "--task is missing" in one_line(run("--export", "onnx", "a.onnx"))


def test_a_missing_package_is_named(
    export: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "find_spec", lambda _: None)
    assert "pip install -r requirements-onnx.txt" in one_line(export())
    assert not (tmp_path / "x4.onnx").exists()


@pytest.mark.parametrize("backend", RUNTIMES[:2], ids=lambda it: it.name)
def test_a_folder_is_restored_by_a_backend(
    restore: Command,
    save: Save,
    tmp_path: Path,
    backend: runtimes.Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not backend.installed():
        pytest.skip(f"needs {backend.name}")
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "graphs")
    save(tmp_path / "in" / "a.png", 20, 20)
    words = ("--device", "cpu", "--precision", "fp32", "--tile", "8", "--overlap", "0")
    assert restore(*words, "--backend", backend.name).code == 0
    assert list((tmp_path / "graphs").iterdir())
    made = read(tmp_path / "out" / "a.png").pixels
    assert restore(*words, "--backend", "torch").code == 0
    np.testing.assert_allclose(made, read(tmp_path / "out" / "a.png").pixels, atol=1.001 / 255)


def test_an_absent_backend_is_one_line(
    restore: Command, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda _: None)
    save(tmp_path / "in" / "a.png")
    said = one_line(restore("--device", "cpu", "--backend", "openvino"))
    assert "openvino was asked for, but is not installed: pip install -r requirements-op" in said
