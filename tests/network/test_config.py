"""Configurations that no SwinIR can have are refused in a sentence."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from swinir.network import Head, Shape, SwinIRConfig


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scale": 2}, "a residual head has scale 1, got scale=2"),
        (
            {"head": Head.NEAREST_CONV, "scale": 3},
            r"a nearest\+conv head has scale 2, 4, got scale=3",
        ),
        (
            {"head": Head.PIXELSHUFFLE, "scale": 5},
            "a pixelshuffle head has scale 2, 3, 4, 8, got scale=5",
        ),
        ({"channels": 4}, r"channels is 1 \(grey\) or 3 \(RGB\), got 4"),
        ({"depths": (6, 6)}, "depths and num_heads have one entry .* got 2 and 6"),
        ({"depths": (), "num_heads": ()}, "depths and num_heads have one entry .* got 0 and 0"),
        ({"depths": (6, 0), "num_heads": (6, 6)}, r"at least 1, got \(6, 0\) and \(6, 6\)"),
        ({"depths": (6,), "num_heads": (0,)}, r"at least 1, got \(6,\) and \(0,\)"),
        ({"embed_dim": 64}, "embed_dim is a multiple of num_heads, got 64 and 6"),
        (
            {"head": Head.PIXELSHUFFLE_AUX, "scale": 4, "channels": 1},
            r"a pixelshuffle_aux head has channels 3 \(RGB\), got 1",
        ),
        (
            {"head": Head.PIXELSHUFFLE_AUX, "scale": 1},
            "a pixelshuffle_aux head has scale 2, 3, 4, 8, got scale=1",
        ),
        ({"window": 1}, "window is at least 2 pixels, got 1"),
        ({"mlp_ratio": 0.0}, "mlp_ratio leaves no hidden channel, got 0.0"),
        ({"img_range": 0.0}, "img_range is positive, got 0.0"),
        ({"shape": Shape.U}, "a U has an odd number of residual groups, at least 3, got 6"),
        (
            {"shape": Shape.U, "depths": (6,), "num_heads": (6,)},
            "a U has an odd number of residual groups, at least 3, got 1",
        ),
        (
            {"shape": Shape.U, "depths": (6, 6, 6), "num_heads": (6, 7, 6)},
            r"embed_dim \* 2 is a multiple of num_heads, got 360 and 7",
        ),
        (
            {"shape": Shape.U, "depths": (6, 6, 6), "num_heads": (6, 6, 8)},
            "embed_dim is a multiple of num_heads, got 180 and 8",
        ),
        ({"drop_path": 1.0}, r"drop_path is in \[0, 1\), got 1.0"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_nonsense_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SwinIRConfig(**{"head": Head.RESIDUAL, **options})


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="window_size"):
        SwinIRConfig(head=Head.RESIDUAL, window_size=8)  # pyright: ignore[reportCallIssue]


def test_a_configuration_cannot_change() -> None:
    config = SwinIRConfig(head=Head.RESIDUAL)
    with pytest.raises(FrozenInstanceError):
        config.window = 7  # pyright: ignore[reportAttributeAccessIssue]


def test_equal_configurations_are_one_key() -> None:
    assert len({SwinIRConfig(head=Head.RESIDUAL), SwinIRConfig(head=Head("residual"))}) == 1


def test_the_groups_of_a_u_go_down_and_up_again() -> None:
    five = {"head": Head.RESIDUAL, "depths": (2,) * 5, "num_heads": (6,) * 5, "window": 7}
    config = SwinIRConfig(**five, shape=Shape.U)
    assert [config.level(group) for group in range(5)] == [0, 1, 2, 1, 0]
    assert [config.width(group) for group in range(5)] == [180, 360, 720, 360, 180]
    assert (config.levels, config.multiple) == (3, 28)
    flat = SwinIRConfig(**five)
    assert [flat.level(group) for group in range(5)] == [0] * 5
    assert [flat.width(group) for group in range(5)] == [180] * 5
    assert (flat.levels, flat.multiple) == (1, 7)


def test_heads_may_suit_the_width_of_their_level_alone() -> None:
    heads = {"head": Head.RESIDUAL, "embed_dim": 6, "depths": (1, 1, 1), "num_heads": (6, 12, 6)}
    assert SwinIRConfig(**heads, shape=Shape.U).width(1) == 12
    with pytest.raises(ValueError, match="embed_dim is a multiple of num_heads, got 6 and 12"):
        SwinIRConfig(**heads)
