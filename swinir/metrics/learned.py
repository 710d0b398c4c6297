"""Metrics that are networks (LPIPS, DISTS) or fitted statistics (NIQE), through pyiqa.

pyiqa is an extra: it pulls in some forty packages, and fetches the weights of a metric when that
is first used. It is imported when a metric is asked for and never before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from swinir.images.tensors import to_tensor
from swinir.metrics.levels import check_same_shape, round_to_levels

OF_FOLDERS = ("fid", "sfid", "fid_dinov2", "inception_score")
"""Metrics of pyiqa that score a folder of images, not one."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A metric of pyiqa: called with two images, it gives their score.

    Attributes:
        name: as pyiqa calls it, for instance ``lpips``.
        lower_is_better: as for a distance.
        needs_truth: it compares (full reference), or else it judges one image alone.
        score: what pyiqa computes of tensors ``(1, 3, H, W)`` in [0, 1].
    """

    name: str
    lower_is_better: bool
    needs_truth: bool
    score: Callable[..., Any]

    def __call__(
        self, restored: NDArray[np.floating], truth: NDArray[np.floating] | None = None
    ) -> float:
        """Score of an image ``(H, W, C)`` in [0, 1] against the truth, or alone.

        Images are rounded to 8-bit levels first; grey ones count as three equal channels. A truth
        that the metric does not need is not looked at.

        Raises:
            ValueError: the truth is needed and missing or of another shape, or the metric cannot
                score such an image, as where it is too small.
        """
        if not self.needs_truth:
            images = [restored]
        elif truth is None:
            raise ValueError(f"{self.name} compares a restored image with its truth, got no truth")
        else:
            check_same_shape(restored, truth)
            images = [restored, truth]
        try:
            return float(self.score(*map(_to_rgb_tensor, images)))
        except Exception as error:
            # Each of these metrics fails in its own way on an image it was not made for.
            height, width = restored.shape[:2]
            raise ValueError(
                f"{self.name} cannot score an image of {width}x{height}: {_reason(error)}"
            ) from error


def load(names: Sequence[str], *, device: str = "cpu") -> list[Learned]:
    """The metrics of these names, as `pyiqa.list_models` lists them, in the order asked for.

    Raises:
        ValueError: pyiqa is not installed, it has no such metric, or the weights of one cannot be
            had.
    """
    if not names:
        return []
    pyiqa = _import()
    known: list[str] = [name for name in pyiqa.list_models() if name not in OF_FOLDERS]
    for name in names:
        _check_known(name, known)
    return [_create(pyiqa, name, device) for name in names]


def _import() -> Any:
    try:
        return import_module("pyiqa")
    except ModuleNotFoundError as error:
        reason = "it is not installed" if error.name == "pyiqa" else _reason(error)
    except Exception as error:
        # Packages beneath it that do not fit each other raise more than ImportError.
        reason = _reason(error)
    raise ValueError(
        f"learned metrics need pyiqa ({reason}); pip install -r requirements-metrics.txt"
    )


def _check_known(name: str, known: Sequence[str]) -> None:
    if name in OF_FOLDERS:
        raise ValueError(f"{name} scores a folder of images; name a metric of one image, as lpips")
    if name not in known:
        near = get_close_matches(name.lower(), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "pyiqa.list_models() lists them"
        raise ValueError(f"there is no learned metric {name!r}; {hint}")


def _create(pyiqa: Any, name: str, device: str) -> Learned:
    try:
        metric = pyiqa.create_metric(name, device=torch.device(device))
    except Exception as error:
        # Weights come from several hosts through several libraries, each with errors of its own.
        raise ValueError(
            f"the learned metric {name} cannot be loaded: {_reason(error)}; its weights are "
            "downloaded on first use, check the connection"
        ) from error
    return Learned(name, bool(metric.lower_better), metric.metric_mode == "FR", metric)


def _to_rgb_tensor(image: NDArray[np.floating]) -> torch.Tensor:
    return to_tensor(round_to_levels(image)).expand(-1, 3, -1, -1)


def _reason(error: Exception) -> str:
    lines = str(error).split("\n")
    return lines[0].strip() or type(error).__name__
