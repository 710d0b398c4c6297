"""``python train.py RECIPE``: train a network, resume it, export it."""

import argparse
import math
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from swinir.cli.exits import DONE, INCOMPLETE, INTERRUPTED, guarded

if TYPE_CHECKING:
    from swinir.training.outcome import Outcome
    from swinir.training.recipe import Recipe


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    arguments = argparse.ArgumentParser(
        prog="train.py",
        description="Train a network from a recipe. The same command again goes on with a run "
        "that was stopped or killed.",
    )
    arguments.add_argument("recipe", type=Path, help="TOML file, see options/")
    arguments.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of the run (default runs/NAME)"
    )
    arguments.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override an option of the recipe, as in --set data.train=photos",
    )
    arguments.add_argument(
        "--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="where to train"
    )
    arguments.add_argument(
        "--preview",
        action="store_true",
        help="train nothing, write a sheet of the recipe's crops and their truths, preview.png",
    )
    arguments.add_argument(
        "--check-data",
        type=Path,
        nargs="*",
        metavar="DIR",
        help="train nothing, name photographs that are unreadable, too small, there twice, or also "
        "in one of these benchmark folders",
    )
    arguments.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="also write the final weights to this .safetensors file",
    )
    arguments.add_argument(
        "--ship",
        action="store_true",
        help="also write them in half precision to pretrained/, with their hash in its manifest",
    )
    return arguments


class Stop:
    """Set by the first Ctrl-C or SIGTERM: the step in hand is finished and the state saved.

    While photographs are read there is nothing to save.
    """

    def __init__(self) -> None:
        """Takes over both signals."""
        self.asked = False
        self.reading = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        rest = "" if self.reading else " after this step; the same command goes on from there"
        print(f"\nstopping{rest}", file=sys.stderr)

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.asked


def run(options: argparse.Namespace) -> int:
    """Train as the arguments say; returns the exit code.

    Raises:
        ValueError: a recipe, photographs or a saved state that cannot be used.
        OSError: the disk refuses.
    """
    if options.export and options.export.suffix != ".safetensors":
        raise ValueError(f"--export writes a .safetensors file, got {options.export.name!r}")
    # Imported here, so that --help and a mistyped option answer at once.
    from swinir.data.datasets import Stopped
    from swinir.restoration import pick_device
    from swinir.training.recipe_file import load_recipe
    from swinir.training.run import train

    recipe = load_recipe(options.recipe, options.set)
    folder = options.output or Path("runs") / recipe.name
    stop = Stop()

    def reading(done: int, total: int) -> None:
        stop.reading = done < total
        end = "" if stop.reading else "\n"
        print(f"\rreading photographs {done}/{total}", end=end, file=sys.stderr, flush=True)

    device = pick_device(options.device)
    if options.check_data is not None:
        return _check_data(recipe, options.check_data, reading)
    if options.preview:
        return _preview(recipe, folder, reading)
    try:
        outcome = train(recipe, folder, device=device, progress=reading, stop=stop)
    except Stopped as stopped:
        print(stopped)
        return INTERRUPTED
    stopped = outcome.iterations < recipe.optim.iterations
    # Of several processes one speaks and writes.
    if stopped and outcome.main:
        print(f"stopped after {outcome.iterations} of {recipe.optim.iterations} iterations")
    elif outcome.main:
        _hand_over(outcome, recipe, folder, options)
    return INTERRUPTED if stopped else DONE


def _check_data(
    recipe: "Recipe", benchmarks: Sequence[Path], reading: Callable[[int, int], None]
) -> int:
    from swinir.data.checking import check
    from swinir.lines import printable
    from swinir.training.material import misfits, smallest_input
    from swinir.training.recipe import PairedRecipe

    data, side = recipe.data, smallest_input(recipe)
    found = check(
        data.train, smallest=side * recipe.network.scale, benchmarks=benchmarks, progress=reading
    )
    lines, looked_at, shapes = found.lines(), found.files, found.shapes
    if isinstance(data.degradation, PairedRecipe):
        inputs = check(data.degradation.inputs, smallest=side, progress=reading)
        # One photograph may have several, which then show the same.
        inputs.duplicates.clear()
        lines += [*inputs.lines(), *misfits(recipe, shapes | inputs.shapes)]
        looked_at += inputs.files
    for line in lines:
        print(printable(line))
    print(f"{looked_at} photographs looked at, {len(lines)} findings")
    return INCOMPLETE if lines else DONE


def _preview(recipe: "Recipe", folder: Path, reading: Callable[[int, int], None]) -> int:
    from swinir.images.files import Picture, write
    from swinir.training.preview import preview

    target = folder / "preview.png"
    sheet = Picture(preview(recipe, reading))
    folder.mkdir(parents=True, exist_ok=True)
    write(target, sheet)
    print(f"wrote {target}")
    return DONE


def _hand_over(
    outcome: "Outcome", recipe: "Recipe", folder: Path, options: argparse.Namespace
) -> None:
    from swinir.checkpoints import export, ship
    from swinir.restoration import pick_device
    from swinir.training.handover import facts_of, hand_over

    for target in hand_over(outcome, recipe, folder, pick_device(options.device)):
        print(f"wrote {target}")
    facts = facts_of(outcome, recipe)
    if options.export:
        export(outcome.network, options.export, metadata=facts)
        print(f"wrote {options.export}")
    if options.ship:
        print(f"wrote {ship(outcome.network, f'{recipe.name}.safetensors', metadata=facts)}")
    best = f", best {outcome.best:.2f} dB" if math.isfinite(outcome.best) else ""
    print(f"{outcome.iterations} iterations in {outcome.seconds / 3600:.2f} h{best}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, train; returns 0, 2 for bad input, 130 when interrupted."""
    options = parser().parse_args(arguments)
    return guarded("train.py", lambda: run(options))
