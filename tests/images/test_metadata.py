"""Profile, EXIF, XMP, resolution and text from file to file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps

from swinir.images.files import Metadata, Picture, read, write

RGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_PROFILE = RGB_PROFILE[:16] + b"GRAY" + RGB_PROFILE[20:]
CMYK_PROFILE = RGB_PROFILE[:16] + b"CMYK" + RGB_PROFILE[20:]
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'

PHOTO = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def exif_of(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Camera"
    exif[ExifTags.Base.Copyright] = "Somebody"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.FNumber] = 2.5
    details[ExifTags.Base.ExifImageWidth] = 9
    details[ExifTags.Base.ExifImageHeight] = 6
    details[ExifTags.Base.DateTimeOriginal] = "2020:02:02 02:02:02"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif


FULL = Metadata(
    icc=RGB_PROFILE,
    exif=exif_of().tobytes(),
    xmp=XMP.replace(b'"6"', b'"1"'),
    dpi=(300.0, 150.0),
    text=(("Comment", "grüße, 世界"), ("Title", "plain")),
)


def picture(metadata: Metadata, colours: int = 3, depth: int = 8) -> Picture:
    return Picture(PHOTO[..., :colours].astype(np.float32) / 255, None, depth, metadata)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_metadata_comes_back(tmp_path: Path, suffix: str, depth: int) -> None:
    write(tmp_path / f"x{suffix}", picture(FULL, depth=depth))
    again = read(tmp_path / f"x{suffix}").metadata
    assert again.icc == RGB_PROFILE
    assert again.xmp == FULL.xmp
    assert again.dpi == pytest.approx((300, 150), rel=1e-3)
    assert again.exif is not None
    exif = Image.Exif()
    exif.load(again.exif)
    assert exif[ExifTags.Base.Make] == "Camera"
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FNumber] == 2.5
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    if suffix == ".png":
        assert again.text == FULL.text
    if suffix == ".jpg":
        assert again.text == FULL.text[:1]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_other_programs_find_the_metadata(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"x{suffix}", picture(FULL))
    with Image.open(tmp_path / f"x{suffix}") as image:
        image.load()
        assert image.info["icc_profile"] == RGB_PROFILE
        assert image.getexif()[ExifTags.Base.Copyright] == "Somebody"
        details = image.getexif().get_ifd(ExifTags.IFD.Exif)
        assert details[ExifTags.Base.DateTimeOriginal] == "2020:02:02 02:02:02"


def test_bmp_keeps_its_resolution(tmp_path: Path) -> None:
    write(tmp_path / "x.bmp", picture(FULL))
    assert read(tmp_path / "x.bmp").metadata.dpi == pytest.approx((300, 150), rel=1e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_orientation_is_applied_once_and_reset(tmp_path: Path, orientation: int, kind: str) -> None:
    options = {"WEBP": {"lossless": True}}.get(kind, {})
    image = Image.fromarray(PHOTO)
    image.save(tmp_path / "x", kind, exif=exif_of(orientation), **options)
    with Image.open(tmp_path / "x") as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    first = read(tmp_path / "x")
    np.testing.assert_array_equal(np.rint(first.pixels * 255), expected)
    write(tmp_path / "y.png", first)
    again = read(tmp_path / "y.png")
    np.testing.assert_array_equal(again.pixels, first.pixels)
    with Image.open(tmp_path / "y.png") as opened:
        assert opened.getexif()[ExifTags.Base.Orientation] == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_orientation_is_applied_to_16_bit_tiff(
    tmp_path: Path, orientation: int, compression: str
) -> None:
    grey = PHOTO[..., 0]
    tags = {int(ExifTags.Base.Orientation): orientation}
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    deep.save(tmp_path / "x.tif", compression=compression, tiffinfo=tags)
    image = Image.fromarray(grey)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    again = read(tmp_path / "x.tif")
    assert again.depth == 16
    np.testing.assert_array_equal(np.rint(again.pixels[..., 0] * 255), expected)


def test_an_orientation_in_xmp_alone_is_applied_once(tmp_path: Path) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "x.webp", lossless=True, xmp=XMP)
    first = read(tmp_path / "x.webp")
    assert first.pixels.shape == (9, 6, 3)
    write(tmp_path / "y.webp", first)
    assert read(tmp_path / "y.webp").pixels.shape == (9, 6, 3)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
@pytest.mark.parametrize(
    ("profile", "colours"), [(GREY_PROFILE, 3), (RGB_PROFILE, 1), (CMYK_PROFILE, 3), (b"junk", 3)]
)
def test_a_profile_for_other_colours_is_left_out(
    tmp_path: Path, suffix: str, profile: bytes, colours: int
) -> None:
    write(tmp_path / f"x{suffix}", picture(Metadata(icc=profile), colours))
    # Grey becomes RGB in WebP, and its profile fits again.
    kept = RGB_PROFILE if (suffix, colours) == (".webp", 1) else None
    assert read(tmp_path / f"x{suffix}").metadata.icc == kept


def test_a_grey_profile_stays_with_grey(tmp_path: Path) -> None:
    for suffix in (".png", ".tif", ".jpg"):
        write(tmp_path / f"x{suffix}", picture(Metadata(icc=GREY_PROFILE), 1))
        assert read(tmp_path / f"x{suffix}").metadata.icc == GREY_PROFILE


def test_the_profile_of_cmyk_is_not_kept_on_rgb(tmp_path: Path) -> None:
    image = Image.fromarray(PHOTO).convert("CMYK")
    for kind in ("JPEG", "TIFF"):
        image.save(tmp_path / "x", kind, icc_profile=CMYK_PROFILE)
        assert read(tmp_path / "x").metadata.icc is None


def test_exif_tells_the_size_written(tmp_path: Path) -> None:
    larger = Picture(np.zeros((24, 36, 3), np.float32), metadata=FULL)
    write(tmp_path / "x.jpg", larger)
    with Image.open(tmp_path / "x.jpg") as image:
        details = image.getexif().get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ExifImageWidth] == 36
    assert details[ExifTags.Base.ExifImageHeight] == 24


def test_what_a_tiff_says_of_its_file_does_not_become_exif(tmp_path: Path) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "x.tif", exif=exif_of(), compression="tiff_lzw")
    write(tmp_path / "y.jpg", read(tmp_path / "x.tif"))
    with Image.open(tmp_path / "y.jpg") as image:
        tags = set(image.getexif())
    assert ExifTags.Base.Make in tags
    assert not tags & {ExifTags.Base.StripOffsets, ExifTags.Base.BitsPerSample, 259}


def test_texts_go_into_exif_where_there_is_no_other_place(tmp_path: Path) -> None:
    write(tmp_path / "x.jpg", picture(Metadata(text=(("Author", "Ada"), ("Software", "ours")))))
    with Image.open(tmp_path / "x.jpg") as image:
        assert image.getexif()[ExifTags.Base.Artist] == "Ada"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp", ".bmp"])
def test_metadata_too_long_for_the_format_is_no_error(tmp_path: Path, suffix: str) -> None:
    exif = exif_of()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = bytes(70_000)
    long = replace(FULL, exif=exif.tobytes(), xmp=b" " * 70_000, text=(("Comment", "a" * 70_000),))
    write(tmp_path / f"x{suffix}", picture(long))
    again = read(tmp_path / f"x{suffix}")
    assert (again.metadata.exif is None) == (suffix in (".jpg", ".bmp"))


def test_damaged_metadata_does_not_cost_the_picture(tmp_path: Path) -> None:
    for junk in (b"Exif\0\0junk", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(range(200))):
        Image.fromarray(PHOTO).save(tmp_path / "x.png", exif=junk, icc_profile=b"no profile")
        again = read(tmp_path / "x.png")
        np.testing.assert_array_equal(np.rint(again.pixels * 255), PHOTO)
        write(tmp_path / "y.jpg", again)


def test_a_file_without_metadata_has_none(tmp_path: Path) -> None:
    for suffix in (".png", ".webp", ".tif"):
        write(tmp_path / f"x{suffix}", picture(Metadata()))
        assert read(tmp_path / f"x{suffix}").metadata == Metadata()
