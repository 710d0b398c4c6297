"""What programs call."""

from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file

from swinir.cli.restore import main
from swinir.images.files import Metadata, read
from tests.web.conftest import Save


def by_command(source: Path, out: Path, *words: str) -> Path:
    """What the command line makes of a file."""
    arguments = ["--task", "sr_x4", "--folder", str(source), "--output", str(out), *words]
    assert main(arguments) == 0
    return out / f"{source.stem}.png"


def test_a_result_is_the_command_lines_to_the_last_bit(
    client: Client, save: Save, tmp_path: Path
) -> None:
    source = save("photo.png", 70, 90, depth=16, alpha=True)
    result, report = client.predict(handle_file(str(source)), task="sr_x4", api_name="/restore")
    made, wanted = read(Path(result)), read(by_command(source, tmp_path / "out"))
    np.testing.assert_array_equal(made.pixels, wanted.pixels)
    assert made.alpha is not None
    assert wanted.alpha is not None
    np.testing.assert_array_equal(made.alpha, wanted.alpha)
    assert (made.depth, report["width"], report["height"], report["weights"]) == (
        16, 360, 280, "ours",
    )  # fmt: skip


def test_options_mean_what_they_mean_on_the_command_line(
    client: Client, save: Save, tmp_path: Path
) -> None:
    source = save("photo.png", 40, 40)
    result, _ = client.predict(
        handle_file(str(source)),
        task="light_sr_x4",
        strength=0.5,
        tta=True,
        tile="16",
        api_name="/restore",
    )
    words = ("--strength", "0.5", "--tta", "--tile", "16")
    wanted = read(by_command(source, tmp_path / "out", *words))
    np.testing.assert_array_equal(read(Path(result)).pixels, wanted.pixels)


def test_a_colour_profile_comes_back(client: Client, save: Save) -> None:
    profile = bytes(16) + b"RGB " + bytes(200)
    source = save("photo.png", metadata=Metadata(icc=profile))
    result, _ = client.predict(handle_file(str(source)), task="sr_x4", api_name="/restore")
    assert read(Path(result)).metadata.icc == profile


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"task": "sr_x5"}, "did you mean"),
        ({"task": "sr_x4", "weights": "/etc/passwd"}, "the weights for sr_x4 are ours"),
        ({"task": "sr_x4", "strength": 2.0}, "strength is in 0 to 1"),
        ({"task": "sr_x4", "tile": "-3"}, "tile is auto"),
    ],
)
def test_what_means_nothing_is_refused_in_a_line(
    client: Client, save: Save, given: dict[str, object], said: str
) -> None:
    source = handle_file(str(save("photo.png")))
    with pytest.raises(Exception, match=said):
        client.predict(source, **given, api_name="/restore")
