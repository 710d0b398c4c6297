"""JPEG's losses without a file."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinir.images.jpeg import compress, quality_of


def photo(height: int, width: int, channels: int) -> np.ndarray:
    """A ramp with some noise, in [0, 1]."""
    row, column, channel = np.ogrid[:height, :width, :channels]
    noise = np.random.default_rng(0).integers(0, 40, (height, width, channels))
    return ((3 * row + 2 * column + 60 * channel + noise) % 256).astype(np.float32) / 255


@pytest.mark.parametrize("channels", [1, 3])
def test_pillow_with_the_same_settings_loses_the_same(channels: int) -> None:
    image = photo(40, 56, channels)
    file = io.BytesIO()
    levels = np.round(image * 255).astype(np.uint8)
    Image.fromarray(levels.squeeze()).save(file, "JPEG", quality=40, subsampling="4:2:0")
    theirs = np.asarray(Image.open(file)).reshape(image.shape)
    # Two builds of the same library may round an inverse transform differently.
    assert np.abs(compress(image, 40) * 255 - theirs).max() < 1.5


def test_colours_keep_their_order() -> None:
    red = np.zeros((16, 16, 3), np.float32)
    red[..., 0] = 1
    assert np.abs(compress(red, 90) - red).max() < 0.02


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (9, 17, 1), (17, 9, 3)])
def test_shape_and_type_and_range_are_those_of_an_image(shape: tuple[int, ...]) -> None:
    out = compress(photo(*shape).astype(np.float64) * 3 - 1, 1)
    assert out.shape == shape
    assert out.dtype == np.float32
    assert out.min() >= 0
    assert out.max() <= 1
    np.testing.assert_allclose(out * 255, np.round(out * 255), atol=1e-4)


def test_the_image_is_rounded_to_a_file_first() -> None:
    image = photo(24, 24, 3)
    assert np.array_equal(compress(image + 0.001, 30), compress(image, 30))


def test_a_lower_quality_loses_more() -> None:
    image = photo(40, 56, 3)
    errors = [float(np.square(compress(image, quality) - image).mean()) for quality in (90, 40, 5)]
    assert errors == sorted(errors)
    assert errors[0] < errors[2] / 1.5


def test_the_image_itself_stays_as_it_was() -> None:
    image = photo(16, 16, 3)
    before = image.copy()
    compress(image, 10)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_a_quality_that_jpeg_does_not_have_is_refused(quality: int) -> None:
    with pytest.raises(ValueError, match=f"quality is in 1 to 100, got {quality}"):
        compress(photo(8, 8, 1), quality)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 2), (8, 8, 4)])
def test_neither_grey_nor_rgb_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 1\) or \(H, W, 3\), got shape"):
        compress(np.zeros(shape, np.float32), 40)


@pytest.mark.parametrize("shape", [(0, 8, 1), (1, 65501, 1)])
def test_a_size_that_jpeg_does_not_have_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="1 to 65500 pixels a side"):
        compress(np.zeros(shape, np.float32), 40)
    assert compress(np.zeros((1, 65500, 1), np.float32), 40).shape == (1, 65500, 1)


@pytest.mark.parametrize("quality", [1, 10, 25, 50, 75, 90, 95, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_quality_of_a_file_is_read_off_its_tables(
    tmp_path: Path, quality: int, channels: int
) -> None:
    levels = np.round(photo(16, 24, channels) * 255).astype(np.uint8)
    Image.fromarray(levels.squeeze()).save(tmp_path / "a.png", "JPEG", quality=quality)
    assert quality_of(tmp_path / "a.png") == quality


def test_a_cameras_own_tables_get_the_quality_that_loses_as_much(tmp_path: Path) -> None:
    with Image.open(io.BytesIO(_jpeg(80))) as image:
        tables = {at: [value + 1 for value in row] for at, row in image.quantization.items()}
        image.save(tmp_path / "a.jpg", qtables=tables)
    found = quality_of(tmp_path / "a.jpg")
    assert found is not None
    assert 70 <= found < 80


@pytest.mark.parametrize("content", [b"", b"words", b"\xff\xd8\xff\xdb\x00"])
def test_what_is_no_jpeg_has_no_quality(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert quality_of(tmp_path / "a.jpg") is None
    assert quality_of(tmp_path / "none.jpg") is None


def _jpeg(quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(file, "JPEG", quality=quality)
    return file.getvalue()
