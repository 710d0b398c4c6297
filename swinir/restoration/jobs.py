"""Which pictures of a folder are to be restored, and where the results go."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from swinir.images.files import WRITABLE, find_images
from swinir.lines import one_line


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to restore.

    Attributes:
        source: where it is.
        target: where the result goes.
        problem: why there is nothing to restore, for a folder that cannot be listed.
    """

    source: Path
    target: Path
    problem: str = ""


def plan(source: Path, output: Path, suffix: str, *, skip_existing: bool = False) -> list[Job]:
    """The jobs for a file or a folder, whose sub-folders the output mirrors.

    ``suffix`` is the results' (".png"); empty keeps each file's own where it can be written.
    Pictures that lie in an output folder within the source folder are results, not sources. Where
    two sources would make one result (a.jpg and a.png), both keep the old suffix in their names.
    A sub-folder that cannot be listed is a job with a problem. ``skip_existing`` says that results
    which are there will be left alone.

    Raises:
        ValueError: nothing there, no picture in it, or a result would replace a source, or
            another file beside a single source.
        OSError: a source folder that cannot be listed.
    """
    if source.is_file():
        jobs = [Job(source, output / _renamed(Path(source.name), suffix))]
    elif source.is_dir():
        jobs = _plan_folder(source, output, suffix)
    else:
        raise ValueError(f"{source}: a folder or an image file is needed, there is none")
    sources = {_real(job.source) for job in jobs}
    for job in jobs:
        if _real(job.target) in sources and not job.problem:
            raise ValueError(
                f"{job.source}: the result would replace {job.target}, which is to be restored; "
                "give another folder with --output"
            )
    beside = source.is_file() and _real(output) == _real(source.parent)
    if beside and not skip_existing and os.path.lexists(jobs[0].target):
        raise ValueError(
            f"{source}: the result would replace {jobs[0].target}, which lies beside it; "
            "give another folder with --output"
        )
    return jobs


def _plan_folder(source: Path, output: Path, suffix: str) -> list[Job]:
    root, inside = _real(source), _real(output)
    if inside == root:
        # The next run would take the results for pictures to restore.
        raise ValueError(f"{output}: results would lie among their sources; give another --output")
    closed: dict[Path, OSError] = {}
    files = find_images(source, unreadable=closed.__setitem__)
    if root in inside.parents:
        files = [path for path in files if inside not in _real(path).parents]
        closed = {path: closed[path] for path in closed if not _real(path).is_relative_to(inside)}
    if not files:
        for error in closed.values():
            raise error
        raise ValueError(f"{source}: no image files in this folder")
    names = result_names([path.relative_to(source) for path in files], suffix)
    problems = [
        Job(path, output / path.relative_to(source), f"the folder cannot be listed ({reason})")
        for path, error in closed.items()
        for reason in [one_line(error, path)]
    ]
    return [Job(path, output / name) for path, name in zip(files, names, strict=True)] + problems


def _real(path: Path) -> Path:
    # Path.resolve raises a RuntimeError for a link to itself.
    return Path(os.path.realpath(path))


def result_names(sources: Sequence[Path], suffix: str) -> list[Path]:
    """A name for each result; no two are one file, even on a disk that ignores case.

    ``suffix`` is theirs; empty keeps each source's own where it can be written.
    """
    names = [_renamed(source, suffix) for source in sources]
    claims = Counter(_folded(name) for name in names)
    taken = {name for name, count in claims.items() if count == 1}
    for at, (source, name) in enumerate(zip(sources, names, strict=True)):
        if claims[_folded(name)] > 1:
            names[at] = next(it for it in _alternatives(source, name) if _folded(it) not in taken)
            taken.add(_folded(names[at]))
    return names


def _folded(name: Path) -> str:
    return str(name).casefold()


def _renamed(name: Path, suffix: str) -> Path:
    # What is read but never written, as GIF, or has no suffix becomes a PNG.
    own = name.suffix if name.suffix.lower() in WRITABLE else ".png"
    return name.with_suffix(suffix or own)


def _alternatives(source: Path, name: Path) -> Iterator[Path]:
    stem = "_".join(filter(None, (source.stem, source.suffix[1:].lower())))
    yield name.with_name(f"{stem}{name.suffix}")
    for number in count(2):
        yield name.with_name(f"{stem}_{number}{name.suffix}")
