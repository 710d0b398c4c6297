"""The first look at an upload."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinir.images.files import Picture, UnreadableImage, write
from swinir.web import words
from swinir.web.looking import look
from tests.web.conftest import Save


def noisy(path: Path, sigma: float) -> Path:
    """A smooth picture with noise of this standard deviation, in steps of 1/255."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.3, 0.7, 128)[None, :, None] * np.ones((96, 1, 3))
    pixels = np.clip(ramp + rng.normal(0, sigma / 255, ramp.shape), 0, 1)
    write(path, Picture(pixels.astype(np.float32)))
    return path


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_noise_is_told_and_sets_the_level(tmp_path: Path, sigma: int) -> None:
    seen = look(noisy(tmp_path / "a.png", sigma), 10**6)
    assert seen.noise == pytest.approx(sigma, rel=0.1)
    assert seen.level("noise") == round(seen.noise)
    assert f"noise of about sigma {seen.noise:.0f}" in seen.text
    assert seen.level("enlarge") is None


def test_a_jpeg_tells_its_quality(save: Save, tmp_path: Path) -> None:
    picture = Picture(np.full((32, 32, 3), 0.5, np.float32))
    write(tmp_path / "a.jpg", picture, quality=30)
    seen = look(tmp_path / "a.jpg", 10**6)
    assert (seen.quality, seen.level("jpeg")) == (30, 30)
    assert "JPEG of quality 30" in seen.text
    assert "JPEG artifacts" in seen.text
    other = look(save("b.png"), 10**6)
    assert other.level("jpeg") is None
    assert "does not tell" in other.advice("jpeg")


def test_what_is_in_the_file_is_told(save: Save) -> None:
    seen = look(save("a.png", channels=1, depth=16, alpha=True), 10**6)
    assert seen.grey
    assert seen.text.startswith("32 x 24 pixels, PNG, grey, 16 bits, with transparency")


def test_what_cannot_be_used_is_refused(save: Save) -> None:
    with pytest.raises(UnreadableImage, match="at most"):
        look(save("a.png"), 100)


def test_what_browsers_do_not_show_has_a_preview(save: Save) -> None:
    seen = look(save("a.tif", 40, 800, depth=16), 10**6)
    with Image.open(io.BytesIO(seen.preview)) as shown:
        assert (shown.format, shown.size, shown.mode) == ("PNG", (400, 20), "RGB")
    assert "data:image/png;base64," in words.seen(seen.text, seen.preview)
    assert look(save("a.png"), 10**6).preview == b""
