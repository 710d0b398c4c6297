"""What a visitor asks for, and how the same is asked for elsewhere."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from swinir.web.choices import Choice, choose

TILES = ("auto", "64", "128", "256", "512", "0")
"""Sides of tiles that the page offers; 0 is the whole picture."""

MOST_TILE = 4096
"""Larger tiles than this are refused: they take memory and save no time."""


@dataclass(frozen=True, slots=True)
class Order:
    """How a picture is to be restored.

    Attributes:
        choice: task and weights.
        strength: 1 for the restoration, less to blend it with the input.
        tta: average over flips and turns.
        tile: ``auto``, or a side in pixels, 0 being the whole picture.
    """

    choice: Choice
    strength: float = 1.0
    tta: bool = False
    tile: str = "auto"

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength is in 0 to 1, got {self.strength}")
        if self.tile != "auto" and not (self.tile.isdecimal() and int(self.tile) <= MOST_TILE):
            raise ValueError(
                f"tile is auto, 0 for the whole picture, or pixels up to {MOST_TILE}, "
                f"got {self.tile!r}"
            )

    @property
    def side(self) -> int | str:
        """The tile as the engine takes it."""
        return self.tile if self.tile == "auto" else int(self.tile)

    def result_name(self, source: str) -> str:
        """The name of the result for the picture called ``source``."""
        return f"{Path(source).stem}_{self.choice.task.name}.png"

    def command(self, source: str) -> str:
        """The command line that restores the file ``source`` to the same pixels."""
        words = ["python", "test.py", "--task", self.choice.task.name, "--folder", source]
        if self.choice.spelled:
            words += ["--weights", self.choice.spelled]
        if self.strength != 1:
            words += ["--strength", f"{self.strength:g}"]
        if self.tile != "auto":
            words += ["--tile", self.tile]
        return shlex.join([*words, "--tta"] if self.tta else words)

    def call(self, address: str, source: str) -> str:
        """Python that asks the server at ``address`` for the same."""
        given = {
            "weights": self.choice.spelled,
            "strength": 1.0 if self.strength == 1 else self.strength,
            "tta": self.tta,
            "tile": self.tile,
        }
        usual = {"weights": "", "strength": 1.0, "tta": False, "tile": "auto"}
        extra = [f"    {key}={given[key]!r},\n" for key in given if given[key] != usual[key]]
        return (
            "from gradio_client import Client, handle_file\n\n"
            f"client = Client({address!r})\n"
            "result, report = client.predict(\n"
            f"    handle_file({source!r}),\n"
            f"    task={self.choice.task.name!r},\n"
            f"{''.join(extra)}"
            '    api_name="/restore",\n'
            ")\n"
            "print(result, report)"
        )


def order(task: str, weights: str, strength: float, tta: bool, tile: str) -> Order:  # noqa: FBT001
    """An order from what a caller sent.

    Raises:
        ValueError: a task, weights or a number that are not offered.
    """
    return Order(choose(task, weights), float(strength), bool(tta), str(tile))
