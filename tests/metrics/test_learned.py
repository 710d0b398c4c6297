"""Learned metrics, with a stand-in of pyiqa that fetches nothing."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import Tensor

from swinir.metrics import learned
from swinir.metrics.learned import load


class Distance:
    """A full-reference metric with pyiqa's attributes."""

    lower_better = True
    metric_mode = "FR"

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, target: Tensor, ref: Tensor | None = None) -> Tensor:
        assert ref is not None
        self.seen = [target, ref]
        return (target - ref).abs().mean((1, 2, 3))


class Brightness:
    """A metric of one image."""

    lower_better = False
    metric_mode = "NR"

    def __call__(self, target: Tensor, ref: Tensor | None = None) -> Tensor:
        assert ref is None
        if min(target.shape[2:]) < 8:
            raise AssertionError("Input must have 8 pixels\nand more of this")
        return target.mean((1, 2, 3))[:, None]


def unreachable() -> Any:
    raise URLError("no route to host")


METRICS: dict[str, Callable[[], Any]] = {
    "lpips": Distance,
    "dists": Distance,
    "niqe": Brightness,
    "musiq": unreachable,
    "fid": unreachable,
}


@pytest.fixture
def pyiqa(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("pyiqa")
    module.list_models = lambda: sorted(METRICS)
    module.create_metric = lambda name, device: METRICS[name]()
    monkeypatch.setitem(sys.modules, "pyiqa", module)


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    # None is how Python marks a module that must not be found.
    monkeypatch.setitem(sys.modules, "pyiqa", None)


def image(level: int, height: int = 9, width: int = 11, channels: int = 3) -> np.ndarray:
    """A flat image."""
    return np.full((height, width, channels), level / 255, np.float32)


@pytest.mark.usefixtures("pyiqa")
def test_metrics_come_in_the_order_asked_for_and_know_what_is_better() -> None:
    niqe, lpips = load(["niqe", "lpips"])
    assert (niqe.name, niqe.lower_is_better, niqe.needs_truth) == ("niqe", False, False)
    assert (lpips.name, lpips.lower_is_better, lpips.needs_truth) == ("lpips", True, True)


@pytest.mark.usefixtures("pyiqa")
def test_one_metric_compares_and_the_other_judges_one_image_alone() -> None:
    niqe, lpips = load(["niqe", "lpips"])
    assert lpips(image(100), image(151)) == pytest.approx(0.2)
    assert niqe(image(51)) == pytest.approx(0.2)
    assert niqe(image(51), image(0)) == pytest.approx(0.2)


@pytest.mark.usefixtures("pyiqa")
@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_sees_rgb_of_8_bit_levels(channels: int) -> None:
    (lpips,) = load(["lpips"])
    lpips(image(100, channels=channels) + 0.001, image(300, channels=channels))
    ours, truth = lpips.score.seen
    assert ours.shape == truth.shape == (1, 3, 9, 11)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, torch.full_like(ours, 100 / 255))
    assert torch.equal(truth, torch.ones_like(truth))


@pytest.mark.usefixtures("pyiqa")
def test_a_missing_truth_and_one_of_another_shape_are_refused() -> None:
    (lpips,) = load(["lpips"])
    with pytest.raises(ValueError, match=r"lpips compares .* got no truth"):
        lpips(image(1))
    with pytest.raises(ValueError, match="one shape"):
        lpips(image(1), image(1, width=12))


@pytest.mark.usefixtures("pyiqa")
def test_an_image_that_a_metric_cannot_score_is_one_line() -> None:
    (niqe,) = load(["niqe"])
    with pytest.raises(ValueError, match=r"niqe cannot score an image of 11x7: .*8 pixels$"):
        niqe(image(1, height=7))


@pytest.mark.usefixtures("pyiqa")
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("lpip", "no learned metric 'lpip'; did you mean 'lpips'"),
        ("DISTS", "no learned metric 'DISTS'; did you mean 'dists'"),
        ("xyz", "no learned metric 'xyz'; pyiqa.list_models"),
        ("fid", "fid scores a folder of images"),
        ("musiq", "musiq cannot be loaded: .*no route to host.*check the connection$"),
    ],
)
def test_a_metric_that_cannot_be_had_is_one_line(name: str, line: str) -> None:
    with pytest.raises(ValueError, match=line) as caught:
        load(["lpips", name])
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("absent")
def test_without_pyiqa_the_line_says_what_to_install() -> None:
    assert load([]) == []
    with pytest.raises(ValueError, match=r"not installed\); pip install -r requirements-metrics"):
        load(["lpips"])


def test_a_pyiqa_whose_own_packages_are_missing_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyiqa.py").write_text("import packages_of_pyiqa\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"No module named 'packages_of_pyiqa'.*pip install"):
        load(["lpips"])
    (tmp_path / "pyiqa.py").write_text("raise RuntimeError('operator does not exist')\n")
    with pytest.raises(ValueError, match=r"operator does not exist.*pip install"):
        load(["lpips"])


@pytest.mark.usefixtures("absent")
def test_the_module_can_be_imported_without_pyiqa() -> None:
    assert importlib.reload(learned).load([]) == []
