"""The table of tasks: one row per task -> network, what it undoes, weights.

Adding a task is adding a row. Sizes and hashes of the published files lie in ``published.json``.
"""

import json
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypedDict

from swinir.network import Attention, GroupConv, Head, Norm, SwinIRConfig

RELEASE = "https://github.com/JingyunLiang/SwinIR/releases/download/v0.0"
"""Where the published files of SwinIR are, without the closing slash."""

RELEASE_V2 = "https://github.com/mv-lab/swin2sr/releases/download/v0.0.1"
"""The same of Swin2SR."""

Source = Literal["ours", "official", "swin2sr"]
"""Where weights come from: this project, SwinIR's authors, Swin2SR's."""


class _Fact(TypedDict):
    bytes: int | None
    sha256: str | None


_FACTS: dict[str, _Fact] = json.loads(
    Path(__file__).with_name("published.json").read_text(encoding="utf-8")
)


@dataclass(frozen=True, slots=True)
class Bicubic:
    """A photograph shrunk by ``scale`` with MATLAB's bicubic."""

    scale: int


@dataclass(frozen=True, slots=True)
class GaussianNoise:
    """White Gaussian noise with standard deviation ``sigma``, in steps of 1/255."""

    sigma: float


@dataclass(frozen=True, slots=True)
class Jpeg:
    """JPEG compression at ``quality``, 1 to 100."""

    quality: int


@dataclass(frozen=True, slots=True)
class RealWorld:
    """Unknown blur, noise and compression, then shrinking by ``scale`` (BSRGAN's model)."""

    scale: int


@dataclass(frozen=True, slots=True)
class CompressedBicubic:
    """A photograph shrunk by ``scale`` with bicubic, then JPEG at ``quality`` (AIM 2022)."""

    scale: int
    quality: int


Degradation = Bicubic | GaussianNoise | Jpeg | RealWorld | CompressedBicubic


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A weights file that serves a task.

    Attributes:
        file: its name, unique among all checkpoints.
        source: trained by this project and shipped with it, or published by a paper's authors.
        bytes: published size; None where unknown and for our own, whose manifest holds it.
        sha256: published hash, None likewise.
        url: where to fetch it; None for our own.
        network: its configuration; None for our own, which hold theirs.
    """

    file: str
    source: Source
    bytes: int | None = None
    sha256: str | None = None
    url: str | None = None
    network: SwinIRConfig | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One thing the program can do.

    Attributes:
        name: what ``--task`` takes.
        title: a few words for people.
        network: configuration of the preferred published weights; others may differ.
        undoes: the degradation that the task reverses.
        checkpoints: weights that serve it: ours, official ones, Swin2SR's, in order of preference
            within each.
    """

    name: str
    title: str
    network: SwinIRConfig
    undoes: Degradation
    checkpoints: tuple[Checkpoint, ...]

    def from_source(self, source: str) -> tuple[Checkpoint, ...]:
        """The checkpoints of one `Source`, the preferred one first."""
        return tuple(entry for entry in self.checkpoints if entry.source == source)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where its weights come from; the first is taken where nobody names any."""
        return tuple(dict.fromkeys(entry.source for entry in self.checkpoints))

    @property
    def published(self) -> tuple[Checkpoint, ...]:
        """All checkpoints but ours."""
        return tuple(entry for entry in self.checkpoints if entry.source != "ours")


def _ours(file: str) -> tuple[Checkpoint, ...]:
    return (Checkpoint(file, "ours"),)


def _official(network: SwinIRConfig, *files: str) -> tuple[Checkpoint, ...]:
    return tuple(_published("official", RELEASE, network, file) for file in files)


def _swin2sr(file: str, network: SwinIRConfig) -> tuple[Checkpoint, ...]:
    return (_published("swin2sr", RELEASE_V2, network, file),)


def _published(source: Source, release: str, network: SwinIRConfig, file: str) -> Checkpoint:
    fact = _FACTS[f"{file}.pth"]
    url = f"{release}/{file}.pth"
    return Checkpoint(f"{file}.pth", source, fact["bytes"], fact["sha256"], url, network)


def _v2(network: SwinIRConfig) -> SwinIRConfig:
    return replace(network, attention=Attention.COSINE, norm=Norm.POST, projection=True)


def _classical(scale: int) -> SwinIRConfig:
    return SwinIRConfig(head=Head.PIXELSHUFFLE, scale=scale)


def _lightweight(scale: int) -> SwinIRConfig:
    groups = (6, 6, 6, 6)
    return SwinIRConfig(
        head=Head.PIXELSHUFFLE_DIRECT, scale=scale, embed_dim=60, depths=groups, num_heads=groups
    )


def _real(scale: int) -> SwinIRConfig:
    return SwinIRConfig(head=Head.NEAREST_CONV, scale=scale)


_NINE = {"embed_dim": 240, "depths": (6,) * 9, "num_heads": (8,) * 9}
_REAL_LARGE = replace(_real(4), group_conv=GroupConv.THREE, **_NINE)
_GREY = SwinIRConfig(head=Head.RESIDUAL, channels=1)
_COLOUR = SwinIRConfig(head=Head.RESIDUAL)
_GREY_JPEG = SwinIRConfig(head=Head.RESIDUAL, channels=1, window=7, img_range=255.0)
_COLOUR_JPEG = SwinIRConfig(head=Head.RESIDUAL, window=7, img_range=255.0)
_COMPRESSED = _v2(SwinIRConfig(head=Head.PIXELSHUFFLE_AUX, scale=4))

_OURS_COLOUR = _ours("color_dn.safetensors")
_OURS_GREY = _ours("gray_dn.safetensors")
_OURS_GREY_JPEG = _ours("jpeg.safetensors")
_OURS_COLOUR_JPEG = _ours("color_jpeg.safetensors")


def _ours_light(scale: int) -> tuple[Checkpoint, ...]:
    return _ours(f"light_sr_x{scale}.safetensors")


def _classical_files(scale: int) -> tuple[Checkpoint, ...]:
    return _official(
        _classical(scale),
        f"001_classicalSR_DF2K_s64w8_SwinIR-M_x{scale}",
        f"001_classicalSR_DIV2K_s48w8_SwinIR-M_x{scale}",
    )


def _light_files(scale: int) -> tuple[Checkpoint, ...]:
    return _official(_lightweight(scale), f"002_lightweightSR_DIV2K_s64w8_SwinIR-S_x{scale}")


def _real_files(network: SwinIRConfig, stem: str) -> tuple[Checkpoint, ...]:
    return _official(network, f"003_realSR_{stem}_GAN", f"003_realSR_{stem}_PSNR")


def _noise_files(network: SwinIRConfig, kind: str, sigma: int) -> tuple[Checkpoint, ...]:
    return _official(network, f"{kind}_DFWB_s128w8_SwinIR-M_noise{sigma}")


def _jpeg_files(quality: int) -> tuple[Checkpoint, ...]:
    file = f"006_CAR_DFWB_s126w7_SwinIR-M_jpeg{quality}"
    # One file of Swin2SR's is for every quality.
    return _official(_GREY_JPEG, file) + _swin2sr("Swin2SR_Jpeg_dynamic", _v2(_GREY_JPEG))


def _colour_jpeg_files(quality: int) -> tuple[Checkpoint, ...]:
    return _official(_COLOUR_JPEG, f"006_colorCAR_DFWB_s126w7_SwinIR-M_jpeg{quality}")


_CLASSICAL_V2_X2 = _swin2sr("Swin2SR_ClassicalSR_X2_64", _v2(_classical(2)))
_CLASSICAL_V2_X4 = _swin2sr("Swin2SR_ClassicalSR_X4_64", _v2(_classical(4)))
_LIGHT_V2 = _swin2sr("Swin2SR_Lightweight_X2_64", _v2(_lightweight(2)))
_REAL_V2 = _swin2sr("Swin2SR_RealworldSR_X4_64_BSRGAN_PSNR", _v2(_real(4)))


# fmt: off
_ROWS = (
    Task("sr_x2", "Super-resolution x2", _classical(2), Bicubic(2),
         _ours_light(2) + _classical_files(2) + _CLASSICAL_V2_X2),
    Task("sr_x3", "Super-resolution x3", _classical(3), Bicubic(3),
         _ours_light(3) + _classical_files(3)),
    Task("sr_x4", "Super-resolution x4", _classical(4), Bicubic(4),
         _ours_light(4) + _classical_files(4) + _CLASSICAL_V2_X4),
    Task("sr_x8", "Super-resolution x8", _classical(8), Bicubic(8), _classical_files(8)),
    Task("light_sr_x2", "Lightweight super-resolution x2", _lightweight(2), Bicubic(2),
         _ours_light(2) + _light_files(2) + _LIGHT_V2),
    Task("light_sr_x3", "Lightweight super-resolution x3", _lightweight(3), Bicubic(3),
         _ours_light(3) + _light_files(3)),
    Task("light_sr_x4", "Lightweight super-resolution x4", _lightweight(4), Bicubic(4),
         _ours_light(4) + _light_files(4)),
    Task("real_sr_x2", "Real-world super-resolution x2", _real(2), RealWorld(2),
         _real_files(_real(2), "BSRGAN_DFO_s64w8_SwinIR-M_x2")),
    Task("real_sr_x4", "Real-world super-resolution x4", _real(4), RealWorld(4),
         _ours("real_sr_x4.safetensors")
         + _real_files(_real(4), "BSRGAN_DFO_s64w8_SwinIR-M_x4") + _REAL_V2),
    Task("real_sr_x4_large", "Real-world super-resolution x4, large", _REAL_LARGE, RealWorld(4),
         _real_files(_REAL_LARGE, "BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4")),
    Task("compressed_sr_x4", "Super-resolution x4 of JPEGs", _COMPRESSED, CompressedBicubic(4, 10),
         _swin2sr("Swin2SR_CompressedSR_X4_48", _COMPRESSED)),
    Task("gray_dn_15", "Grey denoising, sigma 15", _GREY, GaussianNoise(15),
         _OURS_GREY + _noise_files(_GREY, "004_grayDN", 15)),
    Task("gray_dn_25", "Grey denoising, sigma 25", _GREY, GaussianNoise(25),
         _OURS_GREY + _noise_files(_GREY, "004_grayDN", 25)),
    Task("gray_dn_50", "Grey denoising, sigma 50", _GREY, GaussianNoise(50),
         _OURS_GREY + _noise_files(_GREY, "004_grayDN", 50)),
    Task("color_dn_15", "Colour denoising, sigma 15", _COLOUR, GaussianNoise(15),
         _OURS_COLOUR + _noise_files(_COLOUR, "005_colorDN", 15)),
    Task("color_dn_25", "Colour denoising, sigma 25", _COLOUR, GaussianNoise(25),
         _OURS_COLOUR + _noise_files(_COLOUR, "005_colorDN", 25)),
    Task("color_dn_50", "Colour denoising, sigma 50", _COLOUR, GaussianNoise(50),
         _OURS_COLOUR + _noise_files(_COLOUR, "005_colorDN", 50)),
    Task("jpeg_10", "Grey JPEG, quality 10", _GREY_JPEG, Jpeg(10),
         _OURS_GREY_JPEG + _jpeg_files(10)),
    Task("jpeg_20", "Grey JPEG, quality 20", _GREY_JPEG, Jpeg(20),
         _OURS_GREY_JPEG + _jpeg_files(20)),
    Task("jpeg_30", "Grey JPEG, quality 30", _GREY_JPEG, Jpeg(30),
         _OURS_GREY_JPEG + _jpeg_files(30)),
    Task("jpeg_40", "Grey JPEG, quality 40", _GREY_JPEG, Jpeg(40),
         _OURS_GREY_JPEG + _jpeg_files(40)),
    Task("color_jpeg_10", "Colour JPEG, quality 10", _COLOUR_JPEG, Jpeg(10),
         _OURS_COLOUR_JPEG + _colour_jpeg_files(10)),
    Task("color_jpeg_20", "Colour JPEG, quality 20", _COLOUR_JPEG, Jpeg(20),
         _OURS_COLOUR_JPEG + _colour_jpeg_files(20)),
    Task("color_jpeg_30", "Colour JPEG, quality 30", _COLOUR_JPEG, Jpeg(30),
         _OURS_COLOUR_JPEG + _colour_jpeg_files(30)),
    Task("color_jpeg_40", "Colour JPEG, quality 40", _COLOUR_JPEG, Jpeg(40),
         _OURS_COLOUR_JPEG + _colour_jpeg_files(40)),
)
# fmt: on

TASKS: dict[str, Task] = {row.name: row for row in _ROWS}
"""Every task by name, in the order in which to list them."""

PUBLISHED: dict[str, Task] = {it.file: row for row in reversed(_ROWS) for it in row.published}
"""A task of every published file, the first of several, by file name."""

_FILES = [entry for task in _ROWS for entry in task.published]

ADDRESSES: dict[str, str] = {entry.file: entry.url for entry in _FILES if entry.url}
"""Where every published file is, by its name."""

NETWORKS: dict[str, SwinIRConfig] = {it.file: it.network for it in _FILES if it.network}
"""The configuration of every published file, by its name."""


def find_task(name: str) -> Task:
    """The task called ``name``.

    Raises:
        ValueError: there is none; the line names the nearest.
    """
    if name in TASKS:
        return TASKS[name]
    near = get_close_matches(name, TASKS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the tasks are {', '.join(TASKS)}"
    raise ValueError(f"there is no task {name!r}; {hint}")
