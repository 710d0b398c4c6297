"""Trunks are compared at equal arithmetic, and trained alike."""

import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import comparison
from benchmarks.comparison import TRUNKS, operations
from swinir.cli.train import main as train
from swinir.network import Head, Shape, SwinIRConfig
from swinir.training.recipe_file import load_recipe
from tests.training.runs import write_photographs

FOLDER = Path(__file__).parents[2] / "options" / "comparison"
SHRUNK = (
    "data.patch=8",
    "network.embed_dim=12",
    "network.window=4",
    "optim.iterations=2",
    "optim.milestones=[1]",
    "optim.precision=fp32",
    "log.validate_every=1",
)


def test_every_recipe_of_the_comparison_is_compared() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(TRUNKS)


def test_recipes_differ_in_their_network_alone() -> None:
    recipes = [load_recipe(FOLDER / f"{name}.toml") for name in TRUNKS]
    assert len({repr(it.network) for it in recipes}) == len(TRUNKS)
    rest = [it.model_dump(exclude={"name", "network"}) for it in recipes]
    assert all(each == rest[0] for each in rest)


def test_networks_of_the_comparison_have_equal_arithmetic() -> None:
    recipes = [load_recipe(FOLDER / f"{name}.toml") for name in TRUNKS]
    counts = [operations(it.network, it.data.patch) for it in recipes]
    assert max(counts) < 1.02 * min(counts), counts
    assert {it.data.patch for it in recipes} == {64}


@pytest.mark.parametrize("shape", Shape, ids=str)
def test_operations_are_those_of_the_network(shape: Shape) -> None:
    dim, heads, side, window = 12, (2, 4, 2), 16, 4
    config = SwinIRConfig(
        head=Head.RESIDUAL,
        shape=shape,
        embed_dim=dim,
        depths=(2, 1, 1),
        num_heads=heads if shape is Shape.U else (2,) * 3,
        window=window,
    )
    # Multiply-adds for a pixel, counted by hand: 4 blocks and 3 convolutions of groups.
    block, attention, conv = 8 * dim**2, 2 * dim * window**2, 9 * dim**2
    expected = 4 * block + 3 * conv
    # A level below has half of the attention, and what is between takes three times 2*C*C.
    expected += 4 * attention if shape is Shape.FLAT else 3.5 * attention + 6 * dim**2
    expected += conv + 2 * 9 * 3 * dim
    assert operations(config, side) == 2 * side**2 * expected


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three short runs."""
    folder = tmp_path_factory.mktemp("comparison")
    photographs = write_photographs(folder / "photos", count=2, side=32)
    folders = [f"data.{which}={photographs}" for which in ("train", "validation")]
    for name in TRUNKS:
        groups = 3 if name == "u_dot" else 1
        trunk = [f"network.depths={[1] * groups}", f"network.num_heads={[2] * groups}"]
        words = [word for option in (*SHRUNK, *trunk, *folders) for word in ("--set", option)]
        output = ["--output", str(folder / "runs" / name), "--device", "cpu"]
        assert train([str(FOLDER / f"{name}.toml"), *words, *output]) == 0
    return folder / "runs"


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(trained, tmp_path / "runs")


def compare(monkeypatch: pytest.MonkeyPatch, runs: Path, sets: Path, page: Path) -> int:
    words = ["--runs", str(runs), "--sets", str(sets), "--output", str(page)]
    monkeypatch.setattr(sys, "argv", ["comparison.py", *words])
    return comparison.main()


def test_what_runs_came_to_is_written_down(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("McMaster", "Set12"):
        write_photographs(tmp_path / "sets" / name, count=1, side=40)
    page = tmp_path / "page.md"
    assert compare(monkeypatch, runs, tmp_path / "sets", page) == 0
    assert capsys.readouterr().out.endswith(f"wrote {page}\n")
    text = page.read_text("utf-8")
    assert f"make bench-comparison SETS={tmp_path / 'sets'}" in text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert header[-1] == "McMaster, dB"
    assert [row[1] for row in rows] == list(TRUNKS)
    for row in rows:
        found = comparison.read(runs, row[1])
        assert int(row[2].replace(",", "")) == sum(it.numel() for it in found.network.parameters())
        # Two steps of four crops, each of which is three passes.
        assert found.compute == 2 * 4 * 3 * operations(found.network.config, 8)
        recorded = (runs / row[1] / "scores.csv").read_text().split()[1:]
        psnr = [float(line.split(",")[1]) for line in recorded]
        assert (float(row[6]), float(row[7])) == (
            pytest.approx(max(psnr), abs=0.006),
            pytest.approx(psnr[-1], abs=0.006),
        )
        # The picture is hardly changed yet, and noise of sigma 25 is 20.2 dB.
        assert 18 < float(row[8]) < 23
    with Image.open(page.with_suffix(".png")) as drawn:
        assert drawn.format == "PNG"
        assert drawn.width == 1200


def test_a_run_that_is_missing_or_not_finished_is_told_in_one_line(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    (runs / "u_dot" / "states" / "state_00000002.pt").unlink()
    assert compare(monkeypatch, runs, tmp_path, page) == 2
    missing = f"comparison.py: {runs / 'u_dot'}: no run is there; train.py options/comparison/u_dot"
    assert capsys.readouterr().err.startswith(missing)
    monkeypatch.setattr(comparison, "TRUNKS", {"flat_dot": TRUNKS["flat_dot"]})
    state = comparison.load_newest(runs / "flat_dot" / "states")[0]
    assert state is not None
    assert state.recipe is not None
    state.recipe["optim"]["iterations"] = 5
    monkeypatch.setattr(comparison, "load_newest", lambda _: (state, []))
    assert compare(monkeypatch, runs, tmp_path, page) == 2
    assert "flat_dot: stopped after 2 of 5 steps; train.py" in capsys.readouterr().err
    assert not page.exists()
