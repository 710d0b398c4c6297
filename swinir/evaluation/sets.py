"""Benchmark sets on disk: folders of truths, with or without the images to restore beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swinir.evaluation.pairing import find_truth
from swinir.images.files import find_images
from swinir.lines import one_line, printable

TRUTHS = ("HR", "GTmod12", "GT", "original")
"""What the folder of truths is called in the sets that go around."""

DEGRADED = ("LRx{0}", "X{0}", "x{0}", "LR_bicubic/X{0}", "LRbicx{0}")
"""What the folder of low-resolution images beside it is called, for scale {0}."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A truth, and the file of the image to restore; None where that is to be made of the truth."""

    truth: Path
    degraded: Path | None = None


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A set of a benchmark.

    Attributes:
        name: as tables call it, which is what its folder is called.
        samples: its images in natural order.
        problems: files that were left out, each with its reason in one line.
    """

    name: str
    samples: tuple[Sample, ...]
    problems: tuple[str, ...] = ()


def find_sets(folder: Path, scale: int) -> list[ImageSet]:
    """The sets in a folder: one that is itself a set, or holds several, each in its own folder.

    A set is a folder of truths (see `TRUTHS`) or of nothing but images. For ``scale`` above 1 the
    low-resolution images are taken from a folder beside the truths where there is one (see
    `DEGRADED`), and left to be made of them elsewhere. Of several sets one that cannot be used has
    no samples but a problem, as have others for each folder that cannot be listed.

    Raises:
        ValueError: no image in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: a folder with a benchmark set is needed, there is none")
    single = _as_set(folder, scale)
    inner = sorted(path for path in folder.iterdir() if path.is_dir()) if not single else []
    sets = [single] if single else [it for path in inner if (it := _one_of_several(path, scale))]
    if not any(each.samples for each in sets):
        for problem in (problem for each in sets for problem in each.problems):
            raise ValueError(problem)
        raise ValueError(
            f"{folder}: no benchmark set; it holds images, or a folder {' or '.join(TRUTHS)} "
            "with images, or folders of that kind"
        )
    return sets


def pair_folders(degraded: Path, truth: Path, scale: int) -> ImageSet:
    """Images to restore and their truths from two folders, paired by name as by `find_truth`.

    Raises:
        ValueError: a folder without images, or no pair among them.
    """
    truths, problems = _images(truth)
    return _pair(degraded, truths, scale, degraded.resolve().name, problems)


def _pair(
    degraded: Path, truths: Sequence[Path], scale: int, name: str, problems: Sequence[str]
) -> ImageSet:
    sources, closed = _images(degraded)
    samples: list[Sample] = []
    problems = [*problems, *closed]
    for source in sources:
        try:
            samples.append(Sample(find_truth(source, truths, scale), source))
        except ValueError as error:
            problems.append(str(error))
    if not samples:
        raise ValueError(
            f"{degraded}: no image here has its truth in {truths[0].parent}; "
            f"their names must agree, as in baby{f'x{scale}' if scale > 1 else ''}.png and baby.png"
        )
    used = {sample.truth for sample in samples}
    problems += [
        f"{path}: no image to restore for it in {degraded}" for path in truths if path not in used
    ]
    return ImageSet(printable(name), tuple(samples), tuple(problems))


def _search(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """The images in a folder, and a line for each folder in it that cannot be listed."""
    closed: dict[Path, str] = {}

    def note(path: Path, error: OSError) -> None:
        closed[path] = f"{path}: the folder cannot be listed ({one_line(error, path)})"

    return (find_images(folder, unreadable=note) if _is_folder(folder) else []), closed


def _images(folder: Path) -> tuple[list[Path], list[str]]:
    """As `_search`, where there must be images."""
    found, closed = _search(folder)
    if not found:
        none = f"{folder}: a folder with images is needed, there are none"
        raise ValueError(next(iter(closed.values()), none))
    return found, list(closed.values())


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # It lies in a folder that is closed to us.
        return False


def _one_of_several(folder: Path, scale: int) -> ImageSet | None:
    try:
        return _as_set(folder, scale)
    except ValueError as error:
        return ImageSet(printable(folder.name), (), (str(error),))


def _as_set(folder: Path, scale: int) -> ImageSet | None:
    inside = next((folder / name for name in TRUTHS if _is_folder(folder / name)), None)
    truths, closed = _search(inside or folder)
    name, beside = folder.resolve().name, folder
    if folder.name in TRUTHS and not inside:
        name, beside = folder.resolve().parent.name, folder.parent
    elif not inside:
        # Only what lies in it: folders within may hold the low-resolution images.
        truths = [path for path in truths if path.parent == folder]
        closed = {path: line for path, line in closed.items() if path == folder}
    problems = list(closed.values())
    if not truths:
        for problem in problems:
            raise ValueError(problem)
        return None
    places = (beside / pattern.format(scale) for pattern in DEGRADED) if scale > 1 else ()
    given = next((place for place in places if _is_folder(place)), None)
    if given:
        return _pair(given, truths, scale, name, problems)
    return ImageSet(printable(name), tuple(map(Sample, truths)), tuple(problems))
