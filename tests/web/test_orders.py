"""What is asked for, and how the same is asked for elsewhere."""

import shlex
from pathlib import Path

import pytest

from swinir.cli.arguments import parse
from swinir.web.choices import choose
from swinir.web.orders import Order


@pytest.fixture
def order(pretrained: Path) -> Order:
    """The plainest order."""
    assert pretrained
    return Order(choose("sr_x4"))


def test_the_plain_command_says_no_more_than_it_must(order: Order) -> None:
    assert order.command("a b.png") == "python test.py --task sr_x4 --folder 'a b.png'"


def test_a_command_says_all_that_was_chosen(order: Order) -> None:
    chosen = Order(order.choice, strength=0.35, tta=True, tile="128")
    words = shlex.split(chosen.command("a.png"))
    assert words[:2] == ["python", "test.py"]
    options = parse(words[2:])
    assert (options.strength, options.tta, options.tile) == (0.35, True, 128)


def test_a_call_is_python_and_says_what_differs(order: Order) -> None:
    text = Order(order.choice, strength=0.5).call("http://here/", "a.png")
    compile(text, "call", "exec")
    assert "strength=0.5" in text
    assert "tile" not in text


@pytest.mark.parametrize("tile", ["-1", "x", "9999", "1.5"])
def test_a_tile_is_a_number_within_reason(order: Order, tile: str) -> None:
    with pytest.raises(ValueError, match="tile is auto"):
        Order(order.choice, tile=tile)
