"""``python test.py --task TASK --export onnx FILE``: the network for other programs."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from swinir.checkpoints import load_network
from swinir.cli.exits import DONE
from swinir.lines import printable
from swinir.restoration.backends import onnx_graph
from swinir.restoration.backends.names import whole_windows
from swinir.tasks import find_task


def export(options: argparse.Namespace) -> int:
    """Write the file, say what it holds; returns the exit code.

    Raises:
        ValueError: no such task or weights, a file of another kind, or a graph that is not what
            the network computes.
        OSError: the disk refuses.
    """
    task = find_task(options.task)
    path = Path(options.export[1])
    onnx_graph.check_target(path)
    network = load_network(task, options.weights)
    step = network.config.multiple
    side = whole_windows(options.tile, step)
    made = onnx_graph.export(network, path, tile=side, texts={"swinir.task": task.name})
    if options.json:
        about = {
            "file": str(path),
            "task": task.name,
            "tile": made.tile,
            "inputs": dict(made.inputs),
            "outputs": dict(made.outputs),
            "checked_with": made.checker,
            "difference": made.difference,
        }
        print(json.dumps(about, indent=1))
        return DONE
    asked = options.tile not in ("auto", side)
    rounded = f" (whole windows of {step}, {options.tile} asked for)" if asked else ""
    print(
        f"wrote {printable(path)}: tiles of {side}x{side}{rounded}, {_shapes(made.inputs)} -> "
        f"{_shapes(made.outputs)}; by {made.checker} it differs from torch by at most "
        f"{made.difference:.0e} of the range"
    )
    return DONE


def _shapes(tensors: Mapping[str, tuple[int | str, ...]]) -> str:
    return ", ".join(f"{name} ({', '.join(map(str, each))})" for name, each in tensors.items())
